/* Whole programs on the simulated network, through the public calls: what a user of wharf/sim.h is promised. */
#include "scenario.h"

#include <errno.h>
#include <sys/socket.h>

#include "sched/engine.h"
#include "sched/sched.h"

enum { ECHO_BYTES = 5000, LATENCY_NS = 50000 };

static wharf_sock listen_on(const char *where, char *ret_address) {
    wharf_sock listener = wharf_serve_on(where);
    if (!wharf_failed(listener)) {
        (void)wharf_local_address(listener, ret_address, WHARF_ADDRESS_SIZE);
    }
    return listener;
}

/* ---- an echo server and its client, which clean up after any failure ---- */

static int echo_client_of(void *arg) {
    wharf_sock client = *(wharf_sock *)arg;
    char bytes[700];
    ssize_t got = wharf_recv(client, bytes, sizeof(bytes));
    while (got > 0) {
        ssize_t sent = wharf_send(client, bytes, (size_t)got);
        got = sent < 0 ? sent : wharf_recv(client, bytes, sizeof(bytes));
    }
    (void)wharf_close(client);
    return 0;
}

static int echo_server(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    WHARF_SCOPE (scope, NULL) {
        wharf_sock client = wharf_accept(listener);
        while (!wharf_failed(client)) {
            if (wharf_go(scope, echo_client_of, client) < 0) {
                (void)wharf_close(client);
            }
            client = wharf_accept(listener);
        }
    }
    (void)wharf_close(listener);
    return 0;
}

static char pattern_at(size_t i) {
    return (char)(i * 31 + i / 251);
}

static int echo_sender(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    static char bytes[ECHO_BYTES];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = pattern_at(i);
    }
    ssize_t sent = wharf_send(sock, bytes, sizeof(bytes));
    if (sent < 0) {
        return (int)sent;
    }
    return wharf_shutdown_write(sock);
}

/* Every byte comes back in its place, then the end. */
static int echo_receiver(wharf_sock sock) {
    size_t received = 0;
    char bytes[512];
    for (;;) {
        ssize_t got = wharf_recv(sock, bytes, sizeof(bytes));
        if (got < 0) {
            return (int)got;
        }
        if (got == 0) {
            return received == ECHO_BYTES ? 0 : -WHARF_EEOF;
        }
        for (ssize_t i = 0; i < got; i++) {
            EXPECT(bytes[i] == pattern_at(received + (size_t)i));
        }
        received += (size_t)got;
    }
}

static int echo_once(const char *address) {
    wharf_sock sock = wharf_dial(address);
    if (wharf_failed(sock)) {
        return wharf_error(sock);
    }
    int sender = 0, receiver = 0;
    WHARF_SCOPE (scope, &sender) {
        receiver = wharf_go(scope, echo_sender, sock);
        if (receiver == 0) {
            receiver = echo_receiver(sock);
        }
        if (receiver < 0) {
            (void)wharf_scope_cancel(scope);
        }
    }
    (void)wharf_close(sock);
    return receiver < 0 ? receiver : sender;
}

static int echo_on(const char *where) {
    char address[WHARF_ADDRESS_SIZE] = "";
    wharf_sock listener = listen_on(where, address);
    if (wharf_failed(listener)) {
        return wharf_error(listener);
    }
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    int result = wharf_go(&scope, echo_server, listener);
    if (result < 0) {
        (void)wharf_close(listener);
    } else {
        result = echo_once(address);
    }
    wharf_scope_abandon(&scope);
    /* Already closed by the server, if that came to run. */
    (void)wharf_close(listener);
    return result;
}

static int echo_v4(void *arg) {
    (void)arg;
    return echo_on("127.0.0.1:0");
}

static int echo_v6(void *arg) {
    (void)arg;
    return echo_on("[::1]:0");
}

static int echo_localhost(void *arg) {
    (void)arg;
    return echo_on("localhost:0");
}

static int echo_unix(void *arg) {
    (void)arg;
    return echo_on("unix:@echo");
}

static void bytes_come_back_however_they_are_split(void **state) {
    (void)state;
    static const size_t pieces[] = {0, 1, 2, 3, 7, 64, 511, 512, 513, 4096};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        for (uint64_t seed = 0; seed < 10; seed++) {
            (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .piece_bytes_max = pieces[i],
                                             .stream_bytes = 1000),
                               echo_v4);
        }
    }
}

static void bytes_come_back_at_any_distance(void **state) {
    (void)state;
    static const int64_t latencies[] = {WHARF_OFF, 1, 1000, INT64_C(20000000000)};
    for (size_t i = 0; i < sizeof(latencies) / sizeof(latencies[0]); i++) {
        for (uint64_t seed = 0; seed < 10; seed++) {
            wharf_sim_report report = scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed,
                                                                 .piece_bytes_max = 600, .stream_bytes = 1000,
                                                                 .latency_ns = latencies[i]),
                                                   echo_v4);
            assert_true(latencies[i] > 0 ? report.virtual_ns >= 3 * latencies[i]
                                         : report.virtual_ns < 1000000);
        }
    }
}

static void every_family_echoes(void **state) {
    (void)state;
    scenario_run_seeds(echo_v6);
    scenario_run_seeds(echo_localhost);
    scenario_run_seeds(echo_unix);
}

static void the_same_seed_gives_the_same_run(void **state) {
    (void)state;
    uint64_t last = 0;
    for (uint64_t seed = 1; seed < 20; seed++) {
        const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = seed,
                                                         .piece_bytes_max = 100);
        wharf_sim_report first = scenario_run(options, echo_v4);
        wharf_sim_report again = scenario_run(options, echo_v4);
        assert_true(first.trace == again.trace);
        assert_true(first.virtual_ns == again.virtual_ns && first.checkpoints == again.checkpoints);
        assert_true(first.allocations == again.allocations);
        assert_true(first.trace != last);
        last = first.trace;
    }
}

/* ---- faults at every point ---- */

static void cancelling_anywhere_leaves_nothing(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        wharf_sim_options options = {.size = sizeof(options), .seed = seed, .stream_bytes = 1500};
        assert_true(scenario_sweep(WHARF_TEST_CANCEL, &options, echo_v4) > 10);
    }
}

static void expiring_anywhere_leaves_nothing(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        wharf_sim_options options = {.size = sizeof(options), .seed = seed, .stream_bytes = 1500};
        assert_true(scenario_sweep(WHARF_TEST_EXPIRE, &options, echo_v4) > 10);
    }
}

static void running_out_of_memory_anywhere_leaves_nothing(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        wharf_sim_options options = {.size = sizeof(options), .seed = seed, .stream_bytes = 1500};
        assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, &options, echo_v4) > 10);
    }
}

static void a_reset_at_any_byte_leaves_nothing(void **state) {
    (void)state;
    for (uint64_t byte = 1; byte <= ECHO_BYTES; byte += 97) {
        wharf_sim_options options = {
            .size = sizeof(options), .seed = byte, .piece_bytes_max = 300, .reset_at_byte = byte};
        wharf_sim_report report;
        int result = wharf_sim_run_report(&options, echo_v4, NULL, &report);
        assert_true(result == -ECONNRESET || result == -EPIPE || result == -WHARF_EEOF ||
                    result == -ECANCELED);
        scenario_assert_clean(&options, result, &report);
    }
}

/* ---- meeting ---- */

static int refused(void *arg) {
    (void)arg;
    int64_t before = wharf_now_ns();
    wharf_sock sock = wharf_dial("127.0.0.1:1");
    EXPECT(wharf_error(sock) == -ECONNREFUSED);
    EXPECT(wharf_now_ns() - before == 2 * LATENCY_NS); /* there and back */
    EXPECT(strstr(wharf_why(), "ECONNREFUSED") != NULL);
    return 0;
}

static void a_connection_to_nobody_is_refused(void **state) {
    (void)state;
    scenario_run_seeds(refused);
}

struct conversation {
    wharf_sock client, server;
};

static int dial_it(void *arg) {
    struct conversation *conversation = *(struct conversation **)arg;
    char address[WHARF_ADDRESS_SIZE];
    (void)wharf_local_address(conversation->server, address, sizeof(address));
    conversation->client = wharf_dial(address);
    return wharf_error(conversation->client);
}

/* A connected pair. */
static struct conversation converse(void) {
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    struct conversation conversation = {.server = listener};
    struct conversation *at = &conversation;
    wharf_sock server = {-1};
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, dial_it, at) == 0);
        server = wharf_accept(listener);
    }
    EXPECT(wharf_close(listener) == 0);
    conversation.server = server;
    EXPECT(!wharf_failed(conversation.client) && !wharf_failed(server));
    return conversation;
}

static int addresses(void *arg) {
    (void)arg;
    struct conversation pair = converse();
    char near[WHARF_ADDRESS_SIZE], far[WHARF_ADDRESS_SIZE];
    EXPECT(wharf_local_address(pair.client, near, sizeof(near)) > 0);
    EXPECT(wharf_peer_address(pair.server, far, sizeof(far)) > 0);
    EXPECT(strcmp(near, far) == 0 && strncmp(near, "127.0.0.1:", 10) == 0);
    int64_t nodelay = 0;
    EXPECT(wharf_get_option(pair.server, "nodelay", &nodelay) == 0 && nodelay == 1);
    EXPECT(wharf_set_option(pair.server, "keepalive_idle", 5) == 0);
    EXPECT(wharf_get_option(pair.server, "keepalive_idle", &nodelay) == 0 && nodelay == 5);
    EXPECT(wharf_set_option(pair.server, "nonsense", 5) == -ENOPROTOOPT);
    EXPECT(wharf_close(pair.client) == 0 && wharf_close(pair.server) == 0);
    return wharf_sleep(5000);
}

static void ends_have_addresses_and_options(void **state) {
    (void)state;
    scenario_run_seeds(addresses);
}

/* A client has connected, but the number that its connection needs comes free only after five seconds. */
static int late_accept(void *arg) {
    (void)arg;
    char address[WHARF_ADDRESS_SIZE];
    wharf_sock listener = listen_on("127.0.0.1:0", address);
    wharf_sock client = wharf_dial(address);
    wharf_sock holder = wharf_socket("tcp");
    EXPECT(!wharf_failed(client) && !wharf_failed(holder));
    EXPECT(wharf_error(wharf_socket("tcp")) == -EMFILE);
    WHARF_WITHIN (5000) {
        EXPECT(wharf_error(wharf_accept(listener)) == -ETIMEDOUT);
    }
    EXPECT(wharf_close(holder) == 0);
    wharf_sock server = wharf_accept(listener);
    EXPECT(!wharf_failed(server));
    EXPECT(wharf_close(server) == 0 && wharf_close(client) == 0 && wharf_close(listener) == 0);
    return 0;
}

static void accept_waits_while_there_are_no_descriptors(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SCENARIO_SEEDS; seed++) {
        wharf_sim_report report = scenario_run(
            WHARF_OPTIONS(wharf_sim_options, .seed = seed, .sockets_max = 3), late_accept);
        assert_true(report.checkpoints < 50);
    }
}

/* ---- bytes ---- */

static int half_close(void *arg) {
    (void)arg;
    struct conversation pair = converse();
    char bytes[16];
    EXPECT(wharf_send(pair.client, "question", 8) == 8);
    EXPECT(wharf_shutdown_write(pair.client) == 0);
    EXPECT(wharf_recv_exact(pair.server, bytes, 8) == 8 && memcmp(bytes, "question", 8) == 0);
    EXPECT(wharf_recv(pair.server, bytes, sizeof(bytes)) == 0);
    EXPECT(wharf_recv(pair.server, bytes, sizeof(bytes)) == 0);
    EXPECT(wharf_send(pair.server, "answer", 6) == 6);
    EXPECT(wharf_close(pair.server) == 0);
    EXPECT(wharf_recv_exact(pair.client, bytes, 6) == 6 && memcmp(bytes, "answer", 6) == 0);
    EXPECT(wharf_recv(pair.client, bytes, sizeof(bytes)) == 0);
    EXPECT(wharf_close(pair.client) == 0);
    return 0;
}

static void each_direction_ends_by_itself(void **state) {
    (void)state;
    scenario_run_seeds(half_close);
}

static int reset(void *arg) {
    (void)arg;
    struct conversation pair = converse();
    char bytes[16];
    EXPECT(wharf_send(pair.client, "last words", 10) == 10);
    EXPECT(wharf_sleep(1) == 0);
    EXPECT(wharf_abort(pair.client) == 0);
    EXPECT(wharf_sleep(1) == 0);
    EXPECT(wharf_recv_exact(pair.server, bytes, 10) == 10);
    EXPECT(wharf_recv(pair.server, bytes, sizeof(bytes)) == -ECONNRESET);
    EXPECT(wharf_send(pair.server, "x", 1) == -EPIPE);
    EXPECT(wharf_close(pair.server) == 0);
    return 0;
}

static void a_reset_is_seen_after_the_bytes_that_came_first(void **state) {
    (void)state;
    scenario_run_seeds(reset);
}

static int vanished_reader(void *arg) {
    (void)arg;
    struct conversation pair = converse();
    static const char bytes[1000];
    EXPECT(wharf_abort(pair.server) == 0);
    ssize_t sent = 0;
    for (int i = 0; i < 1000 && sent >= 0; i++) {
        sent = wharf_send(pair.client, bytes, sizeof(bytes));
    }
    EXPECT(sent == -ECONNRESET || sent == -EPIPE);
    EXPECT(wharf_close(pair.client) == 0);
    return 0;
}

static void a_sender_whose_reader_vanished_is_told(void **state) {
    (void)state;
    scenario_run_seeds(vanished_reader);
}

static int sends_done;
static int send_much(void *arg) {
    static const char bytes[1000];
    for (sends_done = 0; sends_done < 100; sends_done++) {
        ssize_t sent = wharf_send(*(wharf_sock *)arg, bytes, sizeof(bytes));
        if (sent < 0) {
            return (int)sent;
        }
    }
    return 0;
}

static int back_pressure(void *arg) {
    (void)arg;
    struct conversation pair = converse();
    static char bytes[100000];
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, send_much, pair.client) == 0);
        EXPECT(wharf_sleep(60000) == 0);
        EXPECT(sends_done == 4);
        EXPECT(wharf_recv_exact(pair.server, bytes, 10000) == 10000);
        EXPECT(wharf_sleep(60000) == 0);
        EXPECT(sends_done >= 14 && sends_done < 40);
        EXPECT(wharf_recv_exact(pair.server, bytes, 90000) == 90000);
    }
    EXPECT(wharf_close(pair.client) == 0 && wharf_close(pair.server) == 0);
    return 0;
}

static void a_sender_waits_for_its_reader(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SCENARIO_SEEDS; seed++) {
        (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .stream_bytes = 4096),
                           back_pressure);
    }
}

/* ---- deadlines and closing ---- */

static int timeouts(void *arg) {
    (void)arg;
    struct conversation pair = converse();
    char bytes[16];
    EXPECT(wharf_send(pair.client, "abc", 3) == 3);
    WHARF_WITHIN (1000) {
        EXPECT(wharf_recv_exact(pair.server, bytes, 6) == -ETIMEDOUT);
    }
    EXPECT(wharf_send(pair.client, "def", 3) == 3);
    EXPECT(wharf_recv_exact(pair.server, bytes, 6) == 6 && memcmp(bytes, "abcdef", 6) == 0);
    EXPECT(wharf_close(pair.client) == 0 && wharf_close(pair.server) == 0);
    return 0;
}

static void a_timeout_damages_no_stream(void **state) {
    (void)state;
    scenario_run_seeds(timeouts);
}

static int arrival_at_the_deadline(void *arg) {
    (void)arg;
    struct conversation pair = converse();
    char bytes[4];
    EXPECT(wharf_send(pair.client, "now", 3) == 3);
    WHARF_WITHIN (20) {
        EXPECT(wharf_recv(pair.server, bytes, sizeof(bytes)) == 3);
        EXPECT(wharf_recv(pair.server, bytes, sizeof(bytes)) == -ETIMEDOUT);
    }
    EXPECT(wharf_close(pair.client) == 0 && wharf_close(pair.server) == 0);
    return 0;
}

static void bytes_that_arrive_with_the_deadline_are_received(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SCENARIO_SEEDS; seed++) {
        (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .latency_ns = 20 * 1000000),
                           arrival_at_the_deadline);
    }
}

static int receive_cancelled(void *arg) {
    char byte;
    EXPECT(wharf_recv(*(wharf_sock *)arg, &byte, 1) == -ECANCELED);
    EXPECT(wharf_recv(*(wharf_sock *)arg, &byte, 1) == -EBADF);
    return 0;
}

static int accept_cancelled(void *arg) {
    wharf_sock sock = wharf_accept(*(wharf_sock *)arg);
    EXPECT(wharf_error(sock) == -ECANCELED);
    return 0;
}

static int closing_wakes(void *arg) {
    (void)arg;
    struct conversation pair = converse();
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, receive_cancelled, pair.server) == 0);
        EXPECT(wharf_go(scope, accept_cancelled, listener) == 0);
        EXPECT(wharf_sleep(10) == 0);
        EXPECT(wharf_close(pair.server) == 0 && wharf_close(listener) == 0);
        EXPECT(wharf_close(pair.server) == -EBADF);
    }
    EXPECT(wharf_close(pair.client) == 0);
    return 0;
}

static void a_close_wakes_who_waits(void **state) {
    (void)state;
    scenario_run_seeds(closing_wakes);
}

/* Each connection carries its own letter; numbers of descriptors come back at once. */
static int letter_client(void *arg) {
    const char *address = *(const char **)arg;
    for (int round = 0; round < 10; round++) {
        char letter = (char)('a' + wharf_now_ns() % 26), got[8];
        wharf_sock sock = wharf_dial(address);
        if (wharf_failed(sock)) {
            return wharf_error(sock);
        }
        EXPECT(wharf_send(sock, &letter, 1) == 1);
        if (round % 3 == 0) {
            EXPECT(wharf_abort(sock) == 0);
            continue;
        }
        ssize_t n = wharf_recv(sock, got, sizeof(got));
        EXPECT(n == 1 && got[0] == letter);
        EXPECT(wharf_close(sock) == 0);
        EXPECT(wharf_sleep(round) == 0);
    }
    return 0;
}

static int reuse_storm(void *arg) {
    (void)arg;
    char address[WHARF_ADDRESS_SIZE];
    const char *address_at = address;
    wharf_sock listener = listen_on("127.0.0.1:0", address);
    wharf_scope server;
    wharf_scope_open(&server, NULL);
    EXPECT(wharf_go(&server, echo_server, listener) == 0);
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < 10; i++) {
            EXPECT(wharf_go(scope, letter_client, address_at) == 0);
        }
    }
    wharf_scope_abandon(&server);
    return result;
}

static void no_byte_goes_to_another_connection(void **state) {
    (void)state;
    scenario_run_seeds(reuse_storm);
}

/* ---- the account ---- */

static int nobody_comes(void *arg) {
    (void)arg;
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    wharf_sock sock = wharf_accept(listener);
    EXPECT(wharf_error(sock) == -ECANCELED);
    EXPECT(wharf_close(listener) == 0);
    return 0;
}

static void waiting_for_nobody_is_a_deadlock(void **state) {
    (void)state;
    wharf_sim_report report;
    wharf_sim_options options = {.size = sizeof(options)};
    assert_int_equal(wharf_sim_run_report(&options, nobody_comes, NULL, &report), -WHARF_EDEADLOCK);
    scenario_assert_clean(&options, 0, &report);
}

static int leaves_a_socket(void *arg) {
    (void)arg;
    return sched_engine()->socket(sched_current(), AF_INET, SOCK_STREAM) < 0 ? -EIO : 0;
}

static void a_socket_that_was_not_closed_is_counted(void **state) {
    (void)state;
    wharf_sim_report report;
    assert_int_equal(wharf_sim_run_report(NULL, leaves_a_socket, NULL, &report), 0);
    assert_int_equal(report.sockets_left, 1);
    assert_int_equal(report.blocks_left, 0);
}

static int fails(void *arg) {
    return *(int *)arg;
}

static void the_result_is_the_scenario_s(void **state) {
    (void)state;
    int code = -EIO;
    assert_int_equal(wharf_sim_run(NULL, fails, &code), -EIO);
    code = 7;
    assert_int_equal(wharf_sim_run(NULL, fails, &code), 7);
}

static void refuses_to_run_nonsense(void **state) {
    (void)state;
    int code = 0;
    wharf_sim_options without_size = {0};
    assert_int_equal(wharf_sim_run(NULL, NULL, NULL), -EINVAL);
    assert_int_equal(wharf_sim_run(&without_size, fails, &code), -EINVAL);
    assert_int_equal(wharf_sim_run(WHARF_OPTIONS(wharf_sim_options, .latency_ns = -5), fails, &code),
                     -EINVAL);
}

static int world_within(void *arg) {
    (void)arg;
    int64_t before = wharf_now_ns();
    wharf_sim_report report;
    EXPECT(wharf_sleep(123) == 0);
    EXPECT(wharf_sim_run_report(WHARF_OPTIONS(wharf_sim_options, .seed = 3), echo_v4, NULL, &report) == 0);
    EXPECT(report.virtual_ns > 0);
    EXPECT(wharf_now_ns() - before == 123 * INT64_C(1000000));
    EXPECT(echo_v4(NULL) == 0);
    return 0;
}

static int world_within_a_task(void *arg) {
    (void)arg;
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        EXPECT(wharf_go(scope, world_within, 0) == 0);
        EXPECT(wharf_go(scope, world_within, 0) == 0);
    }
    return result;
}

static void worlds_nest_and_threads_keep_their_own(void **state) {
    (void)state;
    assert_int_equal(wharf_yield(), 0);
    scenario_run_seeds(world_within);
    scenario_run_seeds(world_within_a_task);
    assert_int_equal(wharf_yield(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back_however_they_are_split),
        cmocka_unit_test(bytes_come_back_at_any_distance),
        cmocka_unit_test(every_family_echoes),
        cmocka_unit_test(the_same_seed_gives_the_same_run),
        cmocka_unit_test(cancelling_anywhere_leaves_nothing),
        cmocka_unit_test(expiring_anywhere_leaves_nothing),
        cmocka_unit_test(running_out_of_memory_anywhere_leaves_nothing),
        cmocka_unit_test(a_reset_at_any_byte_leaves_nothing),
        cmocka_unit_test(a_connection_to_nobody_is_refused),
        cmocka_unit_test(ends_have_addresses_and_options),
        cmocka_unit_test(accept_waits_while_there_are_no_descriptors),
        cmocka_unit_test(each_direction_ends_by_itself),
        cmocka_unit_test(a_reset_is_seen_after_the_bytes_that_came_first),
        cmocka_unit_test(a_sender_whose_reader_vanished_is_told),
        cmocka_unit_test(a_sender_waits_for_its_reader),
        cmocka_unit_test(a_timeout_damages_no_stream),
        cmocka_unit_test(bytes_that_arrive_with_the_deadline_are_received),
        cmocka_unit_test(a_close_wakes_who_waits),
        cmocka_unit_test(no_byte_goes_to_another_connection),
        cmocka_unit_test(waiting_for_nobody_is_a_deadlock),
        cmocka_unit_test(a_socket_that_was_not_closed_is_counted),
        cmocka_unit_test(the_result_is_the_scenario_s),
        cmocka_unit_test(refuses_to_run_nonsense),
        cmocka_unit_test(worlds_nest_and_threads_keep_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

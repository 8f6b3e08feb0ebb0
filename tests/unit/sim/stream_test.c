/* Simulated connections, at the level of one socket call: meeting, bytes, half-close, reset, room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/memory.h"
#include "sched/io.h"
#include "sim/endpoint.h"

enum { LATENCY = 50000 };

struct pair {
    struct world *world;
    struct endpoint *listener, *client, *server;
    struct io client_io, server_io; /* `ready` gathers what was reported */
};

static void report(struct host *host, struct io *io, int ready) {
    (void)host;
    io->ready |= (uint8_t)ready;
}

static struct sockaddr_in loopback(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static struct endpoint *open_endpoint(struct world *world, int family) {
    struct endpoint *endpoint = host_endpoint(world->first, endpoint_open(world->first, family, SOCK_STREAM));
    assert_non_null(endpoint);
    return endpoint;
}

static struct endpoint *listen_at(struct world *world, uint16_t port, int backlog) {
    struct endpoint *listener = open_endpoint(world, AF_INET);
    struct sockaddr_in address = loopback(port);
    assert_int_equal(endpoint_bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(endpoint_listen(listener, backlog), 0);
    return listener;
}

static int call(struct endpoint *client, uint16_t port) {
    struct sockaddr_in address = loopback(port);
    return endpoint_connect(client, (struct sockaddr *)&address, sizeof(address));
}

static struct endpoint *take_call(struct endpoint *listener) {
    struct place remote;
    int fd = endpoint_accept(listener, &remote);
    return fd >= 0 ? host_endpoint(listener->host, fd) : NULL;
}

static void pass(struct world *world, int64_t ns) {
    int64_t until = world->now + ns;
    while (world->now < until) {
        assert_ptr_equal(host_choose(world, world->first, until), world->first);
    }
}

static void pair_open(struct pair *pair, const wharf_sim_options *options) {
    memset(pair, 0, sizeof(*pair));
    pair->world = world_new(options);
    assert_non_null(pair->world);
    pair->world->report = report;
    pair->listener = listen_at(pair->world, 80, 10);
    pair->client = open_endpoint(pair->world, AF_INET);
    assert_int_equal(call(pair->client, 80), -EINPROGRESS);
    pass(pair->world, 3 * LATENCY);
    pair->server = take_call(pair->listener);
    assert_non_null(pair->server);
    pair->client->io = &pair->client_io;
    pair->server->io = &pair->server_io;
}

static int setup(void **state) {
    static struct pair pair;
    pair_open(&pair, NULL);
    *state = &pair;
    return 0;
}

static int teardown(void **state) {
    struct pair *pair = *state;
    world_free(pair->world);
    return 0;
}

static ssize_t send_text(struct endpoint *endpoint, const char *text) {
    struct iovec piece = {(void *)(uintptr_t)text, strlen(text)};
    return endpoint_send(endpoint, &piece, 1);
}

static ssize_t receive(struct endpoint *endpoint) {
    char bytes[256];
    return endpoint_recv(endpoint, bytes, sizeof(bytes));
}

/* ---- meeting ---- */

static void a_call_to_nobody_is_refused_after_two_latencies(void **state) {
    struct pair *pair = *state;
    struct endpoint *client = open_endpoint(pair->world, AF_INET);
    struct io io = {0};
    client->io = &io;
    assert_int_equal(call(client, 81), -EINPROGRESS);
    assert_int_equal(endpoint_connect_result(client), -EINPROGRESS);
    pass(pair->world, 2 * LATENCY - 1);
    assert_int_equal(io.ready, 0);
    pass(pair->world, 1);
    assert_int_equal(io.ready, IO_READ | IO_WRITE | IO_HANGUP | IO_BROKEN);
    assert_int_equal(endpoint_connect_result(client), -ECONNREFUSED);
    assert_int_equal(call(client, 80), -ECONNABORTED);
    assert_int_equal(call(client, 80), -EINPROGRESS);
    pass(pair->world, 2 * LATENCY);
    assert_int_equal(endpoint_connect_result(client), 0);
    assert_int_equal(call(client, 80), -EISCONN);
}

static void both_ends_know_both_addresses(void **state) {
    struct pair *pair = *state;
    assert_true(place_is_equal(&pair->client->remote, &pair->server->local));
    assert_true(place_is_equal(&pair->client->local, &pair->server->remote));
    assert_int_equal(pair->server->local.port, 80);
    assert_true(pair->client->local.port >= 32768);
}

static void an_address_is_bound_once(void **state) {
    struct pair *pair = *state;
    struct endpoint *second = open_endpoint(pair->world, AF_INET);
    struct sockaddr_in address = loopback(80);
    assert_int_equal(endpoint_bind(second, (struct sockaddr *)&address, sizeof(address)), -EADDRINUSE);
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    assert_int_equal(endpoint_bind(second, (struct sockaddr *)&address, sizeof(address)), -EADDRINUSE);
    endpoint_close(pair->listener, false);
    assert_int_equal(endpoint_bind(second, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(endpoint_bind(second, (struct sockaddr *)&address, sizeof(address)), -EINVAL);
}

static void port_zero_picks_a_free_one(void **state) {
    struct pair *pair = *state;
    uint16_t last = 0;
    for (int i = 0; i < 20; i++) {
        struct endpoint *listener = listen_at(pair->world, 0, 1);
        assert_true(listener->local.port >= 32768 && listener->local.port != last);
        last = listener->local.port;
    }
}

static void two_families_share_a_port_number(void **state) {
    struct pair *pair = *state;
    struct endpoint *v6 = open_endpoint(pair->world, AF_INET6);
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_port = htons(80), .sin6_addr = in6addr_loopback};
    assert_int_equal(endpoint_bind(v6, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(endpoint_listen(v6, 1), 0);
    struct endpoint *client = open_endpoint(pair->world, AF_INET6);
    assert_int_equal(endpoint_connect(client, (struct sockaddr *)&address, sizeof(address)), -EINPROGRESS);
    pass(pair->world, 3 * LATENCY);
    assert_int_equal(pair->listener->backlog.count, 0);
    assert_non_null(take_call(v6));
}

static void unix_names_are_listened_on(void **state) {
    struct pair *pair = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/sim"};
    struct endpoint *early = open_endpoint(pair->world, AF_UNIX);
    assert_int_equal(endpoint_connect(early, (struct sockaddr *)&address, sizeof(address)), -EINPROGRESS);
    pass(pair->world, LATENCY);
    assert_int_equal(endpoint_connect_result(early), -ENOENT);
    struct endpoint *listener = open_endpoint(pair->world, AF_UNIX);
    assert_int_equal(endpoint_bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(endpoint_listen(listener, 5), 0);
    assert_int_equal(endpoint_connect(early, (struct sockaddr *)&address, sizeof(address)), -EINPROGRESS);
    pass(pair->world, LATENCY);
    struct endpoint *server = take_call(listener);
    assert_non_null(server);
    assert_int_equal(send_text(server, "hi"), 2);
    pass(pair->world, LATENCY);
    assert_int_equal(receive(early), 2);
}

static void a_full_backlog_lets_callers_try_again(void **state) {
    struct pair *pair = *state;
    struct endpoint *listener = listen_at(pair->world, 90, 0);
    struct endpoint *first = open_endpoint(pair->world, AF_INET);
    struct endpoint *second = open_endpoint(pair->world, AF_INET);
    struct endpoint *third = open_endpoint(pair->world, AF_INET);
    assert_int_equal(call(first, 90), -EINPROGRESS);
    assert_int_equal(call(second, 90), -EINPROGRESS);
    assert_int_equal(call(third, 90), -EINPROGRESS);
    pass(pair->world, 3 * LATENCY);
    assert_int_equal(listener->backlog.count, 1);
    assert_non_null(take_call(listener));
    pass(pair->world, 1000000000);
    assert_int_equal(endpoint_connect_result(second), 0);
    assert_int_equal(endpoint_connect_result(third), -EINPROGRESS);
    pass(pair->world, INT64_C(130000000000));
    assert_int_equal(endpoint_connect_result(third), -ETIMEDOUT);
}

static void a_listener_that_closes_resets_its_backlog(void **state) {
    struct pair *pair = *state;
    struct endpoint *client = open_endpoint(pair->world, AF_INET);
    assert_int_equal(call(client, 80), -EINPROGRESS);
    pass(pair->world, 2 * LATENCY);
    endpoint_close(pair->listener, false);
    pass(pair->world, LATENCY);
    assert_int_equal(receive(client), -ECONNRESET);
}

/* ---- bytes ---- */

static void bytes_take_one_latency(void **state) {
    struct pair *pair = *state;
    assert_int_equal(send_text(pair->client, "hello"), 5);
    assert_int_equal(receive(pair->server), -EAGAIN);
    pass(pair->world, LATENCY - 1);
    assert_int_equal(pair->server_io.ready & IO_READ, 0);
    pass(pair->world, 1);
    assert_int_equal(pair->server_io.ready, IO_READ);
    char bytes[8] = "";
    assert_int_equal(endpoint_recv(pair->server, bytes, sizeof(bytes)), 5);
    assert_string_equal(bytes, "hello");
    assert_int_equal(receive(pair->server), -EAGAIN);
}

static void pieces_are_sent_in_order(void **state) {
    struct pair *pair = *state;
    struct iovec pieces[] = {{(char[]){'a', 'b'}, 2}, {NULL, 0}, {(char[]){'c'}, 1}};
    assert_int_equal(endpoint_send(pair->server, pieces, 3), 3);
    pass(pair->world, LATENCY);
    char bytes[8] = "";
    assert_int_equal(endpoint_recv(pair->client, bytes, sizeof(bytes)), 3);
    assert_string_equal(bytes, "abc");
    assert_int_equal(endpoint_send(pair->server, pieces, 0), 0);
}

static void a_sender_waits_for_room(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, WHARF_OPTIONS(wharf_sim_options, .stream_bytes = 10));
    assert_int_equal(send_text(pair.client, "0123456789abcdef"), 10);
    assert_int_equal(send_text(pair.client, "abcdef"), -EAGAIN);
    pass(pair.world, LATENCY);
    char bytes[4];
    assert_int_equal(endpoint_recv(pair.server, bytes, 4), 4);
    pair.client_io.ready = 0;
    pass(pair.world, LATENCY - 1);
    assert_int_equal(send_text(pair.client, "abcdef"), -EAGAIN);
    pass(pair.world, 1);
    assert_int_equal(pair.client_io.ready, IO_WRITE);
    assert_int_equal(send_text(pair.client, "abcdef"), 4);
    pass(pair.world, LATENCY);
    assert_int_equal(receive(pair.server), 10);
    world_free(pair.world);
}

static void a_file_is_sent_from_its_offset(void **state) {
    struct pair *pair = *state;
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite("0123456789", 1, 10, file), 10);
    assert_int_equal(fflush(file), 0);
    assert_int_equal(endpoint_sendfile(pair->client, fileno(file), 4, 3), 3);
    assert_int_equal(endpoint_sendfile(pair->client, fileno(file), 8, 100), 2);
    assert_int_equal(endpoint_sendfile(pair->client, fileno(file), 10, 1), 0);
    assert_int_equal(endpoint_sendfile(pair->client, -1, 0, 1), -EBADF);
    fclose(file);
    pass(pair->world, LATENCY);
    char bytes[16] = "";
    assert_int_equal(endpoint_recv(pair->server, bytes, sizeof(bytes)), 5);
    assert_string_equal(bytes, "45689");
}

static void pieces_are_as_small_as_the_seed_says(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, WHARF_OPTIONS(wharf_sim_options, .seed = 3, .piece_bytes_max = 3));
    char sent[64] = "", got[64] = "";
    size_t sent_len = 0, got_len = 0;
    const char *text = "the quick brown fox jumps over";
    while (sent_len < strlen(text)) {
        ssize_t n = send_text(pair.client, text + sent_len);
        assert_in_range(n, 1, 3);
        memcpy(sent + sent_len, text + sent_len, (size_t)n);
        sent_len += (size_t)n;
    }
    pass(pair.world, LATENCY);
    while (got_len < sent_len) {
        ssize_t n = endpoint_recv(pair.server, got + got_len, sizeof(got) - got_len);
        assert_in_range(n, 1, 3);
        got_len += (size_t)n;
    }
    assert_string_equal(got, text);
    world_free(pair.world);
}

/* ---- ending ---- */

static void a_half_closed_connection_goes_on_the_other_way(void **state) {
    struct pair *pair = *state;
    assert_int_equal(send_text(pair->client, "last"), 4);
    assert_int_equal(endpoint_shutdown(pair->client), 0);
    assert_int_equal(endpoint_shutdown(pair->client), 0);
    assert_int_equal(send_text(pair->client, "more"), -EPIPE);
    pass(pair->world, LATENCY);
    assert_int_equal(pair->server_io.ready, IO_READ | IO_HANGUP);
    assert_int_equal(receive(pair->server), 4);
    assert_int_equal(receive(pair->server), 0);
    assert_int_equal(receive(pair->server), 0);
    assert_int_equal(send_text(pair->server, "answer"), 6);
    pass(pair->world, LATENCY);
    assert_int_equal(receive(pair->client), 6);
    pair->client_io.ready = 0;
    assert_int_equal(endpoint_shutdown(pair->server), 0);
    pass(pair->world, LATENCY);
    assert_int_equal(pair->client_io.ready, IO_READ | IO_HANGUP | IO_BROKEN);
    assert_int_equal(receive(pair->client), 0);
}

static void a_close_ends_the_stream_after_its_bytes(void **state) {
    struct pair *pair = *state;
    assert_int_equal(send_text(pair->client, "bye"), 3);
    endpoint_close(pair->client, false);
    pass(pair->world, LATENCY);
    assert_int_equal(receive(pair->server), 3);
    assert_int_equal(receive(pair->server), 0);
}

static void a_close_with_bytes_unread_resets(void **state) {
    struct pair *pair = *state;
    assert_int_equal(send_text(pair->server, "unread"), 6);
    assert_int_equal(send_text(pair->client, "kept"), 4);
    pass(pair->world, LATENCY);
    endpoint_close(pair->client, false);
    pass(pair->world, LATENCY);
    assert_int_equal(pair->server_io.ready, IO_READ | IO_WRITE | IO_HANGUP | IO_BROKEN);
    assert_int_equal(receive(pair->server), 4);
    assert_int_equal(receive(pair->server), -ECONNRESET);
    assert_int_equal(receive(pair->server), 0);
    assert_int_equal(send_text(pair->server, "x"), -EPIPE);
}

static void the_first_send_to_a_peer_that_is_gone_succeeds(void **state) {
    struct pair *pair = *state;
    endpoint_close(pair->client, false);
    pass(pair->world, LATENCY);
    assert_int_equal(receive(pair->server), 0);
    assert_int_equal(send_text(pair->server, "x"), 1);
    pass(pair->world, 2 * LATENCY);
    assert_int_equal(send_text(pair->server, "x"), -EPIPE);
    assert_int_equal(receive(pair->server), 0);
}

static void bytes_under_way_to_a_closed_peer_are_answered_with_a_reset(void **state) {
    struct pair *pair = *state;
    assert_int_equal(send_text(pair->server, "late"), 4);
    pass(pair->world, LATENCY / 2);
    endpoint_close(pair->client, false);
    pass(pair->world, LATENCY);
    assert_int_equal(receive(pair->server), 0);
    pass(pair->world, LATENCY / 2);
    assert_true((pair->server_io.ready & IO_BROKEN) != 0);
}

static void an_abort_is_a_reset(void **state) {
    struct pair *pair = *state;
    endpoint_close(pair->server, true);
    pass(pair->world, LATENCY);
    assert_int_equal(send_text(pair->client, "x"), -ECONNRESET);
    assert_int_equal(send_text(pair->client, "x"), -EPIPE);
    assert_int_equal(receive(pair->client), 0);
}

static void a_sender_without_room_hears_of_its_reader_going(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, WHARF_OPTIONS(wharf_sim_options, .stream_bytes = 4));
    assert_int_equal(send_text(pair.client, "full!"), 4);
    assert_int_equal(send_text(pair.client, "!"), -EAGAIN);
    pass(pair.world, LATENCY);
    assert_int_equal(receive(pair.server), 4);
    pair.client_io.ready = 0;
    endpoint_close(pair.server, false);
    pass(pair.world, LATENCY);
    assert_true((pair.client_io.ready & IO_WRITE) != 0);
    assert_int_equal(send_text(pair.client, "!"), 1);
    pass(pair.world, 2 * LATENCY);
    assert_int_equal(send_text(pair.client, "!"), -EPIPE);
    world_free(pair.world);
}

static void a_planned_reset_comes_at_its_byte(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, WHARF_OPTIONS(wharf_sim_options, .reset_at_byte = 7));
    assert_int_equal(send_text(pair.client, "01234"), 5);
    assert_int_equal(send_text(pair.client, "56789"), 2);
    pass(pair.world, LATENCY);
    assert_int_equal(receive(pair.server), 7);
    assert_int_equal(receive(pair.server), -ECONNRESET);
    assert_int_equal(send_text(pair.client, "789"), -ECONNRESET);
    world_free(pair.world);
}

/* Every allocation of a whole conversation fails in turn; nothing is left. */
static void no_failed_allocation_leaks(void **state) {
    (void)state;
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        int64_t blocks = mem_live();
        (void)mem_fail_at(n);
        struct world *world = world_new(NULL);
        if (world != NULL) {
            struct sockaddr_in address = loopback(80);
            struct endpoint *listener = host_endpoint(world->first,
                                                      endpoint_open(world->first, AF_INET, SOCK_STREAM));
            struct endpoint *client = host_endpoint(world->first,
                                                    endpoint_open(world->first, AF_INET, SOCK_STREAM));
            if (listener != NULL && client != NULL) {
                (void)endpoint_bind(listener, (struct sockaddr *)&address, sizeof(address));
                (void)endpoint_listen(listener, 1);
                (void)call(client, 80);
                pass(world, 3 * LATENCY);
                (void)send_text(client, "hello");
                (void)endpoint_shutdown(client);
                (void)take_call(listener);
            }
            world_free(world);
        }
        failed = mem_did_fail();
        (void)mem_fail_at(0);
        assert_int_equal(mem_live(), blocks);
    }
}

#define PAIR_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        PAIR_TEST(a_call_to_nobody_is_refused_after_two_latencies),
        PAIR_TEST(both_ends_know_both_addresses),
        PAIR_TEST(an_address_is_bound_once),
        PAIR_TEST(port_zero_picks_a_free_one),
        PAIR_TEST(two_families_share_a_port_number),
        PAIR_TEST(unix_names_are_listened_on),
        PAIR_TEST(a_full_backlog_lets_callers_try_again),
        PAIR_TEST(a_listener_that_closes_resets_its_backlog),
        PAIR_TEST(bytes_take_one_latency),
        PAIR_TEST(pieces_are_sent_in_order),
        cmocka_unit_test(a_sender_waits_for_room),
        PAIR_TEST(a_file_is_sent_from_its_offset),
        cmocka_unit_test(pieces_are_as_small_as_the_seed_says),
        PAIR_TEST(a_half_closed_connection_goes_on_the_other_way),
        PAIR_TEST(a_close_ends_the_stream_after_its_bytes),
        PAIR_TEST(a_close_with_bytes_unread_resets),
        PAIR_TEST(the_first_send_to_a_peer_that_is_gone_succeeds),
        PAIR_TEST(bytes_under_way_to_a_closed_peer_are_answered_with_a_reset),
        PAIR_TEST(an_abort_is_a_reset),
        cmocka_unit_test(a_sender_without_room_hears_of_its_reader_going),
        cmocka_unit_test(a_planned_reset_comes_at_its_byte),
        cmocka_unit_test(no_failed_allocation_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

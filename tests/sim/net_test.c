/* Sockets on the simulated network: the scenarios of net_scenarios.h under many seeds, and one small program in which
 * every allocation fails in turn and every blocking point is cancelled or times out in turn, leaving nothing behind. */
#include "net_scenarios.h"

#include "net/linger.h"
#include "net/stream.h"

static void run_scenarios(const char *address, uint64_t seeds) {
    net_address = address;
    for (size_t i = 0; i < NET_SCENARIOS; i++) {
        for (uint64_t seed = 0; seed < seeds; seed++) {
            uint64_t piece = seed % 4 == 0 ? 0 : seed * 1000;
            wharf_sim_report report = {0};
            const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = seed,
                                                             .piece_bytes_max = piece);
            int result = wharf_sim_run_report(options, net_scenarios[i].run, NULL, &report);
            if (result != 0) {
                fail_msg("%s on %s, seed %llu: %s", net_scenarios[i].name, address, (unsigned long long)seed,
                         wharf_why());
            }
            scenario_assert_clean(options, 0, &report);
        }
    }
}

static void scenarios_hold_on_ipv4(void **state) {
    (void)state;
    run_scenarios("127.0.0.1:0", 12);
}

static void scenarios_hold_on_ipv6(void **state) {
    (void)state;
    run_scenarios("[::1]:0", 3);
}

static void scenarios_hold_on_unix_sockets(void **state) {
    (void)state;
    run_scenarios("unix:/run/x.sock", 3);
    run_scenarios("unix:@name", 3);
}

/* Two requests of a line and an answer of a block each; gives up at the first error and closes what it has. */
static int small_serve(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    char line[64];
    char answer[3000];
    wharf_sock sock = wharf_accept(listener);
    ssize_t rc = wharf_error(sock);
    memset(answer, 'a', sizeof(answer));
    for (int i = 0; i < 2 && rc >= 0; i++) {
        rc = wharf_recv_until(sock, line, sizeof(line), "\n");
        rc = rc > 0 ? wharf_send(sock, answer, sizeof(answer)) : rc;
    }
    (void)wharf_close(sock);
    return rc < 0 ? (int)rc : 0;
}

static int small_call(const char *address) {
    char answer[3000];
    wharf_sock sock = wharf_dial(address);
    ssize_t rc = wharf_error(sock);
    for (int i = 0; i < 2 && rc >= 0; i++) {
        rc = wharf_send(sock, "request\n", 8);
        rc = rc < 0 ? rc : wharf_recv_exact(sock, answer, sizeof(answer));
    }
    (void)wharf_close(sock);
    return rc < 0 ? (int)rc : 0;
}

static int small_program(void *arg) {
    (void)arg;
    char address[WHARF_ADDRESS_SIZE] = "";
    int result = 0;
    int served = 0;
    wharf_sock listener = wharf_serve_on("localhost:0");
    if (wharf_failed(listener)) {
        return wharf_error(listener);
    }
    int rc = wharf_local_address(listener, address, sizeof(address));
    WHARF_SCOPE (scope, &served) {
        result = rc < 0 ? rc : wharf_go(scope, small_serve, listener);
        result = result < 0 ? result : small_call(address);
        if (result < 0) {
            wharf_scope_cancel(scope);
        }
    }
    (void)wharf_close(listener);
    return result < 0 ? result : served;
}

static void every_failed_allocation_is_an_error_and_leaves_nothing(void **state) {
    (void)state;
    wharf_sim_options options = {.size = sizeof(options), .piece_bytes_max = 1000};
    int64_t allocations = scenario_sweep(WHARF_TEST_ALLOCATION, &options, small_program);
    assert_true(allocations > 10);
}

static void every_cancelled_wait_leaves_nothing(void **state) {
    (void)state;
    wharf_sim_options options = {.size = sizeof(options), .piece_bytes_max = 1000};
    int64_t waits = scenario_sweep(WHARF_TEST_CANCEL, &options, small_program);
    assert_true(waits > 10);
}

static void every_expired_wait_leaves_nothing(void **state) {
    (void)state;
    wharf_sim_options options = {.size = sizeof(options), .piece_bytes_max = 1000};
    int64_t waits = scenario_sweep(WHARF_TEST_EXPIRE, &options, small_program);
    assert_true(waits > 10);
}

/* A peer that neither reads nor ends: the connection lingers two seconds, and no task does. */
static int lingers_two_seconds(void *arg) {
    (void)arg;
    net_address = "127.0.0.1:0";
    struct pair pair = net_pair();
    char byte;
    EXPECT(wharf_close(pair.near) == 0);
    EXPECT(wharf_recv(pair.far, &byte, 1) == 0);
    EXPECT(wharf_send(pair.far, "x", 1) == 1); /* thrown away, not answered by a reset */
    wharf_sleep(1900);
    EXPECT(wharf_send(pair.far, "x", 1) == 1);
    wharf_sleep(1000);
    (void)wharf_send(pair.far, "x", 1); /* nobody is left to take it */
    wharf_sleep(10);
    EXPECT(wharf_send(pair.far, "x", 1) < 0);
    EXPECT(wharf_close(pair.far) == 0);
    return 0;
}

static void a_closed_connection_lingers_two_seconds(void **state) {
    (void)state;
    scenario_run_seeds(lingers_two_seconds);
}

/* Peers that never end: the oldest are given up first. */
static int lingers_up_to_a_number(void *arg) {
    enum { MANY = LINGER_MAX + 20 };
    static wharf_sock peers[MANY];
    char address[WHARF_ADDRESS_SIZE] = "";
    (void)arg;
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    EXPECT(wharf_local_address(listener, address, sizeof(address)) > 0);
    for (int i = 0; i < MANY; i++) {
        peers[i] = wharf_dial(address);
        EXPECT(wharf_close(wharf_accept(listener)) == 0);
        EXPECT(stream_lingering() <= LINGER_MAX);
    }
    EXPECT(stream_lingering() > LINGER_MAX / 2);
    for (int i = 0; i < MANY; i++) {
        EXPECT(wharf_close(peers[i]) == 0);
    }
    EXPECT(wharf_close(listener) == 0);
    return 0;
}

static void lingering_has_a_limit(void **state) {
    (void)state;
    /* No latency to speak of, so that none is over before the last has begun. */
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .latency_ns = 1000), lingers_up_to_a_number);
}

static int resolves_no_name(void *arg) {
    (void)arg;
    EXPECT(wharf_dial("example.com:80").id == -WHARF_ENAME);
    EXPECT(strstr(wharf_why(), "resolve example.com:80") != NULL);
    EXPECT(wharf_dial("localhost:80").id == -ECONNREFUSED);
    EXPECT(strcmp(wharf_why(),
                  "connect localhost:80 (127.0.0.1:80): connection refused (ECONNREFUSED): tried [::1]:80 "
                  "ECONNREFUSED 0.1 ms, 127.0.0.1:80 ECONNREFUSED 0.1 ms") == 0);
    return 0;
}

static void names_do_not_leave_the_simulation(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), resolves_no_name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios_hold_on_ipv4),
        cmocka_unit_test(scenarios_hold_on_ipv6),
        cmocka_unit_test(scenarios_hold_on_unix_sockets),
        cmocka_unit_test(every_failed_allocation_is_an_error_and_leaves_nothing),
        cmocka_unit_test(every_cancelled_wait_leaves_nothing),
        cmocka_unit_test(every_expired_wait_leaves_nothing),
        cmocka_unit_test(a_closed_connection_lingers_two_seconds),
        cmocka_unit_test(lingering_has_a_limit),
        cmocka_unit_test(names_do_not_leave_the_simulation),
    };
    return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}

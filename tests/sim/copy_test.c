/* Copying and relaying on the simulated network: the scenarios of copy_scenarios.h, and a small relay struck at each place in turn. */
#include "copy_scenarios.h"

static void scenarios_hold_however_the_streams_are_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < COPY_SCENARIOS; i++) {
        for (uint64_t seed = 0; seed < 4; seed++) {
            (void)scenario_run(
                WHARF_OPTIONS(wharf_sim_options, .seed = seed, .piece_bytes_max = seed * 20000),
                copy_scenarios[i].run);
        }
    }
}

/* Gives up at the first error. */
static int relay_a_little(void *arg) {
    wharf_sock first[2] = {{-EBADF}, {-EBADF}}, second[2] = {{-EBADF}, {-EBADF}};
    (void)arg;
    int rc = wharf_socket_pair("unix", first);
    rc = rc == 0 ? wharf_socket_pair("unix", second) : rc;
    rc = rc == 0 ? (int)wharf_send(first[0], "hello", 5) : rc;
    rc = rc == 5 ? wharf_shutdown_write(first[0]) : rc;
    rc = rc == 0 ? wharf_shutdown_write(second[1]) : rc;
    rc = rc == 0 ? wharf_relay(first[1], second[0], WHARF_OPTIONS(wharf_relay_options, .idle_ms = 1000), NULL)
                 : rc;
    for (int i = 0; i < 2; i++) {
        (void)wharf_close(first[i]);
        (void)wharf_close(second[i]);
    }
    return rc < 0 ? rc : 0;
}

static void nothing_is_left_wherever_it_is_struck(void **state) {
    (void)state;
    static const wharf_test_fault faults[] = {WHARF_TEST_CANCEL, WHARF_TEST_EXPIRE, WHARF_TEST_ALLOCATION,
                                              WHARF_TEST_SHORT,  WHARF_TEST_RESET,  WHARF_TEST_DESCRIPTOR};
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        assert_true(scenario_sweep(faults[i], NULL, relay_a_little) > 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios_hold_however_the_streams_are_cut),
        cmocka_unit_test(nothing_is_left_wherever_it_is_struck),
    };
    return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}

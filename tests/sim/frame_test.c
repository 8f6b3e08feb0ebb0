/* Frames on the simulated network: the scenarios of frame_scenarios.h under many seeds, and a conversation that is struck at each
 * place in turn. */
#include "frame_scenarios.h"

static void scenarios_hold_however_the_stream_is_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < FRAME_SCENARIOS; i++) {
        for (uint64_t seed = 0; seed < 8; seed++) {
            uint64_t piece = seed % 4 == 0 ? 0 : seed * seed * 100;
            (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .piece_bytes_max = piece),
                               frame_scenarios[i].run);
        }
    }
}

/* Gives up at the first error. */
static int converse(void *arg) {
    static const wharf_framing record = {.kind = WHARF_FRAME_LENGTH_2};
    static char frame[9000], got[9000];
    wharf_sock ends[2];
    size_t len = 0;
    (void)arg;
    int rc = wharf_socket_pair("unix", ends);
    if (rc < 0) {
        return rc;
    }
    for (int i = 0; i < 3 && rc >= 0; i++) {
        rc = wharf_send_frame(ends[0], &record, frame, i == 1 ? sizeof(frame) : 10);
        rc = rc == 0 ? wharf_recv_frame(ends[1], &record, got, sizeof(got), &len) : rc;
    }
    (void)wharf_close(ends[0]);
    (void)wharf_close(ends[1]);
    return rc < 0 ? rc : 0;
}

static void nothing_is_left_wherever_it_is_struck(void **state) {
    (void)state;
    static const wharf_test_fault faults[] = {WHARF_TEST_CANCEL, WHARF_TEST_EXPIRE, WHARF_TEST_ALLOCATION,
                                              WHARF_TEST_SHORT, WHARF_TEST_DESCRIPTOR};
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        assert_true(scenario_sweep(faults[i], NULL, converse) > 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios_hold_however_the_stream_is_cut),
        cmocka_unit_test(nothing_is_left_wherever_it_is_struck),
    };
    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}

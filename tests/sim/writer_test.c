/* Writers on the simulated network: the scenarios of writer_scenarios.h under many seeds, and one that is struck at each place. */
#include "writer_scenarios.h"

static void scenarios_hold_however_the_stream_is_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < WRITER_SCENARIOS; i++) {
        for (uint64_t seed = 0; seed < 8; seed++) {
            uint64_t piece = seed % 4 == 0 ? 0 : seed * seed * 100;
            (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .piece_bytes_max = piece),
                               writer_scenarios[i].run);
        }
    }
}

/* Gives up at the first error. */
static int write_some(void *arg) {
    char room[16], got[64];
    wharf_sock ends[2];
    wharf_writer out;
    (void)arg;
    int rc = wharf_socket_pair("unix", ends);
    if (rc < 0) {
        return rc;
    }
    wharf_writer_init(&out, ends[0], room, sizeof(room));
    ssize_t done = 0;
    for (int i = 0; i < 4 && done >= 0; i++) {
        done = wharf_writer_write(&out, "0123456789", 10);
    }
    done = done < 0 ? done : wharf_writer_flush(&out);
    done = done < 0 ? done : wharf_recv_exact(ends[1], got, 40);
    (void)wharf_close(ends[0]);
    (void)wharf_close(ends[1]);
    return done < 0 ? (int)done : 0;
}

static void nothing_is_left_wherever_it_is_struck(void **state) {
    (void)state;
    static const wharf_test_fault faults[] = {WHARF_TEST_CANCEL, WHARF_TEST_EXPIRE, WHARF_TEST_ALLOCATION,
                                              WHARF_TEST_SHORT, WHARF_TEST_DESCRIPTOR};
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        assert_true(scenario_sweep(faults[i], NULL, write_some) > 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios_hold_however_the_stream_is_cut),
        cmocka_unit_test(nothing_is_left_wherever_it_is_struck),
    };
    return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}

/* The storms of tests/sim/storm/, some hundred seeds each. `make soak` runs more of them. */
#include "storm/storm.h"

#include "scenario.h"

static void run_storm(const struct storm *storm) {
    int rc = wharf_sim_each_with(storm->seeds, &storm->options, storm->run, NULL, NULL);
    if (rc != 0) {
        fail_msg("%s: %s", storm->name, wharf_why());
    }
}

static void http_holds_whatever_fails(void **state) {
    (void)state;
    run_storm(&http_storm);
}

static void http_holds_without_memory(void **state) {
    (void)state;
    run_storm(&http_memory_storm);
}

static void sockets_hold_without_memory(void **state) {
    (void)state;
    run_storm(&net_memory_storm);
}

static void the_examples_hold_whatever_fails(void **state) {
    (void)state;
    run_storm(&example_storm);
}

static void a_graceful_stop_cuts_nothing_off(void **state) {
    (void)state;
    run_storm(&stop_storm);
}

static void sockets_hold_whatever_fails(void **state) {
    (void)state;
    run_storm(&net_storm);
}

static void channels_lose_nothing(void **state) {
    (void)state;
    run_storm(&channel_storm);
}

static void locks_exclude_and_come_back(void **state) {
    (void)state;
    run_storm(&lock_storm);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_holds_whatever_fails),
        cmocka_unit_test(a_graceful_stop_cuts_nothing_off),
        cmocka_unit_test(sockets_hold_whatever_fails),
        cmocka_unit_test(channels_lose_nothing),
        cmocka_unit_test(http_holds_without_memory),
        cmocka_unit_test(sockets_hold_without_memory),
        cmocka_unit_test(the_examples_hold_whatever_fails),
        cmocka_unit_test(locks_exclude_and_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

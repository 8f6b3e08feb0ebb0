/* Writers on sockets of the kernel: the scenarios that the simulator runs. */
#include "../../sim/writer_scenarios.h"

static void scenarios_hold_on_the_kernel(void **state) {
    (void)state;
    for (size_t i = 0; i < WRITER_SCENARIOS; i++) {
        scenario_broken_line = 0;
        int result = writer_scenarios[i].run(NULL);
        if (result != 0 || scenario_broken_line != 0) {
            fail_msg("%s: %d (%s)", writer_scenarios[i].name, result, wharf_why());
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios_hold_on_the_kernel),
    };
    return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}

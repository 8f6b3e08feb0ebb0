/* Copying and relaying on sockets of the kernel, where much goes by splice(2): the scenarios that the simulator runs, and that a
 * relay leaves no descriptor behind. */
#include "../../sim/copy_scenarios.h"

#include <fcntl.h>

static int count_open(void) {
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void scenarios_hold_on_the_kernel_and_leave_no_descriptor(void **state) {
    (void)state;
    int before = -1;
    for (size_t i = 0; i < COPY_SCENARIOS; i++) {
        scenario_broken_line = 0;
        int result = copy_scenarios[i].run(NULL);
        if (result != 0 || scenario_broken_line != 0) {
            fail_msg("%s: %d (%s)", copy_scenarios[i].name, result, wharf_why());
        }
        /* The first one starts the runtime, which keeps some. */
        assert_true(before < 0 || before == count_open());
        before = count_open();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios_hold_on_the_kernel_and_leave_no_descriptor),
    };
    return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}

/* What fails in a scope, under every order of tasks and every injected fault. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int fail_after(void *arg) {
    int64_t ms = *(int64_t *)arg;
    int rc = wharf_sleep(ms);
    return rc < 0 ? rc : -EPROTO;
}

static int wait_long(void *arg) {
    (void)arg;
    return wharf_sleep(60000);
}

/* A task that fails among others that wait, in a scope with a deadline, seen by a dump. */
static int failing(void *arg) {
    (void)arg;
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int result = 0;
    int64_t ms = 5;
    WHARF_WITHIN (1000) {
        WHARF_SCOPE (scope, &result) {
            for (int i = 0; i < 4; i++) {
                wharf_go(scope, wait_long, i);
                wharf_go(scope, fail_after, ms);
            }
            int waited = wharf_scope_wait(scope);
            EXPECT(waited < 0);
            EXPECT(wharf_dump(fd) == 0);
        }
        EXPECT(result < 0);
    }
    close(fd);
    return 0;
}

static void a_failure_is_the_result_in_any_order_of_tasks(void **state) {
    (void)state;
    scenario_run_seeds(failing);
}

static void no_fault_makes_it_a_success_or_leaves_anything(void **state) {
    (void)state;
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 3);
    assert_true(scenario_sweep(WHARF_TEST_CANCEL, options, failing) > 5);
    assert_true(scenario_sweep(WHARF_TEST_EXPIRE, options, failing) > 5);
    assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, options, failing) > 1);
}

static int expiring(void *arg) {
    (void)arg;
    int result = 0;
    WHARF_WITHIN (10) {
        WHARF_SCOPE (scope, &result) {
            wharf_go(scope, wait_long, 0);
        }
    }
    EXPECT(result == -ETIMEDOUT);
    EXPECT(strstr(wharf_why(), "timed out") != NULL);
    return 0;
}

static void a_scope_out_of_time_never_reports_success(void **state) {
    (void)state;
    scenario_run_seeds(expiring);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_the_result_in_any_order_of_tasks),
        cmocka_unit_test(no_fault_makes_it_a_success_or_leaves_anything),
        cmocka_unit_test(a_scope_out_of_time_never_reports_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

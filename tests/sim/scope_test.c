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

/* Fails with a sentence when `ms` have passed, or with a number alone. */
struct failure_plan {
    int64_t ms;
    bool silent;
};

static int fail_as_planned(void *arg) {
    const struct failure_plan *plan = arg;
    int rc = wharf_sleep(plan->ms);
    if (rc < 0 || plan->silent) {
        return rc < 0 ? rc : -EPROTO;
    }
    return wharf_failed(wharf_serve_on("tcp://[bad")) ? -WHARF_EADDRESS : 0;
}

/* The join comes before or after the end, and with or without a deadline: the ways of wharf_join(). */
static void join_failing(int64_t joined_ms, struct failure_plan plan) {
    for (int within = 0; within < 2; within++) {
        wharf_scope storage;
        (void)wharf_scope_open_within(&storage, within != 0 ? 1000 : WHARF_OFF);
        int result = 0, error = 0;
        WHARF_SHIELD (1000) {
            WHARF_SCOPE (scope, &error) {
                wharf_task task = wharf_spawn(scope, fail_as_planned, &plan, sizeof(plan),
                                              WHARF_OPTIONS(wharf_task_options, .name = "planner"));
                WHARF_SHIELD (1000) {
                    (void)wharf_sleep(joined_ms);
                    if (wharf_join(task, &result) == 0 && result == -WHARF_EADDRESS) {
                        EXPECT(strstr(wharf_why(), "tcp://[bad") != NULL);
                    } else if (result == -EPROTO) {
                        EXPECT(strstr(wharf_why(), "task planner") != NULL);
                        EXPECT(strstr(wharf_why(), "EPROTO") != NULL);
                    }
                }
            }
        }
        (void)wharf_scope_close(&storage);
    }
}

static int joining_failures(void *arg) {
    (void)arg;
    join_failing(0, (struct failure_plan){.ms = 5});
    join_failing(5, (struct failure_plan){.ms = 1});
    join_failing(0, (struct failure_plan){.ms = 5, .silent = true});
    join_failing(5, (struct failure_plan){.ms = 1, .silent = true});
    return 0;
}

static void a_joiner_is_told_why_the_task_failed(void **state) {
    (void)state;
    scenario_run_seeds(joining_failures);
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 5);
    assert_true(scenario_sweep(WHARF_TEST_CANCEL, options, joining_failures) > 5);
    assert_true(scenario_sweep(WHARF_TEST_EXPIRE, options, joining_failures) > 5);
}

static int joining_in_vain(void *arg) {
    (void)arg;
    struct failure_plan plan = {.ms = 1};
    int rc = 0, result = 0;
    WHARF_SCOPE (scope, &result) {
        wharf_task task = wharf_spawn(scope, fail_as_planned, &plan, sizeof(plan), NULL);
        (void)wharf_spawn(scope, fail_as_planned, &plan, sizeof(plan), NULL); /* nobody asks for this one's */
        WHARF_SHIELD (1000) {
            rc = wharf_join(task, NULL);
        }
    }
    return rc;
}

static void without_memory_a_joiner_gets_the_number(void **state) {
    (void)state;
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 5);
    assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, options, joining_in_vain) > 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_the_result_in_any_order_of_tasks),
        cmocka_unit_test(no_fault_makes_it_a_success_or_leaves_anything),
        cmocka_unit_test(a_scope_out_of_time_never_reports_success),
        cmocka_unit_test(a_joiner_is_told_why_the_task_failed),
        cmocka_unit_test(without_memory_a_joiner_gets_the_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

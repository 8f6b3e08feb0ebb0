/* examples/supervisor.c in virtual time: its pauses, when it gives up, whom its errors reach, and that nothing of it is left
 * wherever it is cut short. */
#include "scenario.h"

#define main supervisor_main
int main(int argc, char **argv);
#include "../../examples/supervisor.c"
#undef main

enum { MILLISECOND_NS = 1000 * 1000 };

static int failures, runs, errors_wanted;
static int64_t ran_at[64], run_ms;

static int failing(void *arg) {
    struct service *service = *(struct service **)arg;
    ran_at[runs % 64] = wharf_now_ns();
    runs++;
    int result = wharf_sleep(run_ms);
    if (result < 0) {
        return result;
    }
    service->failures_left--;
    return service->failures_left >= 0 ? -EIO : 0;
}

static int supervised(void *arg) {
    struct service service = {.name = "test", .run = failing, .failures_left = failures}, *where = &service;
    (void)arg;
    runs = 0;
    int result = supervise(&where);
    EXPECT(result == (failures >= errors_wanted ? -EIO : 0));
    return 0;
}

static void starts_again_after_pauses_that_double(void **state) {
    (void)state;
    failures = 4, run_ms = 1, errors_wanted = FAILURES_MAX;
    scenario_run_seeds(supervised);
    assert_int_equal(runs, 5);
    for (int i = 1, pause = PAUSE_MS; i < runs; i++, pause *= 2) {
        int64_t between = ran_at[i] - ran_at[i - 1] - run_ms * MILLISECOND_NS;
        assert_in_range(between, pause / 2 * MILLISECOND_NS, (pause + 1) * MILLISECOND_NS);
    }
}

static void gives_up_at_the_fifth_failure_within_the_window(void **state) {
    (void)state;
    failures = 1000, run_ms = 1, errors_wanted = FAILURES_MAX;
    scenario_run_seeds(supervised);
    assert_int_equal(runs, FAILURES_MAX);
}

static void goes_on_when_failures_are_far_apart(void **state) {
    (void)state;
    failures = 40, run_ms = WINDOW_MS / (FAILURES_MAX - 1) + 1, errors_wanted = 1000;
    scenario_run_seeds(supervised);
    assert_int_equal(runs, 41);
}

/* The whole program: 0 for work done, 1 for given up; the other service has stopped either way. */
static int program(void *arg) {
    char name[] = "supervisor", number[8];
    char *words[] = {name, number, NULL};
    (void)arg;
    snprintf(number, sizeof number, "%d", failures);
    return supervisor_main(2, words);
}

static void an_error_that_is_given_up_on_ends_everything(void **state) {
    (void)state;
    wharf_sim_report report = {0};
    for (failures = 0; failures < 8; failures++) {
        const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 3);
        assert_int_equal(wharf_sim_run_report(options, program, NULL, &report), failures >= FAILURES_MAX);
        scenario_assert_clean(options, 0, &report);
        assert_in_range(report.virtual_ns, 0, INT64_C(300) * MILLISECOND_NS);
    }
}

static void nothing_is_left_wherever_it_is_cut_short(void **state) {
    (void)state;
    failures = 3;
    wharf_sim_options options = {.size = sizeof options};
    assert_true(scenario_sweep(WHARF_TEST_CANCEL, &options, program) > 5);
    assert_true(scenario_sweep(WHARF_TEST_EXPIRE, &options, program) > 5);
    assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, &options, program) >= 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_again_after_pauses_that_double),
        cmocka_unit_test(gives_up_at_the_fifth_failure_within_the_window),
        cmocka_unit_test(goes_on_when_failures_are_far_apart),
        cmocka_unit_test(an_error_that_is_given_up_on_ends_everything),
        cmocka_unit_test(nothing_is_left_wherever_it_is_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

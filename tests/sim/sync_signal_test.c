/* Events, wait groups, once and barriers in virtual time. */
#include "scenario.h"

#include <errno.h>

/* ---- events ---- */

static wharf_event event;
static int passed;

static int pass(void *arg) {
    (void)arg;
    int rc = wharf_event_wait(&event);
    passed += rc == 0 ? 1 : 0;
    return rc;
}

static int event_passed(void *arg) {
    int result = 0;
    (void)arg;
    event = (wharf_event){{0}};
    passed = 0;
    EXPECT(wharf_event_is_set(&event) == 0);
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < 4; i++) {
            (void)wharf_go(scope, pass, i);
        }
        (void)wharf_sleep(5);
        EXPECT(passed == 0);
        EXPECT(wharf_event_set(&event) == 0);
        EXPECT(wharf_event_set(&event) == 0);
        EXPECT(wharf_event_is_set(&event) == 1);
    }
    return result;
}

static int event_levels(void *arg) {
    EXPECT(event_passed(arg) == 0 && passed == 4);
    /* It stays set for whoever comes later. */
    EXPECT(wharf_event_wait(&event) == 0);
    wharf_case set = wharf_case_event(&event);
    EXPECT(wharf_select_now(&set, 1) == 0 && set.result == 0);
    EXPECT(wharf_event_clear(&event) == 0);
    EXPECT(wharf_select_now(&set, 1) == -EAGAIN);
    WHARF_WITHIN (5) {
        EXPECT(wharf_event_wait(&event) == -ETIMEDOUT);
        EXPECT(wharf_select(&set, 1) == -ETIMEDOUT);
    }
    return 0;
}

static int set_soon(void *arg) {
    (void)arg;
    (void)wharf_sleep(5);
    return wharf_event_set(&event);
}

static int event_selected(void *arg) {
    event = (wharf_event){{0}};
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, set_soon, arg);
        wharf_case cases[] = {wharf_case_after(1000), wharf_case_event(&event)};
        EXPECT(wharf_select(cases, 2) == 1);
    }
    return 0;
}

static void an_event_is_a_level(void **state) {
    (void)state;
    scenario_run_seeds(event_levels);
    scenario_run_seeds(event_selected);
    wharf_sim_options options = {.size = sizeof options, .seed = 1};
    (void)scenario_sweep(WHARF_TEST_CANCEL, &options, event_passed);
}

/* ---- wait groups ---- */

static wharf_wait_group group;
static int finished;

static int finish(void *arg) {
    int ms = *(int *)arg;
    (void)wharf_sleep(ms);
    finished++;
    return wharf_wait_group_done(&group);
}

static int grouped(void *arg) {
    (void)arg;
    int rc = 0;
    group = (wharf_wait_group){{0}};
    finished = 0;
    EXPECT(wharf_wait_group_done(&group) == -EINVAL);
    EXPECT(wharf_wait_group_add(&group, -3) == -EINVAL);
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 5; i++) {
            EXPECT(wharf_wait_group_add(&group, 1) == 0);
            if (wharf_try_go(scope, finish, i * 3) != 0) {
                EXPECT(wharf_wait_group_done(&group) == 0);
            }
        }
        EXPECT(wharf_wait_group_add(&group, INT64_MAX) == -EINVAL);
        rc = wharf_wait_group_wait(&group);
        EXPECT(rc < 0 || wharf_wait_group_add(&group, -1) == -EINVAL);
    }
    return rc;
}

static int all_grouped(void *arg) {
    EXPECT(wharf_wait_group_wait(&group) == 0);
    int rc = grouped(arg);
    EXPECT(finished == 5);
    return rc;
}

static void a_wait_group_waits_for_all(void **state) {
    (void)state;
    scenario_run_seeds(all_grouped);
    wharf_sim_options options = {.size = sizeof options, .seed = 1};
    (void)scenario_sweep(WHARF_TEST_CANCEL, &options, grouped);
    options = (wharf_sim_options){.size = sizeof options, .seed = 2};
    (void)scenario_sweep(WHARF_TEST_ALLOCATION, &options, grouped);
}

/* ---- once ---- */

static wharf_once once;
static int tries, succeed_at;

static int work(void *arg) {
    (void)arg;
    tries++;
    EXPECT(wharf_once_run(&once, work, NULL) == -EDEADLK);
    int rc = wharf_sleep(5);
    if (rc < 0) {
        return rc;
    }
    return tries >= succeed_at ? 7 : -EIO;
}

static int ask(void *arg) {
    int *results = *(int **)arg;
    int rc = wharf_once_run(&once, work, NULL);
    if (rc == 7) {
        results[0]++;
    } else if (rc == 0) {
        results[1]++;
    } else if (rc == -EIO) {
        results[2]++;
    }
    return 0;
}

static int asked(void *arg) {
    (void)arg;
    int results[3] = {0};
    int *at = results;
    once = (wharf_once){{0}};
    tries = 0;
    succeed_at = 3;
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 6; i++) {
            (void)wharf_go(scope, ask, at);
        }
    }
    /* Two failed, the third succeeded, and the others did nothing. */
    EXPECT(results[0] == 1 && results[1] == 3 && results[2] == 2 && tries == 3);
    EXPECT(wharf_once_run(&once, work, NULL) == 0 && tries == 3);
    return 0;
}

static int asked_interrupted(void *arg) {
    (void)arg;
    int results[3] = {0};
    int *at = results;
    once = (wharf_once){{0}};
    tries = 0;
    succeed_at = 1;
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 4; i++) {
            (void)wharf_go(scope, ask, at);
        }
    }
    EXPECT(results[0] <= 1);
    WHARF_SHIELD (1000) {
        int rc = wharf_once_run(&once, work, NULL);
        EXPECT(rc == -ETIMEDOUT || (rc == 0 ? results[0] == 1 : results[0] == 0));
    }
    return 0;
}

static void once_is_once_and_a_failure_is_none(void **state) {
    (void)state;
    scenario_run_seeds(asked);
    wharf_sim_options options = {.size = sizeof options, .seed = 1};
    (void)scenario_sweep(WHARF_TEST_CANCEL, &options, asked_interrupted);
    options = (wharf_sim_options){.size = sizeof options, .seed = 1};
    (void)scenario_sweep(WHARF_TEST_EXPIRE, &options, asked_interrupted);
}

/* ---- barriers ---- */

static wharf_barrier barrier;
static int arrived[4], last_ones;

static int march(void *arg) {
    int number = *(int *)arg;
    for (int round = 0; round < 5; round++) {
        (void)wharf_sleep(number);
        arrived[number] = round + 1;
        int rc = wharf_barrier_wait(&barrier);
        if (rc < 0) {
            return rc;
        }
        last_ones += rc;
        for (int i = 0; i < 4; i++) {
            EXPECT(arrived[i] >= round + 1);
        }
    }
    return 0;
}

static int marched(void *arg) {
    (void)arg;
    int result = 0;
    last_ones = 0;
    memset(arrived, 0, sizeof arrived);
    EXPECT(wharf_barrier_init(&barrier, 0) == -EINVAL);
    EXPECT(wharf_barrier_init(&barrier, 4) == 0);
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < 4; i++) {
            (void)wharf_go(scope, march, i);
        }
    }
    EXPECT(result < 0 || last_ones == 5);
    return result;
}

static int march_short(void *arg) {
    (void)arg;
    int number = 0;
    EXPECT(wharf_barrier_init(&barrier, 2) == 0);
    WHARF_WITHIN (5) {
        EXPECT(wharf_barrier_wait(&barrier) == -ETIMEDOUT);
    }
    /* It has not come, so the next one waits for another. */
    WHARF_WITHIN (5) {
        EXPECT(wharf_barrier_wait(&barrier) == -ETIMEDOUT);
    }
    EXPECT(wharf_barrier_init(&barrier, 1) == 0);
    EXPECT(wharf_barrier_wait(&barrier) == 1);
    barrier = (wharf_barrier){{0}};
    EXPECT(wharf_barrier_wait(&barrier) == -EINVAL);
    return number;
}

static void a_barrier_holds_until_all_are_there(void **state) {
    (void)state;
    scenario_run_seeds(marched);
    scenario_run_seeds(march_short);
    wharf_sim_options options = {.size = sizeof options, .seed = 1};
    (void)scenario_sweep(WHARF_TEST_CANCEL, &options, marched);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_a_level),
        cmocka_unit_test(a_wait_group_waits_for_all),
        cmocka_unit_test(once_is_once_and_a_failure_is_none),
        cmocka_unit_test(a_barrier_holds_until_all_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

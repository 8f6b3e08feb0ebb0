/* Tickers, task-locals, background tasks, leaving scopes early, shared channels and deadlocks in virtual time. */
#include "scenario.h"

#include <errno.h>

enum { MS = 1000000 };

/* ---- tickers ---- */

struct ticks {
    wharf_missed_ticks missed;
    int64_t passed[5]; /* what each tick returns */
    int64_t at_ms[5];  /* and when */
};

/* A period of 10 ms; after the first tick the task is busy for 25 ms. */
static const struct ticks tables[] = {
    {WHARF_TICKS_SKIP, {1, 2, 1, 1, 1}, {10, 35, 40, 50, 60}},
    {WHARF_TICKS_BURST, {1, 1, 1, 1, 1}, {10, 35, 35, 40, 50}},
    {WHARF_TICKS_DELAY, {1, 2, 1, 1, 1}, {10, 35, 45, 55, 65}},
};

static int ticking(void *arg) {
    (void)arg;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        wharf_ticker ticker;
        int64_t start = wharf_now_ns();
        EXPECT(wharf_ticker_init(&ticker, 10, tables[t].missed) == 0);
        for (int i = 0; i < 5; i++) {
            EXPECT(wharf_tick(&ticker) == tables[t].passed[i]);
            EXPECT(wharf_now_ns() - start == tables[t].at_ms[i] * MS);
            if (i == 0) {
                (void)wharf_sleep(25);
            }
        }
    }
    return 0;
}

static void missed_ticks_follow_the_policy(void **state) {
    (void)state;
    scenario_run_seeds(ticking);
}

static int share_ticks(void *arg) {
    wharf_ticker *ticker = *(wharf_ticker **)arg;
    for (int i = 0; i < 5; i++) {
        int64_t ticks = wharf_tick(ticker);
        if (ticks < 0) {
            return (int)ticks;
        }
        EXPECT(ticks == 1);
    }
    return 0;
}

static int ticker_rules(void *arg) {
    (void)arg;
    wharf_ticker ticker = {{0}};
    wharf_ticker *at = &ticker;
    EXPECT(wharf_tick(&ticker) == -EINVAL);
    EXPECT(wharf_ticker_init(&ticker, 0, WHARF_TICKS_SKIP) == -EINVAL);
    EXPECT(wharf_ticker_init(&ticker, INT64_MAX, WHARF_TICKS_SKIP) == -EINVAL);
    EXPECT(wharf_ticker_init(&ticker, 10, (wharf_missed_ticks)9) == -EINVAL);
    int64_t start = wharf_now_ns();
    EXPECT(wharf_ticker_init(&ticker, 10, WHARF_TICKS_SKIP) == 0);
    WHARF_WITHIN (5) {
        EXPECT(wharf_tick(&ticker) == -ETIMEDOUT);
    }
    wharf_case cases[] = {wharf_case_tick(&ticker), wharf_case_after(1000)};
    EXPECT(wharf_select(cases, 2) == 0 && cases[0].result == 1);
    EXPECT(wharf_now_ns() - start == 10 * MS);
    EXPECT(wharf_select_now(cases, 1) == -EAGAIN);
    /* Each tick goes to one of the tasks that wait for it. */
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, share_ticks, at);
        (void)wharf_go(scope, share_ticks, at);
    }
    EXPECT(wharf_now_ns() - start == 110 * MS);
    return 0;
}

static void a_tick_is_never_early_and_never_twice(void **state) {
    (void)state;
    scenario_run_seeds(ticker_rules);
}

/* ---- task-locals ---- */

static const wharf_local trace = {"trace"}, user = {"user"};

static int grandchild(void *arg) {
    int value = 0;
    (void)arg;
    EXPECT(wharf_local_get(&trace, &value, sizeof value) == sizeof value && value == 2);
    EXPECT(wharf_local_get(&user, &value, sizeof value) == 0);
    return 0;
}

static int child(void *arg) {
    int value = 0;
    EXPECT(wharf_local_get(&trace, &value, sizeof value) == sizeof value && value == 1);
    value = 2;
    int rc = wharf_local_set(&trace, &value, sizeof value);
    if (rc < 0) {
        return rc;
    }
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, grandchild, arg);
        value = 3;
        (void)wharf_local_set(&trace, &value, sizeof value);
    }
    return 0;
}

static int inherited(void *arg) {
    int value = 1, result = 0;
    char long_one[257] = "";
    EXPECT(wharf_local_get(&trace, &value, sizeof value) == 0);
    int rc = wharf_local_set(&trace, &value, sizeof value);
    if (rc < 0) {
        return rc;
    }
    EXPECT(wharf_local_set(&trace, long_one, sizeof long_one) == -EINVAL);
    WHARF_SCOPE (scope, &result) {
        (void)wharf_go(scope, child, arg);
        (void)wharf_go(scope, child, arg);
    }
    /* What children set stays with them. */
    EXPECT(wharf_local_get(&trace, &value, sizeof value) == sizeof value && value == 1);
    EXPECT(wharf_local_get(&trace, &value, 1) == -ENOBUFS);
    rc = wharf_local_set(&trace, NULL, 0);
    EXPECT(rc < 0 || wharf_local_get(&trace, &value, sizeof value) == 0);
    return result < 0 ? result : rc;
}

static int too_many(void *arg) {
    static const wharf_local keys[17];
    char value[256] = "x";
    (void)arg;
    for (int i = 0; i < 16; i++) {
        EXPECT(wharf_local_set(&keys[i], value, sizeof value) == 0);
    }
    EXPECT(wharf_local_set(&keys[16], value, 1) == -WHARF_ELIMIT);
    EXPECT(wharf_local_set(&keys[3], value, 1) == 0 && wharf_local_get(&keys[3], value, 1) == 1);
    EXPECT(wharf_local_set(&keys[4], NULL, 0) == 0 && wharf_local_set(&keys[16], value, 1) == 0);
    return 0;
}

static void values_are_handed_down_by_copy(void **state) {
    (void)state;
    scenario_run_seeds(inherited);
    scenario_run_seeds(too_many);
    wharf_sim_options options = {.size = sizeof options, .seed = 1};
    (void)scenario_sweep(WHARF_TEST_ALLOCATION, &options, inherited);
}

/* ---- background tasks, and leaving a scope early ---- */

static int cleaned_up;

static int background(void *arg) {
    (void)arg;
    EXPECT(wharf_sleep(WHARF_OFF) == -ECANCELED);
    WHARF_SHIELD (100) {
        cleaned_up += wharf_sleep(10) == 0;
    }
    return 0;
}

static int leave_behind(void *arg) {
    for (int i = 0; i < 3; i++) {
        EXPECT(wharf_go(NULL, background, arg) == 0);
    }
    return wharf_sleep(1);
}

static void background_tasks_are_cancelled_and_joined_at_the_end(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SCENARIO_SEEDS; seed++) {
        wharf_sim_report report;
        cleaned_up = 0;
        assert_int_equal(
            wharf_sim_run_report(WHARF_OPTIONS(wharf_sim_options, .seed = seed), leave_behind, NULL, &report),
            0);
        assert_int_equal(report.tasks_left, 3);
        assert_int_equal(report.blocks_left, 0);
        assert_int_equal(cleaned_up, 3);
    }
}

static int by_return(void) {
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, background, 0);
        (void)wharf_sleep(1);
        return 1;
    }
    return 0;
}

static int leave_early(void *arg) {
    int number = 0;
    (void)arg;
    cleaned_up = 0;
    EXPECT(by_return() == 1 && cleaned_up == 1);
    /* `break` leaves the block that WHARF_SCOPE is, not the loop around it. */
    int rounds = 0;
    for (int i = 0; i < 3; i++) {
        WHARF_SCOPE (scope, NULL) {
            (void)wharf_go(scope, background, number);
            (void)wharf_sleep(1);
            break;
        }
        rounds++;
    }
    EXPECT(rounds == 3 && cleaned_up == 4);
    /* goto likewise cancels, then joins. */
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, background, number);
        (void)wharf_sleep(1);
        goto out;
    }
out:
    EXPECT(cleaned_up == 5);
    return 0;
}

static int short_task(void *arg) {
    (void)arg;
    EXPECT(wharf_sleep(5) == 0);
    cleaned_up++;
    return 0;
}

/* `continue` ends the block as reaching its end does: its tasks finish. */
static int end_normally(void *arg) {
    int number = 0;
    (void)arg;
    cleaned_up = 0;
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, short_task, number);
        continue;
    }
    EXPECT(cleaned_up == 1);
    return 0;
}

static void leaving_a_scope_early_cancels_and_joins(void **state) {
    (void)state;
    scenario_run_seeds(leave_early);
    scenario_run_seeds(end_normally);
}

/* ---- shared channels, all on one scheduler ---- */

static wharf_shared_chan *shared;
static int taken;

static int put_shared(void *arg) {
    int number = *(int *)arg;
    for (int i = 0; i < 10; i++) {
        int rc = wharf_shared_put(shared, &number);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int take_shared(void *arg) {
    int value = 0;
    (void)arg;
    for (;;) {
        int rc = wharf_shared_take(shared, &value);
        if (rc <= 0) {
            return rc;
        }
        taken += value;
    }
}

static int share(void *arg) {
    int result = 0;
    (void)arg;
    taken = 0;
    shared = wharf_shared_chan_new(sizeof(int), 3);
    if (shared == NULL) {
        return -ENOMEM;
    }
    WHARF_SCOPE (takers, &result) {
        (void)wharf_go(takers, take_shared, result);
        (void)wharf_go(takers, take_shared, result);
        WHARF_SCOPE (putters, NULL) {
            for (int i = 1; i <= 4; i++) {
                (void)wharf_go(putters, put_shared, i);
            }
        }
        EXPECT(wharf_shared_chan_close(shared) == 0);
        EXPECT(wharf_shared_chan_close(shared) == -EINVAL);
        EXPECT(wharf_shared_put(shared, &result) < 0);
    }
    wharf_shared_chan_unref(shared);
    return result;
}

static int share_all(void *arg) {
    int rc = share(arg);
    EXPECT(taken == 100);
    return rc;
}

static void a_shared_channel_serves_tasks_of_one_core_too(void **state) {
    (void)state;
    scenario_run_seeds(share_all);
    for (uint64_t seed = 0; seed < 3; seed++) {
        wharf_sim_options options = {.size = sizeof options, .seed = seed};
        (void)scenario_sweep(WHARF_TEST_CANCEL, &options, share);
        options = (wharf_sim_options){.size = sizeof options, .seed = seed};
        (void)scenario_sweep(WHARF_TEST_EXPIRE, &options, share);
        options = (wharf_sim_options){.size = sizeof options, .seed = seed};
        (void)scenario_sweep(WHARF_TEST_ALLOCATION, &options, share);
    }
}

/* ---- deadlocks ---- */

static wharf_mutex mutex;

static int lock_again(void *arg) {
    (void)arg;
    int rc = wharf_mutex_lock(&mutex);
    return rc == 0 ? wharf_mutex_unlock(&mutex) : rc;
}

static int deadlocked(void *arg) {
    int value = 0;
    (void)arg;
    mutex = (wharf_mutex){{0}};
    wharf_chan chan = wharf_chan_new(sizeof value, 0);
    int rc = 0;
    EXPECT(wharf_mutex_lock(&mutex) == 0);
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, lock_again, value);
        rc = wharf_take(chan, &value);
    }
    (void)wharf_mutex_unlock(&mutex);
    (void)wharf_chan_free(chan);
    return rc;
}

static void a_deadlock_says_who_waits_for_what(void **state) {
    (void)state;
    assert_int_equal(wharf_sim_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), deadlocked, NULL),
                     -WHARF_EDEADLOCK);
    const char *why = wharf_why();
    assert_non_null(strstr(why, "main: take"));
    assert_non_null(strstr(why, "lock_again (sync_time_test.c:"));
    assert_non_null(strstr(why, "): mutex"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missed_ticks_follow_the_policy),
        cmocka_unit_test(a_tick_is_never_early_and_never_twice),
        cmocka_unit_test(values_are_handed_down_by_copy),
        cmocka_unit_test(background_tasks_are_cancelled_and_joined_at_the_end),
        cmocka_unit_test(leaving_a_scope_early_cancels_and_joins),
        cmocka_unit_test(a_shared_channel_serves_tasks_of_one_core_too),
        cmocka_unit_test(a_deadlock_says_who_waits_for_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

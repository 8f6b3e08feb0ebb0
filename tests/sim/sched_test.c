/* Tasks, scopes, deadlines and channels through the public calls, in virtual time and in any order of ready tasks. */
#include "scenario.h"

#include <errno.h>
#include <time.h>

/* ---- tasks ---- */

static int order_count;
static int order[8];

static int note(void *arg) {
    order[order_count++] = *(int *)arg;
    return 0;
}

static int spawning(void *arg) {
    (void)arg;
    order_count = 0;
    WHARF_SCOPE (scope, NULL) {
        int value = 1;
        EXPECT(wharf_go(scope, note, value) == 0);
        value = 2;
        EXPECT(order_count == 0);
    }
    EXPECT(order_count == 1 && order[0] == 1);
    return 0;
}

static void spawn_copies_the_argument_and_the_parent_goes_on(void **state) {
    (void)state;
    scenario_run_seeds(spawning);
}

static int in_order(void *arg) {
    (void)arg;
    order_count = 0;
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 5; i++) {
            EXPECT(wharf_go(scope, note, i) == 0);
        }
    }
    for (int i = 0; i < 5; i++) {
        EXPECT(order[i] == i);
    }
    return 0;
}

static void without_a_seed_tasks_run_in_the_order_of_starting(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 0), in_order);
}

static int one_order(void *arg) {
    int *seen = *(int **)arg;
    order_count = 0;
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 3; i++) {
            (void)wharf_go(scope, note, i);
        }
    }
    *seen = order[0] * 9 + order[1] * 3 + order[2];
    return 0;
}

static void a_seed_may_run_tasks_in_any_order(void **state) {
    (void)state;
    bool seen[27] = {false};
    int orders = 0;
    for (uint64_t seed = 1; seed < 200; seed++) {
        int got = 0;
        int *got_at = &got;
        assert_int_equal(wharf_sim_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed), one_order, &got_at),
                         0);
        orders += seen[got] ? 0 : 1;
        seen[got] = true;
    }
    assert_int_equal(orders, 6);
}

static int refused_spawns(void *arg) {
    (void)arg;
    static char large[4097];
    EXPECT(wharf_error(wharf_spawn(NULL, note, large, sizeof(large), NULL)) == -EINVAL);
    wharf_task_options too_large = {.size = sizeof(too_large), .stack_bytes = 1 << 20};
    EXPECT(wharf_error(wharf_spawn(NULL, note, NULL, 0, &too_large)) == -EINVAL);
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    EXPECT(wharf_scope_cancel(&scope) == 0);
    EXPECT(wharf_go(&scope, note, 1) == -ECANCELED);
    EXPECT(wharf_scope_close(&scope) == 0);
    EXPECT(wharf_go(&scope, note, 1) == -EINVAL);
    return 0;
}

static void a_spawn_that_cannot_be_is_refused(void **state) {
    (void)state;
    scenario_run_seeds(refused_spawns);
}

static int sleep_and_return(void *arg) {
    int value = *(int *)arg;
    int rc = wharf_sleep(100);
    return rc < 0 ? rc : value;
}

static int sleep_forever(void *arg) {
    (void)arg;
    return wharf_sleep(WHARF_OFF);
}

static wharf_task spawn_int(wharf_scope *scope, wharf_fn fn, int value) {
    return wharf_spawn(scope, fn, &value, sizeof(value), NULL);
}

static wharf_task self_handle;
static int join_self(void *arg) {
    (void)arg;
    EXPECT(wharf_join(self_handle, NULL) == -EDEADLK);
    return 0;
}

static int join_it(void *arg) {
    int result = 0;
    int rc = wharf_join(*(wharf_task *)arg, &result);
    return rc < 0 ? 1000 - rc : result;
}

static int joining(void *arg) {
    (void)arg;
    WHARF_SCOPE (scope, NULL) {
        int result = 0;
        wharf_task task = spawn_int(scope, sleep_and_return, 7);
        EXPECT(!wharf_failed(task));
        EXPECT(wharf_join(task, &result) == 0 && result == 7);
        EXPECT(wharf_join(task, &result) == -EINVAL);
        EXPECT(wharf_cancel(task) == -ESRCH);

        wharf_task ended = spawn_int(scope, sleep_and_return, 8);
        EXPECT(wharf_sleep(200) == 0);
        EXPECT(wharf_join(ended, &result) == 0 && result == 8);

        self_handle = spawn_int(scope, join_self, 0);
        EXPECT(wharf_join(self_handle, NULL) == 0);
        EXPECT(wharf_join((wharf_task){-ENOMEM}, NULL) == -ENOMEM);
    }
    return 0;
}

static void a_task_is_joined_once(void **state) {
    (void)state;
    scenario_run_seeds(joining);
}

static int cancelled_joiner(void *arg) {
    (void)arg;
    WHARF_SCOPE (scope, NULL) {
        int result = 0;
        wharf_task task = spawn_int(scope, sleep_and_return, 5);
        wharf_task joiner = wharf_spawn(NULL, join_it, &task, sizeof(task), NULL);
        EXPECT(wharf_sleep(1) == 0);
        EXPECT(wharf_join(task, NULL) == -EINVAL);
        EXPECT(wharf_cancel(joiner) == 0);
        EXPECT(wharf_join(joiner, &result) == 0 && result == 1000 + ECANCELED);
        WHARF_WITHIN (10) {
            EXPECT(wharf_join(task, &result) == -ETIMEDOUT);
        }
        EXPECT(wharf_join(task, &result) == 0 && result == 5);
    }
    return 0;
}

static void a_cancelled_joiner_leaves_the_task_running(void **state) {
    (void)state;
    scenario_run_seeds(cancelled_joiner);
}

static int cancelling_a_task(void *arg) {
    (void)arg;
    int result = 0;
    wharf_task task = spawn_int(NULL, sleep_forever, 0);
    EXPECT(wharf_sleep(1) == 0);
    EXPECT(wharf_cancel(task) == 0);
    EXPECT(wharf_join(task, &result) == 0 && result == -ECANCELED);
    wharf_task unstarted = spawn_int(NULL, sleep_forever, 0);
    EXPECT(wharf_cancel(unstarted) == 0);
    EXPECT(wharf_join(unstarted, &result) == 0 && result == -ECANCELED);
    EXPECT(wharf_check() == 0);
    return 0;
}

static void a_cancelled_task_fails_whether_it_has_begun_or_not(void **state) {
    (void)state;
    scenario_run_seeds(cancelling_a_task);
}

/* ---- scopes ---- */

static int ended_tasks;
static int count_after(void *arg) {
    int rc = wharf_sleep(*(int *)arg);
    ended_tasks++;
    return rc;
}

static int fail_after(void *arg) {
    int rc = wharf_sleep(*(int *)arg);
    return rc < 0 ? rc : -EIO;
}

static int scope_joins(void *arg) {
    (void)arg;
    ended_tasks = 0;
    int result = 1;
    int64_t before = wharf_now_ns();
    WHARF_SCOPE (scope, &result) {
        for (int ms = 10; ms <= 1000; ms += 10) {
            EXPECT(wharf_go(scope, count_after, ms) == 0);
        }
    }
    EXPECT(ended_tasks == 100 && result == 0);
    EXPECT(wharf_now_ns() - before == 1000 * INT64_C(1000000));
    return 0;
}

static void a_scope_is_not_left_before_its_tasks(void **state) {
    (void)state;
    scenario_run_seeds(scope_joins);
}

static int first_error(void *arg) {
    (void)arg;
    ended_tasks = 0;
    int result = 0;
    int64_t before = wharf_now_ns();
    WHARF_SCOPE (scope, &result) {
        EXPECT(wharf_go(scope, count_after, 60000) == 0);
        EXPECT(wharf_go(scope, fail_after, 10) == 0);
        EXPECT(wharf_go(scope, count_after, 60000) == 0);
        EXPECT(wharf_sleep(WHARF_OFF) == -ECANCELED);
        EXPECT(wharf_check() == -ECANCELED);
    }
    EXPECT(result == -EIO && ended_tasks == 2);
    EXPECT(wharf_now_ns() - before == 10 * INT64_C(1000000));
    EXPECT(wharf_check() == 0);
    return 0;
}

static void the_first_error_cancels_the_others_and_is_the_result(void **state) {
    (void)state;
    scenario_run_seeds(first_error);
}

static int leave_by_return(void) {
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, count_after, 60000) == 0);
        return 5;
    }
    return 0;
}

static int leaving_early(void *arg) {
    (void)arg;
    ended_tasks = 0;
    int64_t before = wharf_now_ns();
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        EXPECT(wharf_go(scope, count_after, 60000) == 0);
        if (ended_tasks == 0) {
            break;
        }
    }
    EXPECT(ended_tasks == 1);
    EXPECT(leave_by_return() == 5);
    EXPECT(ended_tasks == 2);
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, count_after, 60000) == 0);
        goto out;
    }
out:
    EXPECT(ended_tasks == 3);
    EXPECT(wharf_now_ns() == before);
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, count_after, 20) == 0);
        continue;
    }
    EXPECT(ended_tasks == 4);
    EXPECT(wharf_now_ns() - before == 20 * INT64_C(1000000));
    EXPECT(wharf_check() == 0);
    return 0;
}

static void leaving_a_block_cancels_and_joins_but_continue_waits(void **state) {
    (void)state;
    scenario_run_seeds(leaving_early);
}

static int waiting_in_a_scope(void *arg) {
    (void)arg;
    ended_tasks = 0;
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, count_after, 10) == 0);
        EXPECT(wharf_scope_wait(scope) == 0);
        EXPECT(ended_tasks == 1);
        EXPECT(wharf_go(scope, count_after, 50) == 0);
        WHARF_WITHIN (20) {
            EXPECT(wharf_scope_wait(scope) == -ETIMEDOUT);
        }
        EXPECT(ended_tasks == 1);
    }
    EXPECT(ended_tasks == 2);
    return 0;
}

static void a_scope_can_be_waited_for_and_used_again(void **state) {
    (void)state;
    scenario_run_seeds(waiting_in_a_scope);
}

static int background(void *arg) {
    (void)arg;
    int ms = 10;
    EXPECT(wharf_go(NULL, fail_after, ms) == 0);
    WHARF_WITHIN (5) {
        wharf_task task = spawn_int(NULL, sleep_and_return, 3);
        EXPECT(wharf_join(task, NULL) == -ETIMEDOUT);
    }
    EXPECT(wharf_sleep(200) == 0);
    return 0;
}

static void a_background_task_has_no_deadline_and_its_error_cancels_nobody(void **state) {
    (void)state;
    scenario_run_seeds(background);
}

static int leaves_tasks(void *arg) {
    (void)arg;
    int none = 0;
    return wharf_go(NULL, sleep_forever, none);
}

static void background_tasks_are_cancelled_and_joined_at_the_end(void **state) {
    (void)state;
    wharf_sim_report report;
    assert_int_equal(wharf_sim_run_report(NULL, leaves_tasks, NULL, &report), 0);
    assert_int_equal(report.tasks_left, 1);
    assert_int_equal(report.blocks_left, 0);
}

/* ---- deadlines, cancellation, shields ---- */

static int nested_deadlines(void *arg) {
    (void)arg;
    int64_t before = wharf_now_ns();
    WHARF_WITHIN (1000) {
        WHARF_WITHIN (50) {
            EXPECT(wharf_sleep(WHARF_OFF) == -ETIMEDOUT);
            EXPECT(wharf_now_ns() - before == 50 * INT64_C(1000000));
        }
        WHARF_WITHIN (60000) {
            EXPECT(wharf_sleep(60000) == -ETIMEDOUT);
            EXPECT(wharf_now_ns() - before == 1000 * INT64_C(1000000));
            for (int i = 0; i < 3; i++) {
                EXPECT(wharf_sleep(1) == -ETIMEDOUT && wharf_yield() == -ETIMEDOUT &&
                       wharf_check() == -ETIMEDOUT);
            }
        }
        WHARF_WITHIN (WHARF_OFF) {
            EXPECT(wharf_check() == -ETIMEDOUT);
        }
    }
    EXPECT(wharf_check() == 0 && wharf_sleep(1) == 0);
    return 0;
}

static void the_nearest_deadline_holds_until_its_block_is_left(void **state) {
    (void)state;
    scenario_run_seeds(nested_deadlines);
}

static int inherits_deadline(void *arg) {
    (void)arg;
    EXPECT(wharf_sleep(60000) == -ETIMEDOUT);
    EXPECT(wharf_sleep(0) == -ETIMEDOUT);
    return 0;
}

static int deadlines_reach_tasks(void *arg) {
    (void)arg;
    int64_t before = wharf_now_ns();
    WHARF_WITHIN (30) {
        WHARF_SCOPE (scope, NULL) {
            int none = 0;
            EXPECT(wharf_go(scope, inherits_deadline, none) == 0);
        }
    }
    EXPECT(wharf_now_ns() - before == 30 * INT64_C(1000000));
    return 0;
}

static void a_deadline_holds_for_the_tasks_inside(void **state) {
    (void)state;
    scenario_run_seeds(deadlines_reach_tasks);
}

static int cancelled_again_and_again(void *arg) {
    (void)arg;
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_scope_cancel(scope) == 0);
        for (int i = 0; i < 3; i++) {
            EXPECT(wharf_sleep(1) == -ECANCELED && wharf_check() == -ECANCELED);
            WHARF_WITHIN (0) {
                EXPECT(wharf_sleep(1) == -ECANCELED);
            }
        }
    }
    EXPECT(wharf_sleep(1) == 0);
    return 0;
}

static void cancelled_means_every_later_call(void **state) {
    (void)state;
    scenario_run_seeds(cancelled_again_and_again);
}

static int shields(void *arg) {
    (void)arg;
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_scope_cancel(scope) == 0);
        int64_t before = wharf_now_ns();
        WHARF_SHIELD (100) {
            EXPECT(wharf_sleep(40) == 0);
            EXPECT(wharf_sleep(60000) == -ETIMEDOUT);
            EXPECT(wharf_now_ns() - before == 100 * INT64_C(1000000));
            EXPECT(wharf_sleep(1) == -ETIMEDOUT);
        }
        EXPECT(wharf_sleep(1) == -ECANCELED);
        WHARF_SHIELD (WHARF_OFF) {
            EXPECT(wharf_sleep(1) < 0);
        }
    }
    WHARF_WITHIN (10) {
        EXPECT(wharf_sleep(20) == -ETIMEDOUT);
        WHARF_SHIELD (50) {
            EXPECT(wharf_sleep(20) == 0);
        }
    }
    return 0;
}

static void a_shielded_cleanup_may_block_but_not_for_ever(void **state) {
    (void)state;
    scenario_run_seeds(shields);
}

static int cleanup_when_cancelled(void *arg) {
    int *cleaned = *(int **)arg;
    int rc = wharf_sleep(WHARF_OFF);
    WHARF_SHIELD (1000) {
        *cleaned = wharf_sleep(100) == 0;
    }
    return rc;
}

static int shield_in_a_cancelled_task(void *arg) {
    (void)arg;
    int cleaned = 0;
    int *cleaned_at = &cleaned;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    EXPECT(wharf_go(&scope, cleanup_when_cancelled, cleaned_at) == 0);
    EXPECT(wharf_sleep(10) == 0);
    wharf_scope_abandon(&scope);
    EXPECT(cleaned == 1);
    return 0;
}

static void abandoning_a_scope_waits_for_shielded_cleanup(void **state) {
    (void)state;
    scenario_run_seeds(shield_in_a_cancelled_task);
}

/* ---- channels ---- */

struct feed {
    wharf_chan chan;
    int first, count;
    int64_t pause_ms;
    int *put; /* how many went in */
};

static int feed(void *arg) {
    struct feed feed = *(struct feed *)arg;
    for (int i = 0; i < feed.count; i++) {
        int value = feed.first + i;
        int rc = feed.pause_ms > 0 ? wharf_sleep(feed.pause_ms) : 0;
        rc = rc < 0 ? rc : wharf_put(feed.chan, &value);
        if (rc < 0) {
            return rc;
        }
        if (feed.put != NULL) {
            (*feed.put)++;
        }
    }
    return 0;
}

static int rendezvous(void *arg) {
    (void)arg;
    wharf_chan chan = wharf_chan_new(sizeof(int), 0);
    int put = 0;
    WHARF_SCOPE (scope, NULL) {
        struct feed plan = {chan, 10, 3, 0, &put};
        EXPECT(wharf_go(scope, feed, plan) == 0);
        EXPECT(wharf_sleep(10) == 0);
        EXPECT(put == 0);
        for (int i = 0; i < 3; i++) {
            int value = 0;
            EXPECT(wharf_take(chan, &value) == 1 && value == 10 + i);
            EXPECT(wharf_sleep(10) == 0);
            EXPECT(put == i + 1);
        }
    }
    EXPECT(wharf_chan_free(chan) == 0);
    EXPECT(wharf_chan_free(chan) == -EBADF);
    return 0;
}

static void without_capacity_a_put_waits_for_its_taker(void **state) {
    (void)state;
    scenario_run_seeds(rendezvous);
}

static int bounded(void *arg) {
    (void)arg;
    wharf_chan chan = wharf_chan_new(sizeof(int), 4);
    int put = 0;
    WHARF_SCOPE (scope, NULL) {
        struct feed plan = {chan, 0, 20, 0, &put};
        EXPECT(wharf_go(scope, feed, plan) == 0);
        EXPECT(wharf_sleep(1) == 0);
        EXPECT(put == 4);
        for (int i = 0; i < 20; i++) {
            int value = -1;
            EXPECT(wharf_take(chan, &value) == 1 && value == i);
        }
    }
    EXPECT(put == 20);
    EXPECT(wharf_chan_free(chan) == 0);
    return 0;
}

static void elements_come_in_order_and_no_more_than_fit(void **state) {
    (void)state;
    scenario_run_seeds(bounded);
}

static int put_seven(void *arg) {
    int value = 7;
    return wharf_put(*(wharf_chan *)arg, &value);
}

static int closing(void *arg) {
    (void)arg;
    wharf_chan chan = wharf_chan_new(sizeof(int), 2);
    int value = 1;
    EXPECT(wharf_put(chan, &value) == 0);
    EXPECT(wharf_put(chan, &value) == 0);
    int result = 0;
    wharf_task putter = wharf_spawn(NULL, put_seven, &chan, sizeof(chan), NULL);
    EXPECT(wharf_sleep(1) == 0);
    EXPECT(wharf_chan_close(chan) == 0);
    EXPECT(wharf_join(putter, &result) == 0 && result == -EPIPE);
    EXPECT(wharf_put(chan, &value) == -EPIPE);
    EXPECT(wharf_chan_close(chan) == -EINVAL);
    value = 0;
    EXPECT(wharf_take(chan, &value) == 1 && value == 1);
    EXPECT(wharf_take(chan, &value) == 1);
    value = 42;
    EXPECT(wharf_take(chan, &value) == 0 && wharf_take(chan, &value) == 0 && value == 42);
    EXPECT(wharf_chan_free(chan) == 0);
    EXPECT(wharf_take(chan, &value) == -EBADF && wharf_put(chan, &value) == -EBADF);
    return 0;
}

static void a_closed_channel_gives_what_is_left_then_zero(void **state) {
    (void)state;
    scenario_run_seeds(closing);
}

static int take_one(void *arg) {
    int value = 0;
    int rc = wharf_take(*(wharf_chan *)arg, &value);
    return rc == 1 ? value : rc;
}

static int freeing(void *arg) {
    (void)arg;
    wharf_chan chan = wharf_chan_new(sizeof(int), 0);
    int result = 0;
    wharf_task taker = wharf_spawn(NULL, take_one, &chan, sizeof(chan), NULL);
    EXPECT(wharf_sleep(1) == 0);
    EXPECT(wharf_chan_free(chan) == 0);
    EXPECT(wharf_join(taker, &result) == 0 && result == -EBADF);

    chan = wharf_chan_new(sizeof(int), 0);
    taker = wharf_spawn(NULL, take_one, &chan, sizeof(chan), NULL);
    EXPECT(wharf_sleep(1) == 0);
    EXPECT(wharf_chan_close(chan) == 0);
    EXPECT(wharf_join(taker, &result) == 0 && result == 0);
    EXPECT(wharf_chan_free(chan) == 0);

    EXPECT(wharf_error(wharf_chan_new(0, 1)) == -EINVAL && wharf_error(wharf_chan_new(65537, 1)) == -EINVAL);
    return 0;
}

static void who_waits_on_a_channel_hears_of_its_end(void **state) {
    (void)state;
    scenario_run_seeds(freeing);
}

static int timed_out_taker(void *arg) {
    (void)arg;
    wharf_chan chan = wharf_chan_new(sizeof(int), 0);
    WHARF_SCOPE (scope, NULL) {
        struct feed plan = {chan, 0, 50, 7, NULL};
        EXPECT(wharf_go(scope, feed, plan) == 0);
        int taken = 0;
        while (taken < 50) {
            int value = -1;
            int rc = 0;
            WHARF_WITHIN (5) {
                rc = wharf_take(chan, &value);
            }
            EXPECT(rc == 1 || rc == -ETIMEDOUT);
            EXPECT(value == (rc == 1 ? taken : -1));
            if (rc != 1 && rc != -ETIMEDOUT) {
                break;
            }
            taken += rc == 1 ? 1 : 0;
        }
    }
    EXPECT(wharf_chan_free(chan) == 0);
    return 0;
}

static void a_taker_that_times_out_loses_nothing(void **state) {
    (void)state;
    scenario_run_seeds(timed_out_taker);
}

static int put_at_the_deadline(void *arg) {
    (void)arg;
    wharf_chan chan = wharf_chan_new(sizeof(int), 0);
    WHARF_SCOPE (scope, NULL) {
        struct feed plan = {chan, 5, 1, 100, NULL};
        EXPECT(wharf_go(scope, feed, plan) == 0);
        EXPECT(wharf_yield() == 0);
        WHARF_WITHIN (100) {
            int value = 0;
            EXPECT(wharf_take(chan, &value) == 1 && value == 5);
            EXPECT(wharf_take(chan, &value) == -ETIMEDOUT);
        }
    }
    EXPECT(wharf_chan_free(chan) == 0);
    return 0;
}

static void success_in_the_same_tick_as_the_deadline_wins(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 0), put_at_the_deadline);
}

static int count_turns(void *arg) {
    int *turns = *(int **)arg;
    while (wharf_yield() == 0) {
        (*turns)++;
    }
    return 0;
}

static int busy(void *arg) {
    (void)arg;
    wharf_chan chan = wharf_chan_new(sizeof(int), 8);
    int turns = 0;
    int *turns_at = &turns;
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, count_turns, turns_at) == 0);
        for (int i = 0; i < 6400; i++) {
            int value = 0;
            EXPECT(wharf_put(chan, &value) == 0 && wharf_take(chan, &value) == 1);
        }
        EXPECT(turns >= 12800 / 64 - 1 && turns <= 12800 / 64 + 1);
        break;
    }
    EXPECT(wharf_chan_free(chan) == 0);
    return 0;
}

static void calls_that_never_block_give_way_every_64(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 0), busy);
}

/* ---- time and the end of all things ---- */

static int sleep_an_age(void *arg) {
    (void)arg;
    for (int year = 0; year < 10; year++) {
        int64_t before = wharf_now_ns();
        EXPECT(wharf_sleep(INT64_C(365) * 86400 * 1000) == 0);
        EXPECT(wharf_now_ns() - before == INT64_C(365) * 86400 * 1000 * 1000000);
    }
    return 0;
}

static void sleeping_takes_no_real_time(void **state) {
    (void)state;
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    wharf_sim_report report = scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), sleep_an_age);
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_true(end.tv_sec - begin.tv_sec < 10);
    assert_true(report.virtual_ns == INT64_C(3650) * 86400 * 1000 * 1000000);
}

static int deadlock_on_a_channel(void *arg) {
    (void)arg;
    wharf_chan chan = wharf_chan_new(sizeof(int), 0);
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, take_one, chan) == 0);
        int value = 0;
        EXPECT(wharf_take(chan, &value) == -ECANCELED);
    }
    (void)wharf_chan_free(chan);
    return 0;
}

static void a_deadlock_is_cancelled_and_reported(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        wharf_sim_report report;
        wharf_sim_options options = {.size = sizeof(options), .seed = seed};
        assert_int_equal(wharf_sim_run_report(&options, deadlock_on_a_channel, NULL, &report),
                         -WHARF_EDEADLOCK);
        scenario_assert_clean(&options, 0, &report);
        assert_non_null(strstr(wharf_why(), "EDEADLOCK"));
    }
}

static int workers(void *arg) {
    (void)arg;
    wharf_chan chan = wharf_chan_new(sizeof(int), 2);
    if (wharf_failed(chan)) {
        return wharf_error(chan);
    }
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        struct feed plan = {chan, 0, 6, 3, NULL};
        int rc = wharf_go(scope, feed, plan);
        rc = rc < 0 ? rc : wharf_go(scope, feed, plan);
        for (int i = 0; i < 12 && rc >= 0; i++) {
            int value = 0;
            rc = wharf_take(chan, &value);
        }
        if (rc < 0) {
            result = rc;
            break;
        }
    }
    WHARF_SHIELD (100) {
        (void)wharf_sleep(1);
    }
    (void)wharf_chan_free(chan);
    return result;
}

static void faults_at_every_blocking_point_leave_nothing(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        wharf_sim_options cancel = {.size = sizeof(cancel), .seed = seed};
        assert_true(scenario_sweep(WHARF_TEST_CANCEL, &cancel, workers) > 20);
        wharf_sim_options expire = {.size = sizeof(expire), .seed = seed};
        assert_true(scenario_sweep(WHARF_TEST_EXPIRE, &expire, workers) > 20);
        wharf_sim_options memory = {.size = sizeof(memory), .seed = seed};
        assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, &memory, workers) > 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spawn_copies_the_argument_and_the_parent_goes_on),
        cmocka_unit_test(without_a_seed_tasks_run_in_the_order_of_starting),
        cmocka_unit_test(a_seed_may_run_tasks_in_any_order),
        cmocka_unit_test(a_spawn_that_cannot_be_is_refused),
        cmocka_unit_test(a_task_is_joined_once),
        cmocka_unit_test(a_cancelled_joiner_leaves_the_task_running),
        cmocka_unit_test(a_cancelled_task_fails_whether_it_has_begun_or_not),
        cmocka_unit_test(a_scope_is_not_left_before_its_tasks),
        cmocka_unit_test(the_first_error_cancels_the_others_and_is_the_result),
        cmocka_unit_test(leaving_a_block_cancels_and_joins_but_continue_waits),
        cmocka_unit_test(a_scope_can_be_waited_for_and_used_again),
        cmocka_unit_test(a_background_task_has_no_deadline_and_its_error_cancels_nobody),
        cmocka_unit_test(background_tasks_are_cancelled_and_joined_at_the_end),
        cmocka_unit_test(the_nearest_deadline_holds_until_its_block_is_left),
        cmocka_unit_test(a_deadline_holds_for_the_tasks_inside),
        cmocka_unit_test(cancelled_means_every_later_call),
        cmocka_unit_test(a_shielded_cleanup_may_block_but_not_for_ever),
        cmocka_unit_test(abandoning_a_scope_waits_for_shielded_cleanup),
        cmocka_unit_test(without_capacity_a_put_waits_for_its_taker),
        cmocka_unit_test(elements_come_in_order_and_no_more_than_fit),
        cmocka_unit_test(a_closed_channel_gives_what_is_left_then_zero),
        cmocka_unit_test(who_waits_on_a_channel_hears_of_its_end),
        cmocka_unit_test(a_taker_that_times_out_loses_nothing),
        cmocka_unit_test(success_in_the_same_tick_as_the_deadline_wins),
        cmocka_unit_test(calls_that_never_block_give_way_every_64),
        cmocka_unit_test(sleeping_takes_no_real_time),
        cmocka_unit_test(a_deadlock_is_cancelled_and_reported),
        cmocka_unit_test(faults_at_every_blocking_point_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

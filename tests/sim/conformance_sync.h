/* Tasks, scopes, deadlines, channels and locks: what every call answers, and who is first where an order is promised. */
#ifndef TESTS_SIM_CONFORMANCE_SYNC_H
#define TESTS_SIM_CONFORMANCE_SYNC_H

#include "conformance.h"

static int sleep_long(void *arg) {
    int *result = *(int **)arg;
    *result = wharf_sleep(100000);
    return *result;
}

static int fail_soon(void *arg) {
    (void)arg;
    int rc = wharf_sleep(1);
    return rc < 0 ? rc : -EPROTO;
}

static int scopes(void *arg) {
    int slept = 1, result = 1, *slept_at = &slept;
    (void)arg;
    WHARF_SCOPE (scope, &result) {
        SAY(wharf_go(scope, sleep_long, slept_at));
        SAY(wharf_go(scope, fail_soon, 0));
        say("it fails: %d", wharf_scope_wait(scope) < 0); /* as cancelled, where the other task still runs */
        SAY(wharf_check());
        SAY(wharf_go(scope, fail_soon, 0));
    }
    say("scope: %s, sibling: %s", result_of(result), result_of(slept));
    WHARF_SCOPE (scope, &result) {
        SAY(wharf_go(scope, sleep_long, slept_at));
        break;
    }
    say("left early: %s", result_of(slept));
    WHARF_SCOPE (scope, &result) {
        SAY(wharf_scope_cancel(scope));
        SAY(wharf_sleep(1));
        SAY(wharf_yield());
        WHARF_SHIELD (1000) {
            SAY(wharf_sleep(1));
        }
        SAY(wharf_check());
    }
    SAY(wharf_check());
    SAY(result);
    return 0;
}

static int deadlines(void *arg) {
    (void)arg;
    WHARF_WITHIN (30) {
        WHARF_WITHIN (10000) {
            SAY(wharf_sleep(100000));
        }
        SAY(wharf_sleep(1));
        WHARF_SHIELD (10000) {
            SAY(wharf_sleep(1));
        }
        WHARF_SHIELD (5) {
            SAY(wharf_sleep(100000));
        }
    }
    SAY(wharf_sleep(0));
    WHARF_WITHIN (10000) {
        WHARF_WITHIN (5) {
            SAY(wharf_sleep(100000));
        }
        SAY(wharf_sleep(1));
    }
    WHARF_WITHIN (0) {
        SAY(wharf_sleep(0));
    }
    wharf_scope scope;
    SAY(wharf_scope_close(wharf_scope_open_within(&scope, WHARF_OFF)));
    return 0;
}

struct alarm {
    int number;
    int64_t at_ns;
};
static int alarms_rung[8], alarms_count;

static int ring(void *arg) {
    struct alarm alarm = *(struct alarm *)arg;
    int64_t ms = (alarm.at_ns - wharf_now_ns()) / 1000000;
    if (ms > 0 && wharf_sleep(ms) < 0) {
        return -EIO;
    }
    alarms_rung[alarms_count++] = alarm.number;
    return 0;
}

/* They are set in the order in which they ring, so that a slow machine rings in that order too. */
static int timers_in_order(void *arg) {
    static const int64_t after_ms[] = {20, 60, 100, 140};
    (void)arg;
    alarms_count = 0;
    int64_t now = wharf_now_ns();
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 4; i++) {
            struct alarm alarm = {i, now + after_ms[i] * 1000000};
            SAY(wharf_go(scope, ring, alarm));
            SAY(wharf_sleep(1));
        }
    }
    say("%d: %d %d %d %d", alarms_count, alarms_rung[0], alarms_rung[1], alarms_rung[2], alarms_rung[3]);
    return 0;
}

static int answer(void *arg) {
    int n = *(int *)arg;
    int rc = wharf_sleep(n);
    return rc < 0 ? rc : n;
}

static int join_itself(void *arg) {
    wharf_task *self = *(wharf_task **)arg;
    return wharf_join(*self, NULL);
}

static int joins(void *arg) {
    int result = 1, n = 7, slept = 1, *slept_at = &slept;
    (void)arg;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    wharf_task task = wharf_spawn(&scope, answer, &n, sizeof n, NULL);
    SAY(wharf_join(task, &result));
    SAY(result);
    SAY(wharf_join(task, &result));
    task = wharf_spawn(&scope, sleep_long, &slept_at, sizeof slept_at, NULL);
    WHARF_WITHIN (5) {
        SAY(wharf_join(task, &result));
    }
    SAY(wharf_cancel(task));
    SAY(wharf_join(task, &result));
    SAY(result);
    SAY(wharf_cancel(task));
    SAY(wharf_scope_close(&scope));
    wharf_task *at = &task;
    wharf_scope_open(&scope, NULL);
    task = wharf_spawn(&scope, join_itself, &at, sizeof at, NULL);
    SAY(wharf_join(task, &result));
    SAY(result);
    SAY(wharf_error(wharf_spawn(&scope, answer, &n, 100000, NULL)));
    wharf_scope_abandon(&scope);
    return 0;
}

static int put_three(void *arg) {
    wharf_chan chan = *(wharf_chan *)arg;
    for (int i = 1; i <= 3; i++) {
        int rc = wharf_put(chan, &i);
        if (rc < 0) {
            return rc;
        }
    }
    return wharf_chan_close(chan);
}

static int channels(void *arg) {
    int got = 0, n = 5;
    (void)arg;
    for (size_t capacity = 0; capacity < 4; capacity++) {
        wharf_chan chan = wharf_chan_new(sizeof got, capacity);
        WHARF_SCOPE (scope, NULL) {
            SAY(wharf_go(scope, put_three, chan));
            for (int i = 0; i < 4; i++) {
                SAY(wharf_take(chan, &got));
                SAY(got);
            }
        }
        SAY(wharf_chan_close(chan));
        SAY(wharf_put(chan, &n));
        SAY(wharf_chan_free(chan));
        SAY(wharf_take(chan, &got));
    }
    wharf_chan chan = wharf_chan_new(sizeof got, 1);
    SAY(wharf_try_take(chan, &got));
    SAY(wharf_try_put(chan, &n));
    SAY(wharf_try_put(chan, &n));
    WHARF_WITHIN (5) {
        SAY(wharf_put(chan, &n));
    }
    SAY(wharf_chan_close(chan));
    SAY(wharf_take(chan, &got));
    SAY(wharf_take(chan, &got));
    SAY(wharf_chan_free(chan));
    return 0;
}

static int take_one(void *arg) {
    wharf_chan chan = *(wharf_chan *)arg;
    int got = 0;
    int rc = wharf_take(chan, &got);
    alarms_rung[alarms_count++ % 8] = rc == 1 ? got : rc;
    return 0;
}

/* Takers are served in the order in which they came. */
static int takers_in_order(void *arg) {
    (void)arg;
    alarms_count = 0;
    wharf_chan chan = wharf_chan_new(sizeof(int), 0);
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 3; i++) {
            SAY(wharf_go(scope, take_one, chan));
            SAY(wharf_sleep(1));
        }
        for (int i = 0; i < 2; i++) {
            SAY(wharf_put(chan, &i));
            SAY(wharf_sleep(1));
        }
        SAY(wharf_chan_close(chan));
    }
    say("%d %d %d", alarms_rung[0], alarms_rung[1], alarms_rung[2]);
    SAY(wharf_chan_free(chan));
    return 0;
}

static int selects(void *arg) {
    int got = 0, n = 9;
    (void)arg;
    wharf_chan full = wharf_chan_new(sizeof got, 1), empty = wharf_chan_new(sizeof got, 1);
    SAY(wharf_put(full, &n));
    wharf_case cases[3] = {wharf_case_put(full, &n), wharf_case_take(empty, &got), wharf_case_after(5)};
    SAY(wharf_select_now(cases, 2));
    SAY(wharf_select(cases, 3));
    SAY(wharf_put(empty, &n));
    SAY(wharf_select(cases, 3));
    SAY(got);
    SAY(wharf_take(full, &got));
    SAY(wharf_select(cases, 3));
    SAY(wharf_chan_close(empty));
    SAY(wharf_select(cases, 3));
    SAY(cases[1].result);
    SAY(wharf_chan_free(full));
    SAY(wharf_chan_free(empty));
    SAY(wharf_select(cases, 0));
    return 0;
}

static wharf_mutex mutex;
static wharf_cond cond;
static int turns[8], turn_count;

static int take_turn(void *arg) {
    int n = *(int *)arg;
    int rc = wharf_mutex_lock(&mutex);
    if (rc < 0) {
        return rc;
    }
    turns[turn_count++] = n;
    (void)wharf_sleep(1);
    return wharf_mutex_unlock(&mutex);
}

static int wait_for_signal(void *arg) {
    int n = *(int *)arg;
    int rc = wharf_mutex_lock(&mutex);
    rc = rc < 0 ? rc : wharf_cond_wait(&cond, &mutex);
    turns[turn_count++] = rc < 0 ? rc : n;
    return wharf_mutex_unlock(&mutex);
}

static int locks(void *arg) {
    (void)arg;
    turn_count = 0;
    SAY(wharf_mutex_lock(&mutex));
    SAY(wharf_mutex_lock(&mutex));
    SAY(wharf_mutex_try_lock(&mutex));
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 3; i++) {
            SAY(wharf_go(scope, take_turn, i));
            SAY(wharf_sleep(1));
        }
        SAY(wharf_mutex_unlock(&mutex));
        SAY(wharf_mutex_unlock(&mutex));
    }
    say("turns: %d %d %d", turns[0], turns[1], turns[2]);
    turn_count = 0;
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 3; i++) {
            SAY(wharf_go(scope, wait_for_signal, i));
            SAY(wharf_sleep(1));
        }
        SAY(wharf_cond_signal(&cond));
        SAY(wharf_sleep(1));
        SAY(turn_count);
        SAY(wharf_cond_broadcast(&cond));
    }
    SAY(turn_count);
    wharf_rwlock rwlock = {{NULL}};
    SAY(wharf_rwlock_read(&rwlock));
    WHARF_WITHIN (5) {
        SAY(wharf_rwlock_write(&rwlock));
    }
    SAY(wharf_rwlock_unlock(&rwlock));
    SAY(wharf_rwlock_write(&rwlock));
    SAY(wharf_rwlock_unlock(&rwlock));
    SAY(wharf_rwlock_unlock(&rwlock));
    return 0;
}

static int meet(void *arg) {
    wharf_barrier *barrier = *(wharf_barrier **)arg;
    int rc = wharf_barrier_wait(barrier);
    turns[rc == 1 ? 1 : 0]++;
    return rc < 0 ? rc : 0;
}

static int count_once(void *arg) {
    turns[0]++;
    return *(int *)arg;
}

static int counters(void *arg) {
    wharf_semaphore semaphore;
    wharf_limiter limiter;
    wharf_barrier barrier, *barrier_at = &barrier;
    wharf_wait_group group = {{NULL}};
    wharf_event event = {{NULL}};
    wharf_once once = {{NULL}};
    int result = 0;
    (void)arg;
    SAY(wharf_semaphore_init(&semaphore, 2));
    SAY(wharf_semaphore_init(&semaphore, -1));
    SAY(wharf_semaphore_acquire(&semaphore, 2));
    SAY(wharf_semaphore_try_acquire(&semaphore, 1));
    SAY(wharf_semaphore_release(&semaphore, 3));
    SAY(wharf_semaphore_acquire(&semaphore, 3));
    SAY(wharf_limiter_init(&limiter, 2));
    SAY(wharf_limiter_acquire(&limiter, 3));
    SAY(wharf_limiter_acquire(&limiter, 1));
    SAY(wharf_limiter_release(&limiter, 2));
    SAY(wharf_limiter_release(&limiter, 1));
    SAY(wharf_wait_group_add(&group, -1));
    SAY(wharf_wait_group_wait(&group));
    SAY(wharf_event_is_set(&event));
    WHARF_WITHIN (5) {
        SAY(wharf_event_wait(&event));
    }
    SAY(wharf_event_set(&event));
    SAY(wharf_event_wait(&event));
    turns[0] = turns[1] = 0;
    SAY(wharf_barrier_init(&barrier, 3));
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < 3; i++) {
            SAY(wharf_go(scope, meet, barrier_at));
        }
    }
    say("result %d: %d waited, %d came last", result, turns[0], turns[1]);
    int wrong = -EIO, right = 4;
    turns[0] = 0;
    SAY(wharf_once_run(&once, count_once, &wrong));
    SAY(wharf_once_run(&once, count_once, &right));
    SAY(wharf_once_run(&once, count_once, &wrong));
    SAY(turns[0]);
    return 0;
}

static const struct program sync_programs[] = {
    {"scopes", scopes},     {"deadlines", deadlines},
    {"joins", joins},       {"timers_in_order", timers_in_order},
    {"channels", channels}, {"takers_in_order", takers_in_order},
    {"selects", selects},   {"locks", locks},
    {"counters", counters},
};
enum { SYNC_PROGRAMS = sizeof sync_programs / sizeof *sync_programs };

#endif

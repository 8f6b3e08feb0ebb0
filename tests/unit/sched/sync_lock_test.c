/* Locks, permits and meeting points on the real engine: many tasks that are interrupted at any point by real deadlines, and
 * what each lock must be like afterwards. The rules one by one, and every order of tasks, are in tests/sim/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail

#include <errno.h>

#include "base/memory.h"
#include "sched/internal.h"
#include "wharf/sync.h"
#include "wharf/task.h"

enum { TASKS = 16, ROUNDS = 60, PERMITS = 5 };

static wharf_mutex mutex;
static wharf_rwlock rwlock;
static wharf_limiter limiter;
static wharf_semaphore semaphore;
static wharf_cond cond;
static int in_mutex, in_read, in_write, permits_out, produced, consumed, broken;

static void expect(bool holds) {
    broken += holds ? 0 : 1;
}

/* Gives way now and then, so that others meet a held lock. */
static void dawdle(int n) {
    if (n % 3 == 0) {
        (void)wharf_yield();
    }
    if (n % 17 == 0) {
        (void)wharf_sleep(1);
    }
}

static void use_mutex(int n) {
    if (wharf_mutex_lock(&mutex) == 0) {
        expect(in_mutex++ == 0);
        dawdle(n);
        in_mutex--;
        expect(wharf_mutex_unlock(&mutex) == 0);
    }
}

static void use_rwlock(int n) {
    bool writes = n % 4 == 0;
    int rc = writes ? wharf_rwlock_write(&rwlock) : wharf_rwlock_read(&rwlock);
    if (rc == 0) {
        *(writes ? &in_write : &in_read) += 1;
        expect(in_write == 0 || (in_write == 1 && in_read == 0));
        dawdle(n);
        *(writes ? &in_write : &in_read) -= 1;
        expect(wharf_rwlock_unlock(&rwlock) == 0);
    }
}

static void use_permits(int n) {
    int k = n % PERMITS + 1;
    if (wharf_limiter_acquire(&limiter, k) == 0) {
        permits_out += k;
        expect(permits_out <= PERMITS);
        dawdle(n);
        permits_out -= k;
        expect(wharf_limiter_release(&limiter, k) == 0);
    }
    if (wharf_semaphore_acquire(&semaphore, k) == 0) {
        dawdle(n);
        expect(wharf_semaphore_release(&semaphore, k) == 0);
    }
}

static int use_all(void *arg) {
    int number = *(int *)arg;
    for (int i = 0; i < ROUNDS; i++) {
        /* Some run into their deadline in the middle of one of these. */
        WHARF_WITHIN (i % 4 == 0 ? 1 : 60000) {
            use_mutex(number + i);
            use_rwlock(number + i);
            use_permits(number + i);
        }
    }
    return 0;
}

static void locks_hold_under_deadlines(void **state) {
    (void)state;
    mutex = (wharf_mutex){{0}};
    rwlock = (wharf_rwlock){{0}};
    assert_int_equal(wharf_limiter_init(&limiter, PERMITS), 0);
    assert_int_equal(wharf_semaphore_init(&semaphore, PERMITS), 0);
    broken = 0;
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < TASKS; i++) {
            assert_int_equal(wharf_go(scope, use_all, i), 0);
        }
    }
    assert_int_equal(broken, 0);
    assert_int_equal(in_mutex + in_read + in_write + permits_out, 0);
    /* All free again, and nobody left in a queue. */
    assert_int_equal(wharf_mutex_try_lock(&mutex), 0);
    assert_int_equal(wharf_mutex_unlock(&mutex), 0);
    assert_int_equal(wharf_rwlock_write(&rwlock), 0);
    assert_int_equal(wharf_rwlock_unlock(&rwlock), 0);
    assert_int_equal(wharf_limiter_try_acquire(&limiter, PERMITS), 0);
    assert_int_equal(wharf_limiter_release(&limiter, PERMITS), 0);
    assert_int_equal(wharf_semaphore_try_acquire(&semaphore, PERMITS), 0);
}

/* ---- a bounded buffer, as with threads ---- */

static int produce(void *arg) {
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (wharf_mutex_lock(&mutex) != 0) {
            return -EIO;
        }
        produced++;
        (void)wharf_cond_signal(&cond);
        (void)wharf_mutex_unlock(&mutex);
        dawdle(i);
    }
    return 0;
}

static int consume(void *arg) {
    (void)arg;
    for (int i = 0; i < ROUNDS;) {
        int rc = 0;
        WHARF_WITHIN (i % 3 == 0 ? 1 : 60000) {
            rc = wharf_mutex_lock(&mutex);
            if (rc < 0) {
                continue; /* leaves the block */
            }
            while (rc == 0 && produced == consumed) {
                rc = wharf_cond_wait(&cond, &mutex);
            }
            if (rc == 0) {
                consumed++;
                i++;
            } else if (produced > consumed) {
                (void)wharf_cond_signal(&cond); /* it may have been this one's */
            }
            expect(wharf_mutex_unlock(&mutex) == 0);
        }
        if (rc < 0 && rc != -ETIMEDOUT) {
            return rc;
        }
    }
    return 0;
}

static void a_condition_loses_no_signal(void **state) {
    (void)state;
    int result = 0;
    mutex = (wharf_mutex){{0}};
    cond = (wharf_cond){{0}};
    produced = consumed = broken = 0;
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < 4; i++) {
            assert_int_equal(wharf_go(scope, consume, i), 0);
            assert_int_equal(wharf_go(scope, produce, i), 0);
        }
    }
    assert_int_equal(result, 0);
    assert_int_equal(broken, 0);
    assert_int_equal(produced, 4 * ROUNDS);
    assert_int_equal(consumed, 4 * ROUNDS);
}

/* ---- meeting points ---- */

static wharf_barrier barrier;
static wharf_wait_group group;
static wharf_event started;
static wharf_once once;
static int set_up, last_ones;

static int set_up_once(void *arg) {
    set_up++;
    (void)arg;
    return wharf_sleep(1);
}

static int meet(void *arg) {
    (void)arg;
    expect(wharf_event_wait(&started) == 0);
    expect(wharf_once_run(&once, set_up_once, NULL) == 0 && set_up == 1);
    for (int i = 0; i < ROUNDS; i++) {
        int rc = wharf_barrier_wait(&barrier);
        expect(rc >= 0);
        last_ones += rc;
    }
    return wharf_wait_group_done(&group);
}

static void tasks_meet(void **state) {
    (void)state;
    started = (wharf_event){{0}};
    once = (wharf_once){{0}};
    group = (wharf_wait_group){{0}};
    set_up = last_ones = broken = 0;
    assert_int_equal(wharf_barrier_init(&barrier, TASKS), 0);
    assert_int_equal(wharf_wait_group_add(&group, TASKS), 0);
    for (int i = 0; i < TASKS; i++) {
        assert_int_equal(wharf_go(NULL, meet, i), 0);
    }
    assert_int_equal(wharf_yield(), 0);
    assert_int_equal(set_up, 0);
    assert_int_equal(wharf_event_set(&started), 0);
    assert_int_equal(wharf_wait_group_wait(&group), 0);
    assert_int_equal(broken, 0);
    assert_int_equal(last_ones, ROUNDS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locks_hold_under_deadlines),
        cmocka_unit_test(a_condition_loses_no_signal),
        cmocka_unit_test(tasks_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

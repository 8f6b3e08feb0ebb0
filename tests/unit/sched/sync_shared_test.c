/* Shared channels between plain threads and the tasks of several schedulers: no element lost or doubled, no lost wake-up,
 * freed with the last reference. Meant for ThreadSanitizer, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "sched/internal.h"
#include "wharf/wharf.h"

enum { THREADS = 3, TASKS = 3, PER_PUTTER = 400 };

static wharf_shared_chan *chan;
static _Atomic int64_t put_sum, taken_sum, taken_count;

static int put_numbers(int base) {
    for (int i = 0; i < PER_PUTTER; i++) {
        int value = base + i;
        int rc = wharf_shared_put(chan, &value);
        if (rc < 0) {
            return rc;
        }
        atomic_fetch_add(&put_sum, value);
    }
    return 0;
}

static int take_numbers(void) {
    for (;;) {
        int value = 0;
        int rc = wharf_shared_take(chan, &value);
        if (rc <= 0) {
            return rc;
        }
        atomic_fetch_add(&taken_sum, value);
        atomic_fetch_add(&taken_count, 1);
    }
}

static void *plain_putter(void *arg) {
    (void)put_numbers((int)(intptr_t)arg);
    /* Nothing of the above has made this thread a scheduler. */
    return sched_peek();
}

static void *plain_taker(void *arg) {
    (void)arg;
    (void)take_numbers();
    return sched_peek();
}

static int task_putter(void *arg) {
    return put_numbers(*(int *)arg);
}

static int task_taker(void *arg) {
    (void)arg;
    return take_numbers();
}

static void *tasks_putting(void *arg) {
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < TASKS; i++) {
            (void)wharf_go(scope, task_putter, (int)(intptr_t)arg + i);
        }
    }
    return (void *)(intptr_t)result;
}

static void *tasks_taking(void *arg) {
    int result = 0;
    (void)arg;
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < TASKS; i++) {
            (void)wharf_go(scope, task_taker, i);
        }
    }
    return (void *)(intptr_t)result;
}

static void storm(size_t capacity) {
    pthread_t putters[THREADS * 2], takers[THREADS * 2];
    chan = wharf_shared_chan_new(sizeof(int), capacity);
    assert_non_null(chan);
    put_sum = taken_sum = taken_count = 0;
    for (int i = 0; i < THREADS * 2; i++) {
        assert_int_equal(pthread_create(&takers[i], NULL, i % 2 ? plain_taker : tasks_taking, NULL), 0);
        void *base = (void *)(intptr_t)(i * 1000);
        assert_int_equal(pthread_create(&putters[i], NULL, i % 2 ? plain_putter : tasks_putting, base), 0);
    }
    void *result = NULL;
    for (int i = 0; i < THREADS * 2; i++) {
        assert_int_equal(pthread_join(putters[i], &result), 0);
        assert_null(result);
    }
    assert_int_equal(wharf_shared_chan_close(chan), 0);
    for (int i = 0; i < THREADS * 2; i++) {
        assert_int_equal(pthread_join(takers[i], &result), 0);
        assert_null(result);
    }
    assert_int_equal(taken_count, THREADS * PER_PUTTER + THREADS * TASKS * PER_PUTTER);
    assert_int_equal(taken_sum, put_sum);
    wharf_shared_chan_unref(chan);
}

static void nothing_is_lost_between_threads_and_tasks(void **state) {
    (void)state;
    int64_t before = mem_live();
    storm(1);
    storm(7);
    assert_int_equal(mem_live(), before);
}

/* ---- interrupted while another thread hands over ---- */

static _Atomic bool stop;

static void *keep_putting(void *arg) {
    int64_t *put = arg;
    int value = 1;
    while (!atomic_load(&stop)) {
        if (wharf_shared_put(chan, &value) < 0) {
            break;
        }
        (*put)++;
    }
    return NULL;
}

static int take_within(void *arg) {
    int64_t *taken = *(int64_t **)arg;
    for (int i = 0; i < 300; i++) {
        int value = 0;
        WHARF_WITHIN (i % 3) {
            if (wharf_shared_take(chan, &value) == 1) {
                (*taken)++;
            }
        }
    }
    return 0;
}

static void a_deadline_loses_nothing_that_was_handed_over(void **state) {
    (void)state;
    int64_t put[2] = {0}, taken = 0;
    int64_t *at = &taken;
    pthread_t threads[2];
    chan = wharf_shared_chan_new(sizeof(int), 1);
    assert_non_null(chan);
    atomic_store(&stop, false);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, keep_putting, &put[i]), 0);
    }
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 4; i++) {
            assert_int_equal(wharf_go(scope, take_within, at), 0);
        }
    }
    atomic_store(&stop, true);
    /* One of them may still wait for room. */
    int value = 0;
    assert_int_equal(wharf_shared_chan_close(chan), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    while (wharf_shared_try_take(chan, &value) == 1) {
        taken++;
    }
    assert_int_equal(put[0] + put[1], taken);
    wharf_shared_chan_unref(chan);
}

/* ---- rules ---- */

static void the_calls_that_do_not_wait(void **state) {
    (void)state;
    int value = 1;
    assert_null(wharf_shared_chan_new(0, 1));
    assert_null(wharf_shared_chan_new(1, 0));
    assert_null(wharf_shared_chan_new(65537, 1));
    assert_non_null(strstr(wharf_why(), "out of range"));
    chan = wharf_shared_chan_new(sizeof value, 1);
    assert_int_equal(wharf_shared_try_take(chan, &value), -EAGAIN);
    assert_int_equal(wharf_shared_try_put(chan, &value), 0);
    assert_int_equal(wharf_shared_try_put(chan, &value), -EAGAIN);
    assert_int_equal(wharf_shared_chan_close(chan), 0);
    assert_int_equal(wharf_shared_try_put(chan, &value), -EPIPE);
    assert_int_equal(wharf_shared_put(chan, &value), -EPIPE);
    assert_int_equal(wharf_shared_try_take(chan, &value), 1);
    assert_int_equal(wharf_shared_try_take(chan, &value), 0);
    assert_int_equal(wharf_shared_take(chan, &value), 0);
    wharf_shared_chan_unref(wharf_shared_chan_ref(chan));
    wharf_shared_chan_unref(chan);
    wharf_shared_chan_unref(NULL);
}

static void *unref_later(void *arg) {
    int value = 0;
    /* The taker that waits has a reference of its own for as long as it is inside. */
    while (wharf_shared_try_put(arg, &value) == -EAGAIN) {
    }
    wharf_shared_chan_unref(arg);
    return NULL;
}

static void the_last_reference_frees_it(void **state) {
    (void)state;
    int64_t before = mem_live();
    for (int i = 0; i < 200; i++) {
        int value = 1;
        pthread_t thread;
        wharf_shared_chan *own = wharf_shared_chan_new(sizeof value, 1);
        assert_int_equal(pthread_create(&thread, NULL, unref_later, wharf_shared_chan_ref(own)), 0);
        assert_int_equal(wharf_shared_take(own, &value), 1);
        wharf_shared_chan_unref(own);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    assert_int_equal(mem_live(), before);
}

/* ---- events and permits ---- */

static wharf_shared_event *go;
static wharf_shared_semaphore *permits;
static _Atomic int64_t permits_out, permits_most, rounds_done;

static int use_permits(int number) {
    int rc = wharf_shared_event_wait(go);
    for (int i = 0; i < 100 && rc == 0; i++) {
        int k = (number + i) % 3 + 1;
        rc = wharf_shared_semaphore_acquire(permits, k);
        if (rc == 0) {
            int64_t out = atomic_fetch_add(&permits_out, k) + k;
            int64_t most = atomic_load(&permits_most);
            while (out > most && !atomic_compare_exchange_weak(&permits_most, &most, out)) {
            }
            atomic_fetch_sub(&permits_out, k);
            rc = wharf_shared_semaphore_release(permits, k);
            atomic_fetch_add(&rounds_done, 1);
        }
    }
    return rc;
}

static void *plain_user(void *arg) {
    (void)use_permits((int)(intptr_t)arg);
    return sched_peek();
}

static int task_user(void *arg) {
    return use_permits(*(int *)arg);
}

/* Interrupted while it asks for more than there is. */
static int greedy_task(void *arg) {
    (void)arg;
    for (int i = 0; i < 50; i++) {
        WHARF_WITHIN (1) {
            int rc = wharf_shared_semaphore_acquire(permits, 5);
            if (rc != -ETIMEDOUT) {
                return -EIO;
            }
        }
    }
    return 0;
}

static void *tasks_using(void *arg) {
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < TASKS; i++) {
            (void)wharf_go(scope, task_user, (int)(intptr_t)arg + i);
        }
        (void)wharf_go(scope, greedy_task, 0);
    }
    return (void *)(intptr_t)result;
}

static void permits_span_threads_and_tasks(void **state) {
    (void)state;
    int64_t before = mem_live();
    pthread_t threads[4];
    assert_null(wharf_shared_semaphore_new(-1));
    go = wharf_shared_event_new();
    permits = wharf_shared_semaphore_new(4);
    assert_non_null(go);
    assert_non_null(permits);
    permits_out = permits_most = rounds_done = 0;
    for (int i = 0; i < 4; i++) {
        void *number = (void *)(intptr_t)i;
        assert_int_equal(pthread_create(&threads[i], NULL, i % 2 ? plain_user : tasks_using, number), 0);
    }
    assert_int_equal(wharf_shared_event_is_set(go), 0);
    wharf_shared_event_set(wharf_shared_event_ref(go));
    wharf_shared_event_unref(go);
    assert_int_equal(wharf_shared_event_is_set(go), 1);
    for (int i = 0; i < 4; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
    assert_int_equal(rounds_done, 100 * (2 + 2 * TASKS));
    assert_in_range(permits_most, 1, 4);
    assert_int_equal(wharf_shared_semaphore_try_acquire(permits, 4), 0);
    assert_int_equal(wharf_shared_semaphore_try_acquire(permits, 1), -EAGAIN);
    assert_int_equal(wharf_shared_semaphore_acquire(permits, 0), -EINVAL);
    assert_int_equal(wharf_shared_semaphore_release(permits, INT64_MAX), 0);
    assert_int_equal(wharf_shared_semaphore_release(permits, 1), -EOVERFLOW);
    wharf_shared_event_clear(go);
    WHARF_WITHIN (1) {
        assert_int_equal(wharf_shared_event_wait(go), -ETIMEDOUT);
    }
    wharf_shared_semaphore_unref(wharf_shared_semaphore_ref(permits));
    wharf_shared_semaphore_unref(permits);
    wharf_shared_event_unref(go);
    assert_int_equal(mem_live(), before);
}

/* ---- what belongs to one core ---- */

static wharf_mutex mutex;
static wharf_event event;
static wharf_limiter limiter;
static wharf_chan local_chan;

static void *from_elsewhere(void *arg) {
    int *errors = arg;
    int value = 0;
    errors[0] = wharf_mutex_lock(&mutex);
    errors[1] = wharf_mutex_try_lock(&mutex);
    errors[2] = wharf_mutex_unlock(&mutex);
    errors[3] = wharf_limiter_acquire(&limiter, 1);
    errors[4] = wharf_event_set(&event);
    errors[5] = wharf_take(local_chan, &value);
    wharf_case take = wharf_case_take(local_chan, &value);
    errors[6] = wharf_select(&take, 1) == 0 ? take.result : 0;
    wharf_cond cond = {{0}};
    errors[7] = wharf_cond_wait(&cond, &mutex) == -EPERM ? -EXDEV : 0;
    return NULL;
}

static int wait_event(void *arg) {
    (void)arg;
    return wharf_event_wait(&event);
}

static void another_thread_is_an_error_and_no_race(void **state) {
    (void)state;
    int errors[8] = {0}, number = 0;
    pthread_t thread;
    mutex = (wharf_mutex){{0}};
    event = (wharf_event){{0}};
    local_chan = wharf_chan_new(sizeof(int), 1);
    assert_int_equal(wharf_mutex_lock(&mutex), 0);
    assert_int_equal(wharf_limiter_init(&limiter, 2), 0);
    assert_int_equal(wharf_limiter_acquire(&limiter, 1), 0);
    WHARF_SCOPE (scope, NULL) {
        assert_int_equal(wharf_go(scope, wait_event, number), 0);
        assert_int_equal(wharf_yield(), 0);
        assert_int_equal(pthread_create(&thread, NULL, from_elsewhere, errors), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(wharf_event_set(&event), 0);
    }
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        assert_int_equal(errors[i], -EXDEV);
    }
    assert_int_equal(wharf_mutex_unlock(&mutex), 0);
    assert_int_equal(wharf_limiter_release(&limiter, 1), 0);
    assert_int_equal(wharf_chan_free(local_chan), 0);
}

static void *lock_and_unlock(void *arg) {
    int *rc = arg;
    *rc = wharf_mutex_lock(&mutex);
    if (*rc == 0) {
        *rc = wharf_mutex_unlock(&mutex);
    }
    return NULL;
}

static void a_free_lock_serves_one_thread_after_the_other(void **state) {
    (void)state;
    mutex = (wharf_mutex){{0}};
    for (int i = 0; i < 3; i++) {
        int rc = -1;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, lock_and_unlock, &rc), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(rc, 0);
        (void)lock_and_unlock(&rc);
        assert_int_equal(rc, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_between_threads_and_tasks),
        cmocka_unit_test(a_deadline_loses_nothing_that_was_handed_over),
        cmocka_unit_test(the_calls_that_do_not_wait),
        cmocka_unit_test(the_last_reference_frees_it),
        cmocka_unit_test(permits_span_threads_and_tasks),
        cmocka_unit_test(another_thread_is_an_error_and_no_race),
        cmocka_unit_test(a_free_lock_serves_one_thread_after_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

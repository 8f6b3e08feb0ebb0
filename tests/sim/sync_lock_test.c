/* Locks and permits in virtual time: exclusion, order, errors, and what a cancelled waiter leaves behind. */
#include "scenario.h"

#include <errno.h>
#include <stdlib.h>

/* ---- mutex ---- */

static wharf_mutex mutex;
static int inside, entered, order[8], ordered;

static int enter(void *arg) {
    int number = *(int *)arg;
    int rc = wharf_mutex_lock(&mutex);
    if (rc < 0) {
        return rc;
    }
    EXPECT(inside == 0);
    inside++;
    order[ordered++ % 8] = number;
    (void)wharf_sleep(1);
    inside--;
    entered++;
    EXPECT(wharf_mutex_unlock(&mutex) == 0);
    return 0;
}

static int exclusive(void *arg) {
    (void)arg;
    int result = 0;
    mutex = (wharf_mutex){0};
    inside = entered = ordered = 0;
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < 6; i++) {
            (void)wharf_go(scope, enter, i);
        }
    }
    EXPECT(inside == 0);
    if (result == 0) {
        EXPECT(wharf_mutex_try_lock(&mutex) != -EAGAIN);
        (void)wharf_mutex_unlock(&mutex);
    }
    return result;
}

static int all_enter(void *arg) {
    int rc = exclusive(arg);
    EXPECT(entered == 6);
    return rc;
}

static void a_mutex_excludes(void **state) {
    (void)state;
    scenario_run_seeds(all_enter);
}

static void an_interrupted_wait_leaves_the_mutex_to_others(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        wharf_sim_options options = {.size = sizeof options, .seed = seed};
        (void)scenario_sweep(WHARF_TEST_CANCEL, &options, exclusive);
        options = (wharf_sim_options){.size = sizeof options, .seed = seed};
        (void)scenario_sweep(WHARF_TEST_EXPIRE, &options, exclusive);
        options = (wharf_sim_options){.size = sizeof options, .seed = seed};
        (void)scenario_sweep(WHARF_TEST_ALLOCATION, &options, exclusive);
    }
}

static int in_order(void *arg) {
    (void)arg;
    mutex = (wharf_mutex){0};
    inside = ordered = 0;
    EXPECT(wharf_mutex_lock(&mutex) == 0);
    EXPECT(wharf_mutex_lock(&mutex) == -EDEADLK);
    EXPECT(wharf_mutex_try_lock(&mutex) == -EDEADLK);
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 6; i++) {
            (void)wharf_go(scope, enter, i);
            (void)wharf_sleep(1);
        }
        EXPECT(wharf_mutex_unlock(&mutex) == 0);
        /* Handed on in one step: nobody comes between. */
        EXPECT(wharf_mutex_try_lock(&mutex) == -EAGAIN);
        EXPECT(wharf_mutex_unlock(&mutex) == -EPERM);
    }
    for (int i = 0; i < 6; i++) {
        EXPECT(order[i] == i);
    }
    EXPECT(wharf_mutex_unlock(&mutex) == -EPERM);
    return 0;
}

static void a_mutex_goes_to_the_longest_waiter(void **state) {
    (void)state;
    scenario_run_seeds(in_order);
}

static int lock_with_deadline(void *arg) {
    int *got = *(int **)arg;
    WHARF_WITHIN (10) {
        *got = wharf_mutex_lock(&mutex);
    }
    return 0;
}

static int waiter_gives_up(void *arg) {
    (void)arg;
    int late = 0, number = 0;
    int *at = &late;
    mutex = (wharf_mutex){0};
    inside = 0;
    EXPECT(wharf_mutex_lock(&mutex) == 0);
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, lock_with_deadline, at);
        (void)wharf_sleep(1);
        (void)wharf_go(scope, enter, number);
        (void)wharf_sleep(20);
        EXPECT(late == -ETIMEDOUT);
        EXPECT(wharf_mutex_unlock(&mutex) == 0);
    }
    EXPECT(wharf_mutex_lock(&mutex) == 0);
    return wharf_mutex_unlock(&mutex);
}

static void a_waiter_that_gives_up_is_passed_over(void **state) {
    (void)state;
    scenario_run_seeds(waiter_gives_up);
}

static int forget(void *arg) {
    (void)arg;
    return wharf_mutex_lock(&mutex);
}

static int forgotten(void *arg) {
    (void)arg;
    int number = 0;
    mutex = (wharf_mutex){0};
    inside = entered = 0;
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, forget, number);
        (void)wharf_sleep(1);
        EXPECT(wharf_mutex_lock(&mutex) == 0);
        EXPECT(wharf_mutex_unlock(&mutex) == 0);
    }
    return 0;
}

static int forgotten_on_the_stack(void *arg) {
    (void)arg;
    wharf_mutex local = {{0}};
    return wharf_mutex_lock(&local);
}

static int forgets_its_own(void *arg) {
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, forgotten_on_the_stack, arg);
    }
    return 0;
}

static void the_lock_of_an_ended_task_is_handed_on(void **state) {
    (void)state;
    scenario_run_seeds(forgotten);
    scenario_run_seeds(forgets_its_own);
}

/* ---- readers and writers ---- */

static wharf_rwlock rwlock;
static int readers, writers, readers_most, reads, writes;

static int read_some(void *arg) {
    int rounds = *(int *)arg;
    for (int i = 0; i < rounds; i++) {
        int rc = wharf_rwlock_read(&rwlock);
        if (rc < 0) {
            return rc;
        }
        EXPECT(writers == 0);
        EXPECT(wharf_rwlock_read(&rwlock) == -EDEADLK);
        EXPECT(wharf_rwlock_write(&rwlock) == -EDEADLK || wharf_check() < 0);
        readers++;
        readers_most = readers > readers_most ? readers : readers_most;
        (void)wharf_sleep(1);
        readers--;
        reads++;
        EXPECT(wharf_rwlock_unlock(&rwlock) == 0);
    }
    return 0;
}

static int write_some(void *arg) {
    int rounds = *(int *)arg;
    for (int i = 0; i < rounds; i++) {
        int rc = wharf_rwlock_write(&rwlock);
        if (rc < 0) {
            return rc;
        }
        EXPECT(writers == 0 && readers == 0);
        writers++;
        (void)wharf_sleep(1);
        writers--;
        writes++;
        EXPECT(wharf_rwlock_unlock(&rwlock) == 0);
    }
    return 0;
}

static int read_and_write(void *arg) {
    (void)arg;
    int rounds = 5, result = 0;
    rwlock = (wharf_rwlock){0};
    readers = writers = readers_most = reads = writes = 0;
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < 4; i++) {
            (void)wharf_go(scope, read_some, rounds);
            (void)wharf_go(scope, write_some, rounds);
        }
    }
    EXPECT(readers == 0 && writers == 0);
    WHARF_SHIELD (1000) {
        /* Free again, whoever was interrupted. */
        int rc = wharf_rwlock_write(&rwlock);
        EXPECT(rc == 0 || rc == -ENOMEM || rc == -ETIMEDOUT);
        EXPECT(wharf_rwlock_unlock(&rwlock) == (rc == 0 ? 0 : -EPERM));
    }
    return result;
}

static int all_read_and_write(void *arg) {
    int rc = read_and_write(arg);
    EXPECT(reads == 20 && writes == 20 && readers_most > 1);
    return rc;
}

static void readers_share_and_writers_exclude(void **state) {
    (void)state;
    scenario_run_seeds(all_read_and_write);
    wharf_sim_options options = {.size = sizeof options, .seed = 7};
    (void)scenario_sweep(WHARF_TEST_ALLOCATION, &options, read_and_write);
    options = (wharf_sim_options){.size = sizeof options, .seed = 7};
    (void)scenario_sweep(WHARF_TEST_CANCEL, &options, read_and_write);
}

static int hold_reading(void *arg) {
    int ms = *(int *)arg;
    EXPECT(wharf_rwlock_read(&rwlock) == 0);
    (void)wharf_sleep(ms);
    order[ordered++ % 8] = 'r';
    return wharf_rwlock_unlock(&rwlock);
}

static int hold_writing(void *arg) {
    int ms = *(int *)arg;
    EXPECT(wharf_rwlock_write(&rwlock) == 0);
    (void)wharf_sleep(ms);
    order[ordered++ % 8] = 'w';
    return wharf_rwlock_unlock(&rwlock);
}

/* A reader is inside; writer, reader, writer come: the first writer before the new reader, that one before the second. */
static int phases(void *arg) {
    (void)arg;
    int ms = 10;
    rwlock = (wharf_rwlock){0};
    ordered = 0;
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, hold_reading, ms);
        (void)wharf_sleep(1);
        (void)wharf_go(scope, hold_writing, ms);
        (void)wharf_sleep(1);
        (void)wharf_go(scope, hold_writing, ms);
        (void)wharf_sleep(1);
        (void)wharf_go(scope, hold_reading, ms);
    }
    EXPECT(order[0] == 'r' && order[1] == 'w' && order[2] == 'r' && order[3] == 'w');
    return 0;
}

static void neither_side_starves(void **state) {
    (void)state;
    scenario_run_seeds(phases);
}

static int write_within(void *arg) {
    (void)arg;
    WHARF_WITHIN (5) {
        EXPECT(wharf_rwlock_write(&rwlock) == -ETIMEDOUT);
    }
    return 0;
}

static int writer_gives_up(void *arg) {
    (void)arg;
    int number = 0;
    rwlock = (wharf_rwlock){0};
    EXPECT(wharf_rwlock_read(&rwlock) == 0);
    int64_t before = wharf_now_ns();
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, write_within, number);
        (void)wharf_sleep(1);
        (void)wharf_go(scope, hold_reading, number);
    }
    /* The reader behind it went in when the writer gave up, not when this task unlocked. */
    EXPECT(wharf_now_ns() - before < 50 * 1000000);
    EXPECT(wharf_rwlock_unlock(&rwlock) == 0);
    return wharf_rwlock_unlock(&rwlock) == -EPERM ? 0 : -EIO;
}

static void a_writer_that_gives_up_lets_readers_in(void **state) {
    (void)state;
    scenario_run_seeds(writer_gives_up);
}

/* ---- conditions ---- */

static wharf_cond cond;
static int ready, woken;

static int await_ready(void *arg) {
    (void)arg;
    int rc = wharf_mutex_lock(&mutex);
    if (rc < 0) {
        return rc;
    }
    while (ready == 0 && rc == 0) {
        rc = wharf_cond_wait(&cond, &mutex);
    }
    if (rc == 0) {
        ready--;
        woken++;
    }
    /* Held, whatever happened. */
    EXPECT(wharf_mutex_try_lock(&mutex) == -EDEADLK || rc == -EXDEV);
    EXPECT(wharf_mutex_unlock(&mutex) == 0);
    return rc;
}

static int signalled(void *arg) {
    (void)arg;
    int result = 0;
    mutex = (wharf_mutex){0};
    cond = (wharf_cond){0};
    ready = woken = 0;
    EXPECT(wharf_cond_wait(&cond, &mutex) == -EPERM);
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < 4; i++) {
            (void)wharf_go(scope, await_ready, i);
        }
        (void)wharf_sleep(5);
        ready++;
        EXPECT(wharf_cond_signal(&cond) == 0);
        (void)wharf_sleep(5);
        ready += 3;
        EXPECT(wharf_cond_broadcast(&cond) == 0);
        if (wharf_check() < 0) {
            (void)wharf_scope_cancel(scope);
        }
    }
    EXPECT(wharf_cond_signal(&cond) == 0);
    return result;
}

static int all_signalled(void *arg) {
    int rc = signalled(arg);
    EXPECT(woken == 4 && ready == 0);
    return rc;
}

static void a_condition_returns_with_the_mutex(void **state) {
    (void)state;
    scenario_run_seeds(all_signalled);
    for (uint64_t seed = 0; seed < 5; seed++) {
        wharf_sim_options options = {.size = sizeof options, .seed = seed};
        (void)scenario_sweep(WHARF_TEST_CANCEL, &options, signalled);
        options = (wharf_sim_options){.size = sizeof options, .seed = seed};
        (void)scenario_sweep(WHARF_TEST_ALLOCATION, &options, signalled);
    }
}

/* ---- permits ---- */

static wharf_semaphore semaphore;
static wharf_limiter limiter;
static int64_t out, most;

static int use_permits(void *arg) {
    int k = *(int *)arg;
    int rc = wharf_limiter_acquire(&limiter, k);
    if (rc < 0) {
        return rc;
    }
    out += k;
    most = out > most ? out : most;
    (void)wharf_sleep(k);
    out -= k;
    EXPECT(wharf_limiter_release(&limiter, k) == 0);
    EXPECT(wharf_limiter_release(&limiter, 1) == -EPERM);
    return 0;
}

static int limited(void *arg) {
    (void)arg;
    int result = 0;
    out = most = 0;
    EXPECT(wharf_limiter_init(&limiter, 4) == 0);
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < 12; i++) {
            (void)wharf_go(scope, use_permits, i % 4 + 1);
        }
    }
    EXPECT(out == 0 && most <= 4);
    WHARF_SHIELD (1000) {
        int rc = wharf_limiter_try_acquire(&limiter, 4);
        EXPECT(rc == 0 || rc == -ENOMEM);
        EXPECT(rc < 0 || wharf_limiter_release(&limiter, 4) == 0);
    }
    return result;
}

static void a_limiter_limits(void **state) {
    (void)state;
    scenario_run_seeds(limited);
    for (uint64_t seed = 0; seed < 5; seed++) {
        wharf_sim_options options = {.size = sizeof options, .seed = seed};
        (void)scenario_sweep(WHARF_TEST_CANCEL, &options, limited);
        options = (wharf_sim_options){.size = sizeof options, .seed = seed};
        (void)scenario_sweep(WHARF_TEST_ALLOCATION, &options, limited);
    }
}

static int keep_permits(void *arg) {
    (void)arg;
    EXPECT(wharf_limiter_acquire(&limiter, 1) == 0);
    EXPECT(wharf_limiter_acquire(&limiter, 2) == 0);
    return 0;
}

static int limiter_rules(void *arg) {
    (void)arg;
    int number = 0;
    EXPECT(wharf_limiter_init(&limiter, 0) == -EINVAL);
    EXPECT(wharf_limiter_init(&limiter, 3) == 0);
    EXPECT(wharf_limiter_acquire(&limiter, 4) == -EINVAL);
    EXPECT(wharf_limiter_acquire(&limiter, 0) == -EINVAL);
    EXPECT(wharf_limiter_release(&limiter, 1) == -EPERM);
    EXPECT(wharf_limiter_acquire(&limiter, 1) == 0);
    EXPECT(wharf_limiter_try_acquire(&limiter, 3) == -EAGAIN);
    EXPECT(wharf_limiter_try_acquire(&limiter, 2) == 0);
    EXPECT(wharf_limiter_release(&limiter, 4) == -EPERM);
    EXPECT(wharf_limiter_release(&limiter, 3) == 0);
    /* What an ended task had comes back. */
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, keep_permits, number);
    }
    EXPECT(wharf_limiter_try_acquire(&limiter, 3) == 0);
    return wharf_limiter_release(&limiter, 3);
}

static void a_limiter_knows_who_has_what(void **state) {
    (void)state;
    scenario_run_seeds(limiter_rules);
}

static int want(void *arg) {
    int k = *(int *)arg;
    WHARF_WITHIN (k == 5 ? 10 : 1000) {
        if (wharf_semaphore_acquire(&semaphore, k) == 0) {
            order[ordered++ % 8] = k;
        }
    }
    return 0;
}

static int semaphore_order(void *arg) {
    (void)arg;
    int large = 5, small = 1, middle = 2;
    ordered = 0;
    EXPECT(wharf_semaphore_init(&semaphore, -1) == -EINVAL);
    EXPECT(wharf_semaphore_init(&semaphore, 3) == 0);
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, want, large);
        (void)wharf_sleep(1);
        (void)wharf_go(scope, want, small);
        (void)wharf_go(scope, want, middle);
        (void)wharf_sleep(1);
        /* A small wish does not overtake; when the large one gives up, those behind it are served. */
        EXPECT(ordered == 0 && wharf_semaphore_try_acquire(&semaphore, 1) == -EAGAIN);
        (void)wharf_sleep(20);
        EXPECT(ordered == 2);
    }
    EXPECT(wharf_semaphore_try_acquire(&semaphore, 1) == -EAGAIN);
    EXPECT(wharf_semaphore_release(&semaphore, 0) == -EINVAL);
    EXPECT(wharf_semaphore_release(&semaphore, INT64_MAX) == 0);
    EXPECT(wharf_semaphore_release(&semaphore, 1) == -EOVERFLOW);
    return 0;
}

static void permits_go_in_the_order_of_asking(void **state) {
    (void)state;
    scenario_run_seeds(semaphore_order);
}

int main(void) {
    (void)setenv("WHARF_REPORTS", "off", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mutex_excludes),
        cmocka_unit_test(an_interrupted_wait_leaves_the_mutex_to_others),
        cmocka_unit_test(a_mutex_goes_to_the_longest_waiter),
        cmocka_unit_test(a_waiter_that_gives_up_is_passed_over),
        cmocka_unit_test(the_lock_of_an_ended_task_is_handed_on),
        cmocka_unit_test(readers_share_and_writers_exclude),
        cmocka_unit_test(neither_side_starves),
        cmocka_unit_test(a_writer_that_gives_up_lets_readers_in),
        cmocka_unit_test(a_condition_returns_with_the_mutex),
        cmocka_unit_test(a_limiter_limits),
        cmocka_unit_test(a_limiter_knows_who_has_what),
        cmocka_unit_test(permits_go_in_the_order_of_asking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

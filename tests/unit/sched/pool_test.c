/* The offload pools: results, copies, waiters that leave, many jobs at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "sched/internal.h"
#include "wharf/os.h"
#include "wharf/task.h"

static int add_one(void *arg) {
    int *value = arg;
    *value += 1;
    return *value;
}

static int spoil_and_fail(void *arg) {
    memset(arg, 0xff, sizeof(int));
    return -EDOM;
}

static int return_zero(void *arg) {
    (void)arg;
    return 0;
}

static void the_result_and_the_argument_come_back(void **state) {
    (void)state;
    int value = 41;
    assert_int_equal(wharf_offload(add_one, &value, sizeof value), 42);
    assert_int_equal(value, 42);
    assert_int_equal(wharf_offload(spoil_and_fail, &value, sizeof value), -EDOM);
    assert_int_equal(value, 42);
    assert_int_equal(wharf_offload(return_zero, NULL, 0), 0);
}

static void bad_arguments_are_refused(void **state) {
    (void)state;
    char byte = 0;
    assert_int_equal(wharf_offload(NULL, &byte, 1), -EINVAL);
    assert_int_equal(wharf_offload(return_zero, NULL, 1), -EINVAL);
    assert_int_equal(wharf_offload(return_zero, &byte, (1 << 20) + 1), -EINVAL);
}

static bool ran_on_another_thread, signals_blocked;

static int look_around(void *arg) {
    pthread_t *caller = arg;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    ran_on_another_thread = pthread_equal(*caller, pthread_self()) == 0;
    signals_blocked = sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGPIPE) == 1;
    return 0;
}

static void jobs_run_on_threads_that_take_no_signals(void **state) {
    (void)state;
    pthread_t self = pthread_self();
    assert_int_equal(wharf_offload(look_around, &self, sizeof self), 0);
    assert_true(ran_on_another_thread);
    assert_true(signals_blocked);
}

/* ---- many ---- */

static int offload_some(void *arg) {
    int value = *(int *)arg;
    for (int i = 0; i < 20; i++) {
        int copy = value + i;
        if (wharf_offload(add_one, &copy, sizeof copy) != value + i + 1) {
            return -EIO;
        }
    }
    return 0;
}

static void many_jobs_give_each_its_own_result(void **state) {
    (void)state;
    int result = -1;
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < 50; i++) {
            wharf_go(scope, offload_some, i * 1000);
        }
    }
    assert_int_equal(result, 0);
}

enum { TOGETHER = 6 };
static pthread_barrier_t meeting;

static int meet(void *arg) {
    (void)arg;
    pthread_barrier_wait(&meeting);
    return 0;
}

static int offload_meet(void *arg) {
    (void)arg;
    return wharf_offload(meet, NULL, 0);
}

/* Jobs that wait for each other end only if each has a thread: one idle thread is not enough for several new jobs. */
static void jobs_run_side_by_side(void **state) {
    (void)state;
    assert_int_equal(wharf_offload(return_zero, NULL, 0), 0); /* leaves an idle thread */
    pthread_barrier_init(&meeting, NULL, TOGETHER);
    int result = -1;
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < TOGETHER; i++) {
            wharf_go(scope, offload_meet, i);
        }
    }
    assert_int_equal(result, 0);
    pthread_barrier_destroy(&meeting);
}

/* ---- a waiter that leaves ---- */

static sem_t gate, passed;

static int pass_gate(void *arg) {
    sem_wait(&gate);
    memset(arg, 1, 100);
    sem_post(&passed);
    return 0;
}

static char copy_of_gate[100];

static int offload_gate(void *arg) {
    (void)arg;
    return wharf_offload(pass_gate, copy_of_gate, sizeof copy_of_gate);
}

static void a_cancelled_waiter_leaves_its_job_to_run_to_its_end(void **state) {
    (void)state;
    sem_init(&gate, 0, 0);
    sem_init(&passed, 0, 0);
    assert_int_equal(wharf_join(wharf_spawn(NULL, return_zero, NULL, 0, NULL), NULL),
                     0); /* tables have grown */
    int64_t before = mem_live();
    wharf_task task = wharf_spawn(NULL, offload_gate, NULL, 0, NULL);
    wharf_yield();
    int result = 0;
    assert_int_equal(wharf_cancel(task), 0);
    assert_int_equal(wharf_join(task, &result), 0);
    assert_int_equal(result, -ECANCELED);
    assert_true(mem_live() > before);
    sem_post(&gate);
    sem_wait(&passed);
    while (mem_live() > before) {
        wharf_sleep(1); /* the job is reported and dropped */
    }
    assert_int_equal(copy_of_gate[0], 0);
}

static void *leave_a_job_behind(void *arg) {
    (void)arg;
    WHARF_WITHIN (1) {
        (void)offload_gate(NULL);
    }
    return NULL;
}

/* A scheduler that ends before its job: the job is the pool's from then on. */
static void a_thread_may_end_before_its_jobs(void **state) {
    (void)state;
    sem_init(&gate, 0, 0);
    sem_init(&passed, 0, 0);
    int64_t before = mem_live();
    for (int i = 0; i < 4; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, leave_a_job_behind, NULL), 0);
        pthread_join(thread, NULL);
    }
    for (int i = 0; i < 4; i++) {
        sem_post(&gate);
    }
    for (int i = 0; i < 4; i++) {
        sem_wait(&passed);
    }
    while (mem_live() > before) {
        wharf_sleep(1);
    }
}

static void cancellation_is_seen_on_entry(void **state) {
    (void)state;
    int value = 1;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    wharf_scope_cancel(&scope);
    assert_int_equal(wharf_offload(add_one, &value, sizeof value), -ECANCELED);
    wharf_scope_close(&scope);
    assert_int_equal(value, 1);
}

static void without_memory_nothing_runs(void **state) {
    (void)state;
    int value = 1;
    int64_t before = mem_live();
    (void)mem_fail_at(1);
    assert_int_equal(wharf_offload(add_one, &value, sizeof value), -ENOMEM);
    (void)mem_fail_at(0);
    assert_int_equal(value, 1);
    assert_int_equal(mem_live(), before);
}

static void reach(struct job *job) {
    (void)job;
    sem_post(&passed);
}

static void drop(struct job *job) {
    mem_free(job);
}

static int wait_at_the_gate(void *arg) {
    struct job *job = mem_zalloc(sizeof(*job));
    *job = (struct job){.run = *(void (**)(struct job *))arg, .drop = drop};
    int rc = pool_run(POOL_NAMES, job);
    if (rc == 0) {
        mem_free(job);
    }
    return rc;
}

static void hold(struct job *job) {
    reach(job);
    sem_wait(&gate);
}

/* Every thread for names is stuck, and files go on. */
static void slow_names_hold_up_no_files(void **state) {
    (void)state;
    enum { MANY = 40 };
    void (*run)(struct job *) = hold;
    sem_init(&gate, 0, 0);
    sem_init(&passed, 0, 0);
    int result = -1;
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < MANY; i++) {
            wharf_go(scope, wait_at_the_gate, run);
        }
        wharf_yield();
        sem_wait(&passed); /* at least one thread is stuck */
        assert_int_equal(wharf_offload(return_zero, NULL, 0), 0);
        for (int i = 0; i < MANY; i++) {
            sem_post(&gate);
        }
        (void)wharf_scope_wait(scope);
    }
    assert_int_equal(result, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_result_and_the_argument_come_back),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(jobs_run_on_threads_that_take_no_signals),
        cmocka_unit_test(many_jobs_give_each_its_own_result),
        cmocka_unit_test(jobs_run_side_by_side),
        cmocka_unit_test(a_cancelled_waiter_leaves_its_job_to_run_to_its_end),
        cmocka_unit_test(a_thread_may_end_before_its_jobs),
        cmocka_unit_test(cancellation_is_seen_on_entry),
        cmocka_unit_test(without_memory_nothing_runs),
        cmocka_unit_test(slow_names_hold_up_no_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

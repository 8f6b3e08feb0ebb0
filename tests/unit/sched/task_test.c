/* Tasks: arguments, order, fairness, joining, cancelling, sleeping, and every allocation that can fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "allocation.h"
#include "base/memory.h"
#include "sched/internal.h"
#include "sched/task.h"
#include "wharf/debug.h"
#include "wharf/sync.h"
#include "wharf/task.h"

static int identity(void *arg) {
    return *(int *)arg;
}

static wharf_task spawn_int(int value) {
    return wharf_spawn(NULL, identity, &value, sizeof value, NULL);
}

/* ---- arguments and order ---- */

static int check_bytes(void *arg) {
    const unsigned char *bytes = arg;
    for (size_t i = 0; i < TASK_ARGUMENT_MAX; i++) {
        if (bytes[i] != (unsigned char)(i * 7)) {
            return -EIO;
        }
    }
    return (uintptr_t)arg % 16 == 0 ? 0 : -EFAULT;
}

static void the_argument_is_copied(void **state) {
    (void)state;
    unsigned char bytes[TASK_ARGUMENT_MAX + 1];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 7);
    }
    wharf_task task = wharf_spawn(NULL, check_bytes, bytes, TASK_ARGUMENT_MAX, NULL);
    memset(bytes, 0, sizeof bytes);
    int result = -1;
    assert_int_equal(wharf_join(task, &result), 0);
    assert_int_equal(result, 0);
    assert_int_equal(wharf_spawn(NULL, check_bytes, bytes, sizeof bytes, NULL).id, -EINVAL);
    assert_int_equal(wharf_spawn(NULL, NULL, NULL, 0, NULL).id, -EINVAL);
}

static size_t expected_len;

static int compare_bytes(void *arg) {
    const unsigned char *bytes = arg;
    wharf_yield(); /* others come and go on their stacks meanwhile */
    for (size_t i = 0; i < expected_len; i++) {
        if (bytes[i] != (unsigned char)(i + expected_len)) {
            return -EIO;
        }
    }
    return (uintptr_t)arg % 16 == 0 ? 0 : -EFAULT;
}

/* An ended task's record and stack are the next one's, whose argument may need more room. */
static void used_stacks_take_short_and_long_arguments(void **state) {
    (void)state;
    static const size_t lens[] = {0, 64, 65, 8, TASK_ARGUMENT_MAX, 1, 64, 66, 0, 100, 8};
    unsigned char bytes[TASK_ARGUMENT_MAX];
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        expected_len = lens[i];
        for (size_t at = 0; at < expected_len; at++) {
            bytes[at] = (unsigned char)(at + expected_len);
        }
        int result = -1;
        WHARF_SCOPE (scope, &result) {
            for (int task = 0; task < 3; task++) {
                wharf_spawn_detached(scope, compare_bytes, bytes, expected_len, NULL);
            }
        }
        assert_int_equal(result, 0);
    }
}

enum { CROWD = 300 };

static int count_down(void *arg) {
    int *left = *(int **)arg;
    wharf_yield();
    (*left)--;
    return 0;
}

/* More at once than are kept: the others' stacks go back, while their tasks stand on them. */
static void a_crowd_ends_and_comes_again(void **state) {
    (void)state;
    for (int round = 0; round < 3; round++) {
        int left = CROWD, result = -1;
        wharf_task_options small = {.size = sizeof small, .stack_bytes = 65536};
        int *address = &left;
        WHARF_SCOPE (scope, &result) {
            for (int i = 0; i < CROWD; i++) {
                wharf_spawn_detached(scope, count_down, &address, sizeof address, i % 2 == 0 ? &small : NULL);
            }
        }
        assert_int_equal(result, 0);
        assert_int_equal(left, 0);
    }
}

static int order[16], ordered;

static int note_order(void *arg) {
    int mine = *(int *)arg;
    order[ordered++] = mine;
    wharf_yield();
    order[ordered++] = mine + 100;
    return 0;
}

static void tasks_run_in_the_order_of_spawning_after_the_caller(void **state) {
    (void)state;
    ordered = 0;
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 3; i++) {
            wharf_go(scope, note_order, i);
        }
        assert_int_equal(ordered, 0);
    }
    static const int expected[] = {0, 1, 2, 100, 101, 102};
    assert_int_equal(ordered, 6);
    assert_memory_equal(order, expected, sizeof expected);
}

/* ---- fairness ---- */

static int others_turns;
static bool stop_counting;

static int count_turns(void *arg) {
    (void)arg;
    while (!stop_counting) {
        others_turns++;
        wharf_yield();
    }
    return 0;
}

static void operations_that_need_not_wait_give_others_a_turn(void **state) {
    (void)state;
    wharf_chan chan = wharf_chan_new(sizeof(int), 1000);
    others_turns = 0;
    stop_counting = false;
    WHARF_SCOPE (scope, NULL) {
        wharf_go(scope, count_turns, 0);
        for (int i = 0; i < 10 * FAIRNESS_OPS; i++) {
            assert_int_equal(wharf_put(chan, &i), 0);
        }
        stop_counting = true;
    }
    assert_true(others_turns >= 9);
    wharf_chan_free(chan);
}

/* ---- joining ---- */

static void a_join_gives_the_result_once(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++) {
        int result = -1;
        wharf_task task = spawn_int(i);
        if (i % 2 == 0) {
            wharf_yield(); /* has ended before */
        }
        assert_int_equal(wharf_join(task, &result), 0);
        assert_int_equal(result, i);
        assert_int_equal(wharf_join(task, &result), -EINVAL);
        assert_int_equal(wharf_cancel(task), -ESRCH);
    }
}

static void nonsense_handles_are_no_tasks(void **state) {
    (void)state;
    static const int64_t ids[] = {0, 1, 0x7fffffff, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        int rc = wharf_join((wharf_task){ids[i]}, NULL);
        assert_true(rc == -ESRCH || rc == -EXDEV);
    }
    assert_int_equal(wharf_join((wharf_task){-ENOMEM}, NULL), -ENOMEM); /* the error it carries */
    assert_int_equal(wharf_cancel((wharf_task){-ENOMEM}), -ENOMEM);
}

static int join_self(void *arg) {
    wharf_task *self = *(wharf_task **)arg;
    return wharf_join(*self, NULL);
}

static void joining_oneself_is_a_deadlock(void **state) {
    (void)state;
    wharf_task task, *where = &task;
    int result = 0;
    task = wharf_spawn(NULL, join_self, &where, sizeof where, NULL);
    assert_int_equal(wharf_join(task, &result), 0);
    assert_int_equal(result, -EDEADLK);
}

static int until_cancelled(void *arg) {
    (void)arg;
    return wharf_sleep(WHARF_OFF);
}

static int join_it(void *arg) {
    return wharf_join(*(wharf_task *)arg, NULL);
}

static void one_joins_and_the_second_is_told(void **state) {
    (void)state;
    wharf_task task = wharf_spawn(NULL, until_cancelled, NULL, 0, NULL);
    wharf_task first = wharf_spawn(NULL, join_it, &task, sizeof task, NULL);
    wharf_yield();
    assert_int_equal(wharf_join(task, NULL), -EINVAL);
    assert_int_equal(wharf_cancel(task), 0);
    int result = -1;
    assert_int_equal(wharf_join(first, &result), 0);
    assert_int_equal(result, 0);
}

static void a_cancelled_joiner_leaves_the_task_running(void **state) {
    (void)state;
    wharf_task task = wharf_spawn(NULL, until_cancelled, NULL, 0, NULL);
    int timed = 0, result = 0;
    WHARF_WITHIN (2) {
        timed = wharf_join(task, NULL);
    }
    assert_int_equal(timed, -ETIMEDOUT);
    assert_int_equal(wharf_cancel(task), 0);
    assert_int_equal(wharf_join(task, &result), 0);
    assert_int_equal(result, -ECANCELED);
}

/* A joiner that gives way on entry must look again: its record may be another task's by then. */
static int join_busily(void *arg) {
    wharf_task task = *(wharf_task *)arg;
    wharf_chan chan = wharf_chan_new(1, 200);
    for (int i = 0; i < FAIRNESS_OPS - 1; i++) {
        wharf_put(chan, "");
    }
    int result = -1;
    int rc = wharf_join(task, &result);
    wharf_chan_free(chan);
    return rc == -EINVAL ? 0 : -EIO;
}

static void a_join_that_gave_way_does_not_take_anothers_result(void **state) {
    (void)state;
    wharf_task task = spawn_int(1), joiner, next;
    wharf_yield();
    joiner = wharf_spawn(NULL, join_busily, &task, sizeof task, NULL);
    wharf_yield();
    /* The joiner has given way inside wharf_join(): take the result, and let the slot be used again. */
    int rc = wharf_join(task, NULL), result = -1;
    next = spawn_int(2);
    assert_int_equal(wharf_join(joiner, &result), 0);
    assert_int_equal(rc, 0);
    assert_int_equal(result, 0);
    assert_int_equal(wharf_join(next, &result), 0);
    assert_int_equal(result, 2);
}

static int join_in_scope(void *arg) {
    int result = 0;
    int rc = wharf_join(*(wharf_task *)arg, &result);
    return rc == 0 && result == 9 ? 0 : -EIO;
}

static int nine_after_a_turn(void *arg) {
    (void)arg;
    wharf_yield();
    return 9;
}

static void a_joiner_outside_the_scope_gets_its_result(void **state) {
    (void)state;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    wharf_task task = wharf_spawn(&scope, nine_after_a_turn, NULL, 0, NULL);
    wharf_task joiner = wharf_spawn(NULL, join_in_scope, &task, sizeof task, NULL);
    wharf_scope_close(&scope);
    int result = -1;
    assert_int_equal(wharf_join(joiner, &result), 0);
    assert_int_equal(result, 0);
}

static void the_end_of_a_scope_forgets_results(void **state) {
    (void)state;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    int value = 3;
    wharf_task task = wharf_spawn(&scope, identity, &value, sizeof value, NULL);
    wharf_scope_close(&scope);
    assert_int_equal(wharf_join(task, NULL), -EINVAL);
}

/* ---- another core's ---- */

static void *misuse(void *arg) {
    wharf_task task = *(wharf_task *)arg;
    static int results[2];
    results[0] = wharf_join(task, NULL);
    results[1] = wharf_cancel(task);
    return results;
}

static void *spawn_into(void *arg) {
    static int result;
    result = wharf_spawn_detached(arg, until_cancelled, NULL, 0, NULL);
    return &result;
}

static void another_cores_things_are_refused(void **state) {
    (void)state;
    wharf_task task = spawn_int(1);
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    pthread_t thread;
    void *results = NULL;
    assert_int_equal(pthread_create(&thread, NULL, misuse, &task), 0);
    pthread_join(thread, &results);
    assert_int_equal(((int *)results)[0], -EXDEV);
    assert_int_equal(((int *)results)[1], -EXDEV);
    assert_int_equal(pthread_create(&thread, NULL, spawn_into, &scope), 0);
    pthread_join(thread, &results);
    assert_int_equal(*(int *)results, -EXDEV);
    wharf_scope_close(&scope);
    assert_int_equal(wharf_join(task, NULL), 0);
}

/* ---- time ---- */

static void sleep_is_never_short(void **state) {
    (void)state;
    static const int64_t spans[] = {1, 2, 5, 11};
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        int64_t before = wharf_now_ns();
        assert_int_equal(wharf_sleep(spans[i]), 0);
        assert_true(wharf_now_ns() - before >= spans[i] * 1000000);
    }
    assert_int_equal(wharf_sleep(0), 0);
    assert_int_equal(wharf_sleep(-5), 0);
}

static int sleep_for(void *arg) {
    return wharf_sleep(*(int64_t *)arg);
}

static void the_longest_sleeps_can_be_cancelled(void **state) {
    (void)state;
    static const int64_t spans[] = {WHARF_OFF, INT64_MAX, INT64_MAX / 1000000, INT64_MAX / 1000000 + 1};
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        wharf_task task = wharf_spawn(NULL, sleep_for, &spans[i], sizeof spans[i], NULL);
        int result = 0;
        assert_int_equal(wharf_sleep(1), 0);
        assert_int_equal(wharf_cancel(task), 0);
        assert_int_equal(wharf_join(task, &result), 0);
        assert_int_equal(result, -ECANCELED);
    }
}

/* ---- starts ---- */

static int starts_run;

static int count_start(void *arg) {
    starts_run += *(int *)arg;
    if (starts_run % 3 == 0) {
        wharf_yield();
    }
    return 0;
}

static void starts_run_once_each_without_a_stack_of_their_own(void **state) {
    (void)state;
    int one = 1;
    starts_run = 0;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(task_start(scope_of(&scope), count_start, &one, "start"), 0);
    }
    wharf_scope_close(&scope);
    assert_int_equal(starts_run, 1000);
}

static const wharf_local trace_local = {"trace"};

/* What a start does, of which the next one on its stack must see nothing. */
enum deed { DEED_NONE, DEED_LOCAL, DEED_CANCEL, DEED_FAILURE_NOTED, DEED_YIELD, DEED_COUNT };

static int unclean_starts;

static int start_with_a_deed(void *arg) {
    int value = 0;
    bool clean = wharf_check() == 0 && wharf_local_get(&trace_local, &value, sizeof value) == 0 &&
                 task_scope()->error == 0 && failure_current()->code == 0;
    unclean_starts += !clean;
    starts_run++;
    switch (*(enum deed *)arg) {
    case DEED_LOCAL: return wharf_local_set(&trace_local, &value, sizeof value);
    case DEED_CANCEL: scope_cancel(task_scope()); return wharf_check() == -ECANCELED ? 0 : -1;
    case DEED_FAILURE_NOTED: fail(-EINVAL, "test", NULL, NULL); return 0;
    case DEED_YIELD: return wharf_yield();
    default: return 0;
    }
}

static void a_start_sees_nothing_of_the_one_before(void **state) {
    (void)state;
    static const enum deed deeds[] = {DEED_NONE, DEED_LOCAL, DEED_CANCEL, DEED_FAILURE_NOTED, DEED_YIELD};
    wharf_counters before = {.size = sizeof before}, after = {.size = sizeof after};
    int rc = 0;
    wharf_scope scope;
    starts_run = unclean_starts = 0;
    assert_int_equal(wharf_stats(&before), 0);
    wharf_scope_open(&scope, &rc);
    for (size_t i = 0; i < (size_t)DEED_COUNT * DEED_COUNT; i++) {
        const enum deed *first = &deeds[i / DEED_COUNT], *second = &deeds[i % DEED_COUNT];
        assert_int_equal(task_start(scope_of(&scope), start_with_a_deed, (void *)(uintptr_t)first, "first"),
                         0);
        assert_int_equal(task_start(scope_of(&scope), start_with_a_deed, (void *)(uintptr_t)second, "second"),
                         0);
    }
    wharf_scope_close(&scope);
    assert_int_equal(wharf_stats(&after), 0);
    assert_int_equal(rc, 0);
    assert_int_equal(starts_run, 2 * DEED_COUNT * DEED_COUNT);
    assert_int_equal(unclean_starts, 0);
    assert_int_equal(after.tasks_started - before.tasks_started, 2 * DEED_COUNT * DEED_COUNT);
    assert_int_equal(after.tasks_now, before.tasks_now);
}

static int start_that_fails(void *arg) {
    (void)arg;
    starts_run++;
    return -EIO;
}

static void a_failed_start_cancels_those_behind_it(void **state) {
    (void)state;
    enum deed none = DEED_NONE;
    int rc = 0;
    wharf_scope scope;
    starts_run = unclean_starts = 0;
    wharf_scope_open(&scope, &rc);
    assert_int_equal(task_start(scope_of(&scope), start_with_a_deed, &none, "before"), 0);
    assert_int_equal(task_start(scope_of(&scope), start_that_fails, NULL, "failing"), 0);
    assert_int_equal(task_start(scope_of(&scope), start_with_a_deed, &none, "behind"), 0);
    wharf_scope_close(&scope);
    assert_int_equal(rc, -EIO);
    assert_int_equal(starts_run, 3);
    assert_int_equal(unclean_starts, 1);
}

/* ---- memory ---- */

static int spawn_much(void) {
    wharf_scope scope;
    int one = 1, rc = wharf_yield();
    if (rc < 0) {
        return rc;
    }
    wharf_scope_open(&scope, NULL);
    for (int i = 0; i < 100 && rc == 0; i++) {
        wharf_task task = wharf_spawn(&scope, identity, &i, sizeof i, NULL);
        rc = wharf_error(task);
    }
    if (rc == 0) {
        rc = task_start(scope_of(&scope), count_start, &one, "start");
    }
    wharf_scope_close(&scope);
    return rc;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    assert_true(allocation_sweep(spawn_much) > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_argument_is_copied),
        cmocka_unit_test(used_stacks_take_short_and_long_arguments),
        cmocka_unit_test(a_crowd_ends_and_comes_again),
        cmocka_unit_test(tasks_run_in_the_order_of_spawning_after_the_caller),
        cmocka_unit_test(operations_that_need_not_wait_give_others_a_turn),
        cmocka_unit_test(a_join_gives_the_result_once),
        cmocka_unit_test(nonsense_handles_are_no_tasks),
        cmocka_unit_test(joining_oneself_is_a_deadlock),
        cmocka_unit_test(one_joins_and_the_second_is_told),
        cmocka_unit_test(a_cancelled_joiner_leaves_the_task_running),
        cmocka_unit_test(a_join_that_gave_way_does_not_take_anothers_result),
        cmocka_unit_test(a_joiner_outside_the_scope_gets_its_result),
        cmocka_unit_test(the_end_of_a_scope_forgets_results),
        cmocka_unit_test(another_cores_things_are_refused),
        cmocka_unit_test(sleep_is_never_short),
        cmocka_unit_test(the_longest_sleeps_can_be_cancelled),
        cmocka_unit_test(starts_run_once_each_without_a_stack_of_their_own),
        cmocka_unit_test(a_start_sees_nothing_of_the_one_before),
        cmocka_unit_test(a_failed_start_cancels_those_behind_it),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

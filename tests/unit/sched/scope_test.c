/* Scopes: cancellation through the tree, shields, deadlines, results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <string.h>

#include "base/failure.h"
#include "sched/task.h"
#include "wharf/os.h"
#include "wharf/sync.h"
#include "wharf/task.h"

static int sleeping_results[8];
static int sleepers;

/* Sleeps until told otherwise and notes why. */
static int sleep_long(void *arg) {
    (void)arg;
    int place = sleepers++;
    int rc = wharf_sleep(WHARF_OFF);
    sleeping_results[place] = rc;
    return 0;
}

static int sleep_in_scope(void *arg) {
    (void)arg;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    wharf_spawn_detached(&scope, sleep_long, NULL, 0, NULL);
    int rc = wharf_sleep(WHARF_OFF);
    wharf_scope_close(&scope);
    return rc == -ECANCELED ? 0 : -EIO;
}

static int setup(void **state) {
    (void)state;
    sleepers = 0;
    for (size_t i = 0; i < 8; i++) {
        sleeping_results[i] = 1;
    }
    return 0;
}

static void cancelling_reaches_every_scope_below(void **state) {
    (void)state;
    wharf_scope outer, inner;
    wharf_scope_open(&outer, NULL);
    wharf_scope_open(&inner, NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wharf_spawn_detached(&outer, sleep_in_scope, NULL, 0, NULL), 0);
        assert_int_equal(wharf_spawn_detached(&inner, sleep_long, NULL, 0, NULL), 0);
    }
    while (sleepers < 6) {
        assert_int_equal(wharf_yield(), 0);
    }
    wharf_scope_cancel(&outer);
    assert_int_equal(wharf_scope_close(&inner), 0);
    assert_int_equal(wharf_scope_close(&outer), 0);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(sleeping_results[i], -ECANCELED);
    }
    assert_int_equal(wharf_check(), 0);
}

static void cancelling_inside_leaves_the_outside_alone(void **state) {
    (void)state;
    wharf_scope outer, inner;
    wharf_scope_open(&outer, NULL);
    assert_int_equal(wharf_spawn_detached(&outer, sleep_long, NULL, 0, NULL), 0);
    wharf_scope_open(&inner, NULL);
    assert_int_equal(wharf_spawn_detached(&inner, sleep_long, NULL, 0, NULL), 0);
    wharf_yield();
    wharf_scope_cancel(&inner);
    assert_int_equal(wharf_check(), -ECANCELED);
    assert_int_equal(wharf_scope_close(&inner), 0);
    assert_int_equal(sleeping_results[0], 1);
    assert_int_equal(sleeping_results[1], -ECANCELED);
    assert_int_equal(wharf_check(), 0);
    wharf_scope_abandon(&outer);
    assert_int_equal(sleeping_results[0], -ECANCELED);
}

static void cancelled_means_every_call_until_the_scope_is_left(void **state) {
    (void)state;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    wharf_scope_cancel(&scope);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(wharf_sleep(1000), -ECANCELED);
        assert_int_equal(wharf_yield(), -ECANCELED);
        assert_int_equal(wharf_spawn_detached(&scope, sleep_long, NULL, 0, NULL), -ECANCELED);
        assert_int_equal(task_start(scope_of(&scope), sleep_long, NULL, "x"), -ECANCELED);
    }
    wharf_scope_close(&scope);
    assert_int_equal(wharf_yield(), 0);
}

static void a_shield_lets_cleanup_block_but_not_for_ever(void **state) {
    (void)state;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    wharf_scope_cancel(&scope);
    int inside = -1, late = 0, nested = 0;
    WHARF_SHIELD (5000) {
        inside = wharf_sleep(1);
        WHARF_WITHIN (0) {
            nested = wharf_sleep(5);
        }
    }
    WHARF_SHIELD (1) {
        late = wharf_sleep(5000);
    }
    wharf_scope_close(&scope);
    assert_int_equal(inside, 0);
    assert_int_equal(nested, -ETIMEDOUT);
    assert_int_equal(late, -ETIMEDOUT);
}

static int shielded(void *arg) {
    int *result = *(int **)arg;
    WHARF_SHIELD (5000) {
        *result = wharf_sleep(20);
    }
    return 0;
}

static void cancelling_does_not_enter_a_shield(void **state) {
    (void)state;
    int result = 1, *where = &result;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    wharf_go(&scope, shielded, where);
    wharf_yield();
    wharf_scope_cancel(&scope);
    wharf_scope_close(&scope);
    assert_int_equal(result, 0);
}

static void a_shield_without_a_limit_is_refused(void **state) {
    (void)state;
    int result = 0;
    WHARF_SHIELD (WHARF_OFF) {
        result = wharf_sleep(5);
    }
    assert_true(result < 0);
}

static void the_nearest_deadline_rules(void **state) {
    (void)state;
    int inner = 0, outer = 0, far = 0;
    WHARF_WITHIN (2) {
        WHARF_WITHIN (60000) {
            inner = wharf_sleep(60000);
        }
        outer = wharf_check();
    }
    WHARF_WITHIN (INT64_MAX) {
        far = wharf_sleep(1);
    }
    assert_int_equal(inner, -ETIMEDOUT);
    assert_int_equal(outer, -ETIMEDOUT);
    assert_int_equal(far, 0);
    assert_int_equal(wharf_check(), 0);
}

static void a_deadline_reaches_the_tasks_inside_but_not_the_background(void **state) {
    (void)state;
    wharf_scope scope;
    wharf_scope_open_within(&scope, 2);
    wharf_task free_task = wharf_spawn(NULL, sleep_long, NULL, 0, NULL);
    assert_int_equal(wharf_spawn_detached(&scope, sleep_long, NULL, 0, NULL), 0);
    wharf_scope_close(&scope);
    assert_int_equal(sleeping_results[1], -ETIMEDOUT);
    assert_int_equal(sleeping_results[0], 1);
    assert_int_equal(wharf_cancel(free_task), 0);
    assert_int_equal(wharf_join(free_task, NULL), 0);
    assert_int_equal(sleeping_results[0], -ECANCELED);
}

static int fail_with(void *arg) {
    return *(int *)arg;
}

static void the_first_error_cancels_the_others_and_is_the_result(void **state) {
    (void)state;
    int result = 7;
    WHARF_SCOPE (scope, &result) {
        assert_int_equal(result, 0);
        wharf_go(scope, sleep_in_scope, 0);
        wharf_go(scope, fail_with, -EPROTO);
        wharf_go(scope, fail_with, -EPERM);
    }
    assert_int_equal(result, -EPROTO);
    assert_int_equal(wharf_check(), 0);
}

static void leaving_a_block_early_cancels_and_waits(void **state) {
    (void)state;
    WHARF_SCOPE (scope, NULL) {
        wharf_go(scope, sleep_long, 0);
        wharf_yield();
        break;
    }
    assert_int_equal(sleeping_results[0], -ECANCELED);
}

static void waiting_obeys_a_deadline_and_leaves_the_tasks_running(void **state) {
    (void)state;
    wharf_scope scope;
    int timed = 0;
    wharf_scope_open(&scope, NULL);
    wharf_spawn_detached(&scope, sleep_long, NULL, 0, NULL);
    WHARF_WITHIN (2) {
        timed = wharf_scope_wait(&scope);
    }
    assert_int_equal(timed, -ETIMEDOUT);
    assert_int_equal(sleeping_results[0], 1);
    wharf_scope_cancel(&scope);
    assert_int_equal(wharf_scope_close(&scope), 0);
    assert_int_equal(wharf_scope_close(&scope), 0); /* again: nothing */
    assert_int_equal(wharf_spawn_detached(&scope, sleep_long, NULL, 0, NULL), -EINVAL);
}

/* ---- what failed ---- */

static int fail_with_words(void *arg) {
    return fail(*(int *)arg, "read", "the manual", "page %d is missing", 7);
}

static int fail_about_something_else(void *arg) {
    (void)fail(-ENOENT, "open", "a file", NULL);
    return *(int *)arg;
}

static void the_sentence_of_the_first_failure_moves_up(void **state) {
    (void)state;
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        wharf_go(scope, fail_with_words, -EPROTO);
        wharf_go(scope, fail_with, -EPERM);
    }
    assert_int_equal(result, -EPROTO);
    assert_string_equal(wharf_why(), "read the manual: protocol error (EPROTO): page 7 is missing");
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    wharf_go(&scope, fail_about_something_else, -EPERM);
    assert_int_equal(wharf_scope_wait(&scope), -EPERM);
    assert_string_equal(wharf_why(), "task fail_about_something_else: operation not permitted (EPERM)");
    assert_int_equal(wharf_scope_close(&scope), -EPERM);
}

static int fail_in_a_scope(void *arg) {
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        wharf_go(scope, fail_with_words, *(int *)arg);
    }
    return result;
}

static void it_moves_up_through_several_scopes(void **state) {
    (void)state;
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        wharf_go(scope, fail_in_a_scope, -EBADMSG);
    }
    assert_int_equal(result, -EBADMSG);
    assert_non_null(strstr(wharf_why(), "page 7 is missing"));
}

static void leaving_early_keeps_the_own_sentence(void **state) {
    (void)state;
    WHARF_SCOPE (scope, NULL) {
        wharf_go(scope, fail_with_words, -EPROTO);
        wharf_yield();
        (void)fail(-ENOSPC, "own", NULL, NULL);
        break;
    }
    assert_string_equal(wharf_why(), "own: no space left on device (ENOSPC)");
}

struct too_large {
    char bytes[5000];
};

static void a_task_that_cannot_be_started_fails_its_scope(void **state) {
    (void)state;
    struct too_large value = {{0}};
    int result = 0, started = 0;
    WHARF_SCOPE (scope, &result) {
        wharf_go(scope, sleep_long, 0);
        wharf_yield();
        started = wharf_go(scope, fail_with, value);
        assert_int_equal(wharf_check(), -ECANCELED);
        assert_int_equal(wharf_go(scope, fail_with, value), -EINVAL); /* the first is the result */
    }
    assert_int_equal(started, -EINVAL);
    assert_int_equal(result, -EINVAL);
    assert_non_null(strstr(wharf_why(), "an argument over 4096 bytes"));
    assert_int_equal(sleeping_results[0], -ECANCELED);
}

static void trying_to_start_one_does_not(void **state) {
    (void)state;
    struct too_large value = {{0}};
    int result = 7;
    WHARF_SCOPE (scope, &result) {
        assert_int_equal(wharf_try_go(scope, fail_with, value), -EINVAL);
        assert_int_equal(wharf_check(), 0);
        assert_int_equal(wharf_try_go(scope, fail_with, 0), 0);
        assert_int_equal(wharf_go(NULL, fail_with, value), -EINVAL); /* the background has no result */
    }
    assert_int_equal(result, 0);
}

static void a_scope_that_was_cancelled_does_not_fail_by_what_it_refuses(void **state) {
    (void)state;
    int result = 7;
    WHARF_SCOPE (scope, &result) {
        wharf_scope_cancel(scope);
        assert_int_equal(wharf_go(scope, fail_with, -EIO), -ECANCELED);
    }
    assert_int_equal(result, 0);
}

static void waiting_returns_the_error_when_all_have_ended(void **state) {
    (void)state;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    wharf_go(&scope, sleep_in_scope, 0);
    wharf_go(&scope, fail_with, -EPROTO);
    assert_int_equal(wharf_scope_wait(&scope), -EPROTO);
    assert_int_equal(sleeping_results[0], -ECANCELED);
    assert_int_equal(scope_of(&scope)->tasks, 0);
    assert_int_equal(wharf_scope_wait(&scope), -EPROTO);
    assert_int_equal(wharf_scope_close(&scope), -EPROTO);
    assert_int_equal(wharf_scope_close(&scope), -EPROTO);
}

/* ---- deadlines that cut something short ---- */

static void a_scope_that_ran_out_of_time_says_so(void **state) {
    (void)state;
    wharf_scope scope;
    int inside = 7, around = 7;
    wharf_scope_open_within(&scope, 2); /* its owner notices */
    assert_int_equal(wharf_sleep(60000), -ETIMEDOUT);
    assert_int_equal(wharf_scope_close(&scope), -ETIMEDOUT);
    wharf_scope_open_within(&scope, 2); /* a task notices, and says that all is well */
    wharf_go(&scope, sleep_long, 0);
    assert_int_equal(wharf_scope_close(&scope), -ETIMEDOUT);
    assert_non_null(strstr(wharf_why(), "timed out"));
    WHARF_WITHIN (2) {
        WHARF_SCOPE (s, &inside) {
            wharf_go(s, sleep_in_scope, 0);
        }
    }
    WHARF_SCOPE (s, &around) {
        WHARF_WITHIN (2) {
            wharf_sleep(60000);
        }
    }
    assert_int_equal(inside, -EIO); /* a task's own error comes first */
    assert_int_equal(around, 0);    /* the deadline was not this scope's */
}

static void a_deadline_that_cut_nothing_short_is_not_the_result(void **state) {
    (void)state;
    wharf_scope scope;
    wharf_scope_open_within(&scope, 1);
    wharf_go(&scope, fail_with, 0);
    int64_t until = wharf_now_ns() + 2000000;
    while (wharf_now_ns() < until) {
    }
    assert_int_equal(wharf_scope_close(&scope), 0);
    WHARF_SHIELD (1) {
        assert_int_equal(wharf_sleep(60000), -ETIMEDOUT);
    }
    assert_int_equal(wharf_check(), 0);
}

/* Every wait that is cut short, and every handle that is no good, is told of, and not what failed before it. */
static void each_failure_has_its_own_sentence(void **state) {
    (void)state;
    int value = 0;
    wharf_chan chan = wharf_chan_new(sizeof value, 0);
    WHARF_WITHIN (1) {
        assert_int_equal(wharf_take(chan, &value), -ETIMEDOUT);
        assert_string_equal(wharf_why(), "take: timed out (ETIMEDOUT)");
        assert_int_equal(wharf_sleep(1000), -ETIMEDOUT);
        assert_string_equal(wharf_why(), "sleep: timed out (ETIMEDOUT)");
    }
    assert_int_equal(wharf_chan_close(chan), 0);
    assert_int_equal(wharf_put(chan, &value), -EPIPE);
    assert_non_null(strstr(wharf_why(), "the channel is closed"));
    assert_int_equal(wharf_chan_close(chan), -EINVAL);
    assert_non_null(strstr(wharf_why(), "closed already"));
    wharf_chan_free(chan);
    assert_int_equal(wharf_take(chan, &value), -EBADF);
    assert_non_null(strstr(wharf_why(), "it was freed"));
    assert_int_equal(wharf_join((wharf_task){0}, NULL), -ESRCH);
    assert_non_null(strstr(wharf_why(), "no such task"));
    assert_int_equal(wharf_wait_fd(999999, WHARF_READABLE), -EBADF);
    assert_non_null(strstr(wharf_why(), "999999 is not open"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_failure_has_its_own_sentence, setup),
        cmocka_unit_test_setup(cancelling_reaches_every_scope_below, setup),
        cmocka_unit_test_setup(cancelling_inside_leaves_the_outside_alone, setup),
        cmocka_unit_test_setup(cancelled_means_every_call_until_the_scope_is_left, setup),
        cmocka_unit_test_setup(a_shield_lets_cleanup_block_but_not_for_ever, setup),
        cmocka_unit_test_setup(cancelling_does_not_enter_a_shield, setup),
        cmocka_unit_test_setup(a_shield_without_a_limit_is_refused, setup),
        cmocka_unit_test_setup(the_nearest_deadline_rules, setup),
        cmocka_unit_test_setup(a_deadline_reaches_the_tasks_inside_but_not_the_background, setup),
        cmocka_unit_test_setup(the_first_error_cancels_the_others_and_is_the_result, setup),
        cmocka_unit_test_setup(leaving_a_block_early_cancels_and_waits, setup),
        cmocka_unit_test_setup(the_sentence_of_the_first_failure_moves_up, setup),
        cmocka_unit_test_setup(it_moves_up_through_several_scopes, setup),
        cmocka_unit_test_setup(leaving_early_keeps_the_own_sentence, setup),
        cmocka_unit_test_setup(a_task_that_cannot_be_started_fails_its_scope, setup),
        cmocka_unit_test_setup(trying_to_start_one_does_not, setup),
        cmocka_unit_test_setup(a_scope_that_was_cancelled_does_not_fail_by_what_it_refuses, setup),
        cmocka_unit_test_setup(waiting_returns_the_error_when_all_have_ended, setup),
        cmocka_unit_test_setup(a_scope_that_ran_out_of_time_says_so, setup),
        cmocka_unit_test_setup(a_deadline_that_cut_nothing_short_is_not_the_result, setup),
        cmocka_unit_test_setup(waiting_obeys_a_deadline_and_leaves_the_tasks_running, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

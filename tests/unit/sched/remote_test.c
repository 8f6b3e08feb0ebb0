/* wharf_call_on(): one core asks another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/failure.h"
#include "base/memory.h"
#include "wharf/task.h"

enum { CORES = 3, CALLS = 2001 };

static _Atomic int broken;
static _Atomic int served[CORES];
static _Atomic int done;

static void expect(bool holds) {
    if (!holds) {
        atomic_fetch_add(&broken, 1);
    }
}

/* Stays until all have asked: a core that has returned answers no more. */
static int stay_until_all_are_done(void) {
    atomic_fetch_add(&done, 1);
    while (atomic_load(&done) < CORES) {
        int rc = wharf_sleep(1);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int where_and_twice(void *arg) {
    int number = *(int *)arg;
    atomic_fetch_add(&served[wharf_core()], 1);
    return number * 2;
}

static int ask_everybody(void *arg) {
    (void)arg;
    for (int i = 0; i < CALLS; i++) {
        expect(wharf_call_on(i % CORES, where_and_twice, &i, sizeof i) == i * 2);
    }
    return stay_until_all_are_done();
}

static void every_core_answers_every_core(void **state) {
    (void)state;
    assert_int_equal(wharf_run(CORES, ask_everybody, NULL), 0);
    /* This thread's scheduler keeps its tables: measured from the second time on. */
    int64_t before = mem_live();
    atomic_store(&done, 0);
    assert_int_equal(wharf_run(CORES, ask_everybody, NULL), 0);
    assert_int_equal(broken, 0);
    for (int i = 0; i < CORES; i++) {
        assert_int_equal(served[i], 2 * CALLS);
    }
    assert_int_equal(mem_live(), before);
}

static int slow(void *arg) {
    (void)arg;
    wharf_sleep(20);
    return 7;
}

static int give_up(void *arg) {
    (void)arg;
    int other = (wharf_core() + 1) % CORES;
    WHARF_WITHIN (5) {
        expect(wharf_call_on(other, slow, NULL, 0) == -ETIMEDOUT);
    }
    expect(wharf_call_on(other, slow, NULL, 0) == 7);
    return stay_until_all_are_done();
}

static void a_caller_that_gives_up_leaves_nothing_behind(void **state) {
    (void)state;
    int64_t before = mem_live();
    atomic_store(&done, 0);
    assert_int_equal(wharf_run(CORES, give_up, NULL), 0);
    assert_int_equal(broken, 0);
    assert_int_equal(mem_live(), before);
}

static int negative(void *arg) {
    (void)arg;
    return -EIO;
}

static int ask_wrongly(void *arg) {
    (void)arg;
    expect(wharf_call_on(CORES, negative, NULL, 0) == -EINVAL);
    expect(wharf_call_on(-1, negative, NULL, 0) == -EINVAL);
    expect(wharf_call_on(0, NULL, NULL, 0) == -EINVAL);
    expect(wharf_call_on((wharf_core() + 1) % CORES, negative, NULL, 0) == -EIO);
    expect(wharf_call_on(wharf_core(), negative, NULL, 0) == -EIO);
    return stay_until_all_are_done();
}

static void errors_come_back(void **state) {
    (void)state;
    atomic_store(&done, 0);
    assert_int_equal(wharf_run(CORES, ask_wrongly, NULL), 0);
    assert_int_equal(broken, 0);
    int number = 21;
    assert_int_equal(wharf_call_on(0, where_and_twice, &number, sizeof number), 42);
    assert_int_equal(wharf_call_on(1, where_and_twice, &number, sizeof number), -EINVAL);
}

static int telling(void *arg) {
    (void)arg;
    return fail(-EPROTO, "weigh", "the scales", NULL);
}

static int ask_why(void *arg) {
    (void)arg;
    for (int i = 0; i < CORES; i++) {
        (void)fail(-EBADMSG, "stale", NULL, NULL);
        expect(wharf_call_on(i, telling, NULL, 0) == -EPROTO);
        expect(strstr(wharf_why(), "weigh the scales") != NULL);
    }
    int other = (wharf_core() + 1) % CORES;
    expect(wharf_call_on(other, negative, NULL, 0) == -EIO);
    expect(strstr(wharf_why(), "call on another core") != NULL && strstr(wharf_why(), "EIO") != NULL);
    return stay_until_all_are_done();
}

static void the_caller_is_told_why(void **state) {
    (void)state;
    atomic_store(&done, 0);
    assert_int_equal(wharf_run(CORES, ask_why, NULL), 0);
    assert_int_equal(broken, 0);
}

static int fail_on_the_last(void *arg) {
    bool in_words = *(bool *)arg;
    (void)fail(-EBADMSG, "stale", NULL, NULL);
    if (wharf_core() != CORES - 1) {
        return wharf_sleep(60000);
    }
    return in_words ? telling(NULL) : negative(NULL);
}

static void a_run_is_told_why_its_core_failed(void **state) {
    (void)state;
    bool in_words = true;
    assert_int_equal(wharf_run(CORES, fail_on_the_last, &in_words), -EPROTO);
    assert_non_null(strstr(wharf_why(), "weigh the scales"));
    in_words = false;
    assert_int_equal(wharf_run(CORES, fail_on_the_last, &in_words), -EIO);
    assert_non_null(strstr(wharf_why(), "EIO"));
    assert_null(strstr(wharf_why(), "stale"));
}

static int leave_at_once_but_the_first(void *arg) {
    (void)arg;
    if (wharf_core() != 0) {
        return 0;
    }
    int number = 1;
    int rc = 0;
    do {
        rc = wharf_call_on(1, where_and_twice, &number, sizeof number);
    } while (rc == 2 && wharf_sleep(1) == 0);
    expect(rc == -ESRCH || rc == -ECANCELED);
    return 0;
}

static void a_core_that_has_left_cannot_be_asked(void **state) {
    (void)state;
    assert_int_equal(wharf_run(2, leave_at_once_but_the_first, NULL), 0);
    assert_int_equal(broken, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_core_answers_every_core),
        cmocka_unit_test(a_caller_that_gives_up_leaves_nothing_behind),
        cmocka_unit_test(errors_come_back),
        cmocka_unit_test(the_caller_is_told_why),
        cmocka_unit_test(a_run_is_told_why_its_core_failed),
        cmocka_unit_test(a_core_that_has_left_cannot_be_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

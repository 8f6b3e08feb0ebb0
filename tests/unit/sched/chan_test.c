/* Channels: order, hand-off, closing, freeing, bounds, memory. */
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
#include "wharf/sync.h"
#include "wharf/task.h"

struct run {
    wharf_chan chan;
    int first, count;
};

static int put_some(void *arg) {
    struct run *run = *(struct run **)arg;
    for (int i = 0; i < run->count; i++) {
        int value = run->first + i;
        int rc = wharf_put(run->chan, &value);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static void elements_come_out_in_their_order(void **state) {
    (void)state;
    static const size_t capacities[] = {0, 1, 2, 7, 1000};
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        struct run run = {wharf_chan_new(sizeof(int), capacities[i]), 0, 500}, *where = &run;
        assert_false(wharf_failed(run.chan));
        wharf_scope scope;
        wharf_scope_open(&scope, NULL);
        wharf_go(&scope, put_some, where);
        for (int expected = 0; expected < run.count; expected++) {
            int value = -1;
            assert_int_equal(wharf_take(run.chan, &value), 1);
            assert_int_equal(value, expected);
        }
        assert_int_equal(wharf_scope_close(&scope), 0);
        assert_int_equal(wharf_chan_free(run.chan), 0);
    }
}

static void waiting_puts_are_served_in_the_order_of_asking(void **state) {
    (void)state;
    wharf_chan chan = wharf_chan_new(sizeof(int), 1);
    struct run runs[5], *where = NULL;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    for (int i = 0; i < 5; i++) {
        runs[i] = (struct run){chan, i, 1};
        where = &runs[i];
        wharf_go(&scope, put_some, where);
    }
    wharf_yield();
    for (int i = 0; i < 5; i++) {
        int value = -1;
        assert_int_equal(wharf_take(chan, &value), 1);
        assert_int_equal(value, i);
    }
    wharf_scope_close(&scope);
    wharf_chan_free(chan);
}

static int taken[8], takes;

static int take_one(void *arg) {
    wharf_chan chan = *(wharf_chan *)arg;
    int value = -1, mine = takes++;
    int rc = wharf_take(chan, &value);
    taken[mine] = rc == 1 ? value : rc;
    return 0;
}

static void waiting_takes_are_served_in_the_order_of_asking(void **state) {
    (void)state;
    wharf_chan chan = wharf_chan_new(sizeof(int), 0);
    takes = 0;
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 5; i++) {
            wharf_go(scope, take_one, chan);
        }
        wharf_yield();
        for (int i = 0; i < 5; i++) {
            assert_int_equal(wharf_put(chan, &i), 0);
        }
    }
    for (int i = 0; i < 5; i++) {
        assert_int_equal(taken[i], i);
    }
    wharf_chan_free(chan);
}

static void a_taker_that_timed_out_swallows_nothing(void **state) {
    (void)state;
    wharf_chan chan = wharf_chan_new(sizeof(int), 4);
    int value = 17, rc = 0;
    WHARF_WITHIN (1) {
        rc = wharf_take(chan, &value);
    }
    assert_int_equal(rc, -ETIMEDOUT);
    assert_int_equal(value, 17);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wharf_put(chan, &i), 0);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wharf_take(chan, &value), 1);
        assert_int_equal(value, i);
    }
    wharf_chan_free(chan);
}

static void a_put_that_timed_out_leaves_nothing_behind(void **state) {
    (void)state;
    wharf_chan chan = wharf_chan_new(sizeof(int), 0);
    int value = 5, rc = 0;
    WHARF_WITHIN (1) {
        rc = wharf_put(chan, &value);
    }
    assert_int_equal(rc, -ETIMEDOUT);
    WHARF_WITHIN (1) {
        rc = wharf_take(chan, &value);
    }
    assert_int_equal(rc, -ETIMEDOUT);
    wharf_chan_free(chan);
}

/* A taker is cancelled in the same turn in which its element is put: it has it, or the channel has it. */
static void cancelling_and_putting_together_loses_nothing(void **state) {
    (void)state;
    for (int cancel_first = 0; cancel_first < 2; cancel_first++) {
        wharf_chan chan = wharf_chan_new(sizeof(int), 1);
        int value = 42, other = 0;
        takes = 0;
        wharf_task task = wharf_spawn(NULL, take_one, &chan, sizeof chan, NULL);
        wharf_yield();
        if (cancel_first == 1) {
            wharf_cancel(task);
        }
        assert_int_equal(wharf_put(chan, &value), 0);
        if (cancel_first == 0) {
            wharf_cancel(task);
        }
        assert_int_equal(wharf_join(task, NULL), 0);
        if (taken[0] != 42) {
            assert_int_equal(taken[0], -ECANCELED);
            assert_int_equal(wharf_take(chan, &other), 1);
            assert_int_equal(other, 42);
        }
        wharf_chan_free(chan);
    }
}

static void a_closed_channel_drains_and_then_ends(void **state) {
    (void)state;
    wharf_chan chan = wharf_chan_new(sizeof(int), 3);
    int value = -1;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wharf_put(chan, &i), 0);
    }
    assert_int_equal(wharf_chan_close(chan), 0);
    assert_int_equal(wharf_chan_close(chan), -EINVAL);
    assert_int_equal(wharf_put(chan, &value), -EPIPE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wharf_take(chan, &value), 1);
        assert_int_equal(value, i);
    }
    value = 99;
    assert_int_equal(wharf_take(chan, &value), 0);
    assert_int_equal(value, 99);
    wharf_chan_free(chan);
}

static void closing_and_freeing_wake_who_waits(void **state) {
    (void)state;
    static const int expected[2][2] = {{-EPIPE, 0}, {-EBADF, -EBADF}}; /* put, take */
    for (int freed = 0; freed < 2; freed++) {
        wharf_chan full = wharf_chan_new(sizeof(int), 0), empty = wharf_chan_new(sizeof(int), 1);
        struct run run = {full, 1, 1}, *where = &run;
        takes = 0;
        wharf_task putter = wharf_spawn(NULL, put_some, &where, sizeof where, NULL);
        wharf_task taker = wharf_spawn(NULL, take_one, &empty, sizeof empty, NULL);
        wharf_yield();
        assert_int_equal(freed ? wharf_chan_free(full) : wharf_chan_close(full), 0);
        assert_int_equal(freed ? wharf_chan_free(empty) : wharf_chan_close(empty), 0);
        int result = 1;
        assert_int_equal(wharf_join(putter, &result), 0);
        assert_int_equal(wharf_join(taker, NULL), 0);
        assert_int_equal(result, expected[freed][0]);
        assert_int_equal(taken[0], expected[freed][1]);
        assert_int_equal(wharf_chan_free(full), freed ? -EBADF : 0);
        assert_int_equal(wharf_chan_free(empty), freed ? -EBADF : 0);
    }
}

static void a_stale_handle_never_finds_a_new_channel(void **state) {
    (void)state;
    wharf_chan old = wharf_chan_new(sizeof(int), 1);
    wharf_chan_free(old);
    for (int i = 0; i < 200; i++) {
        wharf_chan chan = wharf_chan_new(sizeof(int), 1);
        assert_int_equal(wharf_put(old, &i), -EBADF);
        assert_int_equal(wharf_chan_close(old), -EBADF);
        wharf_chan_free(chan);
    }
}

static void trying_never_waits(void **state) {
    (void)state;
    int value = 1;
    wharf_chan buffered = wharf_chan_new(sizeof(int), 2), rendezvous = wharf_chan_new(sizeof(int), 0);
    assert_int_equal(wharf_try_take(buffered, &value), -EAGAIN);
    assert_int_equal(wharf_try_put(rendezvous, &value), -EAGAIN);
    for (value = 1; value <= 2; value++) {
        assert_int_equal(wharf_try_put(buffered, &value), 0);
    }
    assert_int_equal(wharf_try_put(buffered, &value), -EAGAIN);
    assert_int_equal(wharf_try_take(buffered, &value), 1);
    assert_int_equal(value, 1);
    assert_int_equal(wharf_chan_close(buffered), 0);
    assert_int_equal(wharf_try_put(buffered, &value), -EPIPE);
    assert_int_equal(wharf_try_take(buffered, &value), 1);
    assert_int_equal(value, 2);
    assert_int_equal(wharf_try_take(buffered, &value), 0);
    assert_int_equal(wharf_chan_free(buffered), 0);
    assert_int_equal(wharf_try_put(buffered, &value), -EBADF);
    assert_int_equal(wharf_try_take(buffered, &value), -EBADF);
    assert_int_equal(wharf_chan_free(rendezvous), 0);
}

/* Also once cancelled: cleaning up may hand on what is left. */
static void trying_meets_who_waits(void **state) {
    (void)state;
    struct run run = {wharf_chan_new(sizeof(int), 0), 7, 2}, *where = &run;
    int value = 0;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    wharf_go(&scope, put_some, where);
    wharf_yield();
    assert_int_equal(wharf_try_take(run.chan, &value), 1);
    assert_int_equal(value, 7);
    assert_int_equal(wharf_try_take(run.chan, &value), -EAGAIN); /* the second is on its way */
    wharf_yield();
    wharf_scope own;
    wharf_scope_open(&own, NULL);
    wharf_scope_cancel(&own);
    assert_int_equal(wharf_try_take(run.chan, &value), 1);
    assert_int_equal(value, 8);
    wharf_scope_close(&own);
    assert_int_equal(wharf_scope_close(&scope), 0);
    assert_int_equal(wharf_chan_free(run.chan), 0);
}

static void bounds_are_kept(void **state) {
    (void)state;
    static const struct {
        size_t element, capacity;
        bool accepted;
    } rows[] = {
        {1, 0, true},      {65536, 2, true},          {1, 1 << 20, true},          {0, 1, false},
        {65537, 1, false}, {1, (1 << 20) + 1, false}, {SIZE_MAX, SIZE_MAX, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wharf_chan chan = wharf_chan_new(rows[i].element, rows[i].capacity);
        assert_int_equal(wharf_error(chan), rows[i].accepted ? 0 : -EINVAL);
        if (rows[i].accepted) {
            assert_int_equal(wharf_chan_free(chan), 0);
        } else {
            assert_int_equal(wharf_take(chan, NULL), -EINVAL);
        }
    }
}

static void *use_elsewhere(void *arg) {
    static int results[2];
    int value = 0;
    results[0] = wharf_put(*(wharf_chan *)arg, &value);
    results[1] = wharf_chan_free(*(wharf_chan *)arg);
    return results;
}

static void another_cores_channel_is_refused(void **state) {
    (void)state;
    wharf_chan chan = wharf_chan_new(sizeof(int), 1);
    pthread_t thread;
    void *results = NULL;
    assert_int_equal(pthread_create(&thread, NULL, use_elsewhere, &chan), 0);
    pthread_join(thread, &results);
    assert_int_equal(((int *)results)[0], -EXDEV);
    assert_int_equal(((int *)results)[1], -EXDEV);
    assert_int_equal(wharf_chan_free(chan), 0);
}

/* ---- memory ---- */

static int use_channels(void) {
    int rc = 0;
    for (int i = 0; i < 2 * CHAN_PAGE && rc == 0; i++) {
        wharf_chan chan = wharf_chan_new(100, 10); /* left for the scheduler's end */
        rc = wharf_error(chan);
    }
    return rc;
}

static void every_allocation_may_fail_and_what_is_left_is_freed(void **state) {
    (void)state;
    assert_true(allocation_sweep(use_channels) > 2 * CHAN_PAGE);
}

/* ---- waits without a deadline ---- */

struct waiter_notes {
    wharf_chan chan;
    int value, result, ended;
};

static int put_and_note(void *arg) {
    struct waiter_notes *notes = *(struct waiter_notes **)arg;
    notes->result = wharf_put(notes->chan, &notes->value);
    notes->ended++;
    return 0;
}

static int take_and_note(void *arg) {
    struct waiter_notes *notes = *(struct waiter_notes **)arg;
    notes->result = wharf_take(notes->chan, &notes->value);
    notes->ended++;
    return 0;
}

/* Whoever ends such a wait does all that there is to do, so a cancellation must take it out of the queue, too. */
static void a_cancelled_wait_is_in_no_queue(void **state) {
    (void)state;
    for (int taking = 0; taking < 2; taking++) {
        struct waiter_notes notes = {.chan = wharf_chan_new(sizeof(int), 0), .value = 7};
        struct waiter_notes *at = &notes;
        wharf_fn wait = taking ? take_and_note : put_and_note;
        wharf_task task = wharf_spawn(NULL, wait, &at, sizeof at, NULL);
        assert_int_equal(wharf_yield(), 0);
        assert_int_equal(notes.ended, 0);
        assert_int_equal(wharf_cancel(task), 0);
        int value = 5;
        assert_int_equal(wharf_try_put(notes.chan, &value), -EAGAIN);
        assert_int_equal(wharf_try_take(notes.chan, &value), -EAGAIN);
        assert_int_equal(wharf_join(task, NULL), 0);
        assert_int_equal(notes.result, -ECANCELED);
        assert_int_equal(notes.value, 7);
        assert_int_equal(wharf_chan_free(notes.chan), 0);
    }
}

/* The taker has its element before its turn comes: the cancellation that comes in between is for its next call. */
static void what_was_handed_over_stays_so(void **state) {
    (void)state;
    struct waiter_notes notes = {.chan = wharf_chan_new(sizeof(int), 0)};
    struct waiter_notes *at = &notes;
    wharf_task task = wharf_spawn(NULL, take_and_note, &at, sizeof at, NULL);
    assert_int_equal(wharf_yield(), 0);
    int value = 5;
    assert_int_equal(wharf_put(notes.chan, &value), 0);
    assert_int_equal(wharf_cancel(task), 0);
    assert_int_equal(wharf_join(task, NULL), 0);
    assert_int_equal(notes.result, 1);
    assert_int_equal(notes.value, 5);
    assert_int_equal(wharf_chan_free(notes.chan), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_come_out_in_their_order),
        cmocka_unit_test(waiting_puts_are_served_in_the_order_of_asking),
        cmocka_unit_test(waiting_takes_are_served_in_the_order_of_asking),
        cmocka_unit_test(a_taker_that_timed_out_swallows_nothing),
        cmocka_unit_test(a_put_that_timed_out_leaves_nothing_behind),
        cmocka_unit_test(cancelling_and_putting_together_loses_nothing),
        cmocka_unit_test(a_cancelled_wait_is_in_no_queue),
        cmocka_unit_test(what_was_handed_over_stays_so),
        cmocka_unit_test(a_closed_channel_drains_and_then_ends),
        cmocka_unit_test(closing_and_freeing_wake_who_waits),
        cmocka_unit_test(a_stale_handle_never_finds_a_new_channel),
        cmocka_unit_test(trying_never_waits),
        cmocka_unit_test(trying_meets_who_waits),
        cmocka_unit_test(bounds_are_kept),
        cmocka_unit_test(another_cores_channel_is_refused),
        cmocka_unit_test(every_allocation_may_fail_and_what_is_left_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

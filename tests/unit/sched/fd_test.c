/* Descriptors of others: waiting for them, reading and writing them without changing their flags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sched/internal.h"
#include "wharf/os.h"
#include "wharf/task.h"

static int setup(void **state) {
    static int ends[2];
    *state = ends;
    return pipe2(ends, O_CLOEXEC);
}

/* A test that has closed an end says so by -1. */
static int teardown(void **state) {
    int *ends = *state;
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0) {
            close(ends[i]);
        }
    }
    return 0;
}

static void close_end(int *end) {
    close(*end);
    *end = -1;
}

struct wait {
    int fd, events;
};

static int wait_for(void *arg) {
    struct wait *wait = arg;
    return wharf_wait_fd(wait->fd, wait->events);
}

static wharf_task waiter(int fd, int events) {
    struct wait wait = {fd, events};
    wharf_task task = wharf_spawn(NULL, wait_for, &wait, sizeof wait, NULL);
    wharf_yield();
    return task;
}

static int result_of(wharf_task task) {
    int result = -1;
    assert_int_equal(wharf_join(task, &result), 0);
    return result;
}

static void an_empty_pipe_becomes_readable(void **state) {
    int *ends = *state;
    wharf_task tasks[3]; /* any number may wait */
    for (size_t i = 0; i < 3; i++) {
        tasks[i] = waiter(ends[0], WHARF_READABLE);
    }
    assert_int_equal(write(ends[1], "x", 1), 1);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(result_of(tasks[i]), WHARF_READABLE);
    }
    assert_int_equal(sched_load(sched_current()), 0);
}

static void a_hang_up_wakes_the_reader(void **state) {
    int *ends = *state;
    wharf_task task = waiter(ends[0], WHARF_READABLE);
    close_end(&ends[1]);
    assert_int_equal(result_of(task), WHARF_READABLE);
    assert_int_equal(wharf_wait_fd(ends[0], WHARF_READABLE), WHARF_READABLE);
    char byte = 0;
    assert_int_equal(wharf_read(ends[0], &byte, 1), 0);
}

static void fill(int fd) {
    static const char block[4096];
    int ready = WHARF_WRITABLE;
    while (ready > 0) {
        WHARF_WITHIN (1) {
            ready = wharf_wait_fd(fd, WHARF_WRITABLE);
        }
        assert_true(ready < 0 || write(fd, block, sizeof block) > 0);
    }
    assert_int_equal(ready, -ETIMEDOUT);
}

static void a_full_pipe_becomes_writable(void **state) {
    int *ends = *state;
    char block[65536];
    fill(ends[1]);
    wharf_task one = waiter(ends[1], WHARF_WRITABLE);
    wharf_task either = waiter(ends[1], WHARF_READABLE | WHARF_WRITABLE);
    assert_true(read(ends[0], block, sizeof block) > 0);
    assert_int_equal(result_of(one), WHARF_WRITABLE);
    assert_int_equal(result_of(either), WHARF_WRITABLE);
}

static void a_reader_that_is_gone_wakes_the_writer(void **state) {
    int *ends = *state;
    fill(ends[1]);
    wharf_task task = waiter(ends[1], WHARF_WRITABLE);
    close_end(&ends[0]);
    assert_true(result_of(task) > 0);
    assert_int_equal(wharf_write(ends[1], "x", 1), -EPIPE); /* and no signal */
}

static void regular_files_are_always_ready(void **state) {
    (void)state;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_int_equal(wharf_wait_fd(fd, WHARF_READABLE), WHARF_READABLE);
    assert_int_equal(wharf_wait_fd(fd, WHARF_READABLE | WHARF_WRITABLE), WHARF_READABLE | WHARF_WRITABLE);
    close(fd);
}

static void what_is_no_descriptor_is_an_error(void **state) {
    (void)state;
    char byte = 0;
    int closed = dup(0);
    close(closed);
    assert_int_equal(wharf_wait_fd(closed, WHARF_READABLE), -EBADF);
    assert_int_equal(wharf_wait_fd(-1, WHARF_READABLE), -EBADF);
    assert_int_equal(wharf_read(closed, &byte, 1), -EBADF);
    assert_int_equal(wharf_write(closed, &byte, 1), -EBADF);
    assert_int_equal(wharf_wait_fd(0, 0), -EINVAL);
    assert_int_equal(wharf_wait_fd(0, 4), -EINVAL);
}

static void waiting_can_be_cancelled_and_leaves_nothing(void **state) {
    int *ends = *state;
    int rc = 0;
    WHARF_WITHIN (1) {
        rc = wharf_wait_fd(ends[0], WHARF_READABLE);
    }
    assert_int_equal(rc, -ETIMEDOUT);
    wharf_task task = waiter(ends[0], WHARF_READABLE);
    assert_int_equal(wharf_cancel(task), 0);
    assert_int_equal(result_of(task), -ECANCELED);
    assert_int_equal(sched_load(sched_current()), 0);
}

static int read_one(void *arg) {
    char byte = 0;
    ssize_t n = wharf_read(*(int *)arg, &byte, 1);
    return n == 1 ? byte : (int)n;
}

/* Both are woken by one byte; the second must wait on, and not block the thread in read(2). */
static void two_readers_of_one_byte_do_not_block_the_thread(void **state) {
    int *ends = *state;
    wharf_task first = wharf_spawn(NULL, read_one, &ends[0], sizeof ends[0], NULL);
    wharf_task second = wharf_spawn(NULL, read_one, &ends[0], sizeof ends[0], NULL);
    wharf_yield();
    assert_int_equal(write(ends[1], "a", 1), 1);
    assert_int_equal(wharf_sleep(5), 0);
    assert_int_equal(write(ends[1], "b", 1), 1);
    assert_int_equal(result_of(first) + result_of(second), 'a' + 'b');
}

static int write_much(void *arg) {
    int fd = *(int *)arg;
    static char bytes[300000];
    memset(bytes, 'w', sizeof bytes);
    ssize_t n = wharf_write(fd, bytes, sizeof bytes);
    close(fd);
    return n == (ssize_t)sizeof bytes ? 0 : -EIO;
}

static void much_goes_through_a_pipe_and_its_flags_stay(void **state) {
    int *ends = *state;
    int flags[2] = {fcntl(ends[0], F_GETFL), fcntl(ends[1], F_GETFL)};
    wharf_task task = wharf_spawn(NULL, write_much, &ends[1], sizeof ends[1], NULL);
    ends[1] = -1; /* the task closes it */
    static char bytes[7000];
    size_t total = 0;
    for (;;) {
        ssize_t n = wharf_read(ends[0], bytes, sizeof bytes);
        assert_true(n >= 0);
        if (n == 0) {
            break;
        }
        total += (size_t)n;
    }
    assert_int_equal(total, 300000);
    assert_int_equal(result_of(task), 0);
    assert_int_equal(fcntl(ends[0], F_GETFL), flags[0]);
    assert_int_equal(flags[1] & O_NONBLOCK, 0);
}

static int turns;
static bool stop;

static int count_turns(void *arg) {
    (void)arg;
    while (!stop) {
        turns++;
        wharf_yield();
    }
    return 0;
}

static void a_descriptor_that_is_always_ready_gives_others_a_turn(void **state) {
    (void)state;
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    char byte = 0;
    stop = false;
    turns = 0;
    wharf_task task = wharf_spawn(NULL, count_turns, NULL, 0, NULL);
    for (int i = 0; i < 10 * FAIRNESS_OPS; i++) {
        assert_int_equal(wharf_read(fd, &byte, 1), 1);
    }
    stop = true;
    assert_true(turns >= 9);
    assert_int_equal(result_of(task), 0);
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_pipe_becomes_readable, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hang_up_wakes_the_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_pipe_becomes_writable, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_that_is_gone_wakes_the_writer, setup, teardown),
        cmocka_unit_test(regular_files_are_always_ready),
        cmocka_unit_test(what_is_no_descriptor_is_an_error),
        cmocka_unit_test_setup_teardown(waiting_can_be_cancelled_and_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(two_readers_of_one_byte_do_not_block_the_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(much_goes_through_a_pipe_and_its_flags_stay, setup, teardown),
        cmocka_unit_test(a_descriptor_that_is_always_ready_gives_others_a_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

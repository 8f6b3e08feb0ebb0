/* A scheduler inside another loop, which here is poll(2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "sched/internal.h"
#include "wharf/os.h"
#include "wharf/sim.h"
#include "wharf/sync.h"
#include "wharf/task.h"

/* Runs the loop until *done, counting its rounds. */
static int loop_until(const bool *done) {
    int rounds = 0;
    struct pollfd wharf = {.fd = wharf_poll_fd(), .events = POLLIN};
    assert_true(wharf.fd >= 0);
    assert_int_equal(wharf_poll_run(), 0);
    while (!*done) {
        rounds++;
        (void)poll(&wharf, 1, wharf_poll_timeout());
        assert_int_equal(wharf_poll_run(), 0);
    }
    return rounds;
}

static bool done;

static int sleep_a_little(void *arg) {
    int rc = wharf_sleep(*(int *)arg);
    done = true;
    return rc;
}

static void timers_are_kept(void **state) {
    (void)state;
    done = false;
    int ms = 20;
    int64_t begin = wharf_now_ns();
    wharf_go(NULL, sleep_a_little, ms);
    int rounds = loop_until(&done);
    assert_true(wharf_now_ns() - begin >= 20 * 1000 * 1000);
    assert_true(rounds <= 4);
}

static int echo_once(void *arg) {
    const int *fds = arg;
    char text[8];
    ssize_t n = wharf_read(fds[0], text, sizeof text);
    n = n > 0 ? wharf_write(fds[1], text, (size_t)n) : n;
    done = true;
    return n < 0 ? (int)n : 0;
}

struct pair {
    int fds[2];
};

static void descriptors_wake_the_loop(void **state) {
    (void)state;
    int to[2], from[2];
    assert_int_equal(pipe2(to, O_CLOEXEC), 0);
    assert_int_equal(pipe2(from, O_CLOEXEC), 0);
    done = false;
    struct pair pair = {{to[0], from[1]}};
    wharf_go(NULL, echo_once, pair);
    struct pollfd wharf = {.fd = wharf_poll_fd(), .events = POLLIN};
    assert_int_equal(wharf_poll_run(), 0);
    assert_int_equal(poll(&wharf, 1, 0), 0);
    assert_int_equal(wharf_poll_timeout(), -1);
    assert_int_equal(write(to[1], "ping", 4), 4);
    assert_int_equal(poll(&wharf, 1, -1), 1);
    (void)loop_until(&done);
    char text[8];
    assert_int_equal(read(from[0], text, sizeof text), 4);
    for (int i = 0; i < 2; i++) {
        close(to[i]);
        close(from[i]);
    }
}

static int add_one(void *arg) {
    (*(int *)arg)++;
    return 0;
}

static int value;

static int offload_here(void *arg) {
    (void)arg;
    int rc = wharf_offload(add_one, &value, sizeof value);
    done = true;
    return rc;
}

static void other_threads_wake_the_loop(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++) {
        done = false;
        value = i;
        wharf_spawn_detached(NULL, offload_here, NULL, 0, NULL);
        (void)loop_until(&done);
        assert_int_equal(value, i + 1);
    }
}

static void what_is_ready_is_not_waited_for(void **state) {
    (void)state;
    done = false;
    int ms = 0;
    wharf_go(NULL, sleep_a_little, ms);
    assert_int_equal(wharf_poll_timeout(), 0);
    (void)loop_until(&done);
    assert_int_equal(wharf_poll_timeout(), -1);
}

static int spin(void *arg) {
    (void)arg;
    while (wharf_yield() == 0) {
    }
    return 0;
}

static void a_busy_task_leaves_the_loop_its_turn(void **state) {
    (void)state;
    wharf_task task = wharf_spawn(NULL, spin, NULL, 0, NULL);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(wharf_poll_run(), 0);
        assert_int_equal(wharf_poll_timeout(), 0);
    }
    assert_int_equal(wharf_cancel(task), 0);
    assert_int_equal(wharf_join(task, NULL), 0);
}

static void a_cancelled_caller_is_told(void **state) {
    (void)state;
    WHARF_SCOPE (scope, NULL) {
        wharf_scope_cancel(scope);
        assert_int_equal(wharf_poll_run(), -ECANCELED);
    }
}

static int poll_in_simulation(void *arg) {
    (void)arg;
    return wharf_poll_fd() == -EOPNOTSUPP && wharf_poll_run() == -EOPNOTSUPP ? 0 : -EIO;
}

static void a_simulation_has_no_descriptor(void **state) {
    (void)state;
    assert_int_equal(wharf_sim_run(NULL, poll_in_simulation, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_are_kept),
        cmocka_unit_test(descriptors_wake_the_loop),
        cmocka_unit_test(other_threads_wake_the_loop),
        cmocka_unit_test(what_is_ready_is_not_waited_for),
        cmocka_unit_test(a_busy_task_leaves_the_loop_its_turn),
        cmocka_unit_test(a_cancelled_caller_is_told),
        cmocka_unit_test(a_simulation_has_no_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

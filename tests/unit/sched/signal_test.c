/* Signals that a scheduler watches, and those that must never kill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sched/internal.h"
#include "wharf/os.h"
#include "wharf/task.h"

struct counter {
    struct signal_watch watch;
    int fired;
};

static void count_signal(struct signal_watch *watch) {
    ((struct counter *)(void *)watch)->fired++;
}

static void wait_for(const int *count, int value) {
    while (*count < value) {
        wharf_sleep(1);
    }
}

static bool is_default(int signal) {
    struct sigaction action;
    sigaction(signal, NULL, &action);
    return action.sa_handler == SIG_DFL;
}

static void each_arrival_reaches_every_watch(void **state) {
    (void)state;
    struct counter first = {.fired = 0}, second = {.fired = 0}, other = {.fired = 0};
    assert_int_equal(signal_watch(&first.watch, SIGUSR1, count_signal), 0);
    assert_int_equal(signal_watch(&second.watch, SIGUSR1, count_signal), 0);
    assert_int_equal(signal_watch(&other.watch, SIGUSR2, count_signal), 0);
    for (int i = 1; i <= 10; i++) {
        raise(SIGUSR1);
        wait_for(&first.fired, i);
        wait_for(&second.fired, i);
    }
    assert_int_equal(other.fired, 0);
    signal_unwatch(&first.watch);
    assert_false(is_default(SIGUSR1));
    signal_unwatch(&second.watch);
    signal_unwatch(&other.watch);
    assert_true(is_default(SIGUSR1));
    assert_true(is_default(SIGUSR2));
}

static void a_signal_ends_a_long_sleep(void **state) {
    (void)state;
    struct counter counter = {.fired = 0};
    assert_int_equal(signal_watch(&counter.watch, SIGUSR1, count_signal), 0);
    pthread_t self = pthread_self();
    raise(SIGUSR1);
    pthread_kill(self, SIGUSR1);
    assert_int_equal(wharf_sleep(1), 0); /* an interrupted system call is no error */
    assert_true(counter.fired >= 1);
    signal_unwatch(&counter.watch);
}

static void own_action(int signal) {
    (void)signal;
}

static void the_programs_own_handler_stays(void **state) {
    (void)state;
    struct counter counter = {.fired = 0};
    struct sigaction action = {.sa_handler = own_action};
    sigaction(SIGUSR1, &action, NULL);
    assert_int_equal(signal_watch(&counter.watch, SIGUSR1, count_signal), -EBUSY);
    sigaction(SIGUSR1, NULL, &action);
    assert_ptr_equal(action.sa_handler, own_action);
    action.sa_handler = SIG_DFL;
    sigaction(SIGUSR1, &action, NULL);
    assert_int_equal(signal_watch(&counter.watch, SIGKILL, count_signal), -EINVAL);
}

/* Unwatching while messages of several watches stand in the same batch. */
static struct counter pair[2];
static int pair_fired;

static void unwatch_both(struct signal_watch *watch) {
    (void)watch;
    pair_fired++;
    signal_unwatch(&pair[0].watch);
    signal_unwatch(&pair[1].watch);
    pair[0].watch.fire = pair[1].watch.fire = NULL; /* whoever runs one now crashes */
    pair[0].watch.message.run = pair[1].watch.message.run = NULL;
}

static void a_watch_may_end_all_watches(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        pair_fired = 0;
        assert_int_equal(signal_watch(&pair[0].watch, SIGUSR1, unwatch_both), 0);
        assert_int_equal(signal_watch(&pair[1].watch, SIGUSR1, unwatch_both), 0);
        raise(SIGUSR1);
        wait_for(&pair_fired, 1);
        assert_int_equal(wharf_sleep(1), 0);
        assert_int_equal(pair_fired, 1);
    }
}

static void there_is_a_limit(void **state) {
    (void)state;
    enum { LIMIT = 64 };
    static struct counter counters[LIMIT + 1];
    for (int i = 0; i < LIMIT; i++) {
        assert_int_equal(signal_watch(&counters[i].watch, SIGUSR2, count_signal), 0);
    }
    assert_int_equal(signal_watch(&counters[LIMIT].watch, SIGUSR2, count_signal), -EAGAIN);
    for (int i = 0; i < LIMIT; i++) {
        signal_unwatch(&counters[i].watch);
    }
    assert_true(is_default(SIGUSR2));
}

/* ---- other threads ---- */

static _Atomic bool storm_over;

static void *storm(void *arg) {
    pthread_t target = *(pthread_t *)arg;
    while (!atomic_load(&storm_over)) {
        pthread_kill(target, SIGUSR1); /* here while it is being watched, */
        raise(SIGUSR1);                /* and on a thread that is no scheduler */
    }
    return NULL;
}

/* Watches come and go on the stack while signals arrive everywhere. */
static void watches_come_and_go_in_a_storm(void **state) {
    (void)state;
    struct counter keeps_the_handler = {.fired = 0};
    assert_int_equal(signal_watch(&keeps_the_handler.watch, SIGUSR1, count_signal), 0);
    pthread_t thread, self = pthread_self();
    atomic_store(&storm_over, false);
    assert_int_equal(pthread_create(&thread, NULL, storm, &self), 0);
    for (int i = 0; i < 2000 || keeps_the_handler.fired < 20; i++) {
        struct counter counter = {.fired = 0};
        assert_int_equal(signal_watch(&counter.watch, SIGUSR1, count_signal), 0);
        assert_int_equal(wharf_yield(), 0);
        signal_unwatch(&counter.watch);
    }
    atomic_store(&storm_over, true);
    pthread_join(thread, NULL);
    signal_unwatch(&keeps_the_handler.watch);
}

static void *watch_and_end(void *arg) {
    static struct counter counter;
    (void)arg;
    return signal_watch(&counter.watch, SIGUSR2, count_signal) == 0 ? NULL : &counter;
}

static void a_thread_that_ends_watches_no_more(void **state) {
    (void)state;
    pthread_t thread;
    void *trouble = NULL;
    assert_int_equal(pthread_create(&thread, NULL, watch_and_end, NULL), 0);
    pthread_join(thread, &trouble);
    assert_null(trouble);
    assert_true(is_default(SIGUSR2));
}

/* ---- SIGPIPE ---- */

static void a_broken_pipe_never_kills(void **state) {
    (void)state;
    assert_true(is_default(SIGPIPE));
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(wharf_write(ends[1], "x", 1), -EPIPE);
    close(ends[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    close(ends[1]);
    struct io *io = NULL;
    struct iovec piece = {"x", 1};
    assert_int_equal(io_open(ends[0], IO_WRITE, &io), 0);
    assert_int_equal(io_send(io, &piece, 1, false), -EPIPE);
    io_close(io, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_arrival_reaches_every_watch),
        cmocka_unit_test(a_signal_ends_a_long_sleep),
        cmocka_unit_test(the_programs_own_handler_stays),
        cmocka_unit_test(a_watch_may_end_all_watches),
        cmocka_unit_test(there_is_a_limit),
        cmocka_unit_test(watches_come_and_go_in_a_storm),
        cmocka_unit_test(a_thread_that_ends_watches_no_more),
        cmocka_unit_test(a_broken_pipe_never_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

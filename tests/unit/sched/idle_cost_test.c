/* What waiting costs: while nothing happens the thread sleeps, whatever a task waits for. Counted in CPU time of the process
 * and in wake-ups of the thread, so that a busy machine changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "wharf/wharf.h"

/* One second is allowed 2 ms of CPU time; a shorter wait is measured against the same. */
enum { WAIT_MS = 150, CPU_MAX_NS = 2 * 1000 * 1000, WAKE_UPS_MAX = 2 };

static int pipe_fds[2];
static wharf_sock listener, connection;
static wharf_chan chan;
static wharf_shared_chan *shared;

static int wait_sleep(void) {
    return wharf_sleep(WHARF_OFF);
}

static int wait_take(void) {
    int value = 0;
    return wharf_take(chan, &value);
}

static int wait_shared(void) {
    int value = 0;
    return wharf_shared_take(shared, &value);
}

static int wait_accept(void) {
    return wharf_error(wharf_accept(listener));
}

static int wait_recv(void) {
    char byte = 0;
    return (int)wharf_recv(connection, &byte, 1);
}

static int wait_fd(void) {
    return wharf_wait_fd(pipe_fds[0], WHARF_READABLE);
}

static int wait_read(void) {
    char byte = 0;
    return (int)wharf_read(pipe_fds[0], &byte, 1);
}

static int wait_signal(void) {
    return wharf_signal_wait(WHARF_SIGNAL(SIGUSR1));
}

static int wait_select(void) {
    int value = 0;
    wharf_case cases[] = {wharf_case_take(chan, &value), wharf_case_readable(connection),
                          wharf_case_fd_readable(pipe_fds[0]), wharf_case_after(WHARF_OFF)};
    return wharf_select(cases, 4);
}

static int block(void *arg) {
    (void)arg;
    return poll(NULL, 0, WAIT_MS);
}

/* The job ends with the deadline, or a little before it. */
static int wait_offload(void) {
    int rc = wharf_offload(block, NULL, 0);
    return rc == 0 ? wharf_sleep(WHARF_OFF) : rc;
}

static int wait_child(void) {
    const char *const argv[] = {"sleep", "1000", NULL};
    return wharf_child_wait(
        wharf_child_start(NULL, WHARF_OPTIONS(wharf_child_options, .argv = argv, .output = WHARF_NULL)),
        NULL);
}

static const struct wait {
    const char *name;
    int (*wait)(void);
    int wake_ups_more; /* by what takes part: a job's end, a child's */
    int ms_more;       /* of CPU time, for starting and ending that */
} waits[] = {
    {"sleep", wait_sleep, 0, 0},     {"take", wait_take, 0, 0},     {"shared take", wait_shared, 0, 0},
    {"accept", wait_accept, 0, 0},   {"recv", wait_recv, 0, 0},     {"wait for a descriptor", wait_fd, 0, 0},
    {"read", wait_read, 0, 0},       {"signal", wait_signal, 0, 0}, {"select", wait_select, 0, 0},
    {"offload", wait_offload, 1, 3}, {"child", wait_child, 2, 10},
};

static int64_t cpu_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static uint64_t wake_ups(void) {
    wharf_counters counters = {.size = sizeof counters};
    assert_int_equal(wharf_stats(&counters), 0);
    return counters.wake_ups;
}

static int run_wait(int (*wait)(void), int64_t ms) {
    int rc = 0;
    WHARF_WITHIN (ms) {
        rc = wait();
    }
    return rc;
}

/* One wait, after a short one that makes threads and the like. */
static bool is_cheap(const struct wait *one) {
    assert_int_equal(run_wait(one->wait, 1), -ETIMEDOUT);
    int64_t cpu = cpu_ns();
    uint64_t woken = wake_ups();
    assert_int_equal(run_wait(one->wait, WAIT_MS), -ETIMEDOUT);
    cpu = cpu_ns() - cpu;
    woken = wake_ups() - woken;
    bool cheap = cpu <= CPU_MAX_NS + one->ms_more * 1000000 &&
                 woken <= WAKE_UPS_MAX + (uint64_t)one->wake_ups_more;
    if (!cheap) {
        print_message("%s: %lld ns, woken %llu times\n", one->name, (long long)cpu,
                      (unsigned long long)woken);
    }
    return cheap;
}

static void waiting_costs_next_to_nothing(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        /* What else the machine does can only make it dearer. */
        assert_true(is_cheap(&waits[i]) || is_cheap(&waits[i]) || is_cheap(&waits[i]));
    }
}

static int setup(void **state) {
    (void)state;
    char address[WHARF_ADDRESS_SIZE];
    listener = wharf_serve_on("127.0.0.1:0");
    chan = wharf_chan_new(sizeof(int), 1);
    shared = wharf_shared_chan_new(sizeof(int), 1);
    if (pipe2(pipe_fds, O_CLOEXEC) < 0 || wharf_local_address(listener, address, sizeof address) < 0) {
        return -1;
    }
    wharf_sock peer = wharf_dial(address); /* silent, and closed with the thread */
    connection = wharf_accept(listener);
    return wharf_failed(peer) || wharf_failed(connection) || shared == NULL;
}

static int teardown(void **state) {
    (void)state;
    wharf_shared_chan_unref(shared);
    wharf_chan_free(chan);
    wharf_close(connection);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return wharf_close(listener);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_costs_next_to_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

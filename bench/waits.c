/* What time costs. Prints one line,
 *
 *      sleep_late_us=.. sleep_latest_us=.. sleep_cpu_us=.. sleep_wake_ups=.. take_cpu_us=.. ... fd_wake_ups=..
 *
 *   sleep_late     by how much a sleep of 5 ms on an idle scheduler ends after its time: the median of 100, and the latest
 *   *_cpu          the processor time that the process spends in one second of a wait
 *   *_wake_ups     how often its thread leaves the system's wait in that second
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <wharf/wharf.h>

enum { SLEEPS = 100, SLEEP_MS = 5, WAIT_MS = 1000, MICROSECOND_NS = 1000 };

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int measure_sleeps(void) {
    int64_t late[SLEEPS];
    for (int i = 0; i < SLEEPS; i++) {
        int64_t begin = wharf_now_ns();
        int rc = wharf_sleep(SLEEP_MS);
        if (rc < 0) {
            return rc;
        }
        late[i] = wharf_now_ns() - begin - (int64_t)SLEEP_MS * 1000 * MICROSECOND_NS;
    }
    qsort(late, SLEEPS, sizeof *late, compare);
    printf("sleep_late_us=%.0f sleep_latest_us=%.0f", (double)late[SLEEPS / 2] / MICROSECOND_NS,
           (double)late[SLEEPS - 1] / MICROSECOND_NS);
    return 0;
}

/* ---- waits for what never comes ---- */

static wharf_chan chan;
static wharf_sock listener, connection;
static int pipe_fds[2];

static int wait_sleep(void) {
    return wharf_sleep(WHARF_OFF);
}

static int wait_take(void) {
    int number = 0;
    return wharf_take(chan, &number);
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

static const struct wait {
    const char *name;
    int (*wait)(void);
} waits[] = {
    {"sleep", wait_sleep}, {"take", wait_take}, {"accept", wait_accept}, {"recv", wait_recv}, {"fd", wait_fd},
};

static int64_t cpu_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int measure_wait(const struct wait *one) {
    wharf_counters before = {.size = sizeof before}, after = {.size = sizeof after};
    int rc = 0;
    wharf_stats(&before);
    int64_t cpu = cpu_ns();
    WHARF_WITHIN (WAIT_MS) {
        rc = one->wait();
    }
    cpu = cpu_ns() - cpu;
    wharf_stats(&after);
    printf(" %s_cpu_us=%.0f %s_wake_ups=%llu", one->name, (double)cpu / MICROSECOND_NS, one->name,
           (unsigned long long)(after.wake_ups - before.wake_ups));
    return rc == -ETIMEDOUT ? 0 : rc < 0 ? rc : -EPROTO;
}

static int open_all(void) {
    char address[WHARF_ADDRESS_SIZE];
    listener = wharf_serve_on("127.0.0.1:0");
    chan = wharf_chan_new(sizeof(int), 0);
    int rc = wharf_local_address(listener, address, sizeof address);
    if (rc < 0 || pipe(pipe_fds) < 0) {
        return rc < 0 ? rc : -errno;
    }
    connection = wharf_dial(address);
    rc = wharf_error(connection);
    return rc < 0 ? rc : wharf_error(wharf_accept(listener));
}

int main(void) {
    int rc = open_all();
    rc = rc == 0 ? measure_sleeps() : rc;
    for (size_t i = 0; i < sizeof waits / sizeof *waits && rc == 0; i++) {
        rc = measure_wait(&waits[i]);
    }
    printf("\n");
    if (rc < 0) {
        fprintf(stderr, "waits: %s\n", wharf_why());
    }
    return rc < 0 ? 1 : 0;
}

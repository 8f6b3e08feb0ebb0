/* idle [MS] - what waiting costs: the CPU time of the process and the wake-ups of the waiting thread during a wait of MS
 * milliseconds (1000) in each way that a task can wait, one line each. Fails when one of them takes 2 ms or
 * more than 2 wake-ups a second.
 *
 * Shows also how late a sleep of 1 ms ends, at the median and at the worst of 200.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "arguments.h"
#include "wharf/wharf.h"

enum { CPU_MS_MAX = 2, WAKE_UPS_MAX = 2, SLEEPS = 200, SPAN_MS_MAX = 60000 };

static int span_ms = 1000;
static wharf_sock listener, client, server;
static wharf_chan chan;
static wharf_mutex mutex;

static void wait_sleep(void) {
    (void)wharf_sleep(span_ms);
}

static void wait_accept(void) {
    WHARF_WITHIN (span_ms) {
        wharf_sock sock = wharf_accept(listener);
        (void)sock;
    }
}

static void wait_recv(void) {
    char byte;
    WHARF_WITHIN (span_ms) {
        ssize_t got = wharf_recv(server, &byte, 1);
        (void)got;
    }
}

static int put_later(void *arg) {
    int rc = wharf_sleep(*(int *)arg);
    return rc < 0 ? rc : wharf_put(chan, arg);
}

static void wait_channel(void) {
    int value = 0;
    wharf_go(NULL, put_later, span_ms);
    (void)wharf_take(chan, &value);
}

static void wait_select(void) {
    int value = 0;
    wharf_case cases[] = {wharf_case_take(chan, &value), wharf_case_readable(server),
                          wharf_case_readable(listener), wharf_case_after(span_ms)};
    int which = wharf_select(cases, 4);
    (void)which;
}

static int rest(void *arg) {
    int ms = *(int *)arg;
    struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    return nanosleep(&time, NULL);
}

static void wait_offload(void) {
    (void)wharf_offload(rest, &span_ms, sizeof span_ms);
}

static void wait_mutex(void) {
    WHARF_WITHIN (span_ms) {
        int rc = wharf_mutex_lock(&mutex);
        (void)rc;
    }
}

static int hold_mutex(void *arg) {
    int rc = wharf_mutex_lock(&mutex);
    rc = rc < 0 ? rc : wharf_sleep(WHARF_OFF);
    (void)arg;
    (void)wharf_mutex_unlock(&mutex);
    return rc;
}

static void wait_descriptor(void) {
    int ends[2];
    if (pipe(ends) == 0) {
        WHARF_WITHIN (span_ms) {
            (void)wharf_wait_fd(ends[0], WHARF_READABLE);
        }
        close(ends[0]);
        close(ends[1]);
    }
}

static void wait_ticker(void) {
    wharf_ticker ticker;
    (void)wharf_ticker_init(&ticker, span_ms, WHARF_TICKS_SKIP);
    (void)wharf_tick(&ticker);
}

static const struct way {
    const char *name;
    void (*wait)(void);
} ways[] = {{"sleep", wait_sleep},     {"accept", wait_accept},         {"recv", wait_recv},
            {"channel", wait_channel}, {"select", wait_select},         {"mutex", wait_mutex},
            {"offload", wait_offload}, {"descriptor", wait_descriptor}, {"ticker", wait_ticker}};

static double cpu_ms(const struct rusage *usage) {
    double seconds = (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec);
    return seconds * 1e3 + (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e3;
}

/* 1: too much. */
static int measure(const struct way *way) {
    struct rusage before, after, thread_before, thread_after;
    getrusage(RUSAGE_SELF, &before);
    getrusage(RUSAGE_THREAD, &thread_before);
    way->wait();
    getrusage(RUSAGE_THREAD, &thread_after);
    getrusage(RUSAGE_SELF, &after);
    double cpu = cpu_ms(&after) - cpu_ms(&before);
    long wake_ups = thread_after.ru_nvcsw - thread_before.ru_nvcsw;
    printf("%-10s cpu_ms=%.3f wake_ups=%ld\n", way->name, cpu, wake_ups);
    return cpu >= CPU_MS_MAX || wake_ups > WAKE_UPS_MAX ? 1 : 0;
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

static void measure_lateness(void) {
    int64_t late[SLEEPS];
    for (int i = 0; i < SLEEPS; i++) {
        int64_t begin = wharf_now_ns();
        (void)wharf_sleep(1);
        late[i] = wharf_now_ns() - begin - 1000000;
    }
    qsort(late, SLEEPS, sizeof *late, by_size);
    printf("sleep_late_us median=%.1f worst=%.1f early=%s\n", (double)late[SLEEPS / 2] / 1e3,
           (double)late[SLEEPS - 1] / 1e3, late[0] < 0 ? "yes" : "no");
}

int main(int argc, char **argv) {
    char address[WHARF_ADDRESS_SIZE];
    int64_t ms = span_ms;
    const struct argument table[] = {{"", NULL, &ms, NULL}, {NULL, NULL, NULL, NULL}};
    if (!arguments_read(table, argc, argv) || ms < 1 || ms > SPAN_MS_MAX) {
        return 2;
    }
    span_ms = (int)ms;
    listener = wharf_serve_on("127.0.0.1:0");
    if (wharf_local_address(listener, address, sizeof address) < 0) {
        fprintf(stderr, "idle: %s\n", wharf_why());
        return 1;
    }
    client = wharf_dial(address);
    server = wharf_accept(listener);
    chan = wharf_chan_new(sizeof(int), 0);
    wharf_go(NULL, hold_mutex, 0);
    (void)wharf_yield();
    int failed = 0;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        failed += measure(&ways[i]);
        fflush(stdout);
    }
    measure_lateness();
    (void)wharf_close(client);
    return failed > 0;
}

/* supervisor [FAILURES] - two services: one that beats until it is told to stop, and one that fails FAILURES times (3
 * unless told otherwise) and then does its work. Who fails is started again, after a pause that doubles and is never
 * twice the same; at the fifth failure within a minute the supervisor gives up, and everything ends with that error.
 *
 * Shows: a task's error is its scope's result, which is how it reaches who can do something about it; the same way, one
 * level up, giving up ends the other service. Ends with 0 when the work was done, else with 1.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "wharf/os.h"
#include "wharf/task.h"

enum { FAILURES_MAX = 5, WINDOW_MS = 60000, PAUSE_MS = 10, PAUSE_MAX_MS = 5000, BEAT_MS = 20 };

struct service {
    const char *name;
    wharf_fn run; /* gets a struct service ** */
    wharf_scope *all;
    int failures_left, beats;
};

/* From half of `ms` to all of it. The clock is random enough here, and in a simulation the same every time. */
static int64_t jittered(int64_t ms) {
    uint32_t number = 0;
    wharf_random(&number, sizeof number);
    return ms / 2 + number % (ms - ms / 2 + 1);
}

/* Runs a service until it ends well, is cancelled, or has failed too often: what it returned last. */
static int supervise(void *arg) {
    struct service *service = *(struct service **)arg;
    int64_t failed_at[FAILURES_MAX] = {0}, pause = PAUSE_MS;
    for (int failures = 0;;) {
        int result = 0;
        WHARF_SCOPE (attempt, &result) {
            wharf_go(attempt, service->run, service);
        }
        if (result >= 0 || wharf_check() < 0) {
            return result;
        }
        int64_t now = wharf_now_ns();
        failed_at[failures++ % FAILURES_MAX] = now; /* the next place has the failure FAILURES_MAX - 1 ago */
        if (failures >= FAILURES_MAX &&
            now - failed_at[failures % FAILURES_MAX] <= WINDOW_MS * INT64_C(1000000)) {
            printf("%s: %s, given up\n", service->name, wharf_strerror(result));
            return result;
        }
        int64_t ms = jittered(pause);
        printf("%s: %s, again in %" PRId64 " ms\n", service->name, wharf_strerror(result), ms);
        wharf_sleep(ms); /* cut short, the next attempt fails at once */
        pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
    }
}

static int beat(void *arg) {
    struct service *service = *(struct service **)arg;
    int result = 0;
    while (result == 0) {
        service->beats++;
        result = wharf_sleep(BEAT_MS);
    }
    printf("%s: stopped\n", service->name);
    return result;
}

static int work(void *arg) {
    struct service *service = *(struct service **)arg;
    int result = wharf_sleep(1);
    if (result < 0) {
        return result;
    }
    if (service->failures_left > 0) {
        service->failures_left--;
        return -EIO;
    }
    printf("%s: done\n", service->name);
    return wharf_scope_cancel(service->all);
}

int main(int argc, char **argv) {
    struct service worker = {
        .name = "worker", .run = work, .failures_left = argc > 1 ? (int)strtod(argv[1], NULL) : 3};
    struct service pulse = {.name = "pulse", .run = beat};
    int result = 0;
    WHARF_SCOPE (services, &result) {
        worker.all = services;
        wharf_go(services, supervise, &pulse);
        wharf_go(services, supervise, &worker);
    }
    printf("all: %s\n", wharf_strerror(result));
    return result < 0 && result != -ECANCELED;
}

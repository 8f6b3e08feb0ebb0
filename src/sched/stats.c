/* The counters of wharf/debug.h. Each scheduler's are written by its thread alone, so counting costs an addition in its own
 * cache and a sum needs no lock but the list's. */
#include <errno.h>
#include <string.h>

#include "base/failure.h"
#include "sched/internal.h"
#include "wharf/debug.h"

static uint64_t value_of(const _Atomic uint64_t *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static void add(wharf_counters *sum, const struct sched *sched) {
    const struct counters *counters = &sched->counters;
    uint64_t ended = value_of(&counters->tasks_ended); /* before those that started: never more than they */
    sum->schedulers++;
    sum->tasks_started += value_of(&counters->tasks_started);
    sum->tasks_now += value_of(&counters->tasks_started) - ended;
    sum->tasks_peak += value_of(&counters->tasks_peak);
    sum->turns += value_of(&counters->turns);
    sum->polls += value_of(&counters->polls);
    sum->wake_ups += value_of(&counters->wake_ups);
    sum->operations += value_of(&counters->operations);
    sum->timers += value_of(&counters->timers);
    sum->sockets_now += (uint64_t)sched_load(sched);
    sum->offloads += value_of(&counters->offloads);
    sum->stalls += value_of(&counters->stalls);
    sum->stack_small_peak = larger(sum->stack_small_peak, value_of(&sched->stacks.peak[0]));
    sum->stack_large_peak = larger(sum->stack_large_peak, value_of(&sched->stacks.peak[1]));
}

/* As much as the caller's struct has room for. */
static int deliver(wharf_counters *sum, wharf_counters *out) {
    size_t size = out->size < sizeof *sum ? out->size : sizeof *sum;
    if (size < sizeof sum->size) {
        return fail(-EINVAL, "stats", NULL, "the struct says nothing about its size");
    }
    sum->size = out->size;
    memcpy(out, sum, size);
    return 0;
}

int wharf_stats(wharf_counters *ret_counters) {
    const struct sched *sched = sched_current();
    if (sched == NULL) {
        return sched_missing();
    }
    wharf_counters sum = {0};
    add(&sum, sched);
    return deliver(&sum, ret_counters);
}

int wharf_stats_all(wharf_counters *ret_counters) {
    wharf_counters sum = {0};
    for (const struct sched *sched = registry_lock(); sched != NULL; sched = sched->pulse.next) {
        add(&sum, sched);
    }
    registry_unlock();
    return deliver(&sum, ret_counters);
}

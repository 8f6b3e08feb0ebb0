/* Stopwatches: see stopwatch.h. While they are allowed no turn is a plain one, so all go through run_others(), which looks. */
#include "sched/stopwatch.h"

#include "sched/internal.h"

void stopwatches_allow(void) {
    struct sched *sched = sched_current();
    sched->stopwatches++;
    sched->plain_turns = 0;
}

void stopwatches_end(void) {
    sched_current()->stopwatches--;
}

void stopwatch_set(struct stopwatch *watch) {
    sched_current()->running->stopwatch = watch;
}

int64_t stopwatch_before(void) {
    const struct stopwatch *watch = sched_current()->running->stopwatch;
    return watch != NULL ? watch->away_ns : 0;
}

void stopwatch_was_disk(int64_t before) {
    struct stopwatch *watch = sched_current()->running->stopwatch;
    if (watch != NULL) {
        watch->disk_ns += watch->away_ns - before;
    }
}

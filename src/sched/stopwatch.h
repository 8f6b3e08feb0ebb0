/* Where a task's time goes: how long it was away from its processor while it had a stopwatch, and how much of that was for
 * files. Nobody pays for it while no task of a scheduler may have one. */
#ifndef SCHED_STOPWATCH_H
#define SCHED_STOPWATCH_H

#include <stdint.h>

struct stopwatch {
    int64_t away_ns; /* waiting, or ready while others ran */
    int64_t disk_ns; /* of that, for work on files */
};

/* Lets tasks of this scheduler have stopwatches from now on, which makes each of their waits a little longer. As often as it
 * is allowed it is to be ended. */
void stopwatches_allow(void);
void stopwatches_end(void);

/* Gives the running task a stopwatch, which runs on from what it shows and must last until the task gets another one. NULL:
 * none. */
void stopwatch_set(struct stopwatch *watch);

/* Around a wait for files: what the running task's shows before (0 without one), and what was for files since then. */
int64_t stopwatch_before(void);
void stopwatch_was_disk(int64_t before);

#endif

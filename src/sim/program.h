/* What runs on a host: a scheduler, on whose first task its program's main function stands. All hosts share the one thread of
 * wharf_sim_run(). When nothing on a host can go on, whoever looked for something to do hands the thread to another host, in
 * the middle of the engine's wait(), and gets it back when this one's turn has come:
 *
 *      host A: task ... parks -> sched_poll -> wait ---.                     .--> returns -> next task
 *                                                       `-- program_wait() --'
 *      host B:                        wait returns -> task ... parks -> wait
 */
#ifndef SIM_PROGRAM_H
#define SIM_PROGRAM_H

#include <stdint.h>

#include "sim/host.h"

/* Gives a host that is down its program to run. 0, -ENOMEM or -EAGAIN (recorded). */
int program_start(struct host *host);
/* The engine's wait: 0 or -WHARF_EDEADLOCK. */
int program_wait(struct host *host, int64_t until);
/* One more step; ends the run where it was one too many. */
void program_step(struct world *world);
/* Ends it at once: what its tasks still do reaches nobody. */
void program_kill(struct host *host);
/* Ends the programs of all hosts but the first, by cancelling them; those that do not end then are killed. From the first
 * host's first task. */
void programs_end(struct world *world);
/* world->report and world->disturb. */
void program_report(struct host *host, struct io *io, int ready);
void program_disturb(struct host *host, const wharf_sim_fault *fault);

#endif

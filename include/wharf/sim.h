/* wharf/sim.h - run a program on a simulated network, in virtual time, from a seed.
 *
 *     static int scenario(void *arg) {           // an ordinary task: listens, dials, sleeps
 *         ...
 *         wharf_sleep(60000);                    // takes no real time
 *         return 0;
 *     }
 *     int result = wharf_sim_run(WHARF_OPTIONS(wharf_sim_options, .seed = 42), scenario, NULL);
 *
 * Inside, every socket lives in memory, time jumps to the next event when all tasks wait, and the seed
 * decides how bytes are split, which ready task runs first, and what random numbers come out. The same seed
 * gives the same run.
 */
#ifndef WHARF_SIM_H
#define WHARF_SIM_H

#include "wharf/base.h"
#include "wharf/task.h"

WHARF_BEGIN

/** Zero in every field but `size` means the default. */
typedef struct wharf_sim_options {
    size_t size;            /**< sizeof(wharf_sim_options) */
    uint64_t seed;          /**< decides everything that is not decided otherwise */
    size_t piece_bytes_max; /**< a receive or send moves 1 to this many bytes, by the seed; 0: no splitting */
    size_t stream_bytes;    /**< room in a stream before its sender waits; default 65536 */
    int64_t latency_ns;     /**< time a byte travels; default 50,000; WHARF_OFF: none */
    uint64_t fail_allocation;   /**< the n-th allocation fails, 1 is the first; 0: none */
    uint64_t cancel_checkpoint; /**< the n-th blocking point cancels the scenario's scope; 0: none */
    uint64_t expire_checkpoint; /**< the n-th blocking point fails with -ETIMEDOUT, in that task; 0: none */
    uint64_t reset_at_byte;     /**< the first stream to carry this many bytes is reset there; 0: none */
    uint64_t sockets_max;       /**< sockets open at once; one more fails with -EMFILE; 0: no limit */
} wharf_sim_options;

/** What a run came to. */
typedef struct wharf_sim_report {
    int64_t virtual_ns;    /**< simulated time that passed */
    uint64_t trace;        /**< hash over what every blocking point waited for, when, and how it ended */
    uint64_t checkpoints;  /**< blocking points passed */
    uint64_t allocations;  /**< allocations made */
    uint64_t tasks_left;   /**< tasks that were still alive when the scenario returned, cancelled then */
    uint64_t sockets_left; /**< sockets that were never closed */
    int64_t blocks_left;   /**< allocations that were never freed */
} wharf_sim_report;

/** Runs fn(arg) as the first task of a simulated world, on this thread, until it returns; then cancels and
 * joins what is left. options: NULL for the defaults. ret_report may be NULL. Blocks the thread (a running
 * scheduler pauses). Returns what fn returned. Errors: -WHARF_EDEADLOCK (all tasks wait and nothing can
 * happen), -ENOMEM, -EINVAL. */
WHARF_API int wharf_sim_run(const wharf_sim_options *options, wharf_fn fn, void *arg);
/** Likewise, and reports. ret_report is filled even when the run failed. */
WHARF_API int wharf_sim_run_report(const wharf_sim_options *options, wharf_fn fn, void *arg,
                                   wharf_sim_report *ret_report);

/** Raises a signal in the simulated world: who waits for it by wharf_signal_wait() or wharf_signal_open() gets it, and
 *  nobody else does. Signals of the system do not reach in. Does not suspend. Errors: -EINVAL (no such number, or
 *  no simulation). */
WHARF_API int wharf_sim_signal(int number);

WHARF_END

#endif

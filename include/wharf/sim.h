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
    uint64_t short_call;        /**< the n-th send or receive that moves bytes moves a single one; 0: none */
    uint64_t reset_call;        /**< the n-th of those finds its connection reset; 0: none */
    uint64_t fail_descriptor;   /**< the n-th new descriptor is refused once, with -EMFILE; 0: none */
} wharf_sim_options;

/** What a run came to. */
typedef struct wharf_sim_report {
    int64_t virtual_ns;     /**< simulated time that passed */
    uint64_t trace;         /**< hash over what every blocking point waited for, when, and how it ended */
    uint64_t checkpoints;   /**< blocking points passed */
    uint64_t allocations;   /**< allocations made */
    uint64_t tasks_left;    /**< tasks that were still alive when the scenario returned, cancelled then */
    uint64_t sockets_left;  /**< sockets that were never closed */
    int64_t blocks_left;    /**< allocations that were never freed */
    uint64_t channels_left; /**< channels that were never closed */
    uint64_t calls;         /**< sends and receives that could move bytes */
    uint64_t descriptors;   /**< descriptors that were asked for */
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

/* ---- many runs: every place where something can go wrong ---------------------------------------------- */

/** What must hold in a test. Inside a simulation the run then ends as -WHARF_ECHECK with the text and the place in
 *  wharf_why(), whatever its function returns; the function itself goes on. Elsewhere it is reported on standard error.
 *  Gives whether it held. */
#define WHARF_EXPECT(condition) wharf_test_expect((condition), #condition, __FILE__, __LINE__)
/** See WHARF_EXPECT(). Does not suspend. */
WHARF_API bool wharf_test_expect(bool holds, const char *text, const char *file, int line);

/** What a sweep does at the 1st place, in another run at the 2nd, and so on. */
typedef enum wharf_test_fault {
    WHARF_TEST_CANCEL,     /**< cancels the function's scope at the n-th blocking point */
    WHARF_TEST_EXPIRE,     /**< the n-th blocking point fails with -ETIMEDOUT */
    WHARF_TEST_ALLOCATION, /**< the n-th allocation fails */
    WHARF_TEST_SHORT,      /**< the n-th send or receive moves a single byte */
    WHARF_TEST_RESET,      /**< the n-th send or receive finds its connection reset */
    WHARF_TEST_DESCRIPTOR  /**< the n-th descriptor is refused with -EMFILE */
} wharf_test_fault;

/** Runs fn(arg) in a simulation once for each place where `fault` can strike, and once without it. Whatever the function
 *  returns when it was struck is fine; that nothing is left is not negotiable: no task, socket, channel or byte. What is left
 *  is reported on standard error with the functions that made it, and so is where the fault struck. options: NULL for the
 *  defaults. Blocks the thread. Returns how many places there were.
 *  Errors: -WHARF_ELEFT (something was left), -WHARF_ECHECK (a WHARF_EXPECT() does not hold), -WHARF_EDEADLOCK, what fn
 *  returned without a fault, -EINVAL. wharf_why() says at which place. */
WHARF_API int64_t wharf_test_every(wharf_test_fault fault, const wharf_sim_options *options, wharf_fn fn,
                                   void *arg);

/** Cancels fn(NULL) at each of its blocking points in turn: wharf_test_every() with the defaults. */
WHARF_API int64_t wharf_test_every_checkpoint(wharf_fn fn);
/** Likewise has each blocking point time out in turn. */
WHARF_API int64_t wharf_test_every_timeout(wharf_fn fn);
/** Likewise has each allocation fail in turn. */
WHARF_API int64_t wharf_test_every_allocation(wharf_fn fn);
/** Likewise has each send and receive move a single byte in turn. */
WHARF_API int64_t wharf_test_every_short_call(wharf_fn fn);
/** Likewise has each send and receive find its connection reset in turn. */
WHARF_API int64_t wharf_test_every_reset(wharf_fn fn);

WHARF_END

#endif

/* wharf/debug.h - looking into a running program: what every task waits for, who holds a core too long, what is left at the
 * end, and counters.
 *
 *     WHARF_DUMP=1 ./server          then Ctrl-\ prints every task, with its backtrace, and the program goes on
 *     WHARF_WATCHDOG=10 ./server     a task that keeps its core from the others for 10 ms is named on standard error
 *     WHARF_EXIT_REPORT=1 ./server   what was never closed, and where it was made
 *     WHARF_STACK_REPORT=1 ./server  tasks that used over 75 % of their stack, and how much the others used
 *
 * Each is on in a debug build of the library (meson setup -Dbuildtype=debug) and off in others; 0 in the environment
 * switches it off, and wharf_debug() wins over both. Backtraces follow frame pointers: compile your program with
 * -fno-omit-frame-pointer (pkg-config --cflags wharf has it) to see all of its functions.
 */
#ifndef WHARF_DEBUG_H
#define WHARF_DEBUG_H

#include "wharf/base.h"

WHARF_BEGIN

/* ---- every task -------------------------------------------------------------------------------------- */

/** Writes a text about every scheduler of the process and each of its tasks to a descriptor: name, where it was
 *  started, what it waits for and since when, its backtrace (module and offset are what addr2line wants). fd: open
 *  for writing; written to with write(2), which may block the thread. Cores that do not answer within a second are
 *  named, with the backtrace of the task that holds them where the watchdog is on. Suspends where there are several
 *  cores, and is not cut short by a cancellation. In a simulation it shows that simulation alone. Returns 0. Errors:
 *  those of write(2), -EMFILE, -ENOMEM. */
WHARF_API int wharf_dump(int fd);

/* ---- switches ---------------------------------------------------------------------------------------- */

/** What to look out for, for the whole process. 0: as the environment and the build have it; WHARF_OFF: not. */
typedef struct wharf_debug_options {
    size_t size;     /**< sizeof(wharf_debug_options) */
    int dump_signal; /**< on this signal (SIGQUIT with WHARF_DUMP=1) all tasks are dumped on standard error */
    /** Report a task that has not let others run for so long: 1 to 60000; by default 10 */
    int64_t watchdog_ms;
    int exit_report;  /**< 1: when a scheduler ends, report what is still there */
    int stack_report; /**< 1: measure the stack of every task that ends, report those over 75 % */
} wharf_debug_options;

/** Switches them. The dump and the watchdog need a thread, which is started with the first of them. The signal's
 *  handler is installed only over the default action; the watchdog likewise uses SIGURG. A system call that a stalled
 *  task is in may see EINTR. Call it at the program's beginning; does not suspend. Errors: -EINVAL, -EBUSY (the
 *  program handles dump_signal itself), -EAGAIN (no thread). */
WHARF_API int wharf_debug(const wharf_debug_options *options);

/* ---- facts ------------------------------------------------------------------------------------------- */

/** What the library is and what it found on this machine. The texts are static. */
typedef struct wharf_facts {
    size_t size;               /**< sizeof(wharf_facts), set by the caller */
    const char *version;       /**< as wharf_version() */
    const char *engine;        /**< of this thread's scheduler: "epoll", "sim" */
    const char *engine_reason; /**< why that one, for people: "the default", "WHARF_ENGINE=epoll" */
    const char *stack_guards;  /**< "guard regions", "mprotect" (two mappings a stack), "not tried yet" */
    int cores;                 /**< as wharf_cores() */
    bool fallbacks;            /**< WHARF_FALLBACKS=1: nothing is used that only newer kernels have */
} wharf_facts;

/** Fills in the facts. WHARF_ENGINE in the environment asks for an engine (epoll, uring, auto); one that this version
 *  or this machine does not have is no error: epoll takes its place, and `engine_reason` says so. Does not suspend.
 *  Errors: -EINVAL (no size), -EPERM, -ENOMEM. */
WHARF_API int wharf_info(wharf_facts *ret_facts);

/* ---- counters ---------------------------------------------------------------------------------------- */

/** Since the scheduler began. Fields that end in _now are what there is at the moment. */
typedef struct wharf_counters {
    size_t size;            /**< sizeof(wharf_counters), set by the caller */
    uint64_t schedulers;    /**< how many are in the sum */
    uint64_t tasks_started; /**< the threads themselves not counted */
    uint64_t tasks_now;
    uint64_t tasks_peak; /**< the most at once; of several schedulers, the sum of their peaks */
    uint64_t turns;      /**< how often a task got its core */
    uint64_t polls;      /**< how often the system was asked what is ready */
    uint64_t wake_ups;   /**< how often the thread had to wait for the system, and went on */
    uint64_t operations; /**< calls that may suspend */
    uint64_t timers;     /**< timers that came due */
    uint64_t sockets_now;
    uint64_t offloads;         /**< jobs given to the offload pools */
    uint64_t stalls;           /**< reports of the watchdog, those left out included */
    uint64_t stack_small_peak; /**< bytes used of a 64 KiB stack at most; 0 unless stack_report is on */
    uint64_t stack_large_peak; /**< likewise of 256 KiB */
} wharf_counters;

/** The counters of this thread's scheduler. *ret_counters: only its first `size` bytes are written. Does not suspend.
 *  Errors: -EINVAL (no size), -EPERM, -ENOMEM. */
WHARF_API int wharf_stats(wharf_counters *ret_counters);

/** The sum over all schedulers of the process that are running. As wharf_stats(), and may be called from any thread.
 * */
WHARF_API int wharf_stats_all(wharf_counters *ret_counters);

/** For tests: from now on, or no longer, every attempt of this process to connect to or send a datagram to an Internet
 * address fails with -EPERM before anything is sent, this machine's own addresses included. Unix sockets, socket
 * pairs, connections that exist and simulated networks go on. Returns whether it was forbidden before. From any
 * thread; does not suspend. */
WHARF_API bool wharf_forbid_network(bool forbidden);

WHARF_END

#endif

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
 *
 * A world begins with one host, "local", whose program is the scenario. It may start others:
 *
 *     wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "shop.example", .program = shop));
 *     wharf_sim_set_link("local", "shop.example", WHARF_OPTIONS(wharf_sim_link, .latency_ns = 20000000));
 *     wharf_response *r = wharf_get("http://shop.example/");
 *
 * Each has a scheduler, addresses and descriptors of its own; all run on the one thread of wharf_sim_run(), so
 * nothing but the seed decides who is first. The world ends when the scenario returns.
 */
#ifndef WHARF_SIM_H
#define WHARF_SIM_H

#include "wharf/base.h"
#include "wharf/task.h"

WHARF_BEGIN

/* ---- faults: a plan is data ------------------------------------------------------------------------------ */

enum {
    WHARF_SIM_NAME_SIZE = 40,  /**< bytes of a host's name, its NUL included */
    WHARF_SIM_FAULTS_MAX = 32, /**< faults of one run */
};

/** What may go wrong. `amount` means what stands in brackets. */
typedef enum wharf_sim_fault_kind {
    WHARF_SIM_PARTITION = 1, /**< nothing passes between host and peer */
    WHARF_SIM_DELAY,         /**< what passes between them takes longer [ns] */
    WHARF_SIM_LOSS,          /**< packets between them are lost [of a million] */
    /** The next stream between them to carry so many more bytes is reset there [bytes; 0: all of them, at once] */
    WHARF_SIM_RESET,
    WHARF_SIM_STALL, /**< the host's tasks do not run; its kernel answers */
    WHARF_SIM_KILL, /**< the program ends, its sockets are closed; it begins again after for_ns, never when that is 0 */
    WHARF_SIM_CRASH,      /**< likewise, but nobody is told: the host is gone from the network meanwhile */
    WHARF_SIM_SIGNAL,     /**< the program gets a signal [its number] */
    WHARF_SIM_NO_SOCKETS, /**< no new sockets: -EMFILE */
    WHARF_SIM_NO_MEMORY,  /**< an allocation fails, on whatever host [the n-th from then] */
    WHARF_SIM_CLOCK,      /**< the host's wall clock jumps [ns, negative: back]; the monotonic one goes on */
    WHARF_SIM_SLOW_DISK,  /**< each operation on the host's disk takes longer [ns] */
    WHARF_SIM_BAD_DISK,   /**< all of them fail with -EIO */
    WHARF_SIM_FULL_DISK,  /**< what writes fails with -ENOSPC */
    WHARF_SIM_SLOW_NAMES, /**< the host's look-ups of names take longer [ns] */
    WHARF_SIM_BAD_NAMES,  /**< all of them fail with -WHARF_ENAME */
    WHARF_SIM_FAULT_KINDS /**< how many there are, and one more */
} wharf_sim_fault_kind;

/** One entry of a plan. Plain data without pointers, to be kept, printed, left out and replayed. */
typedef struct wharf_sim_fault {
    int64_t at_ns;                  /**< virtual time since the run began; what is past happens at once */
    int64_t for_ns;                 /**< how long; 0: for good */
    int64_t amount;                 /**< see its kind */
    wharf_sim_fault_kind kind;      /**< what happens */
    char host[WHARF_SIM_NAME_SIZE]; /**< to whom; "": to the first host */
    char peer[WHARF_SIM_NAME_SIZE]; /**< the other end, where there is one; "": all others */
} wharf_sim_fault;

/** One entry as a line of text: "at 1.25 s: shop.example crashes, for 2 s".
 *  out, size: cut to fit, NUL-terminated when size > 0. Returns the length that it has in full. Does not
 *  suspend. */
WHARF_API size_t wharf_sim_fault_format(const wharf_sim_fault *fault, char *out, size_t size);

/* ---- a run ----------------------------------------------------------------------------------------------- */

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
    uint64_t sockets_max;     /**< sockets open at once on a host; one more fails with -EMFILE; 0: no limit */
    uint64_t short_call;      /**< the n-th send or receive that moves bytes moves a single one; 0: none */
    uint64_t reset_call;      /**< the n-th of those finds its connection reset; 0: none */
    uint64_t fail_descriptor; /**< the n-th new descriptor is refused once, with -EMFILE; 0: none */
    /** 1: paths lead to the machine's files, and not to those of a host's disk, which begins empty */
    unsigned real_files;
    const wharf_sim_fault *faults; /**< what goes wrong, in any order; copied */
    size_t fault_count;            /**< how many those are; at most WHARF_SIM_FAULTS_MAX */
    unsigned chaos; /**< this many more are drawn from the seed, among the hosts that there are; 0: none */
    /** Of these kinds, a mask of 1 << kind; 0: all but WHARF_SIM_NO_MEMORY and WHARF_SIM_SIGNAL */
    unsigned chaos_kinds;
    int64_t chaos_ns; /**< at times up to this; default 10 seconds */
    /** Operations of tasks and looks at the clock; one more ends the run; default 50,000,000; UINT64_MAX: no limit */
    uint64_t steps_max;
    /** Simulated time after which the run ends; default 100 years; WHARF_OFF: no limit */
    int64_t virtual_ns_max;
    /** Called with each line of the trace: who did what, when, and how it ended. The text is not terminated by NUL and not
     *  kept. NULL: nothing, or standard error when the environment has WHARF_TRACE=1. Must not suspend. */
    void (*trace)(const char *line, size_t len, void *arg);
    void *trace_arg; /**< what it is called with */
} wharf_sim_options;

enum { WHARF_SIM_STUCK_SIZE = 1024 };

/** What a run came to. */
typedef struct wharf_sim_report {
    int64_t virtual_ns;   /**< simulated time that passed */
    uint64_t trace;       /**< hash over what every blocking point waited for, when, and how it ended */
    uint64_t checkpoints; /**< blocking points passed */
    uint64_t allocations; /**< allocations made */
    /** Tasks that were alive, or had not begun, when the scenario returned, cancelled then */
    uint64_t tasks_left;
    uint64_t sockets_left;  /**< sockets that were never closed */
    int64_t blocks_left;    /**< allocations that were never freed */
    uint64_t channels_left; /**< channels that were never closed */
    uint64_t calls;         /**< sends and receives that could move bytes */
    uint64_t descriptors;   /**< descriptors that were asked for */
    uint64_t steps;         /**< operations of tasks and looks at the clock */
    /** Faults that the plan had, given and drawn: with them as `faults` and no chaos the run is the same */
    size_t fault_count;
    wharf_sim_fault faults[WHARF_SIM_FAULTS_MAX];
    char stuck[WHARF_SIM_STUCK_SIZE]; /**< after -WHARF_EDEADLOCK: each task and what it waits for; else "" */
} wharf_sim_report;

/** Runs fn(arg) as the first task of a simulated world, on this thread, until it returns; then cancels and
 * joins what is left. options: NULL for the defaults. ret_report may be NULL. Blocks the thread (a running
 * scheduler pauses). Returns what fn returned. Errors: -WHARF_EDEADLOCK (all tasks wait and nothing can
 * happen), -WHARF_ELIMIT (steps_max or virtual_ns_max), -ENOMEM, -EINVAL. */
WHARF_API int wharf_sim_run(const wharf_sim_options *options, wharf_fn fn, void *arg);
/** Likewise, and reports. ret_report is filled even when the run failed. */
WHARF_API int wharf_sim_run_report(const wharf_sim_options *options, wharf_fn fn, void *arg,
                                   wharf_sim_report *ret_report);

/** Whether the caller runs inside a simulation. Does not suspend. */
WHARF_API bool wharf_sim_is_running(void);
/** The hash of the trace so far; 0 outside a simulation. Two runs whose hashes agree have done the same things at the
 *  same times. Does not suspend. */
WHARF_API uint64_t wharf_sim_trace(void);
/** Virtual nanoseconds since the run began; 0 outside a simulation. Does not suspend. */
WHARF_API int64_t wharf_sim_elapsed_ns(void);

/* ---- hosts and links --------------------------------------------------------------------------------------- */

/** A host. Zero in every field but `size`, `name` and `program` means the default. */
typedef struct wharf_sim_host {
    size_t size;      /**< sizeof(wharf_sim_host) */
    const char *name; /**< what others reach it by; copied; shorter than WHARF_SIM_NAME_SIZE */
    /** Its IP addresses, up to 8, with spaces between; default "10.0.0.N fd00::N" for the N-th host */
    const char *addresses;
    wharf_fn program;      /**< its main function; runs again when the host comes back from a fault */
    void *arg;             /**< what that is called with */
    int64_t disk_ns;       /**< time that an operation on its disk takes; default 100,000; WHARF_OFF: none */
    int64_t clock_skew_ns; /**< by how much its wall clock is ahead */
    uint64_t sockets_max;  /**< as in wharf_sim_options, whose value is the default */
} wharf_sim_host;

/** Starts a host, whose program begins as soon as this task lets others run. From any task of the simulation. Does
 *  not suspend. Errors: -EINVAL (no simulation, a field that is wrong), -EEXIST (its name or an address is taken),
 *  -ENOMEM. */
WHARF_API int wharf_sim_start(const wharf_sim_host *host);
/** Waits until a host's program has returned; what it returned goes to *ret_result, which may be NULL. A host that
 *  will begin again is waited for. Suspends. Errors: -EINVAL (no simulation), -ENOENT (no such host), -ECANCELED,
 *  -ETIMEDOUT. */
WHARF_API int wharf_sim_wait(const char *host, int *ret_result);

/** What joins two hosts, or a host with itself. Both directions alike. Zero in every field but `size`: the default. */
typedef struct wharf_sim_link {
    size_t size;        /**< sizeof(wharf_sim_link) */
    int64_t latency_ns; /**< the least time on the way; default: that of wharf_sim_options; WHARF_OFF: none */
    /** More time on the way, different for each packet: exponentially distributed, with this mean */
    int64_t spread_ns;
    int64_t bytes_per_second; /**< what passes in one direction; 0: no limit */
    unsigned mtu;      /**< bytes of the largest packet, its headers included, 576 to 65535; default 65535 */
    unsigned loss_ppm; /**< packets lost, of a million: a stream sends them again, a datagram is gone */
    unsigned duplicate_ppm; /**< datagrams that arrive twice, of a million */
    unsigned reorder_ppm;   /**< datagrams that others overtake, of a million */
} wharf_sim_link;

/** Sets what joins two hosts, from now on. a, b: names; equal: the host's own loopback. Does not suspend. Errors:
 *  -EINVAL (no simulation, a field out of range), -ENOENT (no such host). */
WHARF_API int wharf_sim_set_link(const char *a, const char *b, const wharf_sim_link *link);

/** Says what a name leads to, for all hosts: up to 8 addresses with spaces between; "": the name has none; NULL: it
 *  is forgotten. Hosts have their own names without that; others are asked for at the name servers that the program
 *  has set. Does not suspend. Errors: -EINVAL (no simulation, no name, no addresses), -ENOMEM. */
WHARF_API int wharf_sim_set_name(const char *name, const char *addresses);

/* ---- files ------------------------------------------------------------------------------------------------- */

/* Each host has a disk, on which wharf_open() and its like work. It begins with the folders / and /tmp and outlives
 * the program: of what was not made safe by wharf_fsync() a crash leaves what the seed decides. (What an HTTP server
 * serves from a folder, and a client sends from a path, are files of the machine.) */

/** Puts a file on a host's disk, in place of what is there, with the folders that it stands in. Takes no time. Does
 *  not suspend. Errors: -EINVAL (no simulation), -ENOENT (no such host), -EISDIR, -ENOMEM. */
WHARF_API int wharf_sim_put_file(const char *host, const char *path, const void *bytes, size_t size);
/** Reads up to `size` bytes of a file on a host's disk. Returns the file's size. Takes no time. Does not suspend.
 *  Errors: -EINVAL (no simulation), -ENOENT (no such host or file), -EISDIR. */
WHARF_API ssize_t wharf_sim_get_file(const char *host, const char *path, void *buffer, size_t size);

/* ---- from inside ------------------------------------------------------------------------------------------ */

/** Has something go wrong, at once when its time is past. What a program injects itself is not in the report. Does
 *  not suspend. Errors: -EINVAL (no simulation, no such kind, times below zero), -ENOENT (no such host),
 *  -WHARF_ELIMIT (WHARF_SIM_FAULTS_MAX entries). */
WHARF_API int wharf_sim_inject(const wharf_sim_fault *fault);

/** Raises a signal on the caller's simulated host: who waits for it by wharf_signal_wait() or wharf_signal_open()
 *  gets it, and nobody else does. Signals of the system do not reach in. Does not suspend. Errors: -EINVAL (no such
 *  number, or no simulation). */
WHARF_API int wharf_sim_signal(int number);

/* ---- many runs: every place where something can go wrong ---------------------------------------------- */

/** What must hold in a test. Inside a simulation the run then ends as -WHARF_ECHECK with the text and the place in
 *  wharf_why(), whatever its function returns; the function itself goes on. Elsewhere it is reported on standard
 *  error. Gives whether it held. */
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

/** Runs fn(arg) in a simulation once for each place where `fault` can strike, and once without it. Whatever the
 *  function returns when it was struck is fine; that nothing is left is not negotiable: no task, socket, channel or
 *  byte. What is left is reported on standard error with the functions that made it, and so is where the fault
 *  struck. options: NULL for the defaults. Blocks the thread. Returns how many places there were. Errors:
 *  -WHARF_ELEFT (something was left), -WHARF_ECHECK (a WHARF_EXPECT() does not hold), -WHARF_EDEADLOCK, what fn
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

/* ---- many runs: seeds ------------------------------------------------------------------------------------ */

/** Runs fn(NULL) under the seeds 1, 2, 3 ... `seeds`, with streams cut into pieces and four faults drawn from each
 *  seed. Stops at the first that fails: where fn returns an error, a WHARF_EXPECT() does not hold, all tasks wait for
 *  each other, or something is left. Then the seed and the shortest plan of faults that still fails in the same way
 *  are reported on standard error. WHARF_SEED=N in the environment runs that seed alone, and reports the time and the
 *  trace of a run that holds. Blocks the thread. Returns 0 or what failed, as wharf_sim_run(); also -WHARF_ELEFT,
 *  -WHARF_ECHECK. */
WHARF_API int wharf_sim_each(uint64_t seeds, wharf_fn fn);

/** Likewise, with these options and no faults but theirs; calls fn(arg). The first seed is that of the options, or 1.
 *  *ret_report (may be NULL) is about the run that failed, or the last one. Errors: also -EINVAL (no function, no
 *  options). */
WHARF_API int wharf_sim_each_with(uint64_t seeds, const wharf_sim_options *options, wharf_fn fn, void *arg,
                                  wharf_sim_report *ret_report);

WHARF_END

#endif

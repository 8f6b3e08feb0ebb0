/* wharf/task.h - tasks, scopes, deadlines.
 *
 * A task is a function with a stack of its own that runs until it blocks; another one then runs on the same
 * core. There is nothing to initialise: the first Wharf call on any thread makes that thread a scheduler
 * whose first task is the thread itself. Tasks never move to another core, so data that only one core's tasks
 * use needs no lock.
 *
 *     static int greet(void *arg) {
 *         const char *name = *(const char **)arg;
 *         wharf_sleep(100);
 *         return printf("hello %s\n", name) < 0 ? -EIO : 0;
 *     }
 *
 *     int result;
 *     WHARF_SCOPE(scope, &result) {              // not left before its tasks have ended
 *         wharf_go(scope, greet, "Ada");
 *         wharf_go(scope, greet, "Grace");
 *     }                                          // result: 0, or the first task's error
 *
 * "Suspends" below means: other tasks may run before the call returns. Every call that suspends fails with
 * -ECANCELED while its scope is cancelled and with -ETIMEDOUT once its scope's deadline has passed, again and
 * again, until the scope is left.
 */
#ifndef WHARF_TASK_H
#define WHARF_TASK_H

#include "wharf/base.h"

WHARF_BEGIN

/* ---- tasks ------------------------------------------------------------------------------------------- */

/** A task, by value: copy it freely. Once the task is joined, or its scope has ended, the handle is stale: joining it
 *  again is -EINVAL, cancelling it -ESRCH. */
typedef struct wharf_task {
    int64_t id;
} wharf_task;

/** A scope: owns tasks, carries a deadline, can be cancelled. The storage is the caller's, usually on the
 * stack. */
typedef struct wharf_scope {
    void *reserved_[24];
} wharf_scope;

/** The body of a task. Returns >= 0 when all is well; a negative code cancels the other tasks of its scope.
 */
typedef int (*wharf_fn)(void *arg);

/** How to start a task. Zero in every field means the default. */
typedef struct wharf_task_options {
    size_t size;        /**< sizeof(wharf_task_options) */
    const char *name;   /**< static text, for dumps; default "task" */
    const char *file;   /**< where it was started, static text */
    int line;           /**< likewise */
    size_t stack_bytes; /**< at most 64 KiB gives a 64 KiB stack, else 256 KiB (default); larger is refused */
} wharf_task_options;

/** Starts a task that can be joined. The argument's bytes are copied, so `arg` may be gone when this returns;
 * the task gets a pointer to its copy. The caller keeps running, the task is queued. scope: who owns the
 * task; NULL: the thread's background scope (no deadline, cancelled and joined when the thread ends). len: 0
 * to 4096 bytes. Does not suspend. The result is kept until wharf_join() or the scope's end. Errors: -ENOMEM;
 * -EAGAIN (too many mappings for another stack: see vm.max_map_count); -EINVAL (len or stack_bytes too large,
 * a scope that is closed); -ECANCELED when the scope is cancelled. */
WHARF_API wharf_task wharf_spawn(wharf_scope *scope, wharf_fn fn, const void *arg, size_t len,
                                 const wharf_task_options *options);

/** As wharf_spawn(), for a task that nobody will join: its record is recycled when it ends. Its error still cancels
 *  its scope, unless that is the background scope, whose tasks have nothing to do with each other. Returns 0 or the
 *  error. */
WHARF_API int wharf_spawn_detached(wharf_scope *scope, wharf_fn fn, const void *arg, size_t len,
                                   const wharf_task_options *options);

#ifdef __cplusplus
#    define WHARF_AUTO_ auto
#else
#    define WHARF_AUTO_ __auto_type
#endif

/** The steps behind the macros below; not for direct use. */
WHARF_API int wharf_go_(wharf_scope *scope, wharf_fn fn, const void *arg, size_t len,
                        const wharf_task_options *options);

#define WHARF_GO_(start, scope, fn, value)                                                            \
    __extension__({                                                                                   \
        WHARF_AUTO_ wharf_value_ = (value);                                                           \
        wharf_task_options wharf_options_ = {sizeof(wharf_task_options), #fn, __FILE__, __LINE__, 0}; \
        start((scope), (fn), &wharf_value_, sizeof(wharf_value_), &wharf_options_);                   \
    })

/** Starts fn(&copy_of_value) as a task of `scope` that nobody joins: wharf_go(scope, serve_client, sock). An array
 *  decays: a string literal arrives as a const char *. When it cannot be started, the scope fails as if the task had
 *  returned that error at once: the other tasks are cancelled, and it is the scope's result. So the returned value, 0
 *  or the error of wharf_spawn(), need not be looked at, except with the background scope (NULL), which has no
 *  result; what the value stands for is then still the caller's. */
#define wharf_go(scope, fn, value) WHARF_GO_(wharf_go_, scope, fn, value)

/** As wharf_go(), for a loop that goes on without the task: that it could not be started is only returned, and the
 *  scope does not fail. */
#define wharf_try_go(scope, fn, value) WHARF_GO_(wharf_spawn_detached, scope, fn, value)

/** Waits for a task's end. *result (may be NULL) gets what its function returned, and when that is an error
 *  wharf_why() tells what it would have told the task. Suspends. A joiner that is cancelled leaves the task running,
 *  and it can be joined again. Errors: -ESRCH (not the handle of a task), -EDEADLK (itself), -EINVAL (joined before,
 *  or somebody else is joining it), -EXDEV (another core's), -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_join(wharf_task task, int *result);

/** Cancels a task: its blocking calls, the one it is in and all later ones, fail with -ECANCELED.
 *  Does not suspend. Errors: -ESRCH, -EXDEV. */
WHARF_API int wharf_cancel(wharf_task task);

/** Lets the other ready tasks run. Suspends. Errors: -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_yield(void);

/** Sleeps `ms` milliseconds (0: as wharf_yield(); WHARF_OFF: until cancelled), never less. Suspends.
 *  Errors: -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_sleep(int64_t ms);

/** Whether this task's scope is cancelled or past its deadline: 0, -ECANCELED or -ETIMEDOUT. Does not
 * suspend. */
WHARF_API int wharf_check(void);

/** Nanoseconds of the monotonic clock (simulated time inside a simulation). Does not suspend. */
WHARF_API int64_t wharf_now_ns(void);

/* ---- scopes ------------------------------------------------------------------------------------------ */

/** Opens a scope inside the current one. result: where its result will be put (may be NULL), set to 0 now.
 *  Every open is matched by wharf_scope_close() in the same task, innermost first. Does not suspend. Returns
 *  `storage`. */
WHARF_API wharf_scope *wharf_scope_open(wharf_scope *storage, int *result);

/** As wharf_scope_open(), with a deadline `ms` milliseconds from now (WHARF_OFF: none). A nearer deadline
 * outside stays in force. */
WHARF_API wharf_scope *wharf_scope_open_within(wharf_scope *storage, int64_t ms);

/** As wharf_scope_open(), shielded: the cancellation and deadlines outside do not reach in, but this deadline
 * does, `ms` milliseconds from now. For cleanup that must block. WHARF_OFF is -EINVAL: inside, every call
 * then fails. */
WHARF_API wharf_scope *wharf_scope_open_shield(wharf_scope *storage, int64_t ms);

/** Waits for every task of the scope, then leaves it; tasks may start others in it meanwhile, which are waited for as
 *  well. Suspends, and is not itself cut short by a cancellation: that reaches the tasks, which end. Returns the
 *  scope's result: the error of the first task that failed, and wharf_why() is about that task's failure then; else
 *  -ETIMEDOUT when the deadline has cut short a call of the owner or of a task in the scope, whatever they made of
 *  it; else 0. Closing again only returns it again. */
WHARF_API int wharf_scope_close(wharf_scope *scope);

/** Waits until no task of the scope is left, and stays in it. Same result: when a task fails, the others are
 *  cancelled, and the call returns that error once they have ended. Suspends. Errors: also -ECANCELED and -ETIMEDOUT
 *  (from outside the scope, or by its own deadline), with tasks still running. */
WHARF_API int wharf_scope_wait(wharf_scope *scope);

/** Cancels everything in the scope, its owner's calls included. Does not suspend. From the scope's own core.
 */
WHARF_API int wharf_scope_cancel(wharf_scope *scope);

/** Cancels the tasks, then closes. What leaving a block early does. wharf_why() stays about what made the caller
 *  leave. Suspends. */
WHARF_API void wharf_scope_abandon(wharf_scope *scope);

/** The steps behind the block macros; not for direct use. */
WHARF_API wharf_scope *wharf_scope_end_(wharf_scope *scope);
WHARF_API void wharf_scope_leave_(wharf_scope *storage);

#define WHARF_JOIN2_(a, b) a##b
#define WHARF_JOIN_(a, b)  WHARF_JOIN2_(a, b)
#define WHARF_BLOCK_(name, open)                                                                             \
    for (wharf_scope WHARF_JOIN_(name, _storage) __attribute__((cleanup(wharf_scope_leave_))), *name = open; \
         name != NULL; name = wharf_scope_end_(name))

/** A block that is not left before the tasks started in it have ended: WHARF_SCOPE(s, &result) { wharf_go(s, ...); }
 * Inside, `s` is a wharf_scope *. `result` (an int *, may be NULL) gets what wharf_scope_close() says. Three traps:
 * `break`, `return` and `goto` out of the block cancel its tasks first; `continue` ends the block normally; variables
 * declared inside the block die before its tasks do, so declare outside what tasks point to (or end the block with
 * wharf_scope_close()). Of what fails in the block itself only a deadline that passed is in the result. */
#define WHARF_SCOPE(s, result) WHARF_BLOCK_(s, wharf_scope_open(&WHARF_JOIN_(s, _storage), (result)))

/** A block in which everything has a deadline, `ms` milliseconds from now: WHARF_WITHIN(5000) { ... } */
#define WHARF_WITHIN(ms) WHARF_WITHIN_(WHARF_JOIN_(wharf_within_, __LINE__), ms)
#define WHARF_WITHIN_(name, ms) \
    WHARF_BLOCK_(name, wharf_scope_open_within(&WHARF_JOIN_(name, _storage), (ms)))

/** A block for cleanup: cancellation outside does not reach in; it has `ms` milliseconds. */
#define WHARF_SHIELD(ms) WHARF_SHIELD_(WHARF_JOIN_(wharf_shield_, __LINE__), ms)
#define WHARF_SHIELD_(name, ms) \
    WHARF_BLOCK_(name, wharf_scope_open_shield(&WHARF_JOIN_(name, _storage), (ms)))

/* ---- several cores ----------------------------------------------------------------------------------- */

/** Runs fn(arg) on `cores` schedulers at once, one thread per core, this thread among them, and waits for
 * all. cores: 1 to 256; 0: as many as the affinity mask and the cgroup's CPU quota allow. Inside, listening
 * on the same address gives each core its own view of one listener. When one returns an error, the others are
 * cancelled. Suspends until all have returned. Returns 0 or the first error. Errors: -EINVAL, -EAGAIN (no
 * more threads), -EBUSY (inside another wharf_run()), and what fn returns. */
WHARF_API int wharf_run(int cores, wharf_fn fn, void *arg);

/** Runs fn(&copy of the argument) as a task of another core of this wharf_run(), and waits for what it returns. How
 *  cores that share nothing ask each other. core: 0 to cores - 1; this core's own number calls fn directly. len: 0 to
 *  4096 bytes. When that is an error, wharf_why() tells what it would have told there. Suspends. When the caller is
 *  cancelled, fn still runs to its end and its result is dropped. Errors: -EINVAL, -ESRCH (that core has returned
 *  from wharf_run()), -ENOMEM, -ECANCELED, -ETIMEDOUT, and fn's own. */
WHARF_API int wharf_call_on(int core, wharf_fn fn, const void *arg, size_t len);

/** How many cores wharf_run(0, ...) would use: 1 to 256. Does not suspend. */
WHARF_API int wharf_cores(void);

/** This scheduler's number within wharf_run(): 0 to cores - 1; 0 elsewhere. Does not suspend. */
WHARF_API int wharf_core(void);

WHARF_END

#endif

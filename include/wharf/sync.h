/* wharf/sync.h - how tasks talk and take turns: channels, select, locks, tickers.
 *
 *     wharf_chan results = wharf_chan_new(sizeof(int), 10);
 *     wharf_put(results, &answer);               // suspends while ten are waiting
 *     while (wharf_take(results, &answer) > 0) { ... }
 *
 * Whichever of several things happens first:
 *
 *     wharf_case cases[] = {
 *         wharf_case_take(results, &answer),
 *         wharf_case_readable(client),
 *         wharf_case_after(1000),
 *     };
 *     switch (wharf_select(cases, 3)) {
 *     case 0: if (cases[0].result == 0) { ... closed ... } break;
 *     case 1: n = wharf_recv(client, buffer, sizeof buffer); break;
 *     case 2: ... nothing for a second ... break;
 *     default: ... cancelled or past the deadline: nothing was taken ... break;
 *     }
 *
 * Everything here belongs to the core that uses it, and another core that tries gets -EXDEV; only what is
 * called shared crosses cores and threads. Because tasks change only where a call suspends, data that no
 * such call interrupts needs no lock at all.
 *
 * Locks are memory of the caller, beside the data they guard; one of zeros is ready for use:
 *
 *     static struct { wharf_mutex lock; int balance; } account;
 */
#ifndef WHARF_SYNC_H
#define WHARF_SYNC_H

#include "wharf/base.h"
#include "wharf/task.h"

WHARF_BEGIN

/* ---- channels ---------------------------------------------------------------------------------------- */

/** A channel of fixed-size elements, by value. */
typedef struct wharf_chan {
    int64_t id;
} wharf_chan;

/** Makes a channel. element_bytes: 1 to 65536. capacity: elements it holds before a put waits, 0 to
 * 1,048,576; 0: a put waits for its taker. Does not suspend. Errors (in the handle): -ENOMEM, -EINVAL. */
WHARF_API WHARF_MUST_USE wharf_chan wharf_chan_new(size_t element_bytes, size_t capacity);

/** Puts a copy of *element into the channel, in the order of asking. Suspends while it is full.
 *  Errors: -EPIPE (closed), -EBADF (freed), -EXDEV (another core's), -ECANCELED, -ETIMEDOUT; after any of
 * these the element was not taken. */
WHARF_API int wharf_put(wharf_chan chan, const void *element);

/** Takes the next element into *ret_element. Suspends while there is none. Returns 1, or 0 when the channel
 * is closed and empty; *ret_element is untouched unless 1 is returned, and no element is lost by a failure.
 *  Errors: -EBADF, -EXDEV, -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_take(wharf_chan chan, void *ret_element);

/** As wharf_put() and wharf_take() when that needs no waiting, cancelled or not. Do not suspend.
 *  Errors: -EAGAIN (full; empty), -EPIPE, -EBADF, -EXDEV. */
WHARF_API int wharf_try_put(wharf_chan chan, const void *element);
WHARF_API int wharf_try_take(wharf_chan chan, void *ret_element);

/** No more puts: those waiting fail with -EPIPE, takers get what is left, then 0. Does not suspend.
 *  Errors: -EINVAL (closed before), -EBADF, -EXDEV. */
WHARF_API int wharf_chan_close(wharf_chan chan);

/** Frees the channel and what it holds; whoever waits on it fails with -EBADF. Does not suspend. */
WHARF_API int wharf_chan_free(wharf_chan chan);

/* ---- tickers ----------------------------------------------------------------------------------------- */

/** What a ticker does about ticks that nobody waited for. */
typedef enum wharf_missed_ticks {
    WHARF_TICKS_SKIP,  /**< they are left out; the next tick is where it would have been anyway */
    WHARF_TICKS_BURST, /**< they come one after the other at once, until it has caught up */
    WHARF_TICKS_DELAY  /**< they are left out, and the period begins anew at the late tick */
} wharf_missed_ticks;

/** A clock that ticks at a fixed period. The storage is the caller's; it needs no ending. */
typedef struct wharf_ticker {
    int64_t reserved_[4];
} wharf_ticker;

/** Sets a ticker going: its first tick is one period from now. period_ms: 1 upwards.
 *  Does not suspend. Errors: -EINVAL. */
WHARF_API int wharf_ticker_init(wharf_ticker *ticker, int64_t period_ms, wharf_missed_ticks missed);

/** Waits for the next tick, never returning early. Suspends. Returns how many ticks have passed since the
 * last one that was returned: 1, or more where missed ones were left out. Errors: -EINVAL (never set going),
 * -ECANCELED, -ETIMEDOUT. */
WHARF_API int64_t wharf_tick(wharf_ticker *ticker);

/* ---- select ------------------------------------------------------------------------------------------ */

/** One of the things that wharf_select() waits for. Make it with the functions below; one of zeros never
 * happens, so that a case can be switched off. An array of them can be used again and again. */
typedef struct wharf_case {
    int kind;   /**< set by the makers */
    int result; /**< of the case that happened: what the call by itself would have returned */
    int64_t what;
    void *element;
    void *reserved_[16];
} wharf_case;

/** The kinds behind the makers; not for direct use. */
enum {
    WHARF_CASE_NONE_,
    WHARF_CASE_PUT_,
    WHARF_CASE_TAKE_,
    WHARF_CASE_READABLE_,
    WHARF_CASE_WRITABLE_,
    WHARF_CASE_FD_READABLE_,
    WHARF_CASE_FD_WRITABLE_,
    WHARF_CASE_AFTER_,
    WHARF_CASE_TICK_,
    WHARF_CASE_EVENT_
};

/** Behind the makers; not for direct use. */
static inline wharf_case wharf_case_(int kind, int64_t what, void *element) {
    wharf_case made = {kind, 0, what, element, {NULL}};
    return made;
}

/** The element is put: result 0, or -EPIPE when the channel is closed. It must stay where it is meanwhile. */
static inline wharf_case wharf_case_put(wharf_chan chan, const void *element) {
    return wharf_case_(WHARF_CASE_PUT_, chan.id, (void *)(uintptr_t)element);
}
/** An element is taken: result 1, or 0 when the channel is closed and empty. */
static inline wharf_case wharf_case_take(wharf_chan chan, void *ret_element) {
    return wharf_case_(WHARF_CASE_TAKE_, chan.id, ret_element);
}
/** A socket (wharf_sock) has bytes, its end or an error to receive; a listener has a connection. Result 1. */
#define wharf_case_readable(sock) wharf_case_(WHARF_CASE_READABLE_, (sock).id, NULL)
/** A socket takes bytes. Result 1. */
#define wharf_case_writable(sock) wharf_case_(WHARF_CASE_WRITABLE_, (sock).id, NULL)
/** A file descriptor of some other library is readable (wharf_wait_fd()). Result 1. */
static inline wharf_case wharf_case_fd_readable(int fd) {
    return wharf_case_(WHARF_CASE_FD_READABLE_, fd, NULL);
}
/** A file descriptor of some other library is writable. Result 1. */
static inline wharf_case wharf_case_fd_writable(int fd) {
    return wharf_case_(WHARF_CASE_FD_WRITABLE_, fd, NULL);
}
/** `ms` milliseconds have passed since the call of wharf_select(); WHARF_OFF: never. Result 0. */
static inline wharf_case wharf_case_after(int64_t ms) {
    return wharf_case_(WHARF_CASE_AFTER_, ms, NULL);
}
/** A ticker has ticked: result as wharf_tick(). */
static inline wharf_case wharf_case_tick(wharf_ticker *ticker) {
    return wharf_case_(WHARF_CASE_TICK_, 0, ticker);
}

/** Waits until one of the cases can happen, lets exactly that one happen, and returns its index; all others
 * are as if they had never been asked. Of several that can happen any one is chosen, fairly (in a simulation
 * by its seed). A case whose handle is no good happens with that error as its result. count: 1 to 1024.
 * Suspends. Errors, after which no case has happened: -EINVAL, -ECANCELED, -ETIMEDOUT. */
WHARF_API WHARF_MUST_USE int wharf_select(wharf_case *cases, int count);

/** As wharf_select(), but does not wait: -EAGAIN when no case can happen now. May let other tasks run. */
WHARF_API WHARF_MUST_USE int wharf_select_now(wharf_case *cases, int count);

/* ---- mutual exclusion -------------------------------------------------------------------------------- */

/** A lock that one task holds at a time. One of zeros is unlocked. It must not move or go while in use. */
typedef struct wharf_mutex {
    void *reserved_[6];
} wharf_mutex;

/** Locks, in the order of asking. Suspends while another task holds it. A task that ends holding a lock is
 * reported on stderr (WHARF_REPORTS=off silences that) and the lock goes to the next.
 *  Errors: -EDEADLK (this task holds it already), -EXDEV, -ENOMEM, -ECANCELED, -ETIMEDOUT. */
WHARF_API WHARF_MUST_USE int wharf_mutex_lock(wharf_mutex *mutex);
/** Locks if that needs no waiting. Does not suspend. Errors: -EAGAIN, -EDEADLK, -EXDEV, -ENOMEM. */
WHARF_API WHARF_MUST_USE int wharf_mutex_try_lock(wharf_mutex *mutex);
/** Unlocks: the task that has waited longest has the lock from this moment on. Does not suspend.
 *  Errors: -EPERM (this task does not hold it), -EXDEV. */
WHARF_API int wharf_mutex_unlock(wharf_mutex *mutex);

/** A lock that many readers or one writer hold. One of zeros is unlocked. */
typedef struct wharf_rwlock {
    void *reserved_[8];
} wharf_rwlock;

/** Locks for reading. Suspends while a writer holds it or waits for it; when a writer leaves, the readers
 * that wait by then come before the next writer, so neither side starves. Errors: as wharf_mutex_lock();
 * -EDEADLK also for a task that holds it in either way. */
WHARF_API WHARF_MUST_USE int wharf_rwlock_read(wharf_rwlock *rwlock);
/** Locks for writing. Suspends while anybody holds it. Errors: likewise. */
WHARF_API WHARF_MUST_USE int wharf_rwlock_write(wharf_rwlock *rwlock);
/** Ends either. Does not suspend. Errors: -EPERM (this task does not hold it), -EXDEV. */
WHARF_API int wharf_rwlock_unlock(wharf_rwlock *rwlock);

/** Where tasks wait for a change of what a mutex guards. One of zeros is ready for use. */
typedef struct wharf_cond {
    void *reserved_[4];
} wharf_cond;

/** Unlocks the mutex, waits for a signal, and locks the mutex again: it is held whenever this returns, also
 * after a failure, because that last step is not cut short. Suspends. Test the condition in a loop.
 *  Errors: -EPERM (this task does not hold the mutex), -EXDEV, -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_cond_wait(wharf_cond *cond, wharf_mutex *mutex);
/** Wakes the task that has waited longest, if there is one. Does not suspend. Errors: -EXDEV. */
WHARF_API int wharf_cond_signal(wharf_cond *cond);
/** Wakes all that wait. Does not suspend. Errors: -EXDEV. */
WHARF_API int wharf_cond_broadcast(wharf_cond *cond);

/* ---- counting ---------------------------------------------------------------------------------------- */

/** Permits that belong to nobody: any task may release what another acquired. */
typedef struct wharf_semaphore {
    void *reserved_[8];
} wharf_semaphore;

/** Begins with `permits` of them, 0 upwards. Does not suspend. Errors: -EINVAL. */
WHARF_API int wharf_semaphore_init(wharf_semaphore *semaphore, int64_t permits);
/** Takes k permits at once, in the order of asking: a small wish does not overtake a large one. Suspends.
 *  k: 1 upwards. Errors: -EINVAL, -EXDEV, -ECANCELED, -ETIMEDOUT. */
WHARF_API WHARF_MUST_USE int wharf_semaphore_acquire(wharf_semaphore *semaphore, int64_t k);
/** Likewise if that needs no waiting. Does not suspend. Errors: -EAGAIN, -EINVAL, -EXDEV. */
WHARF_API WHARF_MUST_USE int wharf_semaphore_try_acquire(wharf_semaphore *semaphore, int64_t k);
/** Gives k permits. Does not suspend. Errors: -EINVAL, -EOVERFLOW, -EXDEV. */
WHARF_API int wharf_semaphore_release(wharf_semaphore *semaphore, int64_t k);

/** Permits that belong to the task that acquired them: "at most 100 at once". Giving back more than one has is an
 * error, and a task that ends holding some is reported and gives them back. So the task that works acquires. Where a
 * loop acquires for the tasks that it starts, and they release, use a semaphore. */
typedef struct wharf_limiter {
    void *reserved_[8];
} wharf_limiter;

/** At most `capacity` permits are out at any time, 1 upwards. Does not suspend. Errors: -EINVAL. */
WHARF_API int wharf_limiter_init(wharf_limiter *limiter, int64_t capacity);
/** Takes k permits, 1 to the capacity. Otherwise as wharf_semaphore_acquire(). Errors: also -ENOMEM. */
WHARF_API WHARF_MUST_USE int wharf_limiter_acquire(wharf_limiter *limiter, int64_t k);
/** Likewise if that needs no waiting. Does not suspend. Errors: -EAGAIN, -EINVAL, -EXDEV, -ENOMEM. */
WHARF_API WHARF_MUST_USE int wharf_limiter_try_acquire(wharf_limiter *limiter, int64_t k);
/** Gives k back. Does not suspend. Errors: -EPERM (this task has fewer), -EINVAL, -EXDEV. */
WHARF_API int wharf_limiter_release(wharf_limiter *limiter, int64_t k);

/* ---- signals between tasks --------------------------------------------------------------------------- */

/** Something that has happened or not: stays set until it is cleared. One of zeros is not set. */
typedef struct wharf_event {
    void *reserved_[4];
} wharf_event;

/** Waits until it is set. Suspends. Errors: -EXDEV, -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_event_wait(wharf_event *event);
/** Sets it and wakes all that wait; setting it twice is as once. Does not suspend. Errors: -EXDEV. */
WHARF_API int wharf_event_set(wharf_event *event);
/** Clears it. Does not suspend. Errors: -EXDEV. */
WHARF_API int wharf_event_clear(wharf_event *event);
/** 1: set; 0: not. Does not suspend. Errors: -EXDEV. */
WHARF_API int wharf_event_is_set(wharf_event *event);
/** For wharf_select(): the event is set. Result 0. */
static inline wharf_case wharf_case_event(wharf_event *event) {
    return wharf_case_(WHARF_CASE_EVENT_, 0, event);
}

/** A number of things that are still to be done. One of zeros waits for nothing. */
typedef struct wharf_wait_group {
    void *reserved_[4];
} wharf_wait_group;

/** Adds n, which may be negative. At 0 all that wait go on. Does not suspend.
 *  Errors: -EINVAL (it would fall below 0, or overflow; nothing changes), -EXDEV. */
WHARF_API int wharf_wait_group_add(wharf_wait_group *group, int64_t n);
/** As adding -1. */
WHARF_API int wharf_wait_group_done(wharf_wait_group *group);
/** Waits for 0. Suspends. Errors: -EXDEV, -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_wait_group_wait(wharf_wait_group *group);

/** A piece of work that is to be done once. One of zeros has not been done. */
typedef struct wharf_once {
    void *reserved_[6];
} wharf_once;

/** Calls fn(arg) if that has not been done, or waits while another task does it. A negative result leaves it
 * undone: whoever waits tries next. Suspends. Returns what fn returned, 0 when it was done by another.
 *  Errors: those of fn, -EDEADLK (from inside fn), -EXDEV, -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_once_run(wharf_once *once, wharf_fn fn, void *arg);

/** Where a number of tasks wait for each other, again and again. */
typedef struct wharf_barrier {
    void *reserved_[6];
} wharf_barrier;

/** For `count` tasks, 1 upwards. Does not suspend. Errors: -EINVAL. */
WHARF_API int wharf_barrier_init(wharf_barrier *barrier, int count);
/** Waits until `count` tasks are here. Suspends. Returns 1 to the last that came, 0 to the others. One that
 * fails has not come. Errors: -EINVAL (not initialised), -EXDEV, -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_barrier_wait(wharf_barrier *barrier);

/* ---- between cores and threads ----------------------------------------------------------------------- */

/** A channel that tasks of any core and plain threads use alike. Counted references: each core or thread that
 * uses it holds one, and the last to let go frees it. */
typedef struct wharf_shared_chan wharf_shared_chan;

/** Makes one, with one reference. element_bytes: 1 to 65536; capacity: 1 to 1,048,576. Needs no scheduler.
 *  NULL without memory or for sizes out of range (wharf_why() says which). Does not suspend. */
WHARF_API WHARF_MUST_USE wharf_shared_chan *wharf_shared_chan_new(size_t element_bytes, size_t capacity);
/** One more reference, before the handle is given to another thread. Does not suspend. Returns `chan`. */
WHARF_API wharf_shared_chan *wharf_shared_chan_ref(wharf_shared_chan *chan);
/** One fewer. Does not suspend. NULL is fine. */
WHARF_API void wharf_shared_chan_unref(wharf_shared_chan *chan);
/** As wharf_put(). A task suspends while the channel is full; a thread on which Wharf has not been used blocks,
 * and no scheduler is made for it. Errors: -EPIPE (closed), -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_shared_put(wharf_shared_chan *chan, const void *element);
/** As wharf_take(), likewise: 1, or 0 when it is closed and empty. Errors: -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_shared_take(wharf_shared_chan *chan, void *ret_element);
/** The same without waiting. Errors: -EAGAIN (full), -EPIPE. */
WHARF_API WHARF_MUST_USE int wharf_shared_try_put(wharf_shared_chan *chan, const void *element);
/** The same without waiting. Errors: -EAGAIN (empty). */
WHARF_API WHARF_MUST_USE int wharf_shared_try_take(wharf_shared_chan *chan, void *ret_element);
/** As wharf_chan_close(), from any thread. Errors: -EINVAL (closed before). */
WHARF_API int wharf_shared_chan_close(wharf_shared_chan *chan);

/** An event that tasks of any core and plain threads use alike; counted references as for the channel. */
typedef struct wharf_shared_event wharf_shared_event;

/** Makes one, not set, with one reference. NULL without memory. Does not suspend. */
WHARF_API WHARF_MUST_USE wharf_shared_event *wharf_shared_event_new(void);
/** One more and one fewer reference. Do not suspend. */
WHARF_API wharf_shared_event *wharf_shared_event_ref(wharf_shared_event *event);
WHARF_API void wharf_shared_event_unref(wharf_shared_event *event);
/** As wharf_event_wait(); a thread without Wharf blocks. Errors: -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_shared_event_wait(wharf_shared_event *event);
/** Set it, clear it, ask (1 or 0), from any thread. Do not suspend. */
WHARF_API void wharf_shared_event_set(wharf_shared_event *event);
WHARF_API void wharf_shared_event_clear(wharf_shared_event *event);
WHARF_API int wharf_shared_event_is_set(wharf_shared_event *event);

/** A semaphore likewise: a limit that spans cores and threads. */
typedef struct wharf_shared_semaphore wharf_shared_semaphore;

/** Makes one with `permits`, 0 upwards, and one reference. NULL without memory. Does not suspend. */
WHARF_API WHARF_MUST_USE wharf_shared_semaphore *wharf_shared_semaphore_new(int64_t permits);
/** One more and one fewer reference. Do not suspend. */
WHARF_API wharf_shared_semaphore *wharf_shared_semaphore_ref(wharf_shared_semaphore *semaphore);
WHARF_API void wharf_shared_semaphore_unref(wharf_shared_semaphore *semaphore);
/** As wharf_semaphore_acquire(); a thread without Wharf blocks. Errors: -EINVAL, -ECANCELED, -ETIMEDOUT. */
WHARF_API WHARF_MUST_USE int wharf_shared_semaphore_acquire(wharf_shared_semaphore *semaphore, int64_t k);
/** Without waiting. Errors: -EAGAIN, -EINVAL. */
WHARF_API WHARF_MUST_USE int wharf_shared_semaphore_try_acquire(wharf_shared_semaphore *semaphore, int64_t k);
/** Gives k permits, from any thread. Does not suspend. Errors: -EINVAL, -EOVERFLOW. */
WHARF_API int wharf_shared_semaphore_release(wharf_shared_semaphore *semaphore, int64_t k);

/* ---- values that go with a task ---------------------------------------------------------------------- */

/** The name of a value that every task has for itself and hands down to the tasks it starts, by copy: a trace
 * id, a user. The key is the address of one static object. */
typedef struct wharf_local {
    const char *name; /**< static text, for people */
} wharf_local;

/** Sets this task's value to a copy of `len` bytes, 0 (none) to 256; a task has at most 16 values. Tasks that
 * it has started before keep theirs. Does not suspend. Errors: -EINVAL, -WHARF_ELIMIT, -ENOMEM. */
WHARF_API int wharf_local_set(const wharf_local *key, const void *value, size_t len);
/** Copies this task's value and returns its length; 0: it has none. Does not suspend.
 *  Errors: -ENOBUFS (longer than `size`; nothing is copied). */
WHARF_API int wharf_local_get(const wharf_local *key, void *ret_value, size_t size);

/* ---- deadlocks --------------------------------------------------------------------------------------- */

/** What happens when every task of a core waits for another task of that core, so that none can ever go on. */
typedef enum wharf_deadlock_action {
    WHARF_DEADLOCK_ABORT,  /**< the default: a report on stderr, then abort() */
    WHARF_DEADLOCK_REPORT, /**< the report, once; then it waits for ever */
    WHARF_DEADLOCK_IGNORE  /**< it waits for ever */
} wharf_deadlock_action;

/** Chooses for the whole process; the environment (WHARF_DEADLOCK=abort, report or off) wins. Does not
 * suspend. Errors: -EINVAL. In a simulation a deadlock ends the run with -WHARF_EDEADLOCK instead. */
WHARF_API int wharf_deadlock(wharf_deadlock_action action);

WHARF_END

#endif

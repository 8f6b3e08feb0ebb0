/* Waiting for what another thread does: the common half of all that is called shared.
 *
 * A waiter is a record on the stack of whoever waits. A thread without a scheduler sleeps on a condition of its own; a task is
 * parked, and told by a message to its scheduler. Whoever serves a waiter tells it before letting go of the object's lock, and
 * the waiter takes that lock before it leaves: so the record, and the scheduler that the message goes to, outlive the telling.
 */
#ifndef SCHED_WAITER_H
#define SCHED_WAITER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sched/op.h"
#include "sched/sched.h"

struct waiter;

struct waiters {
    struct waiter *first, *last;
};

/* What several threads share: embedded first in a heap object that its last reference frees. */
struct shared {
    _Atomic size_t references;
    pthread_mutex_t lock;
};
void shared_init(struct shared *shared);
void shared_ref(struct shared *shared);
/* The last one frees the object, which begins with `shared`. NULL is fine. */
void shared_unref(struct shared *shared);

struct waiter {
    struct op op;
    struct message message;
    struct waiter *next, *prev;
    struct waiters *queue; /* where it waits when it has to */
    struct shared *shared;
    struct sched *sched; /* NULL: a thread without one */
    pthread_cond_t wake; /* of that thread */
    /* Under the lock: what is asked for is done now, with this result, or -EAGAIN. */
    int (*step)(struct waiter *waiter);
    void *element;  /* to copy from or to */
    int64_t amount; /* of permits */
    int result;
    bool queued;
};

/* The steps of every op_kind of a waiter. */
int64_t waiter_attempt(struct op *op);
int waiter_start(struct op *op);
void waiter_cancel(struct op *op);

/* kind, queue, shared and step are set. Suspends, or blocks a thread without a scheduler. */
int waiter_wait(struct waiter *waiter, const struct op_kind *kind);
/* The same step, without waiting: -EAGAIN. */
int waiter_try(struct waiter *waiter);

/* With the lock held: takes the longest waiter (NULL: none); gives one that was taken its result. */
struct waiter *waiters_pop(struct waiters *waiters);
void waiter_tell(struct waiter *waiter, int result);
/* All of them. */
void waiters_tell_all(struct waiters *waiters, int result);

#endif

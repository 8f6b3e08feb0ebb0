/* An operation that may have to wait, and the one function in which a task waits.
 *
 * Everything that can suspend - receive, accept, sleep, a channel, a join, the offload pool - is a record
 * with three steps, and op_await() runs them:
 *
 *      attempt ----- a result -----------------------------> returned
 *         | -EAGAIN
 *      start    (somebody will op_wake() or op_complete() it)
 *         |
 *      parked   <- other tasks run; woken by the other side, a deadline, a cancellation
 *         |
 *      cancel   (take the arrangement back: nothing touches the record afterwards)
 *         |
 *      completed? its result.  Woken? attempt again.  Interrupted? one last attempt: success wins; else the
 * reason.
 *
 * Because there is one such place, deadlines, cancellation, fairness, the simulator's faults and the trace
 * live there and nowhere else. The record is on the waiting task's stack; attempt, start and cancel never
 * suspend.
 */
#ifndef SCHED_OP_H
#define SCHED_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io;
struct op;
struct op_queue;
struct task;

struct op_kind {
    const char *name;                /* "recv", "sleep": for dumps, failures and the trace */
    int64_t (*attempt)(struct op *); /* the result, or -EAGAIN; NULL: always -EAGAIN */
    int (*start)(struct op *);       /* 0, or an error that op_await returns; NULL: nothing to arrange */
    void (*cancel)(struct op *); /* always called after start, also when completed; NULL: nothing to undo */
};

struct op {
    const struct op_kind *kind;
    struct task *task;      /* who waits; set by op_await */
    struct op_queue *queue; /* where it waits; NULL: nowhere */
    struct op *next, *prev; /* its neighbours there */
    struct io *io;          /* the descriptor that it is parked on, for dumps; NULL: none */
    struct op *leader;      /* of a case of a select: the operation that the task waits on; else NULL */
    int64_t wake_at;        /* try again at this time (ns) at the latest; 0: no such time */
    int64_t result;         /* valid once completed */
    bool completed;
    bool woken;           /* before it was parked: it does not park */
    bool internal;        /* nothing but another task of this scheduler can end the wait: see deadlock.c */
    bool uninterruptible; /* neither deadline nor cancellation ends the wait: closing a scope */
    bool brief;           /* of a wait that leaves nothing to do: see await.h */
};

/* What op_await() does not set itself. A record that is cleared as a whole costs more than the rest of a short operation. */
static inline void op_init(struct op *op, const struct op_kind *kind) {
    op->kind = kind;
    op->io = NULL;
    op->leader = NULL;
    op->wake_at = 0;
    op->internal = false;
    op->uninterruptible = false;
    op->brief = false;
}

/* The only place where a task waits. Returns the result, -ECANCELED, -ETIMEDOUT, or start's error. Suspends.
 */
int64_t op_await(struct op *op);

/* For calls that never wait: what op_await does on entry. 0, -ECANCELED or -ETIMEDOUT. Suspends. */
int op_checkpoint(const struct op_kind *kind);

/* The other side: try again / here is the result. Does nothing when nobody is parked on it any more. Never
 * suspends. */
void op_wake(struct op *op);
void op_complete(struct op *op, int64_t result);

/* What op_complete() does for those that are not brief and not completed. */
void op_finish_long(struct op *op, int64_t result);

/* select.c: a case has been completed. Takes the other cases out of their queues in the same step, so that whoever looks
 * into a queue finds only operations that can still be completed. */
void select_claim(struct op *sub);

/* A FIFO of waiting operations. */
struct op_queue {
    struct op *first, *last;
};

static inline void op_queue_push(struct op_queue *queue, struct op *op) {
    op->queue = queue;
    op->next = NULL;
    op->prev = queue->last;
    if (queue->last != NULL) {
        queue->last->next = op;
    } else {
        queue->first = op;
    }
    queue->last = op;
}

/* Removes it from wherever it waits; an operation that is in no queue is fine, and the queue it was in may be gone. */
static inline void op_queue_remove(struct op *op) {
    struct op_queue *queue = op->queue;
    if (queue == NULL) {
        return;
    }
    if (op->prev != NULL) {
        op->prev->next = op->next;
    } else {
        queue->first = op->next;
    }
    if (op->next != NULL) {
        op->next->prev = op->prev;
    } else {
        queue->last = op->prev;
    }
    op->queue = NULL;
}

/* The longest waiting; NULL when empty. */
static inline struct op *op_queue_pop(struct op_queue *queue) {
    struct op *op = queue->first;
    if (op != NULL) {
        queue->first = op->next;
        if (op->next != NULL) {
            op->next->prev = NULL;
        } else {
            queue->last = NULL;
        }
        op->queue = NULL;
    }
    return op;
}

void op_queue_wake_all(struct op_queue *queue);                     /* they stay queued until they leave */
void op_queue_complete_all(struct op_queue *queue, int64_t result); /* and empties it */

#endif

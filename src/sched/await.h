/* The steps of op_await(), for src/sched/ to compile into the operations that cost little more than these steps: with a kind
 * that the compiler knows, its attempt, start and cancel need no call. op.h has the order of events.
 *
 *      op_is_plain()   nothing but the attempt itself is to be looked at: an operation may try before it makes a record
 *      op_enter()      all that an operation may meet on its way in
 *      op_wait()       what follows an attempt that gave -EAGAIN
 */
#ifndef SCHED_AWAIT_H
#define SCHED_AWAIT_H

#include <errno.h>

#include "sched/internal.h"
#include "sched/turn.h"

/* Or the compiler would share one copy, with calls, among the kinds. */
#define AWAIT_INLINE __attribute__((always_inline)) static inline

/* ---- on the way in ---- */

/* Others get a turn after many operations that did not have to wait, or after a while. */
static inline void op_fairness(struct sched *sched) {
    sched->operations++;
    if (sched->operations % FAIRNESS_CLOCK_OPS == 0) {
        sched_tick(sched);
        if (sched->operations >= FAIRNESS_OPS || sched->now - sched->resumed_at > FAIRNESS_NS) {
            task_give_way(sched, sched->running);
        }
    }
}

/* Injected faults, its turn, cancellation, the deadline: 0 or the error. */
static inline int op_enter(struct sched *sched, const struct op *op) {
    if (sched->engine->checkpoint != NULL) {
        int rc = sched->engine->checkpoint(sched, op);
        if (rc < 0) {
            return rc;
        }
    }
    op_fairness(sched);
    return task_check(sched, sched->running);
}

/* Whether none of that is there to be met, nor anybody to be told of the outcome; the operation is then counted. */
static inline bool op_is_plain(struct sched *sched) {
    if (__builtin_expect(sched == NULL || sched->hooked, 0)) {
        return false;
    }
    const struct scope *scope = sched->running->scope;
    unsigned operations = sched->operations + 1;
    if (__builtin_expect(
            scope->cancelled || scope->deadline != TIMER_NEVER || operations % FAIRNESS_CLOCK_OPS == 0, 0)) {
        return false;
    }
    sched->operations = operations;
    count(&sched->counters.operations);
    return true;
}

/* ---- waiting ---- */

AWAIT_INLINE int64_t op_attempt(struct op *op, const struct op_kind *kind) {
    return kind->attempt != NULL ? kind->attempt(op) : -EAGAIN;
}

/* Parks once. 0: woken, attempt again; 1: completed; negative: interrupted. */
AWAIT_INLINE int op_wait_once(struct sched *sched, struct op *op, const struct op_kind *kind) {
    struct task *task = op->task;
    task->waiting = op;
    task->interrupt = 0;
    op->woken = false;
    int rc = kind->start != NULL ? kind->start(op) : 0;
    if (rc < 0) {
        task->waiting = NULL;
        return rc;
    }
    int64_t until = op->uninterruptible ? TIMER_NEVER : task->scope->deadline;
    until = op->wake_at != 0 && op->wake_at < until ? op->wake_at : until;
    if (until != TIMER_NEVER) {
        timer_set(sched, &task->timer, until);
    }
    if (!op->completed && !op->woken) {
        task_park(sched, task);
    }
    timer_clear(&task->timer);
    task->waiting = NULL;
    if (kind->cancel != NULL) {
        kind->cancel(op);
    }
    if (op->completed) {
        return 1;
    }
    return task->interrupt;
}

/* Nothing came of the wait. */
static inline int op_interrupted(const struct task *task, int rc) {
    if (task->interrupt == -ETIMEDOUT) {
        scope_expire(task->scope);
    }
    return rc;
}

/* After an attempt that gave -EAGAIN. */
AWAIT_INLINE int64_t op_wait(struct sched *sched, struct op *op, const struct op_kind *kind) {
    for (;;) {
        int rc = op_wait_once(sched, op, kind);
        if (rc > 0) {
            return op->result;
        }
        /* What arrived together with an interruption wins. */
        int64_t result = op_attempt(op, kind);
        if (result != -EAGAIN || rc < 0) {
            return result != -EAGAIN ? result : op_interrupted(op->task, rc);
        }
    }
}

/* ---- the other side ---- */

/* As op_complete(). */
static inline void op_finish(struct op *op, int64_t result) {
    if (op->completed) {
        return;
    }
    op->completed = true;
    op->result = result;
    struct task *task = op->task;
    if (__builtin_expect(op->leader != NULL, 0)) {
        select_claim(op);
    } else if (task->waiting == op) {
        op->woken = true;
        if (task->parked) {
            task_make_ready(task);
        }
    }
}

#endif

/* The steps of op_await(), for src/sched/ to compile into the operations that cost little more than these steps: channels and
 * joining. op.h has the order of events.
 *
 *      op_is_plain()   nothing but the attempt itself is to be looked at: an operation may try before it makes a record
 *      op_brief()      and when it has to wait then, whoever ends its wait does all that is left to do
 *      op_enter()      all that an operation may meet on its way in
 *      op_wait()       what follows an attempt that gave -EAGAIN
 *
 * A brief wait is one without a deadline whose operation is only ever completed, never told to try again. Its record is the
 * task's own, which is not on the caller's frame, so the call ends with the switch and the way back leads straight to the
 * program. Cancelling takes the operation out of its queue; no last attempt is made, since one that is in a queue would fail.
 */
#ifndef SCHED_AWAIT_H
#define SCHED_AWAIT_H

#include <errno.h>

#include "sched/internal.h"
#include "sched/turn.h"

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

static inline int64_t op_attempt(struct op *op) {
    return op->kind->attempt != NULL ? op->kind->attempt(op) : -EAGAIN;
}

/* Parks once. 0: woken, attempt again; 1: completed; negative: interrupted. */
static inline int op_wait_once(struct sched *sched, struct op *op) {
    struct task *task = op->task;
    const struct op_kind *kind = op->kind;
    task->waiting = op;
    task->interrupt = 0;
    op->woken = false;
    if (__builtin_expect(task->unwatched != NULL, 0)) {
        io_watch_hangup(task);
    }
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
        PROBE2(task__block, task, kind->name);
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
static inline int64_t op_wait(struct sched *sched, struct op *op) {
    for (;;) {
        int rc = op_wait_once(sched, op);
        if (rc > 0) {
            return op->result;
        }
        /* What arrived together with an interruption wins. */
        int64_t result = op_attempt(op);
        if (result != -EAGAIN || rc < 0) {
            return result != -EAGAIN ? result : op_interrupted(op->task, rc);
        }
    }
}

/* The record for a brief wait of the running task: what it waits on is to be told of it. */
static inline union brief *op_brief(struct sched *sched, const struct op_kind *kind) {
    struct task *task = sched->running;
    task->brief.op.kind = kind;
    task->waiting = &task->brief.op;
    task->interrupt = 0;
    PROBE2(task__block, task, kind->name);
    return &task->brief;
}

/* Once it is told. Returns the result. */
static inline int op_brief_wait(struct sched *sched) {
    return task_park(sched, sched->running);
}

/* The end of a brief wait. */
static inline void op_brief_end(struct task *task, int result) {
    task->waiting = NULL;
    task->answer = result;
}

/* ---- the other side ---- */

/* As op_complete(). */
static inline void op_finish(struct op *op, int64_t result) {
    struct task *task = op->task;
    if (op->brief) {
        op_brief_end(task, (int)result);
        task_make_ready(task);
    } else if (!op->completed) {
        op_finish_long(op, result);
    }
}

#endif

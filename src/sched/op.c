/* See op.h: the one function in which a task waits. */
#include "sched/op.h"

#include <errno.h>

#include "sched/internal.h"

/* Others get a turn after many operations that did not have to wait, or after a while. */
static inline void fairness(struct sched *sched, struct task *task) {
    task->operations++;
    if (task->operations % FAIRNESS_CLOCK_OPS == 0) {
        sched->now = sched->engine->now(sched);
        if (task->operations >= FAIRNESS_OPS || sched->now - task->resumed_at > FAIRNESS_NS) {
            task_give_way(sched, task);
        }
    }
}

/* What every operation meets on its way in: injected faults, its turn, cancellation, the deadline. */
static inline int checkpoint(struct sched *sched, struct task *task, const struct op *op) {
    if (sched->engine->checkpoint != NULL) {
        int rc = sched->engine->checkpoint(sched, op);
        if (rc < 0) {
            return rc;
        }
    }
    fairness(sched, task);
    return task_check(sched, task);
}

static inline int64_t attempt(struct op *op) {
    return op->kind->attempt != NULL ? op->kind->attempt(op) : -EAGAIN;
}

/* Parks once. 0: woken, attempt again; 1: completed; negative: interrupted. */
static inline int wait_once(struct sched *sched, struct task *task, struct op *op) {
    task->waiting = op;
    task->interrupt = 0;
    op->woken = false;
    int rc = op->kind->start != NULL ? op->kind->start(op) : 0;
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
    if (op->kind->cancel != NULL) {
        op->kind->cancel(op);
    }
    if (op->completed) {
        return 1;
    }
    return task->interrupt;
}

/* Nothing came of the wait. */
static int interrupted(const struct task *task, int rc) {
    if (task->interrupt == -ETIMEDOUT) {
        scope_expire(task->scope);
    }
    return rc;
}

static inline int64_t await_result(struct sched *sched, struct task *task, struct op *op) {
    for (;;) {
        int64_t result = attempt(op);
        if (result != -EAGAIN) {
            return result;
        }
        int rc = wait_once(sched, task, op);
        if (rc > 0) {
            return op->result;
        }
        if (rc < 0) {
            /* What arrived together with the interruption wins. */
            result = attempt(op);
            return result != -EAGAIN ? result : interrupted(task, rc);
        }
    }
}

int64_t op_await(struct op *op) {
    struct sched *sched = sched_here();
    if (sched == NULL) {
        return sched_missing();
    }
    struct task *task = sched->running;
    op->task = task;
    op->completed = false;
    op->queue = NULL;
    count(&sched->counters.operations);
    int64_t result = op->uninterruptible ? 0 : checkpoint(sched, task, op);
    if (result == 0) {
        result = await_result(sched, task, op);
    }
    if (sched->engine->outcome != NULL) {
        sched->engine->outcome(sched, op, result);
    }
    return result;
}

int op_checkpoint(const struct op_kind *kind) {
    struct sched *sched = sched_here();
    if (sched == NULL) {
        return sched_missing();
    }
    struct op op = {.kind = kind, .task = sched->running};
    return checkpoint(sched, sched->running, &op);
}

void op_wake(struct op *op) {
    if (op->task->waiting != op) {
        op = op->leader;
        if (op == NULL || op->task->waiting != op) {
            return;
        }
    }
    op->woken = true;
    if (op->task->state == TASK_PARKED) {
        task_make_ready(op->task);
    }
}

void op_complete(struct op *op, int64_t result) {
    if (op->completed) {
        return;
    }
    op->completed = true;
    op->result = result;
    if (op->leader != NULL) {
        select_claim(op);
    } else {
        op_wake(op);
    }
}

void op_queue_push(struct op_queue *queue, struct op *op) {
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

void op_queue_remove(struct op *op) {
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

struct op *op_queue_pop(struct op_queue *queue) {
    struct op *op = queue->first;
    if (op != NULL) {
        op_queue_remove(op);
    }
    return op;
}

void op_queue_wake_all(struct op_queue *queue) {
    for (struct op *op = queue->first; op != NULL; op = op->next) {
        op_wake(op);
    }
}

void op_queue_complete_all(struct op_queue *queue, int64_t result) {
    for (struct op *op = op_queue_pop(queue); op != NULL; op = op_queue_pop(queue)) {
        op_complete(op, result);
    }
}

/* See op.h: the one function in which a task waits. Its steps are in await.h. */
#include "sched/op.h"

#include <errno.h>

#include "base/compiler.h"
#include "sched/await.h"

/* Nobody else tells of an interruption. Of what failed by itself whoever knows more has told already, or does so after this. */
COLD static void op_tell_failure(const struct op *op, int64_t result) {
    struct failure *failure = &op->task->failure;
    if (result == -ETIMEDOUT || result == -ECANCELED) {
        *failure = (struct failure){.code = (int)result, .phase = op->kind->name};
    } else if (result != -EAGAIN) {
        failure_hand_on(failure, failure, (int)result, op->kind->name, NULL);
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
    int64_t result = op->uninterruptible ? 0 : op_enter(sched, op);
    if (result == 0) {
        result = op_attempt(op);
        if (result == -EAGAIN) {
            result = op_wait(sched, op);
        }
    }
    if (sched->engine->outcome != NULL) {
        sched->engine->outcome(sched, op, result);
    }
    if (__builtin_expect(result < 0, 0)) {
        op_tell_failure(op, result);
    }
    return result;
}

int op_checkpoint(const struct op_kind *kind) {
    struct sched *sched = sched_here();
    if (sched == NULL) {
        return sched_missing();
    }
    struct op op = {.kind = kind, .task = sched->running};
    return op_enter(sched, &op);
}

void op_wake(struct op *op) {
    if (op->task->waiting != op) {
        op = op->leader;
        if (op == NULL || op->task->waiting != op) {
            return;
        }
    }
    op->woken = true;
    if (op->task->parked) {
        task_make_ready(op->task);
    }
}

void op_finish_long(struct op *op, int64_t result) {
    op->completed = true;
    op->result = result;
    if (op->leader != NULL) {
        select_claim(op);
    } else {
        op_wake(op);
    }
}

void op_complete(struct op *op, int64_t result) {
    op_finish(op, result);
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

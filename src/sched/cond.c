/* The condition. Its wait begins in one step with the unlocking, so no signal is lost, and a signal that arrives together with
 * a cancellation is not lost either: it counts as received. */
#include "base/failure.h"
#include "sched/lock.h"

struct cond {
    struct gate gate;
    struct op_queue waiters;
};

_Static_assert(sizeof(struct cond) <= sizeof(wharf_cond), "struct cond outgrew its public storage");

struct cond_op {
    struct op op;
    struct cond *cond;
    wharf_mutex *mutex;
    struct hold *hold; /* of the mutex, once it has been unlocked */
};

static struct cond *cond_of(wharf_cond *storage) {
    return (struct cond *)(void *)storage;
}

static int cond_start(struct op *op) {
    struct cond_op *wait = (struct cond_op *)op;
    int rc = gate_enter(&wait->cond->gate, op->task->sched);
    if (rc < 0) {
        return rc;
    }
    op_queue_push(&wait->cond->waiters, op);
    wait->hold = mutex_lend(wait->mutex, op->task);
    return 0;
}

static void cond_cancel(struct op *op) {
    struct cond *cond = ((struct cond_op *)op)->cond;
    if (op->queue != NULL) {
        op_queue_remove(op);
        gate_leave(&cond->gate, cond->waiters.first != NULL);
    }
}

static const struct op_kind cond_kind = {.name = "condition", .start = cond_start, .cancel = cond_cancel};

int wharf_cond_wait(wharf_cond *cond, wharf_mutex *mutex) {
    struct sched *sched = sched_current();
    if (sched == NULL) {
        return sched_missing();
    }
    if (!mutex_is_mine(mutex, sched->running)) {
        return fail(-EPERM, "condition", NULL, "this task does not hold the mutex");
    }
    struct cond_op op = {.op = {.kind = &cond_kind, .internal = true}, .cond = cond_of(cond), .mutex = mutex};
    int rc = (int)op_await(&op.op);
    if (op.hold == NULL) {
        return rc;
    }
    int locked = mutex_lock_again(mutex, op.hold);
    if (locked < 0) {
        hold_free(sched, op.hold);
        return locked;
    }
    return rc;
}

static int cond_wake(wharf_cond *storage, bool all) {
    struct cond *cond = cond_of(storage);
    int rc = 0;
    if (gate_enter_current(&cond->gate, &rc) == NULL) {
        return rc;
    }
    if (all) {
        op_queue_complete_all(&cond->waiters, 0);
    } else if (cond->waiters.first != NULL) {
        op_complete(op_queue_pop(&cond->waiters), 0);
    }
    gate_leave(&cond->gate, cond->waiters.first != NULL);
    return 0;
}

int wharf_cond_signal(wharf_cond *cond) {
    return cond_wake(cond, false);
}

int wharf_cond_broadcast(wharf_cond *cond) {
    return cond_wake(cond, true);
}

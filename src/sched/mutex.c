/* The mutex: a holder and a queue. */
#include "base/failure.h"
#include "sched/lock.h"

struct mutex {
    struct gate gate;
    struct task *owner; /* NULL: free */
    struct op_queue waiters;
};

_Static_assert(sizeof(struct mutex) <= sizeof(wharf_mutex), "struct mutex outgrew its public storage");

struct mutex_op {
    struct op op;
    struct mutex *mutex;
    struct hold *hold;
};

static struct mutex *mutex_of(const wharf_mutex *storage) {
    return (struct mutex *)(uintptr_t)storage;
}

/* To the longest waiter, which is the owner from here on. */
static void mutex_hand_on(struct mutex *mutex) {
    struct op *next = op_queue_pop(&mutex->waiters);
    mutex->owner = next != NULL ? next->task : NULL;
    if (next != NULL) {
        hold_attach(next->task, ((struct mutex_op *)next)->hold);
        op_complete(next, 0);
    }
    gate_leave(&mutex->gate, next != NULL);
}

static void mutex_release(struct hold *hold) {
    mutex_hand_on(hold->lock);
}

static const struct hold_kind mutex_hold = {"a mutex", mutex_release};

static int64_t lock_attempt(struct op *op) {
    struct mutex_op *lock = (struct mutex_op *)op;
    struct mutex *mutex = lock->mutex;
    int rc = gate_enter(&mutex->gate, op->task->sched);
    if (rc < 0) {
        return rc;
    }
    if (mutex->owner != NULL) {
        return -EAGAIN;
    }
    mutex->owner = op->task;
    hold_attach(op->task, lock->hold);
    return 0;
}

static int lock_start(struct op *op) {
    op_queue_push(&((struct mutex_op *)op)->mutex->waiters, op);
    return 0;
}

static const struct op_kind lock_kind = {
    .name = "mutex", .attempt = lock_attempt, .start = lock_start, .cancel = op_queue_remove};

/* op: of this task, its flags set. */
static int mutex_lock(struct mutex_op *op, bool wait) {
    struct sched *sched = sched_current();
    if (sched == NULL) {
        return sched_missing();
    }
    if (hold_find(sched->running, op->mutex) != NULL) {
        return fail(-EDEADLK, "lock", NULL, "this task holds the mutex already");
    }
    op->hold = hold_new(sched, &mutex_hold, op->mutex);
    if (op->hold == NULL) {
        return -ENOMEM;
    }
    op->op.kind = &lock_kind;
    op->op.internal = true;
    op->op.task = sched->running;
    int rc = (int)(wait ? op_await(&op->op) : lock_attempt(&op->op));
    if (rc < 0) {
        hold_free(sched, op->hold);
    }
    return rc;
}

int wharf_mutex_lock(wharf_mutex *mutex) {
    struct mutex_op op = {.mutex = mutex_of(mutex)};
    return mutex_lock(&op, true);
}

int wharf_mutex_try_lock(wharf_mutex *mutex) {
    struct mutex_op op = {.mutex = mutex_of(mutex)};
    return mutex_lock(&op, false);
}

int wharf_mutex_unlock(wharf_mutex *storage) {
    struct mutex *mutex = mutex_of(storage);
    int rc = 0;
    struct sched *sched = gate_enter_current(&mutex->gate, &rc);
    if (sched == NULL) {
        return rc;
    }
    if (mutex->owner != sched->running) {
        gate_leave(&mutex->gate, mutex->owner != NULL);
        return fail(-EPERM, "unlock", NULL, "this task does not hold the mutex");
    }
    hold_free(sched, mutex_lend(storage, sched->running));
    return 0;
}

const struct task *mutex_holder(const struct op *op) {
    return op->kind == &lock_kind ? ((const struct mutex_op *)op)->mutex->owner : NULL;
}

bool mutex_is_mine(const wharf_mutex *storage, const struct task *task) {
    const struct mutex *mutex = mutex_of(storage);
    /* Only the core that uses it may look at the owner. */
    return atomic_load_explicit(&mutex->gate.number, memory_order_acquire) == task->sched->number &&
           mutex->owner == task;
}

struct hold *mutex_lend(wharf_mutex *storage, struct task *task) {
    struct mutex *mutex = mutex_of(storage);
    struct hold *hold = hold_find(task, mutex);
    hold_detach(task, hold);
    mutex_hand_on(mutex);
    return hold;
}

int mutex_lock_again(wharf_mutex *storage, struct hold *hold) {
    struct mutex_op op = {.op.kind = &lock_kind, .mutex = mutex_of(storage), .hold = hold};
    op.op.internal = true;
    op.op.uninterruptible = true;
    return (int)op_await(&op.op);
}

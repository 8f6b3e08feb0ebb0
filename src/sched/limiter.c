/* Permits: the semaphore, where they belong to nobody, and the limiter, where they belong to the task that acquired them. Who
 * asks first is served first, a large wish too: small ones behind it wait. */
#include "base/failure.h"
#include "sched/lock.h"

struct permits {
    struct gate gate;
    int64_t capacity; /* of a limiter; 0: a semaphore */
    int64_t free;
    struct op_queue waiters;
};

_Static_assert(sizeof(struct permits) <= sizeof(wharf_limiter), "struct permits outgrew its public storage");
_Static_assert(sizeof(wharf_limiter) == sizeof(wharf_semaphore), "both are struct permits");

struct permits_op {
    struct op op;
    struct permits *permits;
    struct hold *hold; /* of a limiter: new ones, or what the task has already */
    int64_t k;
};

/* A semaphore is in use while somebody waits: its permits may go from core to core with its memory. */
static void leave(struct permits *permits) {
    gate_leave(&permits->gate, permits->waiters.first != NULL || permits->free < permits->capacity);
}

static void take(struct permits_op *op) {
    op->permits->free -= op->k;
    if (op->hold == NULL) {
        return;
    }
    struct hold *has = hold_find(op->op.task, op->permits);
    if (has == NULL) {
        hold_attach(op->op.task, op->hold);
        has = op->hold;
    }
    has->count += op->k;
}

static void grant_waiters(struct permits *permits) {
    struct op *first = permits->waiters.first;
    while (first != NULL && ((struct permits_op *)first)->k <= permits->free) {
        op_queue_remove(first);
        take((struct permits_op *)first);
        op_complete(first, 0);
        first = permits->waiters.first;
    }
}

static int64_t acquire_attempt(struct op *op) {
    struct permits_op *acquire = (struct permits_op *)op;
    struct permits *permits = acquire->permits;
    int rc = gate_enter(&permits->gate, op->task->sched);
    if (rc < 0) {
        return rc;
    }
    if (permits->waiters.first != NULL || acquire->k > permits->free) {
        leave(permits);
        return -EAGAIN;
    }
    take(acquire);
    leave(permits);
    return 0;
}

static int acquire_start(struct op *op) {
    struct permits *permits = ((struct permits_op *)op)->permits;
    int rc = gate_enter(&permits->gate, op->task->sched);
    if (rc == 0) {
        op_queue_push(&permits->waiters, op);
    }
    return rc;
}

/* The first one may have held up smaller wishes behind it. */
static void acquire_cancel(struct op *op) {
    struct permits *permits = ((struct permits_op *)op)->permits;
    if (op->queue != NULL) {
        op_queue_remove(op);
        grant_waiters(permits);
        leave(permits);
    }
}

static const struct op_kind semaphore_kind = {
    .name = "semaphore", .attempt = acquire_attempt, .start = acquire_start, .cancel = acquire_cancel};
static const struct op_kind limiter_kind = {
    .name = "limiter", .attempt = acquire_attempt, .start = acquire_start, .cancel = acquire_cancel};

static int release(struct permits *permits, int64_t k) {
    int64_t free = 0;
    if (__builtin_add_overflow(permits->free, k, &free)) {
        return -EOVERFLOW;
    }
    permits->free = free;
    grant_waiters(permits);
    leave(permits);
    return 0;
}

/* ---- semaphores ---- */

static struct permits *semaphore_of(wharf_semaphore *storage) {
    return (struct permits *)(void *)storage;
}

int wharf_semaphore_init(wharf_semaphore *semaphore, int64_t permits) {
    if (permits < 0) {
        return -EINVAL;
    }
    *semaphore_of(semaphore) = (struct permits){.free = permits};
    return 0;
}

int wharf_semaphore_acquire(wharf_semaphore *semaphore, int64_t k) {
    struct permits_op op = {
        .op = {.kind = &semaphore_kind, .internal = true}, .permits = semaphore_of(semaphore), .k = k};
    return k < 1 ? -EINVAL : (int)op_await(&op.op);
}

int wharf_semaphore_try_acquire(wharf_semaphore *semaphore, int64_t k) {
    struct permits_op op = {.op.task = task_current(), .permits = semaphore_of(semaphore), .k = k};
    if (op.op.task == NULL) {
        return sched_missing();
    }
    return k < 1 ? -EINVAL : (int)acquire_attempt(&op.op);
}

int wharf_semaphore_release(wharf_semaphore *semaphore, int64_t k) {
    struct permits *permits = semaphore_of(semaphore);
    int rc = k < 1 ? -EINVAL : 0;
    if (rc < 0 || gate_enter_current(&permits->gate, &rc) == NULL) {
        return rc;
    }
    return release(permits, k);
}

/* ---- limiters ---- */

static struct permits *limiter_of(wharf_limiter *storage) {
    return (struct permits *)(void *)storage;
}

static void limiter_release(struct hold *hold) {
    (void)release(hold->lock, hold->count);
}

static const struct hold_kind limiter_hold = {"permits of a limiter", limiter_release};

int wharf_limiter_init(wharf_limiter *limiter, int64_t capacity) {
    if (capacity < 1) {
        return -EINVAL;
    }
    *limiter_of(limiter) = (struct permits){.capacity = capacity, .free = capacity};
    return 0;
}

static int limiter_acquire(wharf_limiter *storage, int64_t k, bool wait) {
    struct permits *limiter = limiter_of(storage);
    struct sched *sched = sched_current();
    if (sched == NULL) {
        return sched_missing();
    }
    if (k < 1 || k > limiter->capacity) {
        return fail(-EINVAL, "limiter", NULL, "permits are asked for from 1 to the capacity");
    }
    struct hold *hold = hold_new(sched, &limiter_hold, limiter);
    if (hold == NULL) {
        return -ENOMEM;
    }
    struct permits_op op = {
        .op = {.kind = &limiter_kind, .internal = true}, .permits = limiter, .hold = hold, .k = k};
    op.op.task = sched->running;
    int rc = (int)(wait ? op_await(&op.op) : acquire_attempt(&op.op));
    if (rc < 0 || hold->count == 0) {
        hold_free(sched, hold);
    }
    return rc;
}

int wharf_limiter_acquire(wharf_limiter *limiter, int64_t k) {
    return limiter_acquire(limiter, k, true);
}

int wharf_limiter_try_acquire(wharf_limiter *limiter, int64_t k) {
    return limiter_acquire(limiter, k, false);
}

int wharf_limiter_release(wharf_limiter *storage, int64_t k) {
    struct permits *limiter = limiter_of(storage);
    int rc = k < 1 ? -EINVAL : 0;
    struct sched *sched = rc == 0 ? gate_enter_current(&limiter->gate, &rc) : NULL;
    if (sched == NULL) {
        return rc;
    }
    struct hold *hold = hold_find(sched->running, limiter);
    if (hold == NULL || hold->count < k) {
        leave(limiter);
        return fail(-EPERM, "limiter", NULL, "this task has %lld of the permits that it gives back",
                    hold != NULL ? (long long)hold->count : 0LL);
    }
    hold->count -= k;
    if (hold->count == 0) {
        hold_detach(sched->running, hold);
        hold_free(sched, hold);
    }
    return release(limiter, k);
}

/* The barrier: the last of its tasks to come lets all go on. One that stops waiting has not come. */
#include "sched/lock.h"

struct barrier {
    struct gate gate;
    int count; /* how many make it full; 0: not initialised */
    int waiting;
    struct op_queue waiters;
};

_Static_assert(sizeof(struct barrier) <= sizeof(wharf_barrier), "struct barrier outgrew its public storage");

struct barrier_op {
    struct op op;
    struct barrier *barrier;
};

static int64_t wait_attempt(struct op *op) {
    struct barrier *barrier = ((struct barrier_op *)op)->barrier;
    int rc = gate_enter(&barrier->gate, op->task->sched);
    if (rc == 0 && barrier->count == 0) {
        rc = -EINVAL;
    } else if (rc == 0 && barrier->waiting + 1 < barrier->count) {
        return -EAGAIN;
    }
    if (rc < 0) {
        return rc;
    }
    barrier->waiting = 0;
    op_queue_complete_all(&barrier->waiters, 0);
    gate_leave(&barrier->gate, false);
    return 1;
}

static int wait_start(struct op *op) {
    struct barrier *barrier = ((struct barrier_op *)op)->barrier;
    barrier->waiting++;
    op_queue_push(&barrier->waiters, op);
    return 0;
}

static void wait_cancel(struct op *op) {
    struct barrier *barrier = ((struct barrier_op *)op)->barrier;
    if (op->queue != NULL) {
        op_queue_remove(op);
        barrier->waiting--;
        gate_leave(&barrier->gate, barrier->waiting > 0);
    }
}

static const struct op_kind wait_kind = {
    .name = "barrier", .attempt = wait_attempt, .start = wait_start, .cancel = wait_cancel};

int wharf_barrier_init(wharf_barrier *barrier, int count) {
    if (count < 1) {
        return -EINVAL;
    }
    *(struct barrier *)(void *)barrier = (struct barrier){.count = count};
    return 0;
}

int wharf_barrier_wait(wharf_barrier *barrier) {
    struct barrier_op op = {.op = {.kind = &wait_kind, .internal = true},
                            .barrier = (struct barrier *)(void *)barrier};
    return (int)op_await(&op.op);
}

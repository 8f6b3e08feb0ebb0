/* Work that is done once: by the first task that asks, while the others wait for it. When it fails, the longest waiter is the
 * next to try. */
#include "base/failure.h"
#include "sched/lock.h"

struct once {
    struct gate gate;
    bool is_done;
    struct task *runner; /* who is at it */
    struct op_queue waiters;
};

_Static_assert(sizeof(struct once) <= sizeof(wharf_once), "struct once outgrew its public storage");

struct once_op {
    struct op op;
    struct once *once;
};

enum { ONCE_RUN = 0, ONCE_DONE = 1 };

static int64_t once_attempt(struct op *op) {
    struct once *once = ((struct once_op *)op)->once;
    int rc = gate_enter(&once->gate, op->task->sched);
    if (rc < 0) {
        return rc;
    }
    if (once->is_done) {
        gate_leave(&once->gate, false);
        return ONCE_DONE;
    }
    if (once->runner != NULL) {
        return -EAGAIN;
    }
    once->runner = op->task;
    return ONCE_RUN;
}

static int once_start(struct op *op) {
    op_queue_push(&((struct once_op *)op)->once->waiters, op);
    return 0;
}

static const struct op_kind once_kind = {
    .name = "once", .attempt = once_attempt, .start = once_start, .cancel = op_queue_remove};

/* Only the core that uses it may look at the runner. */
static bool is_runner(struct once *once, const struct task *task) {
    uint32_t number = atomic_load_explicit(&once->gate.number, memory_order_acquire);
    return number == task->sched->number && once->runner == task;
}

int wharf_once_run(wharf_once *storage, wharf_fn fn, void *arg) {
    struct once *once = (struct once *)(void *)storage;
    struct task *task = task_current();
    if (task == NULL) {
        return sched_missing();
    }
    if (is_runner(once, task)) {
        return fail(-EDEADLK, "once", NULL, "asked for from inside the work itself");
    }
    struct once_op op = {.op = {.kind = &once_kind, .internal = true}, .once = once};
    int rc = (int)op_await(&op.op);
    if (rc != ONCE_RUN) {
        return rc < 0 ? rc : 0;
    }
    rc = fn(arg);
    if (rc >= 0) {
        once->is_done = true;
        once->runner = NULL;
        op_queue_complete_all(&once->waiters, ONCE_DONE);
    } else {
        struct op *next = op_queue_pop(&once->waiters);
        once->runner = next != NULL ? next->task : NULL;
        if (next != NULL) {
            op_complete(next, ONCE_RUN);
        }
    }
    gate_leave(&once->gate, once->runner != NULL);
    return rc;
}

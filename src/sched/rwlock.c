/* The readers-writer lock, by phases: readers that come while a writer waits wait behind it, and a writer that leaves lets in
 * all readers that wait by then before the next writer. Neither side can starve the other. */
#include "base/failure.h"
#include "sched/lock.h"

struct rwlock {
    struct gate gate;
    int64_t readers; /* inside */
    bool is_written; /* a writer is inside */
    struct op_queue waiting_readers, waiting_writers;
};

_Static_assert(sizeof(struct rwlock) <= sizeof(wharf_rwlock), "struct rwlock outgrew its public storage");

struct rwlock_op {
    struct op op;
    struct rwlock *lock;
    struct hold *hold;
};

static struct rwlock *rwlock_of(wharf_rwlock *storage) {
    return (struct rwlock *)(void *)storage;
}

static bool is_held(const struct rwlock *lock) {
    return lock->is_written || lock->readers > 0;
}

static void grant(struct op *op) {
    hold_attach(op->task, ((struct rwlock_op *)op)->hold);
    op_complete(op, 0);
}

static void admit_readers(struct rwlock *lock) {
    for (struct op *op = op_queue_pop(&lock->waiting_readers); op != NULL;
         op = op_queue_pop(&lock->waiting_readers)) {
        lock->readers++;
        grant(op);
    }
}

static void admit_writer(struct rwlock *lock) {
    struct op *op = is_held(lock) ? NULL : op_queue_pop(&lock->waiting_writers);
    if (op != NULL) {
        lock->is_written = true;
        grant(op);
    }
}

static void writer_left(struct rwlock *lock) {
    lock->is_written = false;
    admit_readers(lock);
    admit_writer(lock);
    gate_leave(&lock->gate, is_held(lock));
}

static void reader_left(struct rwlock *lock) {
    lock->readers--;
    admit_writer(lock);
    gate_leave(&lock->gate, is_held(lock));
}

static void write_release(struct hold *hold) {
    writer_left(hold->lock);
}

static void read_release(struct hold *hold) {
    reader_left(hold->lock);
}

static const struct hold_kind write_hold = {"a lock for writing", write_release};
static const struct hold_kind read_hold = {"a lock for reading", read_release};

static int64_t read_attempt(struct op *op) {
    struct rwlock_op *read = (struct rwlock_op *)op;
    struct rwlock *lock = read->lock;
    int rc = gate_enter(&lock->gate, op->task->sched);
    if (rc < 0) {
        return rc;
    }
    if (lock->is_written || lock->waiting_writers.first != NULL) {
        return -EAGAIN;
    }
    lock->readers++;
    hold_attach(op->task, read->hold);
    return 0;
}

static int64_t write_attempt(struct op *op) {
    struct rwlock_op *write = (struct rwlock_op *)op;
    struct rwlock *lock = write->lock;
    int rc = gate_enter(&lock->gate, op->task->sched);
    if (rc < 0) {
        return rc;
    }
    if (is_held(lock)) {
        return -EAGAIN;
    }
    lock->is_written = true;
    hold_attach(op->task, write->hold);
    return 0;
}

static int read_start(struct op *op) {
    op_queue_push(&((struct rwlock_op *)op)->lock->waiting_readers, op);
    return 0;
}

static int write_start(struct op *op) {
    op_queue_push(&((struct rwlock_op *)op)->lock->waiting_writers, op);
    return 0;
}

/* A writer that gives up may have been all that readers waited for. */
static void write_cancel(struct op *op) {
    struct rwlock *lock = ((struct rwlock_op *)op)->lock;
    if (op->queue == NULL) {
        return;
    }
    op_queue_remove(op);
    if (!lock->is_written && lock->waiting_writers.first == NULL) {
        admit_readers(lock);
    }
}

static const struct op_kind read_kind = {
    .name = "read lock", .attempt = read_attempt, .start = read_start, .cancel = op_queue_remove};
static const struct op_kind write_kind = {
    .name = "write lock", .attempt = write_attempt, .start = write_start, .cancel = write_cancel};

static int rwlock_lock(struct rwlock *lock, const struct op_kind *kind, const struct hold_kind *hold_kind) {
    struct sched *sched = sched_current();
    if (sched == NULL) {
        return sched_missing();
    }
    if (hold_find(sched->running, lock) != NULL) {
        return fail(-EDEADLK, "lock", NULL, "this task holds the lock already");
    }
    struct hold *hold = hold_new(sched, hold_kind, lock);
    if (hold == NULL) {
        return -ENOMEM;
    }
    struct rwlock_op op = {.op = {.kind = kind, .internal = true}, .lock = lock, .hold = hold};
    int rc = (int)op_await(&op.op);
    if (rc < 0) {
        hold_free(sched, hold);
    }
    return rc;
}

int wharf_rwlock_read(wharf_rwlock *rwlock) {
    return rwlock_lock(rwlock_of(rwlock), &read_kind, &read_hold);
}

int wharf_rwlock_write(wharf_rwlock *rwlock) {
    return rwlock_lock(rwlock_of(rwlock), &write_kind, &write_hold);
}

int wharf_rwlock_unlock(wharf_rwlock *rwlock) {
    struct rwlock *lock = rwlock_of(rwlock);
    int rc = 0;
    struct sched *sched = gate_enter_current(&lock->gate, &rc);
    if (sched == NULL) {
        return rc;
    }
    struct hold *hold = hold_find(sched->running, lock);
    if (hold == NULL) {
        gate_leave(&lock->gate, is_held(lock));
        return fail(-EPERM, "unlock", NULL, "this task does not hold the lock");
    }
    hold_detach(sched->running, hold);
    hold->kind->release(hold);
    hold_free(sched, hold);
    return 0;
}

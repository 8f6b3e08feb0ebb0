/* Joining tasks, and what else is done to a task by its handle. */
#include "sched/join.h"

#include "base/memory.h"

struct join_record *join_grow(struct sched *sched) {
    uint32_t slot = 0;
    if (table_take(&sched->joins, &slot) < 0) {
        return NULL;
    }
    struct join_record *join = table_at(&sched->joins, slot);
    join->slot = slot;
    return join;
}

/* Without memory only name and number are kept. */
void join_failed(struct join_record *join, int result) {
    const struct task *task = join->task;
    if (join->joiner != NULL) {
        failure_hand_on(&join->joiner->task->failure, &task->failure, result, "task", task->name);
        return;
    }
    join->name = task->name;
    join->failure = task->failure.code == result ? mem_alloc(sizeof *join->failure) : NULL;
    if (join->failure != NULL) {
        *join->failure = task->failure;
    }
}

/* Gives the result of a task that has ended before it was joined. */
__attribute__((noinline)) static int join_ended(struct sched *sched, struct join_record *join, int *result) {
    static const struct failure silent;
    if (join->result < 0) {
        const struct failure *said = join->failure != NULL ? join->failure : &silent;
        failure_hand_on(&sched->running->failure, said, join->result, "task", join->name);
    }
    if (result != NULL) {
        *result = join->result;
    }
    join_free(sched, join);
    return 0;
}

void join_failure_free(struct join_record *join) {
    mem_free(join->failure);
    join->failure = NULL;
}

void scope_joins_free(struct sched *sched, struct scope *scope) {
    while (scope->joins != NULL) {
        join_free(sched, scope->joins);
    }
}

/* For a handle that is no task's: how it came to be so. */
COLD static int join_stale(int code) {
    return fail(code, "task", NULL, "%s",
                code == -EXDEV    ? "it belongs to another core"
                : code == -EINVAL ? "it was joined before, or its scope has ended"
                                  : "there is no such task, or not any more");
}

/* stale: the error for a task that was joined before, or whose scope has ended. */
static struct join_record *join_find(struct sched *sched, wharf_task task, int stale, int *ret_error) {
    uint32_t slot = 0, generation = 0;
    int rc = handle_split(sched, task.id, -ESRCH, &slot, &generation);
    if (__builtin_expect(rc < 0, 0)) {
        *ret_error = task.id < 0 ? rc : join_stale(rc);
        return NULL;
    }
    struct join_record *join = table_has(&sched->joins, slot) ? table_at(&sched->joins, slot) : NULL;
    if (__builtin_expect(join == NULL || !join->used || join->generation != generation, 0)) {
        *ret_error = join_stale(join != NULL && generation != 0 ? stale : -ESRCH);
        return NULL;
    }
    return join;
}

/* The handle is looked up here and not before: while the task gave way, somebody else may have joined. */
static int64_t join_attempt(struct op *op) {
    struct join_op *joining = (struct join_op *)op;
    struct sched *sched = op->task->sched;
    if (joining->join != NULL) {
        return -EAGAIN; /* the task's end completes it */
    }
    int rc = 0;
    struct join_record *join = join_find(sched, joining->task, -EINVAL, &rc);
    if (join == NULL) {
        return rc;
    }
    if (join->task == op->task) {
        return fail(-EDEADLK, "join", NULL, "a task cannot wait for its own end");
    }
    if (join->joiner != NULL) {
        return fail(-EINVAL, "join", NULL, "another task waits for it already");
    }
    joining->join = join;
    if (join->task != NULL) {
        return -EAGAIN;
    }
    return join_ended(sched, join, joining->ret_result);
}

static int join_start(struct op *op) {
    ((struct join_op *)op)->join->joiner = op;
    return 0;
}

/* A completed one's record is somebody else's by now. */
static void join_cancel(struct op *op) {
    if (!op->completed) {
        ((struct join_op *)op)->join->joiner = NULL;
    }
}

static const struct op_kind join_kind = {"join", join_attempt, join_start, join_cancel};

__attribute__((noinline)) static int join_await(wharf_task task, int *result) {
    struct join_op op;
    op_init(&op.op, &join_kind);
    op.op.internal = true;
    op.task = task;
    op.join = NULL;
    op.ret_result = result;
    return (int)op_await(&op.op);
}

int wharf_join(wharf_task task, int *result) {
    struct sched *sched = sched_of_thread;
    int rc = 0;
    struct join_record *join = op_is_plain(sched) ? join_find(sched, task, -EINVAL, &rc) : NULL;
    bool alone = join != NULL && join->task != sched->running && join->joiner == NULL;
    if (__builtin_expect(!alone, 0)) {
        return join_await(task, result);
    }
    if (join->task == NULL) {
        return join_ended(sched, join, result);
    }
    struct join_op *op = &op_brief(sched, &join_kind)->join;
    op->join = join;
    op->ret_result = result;
    join->joiner = &op->op;
    return op_brief_wait(sched);
}

struct task *task_find(wharf_task handle, int *ret_error) {
    struct sched *sched = sched_here();
    int rc = sched == NULL ? sched_missing() : 0;
    const struct join_record *join = rc == 0 ? join_find(sched, handle, -ESRCH, &rc) : NULL;
    if (join == NULL || join->task == NULL) {
        *ret_error = rc < 0 ? rc : -ESRCH;
        return NULL;
    }
    return join->task;
}

int wharf_cancel(wharf_task task) {
    struct sched *sched = sched_here();
    if (sched == NULL) {
        return sched_missing();
    }
    int rc = 0;
    struct join_record *join = join_find(sched, task, -ESRCH, &rc);
    if (join == NULL) {
        return rc;
    }
    if (join->task != NULL) {
        scope_cancel(&join->task->base);
    }
    return 0;
}

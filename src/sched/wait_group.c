/* The wait group: a count, and whoever waits for it to be 0. */
#include "base/failure.h"
#include "sched/lock.h"

struct wait_group {
    struct gate gate;
    int64_t count;
    struct op_queue waiters;
};

_Static_assert(sizeof(struct wait_group) <= sizeof(wharf_wait_group),
               "struct wait_group outgrew its storage");

struct group_op {
    struct op op;
    struct wait_group *group;
};

static struct wait_group *group_of(wharf_wait_group *storage) {
    return (struct wait_group *)(void *)storage;
}

static void leave(struct wait_group *group) {
    gate_leave(&group->gate, group->count > 0 || group->waiters.first != NULL);
}

static int64_t wait_attempt(struct op *op) {
    struct wait_group *group = ((struct group_op *)op)->group;
    int rc = gate_enter(&group->gate, op->task->sched);
    if (rc < 0) {
        return rc;
    }
    leave(group);
    return group->count == 0 ? 0 : -EAGAIN;
}

static int wait_start(struct op *op) {
    op_queue_push(&((struct group_op *)op)->group->waiters, op);
    return 0;
}

static const struct op_kind wait_kind = {
    .name = "wait group", .attempt = wait_attempt, .start = wait_start, .cancel = op_queue_remove};

int wharf_wait_group_wait(wharf_wait_group *group) {
    struct group_op op = {.op = {.kind = &wait_kind, .internal = true}, .group = group_of(group)};
    return (int)op_await(&op.op);
}

int wharf_wait_group_add(wharf_wait_group *storage, int64_t n) {
    struct wait_group *group = group_of(storage);
    int rc = 0;
    if (gate_enter_current(&group->gate, &rc) == NULL) {
        return rc;
    }
    int64_t count = 0;
    if (__builtin_add_overflow(group->count, n, &count) || count < 0) {
        leave(group);
        return fail(-EINVAL, "wait group", NULL, "the count would be below 0 or too large");
    }
    group->count = count;
    if (count == 0) {
        op_queue_complete_all(&group->waiters, 0);
    }
    leave(group);
    return 0;
}

int wharf_wait_group_done(wharf_wait_group *group) {
    return wharf_wait_group_add(group, -1);
}

/* Scopes: a tree of deadlines and cancellation, each owning the tasks started in it. See task.h for the drawing. */
#include <errno.h>

#include "base/failure.h"
#include "sched/internal.h"

_Static_assert(sizeof(struct scope) <= sizeof(wharf_scope), "struct scope outgrew its public storage");

const struct scope scope_fresh = {.deadline = TIMER_NEVER, .open = true};

void scope_unlink(struct scope *scope) {
    if (scope->prev != NULL) {
        scope->prev->next = scope->next;
    } else if (scope->parent != NULL) {
        scope->parent->children = scope->next;
    }
    if (scope->next != NULL) {
        scope->next->prev = scope->prev;
    }
    scope->open = false;
}

/* Marks one scope; whoever waits in it is told. False when there is nothing more to do below it. */
static bool cancel_one(struct scope *scope) {
    if (scope->cancelled) {
        return false;
    }
    scope->cancelled = true;
    if (scope->owner != NULL && scope->owner->scope == scope) {
        task_interrupt(scope->owner, -ECANCELED);
    }
    return true;
}

/* Walks the scopes below `top` in order, without recursion; shields and what is marked already are not entered. */
void scope_cancel(struct scope *top) {
    if (!cancel_one(top)) {
        return;
    }
    struct scope *scope = top->children;
    while (scope != NULL) {
        if (!scope->shield && cancel_one(scope) && scope->children != NULL) {
            scope = scope->children;
            continue;
        }
        while (scope->next == NULL && scope->parent != top) {
            scope = scope->parent;
        }
        scope = scope->next;
    }
}

void scope_task_ended(struct scope *scope, const struct task *task, int result) {
    scope->tasks--;
    if (result < 0 && scope->parent != NULL) {
        struct spawn_site site = {task->name, task->file, task->line};
        scope_fail(scope, site, &task->failure, result);
    }
    if (scope->tasks == 0 && scope->closer != NULL) {
        op_wake(scope->closer);
    }
}

void scope_expire(struct scope *scope) {
    int64_t deadline = scope->deadline;
    while (scope != NULL && scope->deadline == deadline && !scope->expired) {
        scope->expired = true;
        scope = scope->shield ? NULL : scope->parent;
    }
}

int task_check_closely(struct sched *sched, const struct task *task) {
    struct scope *scope = task->scope;
    if (scope->cancelled) {
        return -ECANCELED;
    }
    if (scope->deadline > sched->now) {
        sched_tick(sched);
    }
    if (scope->deadline > sched->now) {
        return 0;
    }
    scope_expire(scope);
    return -ETIMEDOUT;
}

/* ---- opening ---- */

static struct scope *scope_open(wharf_scope *storage, int *result) {
    struct scope *scope = scope_of(storage);
    struct task *task = task_current();
    if (result != NULL) {
        *result = 0;
    }
    if (task == NULL) {
        /* Without a scheduler nothing can run in it; closing it is harmless. */
        *scope = (struct scope){.deadline = 0, .result = result};
        if (result != NULL) {
            *result = sched_missing();
        }
        return scope;
    }
    scope_init(scope, task->scope, task);
    scope->outer = task->scope;
    scope->result = result;
    task->scope = scope;
    return scope;
}

int64_t deadline_after(int64_t now, int64_t ms) {
    if (ms < 0) {
        return ms == WHARF_OFF ? TIMER_NEVER : 0;
    }
    int64_t ns = 0;
    bool far = __builtin_mul_overflow(ms, 1000000, &ns);
    return far || ns > TIMER_NEVER - 1 - now ? TIMER_NEVER : now + ns;
}

wharf_scope *wharf_scope_open(wharf_scope *storage, int *result) {
    scope_open(storage, result);
    return storage;
}

wharf_scope *wharf_scope_open_within(wharf_scope *storage, int64_t ms) {
    struct scope *scope = scope_open(storage, NULL);
    int64_t deadline = deadline_after(sched_clock(), ms);
    if (deadline < scope->deadline) {
        scope->deadline = deadline;
    }
    return storage;
}

wharf_scope *wharf_scope_open_shield(wharf_scope *storage, int64_t ms) {
    struct scope *scope = scope_open(storage, NULL);
    scope->shield = true;
    scope->cancelled = false;
    scope->deadline = ms < 0 ? 0 : deadline_after(sched_clock(), ms);
    return storage;
}

/* ---- closing ---- */

struct close_op {
    struct op op;
    struct scope *scope;
};

static int64_t close_attempt(struct op *op) {
    return ((struct close_op *)op)->scope->tasks == 0 ? 0 : -EAGAIN;
}

static int close_start(struct op *op) {
    ((struct close_op *)op)->scope->closer = op;
    return 0;
}

static void close_cancel(struct op *op) {
    ((struct close_op *)op)->scope->closer = NULL;
}

const struct op_kind scope_wait_kind = {"scope", close_attempt, close_start, close_cancel};

static void close_await(struct scope *scope) {
    struct close_op op = {.op = {.kind = &scope_wait_kind, .internal = true}, .scope = scope};
    op.op.uninterruptible = true;
    op_await(&op.op);
}

int wharf_scope_wait(wharf_scope *storage) {
    struct close_op op = {.op = {.kind = &scope_wait_kind, .internal = true}, .scope = scope_of(storage)};
    int64_t rc = op_await(&op.op);
    struct scope *scope = op.scope;
    if (rc == -ECANCELED && scope->error != 0) {
        close_await(scope); /* its own first failure has cancelled it: the others end soon */
        rc = 0;
    }
    if (rc < 0) {
        return (int)rc;
    }
    scope_failure_tell(scope);
    return scope_result(scope);
}

/* Waits and leaves. */
static void scope_close(struct scope *scope) {
    if (scope->tasks > 0) {
        close_await(scope);
    }
    scope_joins_free(scope->owner->sched, scope);
    scope->owner->scope = scope->outer;
    scope_unlink(scope);
    if (scope->result != NULL) {
        *scope->result = scope_result(scope);
    }
}

int wharf_scope_close(wharf_scope *storage) {
    struct scope *scope = scope_of(storage);
    if (!scope->open) {
        return scope->result != NULL ? *scope->result : scope_result(scope);
    }
    scope_close(scope);
    scope_failure_tell(scope);
    scope_failures_free(scope);
    return scope_result(scope);
}

int wharf_scope_cancel(wharf_scope *storage) {
    scope_cancel(scope_of(storage));
    return 0;
}

wharf_scope *scope_open_beside(wharf_scope *storage) {
    struct scope *scope = scope_of(storage);
    struct task *task = task_current();
    scope_init(scope, &task->base, task);
    scope->outer = &task->base;
    return storage;
}

void scope_close_beside(wharf_scope *storage) {
    struct scope *scope = scope_of(storage);
    scope->outer = scope->owner->scope;
    scope_cancel(scope);
    scope_close(scope);
    scope_failures_free(scope);
}

/* Who leaves early has a reason of its own, and wharf_why() stays about that. */
void wharf_scope_abandon(wharf_scope *storage) {
    struct scope *scope = scope_of(storage);
    if (scope->open) {
        scope_cancel(scope);
        scope_close(scope);
        scope_failures_free(scope);
    }
}

wharf_scope *wharf_scope_end_(wharf_scope *storage) {
    wharf_scope_close(storage);
    return NULL;
}

void wharf_scope_leave_(wharf_scope *storage) {
    wharf_scope_abandon(storage);
}

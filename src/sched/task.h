/* Tasks and scopes from the inside: what upper layers need beyond wharf/task.h.
 *
 *      scheduler's background scope
 *       |- task A's own scope ("base": one per task)
 *       |    `- scope opened by A (innermost: A->scope)
 *       |         |- task B's base scope
 *       |         `- task C's base scope
 *       `- task D's base scope
 *
 * A scope knows its effective deadline (the nearest of its own and those outside, none past a shield) and
 * whether it is cancelled (marked downwards at the moment of cancelling, stopping at shields), so a check on
 * entry is two loads.
 */
#ifndef SCHED_TASK_H
#define SCHED_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "sched/timer.h"
#include "wharf/task.h"

struct join_record;
struct op;
struct sched;
struct task;

struct scope {
    struct scope *parent;
    struct scope *children, *next, *prev; /* scopes inside this one */
    struct task *owner;                   /* the task that opened it; NULL for the background scope */
    struct scope *outer;                  /* what owner->scope was before */
    int64_t deadline;                     /* effective; TIMER_NEVER: none */
    struct op *closer;                    /* waiting for `tasks` to become 0 */
    struct join_record *joins;            /* of joinable tasks, until joined or the scope's end */
    int *result;                          /* the caller's, may be NULL */
    int64_t tasks;                        /* alive in it */
    struct scope_failure *failures;       /* what went wrong, the first first */
    int error;                            /* of the first task that failed */
    bool open, base, shield, cancelled;
    bool expired; /* its deadline has cut something short */
};

/* The storage in wharf_scope holds a struct scope. */
static inline struct scope *scope_of(wharf_scope *storage) {
    return (struct scope *)(void *)storage;
}
void scope_cancel(struct scope *scope);
/* Opens a scope of the running task right inside its own one, however deep the task is in others: it is not the innermost
 * and binds no call of the task itself. Returns storage. */
wharf_scope *scope_open_beside(wharf_scope *storage);
/* Cancels what runs in it, waits, and closes it. Only when every scope that was opened inside its task's own is closed. */
void scope_close_beside(wharf_scope *storage);
/* `ms` milliseconds from `now` (ns); WHARF_OFF, and what is too far: TIMER_NEVER; another negative number: long past. */
int64_t deadline_after(int64_t now, int64_t ms);

/* The running task of this thread; makes the thread a scheduler when it is none. NULL only without memory. */
struct task *task_current(void);
/* The innermost scope of the running task. */
struct scope *task_scope(void);
/* The name it was started with. */
const char *task_name(const struct task *task);

/* The running task of a handle, or NULL with the error: -ESRCH once it has ended. */
struct task *task_find(wharf_task handle, int *ret_error);

/* Starts fn on a task of its own with no copy of the argument: for connection records that outlive it.
 * Current scheduler; scope NULL: background. 0, -ENOMEM, -EAGAIN, -ECANCELED. Does not suspend. */
int task_start(struct scope *scope, wharf_fn fn, void *arg, const char *name);

#endif

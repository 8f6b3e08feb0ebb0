/* What is kept of joinable tasks: alive a record points to its task, ended it holds the result, until it is joined or its scope
 * ends. Free records are kept in a list, last in first out. */
#ifndef SCHED_JOIN_H
#define SCHED_JOIN_H

#include "base/compiler.h"
#include "sched/await.h"
#include "sched/internal.h"

/* A record that was never used. NULL without memory. */
struct join_record *join_grow(struct sched *sched);

/* Makes a task joinable, and gives its handle. 0 or -ENOMEM. */
static inline int join_make(struct task *task, struct scope *scope, int64_t *ret_id) {
    struct sched *sched = task->sched;
    struct join_record *join = sched->free_joins;
    if (__builtin_expect(join != NULL, 1)) {
        sched->free_joins = join->next;
    } else {
        join = join_grow(sched);
        if (join == NULL) {
            return -ENOMEM;
        }
    }
    join->task = task;
    join->joiner = NULL;
    join->next = scope->joins;
    join->link = &scope->joins;
    join->generation = generation_next(join->generation);
    join->used = true;
    if (join->next != NULL) {
        join->next->link = &join->next;
    }
    scope->joins = join;
    task->join = join;
    *ret_id = handle_make(sched, join->slot, join->generation);
    return 0;
}

COLD void join_failure_free(struct join_record *join);

static inline void join_free(struct sched *sched, struct join_record *join) {
    *join->link = join->next;
    if (join->next != NULL) {
        join->next->link = join->link;
    }
    if (join->task != NULL) {
        join->task->join = NULL;
    }
    if (__builtin_expect(join->failure != NULL, 0)) {
        join_failure_free(join);
    }
    join->used = false;
    join->next = sched->free_joins;
    sched->free_joins = join;
}

/* The task has failed: what it would have said itself goes to whoever waits for it, or is kept. */
COLD void join_failed(struct join_record *join, int result);

/* The task has ended: its result goes to whoever waits for it, or is kept until somebody asks. */
static inline void join_end(struct sched *sched, struct join_record *join, int result) {
    if (__builtin_expect(result < 0, 0)) {
        join_failed(join, result);
    }
    join->task->join = NULL;
    join->task = NULL;
    join->result = result;
    if (join->joiner != NULL) {
        const struct join_op *joiner = (struct join_op *)join->joiner;
        if (joiner->ret_result != NULL) {
            *joiner->ret_result = result;
        }
        op_finish(join->joiner, 0);
        join_free(sched, join);
    }
}

#endif

/* Which task holds which locks: what tells a stranger's unlock, a double release and a recursive lock from the real thing,
 * and what is left when a task ends without unlocking. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/report.h"
#include "sched/lock.h"

struct hold *hold_new(struct sched *sched, const struct hold_kind *kind, void *lock) {
    struct hold *hold = sched->free_holds;
    if (hold != NULL) {
        sched->free_holds = hold->next;
    } else {
        hold = mem_alloc(sizeof *hold);
    }
    if (hold != NULL) {
        *hold = (struct hold){.kind = kind, .lock = lock};
    }
    return hold;
}

void hold_free(struct sched *sched, struct hold *hold) {
    hold->next = sched->free_holds;
    sched->free_holds = hold;
}

void hold_attach(struct task *task, struct hold *hold) {
    hold->next = task->holds;
    task->holds = hold;
}

void hold_detach(struct task *task, struct hold *hold) {
    struct hold **link = &task->holds;
    while (*link != hold) {
        link = &(*link)->next;
    }
    *link = hold->next;
}

struct hold *hold_find(const struct task *task, const void *lock) {
    struct hold *hold = task->holds;
    while (hold != NULL && hold->lock != lock) {
        hold = hold->next;
    }
    return hold;
}

static void report(const struct task *task, const struct hold *hold) {
    char text[512];
    int len = snprintf(text, sizeof text, "wharf: task \"%s\" (started at %s:%d) ended and still held %s",
                       task->name, task->file != NULL ? task->file : "?", task->line, hold->kind->name);
    size_t size = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    report_write(REPORT_ERROR, text, size);
}

/* A lock among the locals of the task itself is gone already. */
static bool is_on_stack(const struct task *task, const void *lock) {
    uintptr_t at = (uintptr_t)lock;
    uintptr_t bottom = (uintptr_t)task->stack_bottom;
    return bottom != 0 && at >= bottom && at < bottom + task->stack_size;
}

void holds_end(struct task *task) {
    while (task->holds != NULL) {
        struct hold *hold = task->holds;
        task->holds = hold->next;
        report(task, hold);
        if (!is_on_stack(task, hold->lock)) {
            hold->kind->release(hold);
        }
        hold_free(task->sched, hold);
    }
}

void holds_free(struct sched *sched) {
    struct hold *lists[] = {sched->free_holds, sched->main.holds};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (struct hold *hold = lists[i]; hold != NULL;) {
            struct hold *next = hold->next;
            mem_free(hold);
            hold = next;
        }
    }
}

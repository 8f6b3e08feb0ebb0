/* Deadlocks: every task of a scheduler waits for another one of it, and nothing outside can wake one.
 *
 * Looked for only when nothing is ready and no timer runs, and never suspected wrongly: a task that waits for anything but
 * another task, a descriptor that somebody waits for or watches, a watched signal and another core of wharf_run() all mean
 * that something may still come. What the last look found alive is asked first, so a server's look before each sleep is a
 * few loads; and all tasks are looked at ten times a second at most.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failure.h"
#include "base/report.h"
#include "sched/internal.h"
#include "sched/lock.h"
#include "wharf/sync.h"

enum { LOOK_NS = 100 * 1000 * 1000, MILLISECOND_NS = 1000 * 1000, TASKS_SHOWN = 100, LINE_SIZE = 512 };

/* ---- what to do about one ---- */

static _Atomic int chosen = WHARF_DEADLOCK_ABORT;

/* What the environment says, or -1. */
static int environment_action(void) {
    const char *text = getenv("WHARF_DEADLOCK");
    if (text == NULL) {
        return -1;
    }
    if (strcmp(text, "off") == 0) {
        return WHARF_DEADLOCK_IGNORE;
    }
    if (strcmp(text, "report") == 0) {
        return WHARF_DEADLOCK_REPORT;
    }
    return strcmp(text, "abort") == 0 ? WHARF_DEADLOCK_ABORT : -1;
}

int wharf_deadlock(wharf_deadlock_action action) {
    if (action != WHARF_DEADLOCK_ABORT && action != WHARF_DEADLOCK_REPORT &&
        action != WHARF_DEADLOCK_IGNORE) {
        return fail(-EINVAL, "deadlock", NULL, "no such action");
    }
    atomic_store(&chosen, (int)action);
    return 0;
}

/* ---- the tasks of a scheduler ---- */

/* The scope after this one, from the outside in: below the first task's, then below the background. */
static const struct scope *scope_after(const struct sched *sched, const struct scope *scope) {
    if (scope->children != NULL) {
        return scope->children;
    }
    while (scope->next == NULL) {
        if (scope->parent == NULL) {
            return scope == &sched->main.base ? &sched->background : NULL;
        }
        scope = scope->parent;
    }
    return scope->next;
}

const struct task *task_next(const struct sched *sched, const struct task *task) {
    if (task == NULL) {
        return &sched->main;
    }
    const struct scope *scope = scope_after(sched, &task->base);
    while (scope != NULL && !scope->base) {
        scope = scope_after(sched, scope);
    }
    return scope != NULL ? scope->owner : NULL;
}

/* ---- whether something may still come ---- */

static bool is_alive(const struct task *task) {
    return task->waiting == NULL || !task->waiting->internal;
}

static bool is_io_alive(struct sched *sched, uint32_t slot) {
    const struct io *io = table_at(&sched->ios, slot);
    bool waited_for = io->readers.first != NULL || io->writers.first != NULL;
    return io->fd >= 0 && (waited_for || io->watch != NULL || io->hangup != NULL);
}

static bool any_io_alive(struct sched *sched) {
    struct deadlock_watch *watch = &sched->watch;
    if (sched->ios.used == 0) {
        return false;
    }
    uint32_t slots = sched->ios.page_count * sched->ios.page_records;
    if (watch->alive_slot < slots && is_io_alive(sched, watch->alive_slot)) {
        return true;
    }
    for (uint32_t slot = 0; slot < slots; slot++) {
        if (is_io_alive(sched, slot)) {
            watch->alive_slot = slot;
            return true;
        }
    }
    return false;
}

static bool any_task_alive(const struct sched *sched) {
    for (const struct task *task = task_next(sched, NULL); task != NULL; task = task_next(sched, task)) {
        if (is_alive(task)) {
            return true;
        }
    }
    return false;
}

/* ---- the report ---- */

static void write_text(const char *text, int len) {
    size_t size = (size_t)len < LINE_SIZE ? (size_t)len : LINE_SIZE - 1;
    report_write(REPORT_ERROR, text, size > 0 ? size - 1 : 0); /* without the line's end */
}

static void write_task(const struct sched *sched, const struct task *task) {
    char line[LINE_SIZE];
    char where[LINE_SIZE / 2] = "";
    if (task->file != NULL) {
        (void)snprintf(where, sizeof where, " (started at %s:%d)", task->file, task->line);
    }
    long long ms = (sched->now - task->parked_at) / MILLISECOND_NS;
    char held[LINE_SIZE / 4] = "";
    const struct task *holder = mutex_holder(task->waiting);
    if (holder != NULL) {
        (void)snprintf(held, sizeof held, ", held by \"%s\"", holder->name);
    }
    int len = snprintf(line, sizeof line, "    \"%s\"%s waits for %lld ms: %s%s\n", task->name, where, ms,
                       task->waiting->kind->name, held);
    write_text(line, len);
}

static void report(const struct sched *sched) {
    char line[LINE_SIZE];
    int64_t tasks = sched->tasks_alive + 1;
    int len = snprintf(
        line, sizeof line,
        "wharf: deadlock: %lld task(s), each of which waits for another, and nothing outside can "
        "wake one\n",
        (long long)tasks);
    write_text(line, len);
    int shown = 0;
    for (const struct task *task = task_next(sched, NULL); task != NULL && shown < TASKS_SHOWN;
         task = task_next(sched, task)) {
        write_task(sched, task);
        shown++;
    }
    if (shown < tasks) {
        len = snprintf(line, sizeof line, "    and %lld more\n", (long long)(tasks - shown));
        write_text(line, len);
    }
    len = snprintf(line, sizeof line, "wharf: WHARF_DEADLOCK=off in the environment lets it wait for ever\n");
    write_text(line, len);
}

void deadlock_summary(const struct sched *sched, char *out, size_t size) {
    size_t at = 0;
    for (const struct task *task = task_next(sched, NULL); task != NULL && at < size;
         task = task_next(sched, task)) {
        const char *operation = task->waiting != NULL ? task->waiting->kind->name : "nothing";
        const char *file = task->file != NULL ? strrchr(task->file, '/') : NULL;
        file = file != NULL ? file + 1 : task->file;
        int len = file == NULL
                      ? snprintf(out + at, size - at, "%s%s: %s", at > 0 ? "; " : "", task->name, operation)
                      : snprintf(out + at, size - at, "%s%s (%s:%d): %s", at > 0 ? "; " : "", task->name,
                                 file, task->line, operation);
        at += (size_t)len;
    }
}

int64_t deadlock_watch(struct sched *sched) {
    struct deadlock_watch *watch = &sched->watch;
    bool other_cores = sched->group != NULL && group_size(sched->group) > 1;
    if (watch->reported || other_cores || is_alive(sched->running) || any_io_alive(sched) ||
        signals_watched(sched)) {
        return TIMER_NEVER;
    }
    int64_t now = sched->engine->now(sched);
    if (watch->looked_at != 0 && now - watch->looked_at < LOOK_NS) {
        return watch->looked_at + LOOK_NS;
    }
    watch->looked_at = now;
    int action = environment_action();
    action = action >= 0 ? action : atomic_load(&chosen);
    if (action == WHARF_DEADLOCK_IGNORE || any_task_alive(sched)) {
        return TIMER_NEVER;
    }
    sched->now = now;
    report(sched);
    if (action == WHARF_DEADLOCK_ABORT) {
        crash_expected();
        abort();
    }
    watch->reported = true;
    return TIMER_NEVER;
}

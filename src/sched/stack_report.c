/* High-water marks of stacks, and the warning that a task came close to the end of its own. */
#include <stdio.h>

#include "base/report.h"
#include "sched/internal.h"

/* Warned from three quarters on: the next release of a library it calls may need the rest. */
enum { WARN_NUMERATOR = 3, WARN_DENOMINATOR = 4 };

void stack_measure(struct sched *sched, const struct task *task) {
    if (task->stack == NULL) {
        return;
    }
    size_t used = stack_used(&sched->stacks, task->stack, __builtin_frame_address(0));
    if (used * WARN_DENOMINATOR < task->stack_size * WARN_NUMERATOR) {
        return;
    }
    char line[512], where[256] = "";
    if (task->file != NULL) {
        (void)snprintf(where, sizeof where, " (started at %s:%d)", task->file, task->line);
    }
    int len = snprintf(
        line, sizeof line,
        "wharf: task \"%s\"%s used %zu KiB of its stack of %zu KiB; see wharf_task_options.stack_bytes",
        task->name, where, used / 1024, (task->stack_size + 1023) / 1024);
    report_write(REPORT_WARNING, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

/* See phase.h. Deadlines are compared, not guessed: the one that lies nearest is the one that fired. */
#include "client/phase.h"

#include <errno.h>
#include <stdio.h>

#include "sched/sched.h"
#include "sched/task.h"

static const int64_t NS_PER_MS = 1000000;

void budget_start(struct budget *budget, int64_t total_ms) {
    *budget = (struct budget){.deadline = TIMER_NEVER, .ms = total_ms};
    if (total_ms >= 0) {
        budget->deadline = deadline_after(sched_clock(), total_ms);
    }
}

void phase_open(struct phase *phase, const struct budget *total, const char *limit, int64_t ms) {
    const struct scope *around = task_scope();
    phase->outside = around != NULL ? around->deadline : TIMER_NEVER;
    phase->limit = limit;
    phase->ms = ms;
    phase->deadline = TIMER_NEVER;
    if (ms < 0 && total->deadline == TIMER_NEVER) {
        (void)wharf_scope_open_within(&phase->scope, WHARF_OFF);
        return;
    }
    int64_t now = sched_clock();
    int64_t own = deadline_after(now, ms < 0 ? WHARF_OFF : ms);
    if (total->deadline < own) {
        phase->limit = "total_ms";
        phase->ms = total->ms;
        own = total->deadline;
    }
    phase->deadline = own;
    int64_t left = own > now ? own - now : 0;
    (void)wharf_scope_open_within(&phase->scope, (left + NS_PER_MS - 1) / NS_PER_MS);
}

void phase_close(struct phase *phase) {
    (void)wharf_scope_close(&phase->scope);
}

const char *phase_blame(struct phase *phase, int64_t result) {
    phase->blame[0] = '\0';
    if (result != -ETIMEDOUT) {
        return phase->blame;
    }
    if (phase->outside < phase->deadline || phase->limit == NULL) {
        (void)snprintf(phase->blame, sizeof(phase->blame), "a deadline around the request has passed");
    } else {
        (void)snprintf(phase->blame, sizeof(phase->blame), "limits.%s is %lld", phase->limit,
                       (long long)phase->ms);
    }
    return phase->blame;
}

/* The time limits of a fetch. Each step of it runs in a phase: a scope whose deadline is the nearer of the step's own
 * limit and what is left of the whole, and which knows afterwards whose fault a time-out was.
 *
 *      struct phase phase;
 *      phase_open(&phase, &total, "first_byte_ms", limits->first_byte_ms);
 *      result = ... suspend ...
 *      phase_close(&phase);
 *      if (result < 0) { ... phase_blame(&phase, result) ... }
 */
#ifndef CLIENT_PHASE_H
#define CLIENT_PHASE_H

#include <stdint.h>

#include "sched/timer.h"
#include "wharf/task.h"

/* The whole of a fetch; limits.total_ms. */
struct budget {
    int64_t deadline; /* absolute; TIMER_NEVER: none */
    int64_t ms;
};

enum { PHASE_BLAME_SIZE = 64 };

struct phase {
    wharf_scope scope;
    const char *limit; /* the setting's name within limits; NULL: only the whole counts */
    int64_t ms;
    int64_t deadline; /* by that setting */
    int64_t outside;  /* of the scopes around the fetch */
    char blame[PHASE_BLAME_SIZE];
};

/* ms: WHARF_OFF for no limit. */
void budget_start(struct budget *budget, int64_t total_ms);
void phase_open(struct phase *phase, const struct budget *total, const char *limit, int64_t ms);
void phase_close(struct phase *phase);
/* What a failure's detail should say about the time: "limits.idle_ms is 60000", or "" when `result` is no time-out. */
const char *phase_blame(struct phase *phase, int64_t result);

#endif

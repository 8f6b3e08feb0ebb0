/* Tickers: a grid of points in time, and what becomes of those that were missed.
 *
 *      ticks        |     |     |     |     |        asked again only after the third
 *      SKIP         1                 3     4        on the grid, what was missed is counted
 *      BURST        1              1 1 1    1        each one, late ones at once
 *      DELAY        1                 3       1      a new grid from the late tick on
 */
#include "sched/ticker.h"

#include <errno.h>

#include "base/failure.h"
#include "sched/internal.h"

enum { MILLISECOND_NS = 1000 * 1000 };

struct ticker {
    int64_t next;   /* absolute, ns */
    int64_t period; /* ns; 0: never set going */
    int64_t missed; /* enum wharf_missed_ticks */
};

_Static_assert(sizeof(struct ticker) <= sizeof(wharf_ticker), "struct ticker outgrew its public storage");

static struct ticker *ticker_of(const wharf_ticker *storage) {
    return (struct ticker *)(uintptr_t)storage;
}

int wharf_ticker_init(wharf_ticker *storage, int64_t period_ms, wharf_missed_ticks missed) {
    int64_t period = 0;
    int64_t next = 0;
    bool known = missed == WHARF_TICKS_SKIP || missed == WHARF_TICKS_BURST || missed == WHARF_TICKS_DELAY;
    if (!known || period_ms < 1 || __builtin_mul_overflow(period_ms, MILLISECOND_NS, &period) ||
        __builtin_add_overflow(sched_clock(), period, &next)) {
        return fail(-EINVAL, "ticker", NULL, "the period or the policy is out of range");
    }
    *ticker_of(storage) = (struct ticker){.next = next, .period = period, .missed = (int64_t)missed};
    return 0;
}

static int64_t tick_attempt(struct op *op) {
    struct ticker *ticker = ticker_of(((struct tick_op *)op)->ticker);
    int64_t now = op->task->sched->now;
    if (ticker->period <= 0) {
        return -EINVAL;
    }
    if (now < ticker->next) {
        return -EAGAIN;
    }
    int64_t missed = (now - ticker->next) / ticker->period;
    switch (ticker->missed) {
    case WHARF_TICKS_BURST: ticker->next += ticker->period; return 1;
    case WHARF_TICKS_DELAY: ticker->next = now + ticker->period; return 1 + missed;
    default: ticker->next += (1 + missed) * ticker->period; return 1 + missed;
    }
}

/* Another task may have taken the tick that this one would have had. */
static int tick_start(struct op *op) {
    op->wake_at = ticker_of(((struct tick_op *)op)->ticker)->next;
    return 0;
}

const struct op_kind tick_kind = {.name = "tick", .attempt = tick_attempt, .start = tick_start};

int64_t wharf_tick(wharf_ticker *ticker) {
    struct tick_op op = {.op.kind = &tick_kind, .ticker = ticker};
    sched_clock();
    return op_await(&op.op);
}

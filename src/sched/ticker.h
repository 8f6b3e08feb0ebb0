/* The operation of a ticker, for select.c, where a case is one. */
#ifndef SCHED_TICKER_H
#define SCHED_TICKER_H

#include "sched/op.h"
#include "wharf/sync.h"

struct tick_op {
    struct op op;
    wharf_ticker *ticker;
};

extern const struct op_kind tick_kind;

#endif

/* The operations of a channel, for select.c, where a case is one of them. */
#ifndef SCHED_CHAN_H
#define SCHED_CHAN_H

#include "sched/op.h"
#include "wharf/sync.h"

struct chan;

struct chan_op {
    struct op op;
    wharf_chan handle;
    struct chan *chan; /* known once the handle has been looked up */
    void *element;     /* to copy from or to */
};

extern const struct op_kind chan_put_kind, chan_take_kind;

#endif

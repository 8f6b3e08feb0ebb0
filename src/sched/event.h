/* The operation of an event, for select.c, where a case is one. */
#ifndef SCHED_EVENT_H
#define SCHED_EVENT_H

#include "sched/op.h"
#include "wharf/sync.h"

struct event_op {
    struct op op;
    wharf_event *event;
};

extern const struct op_kind event_kind;

#endif

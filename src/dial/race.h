/* Happy Eyeballs, version 2 (RFC 8305): a name's addresses are tried one after the other, each as soon as the one before has
 * failed or has had 250 ms (a setting) to itself. None is ended by the next; the first to connect wins, the others are
 * closed. */
#ifndef DIAL_RACE_H
#define DIAL_RACE_H

#include "base/failure.h"
#include "net/names/resolve.h"
#include "net/networks.h"
#include "sched/io.h"

struct race_report {
    const struct networks *networks; /* set by the caller: what may be connected to; NULL: anything */
    struct address peer;             /* the winner, or the last one begun with */
    struct failure_list tried;       /* every address and what it said */
};

/* Connects to one of the addresses that the search has found, or will have found. *ret_io is the caller's. Records nothing.
 * Suspends. Errors: of the attempt that failed last, -ECANCELED, -ETIMEDOUT. */
int race_connect(struct names_search *search, struct io **ret_io, struct race_report *report);

#endif

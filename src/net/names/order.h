/* In which order a name's addresses are tried: RFC 6724 section 6, as far as a program can know. */
#ifndef NET_NAMES_ORDER_H
#define NET_NAMES_ORDER_H

#include <stdbool.h>

#include "net/address.h"

/* A destination, and the address of this machine that would be used to reach it. */
struct candidate {
    struct address address;
    struct address source; /* len 0: it cannot be reached */
    int number;            /* of arrival: what decides in the end */
    bool tried;            /* the dialler's */
};

/* Asks the engine for the source: a datagram socket that is connected sends nothing. Does not suspend. */
void candidate_find_source(struct candidate *candidate);
/* Pure. */
void candidates_sort(struct candidate *candidates, int count);
/* Whether `a` is to be tried before `b`. */
bool candidate_before(const struct candidate *a, const struct candidate *b);

#endif

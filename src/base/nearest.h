/* The word that somebody meant who wrote another: for errors that name it. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

#include "wharf/base.h"

/* Letters to change, add or leave out to make one word of the other, upper and lower case alike; words are compared by their first 40
 * bytes. */
size_t nearest_distance(wharf_str a, wharf_str b);

/* A search among candidates: start with {.wanted = word}, offer each, look at `best` (NULL: none is near enough). */
struct nearest {
    wharf_str wanted;
    const char *best;
    size_t distance;
};

void nearest_offer(struct nearest *nearest, const char *candidate);

#endif

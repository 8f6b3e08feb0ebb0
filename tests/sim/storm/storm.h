/* Programs that hold under any seed and any plan of faults: what they check is true however the run goes. The tests run some
 * thousand seeds of them, `make soak` runs them for as long as one likes. */
#ifndef TESTS_SIM_STORM_H
#define TESTS_SIM_STORM_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wharf/wharf.h"

struct storm {
    const char *name;
    wharf_fn run;
    uint64_t seeds; /* in the ordinary tests */
    wharf_sim_options options;
};

extern const struct storm http_storm, http_memory_storm, stop_storm;
extern const struct storm net_storm, net_memory_storm;
extern const struct storm channel_storm, lock_storm;
extern const struct storm example_storm;
/* All of them, and NULL. */
extern const struct storm *const storms[];

/* Allocations that fail, among other things. */
enum {
    MEMORY_KINDS = 1 << WHARF_SIM_NO_MEMORY | 1 << WHARF_SIM_PARTITION | 1 << WHARF_SIM_DELAY |
                   1 << WHARF_SIM_RESET | 1 << WHARF_SIM_NO_SOCKETS
};

/* 0 to below - 1: by the run so far, and so by its seed. Two rolls with no call in between that may suspend are alike. */
static inline uint64_t dice(uint64_t below) {
    uint64_t mixed = wharf_sim_trace() ^ (uint64_t)wharf_sim_elapsed_ns();
    mixed = (mixed ^ mixed >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return (mixed ^ mixed >> 32) % below;
}

/* The byte at some place of what belongs to `id`. */
static inline char byte_of(uint64_t id, uint64_t at) {
    return (char)('a' + (id * 7 + at * 3 + at / 97) % 26);
}

#endif

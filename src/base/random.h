/* A small seeded generator (xoshiro256**): the same seed gives the same numbers everywhere. For simulation,
 * jitter and fair choice; never for secrets. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_init(struct random *random, uint64_t seed);
uint64_t random_u64(struct random *random);
/* Evenly in [0, n); 0 when n is 0. */
uint64_t random_below(struct random *random, uint64_t n);

#endif

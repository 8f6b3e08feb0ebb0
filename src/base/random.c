/* xoshiro256** by Blackman and Vigna, seeded through splitmix64, so that any seed (0 too) gives a good state.
 */
#include "base/random.h"

static uint64_t rotate_left(uint64_t value, unsigned bits) {
    return value << bits | value >> (64 - bits);
}

static uint64_t splitmix64(uint64_t *counter) {
    *counter += 0x9e3779b97f4a7c15u;
    uint64_t mixed = *counter;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

void random_init(struct random *random, uint64_t seed) {
    uint64_t counter = seed;
    for (int i = 0; i < 4; i++) {
        random->state[i] = splitmix64(&counter);
    }
}

uint64_t random_u64(struct random *random) {
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* The high half of a 128-bit product is even over [0, n) once the products whose low half falls into the
 * first 2^64 mod n are thrown away (Lemire's method). */
uint64_t random_below(struct random *random, uint64_t n) {
    if (n == 0) {
        return 0;
    }
    uint64_t uneven = (0 - n) % n;
    unsigned __int128 product = 0;
    do {
        product = (unsigned __int128)random_u64(random) * n;
    } while ((uint64_t)product < uneven);
    return (uint64_t)(product >> 64);
}

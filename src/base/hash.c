/* SipHash-1-3: one round per 8-byte word, three to finish. See Aumasson and Bernstein, "SipHash: a fast
 * short-input PRF" (2012); tables need its collision resistance, not its full 2-4 strength. */
#include "base/hash.h"

struct hash_state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t value, unsigned bits) {
    return value << bits | value >> (64 - bits);
}

static inline void hash_round(struct hash_state *state) {
    state->v0 += state->v1;
    state->v2 += state->v3;
    state->v1 = rotate_left(state->v1, 13) ^ state->v0;
    state->v3 = rotate_left(state->v3, 16) ^ state->v2;
    state->v0 = rotate_left(state->v0, 32);
    state->v2 += state->v1;
    state->v0 += state->v3;
    state->v1 = rotate_left(state->v1, 17) ^ state->v2;
    state->v3 = rotate_left(state->v3, 21) ^ state->v0;
    state->v2 = rotate_left(state->v2, 32);
}

static inline void hash_word(struct hash_state *state, uint64_t word) {
    state->v3 ^= word;
    hash_round(state);
    state->v0 ^= word;
}

/* The bytes as a little-endian number, on any machine. */
static inline uint64_t load_word(const unsigned char *bytes, size_t len) {
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++) {
        word |= (uint64_t)bytes[i] << (8 * i);
    }
    return word;
}

uint64_t hash_bytes(struct hash_key key, const void *bytes, size_t len) {
    const unsigned char *at = bytes;
    struct hash_state state = {
        .v0 = key.words[0] ^ 0x736f6d6570736575u,
        .v1 = key.words[1] ^ 0x646f72616e646f6du,
        .v2 = key.words[0] ^ 0x6c7967656e657261u,
        .v3 = key.words[1] ^ 0x7465646279746573u,
    };
    size_t left = len;
    while (left >= 8) {
        hash_word(&state, load_word(at, 8));
        at += 8;
        left -= 8;
    }
    hash_word(&state, load_word(at, left) | (uint64_t)len << 56);
    state.v2 ^= 0xff;
    for (int i = 0; i < 3; i++) {
        hash_round(&state);
    }
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

/* A keyed 64-bit hash for tables whose keys a peer chooses (SipHash-1-3): without the key nobody can prepare
 * keys that collide. Not for signatures. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "wharf/base.h"

struct hash_key {
    uint64_t words[2]; /* random, once per table or process */
};

uint64_t hash_bytes(struct hash_key key, const void *bytes, size_t len);
static inline uint64_t hash_str(struct hash_key key, wharf_str text) {
    return hash_bytes(key, text.ptr, text.len);
}

#endif

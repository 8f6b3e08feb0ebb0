/* Connections of each address: see addresses.h. A table of lists, whose hash nobody outside can foresee. */
#include "server/addresses.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "base/memory.h"
#include "sched/sched.h"
#include "server/connection.h"

enum { LISTS = 4096, NETWORK_SIZE = 8, V4_SIZE = 4, MAPPED_SIZE = 12 };

/* What counts as one: an IPv4 address, or the upper half of an IPv6 one. */
struct key {
    uint8_t family;
    uint8_t bytes[NETWORK_SIZE];
};

struct counted {
    struct counted *next;
    struct key key;
    int64_t count;
};

struct addresses {
    pthread_mutex_t lock;
    struct hash_key hash;
    struct counted *lists[LISTS];
};

struct addresses *addresses_new(void) {
    struct addresses *addresses = mem_zalloc(sizeof(*addresses));
    if (addresses == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&addresses->lock, NULL) != 0) {
        mem_free(addresses);
        return NULL;
    }
    sched_random_bytes(&addresses->hash, sizeof(addresses->hash));
    return addresses;
}

void addresses_free(struct addresses *addresses) {
    if (addresses == NULL) {
        return;
    }
    for (size_t i = 0; i < LISTS; i++) {
        while (addresses->lists[i] != NULL) {
            struct counted *counted = addresses->lists[i];
            addresses->lists[i] = counted->next;
            mem_free(counted);
        }
    }
    pthread_mutex_destroy(&addresses->lock);
    mem_free(addresses);
}

/* False: it has no address. An IPv4 address that was met on an IPv6 socket is one of IPv4. */
static bool key_of(const struct peer *peer, struct key *ret_key) {
    static const uint8_t MAPPED[MAPPED_SIZE] = {[10] = 0xff, [11] = 0xff};
    struct key key = {.family = peer->family};
    if (peer->family == AF_INET) {
        memcpy(key.bytes, peer->address, V4_SIZE);
    } else if (peer->family == AF_INET6 && memcmp(peer->address, MAPPED, sizeof(MAPPED)) == 0) {
        key.family = AF_INET;
        memcpy(key.bytes, peer->address + sizeof(MAPPED), V4_SIZE);
    } else if (peer->family == AF_INET6) {
        memcpy(key.bytes, peer->address, NETWORK_SIZE);
    } else {
        return false;
    }
    *ret_key = key;
    return true;
}

/* Where the record is linked, or would be. */
static struct counted **find(struct addresses *addresses, const struct key *key) {
    struct counted **link = &addresses->lists[hash_bytes(addresses->hash, key, sizeof(*key)) % LISTS];
    while (*link != NULL && memcmp(&(*link)->key, key, sizeof(*key)) != 0) {
        link = &(*link)->next;
    }
    return link;
}

static bool enter(struct addresses *addresses, const struct key *key, int64_t max) {
    struct counted **link = find(addresses, key);
    if (*link == NULL) {
        *link = mem_alloc(sizeof(**link));
        if (*link == NULL) {
            return false;
        }
        **link = (struct counted){.key = *key};
    }
    if ((*link)->count >= max) {
        return false;
    }
    (*link)->count++;
    return true;
}

bool addresses_enter(struct addresses *addresses, const struct peer *peer, int64_t max) {
    struct key key;
    if (!key_of(peer, &key)) {
        return true;
    }
    pthread_mutex_lock(&addresses->lock);
    bool entered = enter(addresses, &key, max);
    pthread_mutex_unlock(&addresses->lock);
    return entered;
}

void addresses_leave(struct addresses *addresses, const struct peer *peer) {
    struct key key;
    if (!key_of(peer, &key)) {
        return;
    }
    pthread_mutex_lock(&addresses->lock);
    struct counted **link = find(addresses, &key);
    struct counted *counted = *link;
    counted->count--;
    if (counted->count == 0) {
        *link = counted->next;
        mem_free(counted);
    }
    pthread_mutex_unlock(&addresses->lock);
}

/* Answers of name servers, kept for as long as they allow (RFC 1035, and RFC 2308 for those without data). One cache per
 * scheduler. A question that is already being asked is not asked twice: the second asker waits for the first. */
#ifndef NET_NAMES_CACHE_H
#define NET_NAMES_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "net/names/message.h"
#include "sched/op.h"

struct cache_bucket;
struct cache_flight;

struct cache_entry {
    struct cache_entry *next;          /* in its bucket */
    struct cache_entry *newer, *older; /* by use */
    char name[DNS_NAME_MAX + 3];
    unsigned type;
    struct address server; /* who said it */
    int64_t stored_at, expires_at;
    size_t len;
    unsigned char bytes[];
};

struct names_cache {
    struct cache_entry **buckets;
    size_t bucket_count; /* a power of two */
    struct hash_key key;
    struct cache_entry *newest, *oldest;
    int count;
    struct cache_flight *flights;
};

void names_cache_init(struct names_cache *cache);
void names_cache_deinit(struct names_cache *cache);
void names_cache_clear(struct names_cache *cache);

/* The answer as kept, good until the caller suspends; NULL: none. */
const struct cache_entry *names_cache_find(struct names_cache *cache, const char *name, unsigned type,
                                           int64_t now);

/* An answer to keep. */
struct cache_item {
    const char *name;
    unsigned type;
    struct dns_message message;
    const struct address *server;
    int64_t now, lifetime_ns;
};
/* Keeps it in place of an older one, or of the least used when there are `limit`. Without memory it is not kept. */
void names_cache_put(struct names_cache *cache, const struct cache_item *item, int limit);

/* A question under way; on the stack of the task that asks. */
struct cache_flight {
    struct cache_flight *next;
    const char *name;
    unsigned type;
    struct op_queue waiters;
};
/* Waits until the same question, when it is being asked by another task, has been answered: 1; 0: nobody asks it, and the
 * flight is the caller's, who must end it. Suspends. -ECANCELED, -ETIMEDOUT. */
int names_flight_begin(struct names_cache *cache, struct cache_flight *flight);
void names_flight_end(struct names_cache *cache, struct cache_flight *flight);

#endif

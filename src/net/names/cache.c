/* See cache.h. */
#include "net/names/cache.h"

#include <errno.h>

#include "base/memory.h"
#include "base/text.h"
#include "sched/sched.h"

enum { BUCKETS_MAX = 4096, BUCKETS_MIN = 16 };

void names_cache_init(struct names_cache *cache) {
    *cache = (struct names_cache){.count = 0};
}

static uint64_t hash_of(const struct names_cache *cache, const char *name, unsigned type) {
    char lower[DNS_NAME_MAX + 3];
    size_t len = str_copy_to(lower, sizeof(lower), wharf_str_of(name));
    for (size_t i = 0; i < len; i++) {
        lower[i] = ascii_lower(lower[i]);
    }
    return hash_bytes(cache->key, lower, len) ^ type;
}

static struct cache_entry **bucket_of(struct names_cache *cache, const char *name, unsigned type) {
    return &cache->buckets[hash_of(cache, name, type) & (cache->bucket_count - 1)];
}

static void order_remove(struct names_cache *cache, struct cache_entry *entry) {
    *(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void order_push(struct names_cache *cache, struct cache_entry *entry) {
    entry->newer = NULL;
    entry->older = cache->newest;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static void entry_remove(struct names_cache *cache, struct cache_entry *entry) {
    struct cache_entry **link = bucket_of(cache, entry->name, entry->type);
    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    order_remove(cache, entry);
    cache->count--;
    mem_free(entry);
}

void names_cache_clear(struct names_cache *cache) {
    while (cache->newest != NULL) {
        entry_remove(cache, cache->newest);
    }
}

void names_cache_deinit(struct names_cache *cache) {
    names_cache_clear(cache);
    mem_free(cache->buckets);
    cache->buckets = NULL;
}

static struct cache_entry *entry_find(struct names_cache *cache, const char *name, unsigned type) {
    struct cache_entry *entry = cache->buckets != NULL ? *bucket_of(cache, name, type) : NULL;
    while (entry != NULL && (entry->type != type || !dns_same_name(entry->name, name))) {
        entry = entry->next;
    }
    return entry;
}

const struct cache_entry *names_cache_find(struct names_cache *cache, const char *name, unsigned type,
                                           int64_t now) {
    struct cache_entry *entry = entry_find(cache, name, type);
    if (entry == NULL) {
        return NULL;
    }
    if (entry->expires_at <= now) {
        entry_remove(cache, entry);
        return NULL;
    }
    order_remove(cache, entry);
    order_push(cache, entry);
    return entry;
}

static bool buckets_make(struct names_cache *cache, int limit) {
    size_t count = BUCKETS_MIN;
    while (count < (size_t)limit && count < BUCKETS_MAX) {
        count *= 2;
    }
    if (cache->buckets == NULL) {
        cache->buckets = mem_zalloc(count * sizeof(*cache->buckets));
        cache->bucket_count = count;
        cache->key = (struct hash_key){{sched_random(), sched_random()}};
    }
    return cache->buckets != NULL;
}

void names_cache_put(struct names_cache *cache, const struct cache_item *item, int limit) {
    size_t len = item->message.len;
    if (item->lifetime_ns <= 0 || !buckets_make(cache, limit)) {
        return;
    }
    struct cache_entry *old = entry_find(cache, item->name, item->type);
    if (old != NULL) {
        entry_remove(cache, old);
    }
    while (cache->count >= limit) {
        entry_remove(cache, cache->oldest);
    }
    struct cache_entry *entry = mem_alloc(sizeof(*entry) + len);
    if (entry == NULL) {
        return;
    }
    *entry = (struct cache_entry){.type = item->type,
                                  .server = *item->server,
                                  .stored_at = item->now,
                                  .expires_at = item->now + item->lifetime_ns,
                                  .len = len};
    (void)str_copy_to(entry->name, sizeof(entry->name), wharf_str_of(item->name));
    memcpy(entry->bytes, item->message.bytes, len);
    struct cache_entry **bucket = bucket_of(cache, entry->name, entry->type);
    entry->next = *bucket;
    *bucket = entry;
    order_push(cache, entry);
    cache->count++;
}

/* ---- questions under way ---- */

struct flight_op {
    struct op op;
    struct cache_flight *flight;
};

static int flight_start(struct op *op) {
    op_queue_push(&((struct flight_op *)op)->flight->waiters, op);
    return 0;
}

static const struct op_kind flight_kind = {"resolve", NULL, flight_start, op_queue_remove};

int names_flight_begin(struct names_cache *cache, struct cache_flight *flight) {
    for (struct cache_flight *other = cache->flights; other != NULL; other = other->next) {
        if (other->type == flight->type && dns_same_name(other->name, flight->name)) {
            struct flight_op op = {.flight = other};
            op_init(&op.op, &flight_kind);
            int rc = (int)op_await(&op.op);
            return rc < 0 ? rc : 1;
        }
    }
    flight->next = cache->flights;
    cache->flights = flight;
    return 0;
}

void names_flight_end(struct names_cache *cache, struct cache_flight *flight) {
    struct cache_flight **link = &cache->flights;
    while (*link != flight) {
        link = &(*link)->next;
    }
    *link = flight->next;
    op_queue_complete_all(&flight->waiters, 0);
}

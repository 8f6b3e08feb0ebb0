/* See pool.h. Lists are searched from their ends: a pool has at most a few hundred entries, and the one that is wanted
 * was usually used last. */
#include "client/pool.h"

#include <errno.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/text.h"
#include "client/fetch.h"
#include "client/why.h"
#include "sched/op.h"
#include "sched/sched.h"
#include "tls/settings.h"

struct client_origin {
    struct client_origin *next;
    int64_t open; /* slots taken: in use, idle or being dialled */
    int64_t idle;
    int64_t waiting;
    bool ignores_expect;
    bool is_secure;
    int64_t retry_at; /* tries again: the time at which the budget is whole */
    uint64_t tls_id;  /* the settings of TLS that verified its server; 0: the default ones */
    size_t authority_len, key_len;
    char texts[]; /* "host" or "host:port", and the key of the route */
};

struct client_pool {
    struct client_origin *origins;
    struct client_connection *oldest, *newest; /* idle */
    struct op_queue waiters;
    wharf_client_counters count; /* origins are counted when asked for */
    bool closed;                 /* the core has let go of it: freed when the last user leaves */
};

struct client_waiter {
    struct op op; /* first: the queue holds these */
    struct client_pool *pool;
    struct client_origin *origin;
    const struct client_wish *wish;
    struct client_connection *connection; /* what was granted; NULL: a free slot */
};

static const int64_t NS_PER_MS = 1000000;
static const int64_t NS_PER_SECOND = 1000000000;

/* ---- origins ---- */

/* Scheme, host and port name an origin; under other settings of TLS, or by another way, it is another one. */
static bool origin_is(const struct client_origin *origin, const struct client_wish *wish) {
    const wharf_tls *tls = wish->client->tls;
    return origin->is_secure == wish->url->is_secure && origin->tls_id == (tls != NULL ? tls->id : 0) &&
           wharf_str_equal((wharf_str){origin->texts, origin->authority_len}, wish->url->authority) &&
           wharf_str_equal((wharf_str){origin->texts + origin->authority_len, origin->key_len},
                           wish->route->key);
}

/* Forgets those that nobody uses and that owe nothing to their budget, of which it gets rid as time goes by. */
static void origins_forget_unused(struct client_pool *pool) {
    struct client_origin **link = &pool->origins;
    while (*link != NULL) {
        struct client_origin *origin = *link;
        bool owes = origin->retry_at > sched_now() && !pool->closed;
        if (origin->open > 0 || origin->waiting > 0 || owes) {
            link = &origin->next;
        } else {
            *link = origin->next;
            mem_free(origin);
        }
    }
}

static struct client_origin *origin_get(struct client_pool *pool, const struct client_wish *wish) {
    wharf_str authority = wish->url->authority;
    wharf_str key = wish->route->key;
    for (struct client_origin *origin = pool->origins; origin != NULL; origin = origin->next) {
        if (origin_is(origin, wish)) {
            return origin;
        }
    }
    origins_forget_unused(pool);
    struct client_origin *origin = mem_zalloc(sizeof(*origin) + authority.len + key.len);
    if (origin == NULL) {
        return NULL;
    }
    memcpy(origin->texts, authority.ptr, authority.len);
    memcpy(origin->texts + authority.len, key.ptr, key.len);
    origin->authority_len = authority.len;
    origin->key_len = key.len;
    origin->is_secure = wish->url->is_secure;
    origin->tls_id = wish->client->tls != NULL ? wish->client->tls->id : 0;
    origin->next = pool->origins;
    pool->origins = origin;
    return origin;
}

static void origin_forget_if_unused(struct client_pool *pool, struct client_origin *origin) {
    if (origin->open == 0 && origin->waiting == 0) {
        origins_forget_unused(pool);
    }
}

/* ---- slots ---- */

static void slot_take(struct client_pool *pool, struct client_origin *origin) {
    pool->count.open++;
    origin->open++;
}

static void slot_free(struct client_pool *pool, struct client_origin *origin) {
    pool->count.open--;
    origin->open--;
    origin_forget_if_unused(pool, origin);
}

static void pool_free_if_unused(struct client_pool *pool) {
    if (pool->closed && pool->count.open == 0 && pool->count.waiting == 0) {
        origins_forget_unused(pool);
        mem_free(pool);
    }
}

/* ---- idle connections ---- */

static void idle_remove(struct client_connection *connection) {
    struct client_pool *pool = connection->pool;
    if (connection->older != NULL) {
        connection->older->newer = connection->newer;
    } else {
        pool->oldest = connection->newer;
    }
    if (connection->newer != NULL) {
        connection->newer->older = connection->older;
    } else {
        pool->newest = connection->older;
    }
    connection->older = NULL;
    connection->newer = NULL;
    pool->count.idle--;
    connection->origin->idle--;
    io_unwatch(connection->stream.io);
    timer_deinit(sched_current(), &connection->expiry);
}

/* Takes an idle connection out and closes it, for a reason that is counted; its slot is free. */
static void idle_evict(struct client_connection *connection, int64_t *reason) {
    struct client_pool *pool = connection->pool;
    struct client_origin *origin = connection->origin;
    *reason += 1;
    idle_remove(connection);
    client_connection_free(connection, CLIENT_CLOSE);
    slot_free(pool, origin);
}

static struct client_connection *idle_newest_of(const struct client_pool *pool,
                                                const struct client_origin *origin) {
    struct client_connection *connection = origin->idle > 0 ? pool->newest : NULL;
    while (connection != NULL && connection->origin != origin) {
        connection = connection->older;
    }
    return connection;
}

/* ---- taking ---- */

/* Takes an idle connection, or a slot for a new one (*ret_connection NULL), closing an idle one to make room. False:
 * the limits forbid it now. */
static bool pool_try_take(struct client_pool *pool, struct client_origin *origin,
                          const struct client_wish *wish, struct client_connection **ret_connection) {
    struct client_connection *connection = idle_newest_of(pool, origin);
    if (connection != NULL && !wish->fresh) {
        idle_remove(connection);
        pool->count.reused++;
        *ret_connection = connection;
        return true;
    }
    slot_take(pool, origin); /* holds the origin while others go */
    if (origin->open > wish->limits->per_origin && connection != NULL) {
        idle_evict(connection, &pool->count.evicted_room);
    }
    if (origin->open <= wish->limits->per_origin && pool->count.open > wish->limits->connections &&
        pool->oldest != NULL) {
        idle_evict(pool->oldest, &pool->count.evicted_room);
    }
    if (origin->open > wish->limits->per_origin || pool->count.open > wish->limits->connections) {
        pool->count.open--;
        origin->open--;
        return false;
    }
    *ret_connection = NULL;
    return true;
}

static void pool_serve_waiters(struct client_pool *pool) {
    struct op *op = pool->waiters.first;
    while (op != NULL) {
        struct op *next = op->next;
        struct client_waiter *waiter = (struct client_waiter *)(void *)op;
        if (pool_try_take(pool, waiter->origin, waiter->wish, &waiter->connection)) {
            op_queue_remove(op);
            op_complete(op, 0);
        }
        op = next;
    }
}

/* A slot has become free, or a connection idle. */
static void pool_changed(struct client_pool *pool) {
    pool_serve_waiters(pool);
    pool_free_if_unused(pool);
}

/* ---- watching ---- */

static bool idle_watch(struct client_connection *connection);

/* An idle connection has something to read: its end, a reset, bytes that belong to no request, or what TLS says to
 * itself. */
static void idle_readable(struct io *io, void *arg) {
    struct client_connection *connection = arg;
    struct client_pool *pool = connection->pool;
    (void)io;
    if (idle_watch(connection)) {
        return;
    }
    idle_evict(connection, &pool->count.evicted_end);
    pool_changed(pool);
}

static void idle_expired(struct timer *timer) {
    struct client_connection *connection =
        (struct client_connection *)(void *)((char *)timer - offsetof(struct client_connection, expiry));
    struct client_pool *pool = connection->pool;
    idle_evict(connection, &pool->count.evicted_age);
    pool_changed(pool);
}

/* Starts watching; false when the connection turns out to be dead or dirty, or cannot be watched. */
static bool idle_watch(struct client_connection *connection) {
    struct stream *stream = &connection->stream;
    char byte = 0;
    if (io_watch(stream->io, idle_readable, connection)) {
        return true;
    }
    return stream->type->try_recv(stream, &byte, 1) == -EAGAIN &&
           io_watch(stream->io, idle_readable, connection);
}

static int64_t expiry_of(const struct client_connection *connection, int64_t keep_ms) {
    int64_t now = sched_now();
    int64_t by_age = TIMER_NEVER;
    int64_t by_rest = TIMER_NEVER;
    if (connection->lifetime < TIMER_NEVER - connection->born) {
        by_age = connection->born + connection->lifetime;
    }
    if (keep_ms >= 0 && keep_ms < (TIMER_NEVER - now) / NS_PER_MS) {
        by_rest = now + keep_ms * NS_PER_MS;
    }
    int64_t expiry = by_age < by_rest ? by_age : by_rest;
    return expiry > now ? expiry : 0;
}

/* Puts a clean connection among the idle ones; false: it has to be closed. */
static bool idle_add(struct client_connection *connection, int64_t keep_ms) {
    struct client_pool *pool = connection->pool;
    int64_t expiry = expiry_of(connection, keep_ms);
    if (pool->closed || keep_ms == 0 || expiry == 0 || connection->origin->idle >= connection->idle_max) {
        return false;
    }
    if (timer_init(sched_current(), &connection->expiry, idle_expired) < 0) {
        return false;
    }
    if (!idle_watch(connection)) {
        timer_deinit(sched_current(), &connection->expiry);
        return false;
    }
    if (expiry != TIMER_NEVER) {
        timer_set(sched_current(), &connection->expiry, expiry);
    }
    connection->older = pool->newest;
    if (pool->newest != NULL) {
        pool->newest->newer = connection;
    } else {
        pool->oldest = connection;
    }
    pool->newest = connection;
    pool->count.idle++;
    connection->origin->idle++;
    return true;
}

/* ---- the pool of this core ---- */

/* The core ends, or the client is freed. */
static void pool_drop(void *value) {
    struct client_pool *pool = value;
    pool->closed = true;
    while (pool->oldest != NULL) {
        idle_evict(pool->oldest, &pool->count.evicted_age);
    }
    for (struct op *op = op_queue_pop(&pool->waiters); op != NULL; op = op_queue_pop(&pool->waiters)) {
        op_complete(op, -ECANCELED);
    }
    pool_free_if_unused(pool);
}

static struct client_pool *pool_get(const struct wharf_client *client) {
    struct client_pool *pool = sched_local_get(client);
    if (pool != NULL) {
        return pool;
    }
    pool = mem_zalloc(sizeof(*pool));
    if (pool == NULL) {
        return NULL;
    }
    if (sched_local_set(client, pool, pool_drop) < 0) {
        mem_free(pool);
        return NULL;
    }
    return pool;
}

/* ---- waiting ---- */

static int waiter_start(struct op *op) {
    struct client_waiter *waiter = (struct client_waiter *)(void *)op;
    op_queue_push(&waiter->pool->waiters, op);
    return 0;
}

static void waiter_cancel(struct op *op) {
    op_queue_remove(op);
}

static const struct op_kind waiter_kind = {.name = "pool", .start = waiter_start, .cancel = waiter_cancel};

static int waiter_fail(int rc, const struct client_wish *wish, const struct client_origin *origin,
                       const char *blame) {
    char text[FAILURE_SUBJECT_SIZE];
    bool by_origin = origin->open >= wish->limits->per_origin;
    int64_t limit = by_origin ? wish->limits->per_origin : wish->limits->connections;
    (void)str_copy_to(text, sizeof(text), wish->url->authority);
    return fail(rc, "wait for a connection to", text, "all %lld are in use (limits.%s)%s%s", (long long)limit,
                by_origin ? "per_origin" : "connections", blame[0] != '\0' ? "; " : "", blame);
}

static int pool_wait(struct client_pool *pool, struct client_origin *origin, const struct client_wish *wish,
                     struct client_connection **ret_connection) {
    struct phase phase;
    struct client_waiter waiter = {
        .op = {.kind = &waiter_kind}, .pool = pool, .origin = origin, .wish = wish};
    origin->waiting++;
    pool->count.waiting++;
    pool->count.waited++;
    phase_open(&phase, wish->total, "pool_ms", wish->limits->pool_ms);
    int rc = (int)op_await(&waiter.op);
    phase_close(&phase);
    origin->waiting--;
    pool->count.waiting--;
    if (rc < 0) {
        pool->count.gave_up++;
        rc = waiter_fail(rc, wish, origin, phase_blame(&phase, rc));
        origin_forget_if_unused(pool, origin);
        pool_free_if_unused(pool);
        return rc;
    }
    *ret_connection = waiter.connection;
    return 0;
}

/* ---- the interface ---- */

static int pool_dial(struct client_pool *pool, struct client_origin *origin, const struct client_wish *wish,
                     struct client_connection **ret_connection) {
    struct client_connection *connection = NULL;
    int rc = client_connection_dial(wish, &connection);
    if (rc < 0) {
        slot_free(pool, origin);
        pool_changed(pool);
        return rc;
    }
    pool->count.dialled++;
    connection->pool = pool;
    connection->origin = origin;
    *ret_connection = connection;
    return 0;
}

int client_pool_acquire(const struct client_wish *wish, struct client_connection **ret_connection) {
    struct client_pool *pool = pool_get(wish->client);
    struct client_origin *origin = pool != NULL ? origin_get(pool, wish) : NULL;
    struct client_connection *connection = NULL;
    if (origin == NULL) {
        return fail(-ENOMEM, "connect", "", NULL);
    }
    if (!pool_try_take(pool, origin, wish, &connection)) {
        int rc = pool_wait(pool, origin, wish, &connection);
        if (rc < 0) {
            return rc;
        }
    }
    if (connection == NULL) {
        return pool_dial(pool, origin, wish, ret_connection);
    }
    connection->reused = true;
    client_connection_begin(connection, wish->limits);
    *ret_connection = connection;
    return 0;
}

void client_pool_release(struct client_connection *connection, int64_t keep_ms) {
    struct client_pool *pool = connection->pool;
    struct client_origin *origin = connection->origin;
    bool clean = wire_unread(&connection->wire) == 0 && !connection->wire.ended &&
                 !stream_is_readable(&connection->stream);
    wire_deinit(&connection->wire);
    if (!clean || !idle_add(connection, keep_ms)) {
        client_connection_free(connection, CLIENT_CLOSE);
        slot_free(pool, origin);
    }
    pool_changed(pool);
}

void client_pool_discard(struct client_connection *connection) {
    struct client_pool *pool = connection->pool;
    struct client_origin *origin = connection->origin;
    pool->count.discarded++;
    client_connection_free(connection, CLIENT_ABORT);
    slot_free(pool, origin);
    pool_changed(pool);
}

bool client_pool_ignores_expect(const struct client_connection *connection) {
    return connection->origin->ignores_expect;
}

void client_pool_note_ignores_expect(struct client_connection *connection) {
    connection->origin->ignores_expect = true;
}

void client_pool_note_replay(const struct fetch *fetch) {
    struct client_pool *pool = pool_get(fetch->client);
    if (pool != NULL) {
        pool->count.replayed++;
    }
}

/* As many as the budget at once, then one a second: the time at which the budget is whole moves on by a second with each. */
bool client_pool_take_retry(struct fetch *fetch) {
    struct route route;
    if (route_find(fetch, &route) < 0) {
        return false;
    }
    const struct client_wish wish = {
        .client = fetch->client, .url = &fetch->url, .limits = &fetch->limits, .route = &route};
    struct client_pool *pool = pool_get(fetch->client);
    struct client_origin *origin = pool != NULL ? origin_get(pool, &wish) : NULL;
    if (origin == NULL) {
        return false;
    }
    int64_t now = sched_clock();
    int64_t base = origin->retry_at > now ? origin->retry_at : now;
    if (base + NS_PER_SECOND - now > fetch->limits.retry_budget * NS_PER_SECOND) {
        return false;
    }
    origin->retry_at = base + NS_PER_SECOND;
    pool->count.retried++;
    return true;
}

wharf_client_counters client_pool_count(const struct wharf_client *client) {
    const struct client_pool *pool = sched_local_get(client);
    wharf_client_counters counters = {.size = sizeof(counters)};
    if (pool == NULL) {
        return counters;
    }
    counters = pool->count;
    counters.size = sizeof(counters);
    for (const struct client_origin *origin = pool->origins; origin != NULL; origin = origin->next) {
        counters.origins += origin->open > 0 || origin->waiting > 0;
    }
    return counters;
}

int wharf_client_stats(const wharf_client *client, wharf_client_counters *ret_counters) {
    size_t size = ret_counters->size;
    if (size < sizeof(size)) {
        return fail(-EINVAL, "count", "", "size is not set");
    }
    wharf_client_counters counters = client_pool_count(client != NULL ? client : &client_default);
    counters.size = size;
    memcpy(ret_counters, &counters, size < sizeof(counters) ? size : sizeof(counters));
    return 0;
}

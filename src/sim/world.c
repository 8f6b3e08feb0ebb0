/* Time, descriptors and chance of the simulated world. */
#include "sim/world.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "sim/endpoint.h"

enum {
    STREAM_BYTES_DEFAULT = 65536,
    LATENCY_NS_DEFAULT = 50000,
    FIRST_PORT = 32768,
    FIRST_PORT_SPREAD = 1000,
    DESCRIPTORS_FIRST_SIZE = 64,
    /* A program that polls in a loop never lets time jump: after this many looks at a still clock it ticks. */
    IDLE_LOOKS_MAX = 16,
    IDLE_LOOK_NS = 10000,
};

static void world_report_nothing(struct io *io, int ready) {
    (void)io;
    (void)ready;
}

struct world *world_new(const wharf_sim_options *options) {
    struct world *world = mem_zalloc(sizeof(*world));
    if (world == NULL) {
        return NULL;
    }
    if (options != NULL) {
        size_t known = options->size < sizeof(*options) ? options->size : sizeof(*options);
        memcpy(&world->options, options, known);
    }
    if (world->options.stream_bytes == 0) {
        world->options.stream_bytes = STREAM_BYTES_DEFAULT;
    }
    if (world->options.latency_ns == 0) {
        world->options.latency_ns = LATENCY_NS_DEFAULT;
    } else if (world->options.latency_ns == WHARF_OFF) {
        world->options.latency_ns = 0;
    }
    uint64_t seed = world->options.seed;
    random_init(&world->order, seed);
    random_init(&world->pieces, seed ^ 0x7069656365730000u);
    random_init(&world->bytes, seed ^ 0x6279746573000000u);
    world->report = world_report_nothing;
    world->now = WORLD_START_NS;
    world->next_port = (uint16_t)(FIRST_PORT + random_below(&world->bytes, FIRST_PORT_SPREAD));
    return world;
}

void world_free(struct world *world) {
    if (world == NULL) {
        return;
    }
    for (size_t i = 0; i < world->descriptors_size; i++) {
        if (world->descriptors[i] != NULL) {
            endpoint_close(world->descriptors[i], true);
        }
    }
    mem_free(world->descriptors);
    mem_free(world);
}

/* ---- time ---- */

static bool world_run_due(struct world *world) {
    bool any = false;
    struct event *next = event_first(&world->events);
    while (next != NULL && next->at <= world->now) {
        event_remove(&world->events, next);
        next->fire(next);
        any = true;
        next = event_first(&world->events);
    }
    return any;
}

int world_wait(struct world *world, int64_t until) {
    if (world_run_due(world)) {
        world->idle_looks = 0;
        return 0;
    }
    if (until <= world->now) {
        world->idle_looks++;
        if (world->idle_looks > IDLE_LOOKS_MAX) {
            world->now += IDLE_LOOK_NS;
        }
        return 0;
    }
    if (atomic_exchange(&world->interrupted, false)) {
        return 0;
    }
    struct event *next = event_first(&world->events);
    int64_t then = next != NULL && next->at < until ? next->at : until;
    if (then == INT64_MAX) {
        return -WHARF_EDEADLOCK;
    }
    world->idle_looks = 0;
    world->now = then;
    (void)world_run_due(world);
    return 0;
}

void world_interrupt(struct world *world) {
    atomic_store(&world->interrupted, true);
}

/* ---- descriptors ---- */

int world_place(struct world *world, struct endpoint *endpoint) {
    world->asked++;
    if (world->asked == world->options.fail_descriptor) {
        world_strike(world, world->asked, "descriptor, which is refused");
        return -EMFILE;
    }
    if (world->options.sockets_max > 0 && world->open >= world->options.sockets_max) {
        return -EMFILE;
    }
    size_t at = world->lowest_free;
    while (at < world->descriptors_size && world->descriptors[at] != NULL) {
        at++;
    }
    if (at == world->descriptors_size) {
        size_t size = at > 0 ? 2 * at : DESCRIPTORS_FIRST_SIZE;
        struct endpoint **grown = mem_realloc(world->descriptors, size * sizeof(*grown));
        if (grown == NULL) {
            return -ENOMEM;
        }
        memset(grown + at, 0, (size - at) * sizeof(*grown));
        world->descriptors = grown;
        world->descriptors_size = size;
    }
    world->descriptors[at] = endpoint;
    world->lowest_free = at + 1;
    world->open++;
    endpoint->fd = WORLD_FIRST_DESCRIPTOR + (int)at;
    return endpoint->fd;
}

void world_displace(struct world *world, struct endpoint *endpoint) {
    if (endpoint->fd < WORLD_FIRST_DESCRIPTOR) {
        return;
    }
    size_t at = (size_t)(endpoint->fd - WORLD_FIRST_DESCRIPTOR);
    world->descriptors[at] = NULL;
    if (at < world->lowest_free) {
        world->lowest_free = at;
    }
    world->open--;
    endpoint->fd = -1;
}

struct endpoint *world_find(const struct world *world, int fd) {
    if (fd < WORLD_FIRST_DESCRIPTOR || (size_t)(fd - WORLD_FIRST_DESCRIPTOR) >= world->descriptors_size) {
        return NULL;
    }
    return world->descriptors[fd - WORLD_FIRST_DESCRIPTOR];
}

/* ---- chance ---- */

size_t world_piece(struct world *world, size_t most) {
    size_t piece = world->options.piece_bytes_max;
    if (piece == 0 || most <= 1) {
        return most;
    }
    return 1 + (size_t)random_below(&world->pieces, most < piece ? most : piece);
}

size_t world_pick(struct world *world, size_t count) {
    if (world->options.seed == 0) {
        return 0;
    }
    return (size_t)random_below(&world->order, count);
}

void world_random(struct world *world, void *out, size_t size) {
    unsigned char *at = out;
    while (size > 0) {
        uint64_t word = random_u64(&world->bytes);
        size_t part = size < sizeof(word) ? size : sizeof(word);
        memcpy(at, &word, part);
        at += part;
        size -= part;
    }
}

void world_strike(const struct world *world, uint64_t n, const char *what) {
    if (world->strike != NULL) {
        world->strike(n, what);
    }
}

/* ---- the trace ---- */

void world_record(struct world *world, const char *operation, int64_t result) {
    struct hash_key so_far = {{world->trace, (uint64_t)world->now}};
    struct hash_key with_operation = {{hash_bytes(so_far, operation, strlen(operation)), world->trace}};
    world->trace = hash_bytes(with_operation, &result, sizeof(result));
}

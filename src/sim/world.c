/* Time, chance and trace of the simulated world. */
#include "sim/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/report.h"
#include "sim/datagram.h"
#include "sim/host.h"
#include "sim/link.h"
#include "sim/names.h"

enum {
    STREAM_BYTES_DEFAULT = 65536,
    LATENCY_NS_DEFAULT = 50000,
    /* A program that polls in a loop never lets time jump: after this many looks at a still clock it ticks. */
    IDLE_LOOKS_MAX = 16,
    IDLE_LOOK_NS = 10000,
    STEPS_MAX_DEFAULT = 50000000,
    LINE_SIZE = 256,
};

#define VIRTUAL_NS_MAX_DEFAULT (INT64_C(36525) * 24 * 3600 * 1000000000)

static void world_report_nothing(struct host *host, struct io *io, int ready) {
    (void)host;
    (void)io;
    (void)ready;
}

static void world_disturb_nothing(struct host *host, const wharf_sim_fault *fault) {
    (void)host;
    (void)fault;
}

static void options_fill_in(wharf_sim_options *options) {
    if (options->stream_bytes == 0) {
        options->stream_bytes = STREAM_BYTES_DEFAULT;
    }
    if (options->latency_ns == 0) {
        options->latency_ns = LATENCY_NS_DEFAULT;
    } else if (options->latency_ns == WHARF_OFF) {
        options->latency_ns = 0;
    }
    if (options->steps_max == 0) {
        options->steps_max = STEPS_MAX_DEFAULT;
    }
    if (options->virtual_ns_max == 0) {
        options->virtual_ns_max = VIRTUAL_NS_MAX_DEFAULT;
    } else if (options->virtual_ns_max == WHARF_OFF) {
        options->virtual_ns_max = INT64_MAX - WORLD_START_NS;
    }
}

static void world_seed(struct world *world, uint64_t seed) {
    random_init(&world->order, seed);
    random_init(&world->pieces, seed ^ 0x7069656365730000u);
    random_init(&world->bytes, seed ^ 0x6279746573000000u);
    random_init(&world->network, seed ^ 0x6e6574776f726b00u);
    random_init(&world->faults, seed ^ 0x6661756c74730000u);
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
    options_fill_in(&world->options);
    world_seed(world, world->options.seed);
    const char *wanted = getenv("WHARF_TRACE");
    world->print_trace = wanted != NULL && strcmp(wanted, "1") == 0;
    world->report = world_report_nothing;
    world->disturb = world_disturb_nothing;
    world->now = WORLD_START_NS;
    world->steps_end = world->options.steps_max;
    stack_pool_init(&world->stacks, false);
    struct host *host = NULL;
    if (host_new(world, &(wharf_sim_host){.size = sizeof(wharf_sim_host), .name = "local"}, &host) < 0) {
        world_free(world);
        return NULL;
    }
    world->running = host;
    return world;
}

void world_free(struct world *world) {
    if (world == NULL) {
        return;
    }
    for (struct host *host = world->first; host != NULL;) {
        struct host *next = host->next;
        host_free(host);
        host = next;
    }
    names_free(world);
    packets_free(world);
    links_free(world);
    stack_pool_deinit(&world->stacks);
    mem_free(world);
}

/* ---- time ---- */

void world_push(struct world *world, struct event *event, int64_t at) {
    /* Above that of the plan, whose entries come first in any case. */
    event->tie = world->options.seed != 0 ? (uint32_t)random_u64(&world->network) | 1U : 1;
    event_push(&world->events, event, at);
}

bool world_run_due(struct world *world) {
    bool any = false;
    struct event *next = event_first(&world->events);
    while (next != NULL && next->at <= world->now) {
        event_remove(&world->events, next);
        next->fire(next);
        any = true;
        next = event_first(&world->events);
    }
    if (any) {
        world->idle_looks = 0;
        return true;
    }
    world->idle_looks++;
    if (world->idle_looks > IDLE_LOOKS_MAX) {
        world->now += IDLE_LOOK_NS;
    }
    return false;
}

bool world_jump(struct world *world, int64_t until) {
    struct event *next = event_first(&world->events);
    int64_t then = next != NULL && next->at < until ? next->at : until;
    if (then == INT64_MAX) {
        return false;
    }
    world->idle_looks = 0;
    world->now = then > world->now ? then : world->now;
    return true;
}

bool world_step(struct world *world) {
    world->steps++;
    if (world->verdict != WORLD_GOES_ON) {
        return false;
    }
    if (world->steps > world->steps_end) {
        world->verdict = WORLD_OVER_STEPS;
    } else if (world->now - WORLD_START_NS > world->options.virtual_ns_max) {
        world->verdict = WORLD_OVER_TIME;
    }
    return world->verdict == WORLD_GOES_ON;
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

static void world_print(const struct world *world, const struct step *step) {
    char line[LINE_SIZE];
    int64_t ns = world->now - WORLD_START_NS;
    int len = snprintf(line, sizeof(line), "%lld.%09lld %s/%llu %s: %s = %lld", (long long)(ns / 1000000000),
                       (long long)(ns % 1000000000), step->host->name, (unsigned long long)step->task,
                       step->task_name, step->operation, (long long)step->result);
    size_t size = (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1;
    if (world->options.trace != NULL) {
        world->options.trace(line, size, world->options.trace_arg);
    } else {
        report_write(REPORT_WARNING, line, size);
    }
}

void world_record(struct world *world, const struct step *step) {
    uint64_t who = (uint64_t)step->host->number << 48 ^ step->task;
    struct hash_key so_far = {{world->trace ^ who, (uint64_t)world->now}};
    struct hash_key with_operation = {
        {hash_bytes(so_far, step->operation, strlen(step->operation)), world->trace}};
    world->trace = hash_bytes(with_operation, &step->result, sizeof(step->result));
    if (world->print_trace || world->options.trace != NULL) {
        world_print(world, step);
    }
}

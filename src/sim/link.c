/* Links: latency, jitter, bandwidth, loss, and what faults do to them. */
#include "sim/link.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sim/host.h"

enum {
    MTU_LEAST = 576,
    MTU_DEFAULT = 65535,
    HEADERS_V4 = 40, /* IP and TCP, without options */
    HEADERS_V6 = 60,
    HEADERS_UDP = 28,
    OVERTAKEN_NS = 10000000, /* what the next ones are behind at most, and twice the latency */
    MILLION = 1000000,
    LOSSES_MAX = 12, /* of one packet in a row: 200 ms become 14 minutes */
};

#define SECOND_NS INT64_C(1000000000)
/* Longer than any run, and short enough to be added up. */
#define TIME_MAX (INT64_MAX / 16)

/* ---- life ---- */

static void link_init(struct link *link, struct host *a, struct host *b) {
    link->ends[0] = a;
    link->ends[1] = b;
    link->set = (wharf_sim_link){.size = sizeof(link->set), .mtu = MTU_DEFAULT};
    link->set.latency_ns = a->world->options.latency_ns;
    link->reset_after[0] = -1;
    link->reset_after[1] = -1;
}

int links_new(struct world *world, struct host *host) {
    struct link *first = world->links;
    struct host *other = world->first;
    bool is_done = false;
    while (!is_done) {
        struct link *link = mem_zalloc(sizeof(*link));
        if (link == NULL) {
            while (world->links != first) {
                struct link *gone = world->links;
                world->links = gone->next;
                mem_free(gone);
            }
            return -ENOMEM;
        }
        link_init(link, host, other != NULL ? other : host);
        link->next = world->links;
        world->links = link;
        is_done = other == NULL;
        other = other != NULL ? other->next : NULL;
    }
    return 0;
}

void links_free(struct world *world) {
    while (world->links != NULL) {
        struct link *link = world->links;
        world->links = link->next;
        mem_free(link);
    }
}

struct link *link_between(const struct host *a, const struct host *b) {
    struct link *link = a->world->links;
    while (!(link->ends[0] == a && link->ends[1] == b) && !(link->ends[0] == b && link->ends[1] == a)) {
        link = link->next;
    }
    return link;
}

static bool link_set_is_sane(const wharf_sim_link *set) {
    bool times = set->latency_ns >= WHARF_OFF && set->latency_ns < TIME_MAX && set->spread_ns >= 0 &&
                 set->spread_ns < TIME_MAX && set->bytes_per_second >= 0;
    bool chances = set->loss_ppm <= MILLION && set->duplicate_ppm <= MILLION && set->reorder_ppm <= MILLION;
    return times && chances && (set->mtu == 0 || (set->mtu >= MTU_LEAST && set->mtu <= MTU_DEFAULT));
}

int link_set(struct link *link, const wharf_sim_link *set) {
    wharf_sim_link wanted = {0};
    memcpy(&wanted, set, set->size < sizeof(wanted) ? set->size : sizeof(wanted));
    if (!link_set_is_sane(&wanted)) {
        return fail(-EINVAL, "simulated link", NULL,
                    "times are at least 0, chances at most 1,000,000, mtu is 576 to 65535");
    }
    wanted.mtu = wanted.mtu != 0 ? wanted.mtu : MTU_DEFAULT;
    if (wanted.latency_ns == 0) {
        wanted.latency_ns = link->ends[0]->world->options.latency_ns;
    } else if (wanted.latency_ns == WHARF_OFF) {
        wanted.latency_ns = 0;
    }
    link->set = wanted;
    return 0;
}

/* ---- packets ---- */

int link_end(const struct link *link, const struct host *host) {
    return host == link->ends[0] ? 0 : 1;
}

bool link_is_cut(const struct link *link) {
    return link->cut_until > link->ends[0]->world->now || link->ends[0]->unreachable ||
           link->ends[1]->unreachable;
}

/* Exponentially distributed with this mean, by halves: each bit that is 0 adds another half-life, and where in the last one
 * it falls is even. No floating point, whose last digit depends on the machine's library. */
static int64_t chance_exponential(struct random *random, int64_t mean) {
    uint64_t bits = random_u64(random) | UINT64_C(1) << 63;
    int64_t halves = __builtin_ctzll(bits);
    int64_t half_life = mean - mean / 4 - mean / 18; /* ln 2 of it */
    return halves * half_life + (int64_t)random_below(random, (uint64_t)half_life + 1);
}

static int64_t link_latency(struct link *link) {
    struct world *world = link->ends[0]->world;
    int64_t latency = link->set.latency_ns;
    if (link->set.spread_ns > 0) {
        latency += chance_exponential(&world->network, link->set.spread_ns);
    }
    return link->slow_until > world->now ? latency + link->slow_ns : latency;
}

int64_t link_arrival(struct link *link) {
    return link->ends[0]->world->now + link_latency(link);
}

bool link_loses(const struct link *link) {
    struct world *world = link->ends[0]->world;
    uint64_t ppm = link->set.loss_ppm;
    if (link->lossy_until > world->now && (uint64_t)link->lossy_ppm > ppm) {
        ppm = (uint64_t)link->lossy_ppm;
    }
    return ppm > 0 && random_below(&world->network, MILLION) < ppm;
}

/* When the last byte has left `from`, behind what that sent before. */
static int64_t link_leave(struct link *link, const struct host *from, size_t size) {
    int64_t now = link->ends[0]->world->now;
    if (link->set.bytes_per_second == 0) {
        return now;
    }
    int64_t *free_at = &link->free_at[link_end(link, from)];
    __int128 takes = (__int128)size * SECOND_NS / link->set.bytes_per_second;
    int64_t begins = *free_at > now ? *free_at : now;
    *free_at = takes < TIME_MAX - begins ? begins + (int64_t)takes : TIME_MAX;
    return *free_at;
}

int64_t link_arrival_of(struct link *link, const struct host *from, size_t size) {
    int64_t at = link_leave(link, from, size) + link_latency(link);
    int64_t retry = LINK_RETRY_FIRST_NS;
    for (int losses = 0; losses < LOSSES_MAX && link_loses(link); losses++) {
        at += retry;
        retry *= 2;
    }
    return at;
}

static bool link_chance(const struct link *link, unsigned ppm) {
    return ppm > 0 && random_below(&link->ends[0]->world->network, MILLION) < ppm;
}

int link_datagram(struct link *link, const struct host *from, size_t size, int64_t *ret_at) {
    struct world *world = link->ends[0]->world;
    int64_t at = link_leave(link, from, size) + link_latency(link);
    size_t fragments = (size + HEADERS_UDP + link->set.mtu - 1) / link->set.mtu;
    bool is_lost = false;
    for (size_t i = 0; i < fragments; i++) {
        is_lost = link_loses(link) || is_lost;
    }
    int64_t *last_at = &link->last_at[link_end(link, from)];
    if (link_chance(link, link->set.reorder_ppm)) {
        at += (int64_t)random_below(&world->network, (uint64_t)(2 * link->set.latency_ns + OVERTAKEN_NS));
    } else {
        at = at > *last_at ? at : *last_at + 1;
        *last_at = at;
    }
    *ret_at = at;
    if (is_lost) {
        return 0;
    }
    return link_chance(link, link->set.duplicate_ppm) ? 2 : 1;
}

size_t link_segment(const struct link *link, int family) {
    return link->set.mtu - (size_t)(family == AF_INET ? HEADERS_V4 : HEADERS_V6);
}

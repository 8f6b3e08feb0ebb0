/* The plan of faults: checked, drawn, made to happen. What concerns a program is handed on to `disturb`. */
#include "sim/plan.h"

#include <errno.h>
#include <string.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sim/endpoint.h"
#include "sim/host.h"
#include "sim/link.h"

enum {
    CHAOS_KINDS_DEFAULT = ~(1 << WHARF_SIM_NO_MEMORY | 1 << WHARF_SIM_SIGNAL) &
                          ((1 << WHARF_SIM_FAULT_KINDS) - 1),
    ALLOCATIONS_AHEAD = 200,
    BYTES_AHEAD = 4096,
    MILLION = 1000000,
    SIGNAL_LAST = 64,
};

#define MILLISECOND_NS   INT64_C(1000000)
#define SECOND_NS        INT64_C(1000000000)
#define CHAOS_NS_DEFAULT (10 * SECOND_NS)
#define TIME_MAX         (INT64_MAX / 4)

/* What each kind concerns. */
enum { OF_A_LINK = 1, OF_A_PROGRAM = 2, NOT_THE_FIRST = 4, LASTS = 8 };

static const struct fault_kind {
    unsigned is;
    int64_t amount_least, amount_max;
} fault_kinds[WHARF_SIM_FAULT_KINDS] = {
    [WHARF_SIM_PARTITION] = {OF_A_LINK | LASTS, 0, INT64_MAX},
    [WHARF_SIM_DELAY] = {OF_A_LINK | LASTS, 1, TIME_MAX},
    [WHARF_SIM_LOSS] = {OF_A_LINK | LASTS, 1, MILLION},
    [WHARF_SIM_RESET] = {OF_A_LINK, 0, TIME_MAX},
    [WHARF_SIM_STALL] = {LASTS, 0, INT64_MAX},
    [WHARF_SIM_KILL] = {OF_A_PROGRAM | NOT_THE_FIRST | LASTS, 0, INT64_MAX},
    [WHARF_SIM_CRASH] = {OF_A_PROGRAM | NOT_THE_FIRST | LASTS, 0, INT64_MAX},
    [WHARF_SIM_SIGNAL] = {OF_A_PROGRAM, 1, SIGNAL_LAST},
    [WHARF_SIM_NO_SOCKETS] = {LASTS, 0, INT64_MAX},
    [WHARF_SIM_NO_MEMORY] = {0, 1, TIME_MAX},
    [WHARF_SIM_CLOCK] = {0, -TIME_MAX, TIME_MAX},
    [WHARF_SIM_SLOW_DISK] = {LASTS, 1, TIME_MAX},
    [WHARF_SIM_BAD_DISK] = {LASTS, 0, INT64_MAX},
    [WHARF_SIM_FULL_DISK] = {LASTS, 0, INT64_MAX},
    [WHARF_SIM_SLOW_NAMES] = {LASTS, 1, TIME_MAX},
    [WHARF_SIM_BAD_NAMES] = {LASTS, 0, INT64_MAX},
};

/* ---- happening ---- */

/* When something ends that lasts so long from now. */
static int64_t fault_end(const struct world *world, const wharf_sim_fault *fault) {
    return fault->for_ns == 0 || fault->for_ns > TIME_MAX ? INT64_MAX : world->now + fault->for_ns;
}

/* Every stream across the link, by RST or so that keep-alive finds out. */
static void link_each_stream(const struct link *link, struct host *host,
                             void (*each)(struct endpoint *endpoint)) {
    for (size_t i = 0; i < host->descriptors_size; i++) {
        struct endpoint *endpoint = host->descriptors[i];
        if (endpoint != NULL && endpoint->link == link && endpoint->state == ENDPOINT_CONNECTED &&
            endpoint->family != AF_UNIX) {
            each(endpoint);
        }
    }
}

static void link_each_end(struct link *link, void (*each)(struct endpoint *endpoint)) {
    link_each_stream(link, link->ends[0], each);
    if (link->ends[1] != link->ends[0]) {
        link_each_stream(link, link->ends[1], each);
    }
}

static void fault_of_link(struct link *link, const wharf_sim_fault *fault) {
    int64_t end = fault_end(link->ends[0]->world, fault);
    switch (fault->kind) {
    case WHARF_SIM_PARTITION:
        link->cut_until = end > link->cut_until ? end : link->cut_until;
        link_each_end(link, endpoint_probe);
        break;
    case WHARF_SIM_DELAY:
        link->slow_until = end;
        link->slow_ns = fault->amount;
        break;
    case WHARF_SIM_LOSS:
        link->lossy_until = end;
        link->lossy_ppm = fault->amount;
        break;
    default: /* WHARF_SIM_RESET */
        if (fault->amount == 0) {
            link_each_end(link, endpoint_break);
        } else {
            link->reset_after[0] = fault->amount;
            link->reset_after[1] = fault->amount;
        }
        break;
    }
}

/* All links that it names. A host is not cut off from itself, unless it is the only one. */
static void fault_of_links(struct host *host, const wharf_sim_fault *fault) {
    struct world *world = host->world;
    if (fault->peer[0] != '\0') {
        struct host *peer = host_find(world, fault->peer);
        if (peer != NULL) {
            fault_of_link(link_between(host, peer), fault);
        }
        return;
    }
    for (struct host *peer = world->first; peer != NULL; peer = peer->next) {
        if (peer != host || world->host_count == 1) {
            fault_of_link(link_between(host, peer), fault);
        }
    }
}

static void fault_of_host(struct host *host, const wharf_sim_fault *fault) {
    struct world *world = host->world;
    switch (fault->kind) {
    case WHARF_SIM_STALL: host->stalled_until = fault_end(world, fault); break;
    case WHARF_SIM_NO_SOCKETS: host->no_sockets_until = fault_end(world, fault); break;
    case WHARF_SIM_CLOCK: host->clock_skew_ns += fault->amount; break;
    case WHARF_SIM_SLOW_DISK:
        host->disk.slow_until = fault_end(world, fault);
        host->disk.slow_ns = fault->amount;
        break;
    case WHARF_SIM_SLOW_NAMES:
        host->slow_names_until = fault_end(world, fault);
        host->slow_names_ns = fault->amount;
        break;
    case WHARF_SIM_BAD_NAMES: host->bad_names_until = fault_end(world, fault); break;
    case WHARF_SIM_BAD_DISK: host->disk.bad_until = fault_end(world, fault); break;
    case WHARF_SIM_FULL_DISK: host->disk.full_until = fault_end(world, fault); break;
    default: /* WHARF_SIM_NO_MEMORY */ (void)mem_fail_in((uint64_t)fault->amount); break;
    }
}

static void fault_happens(struct world *world, const wharf_sim_fault *fault) {
    struct host *host = host_find(world, fault->host);
    if (host == NULL || world->ending) {
        return;
    }
    unsigned is = fault_kinds[fault->kind].is;
    if ((is & OF_A_LINK) != 0) {
        fault_of_links(host, fault);
    } else if ((is & OF_A_PROGRAM) != 0) {
        world->disturb(host, fault);
    } else {
        fault_of_host(host, fault);
    }
}

static void plan_on_entry(struct event *event) {
    struct plan_entry *entry = (struct plan_entry *)(void *)event;
    fault_happens(entry->world, &entry->fault);
}

/* ---- entering ---- */

static bool name_is_sane(const char *name) {
    return strnlen(name, WHARF_SIM_NAME_SIZE) < WHARF_SIM_NAME_SIZE;
}

int plan_check(const struct world *world, const wharf_sim_fault *fault) {
    if (fault->kind < 1 || fault->kind >= WHARF_SIM_FAULT_KINDS || !name_is_sane(fault->host) ||
        !name_is_sane(fault->peer) || fault->at_ns < 0 || fault->for_ns < 0) {
        return fail(-EINVAL, "plan", NULL,
                    "no such kind of fault, a name that does not end, or a time below 0");
    }
    const struct fault_kind *kind = &fault_kinds[fault->kind];
    if (fault->amount < kind->amount_least || fault->amount > kind->amount_max) {
        return fail(-EINVAL, "plan", fault->host, "an amount that this kind of fault cannot have");
    }
    bool is_first = fault->host[0] == '\0' || strcmp(fault->host, world->first->name) == 0;
    if ((kind->is & NOT_THE_FIRST) != 0 && is_first) {
        return fail(-EINVAL, "plan", world->first->name, "the scenario's own host cannot die");
    }
    return 0;
}

static struct plan_entry *plan_take(struct world *world, const wharf_sim_fault *fault) {
    struct plan_entry *entry = &world->plan.entries[world->plan.count];
    world->plan.count++;
    *entry = (struct plan_entry){.event.fire = plan_on_entry, .world = world, .fault = *fault};
    return entry;
}

/* The entry happens at its time. */
static void plan_schedule(struct plan_entry *entry) {
    int64_t at_ns = entry->fault.at_ns < TIME_MAX ? entry->fault.at_ns : TIME_MAX;
    event_push(&entry->world->events, &entry->event, WORLD_START_NS + at_ns);
}

static int plan_check_room(const struct world *world, const wharf_sim_fault *fault) {
    int rc = plan_check(world, fault);
    if (rc == 0 && world->plan.count == WHARF_SIM_FAULTS_MAX) {
        return fail(-WHARF_ELIMIT, "plan", NULL, "WHARF_SIM_FAULTS_MAX: a run has at most %d faults",
                    WHARF_SIM_FAULTS_MAX);
    }
    return rc;
}

int plan_inject(struct world *world, const wharf_sim_fault *fault) {
    int rc = plan_check_room(world, fault);
    if (rc < 0) {
        return rc;
    }
    struct plan_entry *entry = plan_take(world, fault);
    entry->by_code = true;
    if (fault->at_ns > world->now - WORLD_START_NS) {
        plan_schedule(entry);
    } else {
        fault_happens(world, fault);
    }
    return 0;
}

size_t plan_copy(const struct world *world, wharf_sim_fault out[static WHARF_SIM_FAULTS_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < world->plan.count; i++) {
        if (!world->plan.entries[i].by_code) {
            out[count] = world->plan.entries[i].fault;
            count++;
        }
    }
    return count;
}

/* ---- drawing ---- */

static uint64_t draw(struct world *world, uint64_t below) {
    return random_below(&world->faults, below);
}

/* Short ones are as likely as long ones: 1 ms to about 16 s. */
static int64_t draw_duration(struct world *world) {
    int64_t scale = MILLISECOND_NS << draw(world, 14);
    return scale + (int64_t)draw(world, (uint64_t)scale);
}

static int64_t draw_amount(struct world *world, wharf_sim_fault_kind kind) {
    switch (kind) {
    case WHARF_SIM_DELAY:
    case WHARF_SIM_SLOW_NAMES:
    case WHARF_SIM_SLOW_DISK: return draw_duration(world) / 4;
    case WHARF_SIM_LOSS: return 1000 + (int64_t)draw(world, MILLION / 2);
    case WHARF_SIM_RESET: return (int64_t)draw(world, BYTES_AHEAD);
    case WHARF_SIM_SIGNAL: return 15;
    case WHARF_SIM_NO_MEMORY: return 1 + (int64_t)draw(world, ALLOCATIONS_AHEAD);
    case WHARF_SIM_CLOCK: return draw_duration(world) * (draw(world, 2) == 0 ? -1 : 1);
    default: return 0;
    }
}

static bool kind_is_possible(const struct world *world, unsigned kind, unsigned wanted) {
    bool needs_another = (fault_kinds[kind].is & NOT_THE_FIRST) != 0 || kind == WHARF_SIM_PARTITION;
    return (wanted >> kind & 1U) != 0 && (!needs_another || world->host_count > 1);
}

/* 0: none is possible. */
static unsigned draw_kind(struct world *world) {
    unsigned wanted = world->options.chaos_kinds != 0 ? world->options.chaos_kinds : CHAOS_KINDS_DEFAULT;
    unsigned possible[WHARF_SIM_FAULT_KINDS];
    size_t count = 0;
    for (unsigned kind = 1; kind < WHARF_SIM_FAULT_KINDS; kind++) {
        if (kind_is_possible(world, kind, wanted)) {
            possible[count] = kind;
            count++;
        }
    }
    return count > 0 ? possible[draw(world, count)] : 0;
}

static const struct host *draw_host(struct world *world, bool not_the_first) {
    uint64_t skipped = not_the_first ? 1 : 0;
    uint64_t n = skipped + draw(world, world->host_count - skipped);
    const struct host *host = world->first;
    for (; n > 0; n--) {
        host = host->next;
    }
    return host;
}

static void plan_draw(struct world *world) {
    unsigned kind = draw_kind(world);
    if (kind == 0 || world->plan.count == WHARF_SIM_FAULTS_MAX) {
        return;
    }
    unsigned is = fault_kinds[kind].is;
    wharf_sim_fault fault = {.at_ns = world->now - WORLD_START_NS, .kind = (wharf_sim_fault_kind)kind};
    fault.for_ns = (is & LASTS) != 0 ? draw_duration(world) : 0;
    fault.amount = draw_amount(world, fault.kind);
    const struct host *host = draw_host(world, (is & NOT_THE_FIRST) != 0);
    memcpy(fault.host, host->name, sizeof(fault.host));
    if ((is & OF_A_LINK) != 0 && draw(world, 2) == 0) {
        const struct host *peer = draw_host(world, false);
        memcpy(fault.peer, peer != host ? peer->name : "", peer != host ? sizeof(fault.peer) : 1);
    }
    (void)plan_take(world, &fault);
    fault_happens(world, &fault);
}

/* The rest of the stretch in as many parts as there are faults to come. */
static int64_t draw_pause(struct world *world) {
    int64_t end = WORLD_START_NS + world->options.chaos_ns;
    int64_t left = end > world->now ? end - world->now : 0;
    return (int64_t)draw(world, (uint64_t)left / world->plan.to_draw * 2 + 1);
}

static void plan_on_drawing(struct event *event) {
    struct plan *plan = (struct plan *)(void *)((char *)event - offsetof(struct plan, drawing));
    struct world *world = (struct world *)(void *)((char *)plan - offsetof(struct world, plan));
    if (world->ending) {
        return;
    }
    plan_draw(world);
    plan->to_draw--;
    if (plan->to_draw > 0) {
        event_push(&world->events, event, world->now + draw_pause(world));
    }
}

int plan_init(struct world *world) {
    wharf_sim_options *options = &world->options;
    if (options->fault_count > WHARF_SIM_FAULTS_MAX || options->chaos > WHARF_SIM_FAULTS_MAX ||
        (options->faults == NULL && options->fault_count > 0) || options->chaos_ns < 0) {
        return fail(-EINVAL, "plan", NULL, "a run has at most %d faults", WHARF_SIM_FAULTS_MAX);
    }
    for (size_t i = 0; i < options->fault_count; i++) {
        int rc = plan_check_room(world, &options->faults[i]);
        if (rc < 0) {
            return rc;
        }
        plan_schedule(plan_take(world, &options->faults[i]));
    }
    options->chaos_ns = options->chaos_ns != 0 ? options->chaos_ns : CHAOS_NS_DEFAULT;
    world->plan.to_draw = options->chaos;
    world->plan.drawing.fire = plan_on_drawing;
    if (options->chaos > 0) {
        event_push(&world->events, &world->plan.drawing, world->now + draw_pause(world));
    }
    return 0;
}

/* Hosts: who has which address, the descriptors of each, and whose turn it is. */
#include "sim/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sim/endpoint.h"
#include "sim/link.h"

enum {
    DESCRIPTORS_FIRST_SIZE = 64,
    FIRST_PORT = 32768,
    FIRST_PORT_SPREAD = 1000,
    ADDRESS_TEXT_SIZE = 64,
    DISK_NS_DEFAULT = 100000
};

/* ---- addresses ---- */

static bool host_has(const struct host *host, const struct place *place) {
    for (size_t i = 0; i < host->address_count; i++) {
        if (memcmp(host->addresses[i].ip, place->ip, PLACE_IP_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* The host that was given an address; NULL: nobody was. */
static struct host *host_given(const struct world *world, const struct place *place) {
    struct host *host = world->first;
    while (host != NULL && !host_has(host, place)) {
        host = host->next;
    }
    return host;
}

struct host *host_of_place(struct host *caller, const struct place *place) {
    if (place->kind != PLACE_IP || place_is_loopback(place) || place_is_any(place)) {
        return caller;
    }
    struct host *given = host_given(caller->world, place);
    return given != NULL ? given : caller->world->first;
}

bool host_owns(const struct host *host, const struct place *place) {
    if (place->kind != PLACE_IP || place_is_any(place) || place_is_loopback(place)) {
        return true;
    }
    const struct host *given = host_given(host->world, place);
    return given == host || (given == NULL && host == host->world->first);
}

struct place host_source(const struct host *host, const struct place *to) {
    bool v4 = place_is_v4(to);
    if (v4 && place_is_loopback(to)) {
        return place_loopback(true, 0);
    }
    struct place source = *to;
    source.port = 0;
    if (host_owns(host, to)) {
        return source;
    }
    for (size_t i = 0; i < host->address_count; i++) {
        if (place_is_v4(&host->addresses[i]) == v4) {
            return host->addresses[i];
        }
    }
    return place_any(v4);
}

static int addresses_parse(struct host *host, const char *text) {
    struct place places[HOST_ADDRESSES_MAX];
    int count = places_parse(text, places, HOST_ADDRESSES_MAX);
    if (count <= 0) {
        return fail(-EINVAL, "simulated host", host->name, "addresses are 1 to %d IP addresses, not \"%s\"",
                    HOST_ADDRESSES_MAX, text);
    }
    for (int i = 0; i < count; i++) {
        if (host_given(host->world, &places[i]) != NULL) {
            return fail(-EEXIST, "simulated host", host->name, "another host has one of %s", text);
        }
        host->addresses[i] = places[i];
    }
    host->address_count = (size_t)count;
    return 0;
}

/* ---- life ---- */

static int name_check(const struct world *world, const char *name) {
    if (name == NULL || name[0] == '\0' || strlen(name) >= WHARF_SIM_NAME_SIZE) {
        return fail(-EINVAL, "simulated host", name, "a host's name has 1 to %d bytes",
                    WHARF_SIM_NAME_SIZE - 1);
    }
    if (host_find(world, name) != NULL) {
        return fail(-EEXIST, "simulated host", name, "another host has the name");
    }
    return 0;
}

/* The N-th host's, when nothing else is said. */
static void addresses_default(const struct host *host, char *out, size_t size) {
    (void)snprintf(out, size, "10.0.%u.%u fd00::%x", host->number >> 8, host->number & 255U, host->number);
}

/* All but its place in the world, which it has when nothing can fail any more. */
static int host_fill_in(struct host *host, const wharf_sim_host *options) {
    char addresses[ADDRESS_TEXT_SIZE];
    addresses_default(host, addresses, sizeof(addresses));
    int rc = addresses_parse(host, options->addresses != NULL ? options->addresses : addresses);
    return rc == 0 ? links_new(host->world, host) : rc;
}

int host_new(struct world *world, const wharf_sim_host *options, struct host **ret_host) {
    int rc = name_check(world, options->name);
    if (rc < 0) {
        return rc;
    }
    struct host *host = mem_zalloc(sizeof(*host));
    if (host == NULL) {
        return -ENOMEM;
    }
    host->world = world;
    host->number = world->host_count + 1;
    host->state = world->first == NULL ? HOST_UP : HOST_DOWN;
    host->clock_skew_ns = options->clock_skew_ns;
    host->sockets_max = options->sockets_max != 0 ? options->sockets_max : world->options.sockets_max;
    host->disk.operation_ns = options->disk_ns == WHARF_OFF ? 0
                              : options->disk_ns != 0       ? options->disk_ns
                                                            : DISK_NS_DEFAULT;
    host->until = INT64_MAX;
    host->next_port = (uint16_t)(FIRST_PORT + random_below(&world->bytes, FIRST_PORT_SPREAD));
    memcpy(host->name, options->name, strlen(options->name));
    rc = host_fill_in(host, options);
    if (rc < 0) {
        mem_free(host);
        return rc;
    }
    if (world->last != NULL) {
        world->last->next = host;
    } else {
        world->first = host;
    }
    world->last = host;
    world->host_count++;
    *ret_host = host;
    return 0;
}

void host_free(struct host *host) {
    host_close_all(host, false);
    disk_deinit(host);
    event_remove(&host->world->events, &host->restarting);
    mem_free(host->descriptors);
    mem_free(host);
}

struct host *host_find(const struct world *world, const char *name) {
    struct host *host = world->first;
    while (host != NULL && name[0] != '\0' && strcmp(host->name, name) != 0) {
        host = host->next;
    }
    return host;
}

/* ---- descriptors ---- */

int host_place(struct host *host, struct endpoint *endpoint) {
    struct world *world = host->world;
    world->asked++;
    if (world->asked == world->options.fail_descriptor) {
        world_strike(world, world->asked, "descriptor, which is refused");
        return -EMFILE;
    }
    if ((host->sockets_max > 0 && host->open >= host->sockets_max) || host->no_sockets_until > world->now) {
        return -EMFILE;
    }
    size_t at = host->lowest_free;
    while (at < host->descriptors_size && host->descriptors[at] != NULL) {
        at++;
    }
    if (at == host->descriptors_size) {
        size_t size = at > 0 ? 2 * at : DESCRIPTORS_FIRST_SIZE;
        struct endpoint **grown = mem_realloc(host->descriptors, size * sizeof(*grown));
        if (grown == NULL) {
            return -ENOMEM;
        }
        memset(grown + at, 0, (size - at) * sizeof(*grown));
        host->descriptors = grown;
        host->descriptors_size = size;
    }
    host->descriptors[at] = endpoint;
    host->lowest_free = at + 1;
    host->open++;
    endpoint->fd = HOST_FIRST_DESCRIPTOR + (int)at;
    return endpoint->fd;
}

void host_displace(struct host *host, struct endpoint *endpoint) {
    if (endpoint->fd < HOST_FIRST_DESCRIPTOR) {
        return;
    }
    size_t at = (size_t)(endpoint->fd - HOST_FIRST_DESCRIPTOR);
    host->descriptors[at] = NULL;
    if (at < host->lowest_free) {
        host->lowest_free = at;
    }
    host->open--;
    endpoint->fd = -1;
}

struct endpoint *host_endpoint(const struct host *host, int fd) {
    if (fd < HOST_FIRST_DESCRIPTOR || (size_t)(fd - HOST_FIRST_DESCRIPTOR) >= host->descriptors_size) {
        return NULL;
    }
    return host->descriptors[fd - HOST_FIRST_DESCRIPTOR];
}

void host_close_all(struct host *host, bool silently) {
    for (size_t i = 0; i < host->descriptors_size; i++) {
        struct endpoint *endpoint = host->descriptors[i];
        if (endpoint == NULL) {
            continue;
        }
        if (silently) {
            endpoint_vanish(endpoint);
        } else {
            endpoint_close(endpoint, false);
        }
    }
}

/* ---- turns ---- */

void host_wake(struct host *host) {
    atomic_store(&host->woken, true);
}

/* When it has something to do; INT64_MAX: it waits for others. */
static int64_t host_due_at(const struct host *host) {
    if (host->state == HOST_DOWN) {
        return INT64_MAX;
    }
    int64_t due = atomic_load(&host->woken) ? 0 : host->until;
    return due > host->stalled_until ? due : host->stalled_until;
}

/* The n-th of those that have something to do now, after `from` and round to it again. NULL: there are not so many. */
static struct host *host_due(const struct world *world, struct host *from, size_t n) {
    struct host *host = from;
    for (unsigned i = 0; i < world->host_count; i++) {
        host = host->next != NULL ? host->next : world->first;
        if (host_due_at(host) <= world->now) {
            if (n == 0) {
                return host;
            }
            n--;
        }
    }
    return NULL;
}

static int64_t hosts_next_due(const struct world *world) {
    int64_t next = INT64_MAX;
    for (const struct host *host = world->first; host != NULL; host = host->next) {
        int64_t due = host_due_at(host);
        next = due < next ? due : next;
    }
    return next;
}

struct host *host_choose(struct world *world, struct host *caller, int64_t until) {
    struct host *from = caller != NULL ? caller : world->first;
    if (caller != NULL) {
        caller->until = until;
    }
    for (;;) {
        (void)world_run_due(world);
        size_t count = 0;
        while (host_due(world, from, count) != NULL) {
            count++;
        }
        if (count > 0) {
            struct host *chosen = host_due(world, from, count > 1 ? world_pick(world, count) : 0);
            atomic_store(&chosen->woken, false);
            return chosen;
        }
        if (!world_jump(world, hosts_next_due(world))) {
            return NULL;
        }
    }
}

/* How endpoints meet: addresses, listeners, calls.
 *
 * A call takes one latency and is then answered at once; a listener whose backlog is full does not answer, and
 * the caller tries again after 1, 2, 4 ... seconds, as TCP does.
 */
#include <errno.h>
#include <netinet/in.h>

#include "sched/io.h"
#include "sim/endpoint.h"

enum { BACKLOG_MAX = 4096, ATTEMPTS_MAX = 6, EPHEMERAL_FIRST = 32768, EPHEMERAL_COUNT = 28232 };

#define RETRY_FIRST_NS INT64_C(1000000000)

/* ---- addresses ---- */

static bool endpoint_is_v6_only(const struct endpoint *endpoint) {
    int64_t only = 0;
    (void)option_get(&endpoint->options, IPPROTO_IPV6, IPV6_V6ONLY, &only);
    return endpoint->family == AF_INET6 && only != 0;
}

static bool endpoint_shares_port(const struct endpoint *endpoint) {
    int64_t shares = 0;
    (void)option_get(&endpoint->options, SOL_SOCKET, SO_REUSEPORT, &shares);
    return shares != 0;
}

/* Two bound endpoints cannot both have an address that either would take the other's calls at. */
static bool place_is_taken(const struct endpoint *endpoint, const struct place *wanted) {
    for (const struct endpoint *at = endpoint->world->bound; at != NULL; at = at->bound_next) {
        if (at == endpoint || (endpoint_shares_port(endpoint) && endpoint_shares_port(at))) {
            continue;
        }
        if (place_accepts(&at->local, endpoint_is_v6_only(at), wanted) > 0 ||
            place_accepts(wanted, endpoint_is_v6_only(endpoint), &at->local) > 0) {
            return true;
        }
    }
    return false;
}

/* A port that nobody is bound to, for the address in `place`. */
static int place_pick_port(const struct endpoint *endpoint, struct place *place) {
    struct world *world = endpoint->world;
    for (int i = 0; i < EPHEMERAL_COUNT; i++) {
        uint16_t offset = (uint16_t)((world->next_port - EPHEMERAL_FIRST) % EPHEMERAL_COUNT);
        place->port = (uint16_t)(EPHEMERAL_FIRST + offset);
        world->next_port = (uint16_t)(place->port + 1);
        if (!place_is_taken(endpoint, place)) {
            return 0;
        }
    }
    return -EADDRINUSE;
}

static int endpoint_bind_to(struct endpoint *endpoint, struct place place) {
    if (place.kind == PLACE_IP && place.port == 0) {
        int error = place_pick_port(endpoint, &place);
        if (error < 0) {
            return error;
        }
    } else if (place_is_taken(endpoint, &place)) {
        return -EADDRINUSE;
    }
    endpoint->local = place;
    endpoint->bound_next = endpoint->world->bound;
    endpoint->world->bound = endpoint;
    return 0;
}

void endpoint_unbind(struct endpoint *endpoint) {
    struct endpoint **at = &endpoint->world->bound;
    while (*at != NULL && *at != endpoint) {
        at = &(*at)->bound_next;
    }
    if (*at != NULL) {
        *at = endpoint->bound_next;
    }
}

/* Where the call to `wanted` ends: an exact address before "any". NULL: nobody listens. */
static struct endpoint *listener_find(const struct world *world, const struct place *wanted) {
    struct endpoint *best = NULL;
    int best_match = 0;
    for (struct endpoint *at = world->bound; at != NULL; at = at->bound_next) {
        if (at->state != ENDPOINT_LISTENING) {
            continue;
        }
        int match = place_accepts(&at->local, endpoint_is_v6_only(at), wanted);
        if (match > best_match) {
            best = at;
            best_match = match;
        }
    }
    return best;
}

/* ---- the listening side ---- */

int endpoint_open(struct world *world, int family, int type) {
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX) {
        return -EAFNOSUPPORT;
    }
    if ((type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != SOCK_STREAM) {
        return -ESOCKTNOSUPPORT;
    }
    struct endpoint *endpoint = endpoint_new(world, family);
    if (endpoint == NULL) {
        return -ENOMEM;
    }
    int fd = world_place(world, endpoint);
    if (fd < 0) {
        endpoint_free(endpoint);
    }
    return fd;
}

int endpoint_bind(struct endpoint *endpoint, const struct sockaddr *address, socklen_t len) {
    struct place place;
    int error = place_of_address(endpoint->family, address, len, &place);
    if (error < 0) {
        return error;
    }
    if (endpoint->state != ENDPOINT_FRESH || endpoint->local.kind != PLACE_NONE) {
        return -EINVAL;
    }
    return endpoint_bind_to(endpoint, place);
}

int endpoint_listen(struct endpoint *endpoint, int backlog) {
    if (endpoint->state != ENDPOINT_FRESH && endpoint->state != ENDPOINT_LISTENING) {
        return -EINVAL;
    }
    if (endpoint->local.kind == PLACE_NONE) {
        if (endpoint->family == AF_UNIX) {
            return -EINVAL;
        }
        int error = endpoint_bind_to(endpoint, place_any(endpoint->family == AF_INET));
        if (error < 0) {
            return error;
        }
    }
    endpoint->state = ENDPOINT_LISTENING;
    endpoint->backlog.max = backlog >= 0 && backlog < BACKLOG_MAX ? backlog : BACKLOG_MAX;
    return 0;
}

static void backlog_push(struct endpoint *listener, struct endpoint *caller) {
    struct backlog *backlog = &listener->backlog;
    if (backlog->last != NULL) {
        backlog->last->queue_next = caller;
    } else {
        backlog->first = caller;
    }
    backlog->last = caller;
    backlog->count++;
}

static struct endpoint *backlog_pop(struct endpoint *listener) {
    struct backlog *backlog = &listener->backlog;
    struct endpoint *caller = backlog->first;
    backlog->first = caller->queue_next;
    backlog->last = backlog->first != NULL ? backlog->last : NULL;
    backlog->count--;
    caller->queue_next = NULL;
    return caller;
}

void endpoint_drop_backlog(struct endpoint *endpoint) {
    while (endpoint->backlog.count > 0) {
        endpoint_close(backlog_pop(endpoint), true);
    }
}

int endpoint_accept(struct endpoint *endpoint, struct place *ret_remote) {
    if (endpoint->state != ENDPOINT_LISTENING) {
        return -EINVAL;
    }
    if (endpoint->backlog.count == 0) {
        return -EAGAIN;
    }
    int fd = world_place(endpoint->world, endpoint->backlog.first);
    if (fd >= 0) {
        *ret_remote = backlog_pop(endpoint)->remote;
    }
    return fd;
}

/* ---- the calling side ---- */

/* The address a caller gets that has none: on loopback its own, elsewhere the one it calls. */
static int endpoint_bind_caller(struct endpoint *endpoint, const struct place *to) {
    if (endpoint->local.kind != PLACE_NONE) {
        return 0;
    }
    struct place from = {.kind = PLACE_UNIX};
    if (to->kind == PLACE_IP) {
        from = place_is_v4(to) && to->ip[12] == 127 ? place_loopback(true, 0) : *to;
        int error = place_pick_port(endpoint, &from);
        if (error < 0) {
            return error;
        }
    }
    endpoint->local = from;
    return 0;
}

static void endpoint_refuse(struct endpoint *endpoint, int error) {
    endpoint_free(endpoint->peer);
    endpoint->peer = NULL;
    endpoint->state = ENDPOINT_FRESH;
    endpoint->error = error;
    endpoint_tell(endpoint, IO_READ | IO_WRITE | IO_HANGUP | IO_BROKEN);
}

static void endpoint_on_connecting(struct event *event) {
    struct endpoint *client = ENDPOINT_OF(event, connecting);
    struct world *world = client->world;
    struct endpoint *listener = listener_find(world, &client->remote);
    if (listener == NULL) {
        bool is_path = client->remote.kind == PLACE_UNIX && client->remote.name[0] != '\0';
        endpoint_refuse(client, is_path ? -ENOENT : -ECONNREFUSED);
        return;
    }
    if (listener->backlog.count > listener->backlog.max) {
        if (client->attempts == ATTEMPTS_MAX) {
            endpoint_refuse(client, -ETIMEDOUT);
            return;
        }
        event_push(&world->events, event, world->now + (RETRY_FIRST_NS << client->attempts));
        client->attempts++;
        return;
    }
    struct endpoint *server = client->peer;
    server->family = listener->family;
    server->local = client->remote;
    server->remote = client->local;
    server->options = listener->options;
    endpoint_join(client, server);
    backlog_push(listener, server);
    endpoint_tell(client, IO_WRITE);
    endpoint_tell(listener, IO_READ);
}

int endpoint_connect(struct endpoint *endpoint, const struct sockaddr *address, socklen_t len) {
    if (endpoint->state == ENDPOINT_CONNECTING) {
        return -EALREADY;
    }
    if (endpoint->state != ENDPOINT_FRESH) {
        return -EISCONN;
    }
    struct place to;
    int error = place_of_address(endpoint->family, address, len, &to);
    if (error < 0) {
        return error;
    }
    if (to.kind == PLACE_IP && place_is_any(&to)) {
        to = place_loopback(place_is_v4(&to), to.port);
    }
    struct endpoint *server = endpoint_new(endpoint->world, endpoint->family);
    if (server == NULL) {
        return -ENOMEM;
    }
    error = endpoint_bind_caller(endpoint, &to);
    if (error < 0) {
        endpoint_free(server);
        return error;
    }
    endpoint->error = 0;
    endpoint->remote = to;
    endpoint->peer = server;
    endpoint->attempts = 0;
    endpoint->state = ENDPOINT_CONNECTING;
    endpoint->connecting.fire = endpoint_on_connecting;
    struct world *world = endpoint->world;
    event_push(&world->events, &endpoint->connecting, world->now + world->options.latency_ns);
    return -EINPROGRESS;
}

int endpoint_connect_result(struct endpoint *endpoint) {
    if (endpoint->state == ENDPOINT_CONNECTING) {
        return -EINPROGRESS;
    }
    return endpoint_take_error(endpoint);
}

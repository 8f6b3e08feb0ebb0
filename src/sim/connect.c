/* How endpoints meet: addresses, listeners, calls.
 *
 *      caller                                     host that is called
 *        |-- SYN: one latency ------------------> a listener? its backlog not full?
 *        |<------ SYN-ACK or RST: another --------'
 *      CONNECTED
 *        `-- ACK: a third ----------------------> may be accepted
 *
 * Nobody answers where a packet is lost, a link is cut, a host has crashed or a backlog is full; the caller tries again
 * after 1, 2, 4 ... seconds, as TCP does. Unix sockets know no such delays: they meet in one step.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "sched/io.h"
#include "sim/endpoint.h"
#include "sim/link.h"

enum {
    BACKLOG_MAX = 4096,
    ATTEMPTS_MAX = 6,
    EPHEMERAL_FIRST = 32768,
    EPHEMERAL_COUNT = 28232,
    ANY_NAME_BYTES = 6, /* NUL and five digits: unix(7) */
};

#define RETRY_FIRST_NS INT64_C(1000000000)

/* ---- addresses ---- */

bool endpoint_is_v6_only(const struct endpoint *endpoint) {
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
    for (const struct endpoint *at = endpoint->host->bound; at != NULL; at = at->bound_next) {
        if (at == endpoint || at->type != endpoint->type ||
            (endpoint_shares_port(endpoint) && endpoint_shares_port(at))) {
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
    struct host *host = endpoint->host;
    for (int i = 0; i < EPHEMERAL_COUNT; i++) {
        uint16_t offset = (uint16_t)((host->next_port - EPHEMERAL_FIRST) % EPHEMERAL_COUNT);
        place->port = (uint16_t)(EPHEMERAL_FIRST + offset);
        host->next_port = (uint16_t)(place->port + 1);
        if (!place_is_taken(endpoint, place)) {
            return 0;
        }
    }
    return -EADDRINUSE;
}

static int endpoint_bind_to(struct endpoint *endpoint, struct place place) {
    if (!host_owns(endpoint->host, &place)) {
        return -EADDRNOTAVAIL;
    }
    if (place.kind == PLACE_IP && place.port == 0) {
        int error = place_pick_port(endpoint, &place);
        if (error < 0) {
            return error;
        }
    } else if (place_is_taken(endpoint, &place)) {
        return -EADDRINUSE;
    }
    endpoint->local = place;
    endpoint->bound_next = endpoint->host->bound;
    endpoint->host->bound = endpoint;
    return 0;
}

void endpoint_unbind(struct endpoint *endpoint) {
    struct endpoint **at = &endpoint->host->bound;
    while (*at != NULL && *at != endpoint) {
        at = &(*at)->bound_next;
    }
    if (*at != NULL) {
        *at = endpoint->bound_next;
    }
}

/* Where the call to `wanted` ends: an exact address before "any". NULL: nobody listens. */
static struct endpoint *listener_find(const struct host *host, int type, const struct place *wanted) {
    struct endpoint *best = NULL;
    int best_match = 0;
    for (struct endpoint *at = host->bound; at != NULL; at = at->bound_next) {
        if (at->state != ENDPOINT_LISTENING || at->type != type) {
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

int endpoint_open(struct host *host, int family, int type) {
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX) {
        return -EAFNOSUPPORT;
    }
    type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (type != SOCK_STREAM && type != SOCK_DGRAM && (type != SOCK_SEQPACKET || family != AF_UNIX)) {
        return -ESOCKTNOSUPPORT;
    }
    struct endpoint *endpoint = endpoint_new(host, family, type);
    if (endpoint == NULL) {
        return -ENOMEM;
    }
    int fd = host_place(host, endpoint);
    if (fd < 0) {
        endpoint_free(endpoint);
    }
    return fd;
}

int endpoint_pair(struct host *host, int type, int ret_fds[2]) {
    int fds[2];
    fds[0] = endpoint_open(host, AF_UNIX, type);
    if (fds[0] < 0) {
        return fds[0];
    }
    struct endpoint *first = host_endpoint(host, fds[0]);
    fds[1] = endpoint_open(host, AF_UNIX, type);
    if (fds[1] < 0) {
        endpoint_close(first, false);
        return fds[1];
    }
    struct endpoint *second = host_endpoint(host, fds[1]);
    first->link = link_between(host, host);
    second->link = first->link;
    if (type == SOCK_DGRAM) {
        first->peer = second;
        second->peer = first;
    } else {
        endpoint_join(first, second);
    }
    ret_fds[0] = fds[0];
    ret_fds[1] = fds[1];
    return 0;
}

/* A Unix socket that asks for any name gets an abstract one that nobody has. */
static struct place place_any_name(struct host *host) {
    struct place place = {.kind = PLACE_UNIX, .name_len = ANY_NAME_BYTES};
    char digits[ANY_NAME_BYTES];
    (void)snprintf(digits, sizeof(digits), "%05x", host->names_given & 0xfffffU);
    memcpy(place.name + 1, digits, sizeof(digits) - 1);
    host->names_given++;
    return place;
}

int endpoint_bind_sender(struct endpoint *endpoint) {
    if (endpoint->family == AF_UNIX || endpoint->local.kind != PLACE_NONE) {
        return 0;
    }
    return endpoint_bind_to(endpoint, place_any(endpoint->family == AF_INET));
}

int endpoint_bind(struct endpoint *endpoint, const struct sockaddr *address, socklen_t len) {
    struct place place;
    int error = 0;
    if (endpoint->family == AF_UNIX && len == sizeof(sa_family_t)) {
        place = place_any_name(endpoint->host);
    } else {
        error = place_of_address(endpoint->family, address, len, &place);
    }
    if (error < 0) {
        return error;
    }
    if (endpoint->state != ENDPOINT_FRESH || endpoint->local.kind != PLACE_NONE) {
        return -EINVAL;
    }
    return endpoint_bind_to(endpoint, place);
}

int endpoint_listen(struct endpoint *endpoint, int backlog) {
    if (endpoint->type == SOCK_DGRAM) {
        return -EOPNOTSUPP;
    }
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

static bool backlog_is_full(const struct endpoint *listener) {
    return listener->backlog.count > listener->backlog.max;
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

static struct endpoint *backlog_take(struct endpoint *listener, struct endpoint *caller) {
    struct backlog *backlog = &listener->backlog;
    struct endpoint *before = NULL;
    for (struct endpoint *at = backlog->first; at != caller; at = at->queue_next) {
        before = at;
    }
    if (before != NULL) {
        before->queue_next = caller->queue_next;
    } else {
        backlog->first = caller->queue_next;
    }
    backlog->last = backlog->last == caller ? before : backlog->last;
    backlog->count--;
    caller->queue_next = NULL;
    return caller;
}

/* The first that may be accepted, or NULL. */
static struct endpoint *backlog_confirmed(const struct endpoint *listener) {
    struct endpoint *caller = listener->backlog.first;
    while (caller != NULL && !caller->confirmed) {
        caller = caller->queue_next;
    }
    return caller;
}

void endpoint_drop_backlog(struct endpoint *endpoint, bool silently) {
    while (endpoint->backlog.count > 0) {
        struct endpoint *caller = backlog_take(endpoint, endpoint->backlog.first);
        if (silently) {
            endpoint_vanish(caller);
        } else {
            endpoint_close(caller, true);
        }
    }
}

bool endpoint_has_call(const struct endpoint *endpoint) {
    return backlog_confirmed(endpoint) != NULL;
}

int endpoint_accept(struct endpoint *endpoint, struct place *ret_remote) {
    if (endpoint->state != ENDPOINT_LISTENING) {
        return -EINVAL;
    }
    struct endpoint *caller = backlog_confirmed(endpoint);
    if (caller == NULL) {
        return -EAGAIN;
    }
    int fd = host_place(endpoint->host, caller);
    if (fd >= 0) {
        *ret_remote = backlog_take(endpoint, caller)->remote;
    }
    return fd;
}

/* ---- the calling side ---- */

/* The address that a caller gets which has none. */
static int endpoint_bind_caller(struct endpoint *endpoint, const struct place *to) {
    if (endpoint->local.kind != PLACE_NONE) {
        return 0;
    }
    struct place from = {.kind = PLACE_UNIX};
    if (to->kind == PLACE_IP) {
        from = host_source(endpoint->host, to);
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

static void endpoint_on_call(struct event *event);

/* Nobody has answered; `connecting` will be a call again. */
static void endpoint_call_again(struct endpoint *client) {
    int64_t attempts = ATTEMPTS_MAX;
    (void)option_get(&client->options, IPPROTO_TCP, TCP_SYNCNT, &attempts);
    if (client->attempts >= attempts) {
        endpoint_refuse(client, -ETIMEDOUT);
        return;
    }
    struct world *world = client->world;
    client->connecting.fire = endpoint_on_call;
    world_push(world, &client->connecting, world->now + (RETRY_FIRST_NS << client->attempts));
    client->attempts++;
}

static void endpoint_on_refusal(struct event *event) {
    struct endpoint *client = ENDPOINT_OF(event, connecting);
    client->was_refused = true;
    if (link_is_cut(client->link)) {
        endpoint_call_again(client);
        return;
    }
    endpoint_refuse(client, -ECONNREFUSED);
}

/* The caller's confirmation; the listener has the endpoint in its backlog. */
static void endpoint_on_confirmation(struct event *event) {
    struct endpoint *server = ENDPOINT_OF(event, connecting);
    if (link_is_cut(server->link) && server->attempts == ATTEMPTS_MAX) {
        endpoint_vanish(backlog_take(server->listener, server));
        return;
    }
    if (link_is_cut(server->link)) {
        world_push(server->world, event, server->world->now + (RETRY_FIRST_NS << server->attempts));
        server->attempts++;
        return;
    }
    server->confirmed = true;
    endpoint_tell(server->listener, IO_READ);
}

/* The two become a connection, which waits to be accepted. */
static void endpoint_meet(struct endpoint *client, struct endpoint *listener) {
    struct endpoint *server = client->peer;
    server->family = listener->family;
    server->local = client->remote;
    server->remote = client->local;
    server->options = listener->options;
    server->link = client->link;
    endpoint_join(client, server);
    server->listener = listener;
    backlog_push(listener, server);
    endpoint_tell(client, IO_WRITE);
}

static void endpoint_on_answer(struct event *event) {
    struct endpoint *client = ENDPOINT_OF(event, connecting);
    struct endpoint *listener = listener_find(client->peer->host, client->type, &client->remote);
    if (link_is_cut(client->link)) {
        endpoint_call_again(client);
        return;
    }
    if (listener == NULL) {
        endpoint_refuse(client, -ECONNREFUSED);
        return;
    }
    if (backlog_is_full(listener)) {
        endpoint_call_again(client);
        return;
    }
    struct endpoint *server = client->peer;
    endpoint_meet(client, listener);
    server->connecting.fire = endpoint_on_confirmation;
    world_push(client->world, &server->connecting, link_arrival(client->link));
}

static void endpoint_on_call(struct event *event) {
    struct endpoint *client = ENDPOINT_OF(event, connecting);
    if (link_is_cut(client->link) || link_loses(client->link)) {
        endpoint_call_again(client);
        return;
    }
    struct endpoint *listener = listener_find(client->peer->host, client->type, &client->remote);
    if (listener != NULL && backlog_is_full(listener)) {
        endpoint_call_again(client);
        return;
    }
    event->fire = listener != NULL ? endpoint_on_answer : endpoint_on_refusal;
    world_push(client->world, event, link_arrival(client->link));
}

/* A Unix socket's call is answered where it arrives. */
static void endpoint_on_unix_call(struct event *event) {
    struct endpoint *client = ENDPOINT_OF(event, connecting);
    struct endpoint *listener = listener_find(client->host, client->type, &client->remote);
    if (listener == NULL) {
        endpoint_refuse(client, client->remote.name[0] != '\0' ? -ENOENT : -ECONNREFUSED);
        return;
    }
    if (backlog_is_full(listener)) {
        if (client->attempts == ATTEMPTS_MAX) {
            endpoint_refuse(client, -ETIMEDOUT);
            return;
        }
        world_push(client->world, event, client->world->now + (RETRY_FIRST_NS << client->attempts));
        client->attempts++;
        return;
    }
    client->peer->confirmed = true;
    endpoint_meet(client, listener);
    endpoint_tell(listener, IO_READ);
}

/* Datagrams: says where they go and from where they are taken. */
static int endpoint_connect_datagrams(struct endpoint *endpoint, const struct place *to) {
    int error = 0;
    if (to->kind == PLACE_UNIX) {
        error = datagrams_check_name(endpoint, to);
    } else if (endpoint->local.kind == PLACE_NONE) {
        error = endpoint_bind_to(endpoint, host_source(endpoint->host, to));
    }
    if (error == 0) {
        endpoint->remote = *to;
    }
    return error;
}

int endpoint_connect(struct endpoint *endpoint, const struct sockaddr *address, socklen_t len) {
    if (endpoint->state == ENDPOINT_CONNECTING) {
        return -EALREADY;
    }
    if (endpoint->state != ENDPOINT_FRESH) {
        return -EISCONN;
    }
    if (endpoint->was_refused) { /* the next call is told, once */
        endpoint->was_refused = false;
        return -ECONNABORTED;
    }
    struct place to;
    int error = place_of_address(endpoint->family, address, len, &to);
    if (error < 0) {
        return error;
    }
    if (to.kind == PLACE_IP && place_is_any(&to)) {
        to = place_loopback(place_is_v4(&to), to.port);
    }
    if (endpoint->type == SOCK_DGRAM) {
        return endpoint_connect_datagrams(endpoint, &to);
    }
    struct host *called = host_of_place(endpoint->host, &to);
    struct endpoint *server = endpoint_new(called, endpoint->family, endpoint->type);
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
    endpoint->link = link_between(endpoint->host, called);
    endpoint->state = ENDPOINT_CONNECTING;
    endpoint->connecting.fire = to.kind == PLACE_UNIX ? endpoint_on_unix_call : endpoint_on_call;
    world_push(endpoint->world, &endpoint->connecting, link_arrival(endpoint->link));
    return -EINPROGRESS;
}

int endpoint_connect_result(struct endpoint *endpoint) {
    if (endpoint->state == ENDPOINT_CONNECTING) {
        return -EINPROGRESS;
    }
    return endpoint_take_error(endpoint);
}

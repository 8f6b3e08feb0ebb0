/* Making, closing and reporting of simulated sockets. */
#include "sim/endpoint.h"

#include "base/memory.h"
#include "sched/io.h"

static void endpoint_on_telling(struct event *event) {
    struct endpoint *endpoint = ENDPOINT_OF(event, telling);
    int ready = endpoint->pending;
    endpoint->pending = 0;
    if (endpoint->io != NULL) {
        host_wake(endpoint->host);
        endpoint->world->report(endpoint->host, endpoint->io, ready);
    }
}

struct endpoint *endpoint_new(struct host *host, int family, int type) {
    struct endpoint *endpoint = mem_zalloc(sizeof(*endpoint));
    if (endpoint == NULL) {
        return NULL;
    }
    endpoint->world = host->world;
    endpoint->host = host;
    endpoint->fd = -1;
    endpoint->family = family;
    endpoint->type = type;
    endpoint->telling.fire = endpoint_on_telling;
    inbox_init(&endpoint->inbox);
    option_init(&endpoint->options);
    return endpoint;
}

void endpoint_free(struct endpoint *endpoint) {
    struct event_queue *events = &endpoint->world->events;
    event_remove(events, &endpoint->telling);
    event_remove(events, &endpoint->connecting);
    event_remove(events, &endpoint->arriving);
    event_remove(events, &endpoint->resetting);
    event_remove(events, &endpoint->window.event);
    inbox_deinit(&endpoint->inbox);
    mailbox_deinit(&endpoint->mailbox);
    mem_free(endpoint);
}

/* The other one of a pair has nobody to send to. */
static void endpoint_part_pair(struct endpoint *endpoint) {
    if (endpoint->peer != NULL) {
        endpoint->peer->peer = NULL;
    }
}

void endpoint_close(struct endpoint *endpoint, bool reset) {
    host_displace(endpoint->host, endpoint);
    endpoint_unbind(endpoint);
    switch (endpoint->state) {
    case ENDPOINT_FRESH: endpoint_part_pair(endpoint); break;
    case ENDPOINT_LISTENING: endpoint_drop_backlog(endpoint, false); break;
    case ENDPOINT_CONNECTING: endpoint_free(endpoint->peer); break;
    case ENDPOINT_CONNECTED: endpoint_part(endpoint, reset); break;
    }
    endpoint_free(endpoint);
}

void endpoint_vanish(struct endpoint *endpoint) {
    host_displace(endpoint->host, endpoint);
    endpoint_unbind(endpoint);
    switch (endpoint->state) {
    case ENDPOINT_FRESH: endpoint_part_pair(endpoint); break;
    case ENDPOINT_LISTENING: endpoint_drop_backlog(endpoint, true); break;
    case ENDPOINT_CONNECTING: endpoint_free(endpoint->peer); break;
    case ENDPOINT_CONNECTED: endpoint_part_silently(endpoint); break;
    }
    endpoint_free(endpoint);
}

void endpoint_tell(struct endpoint *endpoint, int ready) {
    endpoint_tell_at(endpoint, ready, endpoint->world->now);
}

void endpoint_tell_at(struct endpoint *endpoint, int ready, int64_t at) {
    if (ready == 0) {
        return;
    }
    endpoint->pending |= ready;
    if (!endpoint->telling.queued || endpoint->telling.at > at) {
        world_push(endpoint->world, &endpoint->telling, at);
    }
}

int endpoint_ready(const struct endpoint *endpoint) {
    if (endpoint->state == ENDPOINT_LISTENING) {
        return endpoint_has_call(endpoint) ? IO_READ : 0;
    }
    if (endpoint->type == SOCK_DGRAM) {
        bool is_news = endpoint->mailbox.count > 0 || endpoint->error < 0;
        return IO_WRITE | (is_news ? IO_READ : 0);
    }
    int broken = IO_READ | IO_WRITE | IO_HANGUP | IO_BROKEN;
    if (endpoint->state != ENDPOINT_CONNECTED) {
        return endpoint->error < 0 ? broken : 0;
    }
    if (endpoint->was_reset) {
        return broken;
    }
    int ready = endpoint->out.credit > 0 || endpoint->out.fin ? IO_WRITE : 0;
    if (endpoint->inbox.ready > 0) {
        ready |= IO_READ;
    }
    if (endpoint->inbox.ended) {
        ready |= IO_READ | IO_HANGUP | (endpoint->out.fin ? IO_BROKEN : 0);
    }
    return ready;
}

int endpoint_take_error(struct endpoint *endpoint) {
    int error = endpoint->error;
    endpoint->error = 0;
    return error;
}

int endpoint_get_option(struct endpoint *endpoint, int level, int option, int64_t *ret_value) {
    if (level != SOL_SOCKET) {
        return option_get(&endpoint->options, level, option, ret_value);
    }
    switch (option) {
    case SO_ERROR: *ret_value = -endpoint_take_error(endpoint); return 0;
    case SO_TYPE: *ret_value = endpoint->type; return 0;
    case SO_DOMAIN: *ret_value = endpoint->family; return 0;
    case SO_ACCEPTCONN: *ret_value = endpoint->state == ENDPOINT_LISTENING; return 0;
    default: return option_get(&endpoint->options, level, option, ret_value);
    }
}

/* The bytes of a connection, with the manners of TCP on Linux:
 *
 *   - FIN: the reader gets what came before, then 0, again and again; its own sending goes on.
 *   - RST: the reader gets what has arrived, then -ECONNRESET once, then 0; a sender gets the error once
 *     (-EPIPE when the FIN had come before), then -EPIPE.
 *   - A close with bytes unread sends RST; bytes that arrive after a close are answered with RST, so the first
 *     send to a peer that is gone succeeds.
 *   - Room: a sender may have stream_bytes under way or unread; room that a reader makes is known to the
 *     sender one latency later.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "sched/io.h"
#include "sim/endpoint.h"

/* ---- what happens to an endpoint ---- */

static void endpoint_expect_arrival(struct endpoint *endpoint) {
    struct world *world = endpoint->world;
    int64_t next = inbox_next(&endpoint->inbox);
    if (next != INT64_MAX && !endpoint->arriving.queued) {
        event_push(&world->events, &endpoint->arriving, next);
    }
}

static void endpoint_on_arriving(struct event *event) {
    struct endpoint *endpoint = ENDPOINT_OF(event, arriving);
    int ready = inbox_arrive(&endpoint->inbox, endpoint->world->now) ? IO_READ : 0;
    if (endpoint->inbox.ended) {
        ready |= IO_HANGUP | (endpoint->out.fin ? IO_BROKEN : 0);
    }
    endpoint_expect_arrival(endpoint);
    endpoint_tell(endpoint, ready);
}

static void endpoint_on_resetting(struct event *event) {
    struct endpoint *endpoint = ENDPOINT_OF(event, resetting);
    if (endpoint->was_reset) {
        return;
    }
    (void)inbox_arrive(&endpoint->inbox, endpoint->world->now);
    inbox_cut(&endpoint->inbox);
    event_remove(&endpoint->world->events, &endpoint->arriving);
    endpoint->was_reset = true;
    endpoint->error = endpoint->inbox.ended ? -EPIPE : -ECONNRESET;
    endpoint_tell(endpoint, IO_READ | IO_WRITE | IO_HANGUP | IO_BROKEN);
}

/* An RST, too, comes after what was sent before it. */
static void endpoint_reset_at(struct endpoint *endpoint, int64_t at) {
    if (at < endpoint->inbox.last_at) {
        at = endpoint->inbox.last_at;
    }
    if (!endpoint->resetting.queued || endpoint->resetting.at > at) {
        event_push(&endpoint->world->events, &endpoint->resetting, at);
    }
}

/* Tells the peer of the room that reading has made. */
static void endpoint_on_window(struct event *event) {
    struct endpoint *reader = ENDPOINT_OF(event, window.event);
    struct window *window = &reader->window;
    struct endpoint *sender = reader->peer;
    size_t room = window->underway;
    window->underway = window->returned;
    window->returned = 0;
    if (window->underway > 0) {
        event_push(&reader->world->events, event, reader->world->now + reader->world->options.latency_ns);
    }
    if (sender == NULL) {
        return;
    }
    sender->out.credit += room;
    if (sender->out.starved) {
        sender->out.starved = false;
        endpoint_tell(sender, IO_WRITE);
    }
}

static void endpoint_return_room(struct endpoint *reader, size_t size) {
    struct window *window = &reader->window;
    if (window->event.queued) {
        window->returned += size;
        return;
    }
    window->underway = size;
    event_push(&reader->world->events, &window->event,
               reader->world->now + reader->world->options.latency_ns);
}

static void endpoint_begin(struct endpoint *endpoint, struct endpoint *peer) {
    endpoint->state = ENDPOINT_CONNECTED;
    endpoint->peer = peer;
    endpoint->out.credit = endpoint->world->options.stream_bytes;
    endpoint->arriving.fire = endpoint_on_arriving;
    endpoint->resetting.fire = endpoint_on_resetting;
    endpoint->window.event.fire = endpoint_on_window;
}

void endpoint_join(struct endpoint *client, struct endpoint *server) {
    endpoint_begin(client, server);
    endpoint_begin(server, client);
}

/* ---- what a test does to the n-th call ---- */

/* Both ends are reset: this one now, its peer when word of it has travelled. */
static void endpoint_reset_now(struct endpoint *endpoint) {
    struct world *world = endpoint->world;
    if (endpoint->peer != NULL) {
        endpoint_reset_at(endpoint->peer, world->now + world->options.latency_ns);
    }
    event_remove(&world->events, &endpoint->resetting);
    endpoint_on_resetting(&endpoint->resetting);
}

/* A call could move `most` bytes: how many it is allowed. The connection may be reset afterwards. */
static size_t endpoint_call(struct endpoint *endpoint, size_t most) {
    struct world *world = endpoint->world;
    world->calls++;
    if (world->calls == world->options.reset_call) {
        world_strike(world, world->calls, "send or receive that finds its connection reset");
        endpoint_reset_now(endpoint);
    } else if (world->calls == world->options.short_call) {
        world_strike(world, world->calls, "send or receive that moves a single byte");
    }
    return world->calls == world->options.short_call ? 1 : world_piece(world, most);
}

/* ---- receiving ---- */

ssize_t endpoint_recv(struct endpoint *endpoint, void *buffer, size_t size) {
    if (endpoint->state == ENDPOINT_CONNECTING) {
        return -EAGAIN;
    }
    if (endpoint->state != ENDPOINT_CONNECTED) {
        int error = endpoint_take_error(endpoint);
        return error < 0 ? error : -ENOTCONN;
    }
    if (size == 0) {
        return 0;
    }
    if (endpoint->inbox.ready > 0) {
        size_t most = size < endpoint->inbox.ready ? size : endpoint->inbox.ready;
        size_t taken = inbox_take(&endpoint->inbox, buffer, endpoint_call(endpoint, most));
        endpoint_return_room(endpoint, taken);
        return (ssize_t)taken;
    }
    if (endpoint->inbox.ended) {
        return 0;
    }
    if (endpoint->was_reset) {
        return endpoint_take_error(endpoint);
    }
    return -EAGAIN;
}

/* ---- sending ---- */

/* 0: there is room; else what a send returns. */
static int endpoint_check_send(struct endpoint *endpoint) {
    if (endpoint->state == ENDPOINT_CONNECTING) {
        return -EAGAIN;
    }
    int error = endpoint_take_error(endpoint);
    if (error < 0) {
        return error;
    }
    if (endpoint->state != ENDPOINT_CONNECTED) {
        return endpoint->family == AF_UNIX ? -ENOTCONN : -EPIPE;
    }
    bool is_gone = endpoint->peer == NULL && endpoint->family == AF_UNIX; /* known at once on one machine */
    if (endpoint->out.fin || endpoint->was_reset || is_gone) {
        return -EPIPE;
    }
    if (endpoint->out.credit == 0) {
        endpoint->out.starved = true;
        return -EAGAIN;
    }
    return 0;
}

/* How much of `size` one call takes; there is room for 1. */
static size_t endpoint_send_piece(struct endpoint *endpoint, uint64_t size) {
    size_t most = size < endpoint->out.credit ? (size_t)size : endpoint->out.credit;
    size_t piece = endpoint_call(endpoint, most);
    uint64_t limit = endpoint->world->options.reset_at_byte;
    if (limit > 0 && !endpoint->world->did_reset && endpoint->out.sent + piece > limit) {
        piece = (size_t)(limit - endpoint->out.sent);
    }
    return piece;
}

/* The planned reset, once a stream has carried so many bytes: both ends hear of it after those. */
static void endpoint_reset_as_planned(struct endpoint *endpoint) {
    struct world *world = endpoint->world;
    if (world->options.reset_at_byte == 0 || world->did_reset ||
        endpoint->out.sent < world->options.reset_at_byte) {
        return;
    }
    world->did_reset = true;
    int64_t at = world->now + world->options.latency_ns;
    endpoint_reset_at(endpoint, at);
    if (endpoint->peer != NULL) {
        endpoint_reset_at(endpoint->peer, at);
    }
}

/* Puts a filled segment on its way; the segment is not the caller's any more. */
static void endpoint_post(struct endpoint *endpoint, struct segment *segment) {
    struct world *world = endpoint->world;
    size_t size = segment->size;
    endpoint->out.sent += size;
    endpoint->out.credit -= size;
    if (endpoint->peer == NULL) {
        mem_free(segment);
        endpoint_reset_at(endpoint, world->now + 2 * world->options.latency_ns);
        return;
    }
    inbox_post(&endpoint->peer->inbox, segment, world->now + world->options.latency_ns);
    endpoint_expect_arrival(endpoint->peer);
    endpoint_reset_as_planned(endpoint);
}

static void pieces_copy(const struct iovec *pieces, unsigned char *out, size_t size) {
    for (size_t copied = 0; copied < size; pieces++) {
        size_t part = pieces->iov_len < size - copied ? pieces->iov_len : size - copied;
        if (part > 0) {
            memcpy(out + copied, pieces->iov_base, part);
        }
        copied += part;
    }
}

ssize_t endpoint_send(struct endpoint *endpoint, const struct iovec *pieces, int count) {
    uint64_t offered = 0;
    for (int i = 0; i < count; i++) {
        offered += pieces[i].iov_len;
    }
    int error = endpoint_check_send(endpoint);
    if (error < 0 || offered == 0) {
        return error;
    }
    size_t size = endpoint_send_piece(endpoint, offered);
    if (endpoint->was_reset) {
        return endpoint_take_error(endpoint);
    }
    struct segment *segment = segment_new(size);
    if (segment == NULL) {
        return -ENOMEM;
    }
    pieces_copy(pieces, segment->bytes, size);
    endpoint_post(endpoint, segment);
    return (ssize_t)size;
}

int64_t endpoint_sendfile(struct endpoint *endpoint, int file, int64_t offset, int64_t size) {
    int error = endpoint_check_send(endpoint);
    if (error < 0 || size <= 0) {
        return error;
    }
    size_t piece = endpoint_send_piece(endpoint, (uint64_t)size);
    if (endpoint->was_reset) {
        return endpoint_take_error(endpoint);
    }
    struct segment *segment = segment_new(piece);
    if (segment == NULL) {
        return -ENOMEM;
    }
    ssize_t got = pread(file, segment->bytes, segment->size, offset);
    int64_t result = got < 0 ? -errno : got;
    if (result <= 0) {
        mem_free(segment);
        return result;
    }
    segment->size = (size_t)got;
    endpoint_post(endpoint, segment);
    return got;
}

/* ---- ending ---- */

int endpoint_shutdown(struct endpoint *endpoint) {
    if (endpoint->state != ENDPOINT_CONNECTED || endpoint->was_reset) {
        return -ENOTCONN;
    }
    if (endpoint->out.fin) {
        return 0;
    }
    endpoint->out.fin = true;
    if (endpoint->peer != NULL) {
        struct world *world = endpoint->world;
        inbox_post_fin(&endpoint->peer->inbox, world->now + world->options.latency_ns);
        endpoint_expect_arrival(endpoint->peer);
    }
    endpoint_tell(endpoint, IO_WRITE | (endpoint->inbox.ended ? IO_READ | IO_HANGUP | IO_BROKEN : 0));
    return 0;
}

void endpoint_part(struct endpoint *endpoint, bool reset) {
    struct world *world = endpoint->world;
    struct endpoint *peer = endpoint->peer;
    if (peer == NULL) {
        return;
    }
    endpoint->peer = NULL;
    peer->peer = NULL;
    if (endpoint->was_reset || peer->was_reset) {
        return;
    }
    int64_t answer = world->now + world->options.latency_ns;
    /* A Unix socket knows no other reset than that its peer left something unread. */
    if ((reset && endpoint->family != AF_UNIX) || endpoint->inbox.ready > 0) {
        endpoint_reset_at(peer, answer);
    } else {
        if (!endpoint->out.fin) {
            inbox_post_fin(&peer->inbox, answer);
            endpoint_expect_arrival(peer);
        }
        if (endpoint->inbox.flying != NULL) {
            endpoint_reset_at(peer, endpoint->inbox.flying->at + world->options.latency_ns);
        }
    }
    /* Nobody is left to make room: what is sent now is thrown away, and answered with a reset. */
    peer->out.credit = world->options.stream_bytes;
    if (peer->out.starved) {
        peer->out.starved = false;
        endpoint_tell_at(peer, IO_WRITE, answer);
    }
}

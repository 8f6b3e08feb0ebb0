/* The bytes of a connection, with the manners of TCP on Linux:
 *
 *   - FIN: the reader gets what came before, then 0, again and again; its own sending goes on.
 *   - RST: the reader gets what has arrived, then -ECONNRESET once, then 0; a sender gets the error once
 *     (-EPIPE when the FIN had come before), then -EPIPE.
 *   - A close with bytes unread sends RST; bytes that arrive after a close are answered with RST, so the first
 *     send to a peer that is gone succeeds.
 *   - Room: a sender may have stream_bytes under way or unread; room that a reader makes is known to the
 *     sender one latency later.
 *   - What is lost, or arrives where a link is cut, is sent again after 200 ms, 400 ms ... and holds up all that follows;
 *     after 15 times, or TCP_USER_TIMEOUT, the sender has -ETIMEDOUT. An RST that is lost is not sent again: its endpoint
 *     learns the truth when it sends, or by keep-alive.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "sched/io.h"
#include "sim/endpoint.h"
#include "sim/link.h"

#define SECOND_NS      INT64_C(1000000000)
#define MILLISECOND_NS INT64_C(1000000)

/* ---- asking again ---- */

static int64_t endpoint_option(const struct endpoint *endpoint, int level, int option) {
    int64_t value = 0;
    (void)option_get(&endpoint->options, level, option, &value);
    return value;
}

/* How often what `sender` sends is sent again. */
static struct asking endpoint_resends(const struct endpoint *sender) {
    struct asking asking = {true, true, LINK_RETRIES_MAX, LINK_RETRY_FIRST_NS};
    int64_t limit = sender != NULL ? endpoint_option(sender, IPPROTO_TCP, TCP_USER_TIMEOUT) * MILLISECOND_NS
                                   : 0;
    int64_t wait = LINK_RETRY_FIRST_NS;
    for (int tries = 1; limit > 0 && tries < LINK_RETRIES_MAX; tries++) {
        limit -= wait;
        wait *= 2;
        asking.left = limit <= 0 ? tries : asking.left;
    }
    return asking;
}

/* Another try is scheduled; false: there have been enough. */
static bool asking_again(struct asking *asking, struct world *world, struct event *event) {
    if (asking->left == 0) {
        return false;
    }
    asking->left--;
    world_push(world, event, world->now + asking->wait_ns);
    if (asking->doubles) {
        asking->wait_ns = asking->wait_ns < LINK_RETRY_LAST_NS / 2 ? 2 * asking->wait_ns : LINK_RETRY_LAST_NS;
    }
    return true;
}

/* ---- what happens to an endpoint ---- */

static void endpoint_expect_arrival(struct endpoint *endpoint) {
    int64_t next = inbox_next(&endpoint->inbox);
    if (next != INT64_MAX && !endpoint->arriving.queued) {
        world_push(endpoint->world, &endpoint->arriving, next);
    }
}

/* It is no connection any more, for this end alone. */
static void endpoint_fail(struct endpoint *endpoint, int error) {
    inbox_cut(&endpoint->inbox);
    event_remove(&endpoint->world->events, &endpoint->arriving);
    event_remove(&endpoint->world->events, &endpoint->resetting);
    endpoint->was_reset = true;
    endpoint->error = error;
    endpoint_tell(endpoint, IO_READ | IO_WRITE | IO_HANGUP | IO_BROKEN);
}

/* The peer has never acknowledged: the sender gives up, and the other end does not learn of it. */
static void endpoint_give_up(struct endpoint *endpoint) {
    struct endpoint *peer = endpoint->peer;
    if (peer != NULL) {
        peer->peer = NULL;
        endpoint->peer = NULL;
    }
    endpoint_fail(endpoint, -ETIMEDOUT);
}

/* What was on its way arrives, unless the way is cut: then it is sent again. */
static void endpoint_on_arriving(struct event *event) {
    struct endpoint *endpoint = ENDPOINT_OF(event, arriving);
    if (endpoint->family != AF_UNIX && link_is_cut(endpoint->link)) {
        if (!endpoint->resending.is_on) {
            endpoint->resending = endpoint_resends(endpoint->peer);
        }
        if (asking_again(&endpoint->resending, endpoint->world, event)) {
            return;
        }
        inbox_cut(&endpoint->inbox);
        if (endpoint->peer != NULL) {
            endpoint_give_up(endpoint->peer);
        }
        return;
    }
    endpoint->resending.is_on = false;
    int ready = inbox_arrive(&endpoint->inbox, endpoint->world->now) ? IO_READ : 0;
    if (endpoint->inbox.ended) {
        ready |= IO_HANGUP | (endpoint->out.fin ? IO_BROKEN : 0);
    }
    endpoint_expect_arrival(endpoint);
    endpoint_tell(endpoint, ready);
}

/* An RST; or, of one that asks, the answer that there is no such connection, or none. */
static void endpoint_on_resetting(struct event *event) {
    struct endpoint *endpoint = ENDPOINT_OF(event, resetting);
    if (endpoint->was_reset) {
        return;
    }
    bool is_cut = endpoint->family != AF_UNIX && link_is_cut(endpoint->link);
    if (!endpoint->asking.is_on && is_cut) {
        return;
    }
    if (is_cut) {
        if (!asking_again(&endpoint->asking, endpoint->world, event)) {
            endpoint_give_up(endpoint);
        }
        return;
    }
    bool is_answered = endpoint->asking.is_on && endpoint->peer != NULL;
    endpoint->asking.is_on = false;
    if (is_answered) {
        return;
    }
    (void)inbox_arrive(&endpoint->inbox, endpoint->world->now);
    endpoint_fail(endpoint, endpoint->inbox.ended ? -EPIPE : -ECONNRESET);
}

/* An RST, too, comes after what was sent before it. */
static void endpoint_reset_at(struct endpoint *endpoint, int64_t at) {
    if (at < endpoint->inbox.last_at) {
        at = endpoint->inbox.last_at;
    }
    if (!endpoint->resetting.queued || endpoint->resetting.at > at || endpoint->asking.is_on) {
        endpoint->asking.is_on = false;
        world_push(endpoint->world, &endpoint->resetting, at);
    }
}

/* It asks from `at` on, unless it does already or knows the answer. */
static void endpoint_ask(struct endpoint *endpoint, int64_t at, struct asking asking) {
    if (!endpoint->was_reset && !endpoint->resetting.queued) {
        endpoint->asking = asking;
        world_push(endpoint->world, &endpoint->resetting, at);
    }
}

void endpoint_probe(struct endpoint *endpoint) {
    if (endpoint->state != ENDPOINT_CONNECTED || endpoint_option(endpoint, SOL_SOCKET, SO_KEEPALIVE) == 0) {
        return;
    }
    int64_t idle = endpoint_option(endpoint, IPPROTO_TCP, TCP_KEEPIDLE);
    int64_t interval = endpoint_option(endpoint, IPPROTO_TCP, TCP_KEEPINTVL);
    int64_t probes = endpoint_option(endpoint, IPPROTO_TCP, TCP_KEEPCNT);
    struct asking asking = {true, false, (int)probes - 1, interval * SECOND_NS};
    endpoint_ask(endpoint, endpoint->world->now + idle * SECOND_NS, asking);
}

/* Tells the peer of the room that reading has made; where that is lost, it is told again. */
static void endpoint_on_window(struct event *event) {
    struct endpoint *reader = ENDPOINT_OF(event, window.event);
    struct window *window = &reader->window;
    struct endpoint *sender = reader->peer;
    if (sender != NULL && reader->family != AF_UNIX && link_is_cut(reader->link)) {
        if (!window->asking.is_on) {
            window->asking = endpoint_resends(NULL);
        }
        (void)asking_again(&window->asking, reader->world, event);
        return;
    }
    window->asking.is_on = false;
    size_t room = window->underway;
    window->underway = window->returned;
    window->returned = 0;
    if (window->underway > 0) {
        world_push(reader->world, event, link_arrival(reader->link));
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
    window->underway += size;
    world_push(reader->world, &window->event, link_arrival(reader->link));
}

static void endpoint_begin(struct endpoint *endpoint, struct endpoint *peer) {
    event_remove(&endpoint->world->events, &endpoint->connecting);
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
    if (endpoint->peer != NULL) {
        endpoint_reset_at(endpoint->peer, link_arrival(endpoint->link));
    }
    (void)inbox_arrive(&endpoint->inbox, endpoint->world->now);
    endpoint_fail(endpoint, endpoint->inbox.ended ? -EPIPE : -ECONNRESET);
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

int endpoint_recv_packet(struct endpoint *endpoint, void *buffer, size_t size, size_t *ret_whole,
                         size_t *ret_size) {
    if (endpoint->state != ENDPOINT_CONNECTED || endpoint->inbox.ready == 0) {
        char none = 0;
        ssize_t end = endpoint_recv(endpoint, &none, 1);
        return end < 0 ? (int)end : 0;
    }
    size_t whole = endpoint->inbox.first->size;
    size_t taken = inbox_take(&endpoint->inbox, buffer, size < whole ? size : whole);
    *ret_whole = whole;
    *ret_size = taken;
    inbox_skip(&endpoint->inbox, whole - taken);
    endpoint_return_room(endpoint, whole);
    return 0;
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

/* Bytes that a stream from this end may carry until the planned reset; SIZE_MAX: none is planned. */
static size_t endpoint_reset_after(const struct endpoint *endpoint) {
    const struct world *world = endpoint->world;
    size_t left = SIZE_MAX;
    if (world->options.reset_at_byte > 0 && !world->did_reset) {
        left = (size_t)(world->options.reset_at_byte - endpoint->out.sent);
    }
    int64_t of_link = endpoint->link->reset_after[link_end(endpoint->link, endpoint->host)];
    return of_link >= 0 && (size_t)of_link < left ? (size_t)of_link : left;
}

/* When what it sends now arrives. */
static int64_t endpoint_arrival_of(const struct endpoint *endpoint, size_t size) {
    return endpoint->family == AF_UNIX ? link_arrival(endpoint->link)
                                       : link_arrival_of(endpoint->link, endpoint->host, size);
}

/* How much of `size` one call takes; there is room for 1. */
static size_t endpoint_send_piece(struct endpoint *endpoint, uint64_t size) {
    size_t most = size < endpoint->out.credit ? (size_t)size : endpoint->out.credit;
    size_t segment = endpoint->family != AF_UNIX ? link_segment(endpoint->link, endpoint->family) : most;
    if (endpoint->type == SOCK_SEQPACKET) {
        return most; /* whole or not at all */
    }
    size_t piece = endpoint_call(endpoint, most < segment ? most : segment);
    size_t limit = endpoint_reset_after(endpoint);
    return piece < limit ? piece : limit;
}

void endpoint_break(struct endpoint *endpoint) {
    int64_t at = endpoint->family == AF_UNIX ? endpoint->world->now : link_arrival(endpoint->link);
    struct endpoint *peer = endpoint->peer;
    endpoint_reset_at(endpoint, at);
    if (peer != NULL) {
        endpoint_reset_at(peer, at);
    }
}

/* The planned reset, once a stream has carried so many bytes: both ends hear of it after those. */
static void endpoint_reset_as_planned(struct endpoint *endpoint, size_t size) {
    struct world *world = endpoint->world;
    int64_t *of_link = &endpoint->link->reset_after[link_end(endpoint->link, endpoint->host)];
    bool is_planned = world->options.reset_at_byte > 0 && !world->did_reset &&
                      endpoint->out.sent >= world->options.reset_at_byte;
    world->did_reset = world->did_reset || is_planned;
    if (*of_link >= 0) {
        *of_link -= (int64_t)size;
        if (*of_link == 0) {
            is_planned = true;
            *of_link = -1;
        }
    }
    if (is_planned) {
        endpoint_break(endpoint);
    }
}

/* Puts a filled segment on its way; the segment is not the caller's any more. */
static void endpoint_post(struct endpoint *endpoint, struct segment *segment) {
    size_t size = segment->size;
    endpoint->out.sent += size;
    endpoint->out.credit -= size;
    if (endpoint->peer == NULL) {
        mem_free(segment);
        int64_t there = link_arrival(endpoint->link);
        int64_t back = link_arrival(endpoint->link) - endpoint->world->now;
        endpoint_ask(endpoint, there + back, endpoint_resends(endpoint));
        return;
    }
    inbox_post(&endpoint->peer->inbox, segment, endpoint_arrival_of(endpoint, size));
    endpoint_expect_arrival(endpoint->peer);
    endpoint_reset_as_planned(endpoint, size);
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
    if (endpoint->type == SOCK_SEQPACKET && offered > endpoint->out.credit) {
        endpoint->out.starved = true;
        return offered > endpoint->world->options.stream_bytes ? -EMSGSIZE : -EAGAIN;
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
        inbox_post_fin(&endpoint->peer->inbox, endpoint_arrival_of(endpoint, 0));
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
    int64_t answer = link_arrival(endpoint->link);
    /* A Unix socket knows no other reset than that its peer left something unread. */
    if ((reset && endpoint->family != AF_UNIX) || endpoint->inbox.ready > 0) {
        endpoint_reset_at(peer, answer);
    } else {
        if (!endpoint->out.fin) {
            inbox_post_fin(&peer->inbox, endpoint_arrival_of(endpoint, 0));
            endpoint_expect_arrival(peer);
        }
        if (endpoint->inbox.flying != NULL) {
            int64_t back = answer - world->now;
            endpoint_ask(peer, endpoint->inbox.flying->at + back, endpoint_resends(peer));
        }
    }
    /* Nobody is left to make room: what is sent now is thrown away, and answered with a reset. */
    peer->out.credit = world->options.stream_bytes;
    if (peer->out.starved) {
        peer->out.starved = false;
        endpoint_tell_at(peer, IO_WRITE, answer);
    }
}

void endpoint_part_silently(struct endpoint *endpoint) {
    struct endpoint *peer = endpoint->peer;
    if (peer == NULL) {
        return;
    }
    endpoint->peer = NULL;
    peer->peer = NULL;
    if (peer->was_reset) {
        return;
    }
    inbox_cut(&peer->inbox);
    event_remove(&peer->world->events, &peer->arriving);
    bool was_acknowledged = endpoint->inbox.flying == NULL && inbox_next(&endpoint->inbox) == INT64_MAX;
    if (was_acknowledged) {
        endpoint_probe(peer);
    } else {
        endpoint_ask(peer, peer->world->now + LINK_RETRY_FIRST_NS, endpoint_resends(peer));
    }
}

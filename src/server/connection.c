/* Connections of the server: see connection.h. */
#include "server/connection.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/compiler.h"
#include "base/memory.h"
#include "base/number.h"
#include "sched/engine.h"
#include "server/handshakes.h"
#include "server/reply.h"
#include "tls/stream.h"
#include "wharf/task.h"

/* Once the server stops: a request that is on its way now still gets its answer. */
enum { LAST_REST_NS = 250 * 1000 * 1000 };
/* How many connections are looked at to find one to close for another. */
enum { SHED_LOOKS = 256 };

/* ---- who is there ---- */

void peer_set(struct peer *peer, const struct address *address) {
    *peer = (struct peer){.family = (uint8_t)address->any.sa_family};
    if (address->len < sizeof(address->any.sa_family)) {
        peer->family = AF_UNIX;
    } else if (peer->family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&address->storage;
        memcpy(peer->port, &in->sin_port, sizeof(peer->port));
        memcpy(peer->address, &in->sin_addr, sizeof(in->sin_addr));
    } else if (peer->family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)&address->storage;
        memcpy(peer->port, &in->sin6_port, sizeof(peer->port));
        memcpy(peer->address, &in->sin6_addr, sizeof(in->sin6_addr));
    }
}

static void peer_get(const struct peer *peer, struct address *ret_address) {
    *ret_address = (struct address){.len = sizeof(sa_family_t)};
    ret_address->any.sa_family = peer->family;
    if (peer->family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)(void *)&ret_address->storage;
        memcpy(&in->sin_port, peer->port, sizeof(peer->port));
        memcpy(&in->sin_addr, peer->address, sizeof(in->sin_addr));
        ret_address->len = sizeof(*in);
    } else if (peer->family == AF_INET6) {
        struct sockaddr_in6 *in = (struct sockaddr_in6 *)(void *)&ret_address->storage;
        memcpy(&in->sin6_port, peer->port, sizeof(peer->port));
        memcpy(&in->sin6_addr, peer->address, sizeof(in->sin6_addr));
        ret_address->len = sizeof(*in);
    }
}

bool peer_is_local(const struct peer *peer) {
    struct address address;
    peer_get(peer, &address);
    return address_is_loopback(&address.any);
}

size_t peer_format(const struct peer *peer, char *out) {
    struct address address;
    peer_get(peer, &address);
    return address_format(&address.any, address.len, out);
}

void peer_format_host(const struct peer *peer, char *out) {
    if (peer->family ==
        AF_INET) { /* by far the most, and inet_ntop() takes longer than all else in a log line */
        for (size_t i = 0; i < sizeof(struct in_addr); i++) {
            out += number_format(peer->address[i], out);
            *out++ = '.';
        }
        out[-1] = '\0';
    } else if (peer->family != AF_INET6) {
        out[peer_format(peer, out)] = '\0';
    } else if (inet_ntop(AF_INET6, peer->address, out, WHARF_ADDRESS_SIZE) == NULL) {
        out[0] = '\0';
    }
}

/* ---- from accept to close ---- */

static int connection_run(void *arg);

static void connection_free(struct connection *connection) {
    struct core *core = connection->core;
    timer_deinit(core->sched, &connection->timer);
    if (connection->next != NULL) {
        connection->next->prev = connection->prev;
    } else {
        core->eldest = connection->prev;
    }
    if (connection->prev != NULL) {
        connection->prev->next = connection->next;
    } else {
        core->connections = connection->next;
    }
    core->count--;
    server_leave(core, &connection->peer);
    mem_free(connection);
    if (core->count == 0) {
        event_announce(&core->changed);
    }
}

void connection_drop(struct connection *connection, bool reset) {
    if (reset) {
        stream_abort(&connection->stream);
    } else {
        stream_close_now(&connection->stream);
    }
    connection_free(connection);
}

/* What has arrived already will be answered. */
static bool connection_is_idle(const struct connection *connection) {
    return connection->state == CONNECTION_RESTING &&
           sched_engine()->unread(connection->core->sched, connection->stream.io->fd) == 0;
}

bool connection_shed(struct core *core) {
    struct connection *found = NULL;
    struct connection *at = core->eldest;
    for (int i = 0; i < SHED_LOOKS && at != NULL; i++, at = at->prev) {
        bool better = found == NULL || at->timer.deadline < found->timer.deadline;
        found = better && connection_is_idle(at) ? at : found;
    }
    if (found == NULL) {
        return false;
    }
    connection_drop(found, false);
    return true;
}

/* Idle for too long. */
static void connection_expire(struct timer *timer) {
    struct connection *connection = (struct connection *)(void *)((char *)timer -
                                                                  offsetof(struct connection, timer));
    if (connection->state == CONNECTION_RESTING) {
        connection_drop(connection, false);
    }
}

/* Bytes have arrived, or the end, or an error: a task finds out. */
static void connection_start(struct io *io, void *arg) {
    struct connection *connection = arg;
    struct core *core = connection->core;
    bool gone = (io->ready & (IO_HANGUP | IO_BROKEN)) != 0;
    if (gone && sched_engine()->unread(core->sched, io->fd) == 0) {
        connection_drop(connection, false); /* an end and nothing before it needs no task */
        return;
    }
    /* From here on the start refers to it: the idle timer, which may be due in the same moment, must not end it. */
    connection->state = CONNECTION_STARTING;
    connection->arrived = sched_now();
    if (task_start(core->scope, connection_run, connection, "http connection") < 0) {
        connection_drop(connection, true);
    }
}

/* How long the first or next request may be in coming. */
static int64_t connection_idle_ns(const struct connection *connection) {
    int64_t idle_ns = connection->core->idle_ns;
    return connection->core->stopping && idle_ns > LAST_REST_NS ? LAST_REST_NS : idle_ns;
}

/* Rests until something arrives. False: it may have already. */
static bool connection_rest(struct connection *connection) {
    int64_t idle_ns = connection_idle_ns(connection);
    connection->state = CONNECTION_RESTING;
    if (idle_ns != TIMER_NEVER) {
        timer_set(connection->core->sched, &connection->timer, sched_now() + idle_ns);
    }
    return io_watch(connection->stream.io, connection_start, connection);
}

void connection_finish(struct connection *connection) {
    struct io *io = connection->stream.io;
    struct sched *sched = connection->core->sched;
    if (sched_engine()->unread(sched, io->fd) > 0) {
        io_unwatch(io);
        connection_start(io, connection);
    } else {
        timer_set(sched, &connection->timer, sched_now() + connection_idle_ns(connection));
    }
}

void connection_open(struct core *core, struct io *io, const struct address *peer, wharf_tls *tls) {
    struct connection *connection = mem_zalloc(sizeof(*connection));
    struct stream stream;
    stream_init_socket(&stream, io);
    bool secured = tls == NULL || (connection != NULL && stream_secure(&stream, tls, NULL) == 0);
    if (connection == NULL || !secured ||
        timer_init(core->sched, &connection->timer, connection_expire) < 0) {
        struct peer from;
        peer_set(&from, peer);
        mem_free(connection);
        stream_abort(&stream);
        server_leave(core, &from);
        return;
    }
    if (tls != NULL) {
        stream_speaks(&stream, "\x08http/1.1");
    }
    connection->stream = stream;
    connection->core = core;
    peer_set(&connection->peer, peer);
    connection->next = core->connections;
    if (core->connections != NULL) {
        core->connections->prev = connection;
    } else {
        core->eldest = connection;
    }
    core->connections = connection;
    core->count++;
    io->owner = connection;
    if (!connection_rest(connection)) {
        connection_start(io, connection);
    }
}

/* ---- answering ---- */

enum head_result { HEAD_COMPLETE, HEAD_NONE, HEAD_REFUSED, HEAD_LATE, HEAD_ENDED, HEAD_BROKEN };

/* Clients say the same Host again and again. */
ALWAYS_INLINE void memo_host(struct memo *memo, const struct h1_request *head) {
    wharf_str host = head->host;
    if (UNLIKELY(!head->host_known) && head->form == H1_FORM_ORIGIN && host.len > 0 &&
        host.len <= MEMO_SIZE) {
        memcpy(memo->host_bytes, host.ptr, host.len);
        memo->host.len = host.len;
    }
}

/* Parses what is there, which is something. HEAD_NONE: more is needed. */
ALWAYS_INLINE enum head_result head_parse(struct wharf_request *request) {
    struct core *core = request->core;
    ssize_t len = h1_parse_request(wire_view(&request->wire), &request->progress,
                                   &request->core->server->codec_limits, &request->head, &request->error);
    if (len <= 0) {
        return len == 0 ? HEAD_NONE : HEAD_REFUSED;
    }
    memo_host(&core->memo, &request->head);
    wire_hold(&request->wire, (size_t)len);
    return HEAD_COMPLETE;
}

/* A head that has begun and is not complete: waits for the rest of it. */
COLD static enum head_result head_await(struct wharf_request *request) {
    int64_t head_ms = request->core->server->limits.head_ms;
    enum head_result result = HEAD_NONE;
    ssize_t count = 1;
    wharf_scope storage;
    (void)wharf_scope_open_within(&storage, head_ms == LIMIT_NONE ? WHARF_OFF : head_ms);
    while (result == HEAD_NONE && count > 0) {
        count = wire_fill(&request->wire);
        result = count > 0 ? head_parse(request) : HEAD_NONE;
    }
    (void)wharf_scope_close(&storage);
    if (count > 0) {
        return result;
    }
    if (count == -ETIMEDOUT && wharf_check() == 0) {
        return HEAD_LATE;
    }
    return count == 0 ? HEAD_ENDED : HEAD_BROKEN;
}

/* What there is to receive now: a count, 0 at the end, or an error. */
ALWAYS_INLINE ssize_t head_receive(struct wharf_request *request, size_t unread) {
    struct wire *wire = &request->wire;
    if (wire->ended) {
        return 0;
    }
    ssize_t count = stream_may_recv(wire->stream) ? wire_try_fill(wire) : -EAGAIN;
    if (UNLIKELY(request->core->log != NULL) && count > 0) {
        times_received(request, unread == 0);
    }
    return count;
}

/* The next request's head. Answers that are ready leave before this waits. */
static enum head_result head_read(struct wharf_request *request) {
    struct wire *wire = &request->wire;
    for (;;) {
        size_t unread = wire_unread(wire);
        if (unread > 0) {
            enum head_result result = head_parse(request);
            if (result != HEAD_NONE) {
                return result;
            }
        }
        ssize_t count = head_receive(request, unread);
        if (count > 0 && wire_give_way(wire) == 0) {
            continue;
        }
        if (count > 0 || wire_flush_here(wire) < 0) {
            return HEAD_BROKEN;
        }
        if (count == 0 || count == -WHARF_EEOF) {
            return HEAD_ENDED; /* with an end of TLS or without: no request was cut (RFC 9112 section 9.8) */
        }
        if (count != -EAGAIN) {
            return HEAD_BROKEN;
        }
        return unread > 0 ? head_await(request) : HEAD_NONE;
    }
}

static enum exchange_end connection_exchange(struct wharf_request *request, enum head_result head) {
    switch (head) {
    case HEAD_COMPLETE: return exchange_answer(request);
    case HEAD_REFUSED: return exchange_refuse(request, 0, NULL);
    case HEAD_LATE: return exchange_refuse(request, 408, "http.head.slow");
    case HEAD_ENDED: return EXCHANGE_LAST;
    default: return EXCHANGE_ABORT;
    }
}

/* Answers requests until none is left to read (EXCHANGE_NEXT), or the connection ends. */
static enum exchange_end connection_serve(struct wharf_request *request) {
    struct wire *wire = &request->wire;
    int64_t batch = 0;
    for (;;) {
        enum head_result head = head_read(request);
        if (head == HEAD_NONE) {
            return request->core->stopping && wharf_check() < 0 ? EXCHANGE_ABORT : EXCHANGE_NEXT;
        }
        enum exchange_end end = connection_exchange(request, head);
        if (end != EXCHANGE_NEXT) {
            return end;
        }
        batch = wire->output_len > 0 ? batch + 1 : 0;
        if (batch >= request->core->server->limits.pipelined) {
            if (wire_flush(wire) < 0) {
                return EXCHANGE_ABORT;
            }
            batch = 0;
        }
    }
}

/* For those who came to the wrong door. */
static void answer_in_plain(struct stream *stream) {
    static const char PLAIN[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
                                "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 60\r\n\r\n"
                                "400 Bad Request\nThis port speaks TLS alone: use https://...\n";
    struct iovec piece = {.iov_base = (void *)(uintptr_t)PLAIN, .iov_len = sizeof(PLAIN) - 1};
    stream_unsecure(stream);
    (void)stream_try_send(stream, &piece, 1, false);
}

/* Whoever runs the server should know. That it stops is no news, nor that somebody has looked whether it is there. */
static void greeting_failed(const struct connection *connection, int rc) {
    struct address address;
    if (rc == -ECANCELED || connection->core->handshakes == NULL || !stream_has_heard(&connection->stream)) {
        return;
    }
    peer_get(&connection->peer, &address);
    failure_set_address(&address.any, address.len);
    handshakes_note(connection->core->handshakes, connection);
}

/* Shakes hands where that is to be done. EXCHANGE_NEXT: requests may come. */
static enum exchange_end connection_greet(struct connection *connection) {
    struct stream *stream = &connection->stream;
    int rc = stream_is_secure(stream) ? stream_handshake(stream) : 0;
    if (rc == 0) {
        return EXCHANGE_NEXT;
    }
    greeting_failed(connection, rc);
    if (stream_met_http(stream)) {
        answer_in_plain(stream);
    }
    /* The peer should hear why: no reset. */
    return rc == -WHARF_ETLS ? EXCHANGE_CLOSE : EXCHANGE_ABORT;
}

static int connection_run(void *arg) {
    struct connection *connection = arg;
    struct core *core = connection->core;
    core->busy++;
    int64_t started = UNLIKELY(core->log != NULL) ? sched_clock() : 0;
    enum exchange_end end = connection_greet(connection);
    struct wharf_request *request = end == EXCHANGE_NEXT ? request_take(connection) : NULL;
    if (request == NULL && end == EXCHANGE_NEXT) {
        end = EXCHANGE_ABORT;
    }
    if (request != NULL) {
        if (UNLIKELY(core->log != NULL)) {
            times_start(request, started, stream_is_secure(&connection->stream) ? sched_clock() : started);
        }
        do {
            connection->state = CONNECTION_BUSY;
            end = connection_serve(request);
        } while (end == EXCHANGE_NEXT && !connection_rest(connection));
        request_give(request);
    }
    core->busy--;
    switch (end) {
    case EXCHANGE_NEXT: return 0;
    case EXCHANGE_LAST: stream_close_now(&connection->stream); break;
    case EXCHANGE_CLOSE: stream_close(&connection->stream); break;
    case EXCHANGE_ABORT: stream_abort(&connection->stream); break;
    }
    connection_free(connection);
    return 0;
}

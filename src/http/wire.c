/* A connection's bytes while a task works on it: see wire.h.
 *
 * Every receive and send is tried first. Only when it would have to wait is a scope opened around it, for the limit
 * on waiting; an exchange whose bytes are there never pays for that. */
#include "http/wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "sched/sched.h"
#include "wharf/task.h"

enum {
    ROOM_MIN = 1024,     /* less room than this behind the unread bytes is not worth a receive */
    CREDIT_SECONDS = 60, /* the most waiting that a fast peer saves up */
    NS_PER_MS = 1000000
};
static const int64_t NS_PER_SECOND = 1000000000;

void wire_init(struct wire *wire, struct stream *stream, size_t input_max) {
    *wire = (struct wire){.stream = stream, .input_max = input_max};
}

static void input_free(char *memory, size_t size) {
    if (size == BLOCK_SIZE) {
        block_put(memory);
    } else {
        mem_free(memory);
    }
}

void wire_deinit(struct wire *wire) {
    assert(!wire->sending);
    if (wire->input != NULL) {
        input_free(wire->input, wire->input_size);
    }
    if (wire->held != NULL) {
        input_free(wire->held, wire->held_size);
    }
    if (wire->output != NULL) {
        block_put(wire->output);
    }
    wire->input = NULL;
    wire->held = NULL;
    wire->output = NULL;
    wire->input_size = 0;
    wire->hold = 0;
    wire->start = 0;
    wire->end = 0;
    wire->output_len = 0;
}

/* ---- waiting ---- */

void wire_limit_set(struct wire_limit *limit, int64_t grace_ms, int64_t rate) {
    *limit = (struct wire_limit){.rate = rate > 0 ? rate : 0};
    if (grace_ms > 0 && grace_ms < INT64_MAX / NS_PER_MS) {
        limit->grace_ns = grace_ms * NS_PER_MS;
        limit->left_ns = limit->grace_ns;
    }
}

/* The peer has earned patience by the bytes that were moved. */
static void limit_credit(struct wire_limit *limit) {
    int64_t bytes = limit->moved;
    limit->moved = 0;
    int64_t most = CREDIT_SECONDS * NS_PER_SECOND;
    most = limit->grace_ns > most ? limit->grace_ns : most;
    if (bytes >= limit->rate * (most / NS_PER_SECOND)) {
        limit->left_ns = most;
        return;
    }
    limit->left_ns += bytes * NS_PER_SECOND / limit->rate;
    limit->left_ns = limit->left_ns > most ? most : limit->left_ns;
}

/* One operation that may have to wait: a receive, a send, or a part of a file. */
struct transfer {
    void *buffer;
    size_t size;
    struct iovec *pieces;
    int count;
    bool more;
    int fd;
    int64_t offset;
    int64_t (*run)(struct stream *stream, const struct transfer *transfer);
};

static int64_t transfer_recv(struct stream *stream, const struct transfer *transfer) {
    return stream->type->recv(stream, transfer->buffer, transfer->size);
}

static int64_t transfer_send(struct stream *stream, const struct transfer *transfer) {
    return stream->type->send(stream, transfer->pieces, transfer->count, transfer->more);
}

static int64_t transfer_file(struct stream *stream, const struct transfer *transfer) {
    return stream->type->sendfile(stream, transfer->fd, transfer->offset, (int64_t)transfer->size);
}

/* Runs a transfer within what its limit leaves. */
static int64_t wire_wait(struct wire *wire, struct wire_limit *limit, const struct transfer *transfer) {
    int64_t start = sched_clock();
    wire->streak = 0;
    if (limit->grace_ns == 0) {
        int64_t result = transfer->run(wire->stream, transfer);
        limit->waited_ns += sched_clock() - start;
        return result;
    }
    if (limit->rate == 0) {
        limit->left_ns = limit->grace_ns;
    } else {
        limit_credit(limit);
    }
    wharf_scope storage;
    (void)wharf_scope_open_within(&storage, (limit->left_ns + NS_PER_MS - 1) / NS_PER_MS);
    int64_t result = transfer->run(wire->stream, transfer);
    (void)wharf_scope_close(&storage);
    int64_t waited = sched_clock() - start;
    limit->waited_ns += waited;
    limit->left_ns = waited < limit->left_ns ? limit->left_ns - waited : 0;
    if (result == -ETIMEDOUT && wharf_check() == 0) {
        limit->expired = true;
    }
    return result;
}

int wire_yield(struct wire *wire) {
    wire->streak = 0;
    return wharf_yield();
}

/* ---- input ---- */

/* Moves the unread bytes into memory of at least `size` bytes. */
static int input_move(struct wire *wire, size_t size) {
    char *memory = size <= BLOCK_SIZE ? block_get() : mem_alloc(size);
    if (memory == NULL) {
        return -ENOMEM;
    }
    size_t unread = wire_unread(wire);
    if (unread > 0) {
        memcpy(memory, wire->input + wire->start, unread);
    }
    if (wire->hold > 0 && wire->held == NULL) {
        wire->held = wire->input;
        wire->held_size = wire->input_size;
    } else if (wire->input != NULL) {
        input_free(wire->input, wire->input_size);
    }
    wire->input = memory;
    wire->input_size = size <= BLOCK_SIZE ? BLOCK_SIZE : size;
    wire->hold = 0;
    wire->start = 0;
    wire->end = unread;
    return 0;
}

/* Behind the unread bytes there is none. */
COLD static int input_make_room(struct wire *wire) {
    if (wire->input == NULL) {
        return input_move(wire, BLOCK_SIZE);
    }
    size_t unread = wire_unread(wire);
    if (wire->input_size - wire->hold >= unread + ROOM_MIN) {
        memmove(wire->input + wire->hold, wire->input + wire->start, unread);
        wire->start = wire->hold;
        wire->end = wire->hold + unread;
        return 0;
    }
    if (unread >= wire->input_max) {
        return -WHARF_ELIMIT;
    }
    return input_move(wire, unread + ROOM_MIN <= BLOCK_SIZE ? BLOCK_SIZE : unread * 2);
}

/* Sees to it that there is room behind the unread bytes. */
static inline int input_reserve(struct wire *wire) {
    if (wire->start == wire->end) {
        wire->start = wire->hold;
        wire->end = wire->hold;
    }
    return LIKELY(wire->input_size - wire->end >= ROOM_MIN) ? 0 : input_make_room(wire);
}

static inline ssize_t input_received(struct wire *wire, ssize_t count) {
    if (LIKELY(count > 0)) {
        wire->end += (size_t)count;
        wire->received += count;
        wire->receive.moved += count;
    } else if (count == 0 || count == -WHARF_EEOF) {
        wire->ended = true;
    }
    return count;
}

ssize_t wire_try_fill(struct wire *wire) {
    int rc = input_reserve(wire);
    if (rc < 0) {
        return rc;
    }
    return input_received(
        wire, stream_try_recv(wire->stream, wire->input + wire->end, wire->input_size - wire->end));
}

/* Receives into memory of the wire or the caller: tries, and waits if it must. */
static ssize_t wire_recv(struct wire *wire, void *buffer, size_t size) {
    int rc = wire_give_way(wire);
    if (rc < 0) {
        return rc;
    }
    ssize_t count = stream_try_recv(wire->stream, buffer, size);
    if (count != -EAGAIN) {
        return count;
    }
    rc = wire_flush(wire);
    if (rc < 0) {
        return rc;
    }
    struct transfer transfer = {.buffer = buffer, .size = size, .run = transfer_recv};
    return (ssize_t)wire_wait(wire, &wire->receive, &transfer);
}

ssize_t wire_fill(struct wire *wire) {
    int rc = input_reserve(wire);
    if (rc < 0) {
        return rc;
    }
    return input_received(wire, wire_recv(wire, wire->input + wire->end, wire->input_size - wire->end));
}

void wire_free_held(struct wire *wire) {
    input_free(wire->held, wire->held_size);
    wire->held = NULL;
}

/* ---- a message's body ---- */

/* Body bytes for certain, and nothing buffered: no need to pass through the input. */
static ssize_t body_receive(struct wire *wire, struct h1_body *body, void *buffer, size_t size) {
    ssize_t count = wire_recv(wire, buffer, size);
    if (count == 0) {
        wire->ended = true;
        return h1_body_close(body);
    }
    if (count > 0) {
        wire->received += count;
        wire->receive.moved += count;
        h1_body_take(body, (uint64_t)count);
    }
    return count;
}

ssize_t wire_read_body(struct wire *wire, struct h1_body *body, void *buffer, size_t size,
                       struct h1_error *ret_error) {
    for (;;) {
        uint64_t plain = h1_body_plain(body);
        if (wire_unread(wire) == 0 && size >= ROOM_MIN && plain >= ROOM_MIN) {
            return body_receive(wire, body, buffer, plain < size ? (size_t)plain : size);
        }
        struct h1_piece piece;
        int state = h1_body_next(body, wire_view(wire), &piece, ret_error);
        if (state < 0) {
            return state;
        }
        wire_consume(wire, piece.skip);
        if (state == H1_PIECE_END) {
            return 0;
        }
        if (state == H1_PIECE_DATA) {
            size_t count = piece.data.len < size ? piece.data.len : size;
            memcpy(buffer, piece.data.ptr, count);
            h1_body_take(body, count);
            wire_consume(wire, count);
            return (ssize_t)count;
        }
        ssize_t count = wire_fill(wire);
        if (count < 0) {
            return count;
        }
        if (count == 0) {
            return h1_body_close(body);
        }
    }
}

int wire_skip_body(struct wire *wire, struct h1_body *body, uint64_t bytes_max, struct h1_error *ret_error) {
    char scratch[4096];
    uint64_t skipped = 0;
    while (!h1_body_is_done(body)) {
        ssize_t count = wire_read_body(wire, body, scratch, sizeof(scratch), ret_error);
        if (count <= 0) {
            return (int)count;
        }
        skipped += (uint64_t)count;
        if (skipped > bytes_max) {
            return -EMSGSIZE;
        }
    }
    return 0;
}

/* ---- output ---- */

static int64_t pieces_len(const struct iovec *pieces, int count) {
    int64_t len = 0;
    for (int i = 0; i < count; i++) {
        len += (int64_t)pieces[i].iov_len;
    }
    return len;
}

/* Takes `bytes` off the front of the pieces. */
static void pieces_advance(struct iovec **pieces, int *count, size_t bytes) {
    while (*count > 0 && bytes >= (*pieces)->iov_len) {
        bytes -= (*pieces)->iov_len;
        (*pieces)++;
        (*count)--;
    }
    if (*count > 0) {
        (*pieces)->iov_base = (char *)(*pieces)->iov_base + bytes;
        (*pieces)->iov_len -= bytes;
    }
}

/* Sends all pieces; *ret_sent counts, on failure too. */
static int wire_send_pieces(struct wire *wire, struct iovec *pieces, int count, bool more,
                            int64_t *ret_sent) {
    int64_t left = pieces_len(pieces, count);
    pieces_advance(&pieces, &count, 0);
    *ret_sent = 0;
    while (left > 0) {
        int64_t sent = wire_give_way(wire);
        sent = sent < 0 ? sent : stream_try_send(wire->stream, pieces, count, more);
        if (sent == -EAGAIN) {
            struct transfer transfer = {.pieces = pieces, .count = count, .more = more, .run = transfer_send};
            sent = wire_wait(wire, &wire->send, &transfer);
        }
        if (sent < 0) {
            return (int)sent;
        }
        wire->sent += sent;
        wire->send.moved += sent;
        *ret_sent += sent;
        left -= sent;
        pieces_advance(&pieces, &count, (size_t)sent);
    }
    return 0;
}

/* Drops what was sent off the front of the output. */
static void output_advance(struct wire *wire, size_t sent) {
    wire->output_len -= sent;
    if (wire->output_len > 0) {
        memmove(wire->output, wire->output + sent, wire->output_len);
    }
}

/* The output, then the pieces: at most PIECES_MAX of them in one call. */
enum { PIECES_MAX = 8 };

int wire_send(struct wire *wire, struct iovec *pieces, int count, bool more) {
    if (wire->error < 0) {
        return wire->error;
    }
    assert(count < PIECES_MAX && !wire->sending);
    struct iovec all[PIECES_MAX] = {{.iov_base = wire->output, .iov_len = wire->output_len}};
    if (count > 0) {
        memcpy(all + 1, pieces, (size_t)count * sizeof(*pieces));
    }
    int64_t sent = 0;
    wire->sending = true;
    int rc = wire_send_pieces(wire, all, count + 1, more, &sent);
    wire->sending = false;
    size_t of_output = (size_t)sent < wire->output_len ? (size_t)sent : wire->output_len;
    bool torn = rc < 0 && (size_t)sent > of_output;
    output_advance(wire, of_output);
    if (torn) {
        wire->error = rc;
    }
    return rc;
}

/* Of the output. What it took, or an error. */
static inline ssize_t output_taken(struct wire *wire, ssize_t sent) {
    if (sent > 0) {
        wire->sent += sent;
        wire->send.moved += sent;
        output_advance(wire, (size_t)sent);
    }
    return sent;
}

/* Offers the output to the stream, once. */
static inline ssize_t output_offer(struct wire *wire) {
    struct iovec piece = {.iov_base = wire->output, .iov_len = wire->output_len};
    return output_taken(wire, stream_try_send(wire->stream, &piece, 1, false));
}

int wire_flush_rest(struct wire *wire, ssize_t sent) {
    sent = output_taken(wire, sent);
    return sent < 0 && sent != -EAGAIN ? (int)sent : wire_send(wire, NULL, 0, false);
}

/* What the stream itself still holds. */
static int stream_settle(struct wire *wire) {
    if (!stream_has_unsent(wire->stream)) {
        return 0;
    }
    struct transfer transfer = {.run = transfer_send};
    int64_t rc = wire_wait(wire, &wire->send, &transfer);
    return rc < 0 ? (int)rc : 0;
}

int wire_flush_now(struct wire *wire) {
    if (wire->sending || wire->error < 0) {
        return wire->error;
    }
    if (wire->output_len == 0) {
        return stream_settle(wire);
    }
    if (wire->streak < WIRE_STREAK_MAX - 1) {
        wire->streak++;
        ssize_t sent = output_offer(wire);
        if (wire->output_len == 0) {
            return stream_settle(wire);
        }
        if (sent < 0 && sent != -EAGAIN) {
            return (int)sent;
        }
    }
    int rc = wire_send(wire, NULL, 0, false);
    return rc < 0 ? rc : stream_settle(wire);
}

char *wire_make_room(struct wire *wire, size_t len, int *ret_error) {
    assert(len <= BLOCK_SIZE);
    int rc = wire->error;
    if (rc == 0 && wire->output == NULL) {
        wire->output = block_get();
        rc = wire->output == NULL ? -ENOMEM : 0;
    }
    if (rc == 0 && BLOCK_SIZE - wire->output_len < len) {
        rc = wire_flush(wire);
    }
    if (rc < 0) {
        *ret_error = rc;
        return NULL;
    }
    return wire->output + wire->output_len;
}

int wire_write_out(struct wire *wire, const void *bytes, size_t len) {
    if (len > BLOCK_SIZE - wire->output_len) {
        struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
        return wire_send(wire, &piece, 1, false);
    }
    int rc = 0;
    char *room = wire_room(wire, len, &rc);
    if (room == NULL) {
        return rc;
    }
    if (len > 0) {
        memcpy(room, bytes, len);
    }
    wire_wrote(wire, len);
    return 0;
}

int wire_send_file(struct wire *wire, int fd, int64_t offset, int64_t size) {
    int rc = wire_send(wire, NULL, 0, size > 0);
    while (rc == 0 && size > 0) {
        struct transfer transfer = {.fd = fd, .offset = offset, .size = (size_t)size, .run = transfer_file};
        int64_t sent = wire_wait(wire, &wire->send, &transfer);
        if (sent <= 0) {
            rc = sent == 0 ? -WHARF_ECHANGED : (int)sent;
            wire->error = rc;
            break;
        }
        wire->sent += sent;
        wire->send.moved += sent;
        offset += sent;
        size -= sent;
    }
    return rc;
}

void wire_try_flush(struct wire *wire) {
    if (wire->output_len > 0 && !wire->sending && wire->error == 0) {
        (void)output_offer(wire);
    }
}

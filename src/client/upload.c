/* See upload.h. A task that sends cannot receive at the same time, and does not need to: the connection is watched, and
 * when something arrives the send that waits is cancelled - it alone, by a scope of its own - and the input looked at. */
#include "client/upload.h"

#include <errno.h>

#include "base/text.h"
#include "client/response.h"
#include "http/codec/chunked.h"
#include "sched/sched.h"
#include "sched/task.h"

enum { STATUS_STOPS_UPLOAD = 300 };

/* What is being sent: pieces of memory, or a part of a file. */
struct cargo {
    struct iovec *pieces;
    int count;
    bool more;
    int file; /* -1: the pieces */
    int64_t offset;
    int64_t left;
};

/* What the watch callback gets. */
struct upload_watch {
    struct phase phase;
    bool fired;
    int misses; /* looks in a row that had nothing to see */
};

enum { TRAILERS_MAX = 1 << 16 };

/* After so many the send goes ahead unwatched: the descriptor cannot be watched, for want of memory. */
enum { MISSES_MAX = 2 };

static void upload_readable(struct io *io, void *arg) {
    struct upload_watch *watch = arg;
    (void)io;
    watch->fired = true;
    scope_cancel(scope_of(&watch->phase.scope));
}

static int64_t cargo_send(struct stream *stream, const struct cargo *cargo) {
    if (cargo->file >= 0) {
        int64_t sent = stream->type->sendfile(stream, cargo->file, cargo->offset, cargo->left);
        return sent == 0 ? -WHARF_ECHANGED : sent;
    }
    return stream->type->send(stream, cargo->pieces, cargo->count, cargo->more);
}

static void cargo_advance(struct cargo *cargo, int64_t bytes) {
    size_t rest = (size_t)bytes;
    cargo->left -= bytes;
    cargo->offset += bytes;
    while (cargo->file < 0 && cargo->count > 0 && rest >= cargo->pieces->iov_len) {
        rest -= cargo->pieces->iov_len;
        cargo->pieces++;
        cargo->count--;
    }
    if (cargo->file < 0 && cargo->count > 0) {
        cargo->pieces->iov_base = (char *)cargo->pieces->iov_base + rest;
        cargo->pieces->iov_len -= rest;
    }
}

/* A final head that makes sending on pointless. (A success may well come early from a server that answers as it reads.) */
static bool is_refused(const struct exchange *exchange) {
    return exchange->final && exchange->head.status >= STATUS_STOPS_UPLOAD;
}

/* Takes in what has arrived, without waiting. 0 or a failure. */
static int upload_look(struct exchange *exchange) {
    struct wire *wire = &exchange->connection->wire;
    while (!exchange->final) {
        ssize_t got = wire_try_fill(wire);
        if (got == -EAGAIN) {
            return 0;
        }
        if (got == 0) {
            return -WHARF_EEOF;
        }
        int rc = got < 0 ? (int)got : exchange_scan(exchange);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* One send. Returns the bytes taken, 0 when something has arrived instead, or a failure with the blame for a time-out in
 * the watch. */
static int64_t upload_step(struct exchange *exchange, const struct cargo *cargo, struct upload_watch *watch) {
    struct fetch *fetch = exchange->fetch;
    struct stream *stream = &exchange->connection->stream;
    bool unwatched = exchange->final || watch->misses >= MISSES_MAX;
    bool watching = false;
    int64_t sent = 0;
    watch->fired = false;
    if (exchange->accepted == 0 && cargo->file < 0) { /* most requests leave here, whole */
        sent = stream->type->try_send(stream, cargo->pieces, cargo->count, cargo->more);
        if (sent != -EAGAIN) {
            return sent;
        }
        sent = 0;
    }
    phase_open(&watch->phase, &fetch->total, "idle_ms", fetch->limits.idle_ms);
    if (!unwatched) {
        watching = io_watch(stream->io, upload_readable, watch);
    }
    if (watching || unwatched) {
        sent = cargo_send(stream, cargo);
    }
    if (watching) {
        io_unwatch(stream->io);
    }
    phase_close(&watch->phase);
    watch->misses = watching || unwatched ? 0 : watch->misses + 1;
    return sent == -ECANCELED && watch->fired && wharf_check() != -ECANCELED ? 0 : sent;
}

/* Sending has failed because the peer is gone. What it said before that, if it is a whole final head, is the answer. */
static int upload_rescue(struct exchange *exchange, int failure) {
    struct fetch *fetch = exchange->fetch;
    struct phase phase;
    ssize_t got = 1;
    if (failure != -EPIPE && failure != -ECONNRESET) {
        return failure;
    }
    phase_open(&phase, &fetch->total, "first_byte_ms", fetch->limits.first_byte_ms);
    while (!exchange->final && got > 0) {
        got = wire_fill(&exchange->connection->wire);
        int rc = got > 0 ? exchange_scan(exchange) : 0;
        got = rc < 0 ? rc : got;
    }
    phase_close(&phase);
    return exchange->final ? 0 : failure;
}

static int upload_fail(struct exchange *exchange, int failure, struct upload_watch *watch) {
    if (failure == -WHARF_EPROTOCOL || failure == -WHARF_ELIMIT) {
        return failure; /* recorded by the scan */
    }
    if (failure == -WHARF_EEOF) {
        return exchange_fail(exchange, failure, "send body to",
                             "the server closed the connection without a response");
    }
    if (failure == -WHARF_ECHANGED) {
        return exchange_fail(exchange, failure, "send body to", "the file is shorter than announced");
    }
    return exchange_fail(exchange, failure, exchange->accepted == 0 ? "send request to" : "send body to",
                         phase_blame(&watch->phase, failure));
}

/* Sends all of it, or stops where a final response makes that pointless. 1: all sent; 0: stopped; or a failure. */
static int upload_cargo(struct exchange *exchange, struct cargo *cargo) {
    struct upload_watch watch = {.misses = 0};
    while (cargo->left > 0) {
        int failure = 0;
        int64_t sent = upload_step(exchange, cargo, &watch);
        if (sent > 0) {
            exchange->accepted += sent;
            cargo_advance(cargo, sent);
        } else {
            failure = sent < 0 ? upload_rescue(exchange, (int)sent) : upload_look(exchange);
        }
        if (failure < 0) {
            return upload_fail(exchange, failure, &watch);
        }
        if (is_refused(exchange) || (sent < 0 && exchange->final)) {
            return 0;
        }
    }
    return 1;
}

static int64_t pieces_len(const struct iovec *pieces, int count) {
    int64_t len = 0;
    for (int i = 0; i < count; i++) {
        len += (int64_t)pieces[i].iov_len;
    }
    return len;
}

static int upload_pieces(struct exchange *exchange, struct iovec *pieces, int count, bool more) {
    struct cargo cargo = {.pieces = pieces, .count = count, .more = more, .file = -1};
    cargo.left = pieces_len(pieces, count);
    return upload_cargo(exchange, &cargo);
}

static struct iovec piece_of(const void *bytes, size_t len) {
    return (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
}

int upload_head(struct exchange *exchange, bool with_body) {
    const struct source *body = &exchange->fetch->body;
    wharf_str head = buffer_view(&exchange->prepared->head);
    struct iovec pieces[2] = {piece_of(head.ptr, head.len)};
    bool whole = body->kind == SOURCE_NONE || body->length == 0;
    int count = 1;
    if (with_body && body->kind == SOURCE_MEMORY && body->length > 0) {
        pieces[count++] = piece_of(body->bytes, (size_t)body->length);
        whole = true;
    }
    int rc = upload_pieces(exchange, pieces, count, with_body && !whole);
    exchange->sent = rc == 1 && whole;
    return rc < 0 ? rc : 0;
}

/* ---- bodies ---- */

/* 1: all of it; 0: stopped; or a recorded failure. */
static int upload_file(struct exchange *exchange, int file, int64_t length, const char *path) {
    struct cargo cargo = {.file = file, .left = length};
    int rc = upload_cargo(exchange, &cargo);
    if (rc == 1 && source_check_file(file, path, length) < 0) {
        return -WHARF_ECHANGED;
    }
    return rc;
}

static int upload_each_piece(struct exchange *exchange) {
    const struct source *body = &exchange->fetch->body;
    int rc = 1;
    for (size_t i = 0; rc == 1 && i < body->piece_count; i++) {
        const struct piece *each = &body->pieces[i];
        struct iovec piece = piece_of(each->bytes, (size_t)each->len);
        if (each->file >= 0) {
            rc = upload_file(exchange, each->file, each->len, each->path);
        } else {
            rc = upload_pieces(exchange, &piece, 1, i + 1 < body->piece_count);
        }
    }
    return rc;
}

/* The memory that a function's body passes through: a chunk with its framing around it.
 *
 *      | chunk line | produced bytes ............ | CR LF |
 */
enum {
    FRAME_BEFORE = H1_CHUNK_LINE_MAX,
    FRAME_AFTER = 2,
    PRODUCED_MAX = BLOCK_SIZE - FRAME_BEFORE - FRAME_AFTER
};

struct production {
    char *block;
    size_t count;     /* produced bytes in the block */
    int64_t produced; /* in all */
};

/* Asks the function for bytes. 0 with production->count (0: the end), or a recorded failure. */
static int production_next(struct exchange *exchange, struct production *production, void *out, size_t size) {
    struct source *body = &exchange->fetch->body;
    struct phase phase;
    body->started = true;
    phase_open(&phase, &exchange->fetch->total, NULL, WHARF_OFF);
    ssize_t count = body->fn(body->arg, out, size);
    phase_close(&phase);
    if (count < 0) {
        const char *blame = phase_blame(&phase, count);
        return exchange_fail(exchange, (int)count, "produce body for",
                             blame[0] != '\0' ? blame : "body_fn gave up");
    }
    if ((size_t)count > size) {
        return exchange_fail(exchange, -EINVAL, "produce body for",
                             "body_fn returned more than it was asked for");
    }
    production->count = (size_t)count;
    production->produced += count;
    return 0;
}

/* A body of announced length: never more of it, never less. */
static int upload_counted(struct exchange *exchange, struct production *production) {
    int64_t length = exchange->fetch->body.length;
    char beyond[256];
    while (production->produced < length) {
        int64_t left = length - production->produced;
        size_t size = left < PRODUCED_MAX ? (size_t)left : PRODUCED_MAX;
        int rc = production_next(exchange, production, production->block, size);
        if (rc < 0) {
            return rc;
        }
        size_t count = production->count;
        if (count == 0) {
            return exchange_fail(exchange, -EINVAL, "produce body for", "body_fn ended before body_fn_bytes");
        }
        if (production->produced ==
            length) { /* before the last piece is out: a request that is whole counts */
            rc = production_next(exchange, production, beyond, sizeof(beyond));
            if (rc == 0 && production->count > 0) {
                rc = exchange_fail(exchange, -EINVAL, "produce body for",
                                   "body_fn went beyond body_fn_bytes");
            }
            if (rc < 0) {
                return rc;
            }
        }
        struct iovec piece = piece_of(production->block, count);
        rc = upload_pieces(exchange, &piece, 1, false);
        if (rc <= 0) {
            return rc;
        }
    }
    return 1;
}

/* "0", the trailers, and the end. */
static int upload_last_chunk(struct exchange *exchange) {
    const wharf_fetch_options *options = &exchange->fetch->options;
    struct buffer last;
    struct fields trailers = {NULL, 0};
    const char *const *lines = options->trailers_fn != NULL ? options->trailers_fn(options->body_arg) : NULL;
    int rc = fields_parse(&exchange->fetch->arena, lines, &trailers);
    buffer_init(&last, TRAILERS_MAX);
    rc = rc < 0 ? rc : buffer_append_str(&last, STR("0\r\n"));
    for (size_t i = 0; rc == 0 && i < trailers.count; i++) {
        if (header_is_forbidden_trailer(trailers.at[i].id)) {
            rc = exchange_fail(exchange, -EINVAL, "produce trailers for", "one of them is no trailer");
        } else {
            rc = h1_append_field(&last, trailers.at[i].name, trailers.at[i].value);
        }
    }
    rc = rc < 0 ? rc : buffer_append_str(&last, STR("\r\n"));
    if (rc == 0) {
        struct iovec piece = piece_of(last.data, buffer_len(&last));
        rc = upload_pieces(exchange, &piece, 1, false);
    } else if (failure_current()->code != rc) {
        rc = exchange_fail(exchange, rc, "produce trailers for", "");
    }
    buffer_deinit(&last);
    return rc;
}

static int upload_chunked(struct exchange *exchange, struct production *production) {
    char line[H1_CHUNK_LINE_MAX];
    for (;;) {
        int rc = production_next(exchange, production, production->block + FRAME_BEFORE, PRODUCED_MAX);
        if (rc < 0) {
            return rc;
        }
        if (production->count == 0) {
            return upload_last_chunk(exchange);
        }
        size_t line_len = h1_chunk_format(production->count, line);
        char *start = production->block + FRAME_BEFORE - line_len;
        memcpy(start, line, line_len);
        memcpy(production->block + FRAME_BEFORE + production->count, "\r\n", FRAME_AFTER);
        struct iovec piece = piece_of(start, line_len + production->count + FRAME_AFTER);
        rc = upload_pieces(exchange, &piece, 1, false);
        if (rc <= 0) {
            return rc;
        }
    }
}

static int upload_function(struct exchange *exchange) {
    struct production production = {.block = block_get()};
    if (production.block == NULL) {
        return exchange_fail(exchange, -ENOMEM, "send body to", "");
    }
    bool counted = exchange->fetch->body.length >= 0;
    int rc = counted ? upload_counted(exchange, &production) : upload_chunked(exchange, &production);
    block_put(production.block);
    return rc;
}

int upload_body(struct exchange *exchange) {
    const struct source *body = &exchange->fetch->body;
    int rc = 1;
    if (body->kind == SOURCE_MEMORY) {
        struct iovec piece = piece_of(body->bytes, (size_t)body->length);
        rc = upload_pieces(exchange, &piece, 1, false);
    } else if (body->kind == SOURCE_FILE) {
        rc = upload_file(exchange, body->file, body->length, body->path);
    } else if (body->kind == SOURCE_PIECES) {
        rc = upload_each_piece(exchange);
    } else if (body->kind == SOURCE_FUNCTION) {
        rc = upload_function(exchange);
    }
    exchange->sent = rc == 1;
    return rc < 0 ? rc : 0;
}

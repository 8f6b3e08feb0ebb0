/* A connection's bytes while a task works on it: what was received and not yet understood, what was written and not
 * yet sent. Server and client both run HTTP/1.1 over it.
 *
 *      input   | head in use | unread ............ | room          one block; heap memory when a head needs more
 *              0             hold          start   end      size
 *
 *      output  | written, not sent | room                          one block, sent when full, flushed or before a wait
 *
 * It borrows both blocks on first use and gives them back in wire_deinit, so a connection that idles between two
 * messages keeps nothing but its stream. A wire belongs to one task at a time, its output to whoever runs. */
#ifndef HTTP_WIRE_H
#define HTTP_WIRE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "http/codec/chunked.h"
#include "net/stream.h"
#include "sched/sched.h"
#include "wharf/base.h"

/* How long the peer may keep us waiting, one for each direction. Only time in which we wait counts.
 *   rate 0: every single wait may last `grace`.
 *   else:   waits add up, at first to `grace` in all; every byte moved earns 1/rate seconds more (at most a minute
 *           is saved up), so a peer that keeps up the rate is never cut off. */
struct wire_limit {
    int64_t grace_ns;  /* 0: no limit */
    int64_t rate;      /* bytes per second */
    int64_t left_ns;   /* what may still be waited */
    int64_t moved;     /* bytes that have not been counted towards it yet: they are before each wait */
    int64_t waited_ns; /* in all, limit or not */
    bool expired;      /* the limit has cut off a wait, which then gave -ETIMEDOUT */
};

struct wire {
    struct stream *stream;
    char *input;
    size_t input_size;
    char *output;
    size_t hold, start, end;
    size_t output_len;
    int64_t received, sent; /* bytes on the stream, in all */
    int error;              /* bytes were lost on the way out: every further send gives this */
    uint8_t streak;         /* operations since the task last gave way to others */
    bool ended;             /* the peer's end was read */
    bool sending;           /* a task is sending the output: leave it alone */
    char *held;             /* older input memory in which the head in use lies, or NULL */
    size_t held_size;
    size_t input_max; /* never buffer more unread bytes */
    struct wire_limit receive, send;
};

/* stream: open, and the caller's. input_max: at least BLOCK_SIZE. Does not allocate. */
void wire_init(struct wire *wire, struct stream *stream, size_t input_max);
/* Gives the memory back; what is unread or unsent is dropped. The stream and the counts stay. */
void wire_deinit(struct wire *wire);
/* Begins with another stream, no limits and the memory that it worked with: at most a block each way. */
static inline void wire_reuse(struct wire *wire, struct stream *stream) {
    if (UNLIKELY(wire->held != NULL || wire->input_size > BLOCK_SIZE)) {
        wire_deinit(wire);
    }
    assert(!wire->sending);
    wire->stream = stream;
    wire->hold = 0;
    wire->start = 0;
    wire->end = 0;
    wire->output_len = 0;
    wire->received = 0;
    wire->sent = 0;
    wire->error = 0;
    wire->streak = 0;
    wire->ended = false;
    wire->receive.grace_ns = 0;
    wire->send.grace_ns = 0;
}
/* Starts a limit afresh; grace_ms or rate <= 0: no limit, or no rate. */
void wire_limit_set(struct wire_limit *limit, int64_t grace_ms, int64_t rate);

/* ---- input ---- */
/* The unread bytes. They stay where they are until the next wire_fill, wire_consume or wire_release. */
static inline wharf_str wire_view(const struct wire *wire) {
    wharf_str view = {NULL, 0};
    if (wire->input != NULL) {
        view = (wharf_str){wire->input + wire->start, wire->end - wire->start};
    }
    return view;
}
static inline size_t wire_unread(const struct wire *wire) {
    return wire->end - wire->start;
}
/* Receives more behind the unread bytes: at least 1, 0 at the peer's end. Sends the output before it waits. Suspends.
 * Errors: those of the stream, -ENOMEM, -WHARF_ELIMIT (input_max), -ETIMEDOUT. */
ssize_t wire_fill(struct wire *wire);
/* The same without waiting: -EAGAIN. Does not send. */
ssize_t wire_try_fill(struct wire *wire);
static inline void wire_consume(struct wire *wire, size_t len) {
    assert(len <= wire_unread(wire));
    wire->start += len;
}
/* Consumes a head of `len` bytes, whose bytes stay where they are until wire_release: views into it stay valid. */
static inline void wire_hold(struct wire *wire, size_t len) {
    assert(wire->hold == 0 && wire->held == NULL);
    wire_consume(wire, len);
    wire->hold = wire->start;
}
void wire_free_held(struct wire *wire);
static inline void wire_release(struct wire *wire) {
    wire->hold = 0;
    if (UNLIKELY(wire->held != NULL)) {
        wire_free_held(wire);
    }
}

/* Operations that succeed at once before other tasks get their turn. */
enum { WIRE_STREAK_MAX = 64 };
int wire_yield(struct wire *wire);
/* Lets other tasks run when this one has done many operations without waiting. The operations below and wire_fill see
 * to that themselves. 0, -ECANCELED or -ETIMEDOUT. */
static inline int wire_give_way(struct wire *wire) {
    wire->streak++;
    return LIKELY(wire->streak < WIRE_STREAK_MAX) ? 0 : wire_yield(wire);
}

/* ---- a message's body, over any framing ---- */
/* The next piece: 1 to `size` bytes, 0 at its verified end. Large pieces go straight into `buffer`. Suspends.
 * Errors: as wire_fill, -WHARF_EEOF (the stream ended in the middle), -WHARF_EPROTOCOL or -WHARF_ELIMIT with
 * *ret_error. */
ssize_t wire_read_body(struct wire *wire, struct h1_body *body, void *buffer, size_t size,
                       struct h1_error *ret_error);
/* Reads and drops what is left of it. 0; -EMSGSIZE when that is more than bytes_max; else as wire_read_body. */
int wire_skip_body(struct wire *wire, struct h1_body *body, uint64_t bytes_max, struct h1_error *ret_error);

/* ---- output; the errors are those of the stream, -ENOMEM, -ETIMEDOUT ---- */
/* Where there is no room yet: gets memory, or sends. */
char *wire_make_room(struct wire *wire, size_t len, int *ret_error);
/* Room for `len` bytes (at most BLOCK_SIZE) behind the output, which is sent first when there is none; then
 * wire_wrote. NULL and *ret_error on failure. Suspends only to make room. */
static inline char *wire_room(struct wire *wire, size_t len, int *ret_error) {
    bool fits = wire->output != NULL && len <= BLOCK_SIZE - wire->output_len && wire->error == 0;
    return LIKELY(fits) ? wire->output + wire->output_len : wire_make_room(wire, len, ret_error);
}
static inline void wire_wrote(struct wire *wire, size_t len) {
    wire->output_len += len;
}
int wire_write_out(struct wire *wire, const void *bytes, size_t len); /* where there is no room yet */
/* Appends a copy; what does not fit leaves at once, together with what was there. 0 or an error. */
static inline int wire_write(struct wire *wire, const void *bytes, size_t len) {
    if (UNLIKELY(wire->output == NULL || len > BLOCK_SIZE - wire->output_len || wire->error != 0)) {
        return wire_write_out(wire, bytes, len);
    }
    if (len > 0) {
        memcpy(wire->output + wire->output_len, bytes, len);
    }
    wire_wrote(wire, len);
    return 0;
}
static inline int wire_write_str(struct wire *wire, wharf_str text) {
    return wire_write(wire, text.ptr, text.len);
}
/* Sends the output and then these pieces, copying nothing. The array is used up. more: another send follows at once.
 * After a failure in the middle of `pieces` the wire's error is set. 0 or an error. */
int wire_send(struct wire *wire, struct iovec *pieces, int count, bool more);
int wire_flush_now(struct wire *wire); /* there is some, or the stream may hold some */
/* Sends the output. What a failed flush has not sent stays in the output. */
static inline int wire_flush(struct wire *wire) {
    bool nothing = wire->output_len == 0 && wire->stream->type == &stream_socket;
    return nothing ? wire->error : wire_flush_now(wire);
}
/* After an attempt that took `sent` bytes of it, or failed. */
int wire_flush_rest(struct wire *wire, ssize_t sent);
/* The same, compiled in place for sockets: for the flush that ends every batch of answers. */
ALWAYS_INLINE int wire_flush_here(struct wire *wire) {
    bool plain = wire->stream->type == &stream_socket && !wire->sending && wire->error == 0 &&
                 wire->streak < WIRE_STREAK_MAX - 1;
    if (UNLIKELY(!plain || wire->output_len == 0)) {
        return wire_flush(wire);
    }
    wire->streak++;
    ssize_t sent = io_try_send_bytes(wire->stream->io, wire->output, wire->output_len);
    if (UNLIKELY(sent != (ssize_t)wire->output_len)) {
        return wire_flush_rest(wire, sent);
    }
    wire->sent += sent;
    wire->send.moved += sent;
    wire->output_len = 0;
    return 0;
}
/* Sends the output and then a part of an open regular file. Errors: also -WHARF_ECHANGED (the file ended early). */
int wire_send_file(struct wire *wire, int fd, int64_t offset, int64_t size);
/* Sends what the stream takes without waiting; from callbacks too. Never fails: errors show at the next send. */
void wire_try_flush(struct wire *wire);

#endif

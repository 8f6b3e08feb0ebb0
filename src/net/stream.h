/* A byte stream: what HTTP runs on. A TCP or Unix socket, or TLS over one (tls/stream.h), and nothing above knows the
 * difference.
 *
 * A stream is embedded in its user's record (a socket handle, a server's connection, a client's connection),
 * so an idle connection costs no object of its own.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "sched/io.h"
#include "wharf/base.h"

struct stream;

struct stream_type {
    const char *name; /* "socket", "tls" */
    /* At least one byte, 0 at the end, or an error. Suspends. */
    ssize_t (*recv)(struct stream *stream, void *buffer, size_t size);
    /* The same without waiting: -EAGAIN. */
    ssize_t (*try_recv)(struct stream *stream, void *buffer, size_t size);
    /* Takes at least one byte; may take fewer than offered. more: another piece follows at once. Without pieces: until
     * nothing is unsent. Suspends. */
    ssize_t (*send)(struct stream *stream, const struct iovec *pieces, int count, bool more);
    ssize_t (*try_send)(struct stream *stream, const struct iovec *pieces, int count, bool more);
    /* Part of an open regular file; at least one byte, 0 when the file has ended. Suspends. */
    int64_t (*sendfile)(struct stream *stream, int fd, int64_t offset, int64_t size);
    /* Announces the end of sending. Does not wait. */
    int (*shutdown_write)(struct stream *stream);
    /* Frees what the type holds, but not the io. */
    void (*deinit)(struct stream *stream);

    /* NULL where a type has nothing to say that its descriptor does not: */

    /* Whether try_send has left something that the socket did not take. */
    bool (*has_unsent)(const struct stream *stream);
    /* Bytes that the descriptor has taken, in all. */
    int64_t (*wrote)(const struct stream *stream);
    /* Says goodbye before a graceful end, without waiting. What the socket has not taken; valid until deinit. */
    wharf_str (*farewell)(struct stream *stream);
    /* Whether a receive would return at once although nothing has come since. */
    bool (*is_readable)(struct stream *stream);
    /* Why it has failed, as the end of a sentence; "" when there is nothing to add to the error. */
    const char *(*why)(const struct stream *stream);
};

struct stream {
    const struct stream_type *type;
    struct io *io;
    void *state; /* the type's own; NULL for sockets */
};

/* What nearly every stream is. */
extern const struct stream_type stream_socket;

/* Of any stream; a socket's without the detour through its type. */
static inline ssize_t stream_try_recv(struct stream *stream, void *buffer, size_t size) {
    return stream->type == &stream_socket ? io_try_recv(stream->io, buffer, size)
                                          : stream->type->try_recv(stream, buffer, size);
}
static inline ssize_t stream_try_send(struct stream *stream, const struct iovec *pieces, int count,
                                      bool more) {
    return stream->type == &stream_socket ? io_try_send(stream->io, pieces, count, more)
                                          : stream->type->try_send(stream, pieces, count, more);
}

/* Whether a receive is worth an attempt. */
static inline bool stream_may_recv(const struct stream *stream) {
    return stream->type != &stream_socket || (stream->io->ready & IO_READ) != 0;
}

/* As the optional functions of the type. */
static inline bool stream_is_readable(struct stream *stream) {
    return stream->type->is_readable != NULL && stream->type->is_readable(stream);
}
static inline bool stream_has_unsent(const struct stream *stream) {
    return stream->type->has_unsent != NULL && stream->type->has_unsent(stream);
}
static inline int64_t stream_wrote(const struct stream *stream) {
    return stream->type->wrote != NULL ? stream->type->wrote(stream) : 0;
}
static inline const char *stream_why(const struct stream *stream) {
    return stream->type->why != NULL ? stream->type->why(stream) : "";
}

/* A stream over an open, connected io. io->owner is the caller's to set. */
void stream_init_socket(struct stream *stream, struct io *io);
/* Whether the stream's bytes are those of its io, so that the kernel may move them. */
bool stream_is_socket(const struct stream *stream);

/* ---- whole pieces; each suspends ---- */
/* All pieces. Returns the bytes or an error; *ret_sent (may be NULL) counts what was accepted, on failure
 * too. The array `pieces` is used up. */
int64_t stream_send_all(struct stream *stream, struct iovec *pieces, int count, bool more, int64_t *ret_sent);
/* All of the file part; -WHARF_ECHANGED when it ends early. */
int64_t stream_send_file(struct stream *stream, int fd, int64_t offset, int64_t size, int64_t *ret_sent);

/* ---- ending; none suspends; the io is gone afterwards ---- */
/* Graceful: FIN, then the io lingers without a task, throwing away what arrives, until the peer's FIN or 2 s,
 * so that what was sent is not lost to a reset. Closes at once when the peer's end was already read. */
void stream_close(struct stream *stream);
/* For connections with nothing in flight either way (idle keep-alive). */
void stream_close_now(struct stream *stream);
/* RST. */
void stream_abort(struct stream *stream);

/* Lingering connections of this scheduler (for tests and for the wait at exit). */
int64_t stream_lingering(void);

#endif

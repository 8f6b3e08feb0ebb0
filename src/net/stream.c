/* Socket streams, and whole pieces over any type of stream. A socket needs no state of its own: the type's
 * functions pass straight to its io. A loop over a stream may find that another task has closed it meanwhile. */
#include "net/stream.h"

#include <errno.h>
#include <limits.h>

#include "net/linger.h"
#include "sched/engine.h"
#include "sched/sched.h"

enum { PIECES_MAX = IOV_MAX };

static ssize_t socket_recv(struct stream *stream, void *buffer, size_t size) {
    return stream->io == NULL ? -ECANCELED : io_recv(stream->io, buffer, size);
}

static ssize_t socket_try_recv(struct stream *stream, void *buffer, size_t size) {
    return io_try_recv(stream->io, buffer, size);
}

static ssize_t socket_send(struct stream *stream, const struct iovec *pieces, int count, bool more) {
    return stream->io == NULL ? -ECANCELED : io_send(stream->io, pieces, count, more);
}

static ssize_t socket_try_send(struct stream *stream, const struct iovec *pieces, int count, bool more) {
    return io_try_send(stream->io, pieces, count, more);
}

static int64_t socket_sendfile(struct stream *stream, int fd, int64_t offset, int64_t size) {
    return stream->io == NULL ? -ECANCELED : io_sendfile(stream->io, fd, offset, size);
}

static int socket_shutdown_write(struct stream *stream) {
    return sched_engine()->shutdown(sched_current(), stream->io->fd);
}

static void socket_deinit(struct stream *stream) {
    (void)stream;
}

const struct stream_type stream_socket = {
    .name = "socket",
    .recv = socket_recv,
    .try_recv = socket_try_recv,
    .send = socket_send,
    .try_send = socket_try_send,
    .sendfile = socket_sendfile,
    .shutdown_write = socket_shutdown_write,
    .deinit = socket_deinit,
};

void stream_init_socket(struct stream *stream, struct io *io) {
    *stream = (struct stream){.type = &stream_socket, .io = io};
}

bool stream_is_socket(const struct stream *stream) {
    return stream->type == &stream_socket;
}

/* Steps over `sent` bytes; *first moves past finished pieces (empty ones included). */
static void pieces_advance(struct iovec *pieces, int count, int *first, size_t sent) {
    while (*first < count && sent >= pieces[*first].iov_len) {
        sent -= pieces[*first].iov_len;
        (*first)++;
    }
    if (*first < count) {
        pieces[*first].iov_base = (char *)pieces[*first].iov_base + sent;
        pieces[*first].iov_len -= sent;
    }
}

int64_t stream_send_all(struct stream *stream, struct iovec *pieces, int count, bool more,
                        int64_t *ret_sent) {
    int64_t total = 0;
    int64_t failure = 0;
    int first = 0;
    pieces_advance(pieces, count, &first, 0);
    while (first < count && failure == 0) {
        int left = count - first;
        int now = left < PIECES_MAX ? left : PIECES_MAX;
        ssize_t sent = stream->type->send(stream, pieces + first, now, more || now < left);
        if (sent < 0) {
            failure = sent;
        } else {
            total += sent;
            pieces_advance(pieces, count, &first, (size_t)sent);
        }
    }
    if (ret_sent != NULL) {
        *ret_sent = total;
    }
    return failure < 0 ? failure : total;
}

int64_t stream_send_file(struct stream *stream, int fd, int64_t offset, int64_t size, int64_t *ret_sent) {
    int64_t total = 0;
    int64_t failure = 0;
    while (total < size && failure == 0) {
        int64_t sent = stream->type->sendfile(stream, fd, offset + total, size - total);
        if (sent > 0) {
            total += sent;
        } else {
            failure = sent < 0 ? sent : -WHARF_ECHANGED;
        }
    }
    if (ret_sent != NULL) {
        *ret_sent = total;
    }
    return failure < 0 ? failure : total;
}

/* ---- ending ---- */

static wharf_str say_farewell(struct stream *stream) {
    return stream->type->farewell != NULL ? stream->type->farewell(stream) : (wharf_str){NULL, 0};
}

/* What the type still holds may be part of the last words, so it goes last. */
static void close_lingering(struct stream *stream, wharf_str rest) {
    struct stream gone = *stream;
    stream->io = NULL;
    stream->state = NULL;
    linger_close(gone.io, rest);
    gone.type->deinit(&gone);
}

void stream_close(struct stream *stream) {
    close_lingering(stream, say_farewell(stream));
}

void stream_close_now(struct stream *stream) {
    wharf_str rest = say_farewell(stream);
    if (rest.len > 0) {
        close_lingering(stream, rest);
        return;
    }
    struct io *io = stream->io;
    stream->type->deinit(stream);
    stream->io = NULL;
    io_close(io, false);
}

void stream_abort(struct stream *stream) {
    struct io *io = stream->io;
    stream->type->deinit(stream);
    stream->io = NULL;
    io_close(io, true);
}

/* See stream.h. */
#include "tls/stream.h"

#include <errno.h>
#include <unistd.h>

#include "base/failure.h"
#include "sched/engine.h"
#include "sched/io.h"
#include "sched/sched.h"
#include "tls/settings.h"

/* ---- operations ---- */

struct tls_op {
    struct op op;
    struct tls_session *session;
    union {
        struct {
            void *buffer;
            size_t size;
        } recv;
        struct {
            const struct iovec *pieces;
            int count; /* 0: nothing is added to what waits */
            ssize_t taken;
        } send;
    };
};

static int64_t attempt_recv(struct op *op) {
    const struct tls_op *recv = (struct tls_op *)(void *)op;
    return session_try_recv(recv->session, recv->recv.buffer, recv->recv.size);
}

/* Takes bytes once, and then waits for the socket to take what became of them. */
static int64_t attempt_send(struct op *op) {
    struct tls_op *send = (struct tls_op *)(void *)op;
    struct tls_session *session = send->session;
    if (send->send.taken == 0 && send->send.count > 0) {
        ssize_t taken = session_try_send(session, send->send.pieces, send->send.count);
        if (taken < 0) {
            return taken;
        }
        send->send.taken = taken;
    }
    int rc = session->closed ? -ECANCELED : session_flush(session);
    return rc < 0 ? rc : send->send.taken;
}

/* What waits to be sent goes out meanwhile. */
static int start_recv(struct op *op) {
    const struct tls_session *session = ((struct tls_op *)(void *)op)->session;
    op->io = session->io;
    op->io->either = op->io->either || buffer_len(&session->unsent) > 0;
    return io_queue_descriptor(op->io, op, IO_READ);
}

static int start_send(struct op *op) {
    op->io = ((struct tls_op *)(void *)op)->session->io;
    return io_queue_descriptor(op->io, op, IO_WRITE);
}

static const struct op_kind recv_kind = {"TLS recv", attempt_recv, start_recv, op_queue_remove};
static const struct op_kind send_kind = {"TLS send", attempt_send, start_send, op_queue_remove};

/* ---- the type ---- */

static ssize_t tls_recv(struct stream *stream, void *buffer, size_t size) {
    struct tls_session *session = stream->state;
    if (stream->io == NULL) {
        return -ECANCELED;
    }
    session_enter(session);
    ssize_t result = session->stage == SESSION_READY ? 0 : session_handshake(session);
    if (result == 0) {
        struct tls_op op = {.op.kind = &recv_kind, .session = session, .recv = {buffer, size}};
        result = op_await(&op.op);
    }
    session_leave(session);
    return result;
}

static ssize_t tls_try_recv(struct stream *stream, void *buffer, size_t size) {
    return session_try_recv(stream->state, buffer, size);
}

static ssize_t tls_send(struct stream *stream, const struct iovec *pieces, int count, bool more) {
    struct tls_session *session = stream->state;
    (void)more;
    if (stream->io == NULL) {
        return -ECANCELED;
    }
    session_enter(session);
    ssize_t result = session->stage == SESSION_READY ? 0 : session_handshake(session);
    if (result == 0) {
        struct tls_op op = {.op.kind = &send_kind, .session = session, .send = {pieces, count, 0}};
        result = op_await(&op.op);
        bool interrupted = result == -ETIMEDOUT || result == -ECANCELED;
        if (interrupted && op.send.taken > 0 && !session->closed) {
            result = op.send.taken; /* they are sealed, and follow whatever happens */
        }
    }
    session_leave(session);
    return result;
}

static ssize_t tls_try_send(struct stream *stream, const struct iovec *pieces, int count, bool more) {
    (void)more;
    return session_try_send(stream->state, pieces, count);
}

static ssize_t read_part(int fd, void *buffer, size_t size, int64_t offset) {
    ssize_t got = -EINTR;
    while (got == -EINTR) {
        got = pread(fd, buffer, size, offset);
        got = got < 0 ? -errno : got;
    }
    return got;
}

/* A record of the file. */
static int64_t tls_sendfile(struct stream *stream, int fd, int64_t offset, int64_t size) {
    void *block = block_get();
    if (block == NULL) {
        return -ENOMEM;
    }
    ssize_t got = read_part(fd, block, size < BLOCK_SIZE ? (size_t)size : BLOCK_SIZE, offset);
    if (got > 0) {
        struct iovec piece = {.iov_base = block, .iov_len = (size_t)got};
        got = tls_send(stream, &piece, 1, false);
    }
    block_put(block);
    return got;
}

static int tls_shutdown_write(struct stream *stream) {
    struct tls_session *session = stream->state;
    if (session->stage == SESSION_FAILED) {
        return session->error;
    }
    if (session->stage != SESSION_READY) {
        return -ENOTCONN;
    }
    session_finish(session);
    /* The end of TLS is what counts; that of the socket follows when nothing waits to go out before it. */
    return buffer_len(&session->unsent) == 0 ? sched_engine()->shutdown(sched_current(), session->io->fd) : 0;
}

static bool tls_has_unsent(const struct stream *stream) {
    const struct tls_session *session = stream->state;
    return buffer_len(&session->unsent) > 0;
}

static int64_t tls_wrote(const struct stream *stream) {
    return ((const struct tls_session *)stream->state)->sent;
}

static wharf_str tls_farewell(struct stream *stream) {
    struct tls_session *session = stream->state;
    session_finish(session);
    return buffer_len(&session->unsent) > 0 ? buffer_view(&session->unsent) : (wharf_str){NULL, 0};
}

static void tls_deinit(struct stream *stream) {
    session_close(stream->state);
    stream->state = NULL;
}

static bool tls_is_readable(struct stream *stream) {
    return session_is_readable(stream->state);
}

static const char *tls_why(const struct stream *stream) {
    return stream->state != NULL ? session_why(stream->state) : "";
}

static const struct stream_type stream_tls = {
    .name = "tls",
    .recv = tls_recv,
    .try_recv = tls_try_recv,
    .send = tls_send,
    .try_send = tls_try_send,
    .sendfile = tls_sendfile,
    .shutdown_write = tls_shutdown_write,
    .deinit = tls_deinit,
    .has_unsent = tls_has_unsent,
    .wrote = tls_wrote,
    .farewell = tls_farewell,
    .is_readable = tls_is_readable,
    .why = tls_why,
};

/* ---- putting on and taking off ---- */

int stream_secure(struct stream *stream, wharf_tls *tls, const struct session_peer *peer) {
    struct tls_session *session = NULL;
    int rc = session_new(stream->io, tls, peer, &session);
    if (rc < 0) {
        return rc;
    }
    stream->type = &stream_tls;
    stream->state = session;
    return 0;
}

void stream_speaks(struct stream *stream, const char *protocol) {
    struct tls_session *session = stream_session(stream);
    session->protocols = (const unsigned char *)protocol;
    session->protocols_len = (unsigned int)strlen(protocol);
}

bool stream_is_secure(const struct stream *stream) {
    return stream->type == &stream_tls;
}

struct tls_session *stream_session(const struct stream *stream) {
    return stream_is_secure(stream) ? stream->state : NULL;
}

int stream_handshake(struct stream *stream) {
    struct tls_session *session = stream_session(stream);
    return session != NULL ? session_handshake(session) : 0;
}

const char *stream_handshake_reason(const struct stream *stream) {
    const struct tls_session *session = stream_session(stream);
    return session != NULL ? session_reason(session) : "tls.failed";
}

bool stream_has_heard(const struct stream *stream) {
    const struct tls_session *session = stream_session(stream);
    return session != NULL && session->first_count > 0;
}

bool stream_met_http(const struct stream *stream) {
    const struct tls_session *session = stream_session(stream);
    return session != NULL && session->stage == SESSION_FAILED && session_met_http(session);
}

void stream_unsecure(struct stream *stream) {
    struct io *io = stream->io;
    stream->type->deinit(stream);
    stream_init_socket(stream, io);
}

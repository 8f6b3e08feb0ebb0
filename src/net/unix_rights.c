/* What only Unix sockets carry: open descriptors beside the bytes, and who the peer is. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/failure.h"
#include "net/datagram.h"
#include "sched/datagram.h"
#include "sched/engine.h"
#include "sched/sched.h"
#include "wharf/datagram.h"

static bool is_unix(const struct sock *sock) {
    const struct engine *engine = sched_engine();
    int64_t family = AF_UNSPEC;
    int rc = engine->get_option(sched_current(), sock->stream.io->fd, SOL_SOCKET, SO_DOMAIN, &family);
    return rc == 0 && family == AF_UNIX;
}

/* The Unix socket of a call, or NULL with the error (recorded). */
static struct sock *unix_find(wharf_sock handle, const char *phase, int *ret_error) {
    struct sock *sock = sock_find(handle, phase, ret_error);
    if (sock == NULL) {
        return NULL;
    }
    if (sock->listener != NULL || !sock->connected) {
        *ret_error = sock_fail(sock, -ENOTCONN, phase);
        return NULL;
    }
    if (!is_unix(sock)) {
        *ret_error = fail(-EOPNOTSUPP, phase, NULL, "only Unix sockets carry descriptors and credentials");
        return NULL;
    }
    return sock;
}

/* ---- sending ---- */

static ssize_t send_rights(struct sock *sock, struct iovec *piece, const int *fds, int count) {
    struct datagram datagram = {.pieces = piece, .piece_count = 1, .fds = (int *)fds, .fd_count = count};
    int rc = io_send_datagrams(sock->stream.io, &datagram, 1);
    return rc < 0 ? rc : (ssize_t)datagram.size;
}

ssize_t wharf_send_fds(wharf_sock handle, const void *buffer, size_t size, const int *fds, int count) {
    struct iovec piece = {.iov_len = size};
    int error = 0;
    struct sock *sock = unix_find(handle, "send", &error);
    if (sock == NULL) {
        return error;
    }
    if (size == 0 || count < 1 || count > DATAGRAM_FDS_MAX) {
        return sock_fail(sock, -EINVAL, "send");
    }
    memcpy(&piece.iov_base, &buffer, sizeof(buffer)); /* iovec has no const */
    bool takes_turns = sock->type == SOCK_STREAM;
    error = takes_turns ? sock_send_begin(sock) : 0;
    if (error < 0) {
        return error;
    }
    sock_enter(sock);
    ssize_t sent = send_rights(sock, &piece, fds, count);
    int64_t total = sent > 0 ? sent : 0;
    ssize_t result = sent;
    if (sent > 0 && (size_t)sent < size) { /* of a stream; the descriptors have gone with the first part */
        struct iovec rest = {(char *)piece.iov_base + sent, size - (size_t)sent};
        int64_t more = 0;
        int64_t rc = sock->stream.io == NULL ? -ECANCELED
                                             : stream_send_all(&sock->stream, &rest, 1, false, &more);
        total += more;
        result = rc < 0 ? rc : (ssize_t)size;
    }
    if (takes_turns) {
        result = sock_send_end(sock, result, total);
    } else if (result < 0) {
        result = sock->stream.io == NULL ? -ECANCELED : result;
        sock_fail(sock, (int)result, "send");
    }
    sock_leave(sock);
    return result;
}

/* ---- receiving ---- */

static void close_all(const int *fds, int count) {
    for (int i = 0; i < count; i++) {
        (void)close(fds[i]);
    }
}

/* What came in one piece. All or none of the descriptors: half of a set is of no use to anybody. */
static ssize_t receive_rights(struct sock *sock, struct iovec *piece, int *fds, int *count) {
    struct datagram datagram = {.pieces = piece, .piece_count = 1, .fds = fds, .fd_max = *count};
    int rc = io_recv_datagrams(sock->stream.io, &datagram, 1);
    if (rc < 0) {
        return sock->stream.io == NULL ? -ECANCELED : rc;
    }
    bool cut = datagram.fds_cut || datagram.whole > datagram.size;
    if (cut) {
        close_all(fds, datagram.fd_count);
        if (sock->type == SOCK_STREAM) {
            sock_put_back(sock, piece->iov_base, datagram.size);
        }
        return -EMSGSIZE;
    }
    *count = datagram.fd_count;
    return (ssize_t)datagram.size;
}

ssize_t wharf_recv_fds(wharf_sock handle, void *buffer, size_t size, int *fds, int *count) {
    struct iovec piece = {buffer, size};
    int error = 0;
    struct sock *sock = unix_find(handle, "recv", &error);
    if (sock == NULL) {
        return error;
    }
    if (size == 0 || *count < 0 || *count > DATAGRAM_FDS_MAX) {
        return sock_fail(sock, -EINVAL, "recv");
    }
    if (sock_ahead(sock) > 0) { /* their descriptors are gone */
        *count = 0;
        return wharf_recv(handle, buffer, size);
    }
    bool claims = sock->type == SOCK_STREAM;
    error = claims ? sock_recv_begin(sock) : 0;
    if (error < 0) {
        return error;
    }
    sock_enter(sock);
    ssize_t got = receive_rights(sock, &piece, fds, count);
    if (claims) {
        got = sock_recv_end(sock, got);
    } else if (got < 0) {
        sock_fail(sock, (int)got, "recv");
    }
    sock_leave(sock);
    return got;
}

/* ---- who it is ---- */

int wharf_peer_credentials(wharf_sock handle, wharf_credentials *ret_credentials) {
    int error = 0;
    const struct sock *sock = unix_find(handle, "peer credentials", &error);
    if (sock == NULL) {
        return error;
    }
    struct ucred peer = {.pid = getpid(), .uid = geteuid(), .gid = getegid()};
    socklen_t len = sizeof(peer);
    /* On the simulated network all peers are this process. */
    if (!sched_is_simulated()) {
        int rc = getsockopt(sock->stream.io->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ? -errno : 0;
        if (rc < 0) {
            return fail(rc, "peer credentials", NULL, NULL);
        }
    }
    *ret_credentials = (wharf_credentials){.pid = peer.pid, .uid = peer.uid, .gid = peer.gid};
    return 0;
}

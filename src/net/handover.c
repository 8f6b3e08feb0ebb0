/* Descriptors out of and into a core's hands. */
#include <errno.h>
#include <fcntl.h>

#include "base/failure.h"
#include "net/inherited.h"
#include "net/listener.h"
#include "net/socket.h"
#include "sched/engine.h"
#include "sched/sched.h"

static bool is_in_use(const struct sock *sock) {
    const struct io *io = sock->stream.io;
    return sock->users > 0 || sock_ahead(sock) > 0 || io->readers.first != NULL || io->writers.first != NULL;
}

int wharf_detach(wharf_sock handle) {
    int rc = 0;
    struct sock *sock = sock_find(handle, "detach", &rc);
    if (sock == NULL) {
        return rc;
    }
    if (is_in_use(sock)) {
        return sock_fail(sock, -EBUSY, "detach");
    }
    if (sock->stream.state != NULL || sock->wrap.wrap != NULL) {
        return fail(-EOPNOTSUPP, "detach", NULL, "a descriptor alone does not carry its TLS session");
    }
    struct io *io = sock->stream.io;
    int fd = sock->listener != NULL ? listener_release(sock->listener) : io_release(io);
    if (fd < 0) {
        return sock_fail(sock, fd, "detach");
    }
    sock->stream.io = NULL;
    sock_closed(sock);
    return fd;
}

int descriptor_inspect(int fd, struct descriptor *ret_descriptor) {
    const struct engine *engine = sched_engine();
    struct sched *sched = sched_current();
    struct descriptor found = {0};
    int rc = engine->get_option(sched, fd, SOL_SOCKET, SO_TYPE, &found.type);
    if (rc < 0) {
        return rc;
    }
    rc = engine->get_option(sched, fd, SOL_SOCKET, SO_DOMAIN, &found.family);
    if (rc < 0) {
        return rc;
    }
    bool known = found.type == SOCK_STREAM || found.type == SOCK_DGRAM || found.type == SOCK_SEQPACKET;
    if (!known || (found.family != AF_INET && found.family != AF_INET6 && found.family != AF_UNIX)) {
        return -EPROTONOSUPPORT;
    }
    rc = engine->get_option(sched, fd, SOL_SOCKET, SO_ACCEPTCONN, &found.listening);
    *ret_descriptor = found;
    return rc;
}

int descriptor_unblock(int fd) {
    if (sched_is_simulated()) {
        return 0;
    }
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return -errno;
    }
    return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
}

/* Wraps an inspected descriptor; the io is closed on failure. */
static wharf_sock adopt_io(struct io *io, const struct descriptor *found) {
    const struct engine *engine = sched_engine();
    struct address peer = {.len = sizeof(peer.storage)};
    bool listening = found->listening != 0;
    int rc = listening ? -ENOTCONN : engine->peer_name(sched_current(), io->fd, &peer.storage, &peer.len);
    bool connected = rc == 0;
    /* A socket of datagrams need not be connected, and a socket of a pair has a peer without a name. */
    rc = rc == -ENOTCONN && (listening || found->type == SOCK_DGRAM) ? 0 : rc;
    struct sock *sock = rc < 0 ? NULL : sock_new(io, connected ? &peer : NULL);
    if (sock == NULL) {
        rc = rc < 0 ? rc : -ENOMEM;
        io_close(io, false);
        return sock_failed(fail(rc, "adopt", NULL, NULL));
    }
    sock->type = (int)found->type;
    wharf_sock handle = sock_handle(sock);
    rc = listening ? listener_over(io, NULL, &sock->listener) : 0;
    if (rc < 0) {
        (void)wharf_close(handle);
        return sock_failed(rc);
    }
    return handle;
}

wharf_sock wharf_adopt(int fd) {
    const struct engine *engine = sched_engine();
    struct sched *sched = sched_current();
    struct descriptor found = {0};
    if (fd < 0) {
        return sock_failed(fail(-EBADF, "adopt", NULL, NULL));
    }
    if (sched == NULL) {
        return sock_failed(failure_current()->code);
    }
    struct io *io = NULL;
    int rc = descriptor_inspect(fd, &found);
    rc = rc == 0 ? descriptor_unblock(fd) : rc;
    rc = rc == 0 ? io_open(fd, IO_READ | IO_WRITE, &io) : rc;
    if (rc < 0) {
        if (rc != -EBADF) {
            engine->close(sched, fd, false);
        }
        return sock_failed(fail(rc, "adopt", NULL, NULL));
    }
    io->shared_fd = true;
    if (found.type == SOCK_DGRAM) {
        io_is_datagrams(io);
    } else if (found.family != AF_UNIX) {
        io_is_tcp(io);
    }
    return adopt_io(io, &found);
}

wharf_sock sock_inherit(const struct address_text *text, const char *phase) {
    int fd = -1;
    if (sched_current() == NULL) {
        return sock_failed(failure_current()->code);
    }
    int rc = inherited_take(text, phase, &fd, 1);
    return rc < 0 ? sock_failed(rc) : wharf_adopt(fd);
}

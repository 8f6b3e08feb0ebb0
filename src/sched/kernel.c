/* See kernel.h. SIGPIPE: sends carry MSG_NOSIGNAL; sendfile cannot, which is why scheduler threads block the signal. */
#include "sched/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/compiler.h"
#include "sched/io.h"
#include "wharf/debug.h"

int kernel_socket(struct sched *sched, int family, int type) {
    (void)sched;
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

int kernel_pair(struct sched *sched, int type, int ret_fds[2]) {
    (void)sched;
    return socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret_fds) < 0 ? -errno : 0;
}

int kernel_bind(struct sched *sched, int fd, const struct sockaddr *address, socklen_t len) {
    (void)sched;
    return bind(fd, address, len) < 0 ? -errno : 0;
}

int kernel_listen(struct sched *sched, int fd, int backlog) {
    (void)sched;
    return listen(fd, backlog) < 0 ? -errno : 0;
}

/* Connections that were gone before they were accepted are passed over. */
static bool is_gone_connection(int error) {
    switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EINTR: return true;
    default: return false;
    }
}

int kernel_accept(struct sched *sched, int fd, struct sockaddr_storage *ret_address, socklen_t *ret_len) {
    (void)sched;
    for (;;) {
        if (ret_len != NULL) {
            *ret_len = sizeof *ret_address;
        }
        int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
        int accepted = accept4(fd, (struct sockaddr *)ret_address, ret_len, flags);
        if (accepted >= 0) {
            return accepted;
        }
        int error = errno;
        if (!is_gone_connection(error)) {
            return -error;
        }
    }
}

static _Atomic bool network_forbidden;

bool wharf_forbid_network(bool forbidden) {
    return atomic_exchange(&network_forbidden, forbidden);
}

bool kernel_forbids(const struct sockaddr *address) {
    return UNLIKELY(atomic_load_explicit(&network_forbidden, memory_order_relaxed)) && address != NULL &&
           address->sa_family != AF_UNIX;
}

int kernel_connect(struct sched *sched, int fd, const struct sockaddr *address, socklen_t len) {
    (void)sched;
    if (kernel_forbids(address)) {
        return -EPERM;
    }
    int rc = connect(fd, address, len) < 0 ? -errno : 0;
    /* An interrupted connect goes on by itself; a Unix socket whose listener is full says EAGAIN. */
    return rc == -EINTR ? -EINPROGRESS : rc;
}

int kernel_connect_result(struct sched *sched, int fd) {
    (void)sched;
    int error = 0;
    socklen_t len = sizeof error;
    int rc = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? -errno : 0;
    return rc < 0 ? rc : -error;
}

ssize_t kernel_recv(struct sched *sched, int fd, void *buffer, size_t size) {
    (void)sched;
    return kernel_recv_bytes(fd, buffer, size);
}

COLD int kernel_send_error(int error) {
    switch (error) {
    case EINTR: return 0;
    case EINPROGRESS:
        return -EAGAIN; /* a fast open whose first packet carried nothing: when the connection is there */
    default: return -error;
    }
}

ssize_t kernel_send(struct sched *sched, int fd, const struct iovec *pieces, int count, bool more) {
    (void)sched;
    return kernel_send_pieces(fd, pieces, count, more);
}

enum { SENDFILE_MAX = 1 << 30 };

int64_t kernel_sendfile(struct sched *sched, int fd, int file, int64_t offset, int64_t size) {
    (void)sched;
    size_t count = size > SENDFILE_MAX ? SENDFILE_MAX : (size_t)size;
    for (;;) {
        off_t at = offset;
        ssize_t n = sendfile(fd, file, &at, count);
        ssize_t rc = n < 0 ? -errno : n;
        if (rc != -EINTR) {
            return rc;
        }
    }
}

int64_t kernel_splice(struct sched *sched, int from, int to, int64_t size) {
    (void)sched;
    for (;;) {
        ssize_t n = splice(from, NULL, to, NULL, (size_t)size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        ssize_t rc = n < 0 ? -errno : n;
        if (rc != -EINTR) {
            return rc;
        }
    }
}

int kernel_shutdown(struct sched *sched, int fd) {
    (void)sched;
    return shutdown(fd, SHUT_WR) < 0 ? -errno : 0;
}

void kernel_close(struct sched *sched, int fd, bool reset) {
    (void)sched;
    if (reset) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    (void)close(fd);
}

int kernel_local_name(struct sched *sched, int fd, struct sockaddr_storage *ret_address, socklen_t *ret_len) {
    (void)sched;
    *ret_len = sizeof *ret_address;
    return getsockname(fd, (struct sockaddr *)ret_address, ret_len) < 0 ? -errno : 0;
}

int kernel_peer_name(struct sched *sched, int fd, struct sockaddr_storage *ret_address, socklen_t *ret_len) {
    (void)sched;
    *ret_len = sizeof *ret_address;
    return getpeername(fd, (struct sockaddr *)ret_address, ret_len) < 0 ? -errno : 0;
}

/* Seconds that close(2) waits for what was sent; -1: not at all, as it is by default. */
static int set_linger(int fd, int64_t seconds) {
    struct linger linger = {.l_onoff = seconds >= 0, .l_linger = seconds >= 0 ? (int)seconds : 0};
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) < 0 ? -errno : 0;
}

static int get_linger(int fd, int64_t *ret_seconds) {
    struct linger linger = {0};
    socklen_t len = sizeof linger;
    int rc = getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) < 0 ? -errno : 0;
    if (rc == 0) {
        *ret_seconds = linger.l_onoff != 0 ? linger.l_linger : -1;
    }
    return rc;
}

int kernel_set_option(struct sched *sched, int fd, int level, int option, int64_t value) {
    (void)sched;
    if (level == SOL_SOCKET && option == SO_LINGER) {
        return set_linger(fd, value);
    }
    int number = (int)value;
    return setsockopt(fd, level, option, &number, sizeof number) < 0 ? -errno : 0;
}

int kernel_get_option(struct sched *sched, int fd, int level, int option, int64_t *ret_value) {
    (void)sched;
    if (level == SOL_SOCKET && option == SO_LINGER) {
        return get_linger(fd, ret_value);
    }
    int number = 0;
    socklen_t len = sizeof number;
    int rc = getsockopt(fd, level, option, &number, &len) < 0 ? -errno : 0;
    if (rc == 0) {
        *ret_value = number;
    }
    return rc;
}

int kernel_poll(struct sched *sched, int fd, int events) {
    (void)sched;
    int ready = fd_look(fd, events);
    return ready < 0 ? events : ready; /* the operation itself will tell */
}

static int64_t queue_length(int fd, unsigned long request) {
    int bytes = 0;
    return ioctl(fd, request, &bytes) < 0 ? -errno : bytes;
}

int64_t kernel_unread(struct sched *sched, int fd) {
    (void)sched;
    return queue_length(fd, FIONREAD);
}

int64_t kernel_unsent(struct sched *sched, int fd) {
    (void)sched;
    return queue_length(fd, SIOCOUTQ);
}

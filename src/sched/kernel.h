/* The kernel's sockets, as struct engine wants them: never waiting, errors as -errno, interruptions by signals hidden. */
#ifndef SCHED_KERNEL_H
#define SCHED_KERNEL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct datagram;
struct datagram_error;
struct sched;

int kernel_socket(struct sched *sched, int family, int type);
int kernel_pair(struct sched *sched, int type, int ret_fds[2]);
int kernel_bind(struct sched *sched, int fd, const struct sockaddr *address, socklen_t len);
int kernel_listen(struct sched *sched, int fd, int backlog);
int kernel_accept(struct sched *sched, int fd, struct sockaddr_storage *ret_address, socklen_t *ret_len);
/* Whether wharf_forbid_network() keeps this process from talking to an address. */
bool kernel_forbids(const struct sockaddr *address);
int kernel_connect(struct sched *sched, int fd, const struct sockaddr *address, socklen_t len);
int kernel_connect_result(struct sched *sched, int fd);
ssize_t kernel_recv(struct sched *sched, int fd, void *buffer, size_t size);
ssize_t kernel_send(struct sched *sched, int fd, const struct iovec *pieces, int count, bool more);

/* The two of every message, to be had in place. A send runs so deep through the kernel that the processor forgets where its
 * callers return to, so each call between it and the task is paid for twice. */
static inline ssize_t kernel_recv_bytes(int fd, void *buffer, size_t size) {
    for (;;) {
        ssize_t n = recv(fd, buffer, size, MSG_DONTWAIT);
        ssize_t rc = n < 0 ? -errno : n;
        if (rc != -EINTR) {
            return rc;
        }
    }
}

/* What to make of a send's errno. 0: try again. */
int kernel_send_error(int error);
static inline ssize_t kernel_send_pieces(int fd, const struct iovec *pieces, int count, bool more) {
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    for (;;) {
        ssize_t n = 0;
        if (count == 1) {
            n = send(fd, pieces->iov_base, pieces->iov_len, flags);
        } else {
            struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count};
            n = sendmsg(fd, &message, flags);
        }
        int error = n < 0 ? kernel_send_error(errno) : 0;
        if (n >= 0 || error < 0) {
            return n >= 0 ? n : error;
        }
    }
}

static inline ssize_t kernel_send_bytes(int fd, const void *bytes, size_t len) {
    for (;;) {
        ssize_t n = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        int error = n < 0 ? kernel_send_error(errno) : 0;
        if (n >= 0 || error < 0) {
            return n >= 0 ? n : error;
        }
    }
}

int64_t kernel_sendfile(struct sched *sched, int fd, int file, int64_t offset, int64_t size);
int64_t kernel_splice(struct sched *sched, int from, int to, int64_t size);
int kernel_shutdown(struct sched *sched, int fd);
void kernel_close(struct sched *sched, int fd, bool reset);
int kernel_local_name(struct sched *sched, int fd, struct sockaddr_storage *ret_address, socklen_t *ret_len);
int kernel_peer_name(struct sched *sched, int fd, struct sockaddr_storage *ret_address, socklen_t *ret_len);
int kernel_set_option(struct sched *sched, int fd, int level, int option, int64_t value);
int kernel_get_option(struct sched *sched, int fd, int level, int option, int64_t *ret_value);
int kernel_poll(struct sched *sched, int fd, int events);
int64_t kernel_unread(struct sched *sched, int fd);
int64_t kernel_unsent(struct sched *sched, int fd);

/* kernel_datagram.c */
int kernel_recv_datagrams(struct sched *sched, int fd, struct datagram *datagrams, int count);
int kernel_recv_error(struct sched *sched, int fd, struct datagram_error *ret_error);
int kernel_send_datagrams(struct sched *sched, int fd, struct datagram *datagrams, int count);

#endif

/* The kernel's sockets, as struct engine wants them: never waiting, errors as -errno, interruptions by signals hidden. */
#ifndef SCHED_KERNEL_H
#define SCHED_KERNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct datagram;
struct sched;

int kernel_socket(struct sched *sched, int family, int type);
int kernel_bind(struct sched *sched, int fd, const struct sockaddr *address, socklen_t len);
int kernel_listen(struct sched *sched, int fd, int backlog);
int kernel_accept(struct sched *sched, int fd, struct sockaddr_storage *ret_address, socklen_t *ret_len);
int kernel_connect(struct sched *sched, int fd, const struct sockaddr *address, socklen_t len);
int kernel_connect_result(struct sched *sched, int fd);
ssize_t kernel_recv(struct sched *sched, int fd, void *buffer, size_t size);
ssize_t kernel_send(struct sched *sched, int fd, const struct iovec *pieces, int count, bool more);
int64_t kernel_sendfile(struct sched *sched, int fd, int file, int64_t offset, int64_t size);
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
int kernel_send_datagrams(struct sched *sched, int fd, struct datagram *datagrams, int count);

#endif

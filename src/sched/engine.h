/* What a scheduler asks of the world: time, randomness, readiness, sockets. Two worlds implement it: the
 * kernel with epoll (engine_epoll.c, kernel.c) and the simulator (src/sim/). Nothing else in the library asks
 * the kernel about sockets or clocks, so a program on the simulator has no other source of surprise.
 *
 * All calls return >= 0 or -errno and never wait; only `wait` does.
 */
#ifndef SCHED_ENGINE_H
#define SCHED_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct datagram;
struct datagram_error;
struct file_job;
struct io;
struct op;
struct sched;

/* A name, and room for its addresses. */
struct engine_name {
    const char *host;
    int family; /* AF_UNSPEC: any */
    struct sockaddr_storage *addresses;
    int max;
};

struct engine {
    const char *name;
    /* A receive of TCP that gave less than was asked for has emptied the queue: no need to ask again (io_is_tcp). */
    bool short_means_empty;

    /* time and chance */
    int64_t (*now)(struct sched *sched);  /* monotonic, ns */
    int64_t (*wall)(struct sched *sched); /* since 1970, ns */
    void (*random)(struct sched *sched, void *out, size_t size);
    /* Which of `count` ready tasks runs next (0: the one that has waited longest); NULL: always 0. */
    size_t (*pick)(struct sched *sched, size_t count);
    /* Called at each blocking point when not NULL: 0, or an error to inject there. */
    int (*checkpoint)(struct sched *sched, const struct op *op);
    /* How each blocking point ended, when not NULL. */
    void (*outcome)(struct sched *sched, const struct op *op, int64_t result);

    /* readiness */
    int (*attach)(struct sched *sched, struct io *io);
    void (*detach)(struct sched *sched, struct io *io);
    /* Reports what is ready by io_ready(). until: absolute ns to wait at most; 0: only look; TIMER_NEVER: no
     * limit. 0, or -WHARF_EDEADLOCK when nothing can ever happen. */
    int (*wait)(struct sched *sched, int64_t until);
    /* Makes a concurrent wait() return; from any thread or signal handler. */
    void (*interrupt)(struct sched *sched);

    /* descriptors */
    int (*socket)(struct sched *sched, int family, int type);
    /* Two Unix sockets, connected to each other. */
    int (*pair)(struct sched *sched, int type, int ret_fds[2]);
    int (*bind)(struct sched *sched, int fd, const struct sockaddr *address, socklen_t len);
    int (*listen)(struct sched *sched, int fd, int backlog);
    int (*accept)(struct sched *sched, int fd, struct sockaddr_storage *ret_address, socklen_t *ret_len);
    /* 0: connected; -EINPROGRESS: when writable, ask connect_result. */
    int (*connect)(struct sched *sched, int fd, const struct sockaddr *address, socklen_t len);
    int (*connect_result)(struct sched *sched, int fd);
    ssize_t (*recv)(struct sched *sched, int fd, void *buffer, size_t size);
    ssize_t (*send)(struct sched *sched, int fd, const struct iovec *pieces, int count, bool more);
    int64_t (*sendfile)(struct sched *sched, int fd, int file, int64_t offset, int64_t size);
    /* From a socket into a pipe or the other way, by the kernel; NULL: there is no such way. 0: the end of the socket. */
    int64_t (*splice)(struct sched *sched, int from, int to, int64_t size);
    /* Of datagram and Unix sockets (datagram.h). count: at least 1. How many, at least 1: the first of them. After an error
     * in one of them those before it are reported, and the error by the next call. A stream gives 1 with no bytes at
     * its end. */
    int (*recv_datagrams)(struct sched *sched, int fd, struct datagram *datagrams, int count);
    int (*send_datagrams)(struct sched *sched, int fd, struct datagram *datagrams, int count);
    /* Takes the oldest of the network's errors, of UDP. 0, or -EAGAIN: there is none. */
    int (*recv_error)(struct sched *sched, int fd, struct datagram_error *ret_error);
    int (*shutdown)(struct sched *sched, int fd); /* the sending side */
    void (*close)(struct sched *sched, int fd, bool reset);
    int (*local_name)(struct sched *sched, int fd, struct sockaddr_storage *ret_address, socklen_t *ret_len);
    int (*peer_name)(struct sched *sched, int fd, struct sockaddr_storage *ret_address, socklen_t *ret_len);
    int (*set_option)(struct sched *sched, int fd, int level, int option, int64_t value);
    int (*get_option)(struct sched *sched, int fd, int level, int option, int64_t *ret_value);
    /* Files, where the world has its own; NULL: the offload pool works on the machine's. How long a job (file.h) takes, in ns, or the
     * error that it meets; then its work. */
    int64_t (*file_delay)(struct sched *sched, const struct file_job *job);
    int64_t (*file_work)(struct sched *sched, struct file_job *job);
    /* Names that this world itself knows, when not NULL: how many addresses were written (0: ask name servers), or an error;
     * *ret_delay_ns is how long the answer takes. */
    int (*look_up)(struct sched *sched, const struct engine_name *question, int64_t *ret_delay_ns);
    /* Which of IO_READ and IO_WRITE would not wait now. */
    int (*poll)(struct sched *sched, int fd, int events);
    int64_t (*unread)(struct sched *sched, int fd); /* bytes received and not yet read */
    int64_t (*unsent)(struct sched *sched, int fd); /* bytes sent and not yet acknowledged */
};

/* The kernel's, with epoll. */
extern const struct engine engine_epoll;
void *epoll_engine_new(void); /* its state; NULL when the system refuses (recorded) */
void epoll_engine_free(void *state);
/* Readable when a wait() would have something to report. */
int epoll_engine_descriptor(const void *state);

#endif

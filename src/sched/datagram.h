/* A datagram on its way through an engine, or a piece of a Unix stream: its bytes and what travels beside them. The
 * record is the caller's; what arrives is written into it and where its pointers point.
 *
 *      struct iovec piece = {buffer, sizeof buffer};
 *      struct sockaddr_storage from;
 *      struct datagram datagram = {.pieces = &piece, .piece_count = 1, .peer = &from};
 *      int got = io_recv_datagrams(io, &datagram, 1);       1: datagram.size bytes, of datagram.whole that were sent
 */
#ifndef SCHED_DATAGRAM_H
#define SCHED_DATAGRAM_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* As many as one call of an engine takes; more are left for the next. */
enum { DATAGRAMS_AT_ONCE = 32 };

/* The kernel passes at most so many descriptors with one datagram. */
enum { DATAGRAM_FDS_MAX = 253 };

/* One of the machine's own addresses, and the interface: where a datagram arrived, or where it shall leave. Known of
 * sockets with IP_PKTINFO or IPV6_RECVPKTINFO. */
struct datagram_local {
    sa_family_t family; /* AF_UNSPEC: not known, or as it is routed */
    uint32_t interface; /* 0: not known, or any */
    union {
        struct in_addr v4;
        struct in6_addr v6;
    };
};

/* Of the process that sent it, as the kernel vouches for; of Unix sockets with SO_PASSCRED. */
struct datagram_sender {
    bool known;
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

struct datagram {
    struct iovec *pieces; /* where the bytes are, or where they go */
    int piece_count;

    /* Sending: to whom, or NULL on a connected socket. Receiving: room for from whom, or NULL. */
    struct sockaddr_storage *peer;
    socklen_t peer_len; /* received: 0 of a sender without a name */

    struct datagram_local local;
    uint32_t
        segment; /* bytes: the bytes are many datagrams of this size, the last may be shorter; 0: it is one */

    /* Descriptors that travel with it. Sending: fd_count of them. Receiving: room for fd_max; the array's owner
     * closes what it got. */
    int *fds;
    int fd_count, fd_max;

    /* Received: */
    size_t size;  /* bytes stored (sent: bytes taken) */
    size_t whole; /* bytes that the datagram had: more than `size` when it was cut */
    bool fds_cut; /* more descriptors came than there was room for; those have been closed */
    struct datagram_sender sender;
};

/* What the network said of a datagram that was sent earlier, on a socket with IP_RECVERR or IPV6_RECVERR. */
struct datagram_error {
    int code;                     /* negative */
    uint32_t mtu;                 /* with -EMSGSIZE: the most that fits; 0: not known */
    struct sockaddr_storage peer; /* to whom it was sent */
    socklen_t peer_len;
    struct sockaddr_storage reporter; /* who says so, without a port */
    socklen_t reporter_len;           /* 0: this machine */
};

#endif

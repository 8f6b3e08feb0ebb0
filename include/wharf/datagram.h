/* wharf/datagram.h - UDP, the datagrams of Unix sockets, and descriptors that travel with them.
 *
 *     wharf_sock sock = wharf_serve_on("udp://localhost:8125");
 *     for (;;) {
 *         char packet[1500];
 *         wharf_address from;
 *         ssize_t got = wharf_recv_from(sock, packet, sizeof packet, &from);
 *         if (got < 0) return 1;
 *         wharf_send_to(sock, packet, (size_t)got, &from);
 *     }
 *
 * A socket of datagrams is made by wharf_serve_on("udp://:53") and wharf_dial("udp://host:53") - for "localhost" that is
 * 127.0.0.1, because one socket has one address - or by wharf_socket(), wharf_bind() and wharf_connect() with the kinds
 * "udp", "udp6", "unix-datagram" and "unix-seqpacket". On one that is connected wharf_recv() and wharf_send() work, too.
 * What differs from a stream:
 *
 *   - A call receives one datagram, whole. One that does not fit is an error of the call, never silently cut.
 *   - 0 is an empty datagram; there is no end. (Of "unix-seqpacket" 0 is the end, and nobody can send an empty one.)
 *   - -ECONNREFUSED says that an earlier datagram found nobody at the other address (RFC 1122 section 4.1.3.3; of connected sockets, and
 *     of others with the option "receive_errors"; wharf_get_network_error() says whom). The socket is as good as before.
 *   - Several tasks may receive on one socket, and several send.
 */
#ifndef WHARF_DATAGRAM_H
#define WHARF_DATAGRAM_H

#include <sys/socket.h>

#include "wharf/net.h"

WHARF_BEGIN

/** An address as the kernel has it, for those who need one per datagram. len 0: none. */
typedef struct wharf_address {
    socklen_t len;
    struct sockaddr_storage storage;
} wharf_address;

/** The first address that a text names ("example.com:53", "[fe80::1%eth0]:53", "unix:/run/log"), into *ret_address.
 *  Suspends only for a name that must be looked up. Errors: -WHARF_EADDRESS, -WHARF_ENAME, -ENOMEM, -ECANCELED,
 *  -ETIMEDOUT. */
WHARF_API int wharf_address_of(const char *text, wharf_address *ret_address);
/** Its text: "127.0.0.1:53", "[::1]:53", "unix:/path"; "" of none. size: at least WHARF_ADDRESS_SIZE. Returns the
 *  length. Does not suspend. Errors: -ENOBUFS. */
WHARF_API int wharf_address_text(const wharf_address *address, char *buffer, size_t size);

/* ---- one datagram ------------------------------------------------------------------------------------- */

/** Receives a datagram and from whom it came (ret_from may be NULL). Suspends until there is one. Returns its length.
 *  Errors: -EMSGSIZE (it has more than `size` bytes: the buffer holds its beginning, and the rest is gone),
 *  -ECONNREFUSED and others of a network that answered an earlier datagram, -EBADF, -EOPNOTSUPP (a stream),
 *  -ECANCELED, -ETIMEDOUT. */
WHARF_API WHARF_MUST_USE ssize_t wharf_recv_from(wharf_sock sock, void *buffer, size_t size,
                                                 wharf_address *ret_from);

/** Sends a datagram; size: 0 to 65507 bytes for UDP. to: NULL on a connected socket. Suspends while there is no room.
 *  Returns `size`. Errors: -EMSGSIZE (larger than the protocol or the path allows), -EDESTADDRREQ (nobody to send
 *  to), -EACCES (a broadcast without the option "broadcast"), -ECONNREFUSED, -ENETUNREACH, -EHOSTUNREACH, -EBADF,
 *  -EOPNOTSUPP (a stream), -ECANCELED, -ETIMEDOUT. */
WHARF_API ssize_t wharf_send_to(wharf_sock sock, const void *buffer, size_t size, const wharf_address *to);

/* ---- many at once --------------------------------------------------------------------------------------- */

/** A datagram with all that is known of it. */
typedef struct wharf_datagram {
    void *data;  /* its bytes; the memory is yours */
    size_t size; /* receiving: room there */
    size_t len;  /* bytes received, or to send */

    /** Received: bytes that were sent. More than `len`: it was cut. */
    size_t whole;

    /** From whom, or to whom. len 0: to whom the socket is connected; from a sender without a name. */
    wharf_address peer;

    /** The own address that it was sent to, known with the option "packet_info" (on after wharf_serve_on("udp://:PORT")); to send:
     *  from which, so that an answer comes from where it is expected. len 0: not known, or as it is routed. */
    wharf_address local;
    uint32_t
        interface; /* by which it came, or shall leave: an index as of if_nametoindex(3); 0: not known, or any */

    /** Not 0: the bytes are several datagrams of this size (the last may be shorter), sent by one call of the system, or
     *  received by one with the option "coalesce". */
    uint32_t segment;

    /** Who sent it, by a Unix socket with the option "pass_credentials"; sender_pid 0: not known. */
    pid_t sender_pid;
    uid_t sender_uid;
    gid_t sender_gid;
} wharf_datagram;

/** Receives what has come: at least one and at most `count` datagrams. Suspends until there is one. Sets all but
 *  `data` and `size` of those that came; a cut one is no error here. count: at least 1. Returns how many. Errors: as
 *  wharf_recv_from() but -EMSGSIZE, and -EINVAL. */
WHARF_API WHARF_MUST_USE int wharf_recv_datagrams(wharf_sock sock, wharf_datagram *datagrams, int count);

/** Sends `data`, `len`, `peer`, `local`, `interface` and `segment` of each. count: at least 1. Suspends while there
 *  is no room. Returns how many were sent: fewer than `count`, at least 1, when one failed, and the next call that
 *  begins with that one tells why. Where the machine cannot cut segments, they are cut here. Errors (of the first):
 *  as wharf_send_to(), and -EINVAL. */
WHARF_API int wharf_send_datagrams(wharf_sock sock, const wharf_datagram *datagrams, int count);

/* ---- what became of them ------------------------------------------------------------------------------------ */

/** What the network said of a datagram that was sent earlier. */
typedef struct wharf_network_error {
    int error; /* -ECONNREFUSED (nobody is there), -EHOSTUNREACH, -ENETUNREACH, -EMSGSIZE (too large for the path) ... */
    wharf_address peer;     /* to whom it was sent */
    wharf_address reporter; /* who says so: the peer's machine or a router; len 0: this machine */
    uint32_t mtu; /* with -EMSGSIZE: the largest packet that the path carries, headers included; else 0 */
} wharf_network_error;

/** What the last failed send or receive of a UDP socket with the option "receive_errors" was told, so that a server
 *  of many can forget the one peer that has gone. Each failed call is told of one datagram, which need not be its
 *  own; wharf_why() names the address, too. Does not suspend. Errors: -ENODATA (the last failure had another cause,
 *  or there was none), -EBADF. */
WHARF_API int wharf_get_network_error(wharf_sock sock, wharf_network_error *ret_error);

/* ---- between processes ------------------------------------------------------------------------------------ */

/** Two sockets that are connected to each other. kind: "unix" (a stream), "unix-datagram", "unix-seqpacket". The
 *  caller owns both. Does not suspend. Errors: -EPROTONOSUPPORT, -EMFILE, -ENFILE, -ENOMEM. */
WHARF_API int wharf_socket_pair(const char *kind, wharf_sock ret_pair[2]);

/** Sends bytes with open descriptors (files, sockets, pipes) to the process at the other end of a Unix socket; the
 *  caller still owns its own. size: at least 1; all of it is sent, the descriptors with the first byte. count: 1 to
 *  253. Suspends. Returns `size`. Errors: as wharf_send(), and -EINVAL, -EOPNOTSUPP (no Unix socket), -EBADF (one of
 *  them is not open), -ETOOMANYREFS. */
WHARF_API ssize_t wharf_send_fds(wharf_sock sock, const void *buffer, size_t size, const int *fds, int count);

/** Receives at least 1 and at most `size` bytes, as wharf_recv() does, and the descriptors that came with them.
 *  *count: how many `fds` has room for; then how many came, close-on-exec, and the caller's. Suspends. Returns the
 *  bytes; 0: the peer sends no more. Bytes that wharf_recv() and the buffered calls take come without their
 *  descriptors, which are then closed. Errors: as wharf_recv(); -EMSGSIZE (more came than there is room for: all have
 *  been closed; a stream's bytes can still be received), -EOPNOTSUPP (no Unix socket). */
WHARF_API WHARF_MUST_USE ssize_t wharf_recv_fds(wharf_sock sock, void *buffer, size_t size, int *fds,
                                                int *count);

/** The process at the other end of a Unix socket, as it was when it connected, listened or made the pair. */
typedef struct wharf_credentials {
    pid_t pid;
    uid_t uid;
    gid_t gid;
} wharf_credentials;

/** Does not suspend. Errors: -EBADF, -ENOTCONN, -EOPNOTSUPP (no Unix socket). */
WHARF_API int wharf_peer_credentials(wharf_sock sock, wharf_credentials *ret_credentials);

WHARF_END

#endif

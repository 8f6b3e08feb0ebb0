/* wharf/net.h - sockets, with Python's names.
 *
 *     wharf_sock listener = wharf_serve_on("tcp://localhost:8888");
 *     for (;;) {
 *         wharf_sock client = wharf_accept(listener);
 *         if (wharf_failed(client)) return 1;
 *         wharf_go(NULL, serve, client);
 *     }
 *
 * Addresses are strings:
 *
 *     localhost:8888    127.0.0.1:80    [::1]:80    [fe80::1%eth0]:80    :8000 (every interface)
 *     unix:/run/x.sock    unix:@abstract
 *     udp://:53    unix-datagram:/run/log    unix-seqpacket:@name              wharf/datagram.h
 *     systemd:http    fd:3                                                     already open when the program started
 *
 * with "tcp://" in front where a URL reads better; no scheme means TCP. A host is a literal or a name, beyond ASCII in UTF-8; a port
 * is a number from 0 to 65535 (0: the kernel picks one, when listening) or a well-known service ("localhost:http"). "systemd:NAME" are the sockets that the service
 * manager passed under that name (FileDescriptorName= in the .socket unit; all are "unknown" without one), "fd:N" is descriptor N;
 * each can be taken once.
 *
 * A socket is used by its own core, and closed with its thread when the program did not. One task may receive while another sends; further senders queue, one call
 * at a time. A failed call leaves the socket usable: after -ETIMEDOUT or -ECANCELED the bytes received so far
 * stay readable, and wharf_sent() tells how many went out. SIGPIPE never happens.
 */
#ifndef WHARF_NET_H
#define WHARF_NET_H

#include <sys/uio.h>

#include "wharf/base.h"

WHARF_BEGIN

/** A socket, by value: copy it freely. Once closed, every copy is stale and gives -EBADF, never another
 *  connection's data. */
typedef struct wharf_sock {
    int64_t id;
} wharf_sock;

/** Bytes that hold any address text, its NUL included. */
#define WHARF_ADDRESS_SIZE 128

/* ---- the short way ----------------------------------------------------------------------------------- */

/** Connects: names, every address of a name in turn, TCP or Unix. "localhost" and literals need no name
 * server. Suspends. The caller owns the socket. Errors (in the handle): -WHARF_EADDRESS (wharf_why() says
 * where), -WHARF_ENAME, those of connect(2), -EMFILE, -ENOMEM, -ECANCELED, -ETIMEDOUT. */
WHARF_API WHARF_MUST_USE wharf_sock wharf_dial(const char *address);

/** Listens: socket, bind and listen in one. "localhost" listens on 127.0.0.1 and ::1 with one port; an empty host on
 * every interface, both families. Suspends only for a host name that must be looked up. The caller owns the socket.
 * Inside wharf_run() the first core opens the address and the others get a view of the same listener; connections go
 * to the core with the fewest. Errors (in the handle): as wharf_dial(), and -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, and
 * of "systemd:NAME" -ENOENT (wharf_why() says what was passed) and -EBUSY (taken before). */
WHARF_API WHARF_MUST_USE wharf_sock wharf_serve_on(const char *address);

/** The next connection. Suspends until there is one. A connection that was already gone is skipped; while the
 * process is out of file descriptors the call backs off, 10 ms doubling to 1 s, and goes on. The caller owns
 * the new socket. Errors (in the handle): -EBADF, -EINVAL (not listening), -ECANCELED (also when another task
 * closes the listener), -ETIMEDOUT, -ENOMEM. */
WHARF_API WHARF_MUST_USE wharf_sock wharf_accept(wharf_sock listener);

/* ---- step by step, as in C and Python ---------------------------------------------------------------- */

/** Makes a socket. kind: "tcp" (IPv4), "tcp6" (IPv6), "unix", and those of wharf/datagram.h. Does not suspend.
 *  Errors (in the handle): -EPROTONOSUPPORT (unknown kind), -EMFILE, -ENFILE, -ENOMEM. */
WHARF_API WHARF_MUST_USE wharf_sock wharf_socket(const char *kind);

/** Binds to a local address of the socket's family. SO_REUSEADDR is on. Suspends only for a name.
 *  Errors: -WHARF_EADDRESS, -WHARF_ENAME, -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EINVAL, -EBADF. */
WHARF_API int wharf_bind(wharf_sock sock, const char *address);

/** Starts listening. backlog: 0 means as many as the system allows. Does not suspend. Errors: -EBADF,
 * -EADDRINUSE. */
WHARF_API int wharf_listen(wharf_sock sock, int backlog);

/** Connects to the first address of the socket's family that the text names. Suspends.
 *  Errors: as wharf_dial(), and -EISCONN, -EBADF, -EAFNOSUPPORT (the name has no address of this family). */
WHARF_API int wharf_connect(wharf_sock sock, const char *address);

/* ---- bytes ------------------------------------------------------------------------------------------- */

/** Receives at least 1 and at most `size` bytes. size: at least 1. Suspends. Returns how many; 0: the peer sends no
 *  more. Errors: -EBADF, -ENOTCONN, -ECONNRESET, -ECANCELED (also when another task closes the socket), -ETIMEDOUT,
 *  -EBUSY (another task is receiving). */
WHARF_API WHARF_MUST_USE ssize_t wharf_recv(wharf_sock sock, void *buffer, size_t size);

/** Receives into several pieces, filling one after the other with what is there. count: 1 to 1024, with room for at
 * least 1 byte. Of a socket of datagrams, one datagram. Otherwise as wharf_recv(). */
WHARF_API WHARF_MUST_USE ssize_t wharf_recvv(wharf_sock sock, const struct iovec *pieces, int count);

/** Looks at what comes next without taking it: copies at least 1 and at most `size` bytes, which the next receive
 * gives again. size: 1 byte to 16 MiB. Otherwise as wharf_recv(). */
WHARF_API WHARF_MUST_USE ssize_t wharf_peek(wharf_sock sock, void *buffer, size_t size);

/** Receives exactly `size` bytes. Suspends. Returns `size`; 0: the peer was done before the first byte.
 *  Errors: as wharf_recv(), and -WHARF_EEOF (it was done in the middle). After a failure the bytes that had
 * arrived can still be received. */
WHARF_API WHARF_MUST_USE ssize_t wharf_recv_exact(wharf_sock sock, void *buffer, size_t size);

/** Receives up to and including `delimiter` (a C string of 1 to 64 bytes, "\n" for lines). Suspends. Returns
 * the length, delimiter included; no NUL is added; 0: the peer was done before the first byte. Errors: as
 * wharf_recv(), -EMSGSIZE (no delimiter within `size` bytes), -WHARF_EEOF (the end came first); the bytes can
 * still be received. size: 1 byte to 16 MiB. */
WHARF_API WHARF_MUST_USE ssize_t wharf_recv_until(wharf_sock sock, void *buffer, size_t size,
                                                  const char *delimiter);

/** Sends all of it (Python's sendall). Suspends while the peer is slow. Returns `size`.
 *  Errors: -EBADF, -ENOTCONN, -EPIPE, -ECONNRESET, -ECANCELED, -ETIMEDOUT; wharf_sent() tells how much went
 * out. */
WHARF_API ssize_t wharf_send(wharf_sock sock, const void *buffer, size_t size);

/** Sends several pieces as one, without copying them together; for many small ones over time there is wharf/writer.h. count: 1 to 1024. Otherwise as wharf_send().
 */
WHARF_API ssize_t wharf_sendv(wharf_sock sock, const struct iovec *pieces, int count);

/** Sends `size` bytes of an open regular file from `offset`, by the kernel. Suspends. Returns `size`.
 *  Errors: as wharf_send(), and -WHARF_ECHANGED (the file ended early). The file's own position does not
 * move. */
WHARF_API int64_t wharf_send_file(wharf_sock sock, int fd, int64_t offset, int64_t size);

/** How many bytes the last send on this socket handed to the system, also when it failed. Does not suspend.
 */
WHARF_API int64_t wharf_sent(wharf_sock sock);

/** Gives a connection a deadline of its own, `ms` milliseconds from now (WHARF_OFF: none): from then on every call
 *  that sends or receives on it, by whatever task, fails with -ETIMEDOUT until the deadline is set anew, and what has
 *  arrived stays readable. It is a moment and not a time for each call, so a peer that sends a byte now and then does
 *  not stretch it. WHARF_WITHIN() is the same for a piece of the program; the nearer one counts. Does not suspend.
 *  Errors: -EBADF, -EOPNOTSUPP (a listener), -ENOMEM. */
WHARF_API int wharf_set_deadline(wharf_sock sock, int64_t ms);

/* ---- ending ------------------------------------------------------------------------------------------ */

/** Tells the peer that nothing more will be sent; receiving goes on. Does not suspend. Errors: -EBADF,
 * -ENOTCONN. */
WHARF_API int wharf_shutdown_write(wharf_sock sock);

/** Closes. What was sent still arrives: when the peer has not finished sending, the connection lingers in the
 *  background for up to 2 s instead of being reset. Tasks that wait on the socket get -ECANCELED. Does not
 * suspend. A listener stops; its Unix path is removed. A handle that carries an error returns it. Errors:
 * -EBADF (closed before). */
WHARF_API int wharf_close(wharf_sock sock);

/** Closes at once: unsent data is dropped and a TCP peer is reset. Does not suspend. Errors: -EBADF. */
WHARF_API int wharf_abort(wharf_sock sock);

/* ---- facts and options ------------------------------------------------------------------------------- */

/** The socket's own address as text ("127.0.0.1:8888", "[::1]:80", "unix:/path"), in a form that wharf_dial()
 * takes. size: at least WHARF_ADDRESS_SIZE. Returns the length. Does not suspend. Errors: -EBADF, -ENOBUFS.
 */
WHARF_API int wharf_local_address(wharf_sock sock, char *buffer, size_t size);
/** The peer's address, likewise. Errors: also -ENOTCONN. */
WHARF_API int wharf_peer_address(wharf_sock sock, char *buffer, size_t size);

/** Sets an option, by the name here or by Python's ("TCP_NODELAY"). The common ones:
 *
 *      nodelay (on by default)   cork   quick_ack                                     when TCP sends
 *      keepalive   keepalive_idle (s)   keepalive_interval (s)   keepalive_count      whether the peer is still there
 *      user_timeout (ms)   syn_count   fin_timeout (s)   linger (s; -1: off)          how long TCP tries
 *      send_buffer   receive_buffer   receive_low_water   not_sent_low_water (bytes)  how much is kept
 *      reuse_address   reuse_port   v6_only   free_bind   transparent                 who may have an address
 *      fast_open (requests; a listener)   fast_open_connect   defer_accept (s)        bytes with the first packet
 *      type_of_service   time_to_live   priority   mark   dont_route                  what packets say
 *      broadcast   packet_info   receive_errors   coalesce   pass_credentials         datagrams: wharf/datagram.h
 *      type   domain   protocol   listening   error   path_mtu                        only to be read
 *
 *  The manual has them all. Does not suspend. Errors: -ENOPROTOOPT (unknown: wharf_why() names the nearest; or not for
 *  this kind of socket), -EINVAL (the value; wharf_why() says from what to what), -EPERM, -EBADF. */
WHARF_API int wharf_set_option(wharf_sock sock, const char *option, int64_t value);
/** Reads an option into *ret_value. Errors: as wharf_set_option(). */
WHARF_API int wharf_get_option(wharf_sock sock, const char *option, int64_t *ret_value);
/** The options that are texts: "congestion_control" ("cubic", "bbr"), "bind_to_device" ("eth0"). Does not suspend.
 *  Errors: as wharf_set_option(), and -ENOENT, -ENODEV (there is no such thing here). */
WHARF_API int wharf_set_option_text(wharf_sock sock, const char *option, const char *value);
/** Reads one. Returns the length. Errors: as wharf_set_option(), and -ENOBUFS. */
WHARF_API int wharf_get_option_text(wharf_sock sock, const char *option, char *buffer, size_t size);

/** Takes the connection out of this core's hands and returns its file descriptor (non-blocking), which the
 * caller now owns: for another core, another library, another process. Does not suspend. Errors: -EBUSY
 * (received bytes are still buffered, a task is using it, or it is a listener of several sockets), -EOPNOTSUPP
 * (it is TLS), -EBADF. */
WHARF_API WHARF_MUST_USE int wharf_detach(wharf_sock sock);
/** Makes a connected or listening stream socket's file descriptor a socket of this core, which owns it from
 * now on, on failure too. Does not suspend. Errors (in the handle): -EBADF, -ENOTSOCK, -EPROTONOSUPPORT,
 * -ENOMEM. */
WHARF_API WHARF_MUST_USE wharf_sock wharf_adopt(int fd);

WHARF_END

#endif

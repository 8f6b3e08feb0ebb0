/* A listener: one address text, one port, as many sockets as that takes ("localhost" is two), and inside
 * wharf_run() one view per core of sockets that the first core opened.
 *
 *      core 0: listener --- sockets (127.0.0.1, ::1) --- accepts, gives each connection to the core with the
 * fewest core 1: listener --- queue of descriptors <-----'
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/address.h"
#include "sched/io.h"

struct listener;
struct unix_path;

/* More than any system allows: the kernel cuts it down to net.core.somaxconn. */
enum { LISTENER_BACKLOG_MAX = 65535 };

/* Opens, or joins the group's. backlog 0: the system's most. Suspends only for a name. Errors (recorded): as
 * wharf_serve_on(). */
int listener_open(const char *address, int backlog, struct listener **ret_listener);
/* Over an io that is already bound and listening (wharf_listen, wharf_adopt). path: of the Unix socket, taken over
 * on success; may be NULL. */
int listener_over(struct io *io, struct unix_path *path, struct listener **ret_listener);
/* The next connection as an open io (TCP_NODELAY is on). Backs off while descriptors are short. Suspends.
 * Errors: -ECANCELED (cancelled, or the listener is closed), -ETIMEDOUT, -ENOMEM. */
int listener_accept(struct listener *listener, struct io **ret_io, struct address *ret_peer);
/* The same without waiting: -EAGAIN. */
int listener_try_accept(struct listener *listener, struct io **ret_io, struct address *ret_peer);
/* Wakes its acceptors with -ECANCELED; closes queued connections; removes a Unix path. The memory is freed
 * once the last acceptor has left. Does not suspend. */
void listener_close(struct listener *listener);
/* The address with the real port, as text: the name it was opened with stays ("localhost:41234"). */
const char *listener_address(const struct listener *listener);
int listener_local_name(const struct listener *listener, struct address *ret_address);
/* Ends the listener but not its listening: the one descriptor, which the caller now owns. -EBUSY: it has several,
 * is shared, or a task is accepting. */
int listener_release(struct listener *listener);
/* SOCK_STREAM or SOCK_SEQPACKET. */
int listener_type(const struct listener *listener);
/* The io that stands for the listener in a handle; NULL when it is shared and has none that stays. */
struct io *listener_io(const struct listener *listener);
/* Sets a socket option on all its sockets. */
int listener_set_option(const struct listener *listener, int level, int option, int64_t value);

#endif

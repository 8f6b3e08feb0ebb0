/* What stands behind a wharf_sock: a stream or a listener, the bytes read ahead, and who is using it. The record
 * hangs on its io (io->owner), and the handle is the io's. It outlives wharf_close() until the last call that is
 * inside it has left. */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>

#include "net/address.h"
#include "net/stream.h"
#include "net/unix_path.h"
#include "sched/op.h"
#include "wharf/net.h"

struct datagram_error;
struct listener;

/* What an accepted connection becomes before it has a handle: TLS. */
struct sock_wrap {
    int (*wrap)(void *arg, struct stream *stream); /* 0, or an error (recorded); does not suspend */
    void (*release)(void *arg);                    /* the listener has closed */
    void *arg;
};

struct sock {
    struct sock *next, **link; /* all open ones of the scheduler */
    struct stream stream;      /* stream.io NULL: closed */
    struct listener *listener;
    struct sock_wrap wrap;  /* of a listener; all NULL: none */
    struct unix_path *path; /* bound, and not yet listening */
    int users;              /* calls that will touch the record again */
    int type;               /* SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET */
    uint16_t local_port;    /* of datagrams, once asked for; 0: not yet */
    bool connected;
    bool receiving;
    bool sending;
    struct op_queue senders;              /* waiting for their turn */
    int64_t sent;                         /* by the last send call */
    struct datagram_error *network_error; /* what the last failed call of datagrams was told; NULL: nothing */
    int receive_error; /* bytes were lost for want of memory: what every later receive gives */

    /* Bytes that were received and not yet asked for; NULL: none. */
    char *ahead;
    size_t ahead_start, ahead_end, ahead_capacity;

    socklen_t peer_len; /* 0: not known, or a Unix socket */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } peer;
};

/* A record over an open io; the io stays the caller's on failure. NULL without memory. peer may be NULL (not
 * connected). */
struct sock *sock_new(struct io *io, const struct address *peer);
/* The socket of a handle, or NULL with *ret_error (recorded under `phase`, unless the handle carries it). */
struct sock *sock_find(wharf_sock handle, const char *phase, int *ret_error);
/* Its io has gone: queued senders leave, and the record goes with its last user. */
void sock_closed(struct sock *sock);
/* Around every call that may suspend. After sock_leave() the record may be gone. */
void sock_enter(struct sock *sock);
void sock_leave(struct sock *sock);
wharf_sock sock_handle(const struct sock *sock);
wharf_sock sock_failed(int code);
/* fail() with the peer's address. Returns code. */
int sock_fail(const struct sock *sock, int code, const char *phase);
/* Has a listening socket do so with what it accepts. The argument is the socket's from now on. */
void sock_wrap_accepted(struct sock *sock, const struct sock_wrap *wrap);
/* A handle for a stream that was just connected; closes it on failure. */
wharf_sock sock_of_stream(const struct stream *stream, const struct address *peer);

/* A descriptor of the engine as a handle, of SOCK_* type and family; closed on failure. ret_sock: the record. */
wharf_sock sock_of_descriptor(int fd, int family, int type, struct sock **ret_sock);
/* handover.c: the one socket that "fd:N" or "systemd:NAME" names, which is not for listening. */
wharf_sock sock_inherit(const struct address_text *text, const char *phase);
/* Connects a fresh socket to one address and remembers it. `text` is for the error. Suspends. */
int sock_connect(struct sock *sock, const char *text, const struct address *address);
/* Binds a fresh one. Does not suspend. */
int sock_bind(struct sock *sock, const char *text, const struct address *address);

/* front.c: what select asks. */
extern const struct io_front sock_front;

/* bytes.c. Around a call that receives from a stream, or sends to it: claims it, or waits for its turn, and enters it. The
 * beginnings give 0 or the error, the ends the result that they were given (failures are recorded); after an end the record may be gone. */
int sock_recv_begin(struct sock *sock);
ssize_t sock_recv_end(struct sock *sock, ssize_t result);
int sock_send_begin(struct sock *sock);
int64_t sock_send_end(struct sock *sock, int64_t result, int64_t sent);
/* Puts received bytes behind those that are buffered, or in front of them. */
void sock_put_back(struct sock *sock, const void *bytes, size_t len);
void sock_put_in_front(struct sock *sock, const void *bytes, size_t len);
/* Reads into the buffer, which may hold up to `size` bytes for this call (at least one more than are in it). The end: 0. Suspends. */
ssize_t sock_read_ahead(struct sock *sock, size_t size);
void sock_ahead_consume(struct sock *sock, size_t len);
/* What a call that need not wait passes nevertheless: its turn, cancellation, the deadline. 0 or an error. */
int sock_recv_checkpoint(void);
/* What a socket that closes gives back. */
void sock_forget_bytes(struct sock *sock);
static inline size_t sock_ahead(const struct sock *sock) {
    return sock->ahead_end - sock->ahead_start;
}

#endif

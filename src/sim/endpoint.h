/* A simulated socket.
 *
 *      FRESH --bind--> FRESH --listen--> LISTENING        (accept queue of connected endpoints)
 *        |
 *        `--connect--> CONNECTING --there and back--> CONNECTED   (two endpoints, each the other's peer)
 *              ^            `-- refused: FRESH again, with an error
 *
 * The endpoint that the listener's side will have is made when the client calls connect, so that no event ever
 * needs memory. Either side may be closed, and freed, at any time; what it sent lives in the other's inbox.
 */
#ifndef SIM_ENDPOINT_H
#define SIM_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "sim/datagram.h"
#include "sim/event.h"
#include "sim/host.h"
#include "sim/inbox.h"
#include "sim/option.h"
#include "sim/place.h"
#include "sim/world.h"

enum endpoint_state { ENDPOINT_FRESH, ENDPOINT_CONNECTING, ENDPOINT_CONNECTED, ENDPOINT_LISTENING };

/* The sending side of a connection, and how it ended. */
struct outgoing {
    size_t credit; /* bytes that may be sent before the reader has made room */
    uint64_t sent; /* bytes, ever */
    bool starved;  /* a send was refused: say when there is room */
    bool fin;      /* no more sends */
};

/* An endpoint whose peer does not answer asks again and again: by sending what was not acknowledged, or by keep-alive. */
struct asking {
    bool is_on;
    bool doubles;    /* the time between */
    int left;        /* before it gives up */
    int64_t wait_ns; /* until the next */
};

/* Room that the reader made and that the sender does not know of yet. */
struct window {
    struct event event; /* tells the peer of `underway` bytes of room */
    size_t underway;
    size_t returned; /* read since: goes with the next event */
    struct asking asking;
};

/* Calls that have been answered; those whose caller has confirmed it may be accepted. */
struct backlog {
    struct endpoint *first, *last;
    int count, max;
};

struct endpoint {
    struct world *world;
    struct host *host;
    struct link *link; /* to the peer's host, once it has called or was called */
    int fd;            /* -1: not accepted yet */
    int family, type;  /* AF_*, SOCK_* */
    enum endpoint_state state;
    int error; /* pending: the next call takes it; negative */
    struct io *io;
    struct place local, remote;
    struct endpoint *bound_next; /* in host->bound */
    struct endpoint *queue_next; /* in a listener's backlog */
    struct endpoint *listener;   /* whose that is, until it is accepted */
    struct endpoint *peer;       /* CONNECTING: what the listener will get; NULL: closed */
    struct backlog backlog;
    struct inbox inbox;
    struct mailbox mailbox; /* of datagrams */
    struct outgoing out;
    struct window window;
    bool was_reset;
    bool was_refused;        /* as the caller, the last time */
    bool confirmed;          /* of one in a backlog: it may be accepted */
    int attempts;            /* of connecting, while nobody answered */
    struct asking asking;    /* by `resetting` */
    struct asking resending; /* of what is on its way to this one, by `arriving` */
    int pending;             /* IO_* that `telling` will report */
    struct event telling;    /* reports readiness */
    struct event connecting; /* the call, its answer or its confirmation arrives */
    struct event arriving;   /* the next segment or the FIN */
    struct event resetting;  /* an RST, or an answer that does not come */
    struct option_values options;
};

/* The endpoint that an event is part of. */
#define ENDPOINT_OF(event, member) \
    ((struct endpoint *)(void *)((char *)(event)-offsetof(struct endpoint, member)))

/* ---- life (endpoint.c) ---- */
/* FRESH. NULL without memory. */
struct endpoint *endpoint_new(struct host *host, int family, int type);
/* Ends whatever it is, telling the peer by FIN or RST, and frees it. reset: by RST. */
void endpoint_close(struct endpoint *endpoint, bool reset);
/* Likewise, and the network hears nothing of it. */
void endpoint_vanish(struct endpoint *endpoint);
/* Frees one that no peer and no listener knows. */
void endpoint_free(struct endpoint *endpoint);
/* Reports readiness, by an event of its own: nobody is called back from the middle of a change. */
void endpoint_tell(struct endpoint *endpoint, int ready);
/* The same, later. */
void endpoint_tell_at(struct endpoint *endpoint, int ready, int64_t at);
/* IO_* as of now, for one that is attached late. */
int endpoint_ready(const struct endpoint *endpoint);
/* The pending error, taken; 0: none. */
int endpoint_take_error(struct endpoint *endpoint);
/* As option_get, and what is the socket's own: its type, its pending error (taken), whether it listens. */
int endpoint_get_option(struct endpoint *endpoint, int level, int option, int64_t *ret_value);

/* ---- meeting (connect.c) ---- */
/* A descriptor, or -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EMFILE, -ENOMEM. */
int endpoint_open(struct host *host, int family, int type);
/* Two Unix sockets, each the other's peer. 0 or an error. */
int endpoint_pair(struct host *host, int type, int ret_fds[2]);
int endpoint_bind(struct endpoint *endpoint, const struct sockaddr *address, socklen_t len);
int endpoint_listen(struct endpoint *endpoint, int backlog);
/* Somebody may be accepted. */
bool endpoint_has_call(const struct endpoint *endpoint);
/* The descriptor; *ret_remote is the caller's place. After -EMFILE and -ENOMEM the call still waits. */
int endpoint_accept(struct endpoint *endpoint, struct place *ret_remote);
int endpoint_connect(struct endpoint *endpoint, const struct sockaddr *address, socklen_t len);
int endpoint_connect_result(struct endpoint *endpoint);
/* Of datagrams: gives it a port before it sends. 0 or -EADDRINUSE. */
int endpoint_bind_sender(struct endpoint *endpoint);
bool endpoint_is_v6_only(const struct endpoint *endpoint);
/* Takes it from the list of its host's with an address. */
void endpoint_unbind(struct endpoint *endpoint);
/* Ends all that nobody has accepted, by RST or silently. */
void endpoint_drop_backlog(struct endpoint *endpoint, bool silently);

/* ---- bytes (stream.c) ---- */
/* Two endpoints become a connection. */
void endpoint_join(struct endpoint *client, struct endpoint *server);
ssize_t endpoint_recv(struct endpoint *endpoint, void *buffer, size_t size);
/* Of seqpackets: the next one, cut to `size`. 0 or an error; no bytes are the end. */
int endpoint_recv_packet(struct endpoint *endpoint, void *buffer, size_t size, size_t *ret_whole,
                         size_t *ret_size);
ssize_t endpoint_send(struct endpoint *endpoint, const struct iovec *pieces, int count);
int64_t endpoint_sendfile(struct endpoint *endpoint, int file, int64_t offset, int64_t size);
int endpoint_shutdown(struct endpoint *endpoint);
/* The peer's side of a close. */
void endpoint_part(struct endpoint *endpoint, bool reset);
/* The peer's side of a crash. */
void endpoint_part_silently(struct endpoint *endpoint);
/* A connection breaks: both ends are reset. */
void endpoint_break(struct endpoint *endpoint);
/* Nothing passes to the peer from now on: keep-alive will notice, where it is on. */
void endpoint_probe(struct endpoint *endpoint);

#endif

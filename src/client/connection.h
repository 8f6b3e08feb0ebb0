/* A client's connection: a stream to an origin, the bytes of the exchange that is using it, and its place in the pool.
 *
 *      dialled --> in use (wire ready) --> idle (no buffers, watched) --> in use ... --> closed
 */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "client/phase.h"
#include "http/codec/url.h"
#include "http/wire.h"
#include "net/address.h"
#include "net/stream.h"
#include "sched/timer.h"
#include "wharf/client.h"

struct client_origin;
struct client_pool;
struct dial_report;
struct wharf_client;

/* What a fetch wants to be connected to, and under which rules. */
struct client_wish {
    const struct wharf_client *client;
    const struct url *url;
    const wharf_client_limits *limits;
    const struct budget *total;
    bool fresh;                 /* not one that has been used before */
    struct dial_report *report; /* gets how dialling went, if there was any */
    const struct route *route;
    struct buffer *answer; /* gets what a proxy said that refused */
};

struct client_connection {
    struct stream stream;
    struct wire wire; /* initialised while in use */
    struct client_pool *pool;
    struct client_origin *origin;
    struct client_connection *newer, *older; /* among the idle ones of the pool */
    struct timer expiry;                     /* of an idle one */
    struct address peer;
    int64_t born;     /* when it was connected */
    int64_t lifetime; /* ns; not used again after born + lifetime */
    int64_t wrote;    /* bytes that the socket had taken when the exchange began; of TLS */
    int64_t idle_max; /* limits.idle_per_origin of the request that has it */
    char *
        proxy; /* through this one, its text and behind the NUL the value of Proxy-Authorization; NULL: none */
    bool reused;     /* has carried an exchange before this one */
    bool is_relayed; /* the proxy reads the requests and sends them on */
};

/* Connects to the origin of a URL, with TLS for https; the wire is ready. 0, or a failure recorded with host and address.
 * Suspends. */
int client_connection_dial(const struct client_wish *wish, struct client_connection **ret_connection);
/* Makes the wire ready, for the first exchange or the next one. */
void client_connection_begin(struct client_connection *connection, const wharf_client_limits *limits);

/* What the proxy of such a connection wants to be told with each request; empty: nothing. */
wharf_str client_connection_authorization(const struct client_connection *connection);

/* Ends it and frees the record; the pool's count is the pool's business. Does not suspend. */
enum client_ending {
    CLIENT_CLOSE, /* nothing is in flight */
    CLIENT_ABORT  /* something is: a reset tells the peer at once that nobody waits for it any more */
};
void client_connection_free(struct client_connection *connection, enum client_ending ending);

#endif

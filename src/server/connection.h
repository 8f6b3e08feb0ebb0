/* A connection of the server: a small record that lives from accept to close. While it idles it is all there is; when
 * bytes arrive a task is started that answers requests until there are none, and ends.
 *
 *      accepted ---> RESTING --bytes--> STARTING ---> BUSY ---> closed
 *                       ^----------- nothing to read -----|
 */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include "net/stream.h"
#include "sched/timer.h"
#include "server/server.h"

enum connection_state { CONNECTION_RESTING, CONNECTION_STARTING, CONNECTION_BUSY };

enum { PEER_SIZE = 16 };

/* A socket address in 19 bytes. */
struct peer {
    uint8_t family; /* AF_INET, AF_INET6, AF_UNIX; 0: unknown */
    uint8_t port[2];
    uint8_t address[PEER_SIZE];
};

struct connection {
    struct stream stream;
    struct timer timer; /* while resting, and until its task runs */
    struct core *core;
    int64_t arrived; /* when the bytes came that its task was started for */
    struct connection *next, *prev;
    uint32_t requests; /* answered or begun */
    uint8_t state;
    struct peer peer;
};

_Static_assert(sizeof(struct connection) <= 128, "what an idle connection costs");

/* Takes over an accepted io, on failure too. tls: NULL for none. Does not suspend. */
void connection_open(struct core *core, struct io *io, const struct address *peer, wharf_tls *tls);
/* While the server stops, a resting connection: starts its task when its next request has arrived, else gives it a
 * last moment to arrive. */
void connection_finish(struct connection *connection);
/* Ends a connection that has no task, gracefully or by reset. */
void connection_drop(struct connection *connection, bool reset);

/* Closes the one that has idled longest among the eldest few hundred. False: none of those idles. */
bool connection_shed(struct core *core);

void peer_set(struct peer *peer, const struct address *address);
bool peer_is_local(const struct peer *peer);
/* As address_format(); out: WHARF_ADDRESS_SIZE bytes. */
size_t peer_format(const struct peer *peer, char *out);
/* Without the port and with a NUL behind it, for logs. */
void peer_format_host(const struct peer *peer, char *out);

#endif

/* The connections of one client on one core: how many are open, in all and to each origin, which of them are idle, and
 * who waits for one.
 *
 *      pool --- origins (host:port, connections open, idle)
 *        |----- idle connections, oldest first, each watched: an end, a reset or bytes nobody asked for close it at once
 *        `----- waiters, first come first served, each with what it may take
 *
 * A slot is taken before dialling and given back when its connection is closed. Whoever gives something back serves the
 * waiters, so a waiter that could be served is never left in the queue, and a newcomer overtakes nobody. */
#ifndef CLIENT_POOL_H
#define CLIENT_POOL_H

#include "client/client.h"
#include "client/connection.h"

struct fetch;

/* A connection to the origin of the URL, idle or new, with its wire ready; the caller's until it is given back.
 * Suspends. Errors (recorded): as dial_stream(), -ETIMEDOUT (the limit is named), -ENOMEM, -ECANCELED. */
int client_pool_acquire(const struct client_wish *wish, struct client_connection **ret_connection);
/* Gives it back after a complete exchange. keep_ms: how long it may idle; 0: close it; WHARF_OFF: no limit but its
 * lifetime. Does not suspend. */
void client_pool_release(struct client_connection *connection, int64_t keep_ms);
/* Gives it back in the middle of something. Does not suspend. */
void client_pool_discard(struct client_connection *connection);

/* Whether servers of this origin have been seen not to answer "Expect: 100-continue"; remembered with its connections. */
bool client_pool_ignores_expect(const struct client_connection *connection);
void client_pool_note_ignores_expect(struct client_connection *connection);

/* The connection that the fetch had was dead, and it is sent again. */
void client_pool_note_replay(const struct fetch *fetch);
/* Takes one of the tries again that the origin of the fetch's URL is still allowed; false: there is none left now. */
bool client_pool_take_retry(struct fetch *fetch);

/* Of this core's pool of a client; size is set. */
wharf_client_counters client_pool_count(const struct wharf_client *client);

#endif

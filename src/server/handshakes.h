/* Handshakes that failed, as whoever runs the server is told of them: in the access log where there is one, else by the
 * library's reports. One line a second for each reason, with the number of those it stands for: somebody who tries all
 * day fills no disk. A task of its own writes, so that a slow reader holds up no connection. */
#ifndef SERVER_HANDSHAKES_H
#define SERVER_HANDSHAKES_H

#include "server/connection.h"

struct handshakes;
struct scope;

/* Starts its task in `scope`. 0 or -ENOMEM. */
int handshakes_open(struct core *core, struct scope *scope, struct handshakes **ret_handshakes);
/* The connection's handshake has just failed, and the failure is the task's last. Does not suspend. */
void handshakes_note(struct handshakes *handshakes, const struct connection *connection);
/* Lets its task tell what is left and end. */
void handshakes_close(struct handshakes *handshakes);
void handshakes_free(struct handshakes *handshakes);

#endif

/* One listener for all cores of wharf_run(). */
#ifndef NET_SHARE_H
#define NET_SHARE_H

#include <stdbool.h>

#include "net/address.h"

struct listener;
struct listener_plan;

/* Whether listeners that this scheduler opens are shared with others. */
bool share_applies(void);
/* Opens the plan's address, or attaches to the listener that another core opened. 0 or an error (recorded); the
 * listener is then as before. Does not suspend. */
int share_open(struct listener *listener, const struct listener_plan *plan);
/* Takes this core's view away; the sockets pass to another core, or are closed. */
void share_leave(struct listener *listener);
/* A connection that was handed to this core, or -EAGAIN. */
int share_take(struct listener *listener, struct address *ret_peer);
/* The core that has the sockets accepts and hands out what is there. */
void share_pump(struct listener *listener);

#endif

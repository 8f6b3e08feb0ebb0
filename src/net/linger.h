/* The graceful end of a connection, without a task. */
#ifndef NET_LINGER_H
#define NET_LINGER_H

#include "sched/io.h"
#include "wharf/base.h"

enum { LINGER_MAX = 4096 };

/* Sends `rest` (copied; usually empty) and FIN, and closes the io, at once when the peer has finished, else once it has or
 * after 2 s. Wakes its waiters with -ECANCELED. Handles to it find an io without an owner from now on. Does not suspend. */
void linger_close(struct io *io, wharf_str rest);

#endif

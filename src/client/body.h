/* Reading a response's body: piece by piece, whole, or not at all. */
#ifndef CLIENT_BODY_H
#define CLIENT_BODY_H

#include <stdint.h>
#include <sys/types.h>

#include "client/response.h"

/* The body starts here: gives the response the connection until the body has ended, and back at once when there is none.
 * source: all but the decoder's framing is filled in. 0 or -ENOMEM (recorded; the connection is given up). */
int body_start(struct wharf_response *response, const struct h1_response *head);
/* The next piece of the content: 1 to size, 0 at the verified end, or a failure that the response then carries.
 * Suspends. */
ssize_t body_read(struct wharf_response *response, void *buffer, size_t size);
/* The same as it is on the wire, with its codings. Suspends. */
ssize_t body_read_wire(struct wharf_response *response, void *buffer, size_t size);
/* All of it, up to bytes_max. 0, or a failure that the response then carries; what arrived is kept. Suspends. */
int body_read_whole(struct wharf_response *response, int64_t bytes_max);
/* Reads and drops a short rest to keep the connection, else gives the connection up. May suspend, briefly. */
void body_finish(struct wharf_response *response);
/* Gives the connection up. */
void body_abandon(struct wharf_response *response);

#endif

/* The content of a body: what is left when its content codings (RFC 9110 section 8.4) are undone, the last one first.
 * Each coding has a fixed amount of memory, however long the body is. */
#ifndef CLIENT_CONTENT_H
#define CLIENT_CONTENT_H

#include "client/response.h"

/* What the head says about codings. Call once the head is known; `is_raw`: leave the body as it is on the wire. A
 * coding that is not known, or more of them than anyone needs, leaves it so too. */
void content_expect(struct wharf_response *response, bool is_raw);
/* The codings that content_expect() found are to be undone. */
bool content_is_coded(const struct wharf_response *response);
/* As body_read(), decoded. Suspends. */
ssize_t content_read(struct wharf_response *response, void *buffer, size_t size);
void content_free(struct content *content); /* NULL is fine */

#endif

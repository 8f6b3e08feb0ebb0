/* Sending a request while watching for the response: a server may answer before it has read the body - to refuse it,
 * mostly - and close. That answer is what the caller wants, not "broken pipe". RFC 9112 section 9.5. */
#ifndef CLIENT_UPLOAD_H
#define CLIENT_UPLOAD_H

#include "client/exchange.h"

/* Sends the head, and with_body the body too when it lies in memory (one system call for a small request). 0 or a
 * recorded failure. Suspends. */
int upload_head(struct exchange *exchange, bool with_body);
/* Sends the body. 0: all of it, or a final response has come that makes the rest pointless (then exchange->sent is
 * false); or a recorded failure. Suspends. */
int upload_body(struct exchange *exchange);

#endif

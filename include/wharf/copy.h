/* wharf/copy.h - from one socket to another, by the kernel where it can.
 *
 *     wharf_sock client = wharf_accept(listener), origin = wharf_dial("backend:80");
 *     wharf_relay(client, origin, NULL, NULL);
 *     wharf_close(client);
 *     wharf_close(origin);
 */
#ifndef WHARF_COPY_H
#define WHARF_COPY_H

#include "wharf/net.h"

WHARF_BEGIN

/** Copies what `from` receives to `to` until the peer of `from` sends no more. Both are streams and stay open; the
 *  end is not passed on: wharf_shutdown_write(to) does that. Much is spliced by the kernel, between plain sockets,
 *  and little is not worth its pipe. Suspends. Returns how many bytes. After a failure *ret_sent (may be NULL) says
 *  how many went out, and what had been received and not sent can still be received from `from`: the copy can go on
 *  where it stopped. Errors: those of wharf_recv() and wharf_send(); wharf_why() says which. */
WHARF_API int64_t wharf_copy(wharf_sock from, wharf_sock to, int64_t *ret_sent);

/** How two streams are relayed. */
typedef struct wharf_relay_options {
    size_t size;     /* filled by WHARF_OPTIONS */
    int64_t idle_ms; /* over, with -ETIMEDOUT, when nothing moves either way for so long; default: never */
} wharf_relay_options;

/** Copies both ways at once, each until its end, which is passed on as it is: when one peer sends no more, the other
 *  is told so and can still send. options: NULL for the defaults. ret_bytes (may be NULL): how many went from a to b,
 *  and from b to a, after a failure too. Both sockets stay open for the caller to close. Suspends until both ways
 *  have ended. Returns 0. Errors: the first of either way: when receiving failed both ways are over, when sending
 *  failed the other way goes on to its end; -ETIMEDOUT, -ECANCELED, -ENOMEM. */
WHARF_API int wharf_relay(wharf_sock a, wharf_sock b, const wharf_relay_options *options,
                          int64_t ret_bytes[2]);

WHARF_END

#endif

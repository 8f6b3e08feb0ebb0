/* From a host and port to a connected stream: names, then every address in turn, and TLS.
 */
#ifndef DIAL_DIAL_H
#define DIAL_DIAL_H

#include "net/address.h"
#include "net/networks.h"
#include "net/stream.h"
#include "wharf/tls.h"

/* What a dial found out, for errors and for the curious. */
struct dial_report {
    struct address peer; /* the address that answered, or the last one tried */
    int64_t resolve_ns;
    int64_t connect_ns;
    int64_t tls_ns;
};

/* Connects `stream` (memory of the caller). networks: to what; NULL for anything. ret_report may be NULL. Suspends.
 * Errors (recorded with phase, host and address): as wharf_dial(), -WHARF_EDENIED. */
int dial_stream(const struct address_text *to, const struct networks *networks, struct stream *stream,
                struct dial_report *ret_report);

/* Puts TLS over the stream that was dialled, and shakes hands. tls: NULL for the defaults. Suspends. On failure the stream
 * is closed. Errors: recorded. */
int dial_secure(struct stream *stream, const struct address_text *to, wharf_tls *tls,
                struct dial_report *report);

#endif

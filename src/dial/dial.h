/* From a host and port to a connected stream: names, then every address in turn. Proxies and TLS join here.
 */
#ifndef DIAL_DIAL_H
#define DIAL_DIAL_H

#include "net/address.h"
#include "net/stream.h"

/* What a dial found out, for errors and for the curious. */
struct dial_report {
    struct address peer; /* the address that answered, or the last one tried */
    int64_t resolve_ns;
    int64_t connect_ns;
};

/* Connects `stream` (memory of the caller). ret_report may be NULL. Suspends.
 * Errors (recorded with phase, host and address): as wharf_dial(). */
int dial_stream(const struct address_text *to, struct stream *stream, struct dial_report *ret_report);

#endif

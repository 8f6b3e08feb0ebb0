/* Names in certificates and in the first message of a client: pure functions over bytes. RFC 9525, RFC 6066. */
#ifndef TLS_NAME_H
#define TLS_NAME_H

#include <stdbool.h>

#include "wharf/base.h"

enum { NAME_MAX_BYTES = 253 };

/* Whether a certificate's DNS name covers a host: equal without case and without a dot at the end, or "*." for the whole
 * first label (RFC 9525 section 6.3). */
bool name_covers(wharf_str pattern, wharf_str host);

/* The host in the body of a server_name extension (RFC 6066 section 3): a view into it; empty when there is none. 0, or
 * -WHARF_EPROTOCOL: malformed, or no name that a host can have. */
int name_of_extension(wharf_str body, wharf_str *ret_name);

/* A host as it is asked for: lower case, without a dot at the end. out: NAME_MAX_BYTES + 1 bytes. false: too long or empty. */
bool name_normalise(wharf_str host, char *out);

/* Whether it is an IPv4 or IPv6 address, without brackets. */
bool name_is_address(const char *host);

#endif

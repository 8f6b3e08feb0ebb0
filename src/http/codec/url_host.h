/* The host of a URL: a domain, an IPv4 address in any of its number forms, or an IPv6 address in brackets,
 * each brought into one canonical text (WHATWG URL Standard, "host parsing" and "host serializing"). */
#ifndef HTTP_CODEC_URL_HOST_H
#define HTTP_CODEC_URL_HOST_H

#include "http/codec/url.h"

enum { URL_HOST_ADDRESS_TEXT_MAX = 48 }; /* no address in canonical form is longer, brackets included */

/* `text` is the host as it stands in the URL, not empty. Writes the canonical form at `out`, which has room
 * for text.len and for URL_HOST_ADDRESS_TEXT_MAX bytes. 0, or -WHARF_EADDRESS with ret_error->offset counted
 * from the start of `text`. */
int url_host_parse(wharf_str text, char *out, size_t *ret_len, enum url_host_kind *ret_kind,
                   struct url_error *ret_error);

#endif

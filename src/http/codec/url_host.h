/* The host of a URL: a domain, an IPv4 address in any of its number forms, or an IPv6 address in brackets,
 * each brought into one canonical text (WHATWG URL Standard, "host parsing" and "host serializing"). */
#ifndef HTTP_CODEC_URL_HOST_H
#define HTTP_CODEC_URL_HOST_H

#include "http/codec/url.h"

/* `text` is the host as it stands in the URL, not empty. The canonical form lives in the arena. 0, -ENOMEM, or
 * -WHARF_EADDRESS with ret_error->offset counted from the start of `text`. */
int url_host_parse(struct arena *arena, wharf_str text, wharf_str *ret_host, enum url_host_kind *ret_kind,
                   struct url_error *ret_error);

/* The same for a scheme whose hosts need not be names: anything but what would end a host is one. */
int url_host_parse_opaque(struct arena *arena, wharf_str text, wharf_str *ret_host,
                          enum url_host_kind *ret_kind, struct url_error *ret_error);

#endif

/* Request targets (RFC 9112 section 3.2) and authorities (RFC 3986 section 3.2). Inside the codec only. */
#ifndef HTTP_CODEC_TARGET_H
#define HTTP_CODEC_TARGET_H

#include "http/codec/start_line.h"

/* What is wrong with host[:port]. */
enum authority_fault {
    AUTHORITY_FINE,
    AUTHORITY_EMPTY,
    AUTHORITY_LIST,
    AUTHORITY_USERINFO,
    AUTHORITY_PATH,
    AUTHORITY_PORT,
    AUTHORITY_INVALID
};

/* Checks host[:port]; the host is a registered name, an IPv4 address or an IPv6 address in brackets. On a
 * fault, *ret_offset is where it is; when fine, the length of the host without its port. */
enum authority_fault authority_check(wharf_str authority, size_t *ret_offset);

/* Finds out the form of request->target, which is not origin-form, whose bytes have been checked and whose query has been found, and
 * fills form, scheme, path, and host where the target has one. 0 or a negative code. */
int target_resolve(const struct head_parse *parse, struct h1_request *request);

#endif

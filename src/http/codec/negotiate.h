/* Choosing among representations by what a client prefers (RFC 9110 section 12.5). */
#ifndef HTTP_CODEC_NEGOTIATE_H
#define HTTP_CODEC_NEGOTIATE_H

#include "http/codec/headers.h"

enum { QUALITY_MAX = 1000 }; /* "q=1" */

enum negotiation {
    NEGOTIATE_TYPE,    /* Accept: "text/html", "text" matches none */
    NEGOTIATE_CODING,  /* Accept-Encoding: "identity" is fine unless it is ruled out */
    NEGOTIATE_LANGUAGE /* Accept-Language: "en" matches "en-GB" */
};

/* How much a client wants `offer`, 0 (not at all) to QUALITY_MAX, by all lines of its header. Without the header: all
 * are fine. What is malformed in it does not count. */
int negotiate_quality(const struct headers *headers, enum negotiation what, wharf_str offer);

/* The index of the offer that the client wants most, the first of equals; -1: it wants none. */
ssize_t negotiate(const struct headers *headers, enum negotiation what, const wharf_str *offers,
                  size_t count);

#endif

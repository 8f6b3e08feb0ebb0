/* Cookies on the wire (RFC 6265, and its successor where that is stricter): what a client sends, and what a server asks
 * it to keep. Values are never quoted, unquoted or decoded. */
#ifndef HTTP_CODEC_COOKIE_H
#define HTTP_CODEC_COOKIE_H

#include "base/arena.h"
#include "wharf/http.h"

/* Cuts the next cookie off a Cookie header's value; a piece without '=' is skipped. False at the end. */
bool cookie_next(wharf_str *rest, wharf_str *ret_name, wharf_str *ret_value);

/* What is wrong with a cookie that a server wants to set: a few plain words, or NULL. */
const char *cookie_fault(const wharf_cookie *cookie);

/* The value of Set-Cookie for a cookie without fault. {NULL, 0}: no memory. */
wharf_str cookie_format(struct arena *arena, const wharf_cookie *cookie);

#endif

/* Base64 (RFC 4648 section 4). */
#ifndef HTTP_CODEC_BASE64_H
#define HTTP_CODEC_BASE64_H

#include "base/arena.h"
#include "wharf/base.h"

/* out: 4 bytes for every 3 of the text, begun ones included. Returns how many. No NUL. */
size_t base64_format(wharf_str text, char *out);

/* Decodes what has the padding that belongs to it, and no bits beyond its bytes: two texts never mean the same. out: 3
 * bytes for every 4 of the text; may be text.ptr itself. 0 and *ret_len, or -EINVAL. */
int base64_parse(wharf_str text, char *out, size_t *ret_len);

#endif

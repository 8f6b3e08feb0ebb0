/* Whether a text is JSON. */
#ifndef HTTP_CODEC_JSON_H
#define HTTP_CODEC_JSON_H

#include <stddef.h>

/* NULL when text[0 .. len - 1] is one JSON value in UTF-8; else what is wrong, static text, and *ret_offset says
 * at which byte. Spec: RFC 8259; nesting is limited to 512. */
const char *json_check(const char *text, size_t len, size_t *ret_offset);

#endif

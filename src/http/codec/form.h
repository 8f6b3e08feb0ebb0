/* Names and values as application/x-www-form-urlencoded has them, in query strings and in bodies (WHATWG URL Standard,
 * section 5): "a=1&b=&c" has a, b and c, the last two with empty values. */
#ifndef HTTP_CODEC_FORM_H
#define HTTP_CODEC_FORM_H

#include "base/arena.h"
#include "base/buffer.h"

/* Cuts the next pair off *rest; both parts still encoded. Empty ones are skipped. False at the end. */
bool form_next(wharf_str *rest, wharf_str *ret_name, wharf_str *ret_value);

/* Decodes '+' and "%XX"; a '%' that begins none stays. Text without either is returned as it is. {NULL, 0}: no memory. */
wharf_str form_decode(struct arena *arena, wharf_str text);

/* Whether the encoded text stands for `name`. */
bool form_is(wharf_str text, wharf_str name);

/* Appends "name=value", after a '&' unless the buffer is empty. 0, -ENOMEM or -WHARF_ELIMIT. */
int form_append(struct buffer *out, wharf_str name, wharf_str value);

#endif

/* Punycode (RFC 3492): any label in ASCII, without the "xn--" in front. */
#ifndef BASE_PUNYCODE_H
#define BASE_PUNYCODE_H

#include "base/unicode.h"

/* Encodes at `out`, which has room for punycode_size_max(label.count) bytes. Returns the length. */
size_t punycode_encode(struct code_points label, char *out);
size_t punycode_size_max(size_t count);

/* Decodes into ret_label->points, which has room for text.len code points. 0, or -EINVAL: it is not Punycode. */
int punycode_decode(wharf_str text, struct code_points *ret_label);

#endif

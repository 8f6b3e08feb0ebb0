/* Percent-encoding (RFC 3986 section 2.1) with the encode sets of the WHATWG URL Standard. */
#ifndef HTTP_CODEC_PERCENT_H
#define HTTP_CODEC_PERCENT_H

#include "base/arena.h"
#include "wharf/base.h"

/* Which bytes a part of a URL cannot hold as they are. Controls and bytes over 0x7e are in every set. '%' is
 * in PERCENT_COMPONENT only: the other sets are for text that is already part of a URL, whose encodings stay
 * byte for byte. */
enum percent_set {
    PERCENT_FRAGMENT = 1 << 0,
    PERCENT_QUERY = 1 << 1, /* of http, https, ws and wss: with the apostrophe */
    PERCENT_PATH = 1 << 2,
    PERCENT_USERINFO = 1 << 3,
    PERCENT_COMPONENT = 1 << 4,   /* a name, value or segment of arbitrary text: all but ALPHA DIGIT -._~ */
    PERCENT_OTHER_QUERY = 1 << 5, /* of any other scheme */
    PERCENT_CONTROL = 1 << 6      /* controls and bytes over 0x7e, and no others */
};

extern const uint8_t percent_sets_of[256]; /* for each byte the sets that it belongs to */
static inline bool percent_is_in_set(char byte, enum percent_set set) {
    return (percent_sets_of[(unsigned char)byte] & set) != 0;
}

/* Writes "%XX" at `out`, returns 3. */
size_t percent_format_byte(char *out, char byte);

/* The byte that "%XX" at text[at] stands for, or -1 when there is no complete encoding at that place. */
int percent_byte_at(wharf_str text, size_t at);

/* Decodes every "%XX", once. `out` holds text.len bytes and may be text.ptr itself.
 * 0 and *ret_len; -EINVAL and *ret_offset, where a '%' is not followed by two hex digits. */
int percent_decode_to(char *out, wharf_str text, size_t *ret_len, size_t *ret_offset);

/* The same into an arena; text without '%' is returned as it is, not copied. 0, -EINVAL or -ENOMEM. */
int percent_decode(struct arena *arena, wharf_str text, wharf_str *ret_text, size_t *ret_offset);

/* Encodes the bytes of a set; text without any is returned as it is. 0 or -ENOMEM. */
int percent_encode(struct arena *arena, wharf_str text, enum percent_set set, wharf_str *ret_text);

#endif

/* Percent-encoding. One table answers "must this byte be encoded here" for all sets. */
#include "http/codec/percent.h"

#include <errno.h>

#include "base/text.h"

enum {
    COMPONENT_ONLY = PERCENT_COMPONENT,
    FROM_USERINFO = PERCENT_USERINFO | PERCENT_COMPONENT,
    FROM_PATH = PERCENT_PATH | FROM_USERINFO,
    FROM_QUERY = PERCENT_QUERY | PERCENT_OTHER_QUERY | FROM_PATH,
    ALL_BUT_CONTROL = PERCENT_FRAGMENT | FROM_QUERY,
    EVERY_SET = PERCENT_CONTROL | ALL_BUT_CONTROL
};

/* Bytes without an entry, the unreserved ones, belong to no set. */
const uint8_t percent_sets_of[256] = {
    [0x00 ... 0x1f] = EVERY_SET,
    [' '] = ALL_BUT_CONTROL,
    ['!'] = COMPONENT_ONLY,
    ['"'] = ALL_BUT_CONTROL,
    ['#'] = FROM_QUERY,
    ['$' ... '&'] = COMPONENT_ONLY,
    ['\''] = PERCENT_QUERY | PERCENT_COMPONENT,
    ['(' ... ','] = COMPONENT_ONLY,
    ['/'] = FROM_USERINFO,
    [':' ... ';'] = FROM_USERINFO,
    ['<'] = ALL_BUT_CONTROL,
    ['='] = FROM_USERINFO,
    ['>'] = ALL_BUT_CONTROL,
    ['?'] = FROM_PATH,
    ['@'] = FROM_USERINFO,
    ['[' ... ']'] = FROM_USERINFO,
    ['^'] = FROM_PATH,
    ['`'] = PERCENT_FRAGMENT | FROM_PATH,
    ['{'] = FROM_PATH,
    ['|'] = FROM_USERINFO,
    ['}'] = FROM_PATH,
    [0x7f ... 0xff] = EVERY_SET,
};

size_t percent_format_byte(char *out, char byte) {
    static const char digits[] = "0123456789ABCDEF";
    out[0] = '%';
    out[1] = digits[(unsigned char)byte >> 4];
    out[2] = digits[(unsigned char)byte & 15];
    return 3;
}

static int hex_digit(char byte) {
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    char lower = ascii_lower(byte);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

int percent_byte_at(wharf_str text, size_t at) {
    if (text.len < 3 || at > text.len - 3 || text.ptr[at] != '%') {
        return -1;
    }
    int high = hex_digit(text.ptr[at + 1]);
    int low = hex_digit(text.ptr[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

int percent_decode_to(char *out, wharf_str text, size_t *ret_len, size_t *ret_offset) {
    size_t len = 0;
    size_t at = 0;
    while (at < text.len) {
        if (text.ptr[at] != '%') {
            out[len++] = text.ptr[at++];
            continue;
        }
        int byte = percent_byte_at(text, at);
        if (byte < 0) {
            *ret_offset = at;
            return -EINVAL;
        }
        out[len++] = (char)byte;
        at += 3;
    }
    *ret_len = len;
    return 0;
}

int percent_decode(struct arena *arena, wharf_str text, wharf_str *ret_text, size_t *ret_offset) {
    if (str_find_byte(text, '%') < 0) {
        *ret_text = text;
        return 0;
    }
    char *out = arena_alloc(arena, text.len);
    if (out == NULL) {
        return -ENOMEM;
    }
    size_t len = 0;
    int status = percent_decode_to(out, text, &len, ret_offset);
    if (status < 0) {
        return status;
    }
    *ret_text = (wharf_str){out, len};
    return 0;
}

int percent_encode(struct arena *arena, wharf_str text, enum percent_set set, wharf_str *ret_text) {
    size_t encoded = 0;
    for (size_t i = 0; i < text.len; i++) {
        encoded += percent_is_in_set(text.ptr[i], set) ? 1 : 0;
    }
    if (encoded == 0) {
        *ret_text = text;
        return 0;
    }
    char *out = arena_alloc(arena, text.len + 2 * encoded);
    if (out == NULL) {
        return -ENOMEM;
    }
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (percent_is_in_set(text.ptr[i], set)) {
            len += percent_format_byte(out + len, text.ptr[i]);
        } else {
            out[len++] = text.ptr[i];
        }
    }
    *ret_text = (wharf_str){out, len};
    return 0;
}

/* Base64: see base64.h. */
#include "http/codec/base64.h"

#include <errno.h>

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_format(wharf_str text, char *out) {
    size_t len = 0;
    for (size_t i = 0; i < text.len; i += 3) {
        uint32_t group = 0;
        size_t have = text.len - i < 3 ? text.len - i : 3;
        for (size_t k = 0; k < 3; k++) {
            group = group << 8 | (k < have ? (unsigned char)text.ptr[i + k] : 0u);
        }
        for (size_t k = 0; k < 4; k++) {
            out[len++] = k <= have ? DIGITS[group >> (18 - 6 * k) & 63] : '=';
        }
    }
    return len;
}

static int digit_value(char byte) {
    if (byte >= 'A' && byte <= 'Z') {
        return byte - 'A';
    }
    if (byte >= 'a' && byte <= 'z') {
        return byte - 'a' + 26;
    }
    if (byte >= '0' && byte <= '9') {
        return byte - '0' + 52;
    }
    return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

int base64_parse(wharf_str text, char *out, size_t *ret_len) {
    size_t digits = text.len;
    while (digits > 0 && text.len - digits < 2 && text.ptr[digits - 1] == '=') {
        digits--;
    }
    if (text.len % 4 != 0 || digits % 4 == 1) {
        return -EINVAL;
    }
    size_t len = 0;
    uint32_t group = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < digits; i++) {
        int value = digit_value(text.ptr[i]);
        if (value < 0) {
            return -EINVAL;
        }
        group = group << 6 | (uint32_t)value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[len++] = (char)(group >> bits & 0xff);
        }
    }
    if ((group & ((UINT32_C(1) << bits) - 1)) != 0) {
        return -EINVAL;
    }
    *ret_len = len;
    return 0;
}

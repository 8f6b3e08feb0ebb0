/* Numbers from and to text, one digit at a time with checked arithmetic. */
#include "base/number.h"

#include <errno.h>

/* The value of a digit in `base`, or -1. */
static inline int digit_value(char byte, unsigned base) {
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    char lower = (char)(byte | 0x20);
    if (base == 16 && lower >= 'a' && lower <= 'f') {
        return lower - 'a' + 10;
    }
    return -1;
}

/* An over-long number is still checked to its end, so that "99999999999999999999x" is -EINVAL and not
 * -ERANGE. */
static inline int parse_in_base(wharf_str text, unsigned base, uint64_t max, uint64_t *ret_value) {
    uint64_t value = 0;
    bool too_large = false;
    if (text.len == 0) {
        return -EINVAL;
    }
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_value(text.ptr[i], base);
        if (digit < 0) {
            return -EINVAL;
        }
        too_large = too_large || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
                    __builtin_add_overflow(value, (uint64_t)digit, &value) || value > max;
    }
    if (too_large) {
        return -ERANGE;
    }
    *ret_value = value;
    return 0;
}

int number_parse(wharf_str text, uint64_t max, uint64_t *ret_value) {
    return parse_in_base(text, 10, max, ret_value);
}

int number_parse_hex(wharf_str text, uint64_t max, uint64_t *ret_value) {
    return parse_in_base(text, 16, max, ret_value);
}

size_t number_format(uint64_t value, char *out) {
    if (value < 100) {
        size_t tens = value > 9;
        out[0] = (char)('0' + value / 10);
        out[tens] = (char)('0' + value % 10);
        return tens + 1;
    }
    size_t len = 1;
    for (uint64_t rest = value; rest > 9; rest /= 10) {
        len++;
    }
    for (size_t at = len; at > 0; at--) {
        out[at - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return len;
}

size_t number_format_hex(uint64_t value, char *out) {
    char digits[16];
    size_t at = sizeof(digits);
    do {
        digits[--at] = "0123456789abcdef"[value & 15];
        value >>= 4;
    } while (value > 0);
    memcpy(out, digits + at, sizeof(digits) - at);
    return sizeof(digits) - at;
}

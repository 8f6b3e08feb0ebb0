/* The two loops of RFC 3492 sections 6.2 and 6.3. A name is short, so nothing here is tuned. */
#include "base/punycode.h"

#include <errno.h>

#include "base/text.h"

/* The parameters of RFC 3492 section 5. */
enum { BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700, INITIAL_BIAS = 72, INITIAL_POINT = 0x80 };

enum {
    DIGITS_MAX = 10
}; /* of one number: each digit takes it down to a tenth or less, and one below 26 is the last */

static uint32_t adapt(uint32_t delta, size_t count, bool is_first) {
    uint32_t k = 0;
    delta /= is_first ? DAMP : 2;
    delta += delta / (uint32_t)count;
    while (delta > (BASE - T_MIN) * T_MAX / 2) {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static uint32_t threshold(uint32_t k, uint32_t bias) {
    return k <= bias + T_MIN ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
}

static char digit(uint32_t value) {
    return (char)(value < 26 ? 'a' + value : '0' + (value - 26));
}

size_t punycode_size_max(size_t count) {
    return count * DIGITS_MAX + 1;
}

/* A number whose digits say themselves where it ends. */
static size_t put_number(uint32_t number, uint32_t bias, char *out) {
    size_t len = 0;
    for (uint32_t k = BASE;; k += BASE) {
        uint32_t t = threshold(k, bias);
        if (number < t) {
            out[len++] = digit(number);
            return len;
        }
        out[len++] = digit(t + (number - t) % (BASE - t));
        number = (number - t) / (BASE - t);
    }
}

static uint32_t smallest_from(struct code_points label, uint32_t least) {
    uint32_t smallest = UINT32_MAX;
    for (size_t i = 0; i < label.count; i++) {
        if (label.points[i] >= least && label.points[i] < smallest) {
            smallest = label.points[i];
        }
    }
    return smallest;
}

size_t punycode_encode(struct code_points label, char *out) {
    size_t len = 0;
    for (size_t i = 0; i < label.count; i++) {
        if (label.points[i] < INITIAL_POINT) {
            out[len++] = (char)label.points[i];
        }
    }
    size_t basic = len;
    size_t done = basic;
    uint32_t point = INITIAL_POINT;
    uint32_t delta = 0;
    uint32_t bias = INITIAL_BIAS;
    if (basic > 0) {
        out[len++] = '-';
    }
    while (done < label.count) {
        uint32_t next = smallest_from(label, point);
        delta += (next - point) * (uint32_t)(done + 1);
        point = next;
        for (size_t i = 0; i < label.count; i++) {
            delta += label.points[i] < point ? 1 : 0;
            if (label.points[i] == point) {
                len += put_number(delta, bias, out + len);
                bias = adapt(delta, done + 1, done == basic);
                delta = 0;
                done++;
            }
        }
        delta++;
        point++;
    }
    return len;
}

static uint32_t digit_value(char byte) {
    char lower = ascii_lower(byte);
    if (lower >= 'a' && lower <= 'z') {
        return (uint32_t)(lower - 'a');
    }
    return byte >= '0' && byte <= '9' ? (uint32_t)(byte - '0') + 26 : BASE;
}

/* The number that begins at text[*at]; *at behind it. False: no number, or one over 32 bits. */
static bool read_number(wharf_str text, size_t *at, uint32_t bias, uint32_t *ret_number) {
    uint64_t number = 0;
    uint64_t weight = 1;
    for (uint32_t k = BASE; *at < text.len; k += BASE) {
        uint32_t value = digit_value(text.ptr[(*at)++]);
        uint32_t t = threshold(k, bias);
        number += value * weight;
        if (value == BASE || number > UINT32_MAX) {
            return false;
        }
        if (value < t) {
            *ret_number = (uint32_t)number;
            return true;
        }
        weight *= BASE - t;
        if (weight > UINT32_MAX) {
            return false;
        }
    }
    return false;
}

static bool is_ascii(wharf_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

int punycode_decode(wharf_str text, struct code_points *ret_label) {
    uint32_t *points = ret_label->points;
    ssize_t hyphen = str_find_last_byte(text, '-');
    size_t count = hyphen > 0 ? (size_t)hyphen : 0;
    size_t at = hyphen > 0 ? count + 1 : 0;
    uint64_t point = INITIAL_POINT;
    uint64_t place = 0;
    uint32_t bias = INITIAL_BIAS;
    if (!is_ascii(text)) {
        return -EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        points[i] = (unsigned char)text.ptr[i];
    }
    while (at < text.len) {
        uint32_t number = 0;
        if (!read_number(text, &at, bias, &number)) {
            return -EINVAL;
        }
        bias = adapt(number, count + 1, place == 0 && point == INITIAL_POINT);
        place += number;
        point += place / (count + 1);
        place %= count + 1;
        bool is_surrogate = point >= 0xd800 && point < 0xe000;
        if (point >= 0x110000 || is_surrogate) {
            return -EINVAL;
        }
        memmove(&points[place + 1], &points[place], (count - place) * sizeof(points[0]));
        points[place++] = (uint32_t)point;
        count++;
    }
    ret_label->count = count;
    return 0;
}

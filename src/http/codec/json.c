/* A checker for JSON (RFC 8259): one pass, nothing built. Open arrays and objects are kept as one flag each,
 * so that depth costs no stack. NaN, Infinity, comments, trailing commas and a byte order mark are refused,
 * as the RFC has it. */
#include "http/codec/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { DEPTH_MAX = 512 };

struct scanner {
    const unsigned char *at, *end;
    const char *problem;
    size_t depth;
    bool in_object[DEPTH_MAX]; /* of each open container */
};

static bool refuse(struct scanner *scanner, const char *problem) {
    scanner->problem = problem;
    return false;
}

static int peek(const struct scanner *scanner) {
    return scanner->at < scanner->end ? *scanner->at : -1;
}

static bool accept(struct scanner *scanner, int wanted) {
    if (peek(scanner) != wanted) {
        return false;
    }
    scanner->at++;
    return true;
}

static void skip_space(struct scanner *scanner) {
    while (peek(scanner) == ' ' || peek(scanner) == '\t' || peek(scanner) == '\n' || peek(scanner) == '\r') {
        scanner->at++;
    }
}

static bool is_digit(int c) {
    return c >= '0' && c <= '9';
}

static bool is_hex(int c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool skip_digits(struct scanner *scanner) {
    if (!is_digit(peek(scanner))) {
        return refuse(scanner, "a digit is missing");
    }
    while (is_digit(peek(scanner))) {
        scanner->at++;
    }
    return true;
}

static bool scan_number(struct scanner *scanner) {
    accept(scanner, '-');
    if (accept(scanner, '0')) {
        if (is_digit(peek(scanner))) {
            return refuse(scanner, "a number may not begin with 0");
        }
    } else if (!skip_digits(scanner)) {
        return false;
    }
    if (accept(scanner, '.') && !skip_digits(scanner)) {
        return false;
    }
    if (accept(scanner, 'e') || accept(scanner, 'E')) {
        if (!accept(scanner, '+')) {
            accept(scanner, '-');
        }
        return skip_digits(scanner);
    }
    return true;
}

static bool scan_escape(struct scanner *scanner) {
    int c = peek(scanner);
    if (c == 'u') {
        scanner->at++;
        for (int i = 0; i < 4; i++, scanner->at++) {
            if (!is_hex(peek(scanner))) {
                return refuse(scanner, "\\u needs four hexadecimal digits");
            }
        }
        return true;
    }
    if (c < 0 || c == '\0' || strchr("\"\\/bfnrt", c) == NULL) {
        return refuse(scanner, "an unknown escape");
    }
    scanner->at++;
    return true;
}

/* One character of several bytes. Spec: RFC 3629 section 4. */
static bool scan_utf8(struct scanner *scanner) {
    const unsigned char *s = scanner->at;
    ptrdiff_t left = scanner->end - s;
    ptrdiff_t size = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    unsigned char lowest = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char highest = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    bool good = s[0] >= 0xc2 && s[0] <= 0xf4 && left >= size && s[1] >= lowest && s[1] <= highest;
    for (ptrdiff_t i = 2; good && i < size; i++) {
        good = (s[i] & 0xc0) == 0x80;
    }
    if (!good) {
        return refuse(scanner, "not UTF-8");
    }
    scanner->at += size;
    return true;
}

static bool scan_string(struct scanner *scanner) {
    if (!accept(scanner, '"')) {
        return refuse(scanner, "a string is missing");
    }
    while (peek(scanner) != '"') {
        int c = peek(scanner);
        bool good = true;
        if (c < 0) {
            return refuse(scanner, "a string without an end");
        }
        if (c < 0x20) {
            return refuse(scanner, "a control character in a string");
        }
        if (c >= 0x80) {
            good = scan_utf8(scanner);
        } else {
            scanner->at++;
            good = c != '\\' || scan_escape(scanner);
        }
        if (!good) {
            return false;
        }
    }
    scanner->at++;
    return true;
}

static bool scan_word(struct scanner *scanner) {
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(scanner->end - scanner->at) >= len && memcmp(scanner->at, words[i], len) == 0) {
            scanner->at += len;
            return true;
        }
    }
    return refuse(scanner, "a value is missing");
}

static bool scan_name(struct scanner *scanner) {
    skip_space(scanner);
    if (!scan_string(scanner)) {
        return false;
    }
    skip_space(scanner);
    return accept(scanner, ':') || refuse(scanner, "':' is missing");
}

/* Opens a container. Sets *ret_complete when it was empty and is closed already. */
static bool scan_open(struct scanner *scanner, bool *ret_complete) {
    if (scanner->depth == DEPTH_MAX) {
        return refuse(scanner, "nested too deeply");
    }
    bool object = *scanner->at++ == '{';
    skip_space(scanner);
    *ret_complete = accept(scanner, object ? '}' : ']');
    if (*ret_complete) {
        return true;
    }
    scanner->in_object[scanner->depth++] = object;
    return !object || scan_name(scanner);
}

/* A value up to its end, or up to where its first element begins. */
static bool scan_value(struct scanner *scanner, bool *ret_complete) {
    skip_space(scanner);
    int c = peek(scanner);
    *ret_complete = true;
    if (c == '{' || c == '[') {
        return scan_open(scanner, ret_complete);
    }
    if (c == '"') {
        return scan_string(scanner);
    }
    return c == '-' || is_digit(c) ? scan_number(scanner) : scan_word(scanner);
}

/* After a complete value: closes what ends here. False when another value must follow, or on a problem. */
static bool scan_closings(struct scanner *scanner) {
    while (scanner->depth > 0) {
        bool object = scanner->in_object[scanner->depth - 1];
        skip_space(scanner);
        if (accept(scanner, ',')) {
            if (object) {
                scan_name(scanner);
            }
            return false;
        }
        if (!accept(scanner, object ? '}' : ']')) {
            return refuse(scanner, object ? "',' or '}' is missing" : "',' or ']' is missing");
        }
        scanner->depth--;
    }
    return true;
}

const char *json_check(const char *text, size_t len, size_t *ret_offset) {
    struct scanner scanner = {.at = (const unsigned char *)text, .end = (const unsigned char *)text + len};
    bool complete = false;
    bool ended = false;
    while (!ended && scanner.problem == NULL) {
        if (scan_value(&scanner, &complete) && complete) {
            ended = scan_closings(&scanner);
        }
    }
    if (scanner.problem == NULL) {
        skip_space(&scanner);
    }
    if (scanner.problem == NULL && scanner.at < scanner.end) {
        refuse(&scanner, "something follows the value");
    }
    if (scanner.problem != NULL) {
        *ret_offset = (size_t)(scanner.at - (const unsigned char *)text);
    }
    return scanner.problem;
}

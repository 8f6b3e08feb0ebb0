/* Byte classes and vectorised scanning: the inner loops of every HTTP/1.1 parser here.
 *
 * A scan returns the first byte in [at, end) that is not plain for its purpose, or `end`. It never reads
 * outside [at, end). Each comes twice: the plain name is the fastest that the build's baseline allows (SSE2
 * on x86-64), and the _portable twin works on machine words. Both are always compiled, and the tests hold
 * them to the same answers. */
#ifndef HTTP_CODEC_SCAN_H
#define HTTP_CODEC_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "wharf/base.h"

enum {
    SCAN_TCHAR = 1,   /* RFC 9110 section 5.6.2: a byte of a token */
    SCAN_DIGIT = 2,   /* 0-9 */
    SCAN_HEX = 4,     /* 0-9 A-F a-f */
    SCAN_FIELD = 8,   /* HTAB, SP, VCHAR, obs-text: a byte of a field value */
    SCAN_HOST = 16,   /* unreserved or sub-delim of RFC 3986, without the comma */
    SCAN_QUOTED = 32, /* RFC 9110 section 5.6.4: qdtext */
    SCAN_TARGET = 64, /* a byte of a request-target that needs no closer look */
    SCAN_ALPHA = 128  /* A-Z a-z */
};

extern const uint8_t scan_classes[256];

static inline bool scan_is(char byte, unsigned classes) {
    return (scan_classes[(unsigned char)byte] & classes) != 0;
}

/* SP or HTAB: what may stand around a field value. */
static inline bool scan_is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

/* Whether text is not empty and all its bytes are of these classes. */
bool scan_all(wharf_str text, unsigned classes);

/* The value of a hexadecimal digit (SCAN_HEX). */
static inline unsigned scan_hex_value(char digit) {
    return scan_is(digit, SCAN_DIGIT) ? (unsigned)(digit - '0') : (unsigned)((digit | 0x20) - 'a') + 10;
}

/* Stops at a byte that no field value holds: a control other than HTAB. */
const char *scan_field_value(const char *at, const char *end);
const char *scan_field_value_portable(const char *at, const char *end);

/* Stops at a byte that is not SCAN_TARGET: controls, SP, non-ASCII, and # % ? \ which each mean something. */
const char *scan_target(const char *at, const char *end);
const char *scan_target_portable(const char *at, const char *end);

/* Stops at a byte that is not SCAN_TCHAR: behind a field name. */
const char *scan_name(const char *at, const char *end);
const char *scan_name_portable(const char *at, const char *end);

/* Stops at the LF that ends the first CR LF CR LF lying wholly in [at, end). */
const char *scan_head_end(const char *at, const char *end);
const char *scan_head_end_portable(const char *at, const char *end);

#endif

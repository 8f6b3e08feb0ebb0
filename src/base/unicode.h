/* Text beyond ASCII, as far as host names need it: UTF-8, normalization form C (UAX #15), and what the Unicode
 * Character Database says of a code point. */
#ifndef BASE_UNICODE_H
#define BASE_UNICODE_H

#include "base/arena.h"

/* What UTS 46 does to a code point (non-transitional, without the STD3 rules). */
enum unicode_idna { UNICODE_VALID, UNICODE_IGNORED, UNICODE_MAPPED, UNICODE_DISALLOWED };

enum unicode_bidi {
    BIDI_L, /* the values in this order in tools/make_unicode.py too */
    BIDI_R,
    BIDI_AL,
    BIDI_AN,
    BIDI_EN,
    BIDI_ES,
    BIDI_CS,
    BIDI_ET,
    BIDI_ON,
    BIDI_BN,
    BIDI_NSM,
    BIDI_OTHER /* and everything over it: never part of a name */
};

enum unicode_joining { JOINING_NONE, JOINING_DUAL, JOINING_LEFT, JOINING_RIGHT, JOINING_TRANSPARENT };

enum { UNICODE_VIRAMA = 9 }; /* the combining class of the sign that takes a consonant's vowel away */

struct unicode_record {
    uint8_t idna;            /* enum unicode_idna */
    uint8_t combining_class; /* 0: a starter */
    uint8_t bidi;            /* enum unicode_bidi */
    uint8_t joining;         /* enum unicode_joining */
    uint8_t is_mark;
};

struct code_points {
    uint32_t *points;
    size_t count;
};

/* Of any number below 0x110000. */
const struct unicode_record *unicode_find(uint32_t point);

/* What UTS 46 puts in the place of a code point that is UNICODE_MAPPED; lives forever. */
struct code_points unicode_mapping(uint32_t point);

/* The code point that begins at utf8[*at], which is moved behind it; -1: no UTF-8 is there. *at: less than utf8.len. */
int64_t unicode_next(wharf_str utf8, size_t *at);

/* 0; -EILSEQ and the *ret_offset of the byte that no UTF-8 has there; -ENOMEM. */
int unicode_decode(struct arena *arena, wharf_str utf8, struct code_points *ret_text, size_t *ret_offset);

/* Normalization form C. 0 or -ENOMEM. */
int unicode_compose(struct arena *arena, struct code_points text, struct code_points *ret_composed);

#endif

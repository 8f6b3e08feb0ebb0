/* The tables behind base/unicode.h, which tools/make_unicode.py writes when the library is built. */
#ifndef BASE_UNICODE_TABLES_H
#define BASE_UNICODE_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "base/unicode.h"

enum { UNICODE_RECORD_BITS = 11 };

/* Each entry: the first code point of a range, and in the low bits which record holds for all of it. */
extern const uint32_t unicode_ranges[];
extern const size_t unicode_ranges_count;
extern const struct unicode_record unicode_records[];

/* A code point and the text that stands for it: `len` code points from `at` in the pool. Sorted. */
struct unicode_text {
    uint32_t point;
    uint16_t at, len;
};
extern const struct unicode_text unicode_mappings[];
extern const size_t unicode_mappings_count;
extern const uint32_t unicode_mappings_pool[];
extern const struct unicode_text unicode_decompositions[];
extern const size_t unicode_decompositions_count;
extern const uint32_t unicode_decompositions_pool[];

/* Two code points that compose to one. Sorted by first and second. */
struct unicode_pair {
    uint32_t first, second, composed;
};
extern const struct unicode_pair unicode_pairs[];
extern const size_t unicode_pairs_count;

#endif

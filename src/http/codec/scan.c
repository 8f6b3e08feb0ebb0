/* Byte classes and vectorised scanning. SSE2 is part of every x86-64, so no processor needs to be asked;
 * elsewhere the portable versions look at eight bytes of a machine word at a time. */
#include "http/codec/scan.h"

#if defined(__SSE2__)
#    include <emmintrin.h>
#endif

/* What a byte is besides being in a field value and in qdtext, where nearly all visible bytes are. */
#define LETTER    (SCAN_ALPHA | SCAN_TCHAR | SCAN_HOST | SCAN_TARGET | SCAN_FIELD | SCAN_QUOTED)
#define DIGIT     (SCAN_DIGIT | SCAN_HEX | SCAN_TCHAR | SCAN_HOST | SCAN_TARGET | SCAN_FIELD | SCAN_QUOTED)
#define TEXT      (SCAN_FIELD | SCAN_QUOTED)
#define PLAIN     (TEXT | SCAN_TARGET)
#define PLAIN_T   (PLAIN | SCAN_TCHAR)
#define PLAIN_H   (PLAIN | SCAN_HOST)
#define PLAIN_T_H (PLAIN | SCAN_TCHAR | SCAN_HOST)

const uint8_t scan_classes[256] = {
    ['A' ... 'F'] = LETTER | SCAN_HEX,
    ['G' ... 'Z'] = LETTER,
    ['a' ... 'f'] = LETTER | SCAN_HEX,
    ['g' ... 'z'] = LETTER,
    ['0' ... '9'] = DIGIT,
    ['\t'] = TEXT,
    [' '] = TEXT,
    ['!'] = PLAIN_T_H,
    ['"'] = SCAN_FIELD | SCAN_TARGET,
    ['#'] = TEXT | SCAN_TCHAR,
    ['$'] = PLAIN_T_H,
    ['%'] = TEXT | SCAN_TCHAR,
    ['&'] = PLAIN_T_H,
    ['\''] = PLAIN_T_H,
    ['('] = PLAIN_H,
    [')'] = PLAIN_H,
    ['*'] = PLAIN_T_H,
    ['+'] = PLAIN_T_H,
    [','] = PLAIN,
    ['-'] = PLAIN_T_H,
    ['.'] = PLAIN_T_H,
    ['/'] = PLAIN,
    [':'] = PLAIN,
    [';'] = PLAIN_H,
    ['<'] = PLAIN,
    ['='] = PLAIN_H,
    ['>'] = PLAIN,
    ['?'] = TEXT,
    ['@'] = PLAIN,
    ['['] = PLAIN,
    ['\\'] = SCAN_FIELD,
    [']'] = PLAIN,
    ['^'] = PLAIN_T,
    ['_'] = PLAIN_T_H,
    ['`'] = PLAIN_T,
    ['{'] = PLAIN,
    ['|'] = PLAIN_T,
    ['}'] = PLAIN,
    ['~'] = PLAIN_T_H,
    [0x80 ... 0xff] = TEXT,
};

bool scan_all(wharf_str text, unsigned classes) {
    for (size_t i = 0; i < text.len; i++) {
        if (!scan_is(text.ptr[i], classes)) {
            return false;
        }
    }
    return text.len > 0;
}

/* ---- a machine word at a time ---- */

#define EVERY(byte) (0x0101010101010101u * (uint64_t)(byte))

static inline uint64_t word_load(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Not zero when some byte of the word is below `limit` (at most 0x80). */
static inline uint64_t word_below(uint64_t word, unsigned limit) {
    return (word - EVERY(limit)) & ~word & EVERY(0x80);
}

static inline uint64_t word_has(uint64_t word, char byte) {
    return word_below(word ^ EVERY(byte), 1);
}

const char *scan_field_value_portable(const char *at, const char *end) {
    while (at < end) {
        if (end - at >= 8) {
            uint64_t word = word_load(at);
            if ((word_below(word, ' ') | word_has(word, 0x7f)) == 0) {
                at += 8;
                continue;
            }
        }
        if (!scan_is(*at, SCAN_FIELD)) {
            return at;
        }
        at++;
    }
    return end;
}

const char *scan_target_portable(const char *at, const char *end) {
    while (at < end) {
        if (end - at >= 8) {
            uint64_t word = word_load(at);
            uint64_t stops = word_below(word, '!') | (word & EVERY(0x80)) | word_has(word, 0x7f) |
                             word_has(word, '#') | word_has(word, '%') | word_has(word, '?') |
                             word_has(word, '\\');
            if (stops == 0) {
                at += 8;
                continue;
            }
        }
        if (!scan_is(*at, SCAN_TARGET)) {
            return at;
        }
        at++;
    }
    return end;
}

const char *scan_name_portable(const char *at, const char *end) {
    while (at < end && scan_is(*at, SCAN_TCHAR)) {
        at++;
    }
    return at;
}

/* Whether the LF at `lf`, two bytes before another one, is the first of CR LF CR LF in [floor, ...). */
static inline bool is_head_end(const char *floor, const char *lf) {
    return lf > floor && lf[-1] == '\r' && lf[1] == '\r';
}

/* As scan_head_end, for a first LF at or after `at`; looks back as far as `floor`. */
static const char *head_end_from(const char *floor, const char *at, const char *end) {
    while (end - at >= 3) {
        const char *lf = memchr(at, '\n', (size_t)(end - at) - 2);
        if (lf == NULL) {
            break;
        }
        if (lf[2] == '\n' && is_head_end(floor, lf)) {
            return lf + 2;
        }
        at = lf + 1;
    }
    return end;
}

const char *scan_head_end_portable(const char *at, const char *end) {
    return head_end_from(at, at, end);
}

/* ---- sixteen bytes at a time ---- */

#if defined(__SSE2__)

const char *scan_field_value(const char *at, const char *end) {
    const __m128i last_control = _mm_set1_epi8(0x1f);
    const __m128i tab = _mm_set1_epi8('\t');
    const __m128i delete = _mm_set1_epi8(0x7f);
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
        __m128i stop = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), control);
        int mask = _mm_movemask_epi8(_mm_or_si128(stop, _mm_cmpeq_epi8(bytes, delete)));
        if (mask != 0) {
            return at + __builtin_ctz((unsigned)mask);
        }
    }
    return scan_field_value_portable(at, end);
}

const char *scan_target(const char *at, const char *end) {
    const __m128i space = _mm_set1_epi8(' ');
    const __m128i delete = _mm_set1_epi8(0x7f);
    const __m128i hash = _mm_set1_epi8('#');
    const __m128i percent = _mm_set1_epi8('%');
    const __m128i question = _mm_set1_epi8('?');
    const __m128i backslash = _mm_set1_epi8('\\');
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, space), bytes);
        __m128i high = _mm_cmpeq_epi8(_mm_max_epu8(bytes, delete), bytes);
        __m128i first = _mm_or_si128(_mm_cmpeq_epi8(bytes, hash), _mm_cmpeq_epi8(bytes, percent));
        __m128i second = _mm_or_si128(_mm_cmpeq_epi8(bytes, question), _mm_cmpeq_epi8(bytes, backslash));
        int mask = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(low, high), _mm_or_si128(first, second)));
        if (mask != 0) {
            return at + __builtin_ctz((unsigned)mask);
        }
    }
    return scan_target_portable(at, end);
}

/* Names are made of letters and '-', nearly always: what is neither has a closer look. */
const char *scan_name(const char *at, const char *end) {
    const __m128i hyphen = _mm_set1_epi8('-');
    const __m128i bit = _mm_set1_epi8(0x20);
    const __m128i first = _mm_set1_epi8('a');
    const __m128i last = _mm_set1_epi8('z' - 'a');
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i letter = _mm_sub_epi8(_mm_or_si128(bytes, bit), first);
        __m128i plain = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(letter, last), letter),
                                     _mm_cmpeq_epi8(bytes, hyphen));
        unsigned mask = (unsigned)_mm_movemask_epi8(plain) ^ 0xffff;
        if (mask != 0) {
            at += __builtin_ctz(mask);
            return scan_is(*at, SCAN_TCHAR) ? scan_name_portable(at, end) : at;
        }
    }
    return scan_name_portable(at, end);
}

/* Two loads, two bytes apart, find the places where LF stands before and after one other byte: in sound heads
 * that is the end and nothing else. */
static inline const char *head_end_in_block(const char *floor, const char *block) {
    const __m128i lf = _mm_set1_epi8('\n');
    __m128i first = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)block), lf);
    __m128i second = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(block + 2)), lf);
    unsigned mask = (unsigned)_mm_movemask_epi8(_mm_and_si128(first, second));
    for (; mask != 0; mask &= mask - 1) {
        const char *found = block + __builtin_ctz(mask);
        if (is_head_end(floor, found)) {
            return found + 2;
        }
    }
    return NULL;
}

const char *scan_head_end(const char *at, const char *end) {
    enum { BLOCK = 18 }; /* sixteen places for the first LF */
    if (end - at < BLOCK) {
        return head_end_from(at, at, end);
    }
    for (const char *block = at; end - block >= BLOCK; block += 16) {
        const char *found = head_end_in_block(at, block);
        if (found != NULL) {
            return found;
        }
    }
    /* The last block may overlap the one before it, where nothing was found. */
    const char *found = head_end_in_block(at, end - BLOCK);
    return found != NULL ? found : end;
}

#else

const char *scan_field_value(const char *at, const char *end) {
    return scan_field_value_portable(at, end);
}

const char *scan_target(const char *at, const char *end) {
    return scan_target_portable(at, end);
}

const char *scan_name(const char *at, const char *end) {
    return scan_name_portable(at, end);
}

const char *scan_head_end(const char *at, const char *end) {
    return scan_head_end_portable(at, end);
}

#endif

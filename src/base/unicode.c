/* Look-ups are binary searches: the tables are small, and only names beyond ASCII ask. */
#include "base/unicode.h"

#include <errno.h>

#include "base/unicode_tables.h"

const struct unicode_record *unicode_find(uint32_t point) {
    size_t low = 0;
    size_t high = unicode_ranges_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (unicode_ranges[middle] >> UNICODE_RECORD_BITS <= point) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &unicode_records[unicode_ranges[low] & ((1U << UNICODE_RECORD_BITS) - 1)];
}

/* NULL: the table has nothing for it. */
static const struct unicode_text *find_text(const struct unicode_text *table, size_t count, uint32_t point) {
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table[middle].point == point) {
            return &table[middle];
        }
        if (table[middle].point < point) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

struct code_points unicode_mapping(uint32_t point) {
    const struct unicode_text *text = find_text(unicode_mappings, unicode_mappings_count, point);
    if (text == NULL) {
        return (struct code_points){NULL, 0};
    }
    return (struct code_points){(uint32_t *)&unicode_mappings_pool[text->at], text->len};
}

/* ---- UTF-8 (RFC 3629) ---- */

/* How many bytes a code point takes that begins with `lead`; 0: none begins with it. *ret_least is the smallest code
 * point that needs so many. */
static size_t sequence_len(unsigned char lead, uint32_t *ret_least) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 0;
    *ret_least = least[len];
    return len;
}

int64_t unicode_next(wharf_str utf8, size_t *at) {
    static const unsigned char lead_bits[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t least = 0;
    size_t len = sequence_len((unsigned char)utf8.ptr[*at], &least);
    if (len == 0 || len > utf8.len - *at) {
        return -1;
    }
    uint32_t point = (unsigned char)utf8.ptr[*at] & lead_bits[len];
    for (size_t i = 1; i < len; i++) {
        unsigned char byte = (unsigned char)utf8.ptr[*at + i];
        if ((byte & 0xc0) != 0x80) {
            return -1;
        }
        point = point << 6 | (byte & 0x3f);
    }
    bool is_surrogate = point >= 0xd800 && point < 0xe000;
    if (point < least || point >= 0x110000 || is_surrogate) {
        return -1;
    }
    *at += len;
    return point;
}

int unicode_decode(struct arena *arena, wharf_str utf8, struct code_points *ret_text, size_t *ret_offset) {
    struct code_points text = {arena_alloc(arena, (utf8.len + 1) * sizeof(uint32_t)), 0};
    if (text.points == NULL) {
        return -ENOMEM;
    }
    size_t at = 0;
    while (at < utf8.len) {
        int64_t point = unicode_next(utf8, &at);
        if (point < 0) {
            *ret_offset = at;
            return -EILSEQ;
        }
        text.points[text.count++] = (uint32_t)point;
    }
    *ret_text = text;
    return 0;
}

/* ---- normalization form C ---- */

/* Korean syllables are composed by arithmetic, from a leading consonant, a vowel and perhaps a trailing consonant. */
enum {
    HANGUL = 0xac00,
    LEADING = 0x1100,
    VOWEL = 0x1161,
    TRAILING = 0x11a7,
    LEADING_COUNT = 19,
    VOWEL_COUNT = 21,
    TRAILING_COUNT = 28,
    HANGUL_COUNT = LEADING_COUNT * VOWEL_COUNT * TRAILING_COUNT,
    DECOMPOSED_MAX = 4 /* code points that one decomposes to */
};

static void append(struct code_points *text, uint32_t point) {
    text->points[text->count++] = point;
}

static void append_decomposed(struct code_points *text, uint32_t point) {
    uint32_t syllable = point - HANGUL;
    if (point >= HANGUL && syllable < HANGUL_COUNT) {
        append(text, LEADING + syllable / (VOWEL_COUNT * TRAILING_COUNT));
        append(text, VOWEL + syllable / TRAILING_COUNT % VOWEL_COUNT);
        if (syllable % TRAILING_COUNT != 0) {
            append(text, TRAILING + syllable % TRAILING_COUNT);
        }
        return;
    }
    const struct unicode_text *parts = find_text(unicode_decompositions, unicode_decompositions_count, point);
    if (parts == NULL) {
        append(text, point);
        return;
    }
    for (size_t i = 0; i < parts->len; i++) {
        append(text, unicode_decompositions_pool[parts->at + i]);
    }
}

static uint8_t combining_class(uint32_t point) {
    return unicode_find(point)->combining_class;
}

/* Marks behind one starter come in the order of their classes; those of the same class stay as they are. */
static void order_marks(struct code_points text) {
    for (size_t i = 1; i < text.count; i++) {
        uint32_t point = text.points[i];
        uint8_t rank = combining_class(point);
        size_t to = i;
        while (rank != 0 && to > 0 && combining_class(text.points[to - 1]) > rank) {
            text.points[to] = text.points[to - 1];
            to--;
        }
        text.points[to] = point;
    }
}

/* The code point that the two compose to, or 0. */
static uint32_t compose_pair(uint32_t first, uint32_t second) {
    if (first - LEADING < LEADING_COUNT && second - VOWEL < VOWEL_COUNT) {
        return HANGUL + ((first - LEADING) * VOWEL_COUNT + (second - VOWEL)) * TRAILING_COUNT;
    }
    bool takes_trailing = first - HANGUL < HANGUL_COUNT && (first - HANGUL) % TRAILING_COUNT == 0;
    if (takes_trailing && second > TRAILING && second - TRAILING < TRAILING_COUNT) {
        return first + (second - TRAILING);
    }
    size_t low = 0;
    size_t high = unicode_pairs_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct unicode_pair *pair = &unicode_pairs[middle];
        if (pair->first == first && pair->second == second) {
            return pair->composed;
        }
        if (pair->first < first || (pair->first == first && pair->second < second)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return 0;
}

/* In place. A mark joins the last starter unless a mark of its own class, or of a higher one, stands between. */
static void compose_marks(struct code_points *text) {
    size_t count = 0;
    uint32_t *starter = NULL;
    int last_class = -1; /* of what was kept behind the starter */
    for (size_t i = 0; i < text->count; i++) {
        uint32_t point = text->points[i];
        int rank = combining_class(point);
        uint32_t composed = starter != NULL && last_class < rank ? compose_pair(*starter, point) : 0;
        if (composed != 0) {
            *starter = composed;
            continue;
        }
        text->points[count] = point;
        last_class = rank == 0 ? -1 : rank;
        starter = rank == 0 ? &text->points[count] : starter;
        count++;
    }
    text->count = count;
}

int unicode_compose(struct arena *arena, struct code_points text, struct code_points *ret_composed) {
    size_t size = (text.count * DECOMPOSED_MAX + 1) * sizeof(uint32_t);
    struct code_points composed = {arena_alloc(arena, size), 0};
    if (composed.points == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < text.count; i++) {
        append_decomposed(&composed, text.points[i]);
    }
    order_marks(composed);
    compose_marks(&composed);
    *ret_composed = composed;
    return 0;
}

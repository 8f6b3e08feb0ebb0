/* The steps of UTS 46: map, compose, and then label by label decode, check and encode. */
#include "base/idna.h"

#include <errno.h>

#include "base/punycode.h"
#include "base/text.h"
#include "base/unicode.h"

enum { ZERO_WIDTH_NON_JOINER = 0x200c, ZERO_WIDTH_JOINER = 0x200d };

static const char ACE_PREFIX[] = "xn--";
enum { ACE_PREFIX_LEN = sizeof(ACE_PREFIX) - 1 };

static int fail(struct idna_error *ret_error, const char *reason, size_t offset) {
    *ret_error = (struct idna_error){.reason = reason, .offset = offset};
    return -EINVAL;
}

bool idna_is_needed(wharf_str name) {
    unsigned char all = 0;
    for (size_t i = 0; i < name.len; i++) {
        all |= (unsigned char)name.ptr[i];
    }
    return all >= 0x80;
}

static wharf_str lower_case(struct arena *arena, wharf_str domain) {
    char *lower = arena_alloc(arena, domain.len + 1);
    for (size_t i = 0; lower != NULL && i < domain.len; i++) {
        lower[i] = ascii_lower(domain.ptr[i]);
    }
    return (wharf_str){lower, domain.len};
}

/* ---- mapping ---- */

static size_t utf8_len(uint32_t point) {
    return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

/* How many code points the mapped text has; SIZE_MAX when one is refused. */
static size_t mapped_count(struct code_points text, struct idna_error *ret_error) {
    size_t count = 0;
    size_t offset = 0;
    for (size_t i = 0; i < text.count; i++) {
        uint8_t idna = unicode_find(text.points[i])->idna;
        if (idna == UNICODE_DISALLOWED) {
            (void)fail(ret_error, "a character that no host name may contain", offset);
            return SIZE_MAX;
        }
        count += idna == UNICODE_MAPPED ? unicode_mapping(text.points[i]).count : idna == UNICODE_VALID;
        offset += utf8_len(text.points[i]);
    }
    return count;
}

static int map_text(struct arena *arena, struct code_points text, struct code_points *ret_mapped,
                    struct idna_error *ret_error) {
    size_t count = mapped_count(text, ret_error);
    if (count == SIZE_MAX) {
        return -EINVAL;
    }
    if (count > IDNA_POINTS_MAX) {
        return fail(ret_error, "a host name over 1024 characters", 0);
    }
    struct code_points mapped = {arena_alloc(arena, (count + 1) * sizeof(uint32_t)), 0};
    if (mapped.points == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < text.count; i++) {
        uint8_t idna = unicode_find(text.points[i])->idna;
        struct code_points put = {&text.points[i], idna == UNICODE_VALID};
        put = idna == UNICODE_MAPPED ? unicode_mapping(text.points[i]) : put;
        memcpy(mapped.points + mapped.count, put.points, put.count * sizeof(uint32_t));
        mapped.count += put.count;
    }
    *ret_mapped = mapped;
    return 0;
}

/* ---- what a label must be like ---- */

/* Whether scripts in which letters join would join here: a joining letter before, one after, and only marks between
 * (RFC 5892 appendix A.1). */
static bool joins_around(struct code_points label, size_t at) {
    size_t before = at;
    size_t after = at + 1;
    while (before > 0 && unicode_find(label.points[before - 1])->joining == JOINING_TRANSPARENT) {
        before--;
    }
    while (after < label.count && unicode_find(label.points[after])->joining == JOINING_TRANSPARENT) {
        after++;
    }
    if (before == 0 || after == label.count) {
        return false;
    }
    uint8_t left = unicode_find(label.points[before - 1])->joining;
    uint8_t right = unicode_find(label.points[after])->joining;
    return (left == JOINING_LEFT || left == JOINING_DUAL) &&
           (right == JOINING_RIGHT || right == JOINING_DUAL);
}

static bool may_join_here(struct code_points label, size_t at) {
    bool is_joiner = label.points[at] == ZERO_WIDTH_JOINER;
    bool is_non_joiner = label.points[at] == ZERO_WIDTH_NON_JOINER;
    bool after_virama = at > 0 && unicode_find(label.points[at - 1])->combining_class == UNICODE_VIRAMA;
    return (!is_joiner && !is_non_joiner) || after_virama || (is_non_joiner && joins_around(label, at));
}

/* UTS 46 section 4.1. NULL: valid. */
static const char *label_fault(struct code_points label) {
    if (label.count > 0 && unicode_find(label.points[0])->is_mark) {
        return "a label that begins with a combining mark";
    }
    for (size_t i = 0; i < label.count; i++) {
        if (label.points[i] == '.' || unicode_find(label.points[i])->idna != UNICODE_VALID) {
            return "an encoded label with a character that no host name may contain";
        }
        if (!may_join_here(label, i)) {
            return "an invisible joiner where nothing joins";
        }
    }
    return NULL;
}

/* ---- direction (RFC 5893 section 2) ---- */

static bool is_right_to_left(struct code_points label) {
    for (size_t i = 0; i < label.count; i++) {
        uint8_t bidi = unicode_find(label.points[i])->bidi;
        if (bidi == BIDI_R || bidi == BIDI_AL || bidi == BIDI_AN) {
            return true;
        }
    }
    return false;
}

static unsigned bit(unsigned bidi) {
    return 1U << bidi;
}

static bool follows_bidi_rule(struct code_points label) {
    const unsigned neutral = bit(BIDI_EN) | bit(BIDI_ES) | bit(BIDI_CS) | bit(BIDI_ET) | bit(BIDI_ON) |
                             bit(BIDI_BN) | bit(BIDI_NSM);
    const unsigned letters = bit(BIDI_R) | bit(BIDI_AL);
    unsigned first = bit(unicode_find(label.points[0])->bidi);
    unsigned all = 0;
    unsigned last = 0;
    for (size_t i = 0; i < label.count; i++) {
        unsigned each = bit(unicode_find(label.points[i])->bidi);
        all |= each;
        last = each == bit(BIDI_NSM) ? last : each;
    }
    if ((first & letters) != 0) {
        bool mixes_digits = (all & bit(BIDI_EN)) != 0 && (all & bit(BIDI_AN)) != 0;
        return (all & ~(neutral | letters | bit(BIDI_AN))) == 0 && !mixes_digits &&
               (last & (letters | bit(BIDI_EN) | bit(BIDI_AN))) != 0;
    }
    return first == bit(BIDI_L) && (all & ~(neutral | bit(BIDI_L))) == 0 &&
           (last & (bit(BIDI_L) | bit(BIDI_EN))) != 0;
}

/* ---- label by label ---- */

static bool is_ascii_label(struct code_points label) {
    for (size_t i = 0; i < label.count; i++) {
        if (label.points[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static bool has_ace_prefix(struct code_points label) {
    for (size_t i = 0; i < ACE_PREFIX_LEN; i++) {
        if (i >= label.count || label.points[i] != (unsigned char)ACE_PREFIX[i]) {
            return false;
        }
    }
    return true;
}

/* The label that "xn--..." stands for, which must be one that would be encoded so. */
static int decode_label(struct arena *arena, struct code_points label, struct code_points *ret_decoded,
                        struct idna_error *ret_error) {
    size_t len = label.count - ACE_PREFIX_LEN;
    char *text = arena_alloc(arena, len + 1);
    struct code_points decoded = {arena_alloc(arena, (len + 1) * sizeof(uint32_t)), 0};
    struct code_points composed = decoded;
    if (text == NULL || decoded.points == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < len; i++) {
        uint32_t point = label.points[ACE_PREFIX_LEN + i];
        text[i] = point < 0x80 ? (char)point : '\x80';
    }
    bool is_punycode = punycode_decode((wharf_str){text, len}, &decoded) == 0;
    if (!is_punycode || is_ascii_label(decoded) || has_ace_prefix(decoded)) {
        return fail(ret_error, "a label that begins with xn-- but is not Punycode", 0);
    }
    int status = unicode_compose(arena, decoded, &composed);
    if (status < 0) {
        return status;
    }
    if (composed.count != decoded.count ||
        memcmp(composed.points, decoded.points, decoded.count * sizeof(uint32_t)) != 0) {
        return fail(ret_error, "an encoded label that is not in normalization form C", 0);
    }
    *ret_decoded = decoded;
    return 0;
}

/* Appends the label in ASCII to `out`. */
static void put_label(struct code_points label, wharf_str *out) {
    char *next = (char *)out->ptr + out->len;
    if (is_ascii_label(label)) {
        for (size_t i = 0; i < label.count; i++) {
            next[i] = (char)label.points[i];
        }
        out->len += label.count;
        return;
    }
    memcpy(next, ACE_PREFIX, ACE_PREFIX_LEN);
    out->len += ACE_PREFIX_LEN + punycode_encode(label, next + ACE_PREFIX_LEN);
}

struct label_walk {
    struct code_points text; /* the whole domain, mapped and composed */
    size_t at;               /* where the next label begins */
};

static bool next_label(struct label_walk *walk, struct code_points *ret_label) {
    if (walk->at > walk->text.count) {
        return false;
    }
    size_t end = walk->at;
    while (end < walk->text.count && walk->text.points[end] != '.') {
        end++;
    }
    *ret_label = (struct code_points){walk->text.points + walk->at, end - walk->at};
    walk->at = end + 1;
    return true;
}

static size_t count_labels(struct code_points text) {
    size_t count = 1;
    for (size_t i = 0; i < text.count; i++) {
        count += text.points[i] == '.';
    }
    return count;
}

/* The labels of the domain as they read, none of them "xn--..."; each is valid by itself. */
static int read_labels(struct arena *arena, struct code_points text, struct code_points *labels,
                       struct idna_error *ret_error) {
    struct label_walk walk = {.text = text};
    struct code_points label;
    for (size_t count = 0; next_label(&walk, &label); count++) {
        int status = has_ace_prefix(label) ? decode_label(arena, label, &label, ret_error) : 0;
        if (status < 0) {
            return status;
        }
        const char *fault = label_fault(label);
        if (fault != NULL) {
            return fail(ret_error, fault, 0);
        }
        labels[count] = label;
    }
    return 0;
}

static bool labels_agree_in_direction(const struct code_points *labels, size_t count) {
    bool is_bidi = false;
    bool all_follow = true;
    for (size_t i = 0; i < count; i++) {
        is_bidi = is_bidi || is_right_to_left(labels[i]);
        all_follow = all_follow && (labels[i].count == 0 || follows_bidi_rule(labels[i]));
    }
    return all_follow || !is_bidi;
}

static int encode_domain(struct arena *arena, struct code_points text, wharf_str *ret_ascii,
                         struct idna_error *ret_error) {
    size_t count = count_labels(text);
    struct code_points *labels = arena_alloc(arena, count * sizeof(labels[0]));
    size_t size = punycode_size_max(text.count) + count * (ACE_PREFIX_LEN + 2);
    wharf_str ascii = {arena_alloc(arena, size), 0};
    if (labels == NULL || ascii.ptr == NULL) {
        return -ENOMEM;
    }
    int status = read_labels(arena, text, labels, ret_error);
    if (status < 0) {
        return status;
    }
    if (!labels_agree_in_direction(labels, count)) {
        return fail(ret_error, "a label that mixes text of both directions", 0);
    }
    for (size_t i = 0; i < count; i++) {
        put_label(labels[i], &ascii);
        if (i + 1 < count) {
            ((char *)ascii.ptr)[ascii.len++] = '.';
        }
    }
    *ret_ascii = ascii;
    return 0;
}

int idna_to_ascii(struct arena *arena, wharf_str domain, wharf_str *ret_ascii, struct idna_error *ret_error) {
    struct code_points text;
    size_t offset = 0;
    if (!idna_is_needed(domain)) {
        wharf_str lower = lower_case(arena, domain);
        if (lower.ptr == NULL) {
            return -ENOMEM;
        }
        *ret_ascii = lower;
        return 0;
    }
    int status = unicode_decode(arena, domain, &text, &offset);
    if (status == -EILSEQ) {
        return fail(ret_error, "a host name that is not UTF-8", offset);
    }
    if (status < 0) {
        return status;
    }
    status = map_text(arena, text, &text, ret_error);
    if (status == 0) {
        status = unicode_compose(arena, text, &text);
    }
    return status < 0 ? status : encode_domain(arena, text, ret_ascii, ret_error);
}

/* ---- a host ---- */

enum {
    HOST_FIRST_BYTES = 4096, /* enough for most names, without the heap */
    HOST_BYTES_MAX = 65536,  /* of the heap, for names of 1024 characters */
};

static bool is_host_byte(char byte) {
    char lower = ascii_lower(byte);
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' ||
           byte == '.';
}

/* Mapping can give what no host has ("℀" is "a/c"), and nothing at all (of a soft hyphen). */
static const char *host_fault(wharf_str host) {
    bool after_dot = true;
    if (host.len == 0) {
        return "a host name of nothing visible";
    }
    if (host.len >= IDNA_HOST_SIZE) {
        return "a host name over 253 bytes in the form that the DNS knows";
    }
    for (size_t i = 0; i < host.len; i++) {
        if (!is_host_byte(host.ptr[i])) {
            return "a character that stands for one that no host name may contain";
        }
        if (host.ptr[i] == '.' && after_dot) {
            return "a part of the host name is empty";
        }
        after_dot = host.ptr[i] == '.';
    }
    return NULL;
}

static int host_convert(struct arena *arena, wharf_str name, char *out, struct idna_error *ret_error) {
    wharf_str host;
    int rc = idna_to_ascii(arena, name, &host, ret_error);
    if (rc < 0) {
        return rc;
    }
    const char *fault = host_fault(host);
    if (fault != NULL) {
        return fail(ret_error, fault, 0);
    }
    (void)str_copy_to(out, IDNA_HOST_SIZE, host);
    return 0;
}

int idna_host(wharf_str name, char ret_host[IDNA_HOST_SIZE], struct idna_error *ret_error) {
    _Alignas(max_align_t) char first[HOST_FIRST_BYTES];
    struct arena arena;
    if (name.len > IDNA_POINTS_MAX) {
        return fail(ret_error, "a host name over 1024 bytes", 0);
    }
    if (!idna_is_needed(name)) {
        if (name.len >= IDNA_HOST_SIZE) {
            return fail(ret_error, "a host name over 253 bytes", 0);
        }
        (void)str_copy_to(ret_host, IDNA_HOST_SIZE, name);
        return 0;
    }
    arena_init(&arena, first, sizeof(first), HOST_BYTES_MAX);
    int rc = host_convert(&arena, name, ret_host, ret_error);
    arena_deinit(&arena);
    return rc;
}

/* Byte ranges. Positions too large for 64 bits are valid syntax and lie behind the end of everything. */
#include "http/codec/range.h"

#include <errno.h>

#include "base/number.h"
#include "base/text.h"

enum spec_kind { SPEC_BAD, SPEC_BEHIND_END, SPEC_WITHIN, SPEC_WHOLE_OF_NOTHING };

/* Digits, where more than 64 bits can hold count as the largest number. */
static bool read_position(wharf_str text, uint64_t *ret_position) {
    uint64_t position = 0;
    int status = number_parse(text, UINT64_MAX, &position);
    *ret_position = status == -ERANGE ? UINT64_MAX : position;
    return status != -EINVAL;
}

/* "-500": the last 500 bytes. */
static enum spec_kind read_suffix(wharf_str digits, uint64_t length, struct range *ret_range) {
    uint64_t wanted = 0;
    if (!read_position(digits, &wanted)) {
        return SPEC_BAD;
    }
    if (wanted == 0) {
        return SPEC_BEHIND_END;
    }
    if (length == 0) {
        return SPEC_WHOLE_OF_NOTHING;
    }
    ret_range->first = wanted < length ? length - wanted : 0;
    ret_range->last = length - 1;
    return SPEC_WITHIN;
}

/* One of "0-499", "500-" and "-500". */
static enum spec_kind read_spec(wharf_str spec, uint64_t length, struct range *ret_range) {
    ssize_t dash = str_find_byte(spec, '-');
    if (dash < 0) {
        return SPEC_BAD;
    }
    wharf_str head = str_slice(spec, 0, (size_t)dash);
    wharf_str tail = str_slice(spec, (size_t)dash + 1, spec.len);
    uint64_t first = 0;
    uint64_t last = UINT64_MAX;
    if (head.len == 0) {
        return read_suffix(tail, length, ret_range);
    }
    if (!read_position(head, &first) || (tail.len > 0 && !read_position(tail, &last)) || last < first) {
        return SPEC_BAD;
    }
    if (first >= length) {
        return SPEC_BEHIND_END;
    }
    ret_range->first = first;
    ret_range->last = last < length ? last : length - 1;
    return SPEC_WITHIN;
}

static bool overlaps_any(const struct range_set *set, const struct range *range) {
    for (size_t i = 0; i < set->count; i++) {
        if (range->first <= set->at[i].last && set->at[i].first <= range->last) {
            return true;
        }
    }
    return false;
}

/* Reads the list behind "bytes=" into an empty set; the kind is the result. */
static enum range_kind read_list(wharf_str list, uint64_t length, struct range_set *set) {
    size_t members = 0;
    wharf_str part;
    while (str_split(&list, ',', &part)) {
        wharf_str spec = str_trim(part);
        struct range range = {0, 0};
        if (spec.len == 0) {
            continue;
        }
        enum spec_kind kind = read_spec(spec, length, &range);
        if (kind == SPEC_BAD || kind == SPEC_WHOLE_OF_NOTHING || members == RANGE_COUNT_MAX) {
            return RANGE_IGNORED;
        }
        members++;
        if (kind == SPEC_BEHIND_END) {
            continue;
        }
        if (overlaps_any(set, &range)) {
            return RANGE_IGNORED;
        }
        set->at[set->count++] = range;
    }
    if (members == 0) {
        return RANGE_IGNORED;
    }
    return set->count > 0 ? RANGE_SATISFIABLE : RANGE_UNSATISFIABLE;
}

void range_parse(wharf_str value, uint64_t length, struct range_set *ret_set) {
    struct range_set set = {.kind = RANGE_ABSENT};
    wharf_str unit = STR("bytes=");
    if (value.ptr != NULL) {
        wharf_str trimmed = str_trim(value);
        set.kind = RANGE_IGNORED;
        if (str_starts_nocase(trimmed, unit)) {
            set.kind = read_list(str_slice(trimmed, unit.len, trimmed.len), length, &set);
        }
    }
    if (set.kind != RANGE_SATISFIABLE) {
        set.count = 0;
    }
    *ret_set = set;
}

size_t range_format_content(const struct range *range, uint64_t length, char *out) {
    size_t len = 6;
    memcpy(out, "bytes ", len);
    if (range == NULL) {
        out[len++] = '*';
    } else {
        len += number_format(range->first, out + len);
        out[len++] = '-';
        len += number_format(range->last, out + len);
    }
    out[len++] = '/';
    return len + number_format(length, out + len);
}

int range_parse_content(wharf_str value, struct range *ret_range, uint64_t *ret_length) {
    wharf_str trimmed = str_trim(value);
    wharf_str unit = STR("bytes ");
    uint64_t length = UINT64_MAX;
    struct range range = {0, 0};
    if (!str_starts_nocase(trimmed, unit)) {
        return -EINVAL;
    }
    wharf_str rest = str_slice(trimmed, unit.len, trimmed.len);
    ssize_t slash = str_find_byte(rest, '/');
    if (slash < 0) {
        return -EINVAL;
    }
    wharf_str extent = str_slice(rest, 0, (size_t)slash);
    wharf_str total = str_slice(rest, (size_t)slash + 1, rest.len);
    bool knows_length = !wharf_str_is(total, "*");
    if (knows_length && number_parse(total, UINT64_MAX - 1, &length) < 0) {
        return -EINVAL;
    }
    if (wharf_str_is(extent, "*") && knows_length) {
        *ret_length = length;
        return -ERANGE;
    }
    ssize_t dash = str_find_byte(extent, '-');
    if (dash < 0 || number_parse(str_slice(extent, 0, (size_t)dash), UINT64_MAX, &range.first) < 0 ||
        number_parse(str_slice(extent, (size_t)dash + 1, extent.len), UINT64_MAX, &range.last) < 0 ||
        range.last < range.first || range.last >= length) {
        return -EINVAL;
    }
    *ret_range = range;
    *ret_length = length;
    return 0;
}

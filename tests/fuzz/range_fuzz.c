/* Target: range_parse, range_parse_content and the lists of entity tags, on one byte that chooses a length and a field
 * value.
 * Asserts: satisfiable ranges lie within the length and do not overlap; a Content-Range made from one is read back. */
#include <assert.h>

#include "base/text.h"
#include "http/codec/etag.h"
#include "http/codec/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_set(const struct range_set *set, uint64_t length) {
    assert(set->count <= RANGE_COUNT_MAX && (set->count > 0) == (set->kind == RANGE_SATISFIABLE));
    for (size_t i = 0; i < set->count; i++) {
        struct range back;
        uint64_t total = 0;
        char out[RANGE_CONTENT_SIZE];
        assert(set->at[i].first <= set->at[i].last && set->at[i].last < length);
        for (size_t j = 0; j < i; j++) {
            assert(set->at[i].last < set->at[j].first || set->at[j].last < set->at[i].first);
        }
        size_t len = range_format_content(&set->at[i], length, out);
        assert(len <= sizeof(out));
        assert(range_parse_content((wharf_str){out, len}, &back, &total) == 0);
        assert(back.first == set->at[i].first && back.last == set->at[i].last && total == length);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint64_t lengths[] = {0, 1, 2, 100, 5000000000, UINT64_MAX - 1};
    struct etag current = {.opaque = STR("\"x\"")};
    struct range_set set;
    struct range range;
    uint64_t length = 0;
    if (size == 0) {
        return 0;
    }
    wharf_str value = {(const char *)data + 1, size - 1};
    length = lengths[data[0] % (sizeof(lengths) / sizeof(lengths[0]))];
    range_parse(value, length, &set);
    check_set(&set, length);
    if (range_parse_content(value, &range, &length) == 0) {
        assert(range.first <= range.last && range.last < length);
    }
    bool strong = etag_list_names(value, &current, true);
    assert(!strong || etag_list_names(value, &current, false));
    return 0;
}

/* Conditional requests: the precedence of RFC 9110 section 13.2.2 over values that are already at hand. */
#include "http/codec/conditional.h"

#include "base/text.h"
#include "http/codec/date.h"

/* A date is a strong validator when a second change within the same second would have become visible
 * (RFC 9110 section 8.8.2.2). */
enum { SECONDS_UNTIL_STRONG = 2 };

static bool is_present(wharf_str value) {
    return value.ptr != NULL;
}

static bool is_any(wharf_str list) {
    return wharf_str_is(str_trim(list), "*");
}

static bool if_match_holds(wharf_str list, const struct conditional_state *state) {
    if (is_any(list)) {
        return state->exists;
    }
    return state->exists && etag_list_names(list, state->etag, true);
}

static bool if_none_match_holds(wharf_str list, const struct conditional_state *state) {
    if (is_any(list)) {
        return !state->exists;
    }
    return !state->exists || !etag_list_names(list, state->etag, false);
}

static bool if_unmodified_since_holds(wharf_str value, const struct conditional_state *state) {
    int64_t date = 0;
    if (!state->has_last_modified || date_parse(str_trim(value), state->now, &date) < 0) {
        return true;
    }
    return state->last_modified <= date;
}

static bool if_modified_since_holds(wharf_str value, const struct conditional_state *state) {
    int64_t date = 0;
    if (!state->has_last_modified || date_parse(str_trim(value), state->now, &date) < 0 ||
        date > state->now) {
        return true;
    }
    return state->last_modified > date;
}

enum conditional_result conditional_evaluate(bool is_get_or_head, const struct conditional_headers *headers,
                                             const struct conditional_state *state) {
    if (is_present(headers->if_match)) {
        if (!if_match_holds(headers->if_match, state)) {
            return CONDITIONAL_FAILED;
        }
    } else if (is_present(headers->if_unmodified_since)) {
        if (!if_unmodified_since_holds(headers->if_unmodified_since, state)) {
            return CONDITIONAL_FAILED;
        }
    }
    if (is_present(headers->if_none_match)) {
        if (if_none_match_holds(headers->if_none_match, state)) {
            return CONDITIONAL_PROCEED;
        }
        return is_get_or_head ? CONDITIONAL_NOT_MODIFIED : CONDITIONAL_FAILED;
    }
    if (is_get_or_head && is_present(headers->if_modified_since) &&
        !if_modified_since_holds(headers->if_modified_since, state)) {
        return CONDITIONAL_NOT_MODIFIED;
    }
    return CONDITIONAL_PROCEED;
}

bool conditional_allows_range(wharf_str if_range, const struct conditional_state *state) {
    struct etag wanted;
    int64_t date = 0;
    wharf_str value = str_trim(if_range);
    if (!is_present(if_range)) {
        return true;
    }
    if (etag_parse(value, &wanted) == 0) {
        return state->etag != NULL && etag_equal_strong(&wanted, state->etag);
    }
    return state->has_last_modified && date_parse(value, state->now, &date) == 0 &&
           date == state->last_modified && state->last_modified <= state->now - SECONDS_UNTIL_STRONG;
}

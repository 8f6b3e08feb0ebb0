/* Conditional requests: the precedence of RFC 9110 section 13.2.2, row by row, and If-Range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "http/codec/conditional.h"

#define OLDER  "Sun, 06 Nov 1994 08:49:36 GMT"
#define SAME   "Sun, 06 Nov 1994 08:49:37 GMT"
#define NEWER  "Sun, 06 Nov 1994 08:49:38 GMT"
#define FUTURE "Sun, 06 Nov 2094 08:49:37 GMT"

enum { PROCEED = CONDITIONAL_PROCEED, SAVED = CONDITIONAL_NOT_MODIFIED, FAILED = CONDITIONAL_FAILED };

static struct etag strong_tag = {.opaque = {"\"x\"", 3}};
static struct etag weak_tag = {.opaque = {"\"x\"", 3}, .is_weak = true};

static const struct conditional_state strong_state = {.etag = &strong_tag,
                                                      .last_modified = 784111777,
                                                      .has_last_modified = true,
                                                      .exists = true,
                                                      .now = 1767225600};

static wharf_str field(const char *value) {
    return value != NULL ? wharf_str_of(value) : (wharf_str){NULL, 0};
}

struct row {
    const char *if_match, *if_unmodified_since, *if_none_match, *if_modified_since;
    int on_get, on_put;
};

static const struct row rows[] = {
    {NULL, NULL, NULL, NULL, PROCEED, PROCEED},
    /* If-Match, strong */
    {"\"x\"", NULL, NULL, NULL, PROCEED, PROCEED},
    {"*", NULL, NULL, NULL, PROCEED, PROCEED},
    {"\"y\"", NULL, NULL, NULL, FAILED, FAILED},
    {"W/\"x\"", NULL, NULL, NULL, FAILED, FAILED},
    {"x", NULL, NULL, NULL, FAILED, FAILED},
    {"", NULL, NULL, NULL, FAILED, FAILED},
    /* If-Unmodified-Since, only without If-Match */
    {NULL, OLDER, NULL, NULL, FAILED, FAILED},
    {NULL, SAME, NULL, NULL, PROCEED, PROCEED},
    {NULL, NEWER, NULL, NULL, PROCEED, PROCEED},
    {NULL, "yesterday", NULL, NULL, PROCEED, PROCEED},
    {"\"x\"", OLDER, NULL, NULL, PROCEED, PROCEED},
    {"\"y\"", NEWER, NULL, NULL, FAILED, FAILED},
    /* If-None-Match, weak */
    {NULL, NULL, "\"x\"", NULL, SAVED, FAILED},
    {NULL, NULL, "W/\"x\"", NULL, SAVED, FAILED},
    {NULL, NULL, "\"a\", \"x\"", NULL, SAVED, FAILED},
    {NULL, NULL, "*", NULL, SAVED, FAILED},
    {NULL, NULL, "\"y\"", NULL, PROCEED, PROCEED},
    {NULL, NULL, "x", NULL, PROCEED, PROCEED},
    /* If-Modified-Since, only without If-None-Match and for GET and HEAD */
    {NULL, NULL, NULL, OLDER, PROCEED, PROCEED},
    {NULL, NULL, NULL, SAME, SAVED, PROCEED},
    {NULL, NULL, NULL, NEWER, SAVED, PROCEED},
    {NULL, NULL, NULL, "Sunday, 06-Nov-94 08:49:37 GMT", SAVED, PROCEED},
    {NULL, NULL, NULL, FUTURE, PROCEED, PROCEED},
    {NULL, NULL, NULL, "0", PROCEED, PROCEED},
    {NULL, NULL, "\"y\"", SAME, PROCEED, PROCEED},
    {NULL, NULL, "\"x\"", OLDER, SAVED, FAILED},
    /* the first group before the second */
    {"\"y\"", NULL, "\"x\"", NULL, FAILED, FAILED},
    {"\"x\"", NULL, "\"x\"", NULL, SAVED, FAILED},
    {NULL, OLDER, NULL, SAME, FAILED, FAILED},
    {NULL, SAME, NULL, SAME, SAVED, PROCEED},
};

static void follows_the_precedence_of_the_rfc(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct conditional_headers headers = {field(rows[i].if_match), field(rows[i].if_unmodified_since),
                                              field(rows[i].if_none_match), field(rows[i].if_modified_since)};
        assert_int_equal(conditional_evaluate(true, &headers, &strong_state), rows[i].on_get);
        assert_int_equal(conditional_evaluate(false, &headers, &strong_state), rows[i].on_put);
    }
}

static void what_does_not_exist_matches_nothing(void **state) {
    (void)state;
    struct conditional_state nothing = {.now = 1767225600};
    struct conditional_headers must_exist = {.if_match = field("*")};
    struct conditional_headers must_be_tagged = {.if_match = field("\"x\"")};
    struct conditional_headers must_not_exist = {.if_none_match = field("*")};
    struct conditional_headers dated = {.if_unmodified_since = field(OLDER),
                                        .if_modified_since = field(SAME)};
    assert_int_equal(conditional_evaluate(false, &must_exist, &nothing), FAILED);
    assert_int_equal(conditional_evaluate(false, &must_be_tagged, &nothing), FAILED);
    assert_int_equal(conditional_evaluate(false, &must_not_exist, &nothing), PROCEED);
    assert_int_equal(conditional_evaluate(true, &dated, &nothing), PROCEED);
}

static void if_range_takes_a_strong_tag_or_the_exact_date(void **state) {
    (void)state;
    static const struct {
        const char *if_range;
        bool allowed;
    } if_range_rows[] = {
        {NULL, true}, {"\"x\"", true}, {"\"y\"", false}, {"W/\"x\"", false}, {"\"x\", \"y\"", false},
        {"*", false}, {SAME, true},    {OLDER, false},   {NEWER, false},     {"x", false},
        {"", false},  {FUTURE, false},
    };
    for (size_t i = 0; i < sizeof(if_range_rows) / sizeof(if_range_rows[0]); i++) {
        assert_int_equal(conditional_allows_range(field(if_range_rows[i].if_range), &strong_state),
                         if_range_rows[i].allowed);
    }
    struct conditional_state weak = strong_state;
    weak.etag = &weak_tag;
    assert_false(conditional_allows_range(field("W/\"x\""), &weak));
    assert_false(conditional_allows_range(field("\"x\""), &weak));
    struct conditional_state bare = {.exists = true, .now = 1767225600};
    assert_false(conditional_allows_range(field("\"x\""), &bare));
    assert_false(conditional_allows_range(field(SAME), &bare));
    struct conditional_state fresh = strong_state;
    fresh.now = fresh.last_modified + 1;
    assert_false(conditional_allows_range(field(SAME), &fresh));
    fresh.now = fresh.last_modified + 2;
    assert_true(conditional_allows_range(field(SAME), &fresh));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_precedence_of_the_rfc),
        cmocka_unit_test(what_does_not_exist_matches_nothing),
        cmocka_unit_test(if_range_takes_a_strong_tag_or_the_exact_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Entity tags: syntax, the two comparisons, lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/text.h"
#include "http/codec/etag.h"

static void reads_whole_tags_only(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int status;
        bool is_weak;
    } rows[] = {
        {"\"\"", 0, false},
        {"\"xyzzy\"", 0, false},
        {"W/\"xyzzy\"", 0, true},
        {"\"a,b\"", 0, false},
        {"\"\x80\xff!\"", 0, false},
        {"", -EINVAL, false},
        {"\"", -EINVAL, false},
        {"xyzzy", -EINVAL, false},
        {"\"a", -EINVAL, false},
        {"w/\"a\"", -EINVAL, false},
        {"W/a", -EINVAL, false},
        {"W/ \"a\"", -EINVAL, false},
        {"\"a b\"", -EINVAL, false},
        {"\"a\" ", -EINVAL, false},
        {"\"a\"b\"", -EINVAL, false},
        {"\"a\tb\"", -EINVAL, false},
        {"*", -EINVAL, false},
        {"W/", -EINVAL, false},
        {"\"a\x7f\"", -EINVAL, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct etag etag;
        assert_int_equal(etag_parse(wharf_str_of(rows[i].text), &etag), rows[i].status);
        if (rows[i].status == 0) {
            assert_int_equal(etag.is_weak, rows[i].is_weak);
            assert_int_equal(etag.opaque.len, strlen(rows[i].text) - (rows[i].is_weak ? 2 : 0));
        }
    }
}

/* The table of RFC 9110 section 8.8.3.2. */
static void compares_strongly_and_weakly(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool strong, weak;
    } rows[] = {
        {"W/\"1\"", "W/\"1\"", false, true},
        {"W/\"1\"", "W/\"2\"", false, false},
        {"W/\"1\"", "\"1\"", false, true},
        {"\"1\"", "\"1\"", true, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct etag a;
        struct etag b;
        assert_int_equal(etag_parse(wharf_str_of(rows[i].a), &a), 0);
        assert_int_equal(etag_parse(wharf_str_of(rows[i].b), &b), 0);
        assert_int_equal(etag_equal_strong(&a, &b), rows[i].strong);
        assert_int_equal(etag_equal_weak(&a, &b), rows[i].weak);
    }
}

static void finds_a_tag_in_a_list(void **state) {
    (void)state;
    static const struct {
        const char *list;
        bool named;
    } rows[] = {
        {"\"x\"", true},
        {"\"a\", \"x\"", true},
        {"\"a\",\"x\",\"b\"", true},
        {" , ,\"a\"\t, W/\"x\" ,", true},
        {"\"a,\", \"x\"", true},
        {"\"a\"", false},
        {"", false},
        {",", false},
        {"x", false},
        {"\"X\"", false},
        {"\",x,\"", false},
        {"a, \"x\"", false},
        {"\"a\" \"x\"", false},
        {"\"a\"\"x\"", false},
        {"\"a, \"x\"", false},
    };
    struct etag current = {.opaque = STR("\"x\"")};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(etag_list_names(wharf_str_of(rows[i].list), &current, false), rows[i].named);
    }
    assert_false(etag_list_names(STR("W/\"x\""), &current, true));
    assert_true(etag_list_names(STR("W/\"x\", \"x\""), &current, true));
    assert_false(etag_list_names(STR("\"x\""), NULL, false));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_whole_tags_only),
        cmocka_unit_test(compares_strongly_and_weakly),
        cmocka_unit_test(finds_a_tag_in_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

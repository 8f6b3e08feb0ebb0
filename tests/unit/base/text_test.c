/* String views. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>

#include "base/text.h"

static void compares_ascii_without_case_and_nothing_else(void **state) {
    (void)state;
    assert_true(str_equal_nocase(STR("Host"), STR("hOST")));
    assert_true(str_equal_nocase(STR(""), (wharf_str){NULL, 0}));
    assert_false(str_equal_nocase(STR("a"), STR("ab")));
    assert_false(str_equal_nocase(STR("@"), STR("`")));
    assert_false(str_equal_nocase(STR("\xc4"), STR("\xe4")));
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_true(str_starts(STR("abc"), STR("")));
    assert_false(str_starts(STR("a"), STR("ab")));
    assert_true(str_starts_nocase(STR("HTTP/1.1"), STR("http/")));
    assert_true(str_ends(STR("file.html"), STR(".html")));
    assert_false(str_ends(STR("html"), STR(".html")));
}

static void finds_first_and_last(void **state) {
    (void)state;
    assert_int_equal(str_find(STR("abcabc"), STR("ca")), 2);
    assert_int_equal(str_find(STR("abc"), STR("abcd")), -1);
    assert_int_equal(str_find(STR("abc"), STR("")), 0);
    assert_int_equal(str_find((wharf_str){NULL, 0}, STR("a")), -1);
    assert_int_equal(str_find_end(STR("abcabc"), 0, STR("bc")), 3);
    assert_int_equal(str_find_end(STR("abcabc"), 2, STR("bc")), 3); /* begun in what was searched */
    assert_int_equal(str_find_end(STR("abcabc"), 3, STR("bc")), 6);
    assert_int_equal(str_find_end(STR("abcabc"), 6, STR("bc")), 0);
    assert_int_equal(str_find_end(STR("abcab"), 4, STR("abc")), 0);
    assert_int_equal(str_find_byte(STR("a:b:c"), ':'), 1);
    assert_int_equal(str_find_last_byte(STR("a:b:c"), ':'), 3);
    assert_int_equal(str_find_byte((wharf_str){NULL, 0}, ':'), -1);
    assert_int_equal(str_find_last_byte((wharf_str){NULL, 0}, ':'), -1);
}

static void slices_are_clamped(void **state) {
    (void)state;
    assert_true(wharf_str_is(str_slice(STR("abcdef"), 2, 4), "cd"));
    assert_true(wharf_str_is(str_slice(STR("abcdef"), 4, 99), "ef"));
    assert_int_equal(str_slice(STR("abcdef"), 5, 2).len, 0);
    assert_int_equal(str_slice(STR("abc"), 99, 100).len, 0);
    assert_int_equal(str_slice((wharf_str){NULL, 0}, 0, 5).len, 0);
}

static void trims_space_and_tab_only(void **state) {
    (void)state;
    assert_true(wharf_str_is(str_trim(STR(" \t a b\t ")), "a b"));
    assert_true(wharf_str_is(str_trim(STR("\r\n")), "\r\n"));
    assert_true(wharf_str_is(str_trim(STR("\xa0x\x85")), "\xa0x\x85"));
    assert_int_equal(str_trim(STR(" \t ")).len, 0);
    assert_int_equal(str_trim((wharf_str){NULL, 0}).len, 0);
}

static void splits_into_every_part(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *parts[4];
    } rows[] = {
        {"a,b", {"a", "b"}}, {"a,", {"a", ""}}, {",a", {"", "a"}}, {"", {""}}, {"a,,b", {"a", "", "b"}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wharf_str rest = wharf_str_of(rows[i].text);
        wharf_str part;
        size_t count = 0;
        while (str_split(&rest, ',', &part)) {
            assert_non_null(rows[i].parts[count]);
            assert_true(wharf_str_is(part, rows[i].parts[count]));
            count++;
        }
        assert_null(rows[i].parts[count]);
        assert_false(str_split(&rest, ',', &part));
    }
}

static void measures_edit_distance(void **state) {
    (void)state;
    char over_long[65] = {0};
    assert_int_equal(str_distance(STR("kitten"), STR("sitting")), 3);
    assert_int_equal(str_distance(STR("--listen"), STR("--lisen")), 1);
    assert_int_equal(str_distance(STR(""), STR("abc")), 3);
    assert_int_equal(str_distance(STR("abc"), STR("")), 3);
    assert_int_equal(str_distance(STR("same"), STR("same")), 0);
    assert_true(str_distance((wharf_str){over_long, 65}, STR("a")) == UINT_MAX);
}

static void copies_are_cut_and_terminated(void **state) {
    (void)state;
    char out[4] = "xxx";
    assert_int_equal(str_copy_to(out, sizeof(out), STR("abcdef")), 3);
    assert_string_equal(out, "abc");
    assert_int_equal(str_copy_to(out, sizeof(out), STR("ab")), 2);
    assert_string_equal(out, "ab");
    assert_int_equal(str_copy_to(out, sizeof(out), (wharf_str){NULL, 0}), 0);
    assert_string_equal(out, "");
    assert_int_equal(str_copy_to(out, 0, STR("ab")), 0);
    assert_int_equal(str_copy_to(out, sizeof(out), STR("abü")), 2);
    assert_string_equal(out, "ab");
    assert_int_equal(str_copy_to(out, sizeof(out), STR("aüb")), 3);
    assert_string_equal(out, "aü");
    assert_int_equal(str_copy_to(out, sizeof(out), STR("\xf0\x9f\x98\x80")), 0);
    assert_int_equal(str_copy_to(out, sizeof(out), STR("\x80\x80\x80\x80\x80")), 3); /* no text at all */
}

static void lines_and_words_come_one_by_one(void **state) {
    (void)state;
    wharf_str rest = STR("one \t two\r\n\n three");
    wharf_str line;
    wharf_str word;
    assert_true(str_next_line(&rest, &line));
    assert_true(wharf_str_is(line, "one \t two"));
    assert_true(str_next_word(&line, &word) && wharf_str_is(word, "one"));
    assert_true(str_next_word(&line, &word) && wharf_str_is(word, "two"));
    assert_false(str_next_word(&line, &word));
    assert_true(str_next_line(&rest, &line) && line.len == 0);
    assert_true(str_next_line(&rest, &line));
    assert_true(str_next_word(&line, &word) && wharf_str_is(word, "three"));
    assert_false(str_next_line(&rest, &line));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_words_come_one_by_one),
        cmocka_unit_test(compares_ascii_without_case_and_nothing_else),
        cmocka_unit_test(finds_first_and_last),
        cmocka_unit_test(slices_are_clamped),
        cmocka_unit_test(trims_space_and_tab_only),
        cmocka_unit_test(splits_into_every_part),
        cmocka_unit_test(measures_edit_distance),
        cmocka_unit_test(copies_are_cut_and_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* visible_text(): no control character gets through, plain text does unchanged. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cli/visible.h"

static const struct {
    const char *bytes, *shown;
} rows[] = {
    {"plain\ttext\n", "plain\ttext\n"},
    {"line\r\nline\r\n", "line\nline\n"},
    {"\x1b[31mred", "^[[31mred"},
    {"bell\a", "bell^G"},
    {"\x7f", "^?"},
    {"\xc3\xa9\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac"},
    {"\xc2\x9b"
     "31m",
     "\xc2<9b>31m"},
    {"\xc2\xa0", "\xc2\xa0"},
};

static void shows_controls_and_keeps_text(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct visible visible = {0};
        char out[64];
        size_t made = visible_text(rows[i].bytes, strlen(rows[i].bytes), out, sizeof out, &visible);
        assert_int_equal(visible.taken, strlen(rows[i].bytes));
        assert_int_equal(made, strlen(rows[i].shown));
        assert_memory_equal(out, rows[i].shown, made);
    }
}

static void gives_the_same_however_the_text_is_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct visible visible = {0};
        char out[64];
        size_t made = 0;
        for (const char *byte = rows[i].bytes; *byte != '\0'; byte++) {
            made += visible_text(byte, 1, out + made, sizeof out - made, &visible);
            assert_int_equal(visible.taken, 1);
        }
        assert_int_equal(made, strlen(rows[i].shown));
        assert_memory_equal(out, rows[i].shown, made);
    }
}

static void stops_where_the_room_ends(void **state) {
    (void)state;
    struct visible visible = {0};
    char out[8];
    size_t made = visible_text("abcdef\x1b\x1b", 8, out, sizeof out, &visible);
    assert_true(made <= sizeof out);
    assert_true(visible.taken >= 1 && visible.taken < 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_controls_and_keeps_text),
        cmocka_unit_test(gives_the_same_however_the_text_is_cut),
        cmocka_unit_test(stops_where_the_room_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

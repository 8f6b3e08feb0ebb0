/* Header lines: what is accepted, what it means, and that nothing can be smuggled through them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "client/fields.h"

struct row {
    const char *line;
    int result;
    const char *name;
    const char *value;
    bool removed;
};

static const struct row table[] = {
    {"Accept: text/plain", 0, "Accept", "text/plain", false},
    {"aCCept:text/plain", 0, "aCCept", "text/plain", false},
    {"X-Pad: \t padded \t ", 0, "X-Pad", "padded", false},
    {"X-Colon: a:b;c", 0, "X-Colon", "a:b;c", false},
    {"X-Latin: caf\xe9 caf\xc3\xa9", 0, "X-Latin", "caf\xe9 caf\xc3\xa9", false},
    {"User-Agent:", 0, "User-Agent", "", true},
    {"User-Agent: ", 0, "User-Agent", "", true},
    {"X-Empty;", 0, "X-Empty", "", false},
    {"Expect: 100-Continue", 0, "Expect", "100-Continue", false},
    {"Expect:", 0, "Expect", "", true},
    {"", -EINVAL, "", "", false},
    {"NoColon", -EINVAL, "", "", false},
    {": value", -EINVAL, "", "", false},
    {"Two Words: x", -EINVAL, "", "", false},
    {"Trailing : x", -EINVAL, "", "", false},
    {"X-Split: a\r\nX-Evil: b", -EINVAL, "", "", false},
    {"X-Split: a\nX-Evil: b", -EINVAL, "", "", false},
    {"X-Bare: a\rb", -EINVAL, "", "", false},
    {"X-Bell: \x07", -EINVAL, "", "", false},
    {"X\xc3\xa9: a", -EINVAL, "", "", false},
    {"X-Semi;value", -EINVAL, "", "", false},
    {"Content-Length: 5", -EINVAL, "", "", false},
    {"content-length:", -EINVAL, "", "", false},
    {"Transfer-Encoding: chunked", -EINVAL, "", "", false},
    {"Expect: pigs", -EINVAL, "", "", false},
};

static void reads_one_line(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *lines[] = {table[i].line, NULL};
        struct fields fields = {NULL, 77};
        struct arena arena;
        arena_init(&arena, NULL, 0, 1 << 20);
        assert_int_equal(fields_parse(&arena, lines, &fields), table[i].result);
        if (table[i].result < 0) {
            assert_int_equal(fields.count, 77);
        } else {
            assert_int_equal(fields.count, 1);
            assert_true(wharf_str_is(fields.at[0].name, table[i].name));
            assert_true(wharf_str_is(fields.at[0].value, table[i].value));
            assert_int_equal(fields.at[0].removed, table[i].removed);
        }
        arena_deinit(&arena);
    }
}

static void keeps_order_and_duplicates(void **state) {
    (void)state;
    static const char *const lines[] = {"B: 1", "A: 2", "b: 3", NULL};
    struct fields fields;
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 20);
    assert_int_equal(fields_parse(&arena, lines, &fields), 0);
    assert_int_equal(fields.count, 3);
    assert_true(wharf_str_is(fields.at[2].name, "b"));
    assert_ptr_equal(fields_find(&fields, wharf_str_of("B")), &fields.at[0]);
    assert_ptr_equal(fields_find(&fields, wharf_str_of("a")), &fields.at[1]);
    assert_null(fields_find(&fields, wharf_str_of("c")));
    assert_int_equal(fields_parse(&arena, NULL, &fields), 0);
    assert_int_equal(fields.count, 0);
    arena_deinit(&arena);
}

static void names_the_line_but_never_its_value(void **state) {
    (void)state;
    static const char *const lines[] = {"A: 1", "Authorization: secret\x01", NULL};
    struct fields fields;
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 20);
    assert_int_equal(fields_parse(&arena, lines, &fields), -EINVAL);
    assert_non_null(strstr(wharf_why(), "Authorization"));
    assert_non_null(strstr(wharf_why(), "header line 2"));
    assert_null(strstr(wharf_why(), "secret"));
    arena_deinit(&arena);
}

static void bounds_the_number_of_lines(void **state) {
    (void)state;
    static const char *lines[1026];
    struct fields fields;
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 20);
    for (size_t i = 0; i < 1025; i++) {
        lines[i] = "A: b";
    }
    assert_int_equal(fields_parse(&arena, lines, &fields), -WHARF_ELIMIT);
    lines[1024] = NULL;
    assert_int_equal(fields_parse(&arena, lines, &fields), 0);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_one_line),
        cmocka_unit_test(keeps_order_and_duplicates),
        cmocka_unit_test(names_the_line_but_never_its_value),
        cmocka_unit_test(bounds_the_number_of_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

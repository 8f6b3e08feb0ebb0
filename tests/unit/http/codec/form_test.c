/* Names and values of queries and forms: cut, decoded, compared, made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/text.h"
#include "http/codec/form.h"

struct row {
    const char *text;
    const char *pairs; /* "name=value|name=value|", decoded */
};

static const struct row rows[] = {
    {"", ""},
    {"a=1", "a=1|"},
    {"a=1&b=2&a=3", "a=1|b=2|a=3|"},
    {"a", "a=|"},
    {"a=", "a=|"},
    {"=b", "=b|"},
    {"&&a=1&&", "a=1|"},
    {"a=b=c", "a=b=c|"},
    {"a+b=c+d", "a b=c d|"},
    {"a%20b=%3D%26", "a b==&|"},
    {"%C3%BC=\xc3\xbc", "\xc3\xbc=\xc3\xbc|"},
    {"a=%", "a=%|"},
    {"a=%4&b=%zz", "a=%4|b=%zz|"},
    {"a=%2B%25", "a=+%|"},
};

static void cuts_and_decodes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena;
        struct buffer pairs;
        wharf_str rest = wharf_str_of(rows[i].text);
        wharf_str name = {NULL, 0};
        wharf_str value = {NULL, 0};
        arena_init(&arena, NULL, 0, 4096);
        buffer_init(&pairs, 4096);
        while (form_next(&rest, &name, &value)) {
            wharf_str plain = form_decode(&arena, name);
            wharf_str plain_value = form_decode(&arena, value);
            assert_true(form_is(name, plain) && form_is(value, plain_value));
            assert_int_equal(
                buffer_printf(&pairs, "%.*s=%.*s|", WHARF_STR_ARG(plain), WHARF_STR_ARG(plain_value)), 0);
        }
        wharf_str got = buffer_len(&pairs) > 0 ? buffer_view(&pairs) : STR("");
        if (!wharf_str_is(got, rows[i].pairs)) {
            print_error("%s: %.*s\n", rows[i].text, WHARF_STR_ARG(got));
        }
        assert_true(wharf_str_is(got, rows[i].pairs));
        buffer_deinit(&pairs);
        arena_deinit(&arena);
    }
}

static void compares_without_decoding(void **state) {
    (void)state;
    assert_true(form_is(STR("a%20b+c"), STR("a b c")));
    assert_true(form_is(STR(""), STR("")));
    assert_false(form_is(STR("ab"), STR("a")));
    assert_false(form_is(STR("a"), STR("ab")));
    assert_false(form_is(STR("%61b"), STR("ac")));
}

static void what_is_made_reads_the_same(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, 4096);
    assert_int_equal(form_append(&out, STR("a b"), STR("1&2=3")), 0);
    assert_int_equal(form_append(&out, STR("\xc3\xbc*-._"), STR("")), 0);
    assert_true(wharf_str_is(buffer_view(&out), "a+b=1%262%3D3&%C3%BC*-._="));
    buffer_deinit(&out);
}

static void a_pair_that_does_not_fit_leaves_nothing(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, 8);
    assert_int_equal(form_append(&out, STR("a"), STR("1")), 0);
    assert_int_equal(form_append(&out, STR("long"), STR("value")), -WHARF_ELIMIT);
    assert_true(wharf_str_is(buffer_view(&out), "a=1"));
    buffer_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_and_decodes),
        cmocka_unit_test(compares_without_decoding),
        cmocka_unit_test(what_is_made_reads_the_same),
        cmocka_unit_test(a_pair_that_does_not_fit_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

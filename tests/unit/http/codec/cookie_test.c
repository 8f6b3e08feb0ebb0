/* Cookies: what clients send is cut leniently, what a server sets is checked strictly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "http/codec/cookie.h"

static void cuts_what_clients_send(void **state) {
    (void)state;
    wharf_str rest = STR("a=1; b=\"q\" ;c;  d = x=y;; e=");
    static const char *const expected[][2] = {{"a", "1"}, {"b", "\"q\""}, {"d", "x=y"}, {"e", ""}};
    wharf_str name = {NULL, 0};
    wharf_str value = {NULL, 0};
    for (size_t i = 0; i < 4; i++) {
        assert_true(cookie_next(&rest, &name, &value));
        assert_true(wharf_str_is(name, expected[i][0]) && wharf_str_is(value, expected[i][1]));
    }
    assert_false(cookie_next(&rest, &name, &value));
}

struct format_row {
    wharf_cookie cookie;
    const char *text;
};

static const struct format_row format_rows[] = {
    {{.name = "a", .value = "1"}, "a=1; Path=/; HttpOnly; SameSite=Lax"},
    {{.name = "a", .value = ""}, "a=; Path=/; HttpOnly; SameSite=Lax"},
    {{.name = "a", .value = "\"q\"", .script = true, .same_site = WHARF_SAME_SITE_UNSAID}, "a=\"q\"; Path=/"},
    {{.name = "a", .value = "1", .path = "/x", .domain = "h.example", .max_age_s = 60, .secure = true},
     "a=1; Path=/x; Domain=h.example; Max-Age=60; Secure; HttpOnly; SameSite=Lax"},
    {{.name = "a", .value = "1", .remove = true, .max_age_s = 60},
     "a=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax"},
    {{.name = "__Host-a", .value = "1", .secure = true, .same_site = WHARF_SAME_SITE_STRICT},
     "__Host-a=1; Path=/; Secure; HttpOnly; SameSite=Strict"},
    {{.name = "a", .value = "1", .secure = true, .same_site = WHARF_SAME_SITE_NONE},
     "a=1; Path=/; Secure; HttpOnly; SameSite=None"},
};

static void formats_what_is_sound(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(format_rows) / sizeof(format_rows[0]); i++) {
        struct arena arena;
        arena_init(&arena, NULL, 0, 4096);
        assert_null(cookie_fault(&format_rows[i].cookie));
        assert_true(wharf_str_is(cookie_format(&arena, &format_rows[i].cookie), format_rows[i].text));
        arena_deinit(&arena);
    }
}

static const wharf_cookie faulty[] = {
    {.value = "1"},
    {.name = "a"},
    {.name = "", .value = "1"},
    {.name = "a b", .value = "1"},
    {.name = "a=", .value = "1"},
    {.name = "a", .value = "1;2"},
    {.name = "a", .value = "1 2"},
    {.name = "a", .value = "1,2"},
    {.name = "a", .value = "a\"b"},
    {.name = "a", .value = "\""},
    {.name = "a", .value = "1\\2"},
    {.name = "a", .value = "1\r\nX: y"},
    {.name = "a", .value = "\xc3\xbc"},
    {.name = "a", .value = "1", .path = "/; x"},
    {.name = "a", .value = "1", .domain = "h\r\n"},
    {.name = "a", .value = "1", .same_site = WHARF_SAME_SITE_NONE},
    {.name = "__secure-a", .value = "1"},
    {.name = "__Host-a", .value = "1"},
    {.name = "__Host-a", .value = "1", .secure = true, .path = "/x"},
    {.name = "__Host-a", .value = "1", .secure = true, .domain = "h"},
};

static void refuses_what_browsers_would_drop_or_misread(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(faulty) / sizeof(faulty[0]); i++) {
        if (cookie_fault(&faulty[i]) == NULL) {
            print_error("row %zu\n", i);
        }
        assert_non_null(cookie_fault(&faulty[i]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_what_clients_send),
        cmocka_unit_test(formats_what_is_sound),
        cmocka_unit_test(refuses_what_browsers_would_drop_or_misread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

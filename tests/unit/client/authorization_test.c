/* Credentials of a URL as an Authorization header. The base64 values are those of RFC 4648 section 10, with a colon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "client/authorization.h"

static const struct {
    const char *url;
    int result;
    const char *value;
} table[] = {
    {"http://h/", 0, ""},
    {"http://@h/", 0, ""},
    {"http://Aladdin:open%20sesame@h/", 0, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
    {"http://u@h/", 0, "Basic dTo="},
    {"http://:p@h/", 0, "Basic OnA="},
    {"http://ab:cd@h/", 0, "Basic YWI6Y2Q="},
    {"http://ab:c@h/", 0, "Basic YWI6Yw=="},
    {"http://a:b:c@h/", 0, "Basic YTpiOmM="},
    {"http://t%C3%A9:%C3%A9@h/", 0, "Basic dMOpOsOp"},
    {"http://a%zz:b@h/", 0, "Basic YSV6ejpi"},
    {"http://n%00l:b@h/", 0, "Basic bgBsOmI="},
    {"http://a%3Ab:c@h/", -EINVAL, NULL},
};

static void becomes_a_basic_header(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct arena arena;
        struct url url;
        struct url_error error;
        wharf_str value = {NULL, 0};
        arena_init(&arena, NULL, 0, 1 << 20);
        assert_int_equal(url_parse(&arena, wharf_str_of(table[i].url), &url, &error), 0);
        assert_int_equal(authorization_of_url(&arena, &url, &value), table[i].result);
        if (table[i].result == 0) {
            assert_true(wharf_str_is(value, table[i].value));
        }
        arena_deinit(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(becomes_a_basic_header)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

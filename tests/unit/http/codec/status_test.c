/* Status codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "http/codec/status.h"

static void registered_codes_have_their_phrase(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *phrase;
    } rows[] = {
        {100, "Continue"},
        {200, "OK"},
        {204, "No Content"},
        {206, "Partial Content"},
        {304, "Not Modified"},
        {404, "Not Found"},
        {413, "Content Too Large"},
        {421, "Misdirected Request"},
        {431, "Request Header Fields Too Large"},
        {505, "HTTP Version Not Supported"},
        {511, "Network Authentication Required"},
        {299, ""},
        {600, ""},
        {0, ""},
        {-1, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(wharf_str_is(status_phrase(rows[i].status), rows[i].phrase));
    }
}

static void says_what_a_status_means_for_the_message(void **state) {
    (void)state;
    for (int status = 100; status < 600; status++) {
        bool without_body = status < 200 || status == 204 || status == 304;
        assert_int_equal(status_allows_body(status), !without_body);
    }
    assert_true(status_is_valid(100) && status_is_valid(999));
    assert_false(status_is_valid(99) || status_is_valid(1000) || status_is_valid(-200));
    static const int redirects[] = {301, 302, 303, 307, 308};
    int count = 0;
    for (int status = 100; status < 600; status++) {
        count += status_is_redirect(status) ? 1 : 0;
    }
    assert_int_equal(count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_true(status_is_redirect(redirects[i]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registered_codes_have_their_phrase),
        cmocka_unit_test(says_what_a_status_means_for_the_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

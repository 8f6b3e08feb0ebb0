/* The table of limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>

#include "base/failure.h"
#include "server/limits.h"

static void zero_means_the_default(void **state) {
    (void)state;
    wharf_server_limits given = {0};
    wharf_server_limits limits;
    assert_int_equal(limits_resolve(&given, &limits), 0);
    assert_int_equal(limits.head_ms, 10000);
    assert_int_equal(limits.idle_ms, 60000);
    assert_int_equal(limits.rate_bytes, 240);
    assert_int_equal(limits.rate_grace_ms, 5000);
    assert_int_equal(limits.stop_ms, 30000);
    assert_int_equal(limits.cancel_ms, 5000);
    assert_int_equal(limits.head_bytes, 32768);
    assert_int_equal(limits.header_count, 100);
    assert_int_equal(limits.target_bytes, 8192);
    assert_int_equal(limits.body_bytes, 1048576);
    assert_int_equal(limits.drain_bytes, 262144);
    assert_int_equal(limits.pipelined, 16);
    assert_int_equal(limits.connections, 0);
    assert_true(limits.requests == LIMIT_NONE);
}

static void off_means_none_where_that_makes_sense(void **state) {
    (void)state;
    wharf_server_limits given = {.idle_ms = WHARF_OFF, .rate_bytes = WHARF_OFF, .body_bytes = WHARF_OFF};
    wharf_server_limits limits;
    assert_int_equal(limits_resolve(&given, &limits), 0);
    assert_true(limits.idle_ms == LIMIT_NONE && limits.rate_bytes == LIMIT_NONE &&
                limits.body_bytes == LIMIT_NONE);
}

static void errors_name_the_setting(void **state) {
    (void)state;
    static const struct {
        wharf_server_limits given;
        const char *name;
    } ROWS[] = {
        {{.head_bytes = WHARF_OFF}, "head_bytes"},  {{.head_bytes = 100}, "head_bytes"},
        {{.pipelined = WHARF_OFF}, "pipelined"},    {{.head_ms = -2}, "head_ms"},
        {{.header_count = 100000}, "header_count"}, {{.connections = INT64_MAX}, "connections"},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        wharf_server_limits limits = {.idle_ms = 7};
        char text[512];
        assert_int_equal(limits_resolve(&ROWS[i].given, &limits), -EINVAL);
        assert_int_equal(limits.idle_ms, 7);
        (void)failure_format(failure_current(), text, sizeof(text));
        assert_non_null(strstr(text, ROWS[i].name));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_means_the_default),
        cmocka_unit_test(off_means_none_where_that_makes_sense),
        cmocka_unit_test(errors_name_the_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

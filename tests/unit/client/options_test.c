/* Limits: three layers, each field on its own, and options structs of other sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "client/options.h"

static const wharf_client_limits none = {0};

static void has_finite_defaults(void **state) {
    (void)state;
    wharf_client_limits limits;
    assert_int_equal(client_limits_resolve(&none, &none, &limits), 0);
    assert_int_equal(limits.connect_ms, 10000);
    assert_int_equal(limits.pool_ms, 10000);
    assert_int_equal(limits.first_byte_ms, 60000);
    assert_int_equal(limits.idle_ms, 60000);
    assert_int_equal(limits.total_ms, WHARF_OFF);
    assert_int_equal(limits.redirects, 20);
    assert_int_equal(limits.body_bytes, 256 << 20);
    assert_int_equal(limits.head_bytes, 256 << 10);
    assert_int_equal(limits.header_count, 512);
    assert_int_equal(limits.informational, 32);
    assert_int_equal(limits.connections, 256);
    assert_int_equal(limits.per_origin, 64);
    assert_int_equal(limits.idle_per_origin, 32);
    assert_int_equal(limits.keep_alive_ms, 55000);
    assert_int_equal(limits.lifetime_ms, 600000);
}

static void prefers_request_to_client_to_default_in_every_field(void **state) {
    (void)state;
    enum { FIELDS = sizeof(wharf_client_limits) / sizeof(int64_t) };
    for (size_t i = 0; i < FIELDS; i++) {
        int64_t request[FIELDS] = {0};
        int64_t client[FIELDS] = {0};
        int64_t defaults[FIELDS];
        int64_t resolved[FIELDS];
        wharf_client_limits a;
        wharf_client_limits b;
        wharf_client_limits out;
        request[i] = 7;
        client[i] = 9;
        memcpy(&a, request, sizeof(a));
        memcpy(&b, client, sizeof(b));
        assert_int_equal(client_limits_resolve(&none, &none, &out), 0);
        memcpy(defaults, &out, sizeof(out));
        assert_int_equal(client_limits_resolve(&none, &b, &out), 0);
        memcpy(resolved, &out, sizeof(out));
        for (size_t k = 0; k < FIELDS; k++) {
            assert_int_equal(resolved[k], k == i ? 9 : defaults[k]);
        }
        assert_int_equal(client_limits_resolve(&a, &b, &out), 0);
        memcpy(resolved, &out, sizeof(out));
        for (size_t k = 0; k < FIELDS; k++) {
            assert_int_equal(resolved[k], k == i ? 7 : defaults[k]);
        }
    }
}

static void refuses_nonsense_and_names_the_setting(void **state) {
    (void)state;
    wharf_client_limits out = {.connect_ms = 5};
    wharf_client_limits bad = {.idle_ms = -2};
    assert_int_equal(client_limits_resolve(&bad, &none, &out), -EINVAL);
    assert_non_null(strstr(wharf_why(), "limits.idle_ms is -2"));
    assert_int_equal(out.connect_ms, 5);
    bad = (wharf_client_limits){.header_count = 65536};
    assert_int_equal(client_limits_resolve(&none, &bad, &out), -EINVAL);
    assert_non_null(strstr(wharf_why(), "limits.header_count"));
}

static void switches_limits_off(void **state) {
    (void)state;
    wharf_client_limits off = {.idle_ms = WHARF_OFF, .body_bytes = WHARF_OFF, .redirects = WHARF_OFF};
    wharf_client_limits out;
    assert_int_equal(client_limits_resolve(&off, &none, &out), 0);
    assert_int_equal(out.idle_ms, WHARF_OFF);
    assert_int_equal(out.redirects, WHARF_OFF);
    assert_true(out.body_bytes >= 1LL << 40);
}

static void takes_options_of_another_size(void **state) {
    (void)state;
    struct {
        wharf_fetch_options options;
        char newer[32];
    } larger;
    wharf_fetch_options copy;
    memset(&larger, 0xff, sizeof(larger));
    larger.options = (wharf_fetch_options){.size = sizeof(larger), .url = "u", .stream = true};
    assert_int_equal(client_options_copy(&copy, sizeof(copy), &larger, "wharf_fetch_options"), 0);
    assert_string_equal(copy.url, "u");
    larger.options.size = offsetof(wharf_fetch_options, stream);
    assert_int_equal(client_options_copy(&copy, sizeof(copy), &larger, "wharf_fetch_options"), 0);
    assert_false(copy.stream);
    larger.options.size = 0;
    assert_int_equal(client_options_copy(&copy, sizeof(copy), &larger, "wharf_fetch_options"), -EINVAL);
    assert_non_null(strstr(wharf_why(), "WHARF_OPTIONS"));
}

static void explains_the_limits_of_the_codec(void **state) {
    (void)state;
    wharf_client_limits limits;
    struct h1_limits codec;
    char text[CLIENT_LIMIT_TEXT_SIZE];
    assert_int_equal(client_limits_resolve(&none, &none, &limits), 0);
    client_limits_codec(&limits, &codec);
    assert_string_equal(client_limits_explain(&codec, "header_lines", text), "limits.header_count is 512");
    assert_string_equal(client_limits_explain(&codec, "head_bytes", text), "limits.head_bytes is 262144");
    assert_string_equal(client_limits_explain(&codec, "unknown", text), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_finite_defaults),
        cmocka_unit_test(prefers_request_to_client_to_default_in_every_field),
        cmocka_unit_test(refuses_nonsense_and_names_the_setting),
        cmocka_unit_test(switches_limits_off),
        cmocka_unit_test(takes_options_of_another_size),
        cmocka_unit_test(explains_the_limits_of_the_codec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Challenges: several in a field, several fields, parameters with and without quotes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "http/codec/challenge.h"

static const struct {
    const char *text;
    const char *schemes; /* each with a blank behind it */
} rows[] = {
    {"Basic realm=\"x\"", "Basic "},
    {"Digest realm=\"a, b\", nonce=x, Basic realm=\"c\"", "Digest Basic "},
    {"Basic realm=\"x\", Digest realm=\"y\", nonce=\"z\", qop=\"auth,auth-int\"", "Basic Digest "},
    {"Negotiate", "Negotiate "},
    {"Negotiate, Basic realm=x", "Negotiate Basic "},
    {"NTLM TlRMTVNTUAAC==, Basic realm=x", "NTLM Basic "},
    {", ,Basic realm = \"x\" ,", "Basic "},
    {"Bearer", "Bearer "},
    {"realm=x", ""},
    {"", ""},
    {"@@", ""},
};

static void cuts_a_field_into_challenges(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wharf_str rest = wharf_str_of(rows[i].text);
        wharf_str expected = wharf_str_of(rows[i].schemes);
        struct challenge challenge;
        while (challenge_next(&rest, &challenge)) {
            assert_true(str_starts(expected, challenge.scheme));
            expected = str_slice(expected, challenge.scheme.len + 1, expected.len);
        }
        assert_int_equal(expected.len, 0);
    }
}

static void finds_parameters(void **state) {
    (void)state;
    struct arena arena;
    struct challenge challenge;
    wharf_str rest = STR(
        "Digest REALM=\"a \\\"b\\\", c\" , nonce=n1,opaque=\"\", qop = \"auth\", Basic realm=no");
    arena_init(&arena, NULL, 0, 4096);
    assert_true(challenge_next(&rest, &challenge));
    assert_true(wharf_str_is(challenge_get(&arena, &challenge, STR("realm")), "a \"b\", c"));
    assert_true(wharf_str_is(challenge_get(&arena, &challenge, STR("nonce")), "n1"));
    assert_true(wharf_str_is(challenge_get(&arena, &challenge, STR("qop")), "auth"));
    assert_non_null(challenge_get(&arena, &challenge, STR("opaque")).ptr);
    assert_int_equal(challenge_get(&arena, &challenge, STR("opaque")).len, 0);
    assert_null(challenge_get(&arena, &challenge, STR("stale")).ptr);
    arena_deinit(&arena);
}

static void quotes_what_needs_it(void **state) {
    (void)state;
    char out[32];
    size_t len = challenge_quote(STR("a\"b\\c"), out);
    assert_true(wharf_str_equal((wharf_str){out, len}, STR("\"a\\\"b\\\\c\"")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_a_field_into_challenges),
        cmocka_unit_test(finds_parameters),
        cmocka_unit_test(quotes_what_needs_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

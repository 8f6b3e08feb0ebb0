/* json_check(): what is JSON, what is not, and where the fault is. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "http/codec/json.h"

static const char *const accepted[] = {
    "null",
    "true",
    " false ",
    "0",
    "-0",
    "-12.5e+3",
    "1E9",
    "1e-9",
    "\"\"",
    "\"a\\n\\u00e9\\\\\"",
    "\"\xc3\xa9\"",
    "\"\xf0\x9f\x98\x80\"",
    "[]",
    "[ ]",
    "{}",
    "{ }",
    "[1,2,3]",
    "[[],{},[[]]]",
    "{\"a\":1}",
    "{\"a\" : {\"b\" : [true, null]} , \"a\" : 2}\n",
    "[{\"x\":[{}]},\"y\"]",
    "\"\\/\\b\\f\\r\\t\"",
};

static const struct {
    const char *text;
    size_t offset; /* of the fault */
} refused[] = {
    {"", 0},
    {" ", 1},
    {"nul", 0},
    {"NaN", 0},
    {"-Infinity", 1},
    {"01", 1},
    {"-", 1},
    {"1.", 2},
    {".5", 0},
    {"1e", 2},
    {"1e+", 3},
    {"0x10", 1},
    {"+1", 0},
    {"\"", 1},
    {"\"a", 2},
    {"\"\\x\"", 2},
    {"\"\\u12\"", 5},
    {"\"\t\"", 1},
    {"\"\xff\"", 1},
    {"\"\xc0\x80\"", 1},
    {"\"\xed\xa0\x80\"", 1},
    {"\"\xe2\x82", 1},
    {"'a'", 0},
    {"[", 1},
    {"[1", 2},
    {"[1,]", 3},
    {"[,1]", 1},
    {"[1 2]", 3},
    {"[1}", 2},
    {"{", 1},
    {"{1:2}", 1},
    {"{\"a\"}", 4},
    {"{\"a\":}", 5},
    {"{\"a\":1,}", 7},
    {"{\"a\":1]", 6},
    {"{\"a\" 1}", 5},
    {"1 2", 2},
    {"[] []", 3},
    {"// note\n1", 0},
    {"\xef\xbb\xbf{}", 0},
};

static void accepts_json(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        size_t offset = 99;
        const char *problem = json_check(accepted[i], strlen(accepted[i]), &offset);
        if (problem != NULL) {
            fail_msg("%s: %s at %zu", accepted[i], problem, offset);
        }
        assert_int_equal(offset, 99);
    }
}

static void refuses_anything_else_and_says_where(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        size_t offset = 99;
        const char *problem = json_check(refused[i].text, strlen(refused[i].text), &offset);
        if (problem == NULL || offset != refused[i].offset) {
            fail_msg("%s: %s at %zu, not %zu", refused[i].text, problem != NULL ? problem : "accepted",
                     offset, refused[i].offset);
        }
    }
}

static void refuses_every_strict_prefix_of_a_document(void **state) {
    (void)state;
    static const char document[] = "{\"a\":[1.5e3,\"\\u00e9\xc3\xa9\",{\"b\":null}],\"c\":false}";
    size_t offset = 0;
    for (size_t len = 0; len + 1 < sizeof document; len++) {
        if (json_check(document, len, &offset) == NULL || offset > len) {
            fail_msg("accepts %.*s", (int)len, document);
        }
    }
    assert_null(json_check(document, sizeof document - 1, &offset));
}

static void limits_nesting(void **state) {
    (void)state;
    char text[1200];
    size_t offset = 0;
    memset(text, '[', 512);
    memset(text + 512, ']', 512);
    assert_null(json_check(text, 1024, &offset));
    memset(text, '[', 513);
    memset(text + 513, ']', 513);
    assert_non_null(json_check(text, 1026, &offset));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_json),
        cmocka_unit_test(refuses_anything_else_and_says_where),
        cmocka_unit_test(refuses_every_strict_prefix_of_a_document),
        cmocka_unit_test(limits_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

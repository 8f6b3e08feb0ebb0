/* Base64: the vectors of RFC 4648 section 10, and what is not base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "http/codec/base64.h"

static const struct {
    const char *plain, *encoded;
} VECTORS[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff", "+/8="},
};

static void encodes_and_decodes_the_vectors(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(VECTORS) / sizeof(VECTORS[0]); i++) {
        char out[16];
        wharf_str plain = wharf_str_of(VECTORS[i].plain), encoded = wharf_str_of(VECTORS[i].encoded);
        assert_int_equal(base64_format(plain, out), encoded.len);
        assert_memory_equal(out, encoded.ptr, encoded.len);
        size_t len = 99;
        assert_int_equal(base64_parse(encoded, out, &len), 0);
        assert_int_equal(len, plain.len);
        assert_memory_equal(out, plain.ptr, plain.len);
    }
}

static void refuses_what_is_not_base64(void **state) {
    (void)state;
    static const char *const WRONG[] = {"Z",    "Zg",   "Zg=",      "Zm8",     "=",      "==",    "====",
                                        "Z===", "Zh==", "Zm9=",     "Zm9v=",   "Zm9v==", "Zm 9v", "Zm9v\n",
                                        "Zm9-", "Zm_v", "Zg==Zg==", "Zm\x80v", "Z=g="};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        char out[16];
        size_t len = 99;
        assert_int_equal(base64_parse(wharf_str_of(WRONG[i]), out, &len), -EINVAL);
        assert_int_equal(len, 99);
    }
}

static void any_bytes_come_back(void **state) {
    (void)state;
    char plain[256], encoded[400], back[300];
    for (int i = 0; i < 256; i++) {
        plain[i] = (char)i;
    }
    for (size_t len = 0; len <= sizeof(plain); len++) {
        size_t size = base64_format((wharf_str){plain, len}, encoded), got = 0;
        assert_int_equal(base64_parse((wharf_str){encoded, size}, back, &got), 0);
        assert_int_equal(got, len);
        assert_memory_equal(back, plain, len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes_the_vectors),
        cmocka_unit_test(refuses_what_is_not_base64),
        cmocka_unit_test(any_bytes_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

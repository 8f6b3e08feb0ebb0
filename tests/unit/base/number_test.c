/* Numbers: accept and reject rows, and formatting as the inverse of parsing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/number.h"

struct row {
    const char *text;
    uint64_t max;
    int status;
    uint64_t value;
};

static void parses_decimal(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"0", 0, 0, 0},
        {"007", 7, 0, 7},
        {"65535", 65535, 0, 65535},
        {"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
        {"00000000000000000000000000001", 1, 0, 1},
        {"1", 0, -ERANGE, 0},
        {"65536", 65535, -ERANGE, 0},
        {"18446744073709551616", UINT64_MAX, -ERANGE, 0},
        {"99999999999999999999999", UINT64_MAX, -ERANGE, 0},
        {"99999999999999999999999x", UINT64_MAX, -EINVAL, 0},
        {"", 9, -EINVAL, 0},
        {"+1", 9, -EINVAL, 0},
        {"-1", 9, -EINVAL, 0},
        {" 1", 9, -EINVAL, 0},
        {"1 ", 9, -EINVAL, 0},
        {"0x1", 9, -EINVAL, 0},
        {"1_0", 99, -EINVAL, 0},
        {"1a", 99, -EINVAL, 0},
        {"\xb9", 9, -EINVAL, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t value = 4711;
        assert_int_equal(number_parse(wharf_str_of(rows[i].text), rows[i].max, &value), rows[i].status);
        assert_true(value == (rows[i].status == 0 ? rows[i].value : 4711));
    }
}

static void parses_hexadecimal(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"0", 0, 0, 0},
        {"aF", 255, 0, 0xaf},
        {"ffffffffffffffff", UINT64_MAX, 0, UINT64_MAX},
        {"10000000000000000", UINT64_MAX, -ERANGE, 0},
        {"100", 255, -ERANGE, 0},
        {"g", 255, -EINVAL, 0},
        {"@", 255, -EINVAL, 0},
        {"0xff", 255, -EINVAL, 0},
        {"", 255, -EINVAL, 0},
        {"\x19", 255, -EINVAL, 0}, /* with the letter-case bit it would be a digit */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t value = 4711;
        assert_int_equal(number_parse_hex(wharf_str_of(rows[i].text), rows[i].max, &value), rows[i].status);
        assert_true(value == (rows[i].status == 0 ? rows[i].value : 4711));
    }
}

static void formats_what_it_parses(void **state) {
    (void)state;
    static const uint64_t values[] = {
        0, 1, 9, 10, 99, 255, 4096, UINT32_MAX, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char text[20];
        uint64_t back = 0;
        size_t len = number_format(values[i], text);
        assert_int_equal(number_parse((wharf_str){text, len}, UINT64_MAX, &back), 0);
        assert_true(back == values[i]);
        len = number_format_hex(values[i], text);
        assert_int_equal(number_parse_hex((wharf_str){text, len}, UINT64_MAX, &back), 0);
        assert_true(back == values[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_decimal),
        cmocka_unit_test(parses_hexadecimal),
        cmocka_unit_test(formats_what_it_parses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Byte classes and scanning: the fast and the portable scans agree with a byte-by-byte model, for every byte
 * at every place of blocks of every length, and never read outside of their range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "http/codec/scan.h"

typedef const char *scan_function(const char *at, const char *end);

/* What the scans promise, in the plainest form. */
static bool is_field_byte(unsigned char byte) {
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

static bool is_target_byte(unsigned char byte) {
    return byte > ' ' && byte < 0x7f && byte != '#' && byte != '%' && byte != '?' && byte != '\\';
}

static bool is_one_of(unsigned char byte, const char *set) {
    return byte != '\0' && strchr(set, byte) != NULL;
}

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static void classes_follow_the_grammar(void **state) {
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        unsigned char byte = (unsigned char)value;
        bool quoted = is_field_byte(byte) && !is_one_of(byte, "\"\\");
        assert_int_equal(scan_is((char)byte, SCAN_DIGIT), is_one_of(byte, DIGITS));
        assert_int_equal(scan_is((char)byte, SCAN_ALPHA), is_one_of(byte, LETTERS));
        assert_int_equal(scan_is((char)byte, SCAN_HEX), is_one_of(byte, DIGITS "abcdefABCDEF"));
        assert_int_equal(scan_is((char)byte, SCAN_TCHAR), is_one_of(byte, DIGITS LETTERS "!#$%&'*+-.^_`|~"));
        assert_int_equal(scan_is((char)byte, SCAN_HOST), is_one_of(byte, DIGITS LETTERS "-._~!$&'()*+;="));
        assert_int_equal(scan_is((char)byte, SCAN_FIELD), is_field_byte(byte));
        assert_int_equal(scan_is((char)byte, SCAN_QUOTED), quoted);
        assert_int_equal(scan_is((char)byte, SCAN_TARGET), is_target_byte(byte));
    }
}

static void reads_hexadecimal_digits(void **state) {
    (void)state;
    const char *digits = "0123456789abcdef";
    for (unsigned value = 0; value < 16; value++) {
        assert_int_equal(scan_hex_value(digits[value]), value);
    }
    assert_int_equal(scan_hex_value('A'), 10);
    assert_int_equal(scan_hex_value('F'), 15);
}

static void all_needs_at_least_one_byte(void **state) {
    (void)state;
    assert_false(scan_all(STR(""), SCAN_DIGIT));
    assert_true(scan_all(STR("09"), SCAN_DIGIT));
    assert_false(scan_all(STR("0a"), SCAN_DIGIT));
    assert_true(scan_all(STR("0a"), SCAN_DIGIT | SCAN_ALPHA));
}

/* Blocks of 1 to 40 plain bytes, each with each byte value at each place, in memory of exactly that size. */
static void check_every_place(scan_function *scan, bool is_plain(unsigned char)) {
    for (size_t len = 1; len <= 40; len++) {
        char *block = mem_alloc(len);
        assert_non_null(block);
        memset(block, 'a', len);
        for (size_t place = 0; place < len; place++) {
            for (unsigned value = 0; value < 256; value++) {
                block[place] = (char)value;
                const char *expected = is_plain((unsigned char)value) ? block + len : block + place;
                assert_ptr_equal(scan(block, block + len), expected);
            }
            block[place] = 'a';
        }
        mem_free(block);
    }
}

static void field_values_stop_at_controls(void **state) {
    (void)state;
    check_every_place(scan_field_value, is_field_byte);
    check_every_place(scan_field_value_portable, is_field_byte);
}

static void targets_stop_at_special_bytes(void **state) {
    (void)state;
    check_every_place(scan_target, is_target_byte);
    check_every_place(scan_target_portable, is_target_byte);
}

static bool is_name_byte(unsigned char byte) {
    return is_one_of(byte, DIGITS LETTERS "!#$%&'*+-.^_`|~");
}

static void names_stop_at_what_no_token_holds(void **state) {
    (void)state;
    check_every_place(scan_name, is_name_byte);
    check_every_place(scan_name_portable, is_name_byte);
}

static const char *model_head_end(const char *at, const char *end) {
    ssize_t found = str_find((wharf_str){at, (size_t)(end - at)}, STR("\r\n\r\n"));
    return found < 0 ? end : at + found + 3;
}

static void finds_the_end_of_a_head_at_every_place(void **state) {
    (void)state;
    scan_function *const scans[] = {scan_head_end, scan_head_end_portable};
    for (size_t len = 0; len <= 64; len++) {
        char *block = mem_alloc(len);
        assert_non_null(block);
        for (size_t place = 0; place + 4 <= len; place++) {
            memset(block, 'a', len);
            memcpy(block + place, "\r\n\r\n", 4);
            for (size_t i = 0; i < 2; i++) {
                assert_ptr_equal(scans[i](block, block + len), block + place + 3);
                assert_ptr_equal(scans[i](block, block + place + 3), block + place + 3);
                assert_ptr_equal(scans[i](block + place + 1, block + len), block + len);
            }
        }
        mem_free(block);
    }
}

/* All texts of length 9 over CR, LF and another byte, behind every number of bytes up to a vector's. */
static void is_not_misled_by_other_line_ends(void **state) {
    (void)state;
    enum { LEN = 9, TEXTS = 19683 };
    char block[40];
    memset(block, 'a', sizeof block);
    for (unsigned text = 0; text < TEXTS; text++) {
        unsigned rest = text;
        size_t before = text % 17;
        for (size_t i = 0; i < LEN; i++, rest /= 3) {
            block[before + i] = "a\r\n"[rest % 3];
        }
        const char *end = block + before + LEN + text % 13;
        assert_ptr_equal(scan_head_end(block, end), model_head_end(block, end));
        assert_ptr_equal(scan_head_end_portable(block, end), model_head_end(block, end));
        memset(block, 'a', sizeof block);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_follow_the_grammar),
        cmocka_unit_test(reads_hexadecimal_digits),
        cmocka_unit_test(all_needs_at_least_one_byte),
        cmocka_unit_test(field_values_stop_at_controls),
        cmocka_unit_test(targets_stop_at_special_bytes),
        cmocka_unit_test(names_stop_at_what_no_token_holds),
        cmocka_unit_test(finds_the_end_of_a_head_at_every_place),
        cmocka_unit_test(is_not_misled_by_other_line_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

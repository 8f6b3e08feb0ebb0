/* Percent-encoding: strict decoding, the encode sets, and encoding as the inverse of decoding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/memory.h"
#include "base/text.h"
#include "http/codec/percent.h"

static void decodes_once_and_strictly(void **state) {
    (void)state;
    static const struct {
        const char *text, *decoded; /* NULL: refused at offset */
        size_t offset;
    } rows[] = {
        {"", "", 0},          {"abc", "abc", 0},         {"a%20b", "a b", 0}, {"%41%4a%4A", "AJJ", 0},
        {"%2541", "%41", 0},  {"a+b", "a+b", 0},         {"%", NULL, 0},      {"ab%", NULL, 2},
        {"ab%4", NULL, 2},    {"%zz", NULL, 0},          {"%4z", NULL, 0},    {"%z4", NULL, 0},
        {"%41%%41", NULL, 3}, {"%ff%80", "\xff\x80", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena;
        wharf_str decoded = {NULL, 0};
        size_t offset = 4711;
        arena_init(&arena, NULL, 0, 4096);
        int status = percent_decode(&arena, wharf_str_of(rows[i].text), &decoded, &offset);
        if (rows[i].decoded != NULL) {
            assert_int_equal(status, 0);
            assert_true(wharf_str_is(decoded, rows[i].decoded));
        } else {
            assert_int_equal(status, -EINVAL);
            assert_int_equal(offset, rows[i].offset);
            assert_null(decoded.ptr);
        }
        arena_deinit(&arena);
    }
}

static void decodes_a_nul_like_any_byte_and_in_place(void **state) {
    (void)state;
    char text[] = "a%00b%2f";
    size_t len = 0;
    size_t offset = 0;
    assert_int_equal(percent_decode_to(text, (wharf_str){text, 8}, &len, &offset), 0);
    assert_int_equal(len, 4);
    assert_memory_equal(text, "a\0b/", 4);
}

static void each_set_encodes_its_bytes(void **state) {
    (void)state;
    static const struct {
        enum percent_set set;
        const char *members; /* among the visible ASCII bytes */
    } rows[] = {
        {PERCENT_FRAGMENT, "\"<>`"},
        {PERCENT_QUERY, "\"#'<>"},
        {PERCENT_PATH, "\"#<>?^`{}"},
        {PERCENT_USERINFO, "\"#/:;<=>?@[\\]^`{|}"},
        {PERCENT_COMPONENT, "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int byte = 0; byte < 256; byte++) {
            bool visible = byte > 0x20 && byte < 0x7f;
            bool expected = !visible || strchr(rows[i].members, byte) != NULL;
            assert_int_equal(percent_is_in_set((char)byte, rows[i].set), expected);
        }
    }
}

static void decoding_a_component_gives_it_back(void **state) {
    (void)state;
    struct arena arena;
    char all[256];
    wharf_str encoded;
    wharf_str decoded;
    size_t offset = 0;
    for (int byte = 0; byte < 256; byte++) {
        all[byte] = (char)byte;
    }
    arena_init(&arena, NULL, 0, 1 << 16);
    assert_int_equal(percent_encode(&arena, (wharf_str){all, 256}, PERCENT_COMPONENT, &encoded), 0);
    assert_int_equal(encoded.len, 66 + 3 * (256 - 66));
    assert_int_equal(percent_decode(&arena, encoded, &decoded, &offset), 0);
    assert_true(wharf_str_equal(decoded, (wharf_str){all, 256}));
    assert_int_equal(percent_encode(&arena, STR("a/%zz b\xc3"), PERCENT_PATH, &encoded), 0);
    assert_true(wharf_str_is(encoded, "a/%zz%20b%C3"));
    arena_deinit(&arena);
}

static void out_of_memory_is_reported(void **state) {
    (void)state;
    struct arena arena;
    wharf_str text;
    size_t offset = 0;
    arena_init(&arena, NULL, 0, 0);
    assert_int_equal(percent_decode(&arena, STR("no encoding"), &text, &offset), 0);
    assert_int_equal(percent_encode(&arena, STR("no-need"), PERCENT_COMPONENT, &text), 0);
    assert_int_equal(percent_decode(&arena, STR("%41"), &text, &offset), -ENOMEM);
    assert_int_equal(percent_encode(&arena, STR("a b"), PERCENT_PATH, &text), -ENOMEM);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_once_and_strictly),
        cmocka_unit_test(decodes_a_nul_like_any_byte_and_in_place),
        cmocka_unit_test(each_set_encodes_its_bytes),
        cmocka_unit_test(decoding_a_component_gives_it_back),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

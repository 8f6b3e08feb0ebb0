/* Records as text, of every type, and data that are not what their type says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "net/names/record.h"

/* A message that is nothing but one record's data, behind a header. */
static int describe(unsigned type, wharf_str data, struct arena *arena, wharf_record *ret_record) {
    unsigned char bytes[DNS_HEADER_SIZE + 512] = {0};
    assert_true(data.len <= 512);
    if (data.len > 0) {
        memcpy(bytes + DNS_HEADER_SIZE, data.ptr, data.len);
    }
    struct dns_message message = {bytes, DNS_HEADER_SIZE + data.len};
    struct dns_record record = {
        .type = type, .ttl = 60, .data_at = DNS_HEADER_SIZE, .data_len = data.len, .name = "a.test"};
    return record_describe(message, &record, arena, ret_record);
}

#define NAME "\3www\4test\0"

static void each_type_has_its_form(void **state) {
    (void)state;
    static const struct {
        unsigned type;
        wharf_str data;
        const char *type_name, *text, *target;
    } rows[] = {
        {DNS_A, STR("\xc0\0\2\1"), "A", "192.0.2.1", "192.0.2.1"},
        {DNS_AAAA, STR("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"), "AAAA", "2001:db8::1", "2001:db8::1"},
        {DNS_CNAME, STR(NAME), "CNAME", "www.test", "www.test"},
        {DNS_NS, STR("\0"), "NS", ".", "."},
        {DNS_PTR, STR("\4a.b\x1b\4test\0"), "PTR", "a\\.b\\027.test", "a\\.b\\027.test"},
        {DNS_MX, STR("\0\xa" NAME), "MX", "10 www.test", "www.test"},
        {DNS_SRV, STR("\0\1\0\2\x1f\x90" NAME), "SRV", "1 2 8080 www.test", "www.test"},
        {DNS_SOA, STR(NAME NAME "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"), "SOA",
         "www.test www.test 1 2 3 4 5", ""},
        {DNS_TXT, STR("\3a\"b\0\2\x1b\\"), "TXT", "\"a\\\"b\" \"\" \"\\027\\\\\"", ""},
        {DNS_CAA, STR("\0\5issueca.test"), "CAA", "0 issue \"ca.test\"", ""},
        {65, STR("\0\1\xff"), "TYPE65", "\\# 3 0001ff", ""},
        {65, STR(""), "TYPE65", "\\# 0", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena;
        wharf_record record;
        arena_init(&arena, NULL, 0, 1 << 16);
        assert_int_equal(describe(rows[i].type, rows[i].data, &arena, &record), 0);
        assert_string_equal(record.type, rows[i].type_name);
        assert_string_equal(record.text, rows[i].text);
        assert_string_equal(record.target, rows[i].target);
        assert_string_equal(record.name, "a.test");
        assert_int_equal(record.ttl_s, 60);
        arena_deinit(&arena);
    }
}

static void data_of_the_wrong_shape_are_refused(void **state) {
    (void)state;
    static const struct {
        unsigned type;
        wharf_str data;
    } rows[] = {
        {DNS_A, STR("\xc0\0\2")},
        {DNS_AAAA, STR("\xc0\0\2\1")},
        {DNS_CNAME, STR("\3www\4tes")},
        {DNS_CNAME, STR(NAME "x")},
        {DNS_CNAME, STR("")},
        {DNS_MX, STR("\0\xa")},
        {DNS_MX, STR("\0\xa\xc0\xff")},
        {DNS_SRV, STR("\0\1\0\2\0\3")},
        {DNS_SOA, STR(NAME NAME "\0\0\0\1")},
        {DNS_TXT, STR("")},
        {DNS_TXT, STR("\4abc")},
        {DNS_CAA, STR("\0\0value")},
        {DNS_CAA, STR("\0\7issue")},
        {DNS_CAA, STR("\0\2a\x1b")},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena;
        wharf_record record;
        arena_init(&arena, NULL, 0, 1 << 16);
        assert_int_equal(describe(rows[i].type, rows[i].data, &arena, &record), -WHARF_EPROTOCOL);
        arena_deinit(&arena);
    }
}

static void the_strings_of_a_text_are_put_together(void **state) {
    (void)state;
    struct arena arena;
    wharf_record record;
    arena_init(&arena, NULL, 0, 1 << 16);
    assert_int_equal(describe(DNS_TXT, STR("\3one\0\3two"), &arena, &record), 0);
    assert_true(wharf_str_is(record.bytes, "onetwo"));
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_has_its_form),
        cmocka_unit_test(data_of_the_wrong_shape_are_refused),
        cmocka_unit_test(the_strings_of_a_text_are_put_together),
    };
    return cmocka_run_group_tests_name("names record", tests, NULL, NULL);
}

/* Header fields: known names, look-up, lists, what may be sent, field sections, and the table of refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/text.h"
#include "http/codec/headers.h"
#include "http/codec/scan.h"

/* ---- names ---- */

static void every_known_name_finds_its_id_in_any_case(void **state) {
    (void)state;
    for (int id = HEADER_OTHER + 1; id < HEADER_ID_COUNT; id++) {
        wharf_str name = header_name((enum header_id)id);
        char copy[40];
        assert_true(name.len > 0);
        assert_int_equal(header_identify(name), id);
        for (size_t i = 0; i < name.len; i++) {
            copy[i] = ascii_lower(name.ptr[i]);
        }
        assert_int_equal(header_identify((wharf_str){copy, name.len}), id);
        for (size_t i = 0; i < name.len; i++) {
            copy[i] = scan_is(copy[i], SCAN_ALPHA) ? (char)(copy[i] & ~0x20) : copy[i];
        }
        assert_int_equal(header_identify((wharf_str){copy, name.len}), id);
    }
}

static void a_name_with_one_other_byte_is_another_name(void **state) {
    (void)state;
    for (int id = HEADER_OTHER + 1; id < HEADER_ID_COUNT; id++) {
        wharf_str name = header_name((enum header_id)id);
        char copy[40];
        memcpy(copy, name.ptr, name.len);
        for (size_t i = 0; i < name.len; i++) {
            for (unsigned value = 0; value < 256; value++) {
                copy[i] = (char)value;
                bool same = ascii_lower((char)value) == ascii_lower(name.ptr[i]);
                enum header_id found = header_identify((wharf_str){copy, name.len});
                assert_true(same ? found == (enum header_id)id : found != (enum header_id)id);
            }
            copy[i] = name.ptr[i];
        }
    }
}

static void what_is_no_known_name_is_other(void **state) {
    (void)state;
    static const char *const names[] = {"",
                                        "X",
                                        "Hos",
                                        "Hostt",
                                        "Content_Length",
                                        "Content-Lengt\xe8",
                                        "X-Y",
                                        "A-very-long-name-that-is-longer-than-any-known-name"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(header_identify(wharf_str_of(names[i])), HEADER_OTHER);
    }
    assert_int_equal(header_name(HEADER_OTHER).len, 0);
}

/* ---- lists ---- */

static void finds_first_and_next_fields_of_a_name(void **state) {
    (void)state;
    struct header storage[6];
    struct headers headers;
    headers_init(&headers, storage, 6);
    assert_int_equal(headers_add(&headers, STR("x-a"), STR("1")), 0);
    assert_int_equal(headers_add(&headers, STR("accept"), STR("2")), 0);
    assert_int_equal(headers_add(&headers, STR("X-B"), STR("3")), 0);
    assert_int_equal(headers_add(&headers, STR("X-A"), STR("4")), 0);
    assert_int_equal(headers_add(&headers, STR("Accept"), STR("5")), 0);
    assert_int_equal(headers_add(&headers, STR("Host"), STR("6")), 0);
    assert_int_equal(headers_add(&headers, STR("Host"), STR("7")), -WHARF_ELIMIT);
    assert_int_equal(headers.count, 6);

    const struct header *accept = headers_find(&headers, HEADER_ACCEPT);
    assert_ptr_equal(accept, &storage[1]);
    assert_ptr_equal(headers_next(&headers, accept), &storage[4]);
    assert_null(headers_next(&headers, &storage[4]));
    assert_null(headers_next(&headers, &storage[5]));
    const struct header *other = headers_find_name(&headers, STR("X-a"));
    assert_ptr_equal(other, &storage[0]);
    assert_ptr_equal(headers_next(&headers, other), &storage[3]);
    assert_null(headers_next(&headers, &storage[3]));

    assert_true(wharf_str_is(headers_get(&headers, STR("HOST")), "6"));
    assert_true(wharf_str_is(headers_get(&headers, STR("x-b")), "3"));
    assert_null(headers_get(&headers, STR("X-C")).ptr);
    assert_null(headers_value(&headers, HEADER_COOKIE).ptr);
    assert_false(headers_has(&headers, HEADER_COOKIE));
    headers_clear(&headers);
    assert_null(headers_find(&headers, HEADER_ACCEPT));
    assert_null(headers_find_name(&headers, STR("X-a")));
}

static void cuts_lists_at_commas_outside_of_quotes(void **state) {
    (void)state;
    static const struct {
        const char *list;
        const char *elements[4];
    } rows[] = {
        {"", {NULL}},
        {" ,\t, ", {NULL}},
        {"a", {"a"}},
        {"a,b , c", {"a", "b", "c"}},
        {",a,,b,", {"a", "b"}},
        {"\"a,b\",c", {"\"a,b\"", "c"}},
        {"x=\"\\\",\" , c", {"x=\"\\\",\"", "c"}},
        {"\"a,b", {"\"a,b"}},
        {"a\\,b", {"a\\", "b"}},
        {"\"a\\", {"\"a\\"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wharf_str rest = wharf_str_of(rows[i].list);
        wharf_str element;
        size_t count = 0;
        while (header_list_next(&rest, &element)) {
            assert_non_null(rows[i].elements[count]);
            assert_true(wharf_str_is(element, rows[i].elements[count]));
            count++;
        }
        assert_null(rows[i].elements[count]);
    }
}

static void searches_all_lines_of_a_list_field(void **state) {
    (void)state;
    struct header storage[2];
    struct headers headers;
    headers_init(&headers, storage, 2);
    headers_add(&headers, STR("Connection"), STR("te, x"));
    headers_add(&headers, STR("Connection"), STR("Close"));
    assert_true(headers_list_has(&headers, HEADER_CONNECTION, STR("close")));
    assert_true(headers_list_has(&headers, HEADER_CONNECTION, STR("TE")));
    assert_false(headers_list_has(&headers, HEADER_CONNECTION, STR("clos")));
    assert_false(headers_list_has(&headers, HEADER_VARY, STR("close")));
}

/* ---- what may be sent ---- */

static void only_tokens_may_be_names(void **state) {
    (void)state;
    assert_true(h1_is_token(STR("X-Y_z.1")));
    static const wharf_str bad[] = {STR(""),    STR("a b"),      STR("a:"), STR("a\r\n"),
                                    STR("a\0"), STR("\xc3\xa9"), STR("a/b")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(h1_is_token(bad[i]));
    }
}

static void no_control_may_stand_in_a_value(void **state) {
    (void)state;
    static const wharf_str good[] = {STR(""), STR("a"), STR("a b\tc"), STR("caf\xc3\xa9"), STR("\"\\\"")};
    static const wharf_str bad[] = {STR("a\r\nX: y"), STR("a\n"), STR("a\r"), STR("a\0b"), STR("\x7f"),
                                    STR("\x1b[0m"),   STR(" a"),  STR("a\t"), STR(" ")};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(h1_is_field_value(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(h1_is_field_value(bad[i]));
    }
}

static void framing_fields_may_not_stand_in_trailers(void **state) {
    (void)state;
    static const enum header_id forbidden[] = {
        HEADER_TRANSFER_ENCODING, HEADER_CONTENT_LENGTH, HEADER_HOST,
        HEADER_AUTHORIZATION,     HEADER_CONTENT_TYPE,   HEADER_COOKIE,
        HEADER_CONNECTION,        HEADER_TRAILER,        HEADER_SET_COOKIE};
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        assert_true(header_is_forbidden_trailer(forbidden[i]));
    }
    assert_false(header_is_forbidden_trailer(HEADER_OTHER));
    assert_false(header_is_forbidden_trailer(HEADER_ETAG));
}

/* ---- field sections ---- */

static void parses_fields_in_order_with_trimmed_values(void **state) {
    (void)state;
    struct header storage[8];
    struct headers headers;
    struct h1_error error;
    wharf_str text = STR("skipped\r\nHost:a\r\nX-y: \t b  c \t\r\nEmpty:\r\nBlank: \t \r\n\r\n");
    headers_init(&headers, storage, 8);
    assert_int_equal(h1_parse_fields(text, 9, &h1_limits_server, &headers, &error), 0);
    assert_int_equal(headers.count, 4);
    assert_true(wharf_str_is(storage[0].name, "Host"));
    assert_true(wharf_str_is(storage[0].value, "a"));
    assert_int_equal(storage[0].id, HEADER_HOST);
    assert_true(wharf_str_is(storage[1].name, "X-y"));
    assert_true(wharf_str_is(storage[1].value, "b  c"));
    assert_int_equal(storage[1].id, HEADER_OTHER);
    assert_int_equal(storage[2].value.len, 0);
    assert_int_equal(storage[3].value.len, 0);
}

static void full_storage_is_a_limit(void **state) {
    (void)state;
    struct header storage[1];
    struct headers headers;
    struct h1_error error;
    headers_init(&headers, storage, 1);
    wharf_str text = STR("A: b\r\nC: d\r\n\r\n");
    assert_int_equal(h1_parse_fields(text, 0, &h1_limits_server, &headers, &error), -WHARF_ELIMIT);
    assert_string_equal(error.reason, "h1.head.lines");
    assert_int_equal(error.offset, 6);
}

/* ---- refusals ---- */

static void every_reason_has_its_own_code_and_all_it_needs(void **state) {
    (void)state;
    struct h1_error errors[H1_REASON_COUNT];
    for (int reason = 0; reason < H1_REASON_COUNT; reason++) {
        struct h1_error *error = &errors[reason];
        int code = h1_refuse(error, (enum h1_reason)reason, 7);
        assert_int_equal(code, error->limit != NULL ? -WHARF_ELIMIT : -WHARF_EPROTOCOL);
        assert_int_equal(error->offset, 7);
        assert_in_range(error->status, 400, 505);
        assert_true(str_starts(wharf_str_of(error->reason), STR("h1.")));
        assert_true(str_starts(wharf_str_of(error->rfc), STR("RFC ")));
        assert_true(str_ends(wharf_str_of(error->text), STR(".")));
        for (int other = 0; other < reason; other++) {
            assert_string_not_equal(error->reason, errors[other].reason);
            assert_string_not_equal(error->text, errors[other].text);
        }
    }
}

static void every_reason_is_documented_with_its_status(void **state) {
    (void)state;
    static char document[65536];
    FILE *file = fopen(WHARF_SOURCE_ROOT "/docs/reasons.md", "r");
    assert_non_null(file);
    size_t len = fread(document, 1, sizeof document, file);
    fclose(file);
    for (int reason = 0; reason < H1_REASON_COUNT; reason++) {
        struct h1_error error;
        char row[100];
        h1_refuse(&error, (enum h1_reason)reason, 0);
        snprintf(row, sizeof row, "\n| `%s` | %d | ", error.reason, error.status);
        if (str_find((wharf_str){document, len}, wharf_str_of(row)) < 0) {
            fail_msg("docs/reasons.md has no row for %s", error.reason);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_name_finds_its_id_in_any_case),
        cmocka_unit_test(a_name_with_one_other_byte_is_another_name),
        cmocka_unit_test(what_is_no_known_name_is_other),
        cmocka_unit_test(finds_first_and_next_fields_of_a_name),
        cmocka_unit_test(cuts_lists_at_commas_outside_of_quotes),
        cmocka_unit_test(searches_all_lines_of_a_list_field),
        cmocka_unit_test(only_tokens_may_be_names),
        cmocka_unit_test(no_control_may_stand_in_a_value),
        cmocka_unit_test(framing_fields_may_not_stand_in_trailers),
        cmocka_unit_test(parses_fields_in_order_with_trimmed_values),
        cmocka_unit_test(full_storage_is_a_limit),
        cmocka_unit_test(every_reason_has_its_own_code_and_all_it_needs),
        cmocka_unit_test(every_reason_is_documented_with_its_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Host names beyond ASCII: what becomes of them, and what is refused with which words; Punycode and normalization form
 * C below them. The whole of the Unicode project's cases is in http/codec/url_vectors_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/idna.h"
#include "base/memory.h"
#include "base/punycode.h"
#include "base/text.h"

struct accept_row {
    const char *name;
    const char *ascii;
};

static const struct accept_row accept_rows[] = {
    /* in ASCII: only lower case, whatever the labels are */
    {"Example.COM", "example.com"},
    {"", ""},
    {"a_b--.-c.", "a_b--.-c."},
    {"XN--A", "xn--a"},
    {"a..b", "a..b"},
    /* mapped, composed, encoded */
    {"bücher.example", "xn--bcher-kva.example"},
    {"BÜCHER.Example", "xn--bcher-kva.example"},
    {"bu\u0308cher.example", "xn--bcher-kva.example"},
    {"faß.de", "xn--fa-hia.de"},
    {"STRAẞE.de", "xn--strae-oqa.de"},
    {"ς.σ.Σ", "xn--3xa.xn--4xa.xn--4xa"},
    {"日本語。ＪＰ", "xn--wgv71a119e.jp"},
    {"a\u00adb.ü", "ab.xn--tda"},
    {"½.ü", "xn--12-c6t.xn--tda"},
    {"\u1112\u1161\u11ab.kr", "xn--6q8b.kr"},
    {"한.kr", "xn--6q8b.kr"},
    {"😀.example", "xn--e28h.example"},
    {"xn--tda.ü", "xn--tda.xn--tda"},
    {"XN--TDA.ü", "xn--tda.xn--tda"},
    {"-ü-.a-", "xn-----xka.a-"},
    /* marks in the order of their classes, whatever order they came in */
    {"a\u0323\u0307", "xn--rsa542l"},
    /* joiners where scripts want them */
    {"क\u094d\u200dष", "xn--11b2ezcw70k"},
    {"نامه\u200cای", "xn--mgba3gch31f060k"},
    /* both directions */
    {"אב.com", "xn--4dbc.com"},
    {"א1.ü", "xn--1-zhc.xn--tda"},
};

struct reject_row {
    const char *name;
    const char *reason; /* a part of it */
    size_t offset;
};

static const struct reject_row reject_rows[] = {
    {"ab\xff", "UTF-8", 2},
    {"\xc3", "UTF-8", 0},
    {"\xc0\xaf", "UTF-8", 0},
    {"\xed\xa0\x80", "UTF-8", 0},
    {"\xf4\x90\x80\x80", "UTF-8", 0},
    {"ü\u202e", "no host name may contain", 2},
    {"\u0378", "no host name may contain", 0},
    {"ü…", "no host name may contain", 2},
    {"ü.\u0301", "combining mark", 0},
    {"a\u200db", "joiner", 0},
    {"a\u200cb", "joiner", 0},
    {"ü.xn--a", "no host name may contain", 0},
    {"ü.xn--", "Punycode", 0},
    {"ü.xn--abc-", "Punycode", 0},
    {"xn--ü", "Punycode", 0},
    {"ü.xn--xn---epa", "Punycode", 0},
    {"ü.xn--99999999", "Punycode", 0},
    {"ü.xn--u-ccb", "normalization form", 0},
    {"ü.xn--a-ecp", "no host name may contain", 0},
    {"אa.ü", "directions", 0},
    {"1א", "directions", 0},
    {"א1٠", "directions", 0},
    {"א.a-ü-א", "directions", 0},
};

static void becomes_ascii(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(accept_rows) / sizeof(accept_rows[0]); i++) {
        struct arena arena;
        struct idna_error error = {"", 0};
        wharf_str ascii = {NULL, 0};
        arena_init(&arena, NULL, 0, 1 << 20);
        int status = idna_to_ascii(&arena, wharf_str_of(accept_rows[i].name), &ascii, &error);
        if (status < 0 || !wharf_str_is(ascii, accept_rows[i].ascii)) {
            print_error("%s: %.*s %s\n", accept_rows[i].name, WHARF_STR_ARG(ascii), error.reason);
        }
        assert_int_equal(status, 0);
        assert_true(wharf_str_is(ascii, accept_rows[i].ascii));
        arena_deinit(&arena);
    }
}

static void refuses_and_says_why(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(reject_rows) / sizeof(reject_rows[0]); i++) {
        struct arena arena;
        struct idna_error error = {"", 0};
        wharf_str ascii = {NULL, 0};
        arena_init(&arena, NULL, 0, 1 << 20);
        int status = idna_to_ascii(&arena, wharf_str_of(reject_rows[i].name), &ascii, &error);
        if (status != -EINVAL || strstr(error.reason, reject_rows[i].reason) == NULL) {
            print_error("row %zu, %s: %.*s %s\n", i, reject_rows[i].name, WHARF_STR_ARG(ascii), error.reason);
        }
        assert_int_equal(status, -EINVAL);
        assert_non_null(strstr(error.reason, reject_rows[i].reason));
        assert_int_equal(error.offset, reject_rows[i].offset);
        assert_null(ascii.ptr);
        arena_deinit(&arena);
    }
}

/* Each character of this name stands for eighteen. */
static void a_name_may_not_grow_without_bound(void **state) {
    (void)state;
    struct arena arena;
    struct idna_error error = {"", 0};
    wharf_str ascii;
    char name[3 * 60 + 1];
    for (size_t i = 0; i < 60; i++) {
        memcpy(name + 3 * i, "\uFDFA", 4);
    }
    arena_init(&arena, NULL, 0, 1 << 20);
    assert_int_equal(idna_to_ascii(&arena, wharf_str_of(name), &ascii, &error), -EINVAL);
    assert_non_null(strstr(error.reason, "1024"));
    arena_deinit(&arena);
}

struct punycode_row {
    const char *text;
    size_t count;
    uint32_t points[16];
};

static const struct punycode_row punycode_rows[] = {
    {"tda", 1, {0xfc}},
    {"ihqwcrb4cv8a8dqg056pqjye", 9, {0x4ed6, 0x4eec, 0x4e3a, 0x4ec0, 0x4e48, 0x4e0d, 0x8bf4, 0x4e2d, 0x6587}},
    {"-> $1.00 <--", 11, {'-', '>', ' ', '$', '1', '.', '0', '0', ' ', '<', '-'}},
    {"d9juau41awczczp", 7, {0x305d, 0x306e, 0x30b9, 0x30d4, 0x30fc, 0x30c9, 0x3067}},
    {"a-b-joa", 4, {'a', '-', 'b', 0xfc}},
    {"dn32g", 1, {0x10ffff}},
};

static void punycode_goes_both_ways(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(punycode_rows) / sizeof(punycode_rows[0]); i++) {
        const struct punycode_row *row = &punycode_rows[i];
        char text[256];
        uint32_t points[64];
        struct code_points decoded = {points, 0};
        struct code_points label = {(uint32_t *)row->points, row->count};
        size_t len = punycode_encode(label, text);
        assert_true(len <= punycode_size_max(row->count));
        if (!wharf_str_is((wharf_str){text, len}, row->text)) {
            print_error("row %zu: %.*s\n", i, (int)len, text);
        }
        assert_true(wharf_str_is((wharf_str){text, len}, row->text));
        assert_int_equal(punycode_decode((wharf_str){text, len}, &decoded), 0);
        assert_int_equal(decoded.count, row->count);
        assert_memory_equal(points, row->points, row->count * sizeof(points[0]));
    }
}

static void no_allocation_is_taken_for_granted(void **state) {
    (void)state;
    bool done = false;
    for (uint64_t nth = 1; !done; nth++) {
        struct arena arena;
        struct idna_error error = {"", 0};
        wharf_str ascii;
        arena_init(&arena, NULL, 0, 1 << 20);
        mem_fail_at(nth);
        int status = idna_to_ascii(&arena, STR("bücher.xn--tda.example"), &ascii, &error);
        mem_fail_at(0);
        done = status == 0;
        assert_true(done || status == -ENOMEM);
        arena_deinit(&arena);
        assert_true(nth < 100);
    }
}

static void a_host_is_one_that_can_be_looked_up(void **state) {
    (void)state;
    static const struct {
        const char *name, *host, *reason;
    } rows[] = {
        {"Example.COM", "Example.COM", NULL},
        {"", "", NULL},
        {"Bücher.example", "xn--bcher-kva.example", NULL},
        {"bücher。example．", "xn--bcher-kva.example.", NULL},
        {"_dmarc.bücher.example", "_dmarc.xn--bcher-kva.example", NULL},
        {"１２７.0.0.1", "127.0.0.1", NULL},
        {"ＬＯＣＡＬＨＯＳＴ", "localhost", NULL},
        {"\xc2\xad", NULL, "nothing visible"},
        {"a.℀.example", NULL, "stands for one that no host name may contain"},
        {"ü：80", NULL, "stands for one that no host name may contain"},
        {"ü..example", NULL, "a part of the host name is empty"},
        {".ü", NULL, "a part of the host name is empty"},
        {"\xff", NULL, "not UTF-8"},
        {"☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃☃.☃.☃.☃.☃.☃.☃.☃.☃.☃.☃.☃.☃.☃.☃.☃.☃.☃.☃.☃.☃.☃.☃."
         "☃.☃.☃.☃.☃.☃.☃.☃.☃.☃",
         NULL, "over 253 bytes"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char host[IDNA_HOST_SIZE] = "untouched";
        struct idna_error error = {NULL, 0};
        int rc = idna_host(wharf_str_of(rows[i].name), host, &error);
        print_message("%s\n", rows[i].name);
        assert_int_equal(rc, rows[i].host != NULL ? 0 : -EINVAL);
        assert_string_equal(host, rows[i].host != NULL ? rows[i].host : "untouched");
        assert_true(rows[i].reason == NULL || strstr(error.reason, rows[i].reason) != NULL);
    }
}

/* However many characters stand for however many others, what bounds a name is its length and not the memory for it. */
static void no_name_runs_out_of_memory(void **state) {
    (void)state;
    static const char *const characters[] = {"ü", "ﷺ", "\xc2\xad", "😀", "a\xcc\x81", "。", "ü."};
    for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++) {
        for (size_t bytes = 1; bytes <= IDNA_POINTS_MAX + 8; bytes += 7) {
            char name[IDNA_POINTS_MAX + 16];
            char host[IDNA_HOST_SIZE];
            struct idna_error error;
            size_t len = 0;
            while (len < bytes) {
                len += str_copy_to(name + len, sizeof(name) - len, wharf_str_of(characters[i]));
            }
            int rc = idna_host((wharf_str){name, len}, host, &error);
            assert_true(rc == 0 || rc == -EINVAL);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(becomes_ascii),
        cmocka_unit_test(refuses_and_says_why),
        cmocka_unit_test(a_name_may_not_grow_without_bound),
        cmocka_unit_test(punycode_goes_both_ways),
        cmocka_unit_test(no_allocation_is_taken_for_granted),
        cmocka_unit_test(a_host_is_one_that_can_be_looked_up),
        cmocka_unit_test(no_name_runs_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

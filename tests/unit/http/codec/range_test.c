/* Byte ranges: every class, clamping, and Content-Range both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/text.h"
#include "http/codec/range.h"

struct row {
    const char *value;
    uint64_t length;
    enum range_kind kind;
    size_t count;
    struct range at[3];
};

static const struct row rows[] = {
    {NULL, 100, RANGE_ABSENT, 0, {{0}}},
    /* single ranges */
    {"bytes=0-9", 100, RANGE_SATISFIABLE, 1, {{0, 9}}},
    {"bytes=0-0", 1, RANGE_SATISFIABLE, 1, {{0, 0}}},
    {"bytes=90-", 100, RANGE_SATISFIABLE, 1, {{90, 99}}},
    {"bytes=90-500", 100, RANGE_SATISFIABLE, 1, {{90, 99}}},
    {"bytes=99-99", 100, RANGE_SATISFIABLE, 1, {{99, 99}}},
    {"bytes=-10", 100, RANGE_SATISFIABLE, 1, {{90, 99}}},
    {"bytes=-100", 100, RANGE_SATISFIABLE, 1, {{0, 99}}},
    {"bytes=-500", 100, RANGE_SATISFIABLE, 1, {{0, 99}}},
    {"Bytes= 0-9 ", 100, RANGE_SATISFIABLE, 1, {{0, 9}}},
    {"bytes=007-9", 100, RANGE_SATISFIABLE, 1, {{7, 9}}},
    {"bytes=0-99999999999999999999", 100, RANGE_SATISFIABLE, 1, {{0, 99}}},
    {"bytes=-99999999999999999999", 100, RANGE_SATISFIABLE, 1, {{0, 99}}},
    {"bytes=0-18446744073709551615", UINT64_MAX, RANGE_SATISFIABLE, 1, {{0, UINT64_MAX - 1}}},
    {"bytes=5000000000-", 5000000001, RANGE_SATISFIABLE, 1, {{5000000000, 5000000000}}},
    /* unsatisfiable */
    {"bytes=100-", 100, RANGE_UNSATISFIABLE, 0, {{0}}},
    {"bytes=100-200", 100, RANGE_UNSATISFIABLE, 0, {{0}}},
    {"bytes=-0", 100, RANGE_UNSATISFIABLE, 0, {{0}}},
    {"bytes=0-", 0, RANGE_UNSATISFIABLE, 0, {{0}}},
    {"bytes=99999999999999999999-", 100, RANGE_UNSATISFIABLE, 0, {{0}}},
    {"bytes=100-,200-,-0", 100, RANGE_UNSATISFIABLE, 0, {{0}}},
    /* several */
    {"bytes=0-9,20-29", 100, RANGE_SATISFIABLE, 2, {{0, 9}, {20, 29}}},
    {"bytes=20-29, 0-9 ,-1", 100, RANGE_SATISFIABLE, 3, {{20, 29}, {0, 9}, {99, 99}}},
    {"bytes=,0-9,,", 100, RANGE_SATISFIABLE, 1, {{0, 9}}},
    {"bytes=0-9,10-19", 100, RANGE_SATISFIABLE, 2, {{0, 9}, {10, 19}}},
    {"bytes=0-9,200-", 100, RANGE_SATISFIABLE, 1, {{0, 9}}},
    {"bytes=0-9,9-19", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=0-,0-0", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=0-0,-100", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30,32-32",
     100,
     RANGE_IGNORED,
     0,
     {{0}}},
    /* other units and bad syntax */
    {"", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=,", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes =0-9", 100, RANGE_IGNORED, 0, {{0}}},
    {"items=0-9", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=-", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=5", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=9-0", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=a-9", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=0-9x", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=0 - 9", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=0--9", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=--9", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=+1-9", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=0x1-9", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=0-9;1-2", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=0-9,x", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=200-,x", 100, RANGE_IGNORED, 0, {{0}}},
    {"bytes=-5", 0, RANGE_IGNORED, 0, {{0}}},
};

static void classifies_and_clamps(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct range_set set;
        wharf_str value = rows[i].value != NULL ? wharf_str_of(rows[i].value) : (wharf_str){NULL, 0};
        range_parse(value, rows[i].length, &set);
        if (set.kind != rows[i].kind) {
            print_error("%s: kind %d\n", rows[i].value, (int)set.kind);
        }
        assert_int_equal(set.kind, rows[i].kind);
        assert_int_equal(set.count, rows[i].count);
        for (size_t j = 0; j < set.count; j++) {
            assert_true(set.at[j].first == rows[i].at[j].first && set.at[j].last == rows[i].at[j].last);
        }
    }
}

static void sixteen_ranges_are_allowed(void **state) {
    (void)state;
    struct range_set set;
    range_parse(
        STR("bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30"),
        100, &set);
    assert_int_equal(set.kind, RANGE_SATISFIABLE);
    assert_int_equal(set.count, RANGE_COUNT_MAX);
}

static void content_range_is_written_and_read(void **state) {
    (void)state;
    char out[RANGE_CONTENT_SIZE];
    struct range range = {5, 9};
    struct range back = {0, 0};
    uint64_t length = 0;
    size_t len = range_format_content(&range, 10, out);
    assert_true(wharf_str_is((wharf_str){out, len}, "bytes 5-9/10"));
    assert_int_equal(range_parse_content((wharf_str){out, len}, &back, &length), 0);
    assert_true(back.first == 5 && back.last == 9 && length == 10);
    len = range_format_content(NULL, 0, out);
    assert_true(wharf_str_is((wharf_str){out, len}, "bytes */0"));
    assert_int_equal(range_parse_content((wharf_str){out, len}, &back, &length), -ERANGE);
    assert_true(length == 0);
    range = (struct range){UINT64_MAX - 2, UINT64_MAX - 1};
    len = range_format_content(&range, UINT64_MAX, out);
    assert_true(len <= RANGE_CONTENT_SIZE);
    assert_int_equal(range_parse_content(STR("bytes 0-0/*"), &back, &length), 0);
    assert_true(length == UINT64_MAX);
}

static void rejects_a_content_range_that_makes_no_sense(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "bytes",
        "bytes 0-9",
        "bytes 0-9/",
        "bytes 9-0/10",
        "bytes 0-10/10",
        "bytes */*",
        "items 0-9/10",
        "bytes=0-9/10",
        "bytes -9/10",
        "bytes 0-/10",
        "bytes 0-9/x",
        "bytes 0-9/10 11",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct range range = {47, 11};
        uint64_t length = 4711;
        assert_int_equal(range_parse_content(wharf_str_of(bad[i]), &range, &length), -EINVAL);
        assert_true(range.first == 47 && range.last == 11 && length == 4711);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classifies_and_clamps),
        cmocka_unit_test(sixteen_ranges_are_allowed),
        cmocka_unit_test(content_range_is_written_and_read),
        cmocka_unit_test(rejects_a_content_range_that_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* HTTP dates: formatting against the C library, the three forms, reject rows, centuries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/random.h"
#include "base/text.h"
#include "http/codec/date.h"

static const int64_t YEAR_2026 = 1767225600;

static void formats_like_the_c_library(void **state) {
    (void)state;
    struct random random;
    random_init(&random, 3);
    for (int i = 0; i < 20000; i++) {
        char text[DATE_LEN + 1] = {0};
        char expected[64];
        struct tm tm;
        int64_t seconds = (int64_t)random_below(&random, 253402300800 + 62135596800) - 62135596800;
        time_t time = (time_t)seconds;
        int64_t back = 0;
        date_format(seconds, text);
        assert_non_null(gmtime_r(&time, &tm));
        size_t len = strftime(expected, sizeof(expected), "%a, %d %b ", &tm);
        (void)snprintf(expected + len, sizeof(expected) - len, "%04d %02d:%02d:%02d GMT", tm.tm_year + 1900,
                       tm.tm_hour, tm.tm_min, tm.tm_sec);
        assert_string_equal(text, expected);
        assert_int_equal(date_parse(wharf_str_of(text), 0, &back), 0);
        assert_true(back == seconds);
    }
}

static void formats_the_edges_and_clamps_behind_them(void **state) {
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {253402300800, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {-62167219200, "Sat, 01 Jan 0000 00:00:00 GMT"},
        {INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[DATE_LEN + 1] = {0};
        date_format(rows[i].seconds, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void reads_all_three_forms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Sun Nov 06 08:49:37 1994", 784111777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
        {"Wed Jul 15 12:00:00 2026", 1784116800},
        {"Wednesday, 15-Jul-26 12:00:00 GMT", 1784116800},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t seconds = -1;
        assert_int_equal(date_parse(wharf_str_of(rows[i].text), YEAR_2026, &seconds), 0);
        assert_true(seconds == rows[i].seconds);
    }
}

static void rejects_everything_else(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        "0",
        "Sun",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Xyz, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Xyz 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT",
        "Sun, 06 Nov 1994 +8:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Mon, 31 Nov 1994 08:49:37 GMT",
        "Wed, 29 Feb 1995 08:49:37 GMT",
        "Thu, 29 Feb 1900 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06 Nov 94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Monday, 06-Nov-94 08:49:37 GMT",
        "Sunday 06-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov 6  08:49:37 1994",
        "Mon Nov  6 08:49:37 1994",
        "Sun Nov   08:49:37 1994 ",
        "1994-11-06T08:49:37Z",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t seconds = 4711;
        if (date_parse(wharf_str_of(rows[i]), YEAR_2026, &seconds) == 0) {
            print_error("accepted row %zu\n", i);
        }
        assert_int_equal(date_parse(wharf_str_of(rows[i]), YEAR_2026, &seconds), -EINVAL);
        assert_int_equal(seconds, 4711);
    }
}

static void every_strict_prefix_is_rejected(void **state) {
    (void)state;
    static const char *const rows[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                       "Sun Nov  6 08:49:37 1994"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t len = 0; len < strlen(rows[i]); len++) {
            int64_t seconds = 0;
            assert_int_equal(date_parse((wharf_str){rows[i], len}, YEAR_2026, &seconds), -EINVAL);
        }
    }
}

/* From 2026-01-01: 50 years ahead is 2076-01-01. The weekday tells which century is meant. */
static void two_digit_years_are_at_most_fifty_years_ahead(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t now;
        int64_t seconds; /* -1: refused, the weekday belongs to another century */
    } rows[] = {
        {"Wednesday, 01-Jan-76 00:00:00 GMT", 1767225600, 3345062400},
        {"Thursday, 01-Jan-76 00:00:00 GMT", 1767225600, -1},
        {"Thursday, 01-Jan-76 00:00:01 GMT", 1767225600, 189302401},
        {"Friday, 02-Jan-76 00:00:00 GMT", 1767225600, 189388800},
        {"Saturday, 01-Jan-00 00:00:00 GMT", 1767225600, 946684800},
        {"Friday, 31-Dec-99 00:00:00 GMT", 1767225600, 946598400},
        {"Friday, 01-Jan-00 00:00:00 GMT", 2871763200, 4102444800},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t seconds = -1;
        assert_int_equal(date_parse(wharf_str_of(rows[i].text), rows[i].now, &seconds),
                         rows[i].seconds >= 0 ? 0 : -EINVAL);
        assert_true(seconds == rows[i].seconds);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_like_the_c_library),
        cmocka_unit_test(formats_the_edges_and_clamps_behind_them),
        cmocka_unit_test(reads_all_three_forms),
        cmocka_unit_test(rejects_everything_else),
        cmocka_unit_test(every_strict_prefix_is_rejected),
        cmocka_unit_test(two_digit_years_are_at_most_fifty_years_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

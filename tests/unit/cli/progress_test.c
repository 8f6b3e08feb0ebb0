/* progress_format(): the bar's text. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cli/progress.h"

static const int64_t second_ns = 1000000000;

static void shows_share_amount_rate_and_time_left(void **state) {
    (void)state;
    struct progress progress = {.total = 100 << 20, .done = 25 << 20};
    char line[256];
    progress_format(&progress, 5 * second_ns, 79, line, sizeof line);
    assert_string_equal(line,
                        " 25 % [#####                 ] 25.0 MiB of 100.0 MiB  5.0 MiB/s  0:00:15 left");
}

static void shows_amount_and_rate_of_an_unknown_length(void **state) {
    (void)state;
    struct progress progress = {.total = -1, .done = 1536};
    char line[256];
    progress_format(&progress, second_ns, 79, line, sizeof line);
    assert_string_equal(line, "1.5 KiB  1.5 KiB/s");
}

static void never_shows_more_than_the_whole(void **state) {
    (void)state;
    struct progress progress = {.total = 10, .done = 20};
    char line[256];
    progress_format(&progress, second_ns, 79, line, sizeof line);
    assert_memory_equal(line, "100 %", 5);
}

static void fits_into_a_narrow_window(void **state) {
    (void)state;
    struct progress progress = {.total = 1 << 30, .done = 1 << 29};
    char line[256];
    progress_format(&progress, second_ns, 10, line, sizeof line);
    assert_non_null(strstr(line, "[]"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_share_amount_rate_and_time_left),
        cmocka_unit_test(shows_amount_and_rate_of_an_unknown_length),
        cmocka_unit_test(never_shows_more_than_the_whole),
        cmocka_unit_test(fits_into_a_narrow_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

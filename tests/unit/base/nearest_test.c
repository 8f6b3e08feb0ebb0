/* The nearest word: distances, and which candidate wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/nearest.h"

static void counts_letters_to_change(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        {"", "", 0},
        {"a", "", 1},
        {"", "ab", 2},
        {"same", "SAME", 0},
        {"nodelay", "no_delay", 1},
        {"kitten", "sitting", 3},
        {"flaw", "lawn", 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(nearest_distance(wharf_str_of(rows[i].a), wharf_str_of(rows[i].b)),
                         rows[i].distance);
        assert_int_equal(nearest_distance(wharf_str_of(rows[i].b), wharf_str_of(rows[i].a)),
                         rows[i].distance);
    }
    char longest[100];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(nearest_distance((wharf_str){longest, sizeof longest}, wharf_str_of("")), 40);
}

static const char *choose(const char *wanted) {
    static const char *const words[] = {"keepalive", "keepalive_idle", "mark", "cork"};
    struct nearest nearest = {.wanted = wharf_str_of(wanted)};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        nearest_offer(&nearest, words[i]);
    }
    return nearest.best;
}

static void the_nearest_wins_and_the_far_do_not(void **state) {
    (void)state;
    assert_string_equal(choose("keep_alive"), "keepalive");
    assert_string_equal(choose("keepaliveidle"), "keepalive_idle");
    assert_string_equal(choose("Mark"), "mark");
    assert_string_equal(choose("corc"), "cork");
    assert_null(choose("timeout"));
    assert_null(choose(""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_letters_to_change),
        cmocka_unit_test(the_nearest_wins_and_the_far_do_not),
    };
    return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}

/* suggest_distance() and which candidates are near enough. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/suggest.h"

static const struct {
    const char *a, *b;
    size_t distance;
} distances[] = {
    {"", "", 0},
    {"", "abc", 3},
    {"abc", "", 3},
    {"listen", "listen", 0},
    {"lsiten", "listen", 1},
    {"lissten", "listen", 1},
    {"liten", "listen", 1},
    {"lasten", "listen", 1},
    {"get", "put", 2},
    {"kitten", "sitting", 3},
    {"ca", "abc", 3},
};

static void counts_edits(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof distances / sizeof distances[0]; i++) {
        assert_int_equal(suggest_distance(distances[i].a, distances[i].b), distances[i].distance);
        assert_int_equal(suggest_distance(distances[i].b, distances[i].a), distances[i].distance);
    }
}

static void treats_very_long_words_as_far_apart(void **state) {
    (void)state;
    static const char word[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    assert_true(suggest_distance(word, word) > 31);
}

static void offers_only_what_is_near_and_nearest(void **state) {
    (void)state;
    size_t best = SIZE_MAX;
    assert_false(suggest_is_nearer("--quux", "listen", &best));
    assert_int_equal(best, SIZE_MAX);
    assert_true(suggest_is_nearer("heaer", "head", &best) == 0);
    assert_true(suggest_is_nearer("heaer", "header", &best));
    assert_int_equal(best, 1);
    assert_false(suggest_is_nearer("heaer", "header", &best));
    best = SIZE_MAX;
    assert_false(suggest_is_nearer("put", "get", &best));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_edits),
        cmocka_unit_test(treats_very_long_words_as_far_apart),
        cmocka_unit_test(offers_only_what_is_near_and_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Normal form of request paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/path.h"

struct row {
    const char *raw, *text;
    bool has_reserved, has_empty;
};

static const struct row ROWS[] = {
    {"/", "/", false, false},
    {"/a", "/a", false, false},
    {"/a/b/", "/a/b/", false, false},
    {"/a.b/c..d", "/a.b/c..d", false, false},
    {"/%61%2Db", "/a-b", false, false},
    {"/a%20b", "/a b", false, false},
    {"/%2541", "/%41", false, false}, /* once, not twice */
    {"/.", "/", false, false},
    {"/..", "/", false, false},
    {"/./", "/", false, false},
    {"/../..", "/", false, false},
    {"/a/.", "/a/", false, false},
    {"/a/..", "/", false, false},
    {"/a/b/..", "/a/", false, false},
    {"/a/b/../c", "/a/c", false, false},
    {"/a/../../b", "/b", false, false},
    {"/a/%2e%2E/b", "/b", false, false},
    {"/%2e/a", "/a", false, false},
    {"/...", "/...", false, false},
    {"/.well-known/x", "/.well-known/x", false, false},
    {"/a%2fb", "/a%2Fb", true, false},
    {"/a%5c..%5cb", "/a%5C..%5Cb", true, false},
    {"/a%00b", "/a%00b", true, false},
    {"/..%2f..%2fetc", "/..%2F..%2Fetc", true, false},
    {"//", "//", false, true},
    {"//a", "//a", false, true},
    {"/a//b", "/a//b", false, true},
    {"/a//../b", "/a/b", false, false},
    {"/a/b//", "/a/b//", false, true},
};

static void decodes_once_and_resolves_dots(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct arena arena;
        struct path path;
        arena_init(&arena, NULL, 0, 4096);
        assert_int_equal(path_normalise(&arena, wharf_str_of(ROWS[i].raw), &path), 0);
        if (!wharf_str_is(path.text, ROWS[i].text)) {
            print_error("%s gave %.*s\n", ROWS[i].raw, WHARF_STR_ARG(path.text));
        }
        assert_true(wharf_str_is(path.text, ROWS[i].text));
        assert_int_equal(path.has_reserved, ROWS[i].has_reserved);
        assert_int_equal(path.has_empty, ROWS[i].has_empty);
        arena_deinit(&arena);
    }
}

static void normal_paths_are_not_copied(void **state) {
    (void)state;
    struct arena arena;
    struct path path;
    wharf_str raw = wharf_str_of("/a/b.c");
    arena_init(&arena, NULL, 0, 0);
    assert_int_equal(path_normalise(&arena, raw, &path), 0);
    assert_ptr_equal(path.text.ptr, raw.ptr);
    arena_deinit(&arena);
}

static void runs_of_slashes_become_one(void **state) {
    (void)state;
    static const char *const PAIRS[][2] = {
        {"//evil", "/evil"}, {"///", "/"}, {"/a//b///", "/a/b/"}, {"/a", "/a"}};
    for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++) {
        struct arena arena;
        arena_init(&arena, NULL, 0, 4096);
        assert_true(wharf_str_is(path_without_empty(&arena, wharf_str_of(PAIRS[i][0])), PAIRS[i][1]));
        arena_deinit(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_once_and_resolves_dots),
        cmocka_unit_test(normal_paths_are_not_copied),
        cmocka_unit_test(runs_of_slashes_become_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

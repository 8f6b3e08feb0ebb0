/* mem_*: counting, planned failures, zero sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"

static void counts_live_blocks(void **state) {
    (void)state;
    int64_t before = mem_live();
    void *first = mem_alloc(10);
    void *second = mem_zalloc(0);
    assert_non_null(first);
    assert_non_null(second);
    assert_int_equal(mem_live(), before + 2);
    first = mem_realloc(first, 1000);
    assert_non_null(first);
    assert_int_equal(mem_live(), before + 2);
    mem_free(first);
    mem_free(second);
    mem_free(NULL);
    assert_int_equal(mem_live(), before);
}

static void zalloc_gives_zeros(void **state) {
    (void)state;
    unsigned char *bytes = mem_zalloc(100);
    assert_non_null(bytes);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(bytes[i], 0);
    }
    mem_free(bytes);
}

static void strndup_stops_at_the_length_and_at_nul(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *copy;
    } rows[] = {{"abcdef", 3, "abc"}, {"ab\0cd", 5, "ab"}, {"", 0, ""}, {NULL, 0, ""}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *copy = mem_strndup(rows[i].text, rows[i].len);
        assert_non_null(copy);
        assert_string_equal(copy, rows[i].copy);
        mem_free(copy);
    }
}

static void fails_the_nth_allocation_once(void **state) {
    (void)state;
    (void)mem_fail_at(2);
    void *first = mem_alloc(1);
    void *second = mem_alloc(1);
    void *third = mem_zalloc(1);
    assert_true(mem_did_fail());
    assert_int_equal(mem_fail_at(0), 3);
    assert_false(mem_did_fail());
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    mem_free(first);
    mem_free(third);
}

static void a_failed_realloc_keeps_the_old_block(void **state) {
    (void)state;
    char *block = mem_alloc(4);
    assert_non_null(block);
    memcpy(block, "abc", 4);
    (void)mem_fail_at(1);
    void *grown = mem_realloc(block, 4096);
    (void)mem_fail_at(0);
    assert_null(grown);
    assert_string_equal(block, "abc");
    mem_free(block);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_live_blocks),
        cmocka_unit_test(zalloc_gives_zeros),
        cmocka_unit_test(strndup_stops_at_the_length_and_at_nul),
        cmocka_unit_test(fails_the_nth_allocation_once),
        cmocka_unit_test(a_failed_realloc_keeps_the_old_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

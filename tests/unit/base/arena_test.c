/* Arenas: alignment, first memory before the heap, the maximum, sticky failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>
#include <string.h>

#include "base/arena.h"
#include "base/memory.h"

static void uses_the_first_memory_before_the_heap(void **state) {
    (void)state;
    char first[256];
    struct arena arena;
    int64_t live = mem_live();
    arena_init(&arena, first, sizeof(first), 1 << 20);
    char *inside = arena_alloc(&arena, 100);
    assert_true(inside >= first && inside + 100 <= first + sizeof(first));
    assert_int_equal(mem_live(), live);
    char *outside = arena_alloc(&arena, 500);
    assert_non_null(outside);
    assert_int_equal(mem_live(), live + 1);
    memset(outside, 1, 500);
    arena_deinit(&arena);
    assert_int_equal(mem_live(), live);
}

static void aligns_for_any_type(void **state) {
    (void)state;
    char first[200];
    struct arena arena;
    arena_init(&arena, first + 1, sizeof(first) - 1, 1 << 20);
    for (size_t size = 0; size < 100; size++) {
        wharf_str odd = arena_copy(&arena, "x", 1);
        assert_non_null(odd.ptr);
        void *block = arena_alloc(&arena, size);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % alignof(max_align_t), 0);
        memset(block, 0xff, size);
        assert_int_equal(odd.ptr[0], 'x');
    }
    arena_deinit(&arena);
}

static void never_holds_more_than_its_maximum_and_stays_failed(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL, 0, 10000);
    size_t given = 0;
    while (arena_alloc(&arena, 100) != NULL) {
        given += 100;
        assert_true(arena.bytes <= 10000);
    }
    assert_true(given > 8000);
    assert_true(arena.failed);
    assert_null(arena_alloc(&arena, 1));
    assert_null(arena_copy(&arena, "", 0).ptr);
    arena_deinit(&arena);
}

static void refuses_sizes_that_overflow(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL, 0, SIZE_MAX);
    assert_null(arena_alloc(&arena, SIZE_MAX - 8));
    assert_true(arena.failed);
    arena_deinit(&arena);
    arena_init(&arena, NULL, 0, SIZE_MAX);
    assert_null(arena_copy(&arena, "", SIZE_MAX).ptr);
    assert_true(arena.failed);
    arena_deinit(&arena);
}

static void out_of_memory_is_sticky_and_leaks_nothing(void **state) {
    (void)state;
    struct arena arena;
    int64_t live = mem_live();
    arena_init(&arena, NULL, 0, 1 << 20);
    assert_non_null(arena_alloc(&arena, 900));
    (void)mem_fail_at(1);
    assert_null(arena_alloc(&arena, 900));
    assert_true(mem_did_fail());
    assert_null(arena_alloc(&arena, 1));
    (void)mem_fail_at(0);
    arena_deinit(&arena);
    assert_int_equal(mem_live(), live);
}

static void copies_end_in_a_nul_that_does_not_count(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 16);
    wharf_str copy = arena_copy(&arena, "a\0b", 3);
    assert_int_equal(copy.len, 3);
    assert_memory_equal(copy.ptr, "a\0b", 4);
    wharf_str empty = arena_copy(&arena, NULL, 0);
    assert_non_null(empty.ptr);
    assert_int_equal(empty.len, 0);
    assert_string_equal(arena_cstr(&arena, wharf_str_of("text")), "text");
    wharf_str printed = arena_printf(&arena, "%s-%d-%0200d", "x", 42, 7);
    assert_int_equal(printed.len, 205);
    assert_memory_equal(printed.ptr, "x-42-000", 8);
    assert_int_equal(printed.ptr[205], 0);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uses_the_first_memory_before_the_heap),
        cmocka_unit_test(aligns_for_any_type),
        cmocka_unit_test(never_holds_more_than_its_maximum_and_stays_failed),
        cmocka_unit_test(refuses_sizes_that_overflow),
        cmocka_unit_test(out_of_memory_is_sticky_and_leaks_nothing),
        cmocka_unit_test(copies_end_in_a_nul_that_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

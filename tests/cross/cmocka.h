/* As much of cmocka as the unit tests use, for a processor that this machine has no cmocka for. A failed assertion ends its
 * test with longjmp, as there; the output is TAP. */
#ifndef TESTS_CROSS_CMOCKA_H
#define TESTS_CROSS_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef void (*CMUnitTestFunction)(void **state);
typedef int (*CMFixtureFunction)(void **state);

struct CMUnitTest {
    const char *name;
    CMUnitTestFunction test_func;
    CMFixtureFunction setup_func, teardown_func;
    void *initial_state;
};

#define cmocka_unit_test(f) \
    { #f, f, NULL, NULL, NULL }
#define cmocka_unit_test_setup(f, setup) \
    { #f, f, setup, NULL, NULL }
#define cmocka_unit_test_setup_teardown(f, setup, teardown) \
    { #f, f, setup, teardown, NULL }
#define cmocka_run_group_tests(tests, setup, teardown) \
    cmocka_run_group_tests_name(#tests, tests, setup, teardown)
#define cmocka_run_group_tests_name(name, tests, setup, teardown) \
    cross_run(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)

enum { CROSS_FAILED = 1, CROSS_SKIPPED = 2 };
static jmp_buf cross_end;

__attribute__((noreturn, unused)) static void cross_fail(const char *what, const char *file, int line) {
    printf("# %s:%d: %s\n", file, line, what);
    longjmp(cross_end, CROSS_FAILED);
}

__attribute__((unused, format(printf, 1, 2))) static void print_message(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

#define print_error print_message
#define skip()      longjmp(cross_end, CROSS_SKIPPED)
#define fail()      cross_fail("fail()", __FILE__, __LINE__)
#define fail_msg(...)                       \
    do {                                    \
        print_message("# " __VA_ARGS__);    \
        print_message("\n");                \
        cross_fail("", __FILE__, __LINE__); \
    } while (0)

#define assert_true(c)                   ((c) ? (void)0 : cross_fail(#c, __FILE__, __LINE__))
#define assert_false(c)                  assert_true(!(c))
#define assert_null(p)                   assert_true((p) == NULL)
#define assert_non_null(p)               assert_true((p) != NULL)
#define assert_ptr_equal(a, b)           assert_true((const void *)(a) == (const void *)(b))
#define assert_ptr_not_equal(a, b)       assert_true((const void *)(a) != (const void *)(b))
#define assert_string_equal(a, b)        assert_true(strcmp((a), (b)) == 0)
#define assert_string_not_equal(a, b)    assert_true(strcmp((a), (b)) != 0)
#define assert_memory_equal(a, b, n)     assert_true(memcmp((a), (b), (n)) == 0)
#define assert_memory_not_equal(a, b, n) assert_true(memcmp((a), (b), (n)) != 0)
#define assert_in_range(v, low, high) \
    assert_true((uintmax_t)(v) >= (uintmax_t)(low) && (uintmax_t)(v) <= (uintmax_t)(high))
#define assert_int_equal(a, b)                                                         \
    do {                                                                               \
        uintmax_t cross_a = (uintmax_t)(a), cross_b = (uintmax_t)(b);                  \
        if (cross_a != cross_b) {                                                      \
            print_message("# %jd is not %jd\n", (intmax_t)cross_a, (intmax_t)cross_b); \
            cross_fail(#a " == " #b, __FILE__, __LINE__);                              \
        }                                                                              \
    } while (0)

#define assert_int_not_equal(a, b) assert_true((uintmax_t)(a) != (uintmax_t)(b))

/* 0, CROSS_FAILED or CROSS_SKIPPED. */
static int cross_run_one(const struct CMUnitTest *test) {
    void *state = test->initial_state;
    int end = setjmp(cross_end);
    if (end != 0) {
        return end;
    }
    if (test->setup_func != NULL && test->setup_func(&state) != 0) {
        return CROSS_FAILED;
    }
    test->test_func(&state);
    return test->teardown_func != NULL && test->teardown_func(&state) != 0 ? CROSS_FAILED : 0;
}

__attribute__((unused)) static int cross_run(const struct CMUnitTest *tests, size_t count,
                                             CMFixtureFunction setup, CMFixtureFunction teardown) {
    void *state = NULL;
    int failed = setup != NULL && setup(&state) != 0 ? 1 : 0;
    printf("1..%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        int end = cross_run_one(&tests[i]);
        if (end == CROSS_SKIPPED) {
            printf("ok %zu - # SKIP %s\n", i + 1, tests[i].name);
        } else {
            printf("%s %zu - %s\n", end == 0 ? "ok" : "not ok", i + 1, tests[i].name);
            failed += end == 0 ? 0 : 1;
        }
        fflush(stdout);
    }
    failed += teardown != NULL && teardown(&state) != 0 ? 1 : 0;
    return failed;
}

#endif

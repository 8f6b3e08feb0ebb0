/* Byte queues: order is kept whatever the pattern of appends and consumes, the maximum holds, failure changes
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/random.h"

static void an_empty_buffer_has_a_view_and_costs_nothing(void **state) {
    (void)state;
    struct buffer buffer;
    int64_t live = mem_live();
    buffer_init(&buffer, 100);
    assert_non_null(buffer_view(&buffer).ptr);
    assert_int_equal(buffer_len(&buffer), 0);
    assert_int_equal(buffer_append(&buffer, "", 0), 0);
    assert_int_equal(mem_live(), live);
    buffer_deinit(&buffer);
}

static void keeps_order_under_random_appends_and_consumes(void **state) {
    (void)state;
    struct buffer buffer;
    struct random random;
    unsigned char written = 0;
    unsigned char expected = 0;
    random_init(&random, 7);
    buffer_init(&buffer, 3000);
    for (int round = 0; round < 20000; round++) {
        unsigned char bytes[200];
        size_t len = (size_t)random_below(&random, sizeof(bytes));
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (unsigned char)(written + i);
        }
        size_t held = buffer_len(&buffer);
        int status = buffer_append(&buffer, bytes, len);
        assert_int_equal(status, held + len <= 3000 ? 0 : -WHARF_ELIMIT);
        written = status == 0 ? (unsigned char)(written + len) : written;
        assert_true(buffer.capacity <= 3000);
        wharf_str view = buffer_view(&buffer);
        size_t taken = (size_t)random_below(&random, view.len + 1) / (1 + (size_t)random_below(&random, 3));
        for (size_t i = 0; i < taken; i++) {
            assert_int_equal((unsigned char)view.ptr[i], expected);
            expected++;
        }
        buffer_consume(&buffer, taken);
    }
    buffer_deinit(&buffer);
}

static void reserve_gives_writable_room(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 1000);
    assert_int_equal(buffer_append(&buffer, "abc", 3), 0);
    buffer_consume(&buffer, 1);
    assert_int_equal(buffer_reserve(&buffer, 998), 0);
    assert_true(buffer.capacity - buffer.end >= 998);
    memset(buffer.data + buffer.end, 'x', 998);
    buffer.end += 998;
    assert_int_equal(buffer_len(&buffer), 1000);
    assert_memory_equal(buffer_view(&buffer).ptr, "bcx", 3);
    assert_int_equal(buffer_reserve(&buffer, 1), -WHARF_ELIMIT);
    assert_int_equal(buffer_reserve(&buffer, SIZE_MAX), -WHARF_ELIMIT);
    assert_int_equal(buffer_reserve(&buffer, 0), 0);
    buffer_clear(&buffer);
    assert_int_equal(buffer_len(&buffer), 0);
    assert_int_equal(buffer_reserve(&buffer, 1000), 0);
    buffer_deinit(&buffer);
}

static void failure_leaves_the_buffer_untouched(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100000);
    assert_int_equal(buffer_append(&buffer, "abc", 3), 0);
    (void)mem_fail_at(1);
    assert_int_equal(buffer_printf(&buffer, "%05000d", 1), -ENOMEM);
    (void)mem_fail_at(1);
    char large[5000] = {0};
    assert_int_equal(buffer_append(&buffer, large, sizeof(large)), -ENOMEM);
    (void)mem_fail_at(0);
    assert_int_equal(buffer_len(&buffer), 3);
    assert_memory_equal(buffer_view(&buffer).ptr, "abc", 3);
    buffer_deinit(&buffer);
}

static void printf_appends_exactly_up_to_the_maximum(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 10);
    assert_int_equal(buffer_printf(&buffer, "%s", ""), 0);
    assert_int_equal(buffer_printf(&buffer, "%d-%s", 12, "ab"), 0);
    assert_int_equal(buffer_printf(&buffer, "%s", "123456"), -WHARF_ELIMIT);
    assert_int_equal(buffer_printf(&buffer, "%s", "12345"), 0);
    assert_int_equal(buffer_len(&buffer), 10);
    assert_memory_equal(buffer_view(&buffer).ptr, "12-ab12345", 10);
    assert_int_equal(buffer_append_str(&buffer, wharf_str_of("x")), -WHARF_ELIMIT);
    buffer_deinit(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_has_a_view_and_costs_nothing),
        cmocka_unit_test(keeps_order_under_random_appends_and_consumes),
        cmocka_unit_test(reserve_gives_writable_room),
        cmocka_unit_test(failure_leaves_the_buffer_untouched),
        cmocka_unit_test(printf_appends_exactly_up_to_the_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

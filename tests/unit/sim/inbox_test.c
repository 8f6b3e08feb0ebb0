/* One direction of a connection: arrival, order, the FIN, cutting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "sim/inbox.h"

static void post(struct inbox *inbox, const char *text, int64_t at) {
    struct segment *segment = segment_new(strlen(text));
    assert_non_null(segment);
    memcpy(segment->bytes, text, strlen(text));
    inbox_post(inbox, segment, at);
}

static void nothing_is_ready_before_it_arrives(void **state) {
    (void)state;
    struct inbox inbox;
    inbox_init(&inbox);
    char out[16];
    post(&inbox, "abc", 10);
    post(&inbox, "def", 20);
    assert_int_equal(inbox_next(&inbox), 10);
    assert_false(inbox_arrive(&inbox, 9));
    assert_int_equal(inbox_take(&inbox, out, sizeof(out)), 0);
    assert_true(inbox_arrive(&inbox, 10));
    assert_int_equal(inbox.ready, 3);
    assert_int_equal(inbox.underway, 3);
    assert_int_equal(inbox_next(&inbox), 20);
    assert_true(inbox_arrive(&inbox, 25));
    assert_int_equal(inbox_next(&inbox), INT64_MAX);
    assert_int_equal(inbox_take(&inbox, out, sizeof(out)), 6);
    assert_memory_equal(out, "abcdef", 6);
    inbox_deinit(&inbox);
}

static void reads_across_segments_at_any_border(void **state) {
    (void)state;
    for (size_t step = 1; step <= 7; step++) {
        struct inbox inbox;
        inbox_init(&inbox);
        post(&inbox, "ab", 1);
        post(&inbox, "c", 1);
        post(&inbox, "defg", 1);
        assert_true(inbox_arrive(&inbox, 1));
        char out[8] = "";
        size_t got = 0;
        while (inbox.ready > 0) {
            got += inbox_take(&inbox, out + got, step);
        }
        assert_int_equal(got, 7);
        assert_string_equal(out, "abcdefg");
        assert_null(inbox.first);
        inbox_deinit(&inbox);
    }
}

static void nothing_overtakes(void **state) {
    (void)state;
    struct inbox inbox;
    inbox_init(&inbox);
    post(&inbox, "slow", 100);
    post(&inbox, "fast", 50);
    inbox_post_fin(&inbox, 60);
    assert_false(inbox_arrive(&inbox, 99));
    assert_true(inbox_arrive(&inbox, 100));
    assert_int_equal(inbox.ready, 8);
    assert_true(inbox.ended);
    inbox_deinit(&inbox);
}

static void the_end_comes_after_the_bytes(void **state) {
    (void)state;
    struct inbox inbox;
    inbox_init(&inbox);
    post(&inbox, "x", 10);
    inbox_post_fin(&inbox, 20);
    assert_true(inbox_arrive(&inbox, 10));
    assert_false(inbox.ended);
    assert_int_equal(inbox_next(&inbox), 20);
    assert_true(inbox_arrive(&inbox, 20));
    assert_true(inbox.ended);
    assert_int_equal(inbox_next(&inbox), INT64_MAX);
    inbox_deinit(&inbox);
}

static void cutting_keeps_what_has_arrived(void **state) {
    (void)state;
    int64_t blocks = mem_live();
    struct inbox inbox;
    inbox_init(&inbox);
    post(&inbox, "kept", 10);
    post(&inbox, "lost", 20);
    inbox_post_fin(&inbox, 20);
    assert_true(inbox_arrive(&inbox, 10));
    inbox_cut(&inbox);
    assert_int_equal(inbox_next(&inbox), INT64_MAX);
    assert_false(inbox_arrive(&inbox, 30));
    char out[8];
    assert_int_equal(inbox_take(&inbox, out, sizeof(out)), 4);
    post(&inbox, "more", 40);
    inbox_cut(&inbox);
    inbox_deinit(&inbox);
    assert_int_equal(mem_live(), blocks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_ready_before_it_arrives),
        cmocka_unit_test(reads_across_segments_at_any_border),
        cmocka_unit_test(nothing_overtakes),
        cmocka_unit_test(the_end_comes_after_the_bytes),
        cmocka_unit_test(cutting_keeps_what_has_arrived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The event queue: order, ties, moving and removing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "sim/event.h"

enum { EVENTS = 500 };

static void gives_events_in_order_of_time(void **state) {
    (void)state;
    static struct event events[EVENTS];
    struct event_queue queue = {0};
    struct random random;
    random_init(&random, 1);
    for (int i = 0; i < EVENTS; i++) {
        event_push(&queue, &events[i], (int64_t)random_below(&random, 100));
    }
    int64_t last = -1;
    uint64_t last_sequence = 0;
    for (int i = 0; i < EVENTS; i++) {
        struct event *event = event_first(&queue);
        assert_non_null(event);
        assert_true(event->at >= last);
        if (event->at == last) {
            assert_true(event->sequence > last_sequence);
        }
        last = event->at;
        last_sequence = event->sequence;
        event_remove(&queue, event);
    }
    assert_null(event_first(&queue));
}

static void removes_from_anywhere(void **state) {
    (void)state;
    static struct event events[EVENTS];
    struct event_queue queue = {0};
    struct random random;
    random_init(&random, 2);
    for (int i = 0; i < EVENTS; i++) {
        event_push(&queue, &events[i], (int64_t)random_below(&random, 1000));
    }
    int left = EVENTS;
    for (int i = 0; i < EVENTS; i++) {
        if (random_below(&random, 2) == 0) {
            event_remove(&queue, &events[i]);
            event_remove(&queue, &events[i]);
            left--;
        }
        if (random_below(&random, 8) == 0 && event_first(&queue) != NULL) {
            event_remove(&queue, event_first(&queue));
            left--;
        }
    }
    int64_t last = -1;
    struct event *event = event_first(&queue);
    while (event != NULL) {
        assert_true(event->at >= last);
        last = event->at;
        event_remove(&queue, event);
        left--;
        event = event_first(&queue);
    }
    assert_true(left <= 0);
    for (int i = 0; i < EVENTS; i++) {
        assert_false(events[i].queued);
    }
}

static void pushing_again_moves(void **state) {
    (void)state;
    struct event first = {0}, second = {0};
    struct event_queue queue = {0};
    event_push(&queue, &first, 10);
    event_push(&queue, &second, 20);
    event_push(&queue, &first, 30);
    assert_ptr_equal(event_first(&queue), &second);
    event_remove(&queue, &second);
    assert_ptr_equal(event_first(&queue), &first);
    assert_int_equal(first.at, 30);
    event_remove(&queue, &first);
    assert_null(event_first(&queue));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_events_in_order_of_time),
        cmocka_unit_test(removes_from_anywhere),
        cmocka_unit_test(pushing_again_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The heap of timers, against a list that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>

#include "base/memory.h"
#include "base/random.h"
#include "sched/internal.h"

enum { TIMERS = 150, STEPS = 20000, HORIZON = 1000 };

/* A timer, and what the model knows of it. */
struct subject {
    struct timer timer;
    int64_t deadline; /* TIMER_NEVER: not armed */
    bool made;
};

static struct sched heap; /* only its timers and its time are used */
static struct subject subjects[TIMERS];
static int64_t last_fired;
static unsigned fired, wrong;

static void count_fire(struct timer *timer) {
    struct subject *subject = (struct subject *)(void *)timer;
    fired++;
    /* Due, armed, and in the order of the deadlines. */
    if (!subject->made || subject->deadline > heap.now || subject->deadline < last_fired) {
        wrong++;
    }
    last_fired = subject->deadline;
    subject->deadline = TIMER_NEVER;
}

static int setup(void **state) {
    (void)state;
    heap = (struct sched){.now = 1};
    for (size_t i = 0; i < TIMERS; i++) {
        subjects[i] = (struct subject){.deadline = TIMER_NEVER};
    }
    fired = wrong = 0;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    mem_free(heap.timers);
    return 0;
}

static unsigned due_in_model(void) {
    unsigned due = 0;
    for (size_t i = 0; i < TIMERS; i++) {
        due += subjects[i].made && subjects[i].deadline <= heap.now ? 1 : 0;
    }
    return due;
}

static void advance(int64_t by) {
    heap.now += by;
    unsigned due = due_in_model();
    fired = 0;
    last_fired = 0;
    timers_fire(&heap);
    assert_int_equal(fired, due);
    assert_int_equal(due_in_model(), 0);
    assert_int_equal(wrong, 0);
}

static void step(struct random *random) {
    struct subject *subject = &subjects[random_below(random, TIMERS)];
    if (!subject->made) {
        assert_int_equal(timer_init(&heap, &subject->timer, count_fire), 0);
        subject->made = true;
    }
    switch (random_below(random, 8)) {
    case 0:
        timer_clear(&subject->timer);
        subject->deadline = TIMER_NEVER;
        break;
    case 1:
        timer_deinit(&heap, &subject->timer);
        subject->deadline = TIMER_NEVER;
        subject->made = false;
        break;
    case 2: advance((int64_t)random_below(random, 40)); break;
    default:
        subject->deadline = heap.now + (int64_t)random_below(random, HORIZON) - 5;
        timer_set(&heap, &subject->timer, subject->deadline);
        break;
    }
}

static void fires_what_the_model_fires_in_its_order(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct random random;
        random_init(&random, seed);
        for (int i = 0; i < STEPS; i++) {
            step(&random);
            assert_true(timers_next(&heap) == TIMER_NEVER || heap.timer_count > 0);
        }
    }
    advance(HORIZON * 2);
    for (size_t i = 0; i < TIMERS; i++) {
        timer_deinit(&heap, &subjects[i].timer);
    }
    assert_int_equal(heap.timer_reserved, 0);
    assert_true(heap.timer_count == 0);
}

static void the_next_is_never_later_than_the_nearest(void **state) {
    (void)state;
    struct timer near = {0}, far = {0};
    assert_int_equal(timer_init(&heap, &near, count_fire), 0);
    assert_int_equal(timer_init(&heap, &far, count_fire), 0);
    assert_true(timers_next(&heap) == TIMER_NEVER);
    timer_set(&heap, &far, 500);
    timer_set(&heap, &near, 100);
    assert_true(timers_next(&heap) == 100);
    timer_set(&heap, &near, 50);
    assert_true(timers_next(&heap) == 50);
    timer_deinit(&heap, &near);
    assert_true(timers_next(&heap) == 500);
    timer_deinit(&heap, &far);
    timer_deinit(&heap, &far); /* harmless again */
    assert_true(timers_next(&heap) == TIMER_NEVER);
}

static int times_rearmed;

static void rearm(struct timer *timer) {
    times_rearmed++;
    if (times_rearmed < 5) {
        timer_set(&heap, timer, heap.now + 10);
    } else {
        timer_deinit(&heap, timer);
    }
}

static void may_be_armed_and_deinited_while_it_fires(void **state) {
    (void)state;
    struct timer timer;
    times_rearmed = 0;
    assert_int_equal(timer_init(&heap, &timer, rearm), 0);
    timer_set(&heap, &timer, heap.now);
    for (int i = 0; i < 100; i++) {
        timers_fire(&heap);
        heap.now++;
    }
    assert_int_equal(times_rearmed, 5);
    assert_int_equal(heap.timer_reserved, 0);
}

static void a_failed_init_reserves_nothing(void **state) {
    (void)state;
    struct timer timer;
    (void)mem_fail_at(1);
    assert_int_equal(timer_init(&heap, &timer, count_fire), -ENOMEM);
    (void)mem_fail_at(0);
    assert_int_equal(heap.timer_reserved, 0);
    timer_deinit(&heap, &timer);
    assert_int_equal(heap.timer_reserved, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fires_what_the_model_fires_in_its_order, setup, teardown),
        cmocka_unit_test_setup_teardown(the_next_is_never_later_than_the_nearest, setup, teardown),
        cmocka_unit_test_setup_teardown(may_be_armed_and_deinited_while_it_fires, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_init_reserves_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

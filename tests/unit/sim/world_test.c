/* Time, descriptors and chance of the simulated world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "sim/endpoint.h"
#include "sim/host.h"

/* The first host has nothing to do before `until`. false: nothing can ever happen. */
static bool wait_until(struct world *world, int64_t until) {
    return host_choose(world, world->first, until) == world->first;
}

static int setup(void **state) {
    *state = world_new(NULL);
    return *state != NULL ? 0 : -1;
}

static int teardown(void **state) {
    world_free(*state);
    return 0;
}

static int fired;
static struct host *woken;
static void count(struct event *event) {
    (void)event;
    fired++;
    host_wake(woken);
}

static void time_jumps_to_the_nearest(void **state) {
    struct world *world = *state;
    struct event event = {.fire = count};
    fired = 0;
    woken = world->first;
    event_push(&world->events, &event, WORLD_START_NS + 60000000000);
    assert_true(wait_until(world, WORLD_START_NS + 10));
    assert_int_equal(world->now, WORLD_START_NS + 10);
    assert_int_equal(fired, 0);
    assert_true(wait_until(world, INT64_MAX));
    assert_int_equal(world->now, WORLD_START_NS + 60000000000);
    assert_int_equal(fired, 1);
}

static void looking_leaves_the_time(void **state) {
    struct world *world = *state;
    assert_true(wait_until(world, 0));
    assert_int_equal(world->now, WORLD_START_NS);
}

static void a_loop_that_only_looks_does_not_stop_the_clock(void **state) {
    struct world *world = *state;
    for (int i = 0; i < 100000 && world->now == WORLD_START_NS; i++) {
        assert_true(wait_until(world, 0));
    }
    assert_true(world->now > WORLD_START_NS);
}

static void nothing_to_wait_for_is_a_deadlock(void **state) {
    struct world *world = *state;
    assert_false(wait_until(world, INT64_MAX));
    host_wake(world->first);
    assert_true(wait_until(world, INT64_MAX));
    assert_false(wait_until(world, INT64_MAX));
}

static void the_lowest_free_number_is_given(void **state) {
    struct world *world = *state;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(endpoint_open(world->first, AF_INET, SOCK_STREAM), 3 + i);
    }
    endpoint_close(host_endpoint(world->first, 150), false);
    endpoint_close(host_endpoint(world->first, 7), false);
    assert_null(host_endpoint(world->first, 7));
    assert_int_equal(endpoint_open(world->first, AF_INET6, SOCK_STREAM), 7);
    assert_int_equal(endpoint_open(world->first, AF_UNIX, SOCK_STREAM), 150);
    assert_int_equal(endpoint_open(world->first, AF_UNIX, SOCK_STREAM), 203);
    assert_int_equal(world->first->open, 201);
    assert_null(host_endpoint(world->first, 2));
    assert_null(host_endpoint(world->first, -1));
    assert_null(host_endpoint(world->first, 100000));
}

static void sockets_have_a_limit(void **state) {
    (void)state;
    struct world *world = world_new(WHARF_OPTIONS(wharf_sim_options, .sockets_max = 2));
    assert_non_null(world);
    assert_int_equal(endpoint_open(world->first, AF_INET, SOCK_STREAM), 3);
    assert_int_equal(endpoint_open(world->first, AF_INET, SOCK_STREAM), 4);
    assert_int_equal(endpoint_open(world->first, AF_INET, SOCK_STREAM), -EMFILE);
    endpoint_close(host_endpoint(world->first, 3), false);
    assert_int_equal(endpoint_open(world->first, AF_INET, SOCK_STREAM), 3);
    assert_int_equal(endpoint_open(world->first, AF_INET, SOCK_RAW), -ESOCKTNOSUPPORT);
    assert_int_equal(endpoint_open(world->first, AF_PACKET, SOCK_STREAM), -EAFNOSUPPORT);
    world_free(world);
}

static void everything_left_is_freed(void **state) {
    (void)state;
    int64_t blocks = mem_live();
    struct world *world = world_new(NULL);
    assert_non_null(world);
    assert_true(endpoint_open(world->first, AF_INET, SOCK_STREAM) >= 0);
    world_free(world);
    assert_int_equal(mem_live(), blocks);
}

static void record(struct world *world, const char *operation, int64_t result) {
    struct step step = {.host = world->first, .task_name = "test", .operation = operation, .result = result};
    world_record(world, &step);
}

static void the_seed_decides(void **state) {
    (void)state;
    uint64_t traces[4];
    static const uint64_t seeds[4] = {1, 1, 2, 3};
    for (int i = 0; i < 4; i++) {
        wharf_sim_options options = {.size = sizeof(options), .seed = seeds[i], .piece_bytes_max = 10};
        struct world *world = world_new(&options);
        assert_non_null(world);
        for (int j = 0; j < 20; j++) {
            uint64_t word = 0;
            world_random(world, &word, 5);
            record(world, "word", (int64_t)word);
            record(world, "pick", (int64_t)world_pick(world, 5));
            size_t piece = world_piece(world, 100);
            assert_in_range(piece, 1, 10);
            record(world, "piece", (int64_t)piece);
        }
        traces[i] = world->trace;
        world_free(world);
    }
    assert_true(traces[0] == traces[1]);
    assert_true(traces[0] != traces[2]);
    assert_true(traces[2] != traces[3]);
}

static void without_a_seed_ready_tasks_run_in_order(void **state) {
    struct world *world = *state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(world_pick(world, 9), 0);
        assert_int_equal(world_piece(world, 1000), 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(time_jumps_to_the_nearest, setup, teardown),
        cmocka_unit_test_setup_teardown(looking_leaves_the_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_loop_that_only_looks_does_not_stop_the_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_to_wait_for_is_a_deadlock, setup, teardown),
        cmocka_unit_test_setup_teardown(the_lowest_free_number_is_given, setup, teardown),
        cmocka_unit_test(sockets_have_a_limit),
        cmocka_unit_test(everything_left_is_freed),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test_setup_teardown(without_a_seed_ready_tasks_run_in_order, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

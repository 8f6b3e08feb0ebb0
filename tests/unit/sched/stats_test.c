/* The counters of wharf/debug.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "wharf/debug.h"
#include "wharf/net.h"
#include "wharf/os.h"
#include "wharf/task.h"

static wharf_counters counters(void) {
    wharf_counters now = {.size = sizeof now};
    assert_int_equal(wharf_stats(&now), 0);
    return now;
}

static int nothing(void *arg) {
    (void)arg;
    return 0;
}

static int sleeper(void *arg) {
    return wharf_sleep(*(int64_t *)arg);
}

static void counts_what_happens(void **state) {
    (void)state;
    wharf_counters before = counters();
    int64_t ms = 1;
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 10; i++) {
            wharf_go(scope, sleeper, ms);
        }
        assert_int_equal(counters().tasks_now, before.tasks_now + 10);
    }
    assert_int_equal(wharf_offload(nothing, NULL, 0), 0);
    wharf_sock sock = wharf_serve_on("127.0.0.1:0");
    wharf_counters after = counters();
    wharf_close(sock);
    assert_int_equal(after.schedulers, 1);
    assert_int_equal(after.tasks_started, before.tasks_started + 10);
    assert_int_equal(after.tasks_now, before.tasks_now);
    assert_true(after.tasks_peak >= before.tasks_now + 10);
    assert_true(after.turns >= before.turns + 20);
    assert_true(after.operations >= before.operations + 12);
    assert_true(after.timers >= before.timers + 10);
    assert_true(after.wake_ups > before.wake_ups);
    assert_true(after.polls >= after.wake_ups);
    assert_int_equal(after.offloads, before.offloads + 1);
    assert_int_equal(after.sockets_now, before.sockets_now + 1);
    assert_int_equal(counters().sockets_now, before.sockets_now);
}

static void writes_no_more_than_the_caller_has(void **state) {
    (void)state;
    wharf_counters out;
    memset(&out, 0x55, sizeof out);
    out.size = offsetof(wharf_counters, tasks_now);
    assert_int_equal(wharf_stats(&out), 0);
    assert_int_equal(out.size, offsetof(wharf_counters, tasks_now));
    assert_int_equal(out.schedulers, 1);
    assert_int_equal(out.tasks_now, 0x5555555555555555);
    out.size = 0;
    assert_int_equal(wharf_stats(&out), -EINVAL);
    assert_int_equal(wharf_stats_all(&out), -EINVAL);
}

static _Atomic int arrived, summed;

static int on_each_core(void *arg) {
    wharf_counters *sum = arg;
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 5; i++) {
            wharf_go(scope, nothing, 0);
        }
    }
    atomic_fetch_add(&arrived, 1);
    if (wharf_core() != 0) {
        while (atomic_load(&summed) == 0) {
            wharf_sleep(1);
        }
        return 0;
    }
    while (atomic_load(&arrived) < 2) {
        wharf_yield();
    }
    int rc = wharf_stats_all(sum);
    atomic_store(&summed, 1);
    return rc;
}

static void sums_over_all_cores(void **state) {
    (void)state;
    wharf_counters before = counters(), sum = {.size = sizeof sum};
    assert_int_equal(wharf_run(2, on_each_core, &sum), 0);
    assert_int_equal(sum.schedulers, 2);
    assert_int_equal(sum.tasks_started, before.tasks_started + 10);
    assert_int_equal(sum.tasks_now, before.tasks_now);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_happens),
        cmocka_unit_test(writes_no_more_than_the_caller_has),
        cmocka_unit_test(sums_over_all_cores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

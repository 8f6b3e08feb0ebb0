/* The watchdog: who keeps a core from the others is named, and nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "child.h"
#include "sched/sanitizer.h"
#include "wharf/debug.h"
#include "wharf/task.h"

static uint64_t stalls(void) {
    wharf_counters counters = {.size = sizeof counters};
    (void)wharf_stats_all(&counters);
    return counters.stalls;
}

/* Keeps the core until that has been noticed. */
static int compute(void *arg) {
    (void)arg;
    while (stalls() == 0) {
    }
    return 0;
}

static int block(void *arg) {
    (void)arg;
    while (stalls() == 0) {
        (void)poll(NULL, 0, 1000);
    }
    return 0;
}

static int scenario_compute(void) {
    wharf_go(NULL, compute, 0);
    return wharf_yield();
}

static int scenario_block(void) {
    wharf_go(NULL, block, 0);
    return wharf_yield();
}

static void names_a_task_that_computes_or_blocks(void **state) {
    (void)state;
    if (SANITIZER_THREAD || SANITIZER_MEMORY) {
        skip(); /* one holds signals back while a task computes, the other's own functions keep no frame pointers */
    }
    static const char *const names[] = {"compute", "block"};
    for (size_t i = 0; i < 2; i++) {
        struct child_end end = child_run(names[i], "WHARF_WATCHDOG=10");
        assert_int_equal(end.status, 0);
        assert_non_null(strstr(end.errors, names[i]));
        assert_non_null(strstr(end.errors, "watchdog_test.c:"));
        assert_non_null(strstr(end.errors, "has kept core 0 from the others for "));
        assert_non_null(strstr(end.errors, "\n    #0  "));
        assert_non_null(strstr(end.errors, "\n    #1  "));
    }
}

/* Ends with the time, and lets others run all the while. */
static int share(void *arg) {
    int64_t end = wharf_now_ns() + *(int64_t *)arg;
    while (wharf_now_ns() < end) {
        wharf_yield();
    }
    return 0;
}

enum { WHILE_NS = 60 * 1000 * 1000 };

static int scenario_share(void) {
    int64_t span = WHILE_NS;
    WHARF_SCOPE (scope, NULL) {
        wharf_go(scope, share, span);
        wharf_go(scope, share, span);
        wharf_sleep(WHILE_NS / 1000000);
    }
    return stalls() == 0 ? 0 : 1;
}

/* The thread of a program that does something else has nobody waiting. */
static int scenario_alone(void) {
    wharf_yield();
    int64_t end = wharf_now_ns() + WHILE_NS;
    while (wharf_now_ns() < end) {
    }
    return stalls() == 0 ? 0 : 1;
}

static int scenario_switched_off(void) {
    int rc = wharf_debug(WHARF_OPTIONS(wharf_debug_options, .watchdog_ms = WHARF_OFF));
    int64_t span = WHILE_NS;
    WHARF_SCOPE (scope, NULL) {
        wharf_go(scope, share, span);
        int64_t end = wharf_now_ns() + WHILE_NS;
        while (wharf_now_ns() < end) {
        }
    }
    return rc == 0 && stalls() == 0 ? 0 : 1;
}

static void says_nothing_of_tasks_that_harm_nobody(void **state) {
    (void)state;
    static const char *const names[] = {"share", "alone", "switched off"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct child_end end = child_run(names[i], "WHARF_WATCHDOG=20");
        assert_string_equal(end.errors, "");
        assert_int_equal(end.status, 0);
    }
}

int main(int argc, char **argv) {
    static const struct child_scenario scenarios[] = {
        {"compute", scenario_compute},
        {"block", scenario_block},
        {"share", scenario_share},
        {"alone", scenario_alone},
        {"switched off", scenario_switched_off},
    };
    child_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_a_task_that_computes_or_blocks),
        cmocka_unit_test(says_nothing_of_tasks_that_harm_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

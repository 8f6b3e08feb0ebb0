/* What the programs in this folder share: running a scenario under many seeds, and checks that are safe on a task's own
 * stack (an assertion of cmocka leaves by longjmp, which must not cross stacks). */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "wharf/wharf.h"

enum { SCENARIO_SEEDS = 50 };

/* The first check that failed since the last scenario_begin(); 0: none. */
static int scenario_broken_line;

#define EXPECT(condition) scenario_expect((condition), #condition, __LINE__)

static inline void scenario_expect(bool holds, const char *text, int line) {
    if (!holds && scenario_broken_line == 0) {
        scenario_broken_line = line;
        fprintf(stderr, "line %d: does not hold: %s\n", line, text);
    }
}

/* Nothing is left of a run, and no check failed. */
static inline void scenario_assert_clean(const wharf_sim_options *options, const wharf_sim_report *report) {
    if (report->tasks_left != 0 || report->sockets_left != 0 || report->blocks_left != 0 ||
        scenario_broken_line != 0) {
        fprintf(stderr, "seed %llu, cancel %llu, expire %llu, allocation %llu\n",
                (unsigned long long)options->seed, (unsigned long long)options->cancel_checkpoint,
                (unsigned long long)options->expire_checkpoint, (unsigned long long)options->fail_allocation);
    }
    assert_int_equal(scenario_broken_line, 0);
    assert_int_equal(report->tasks_left, 0);
    assert_int_equal(report->sockets_left, 0);
    assert_int_equal(report->blocks_left, 0);
}

static inline wharf_sim_report scenario_run(const wharf_sim_options *options, wharf_fn fn) {
    wharf_sim_report report = {0};
    scenario_broken_line = 0;
    int result = wharf_sim_run_report(options, fn, NULL, &report);
    if (result != 0) {
        fprintf(stderr, "seed %llu: %s\n", (unsigned long long)options->seed, wharf_strerror(result));
    }
    scenario_assert_clean(options, &report);
    assert_int_equal(result, 0);
    return report;
}

/* The scenario succeeds and leaves nothing, in order and in any order of tasks. */
static inline void scenario_run_seeds(wharf_fn fn) {
    for (uint64_t seed = 0; seed < SCENARIO_SEEDS; seed++) {
        (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .piece_bytes_max = seed % 8), fn);
    }
}

/* Runs it with fault 1, 2, 3 ... until past the last one; each time nothing is left. `fault` is the field of `options`. */
static inline uint64_t scenario_sweep(wharf_sim_options *options, uint64_t *fault, wharf_fn fn) {
    for (uint64_t n = 1;; n++) {
        wharf_sim_report report = {0};
        *fault = n;
        scenario_broken_line = 0;
        (void)wharf_sim_run_report(options, fn, NULL, &report);
        scenario_assert_clean(options, &report);
        bool past = n > (fault == &options->fail_allocation ? report.allocations : report.checkpoints);
        if (past) {
            return n - 1;
        }
    }
}

#endif

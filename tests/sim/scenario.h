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

/* The first check that failed since it was set to 0; 0: none. For scenarios that also run outside a simulation. */
static int scenario_broken_line;

#define EXPECT(condition) scenario_expect((condition), #condition, __FILE__, __LINE__)

static inline void scenario_expect(bool holds, const char *text, const char *file, int line) {
    if (!wharf_test_expect(holds, text, file, line) && scenario_broken_line == 0) {
        scenario_broken_line = line;
    }
}

/* Nothing is left of a run, and no check failed. */
static inline void scenario_assert_clean(const wharf_sim_options *options, int result,
                                         const wharf_sim_report *report) {
    if (report->tasks_left != 0 || report->sockets_left != 0 || report->blocks_left != 0 ||
        report->channels_left != 0 || result == -WHARF_ECHECK) {
        fprintf(stderr, "seed %llu: %llu tasks, %llu sockets, %llu channels, %lld blocks; %s\n",
                (unsigned long long)options->seed, (unsigned long long)report->tasks_left,
                (unsigned long long)report->sockets_left, (unsigned long long)report->channels_left,
                (long long)report->blocks_left, result < 0 ? wharf_why() : "");
    }
    assert_int_not_equal(result, -WHARF_ECHECK);
    assert_int_equal(report->tasks_left, 0);
    assert_int_equal(report->sockets_left, 0);
    assert_int_equal(report->channels_left, 0);
    assert_int_equal(report->blocks_left, 0);
}

static inline wharf_sim_report scenario_run(const wharf_sim_options *options, wharf_fn fn) {
    wharf_sim_report report = {0};
    int result = wharf_sim_run_report(options, fn, NULL, &report);
    if (result != 0) {
        fprintf(stderr, "seed %llu: %s\n", (unsigned long long)options->seed, wharf_why());
    }
    scenario_assert_clean(options, result, &report);
    assert_int_equal(result, 0);
    return report;
}

/* The scenario succeeds and leaves nothing, in order and in any order of tasks. */
static inline void scenario_run_seeds(wharf_fn fn) {
    for (uint64_t seed = 0; seed < SCENARIO_SEEDS; seed++) {
        (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .piece_bytes_max = seed % 8), fn);
    }
}

/* Struck at each place in turn, it leaves nothing. Returns how many places there were. */
static inline int64_t scenario_sweep(wharf_test_fault fault, const wharf_sim_options *options, wharf_fn fn) {
    int64_t places = wharf_test_every(fault, options, fn, NULL);
    if (places < 0) {
        fprintf(stderr, "%s\n", wharf_why());
    }
    assert_true(places >= 0);
    return places;
}

#endif

/* Many seeds, one program; and when one of them fails, the shortest story of why.
 *
 * The faults of a failing run were drawn from its seed. They are data, and a run with the same faults given is the same run,
 * so entries can be left out and the run tried again. Which to leave out is the delta debugging of Zeller and Hildebrandt
 * ("Simplifying and Isolating Failure-Inducing Input", 2002): halves first, then quarters, down to single entries, until
 * nothing can go without the failure going too.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failure.h"
#include "base/number.h"
#include "base/report.h"
#include "sim/run.h"

/* What wharf_sim_each() does that says nothing else. */
enum { CHAOS_DEFAULT = 4, PIECE_BYTES_DEFAULT = 2000 };

struct plan {
    wharf_sim_fault faults[WHARF_SIM_FAULTS_MAX];
    size_t count;
};

/* The failure that is being explained. */
struct search {
    struct scenario scenario;
    wharf_sim_options options;
    int verdict; /* what counts as "still fails" */
    struct plan plan;
};

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    report_write(REPORT_ERROR, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

/* What the run is to be called: its function's error, or what report_verdict() says. */
static int run_once(const struct scenario *scenario, wharf_sim_report *report) {
    int result = scenario_perform(scenario, report);
    int verdict = report_verdict(result, report);
    if (verdict < 0) {
        return verdict;
    }
    return result < 0 ? result : 0;
}

static bool still_fails(struct search *search, const struct plan *plan) {
    wharf_sim_report report;
    search->options.faults = plan->faults;
    search->options.fault_count = plan->count;
    search->options.chaos = 0;
    return run_once(&search->scenario, &report) == search->verdict;
}

/* The plan without `count` entries from `from` on. */
static struct plan plan_without(const struct plan *plan, size_t from, size_t count) {
    struct plan rest = {.count = plan->count - count};
    memcpy(rest.faults, plan->faults, from * sizeof rest.faults[0]);
    memcpy(rest.faults + from, plan->faults + from + count,
           (plan->count - from - count) * sizeof rest.faults[0]);
    return rest;
}

/* Leaves out pieces of `size` entries as long as it fails without one. Whether any could go. */
static bool plan_drop(struct search *search, size_t size) {
    bool any = false;
    size_t from = 0;
    while (from < search->plan.count) {
        size_t count = search->plan.count - from < size ? search->plan.count - from : size;
        struct plan rest = plan_without(&search->plan, from, count);
        if (still_fails(search, &rest)) {
            search->plan = rest;
            any = true;
        } else {
            from += count;
        }
    }
    return any;
}

static void plan_shrink(struct search *search) {
    size_t size = (search->plan.count + 1) / 2;
    while (size > 0 && search->plan.count > 0) {
        bool any = plan_drop(search, size);
        if (size == 1 && !any) {
            return;
        }
        size = size > 1 ? size / 2 : 1;
    }
}

/* The same failure once more, with everybody taking notes of what is left. */
static void tell_what_is_left(struct search *search) {
    wharf_sim_report report;
    search->scenario.tells = true;
    search->options.faults = search->plan.faults;
    search->options.fault_count = search->plan.count;
    (void)scenario_perform(&search->scenario, &report);
}

static int explain(const struct scenario *scenario, int verdict, const wharf_sim_report *report) {
    struct failure failure = *failure_current();
    char why[256];
    (void)snprintf(why, sizeof why, "%s", wharf_why());
    uint64_t seed = scenario->options->seed;
    tell("wharf: seed %" PRIu64 " fails: %s", seed, why);
    struct search search = {*scenario, *scenario->options, verdict, {.count = report->fault_count}};
    search.scenario.options = &search.options;
    memcpy(search.plan.faults, report->faults, report->fault_count * sizeof report->faults[0]);
    if (report->fault_count > 0 && still_fails(&search, &search.plan)) {
        plan_shrink(&search);
    }
    tell("wharf: shortest fault plan that still fails: %zu of %zu entries%s", search.plan.count,
         report->fault_count, search.plan.count == 0 ? ", it needs no fault" : "");
    for (size_t i = 0; i < search.plan.count; i++) {
        char line[160];
        (void)wharf_sim_fault_format(&search.plan.faults[i], line, sizeof line);
        tell("    %s", line);
    }
    if (verdict == -WHARF_ELEFT) {
        tell_what_is_left(&search);
    }
    tell("wharf: WHARF_SEED=%" PRIu64 " in the environment runs it again", seed);
    *failure_current() = failure;
    return verdict;
}

/* The seed that the environment asks for. */
static bool seed_wanted(uint64_t *ret_seed) {
    const char *text = getenv("WHARF_SEED");
    uint64_t seed;
    if (text == NULL || text[0] == '\0' || number_parse(wharf_str_of(text), UINT64_MAX, &seed) != 0) {
        return false;
    }
    *ret_seed = seed;
    return true;
}

int wharf_sim_each_with(uint64_t seeds, const wharf_sim_options *options, wharf_fn fn, void *arg,
                        wharf_sim_report *ret_report) {
    if (fn == NULL || options == NULL || options->size != sizeof *options) {
        return fail(-EINVAL, "simulation", NULL,
                    fn == NULL ? "no function" : "no options, or without their size");
    }
    wharf_sim_options each = *options;
    const struct scenario scenario = {&each, fn, arg, false};
    bool one = seed_wanted(&each.seed);
    if (one) {
        seeds = 1;
    } else if (each.seed == 0) {
        each.seed = 1;
    }
    for (uint64_t i = 0; i < seeds; i++) {
        wharf_sim_report report;
        int verdict = run_once(&scenario, &report);
        if (ret_report != NULL) {
            *ret_report = report;
        }
        if (verdict < 0) {
            return explain(&scenario, verdict, &report);
        }
        if (one) {
            tell("wharf: seed %" PRIu64 " holds: virtual %" PRId64 ".%09" PRId64 " s, trace %016" PRIx64,
                 each.seed, report.virtual_ns / 1000000000, report.virtual_ns % 1000000000, report.trace);
        }
        each.seed++;
    }
    return 0;
}

int wharf_sim_each(uint64_t seeds, wharf_fn fn) {
    const wharf_sim_options options = {
        .size = sizeof options, .chaos = CHAOS_DEFAULT, .piece_bytes_max = PIECE_BYTES_DEFAULT};
    return wharf_sim_each_with(seeds, &options, fn, NULL, NULL);
}

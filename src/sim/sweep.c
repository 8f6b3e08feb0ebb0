/* Sweeps: one program run again and again, struck by one kind of fault at its first place, its second, and so on until there
 * is no further one. All that can suspend passes one function, all memory one other, and all bytes a third, so the places can
 * be counted.
 *
 * What a run leaves is found by its numbers. Where it was made is not known then; as every run can be repeated, the same case
 * is run once more with everybody taking notes.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/report.h"
#include "sim/run.h"

/* A program that makes a further place in every run would never end. */
#define PLACES_MAX INT64_C(1000000)

struct fault_kind {
    const char *does;   /* "...: what happens at place %llu" */
    size_t field;       /* in the options: which place */
    size_t count_field; /* in the report: how many there were */
};

static const struct fault_kind kinds[] = {
    [WHARF_TEST_CANCEL] = {"cancelled at blocking point", offsetof(wharf_sim_options, cancel_checkpoint),
                           offsetof(wharf_sim_report, checkpoints)},
    [WHARF_TEST_EXPIRE] = {"timed out at blocking point", offsetof(wharf_sim_options, expire_checkpoint),
                           offsetof(wharf_sim_report, checkpoints)},
    [WHARF_TEST_ALLOCATION] = {"without memory at allocation", offsetof(wharf_sim_options, fail_allocation),
                               offsetof(wharf_sim_report, allocations)},
    [WHARF_TEST_SHORT] = {"with a single byte at call", offsetof(wharf_sim_options, short_call),
                          offsetof(wharf_sim_report, calls)},
    [WHARF_TEST_RESET] = {"reset at call", offsetof(wharf_sim_options, reset_call),
                          offsetof(wharf_sim_report, calls)},
    [WHARF_TEST_DESCRIPTOR] = {"refused descriptor", offsetof(wharf_sim_options, fail_descriptor),
                               offsetof(wharf_sim_report, descriptors)},
};

static uint64_t *option_at(wharf_sim_options *options, size_t field) {
    return (uint64_t *)(void *)((char *)options + field);
}

static uint64_t number_at(const wharf_sim_report *report, size_t field) {
    return *(const uint64_t *)(const void *)((const char *)report + field);
}

int report_verdict(int result, const wharf_sim_report *report) {
    if (result == -WHARF_ECHECK || result == -WHARF_EDEADLOCK) {
        return result;
    }
    if (report->tasks_left == 0 && report->sockets_left == 0 && report->channels_left == 0 &&
        report->blocks_left == 0) {
        return 0;
    }
    return fail(-WHARF_ELEFT, "simulation", NULL,
                "%llu tasks, %llu sockets, %llu channels, %lld blocks of memory",
                (unsigned long long)report->tasks_left, (unsigned long long)report->sockets_left,
                (unsigned long long)report->channels_left, (long long)report->blocks_left);
}

/* Says which case it is that went wrong, and runs it once more to hear where. */
static int sweep_failed(const struct fault_kind *kind, const struct scenario *scenario, uint64_t n,
                        int verdict) {
    char line[512];
    struct failure failure = *failure_current();
    int len = snprintf(line, sizeof line, "wharf: %s %llu, seed %llu: %s", kind->does, (unsigned long long)n,
                       (unsigned long long)scenario->options->seed, wharf_why());
    report_write(REPORT_ERROR, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
    struct scenario again = *scenario;
    wharf_sim_report report;
    again.tells = true;
    (void)scenario_perform(&again, &report);
    return fail(verdict, "simulation", NULL, "%s %llu, seed %llu: %s", kind->does, (unsigned long long)n,
                (unsigned long long)scenario->options->seed, failure.detail);
}

int64_t wharf_test_every(wharf_test_fault fault, const wharf_sim_options *options, wharf_fn fn, void *arg) {
    if (fn == NULL || (size_t)fault >= sizeof kinds / sizeof *kinds ||
        (options != NULL && options->size != sizeof *options)) {
        return fail(-EINVAL, "simulation", NULL, "%s",
                    fn == NULL ? "no function" : "fault or options unknown");
    }
    const struct fault_kind *kind = &kinds[fault];
    wharf_sim_options struck = {.size = sizeof struck};
    if (options != NULL) {
        struck = *options;
    }
    const struct scenario scenario = {&struck, fn, arg, false};
    for (uint64_t n = 1; n < PLACES_MAX; n++) {
        wharf_sim_report report;
        *option_at(&struck, kind->field) = n;
        int result = scenario_perform(&scenario, &report);
        bool is_past = n > number_at(&report, kind->count_field);
        int verdict = report_verdict(result, &report);
        if (verdict < 0) {
            return sweep_failed(kind, &scenario, n, verdict);
        }
        if (is_past) {
            return result < 0 ? result : (int64_t)n - 1;
        }
    }
    return fail(-WHARF_ELIMIT, "simulation", NULL, "more than %lld places", (long long)PLACES_MAX);
}

int64_t wharf_test_every_checkpoint(wharf_fn fn) {
    return wharf_test_every(WHARF_TEST_CANCEL, NULL, fn, NULL);
}

int64_t wharf_test_every_timeout(wharf_fn fn) {
    return wharf_test_every(WHARF_TEST_EXPIRE, NULL, fn, NULL);
}

int64_t wharf_test_every_allocation(wharf_fn fn) {
    return wharf_test_every(WHARF_TEST_ALLOCATION, NULL, fn, NULL);
}

int64_t wharf_test_every_short_call(wharf_fn fn) {
    return wharf_test_every(WHARF_TEST_SHORT, NULL, fn, NULL);
}

int64_t wharf_test_every_reset(wharf_fn fn) {
    return wharf_test_every(WHARF_TEST_RESET, NULL, fn, NULL);
}

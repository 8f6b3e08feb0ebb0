/* wharf_sim_run(): a world, a scheduler on it, the scenario as that scheduler's first task on the caller's own
 * stack, and the account of what it left behind. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/report.h"
#include "sched/internal.h"
#include "sim/blocks.h"
#include "sim/engine.h"
#include "sim/program.h"
#include "sim/run.h"

#define SECOND_NS INT64_C(1000000000)

/* The scenario in a scope of its own, so that it can be cancelled as a whole. */
static int scenario_run(struct world *world, wharf_fn fn, void *arg) {
    wharf_scope scope;
    (void)wharf_scope_open(&scope, NULL);
    world->scenario = scope_of(&scope);
    int result = fn(arg);
    world->scenario = NULL;
    (void)wharf_scope_close(&scope);
    return result;
}

/* What the run came to, when that is not for its scenario to say. */
static int world_result(const struct world *world, int result) {
    const struct broken_check *broken = &world->broken;
    if (broken->text != NULL) {
        return fail(-WHARF_ECHECK, "simulation", NULL, "%s:%d: %s", broken->file, broken->line, broken->text);
    }
    switch (world->verdict) {
    case WORLD_GOES_ON: return result;
    case WORLD_DEADLOCKED:
        return fail(-WHARF_EDEADLOCK, "simulation", NULL, "every task waits and nothing can happen: %s",
                    world->stuck);
    case WORLD_OVER_STEPS:
        return fail(-WHARF_ELIMIT, "simulation", NULL, "steps_max: it goes on after %llu steps",
                    (unsigned long long)world->options.steps_max);
    case WORLD_OVER_TIME:
        return fail(-WHARF_ELIMIT, "simulation", NULL,
                    "virtual_ns_max: it goes on after %lld simulated seconds",
                    (long long)(world->options.virtual_ns_max / SECOND_NS));
    }
    return result;
}

static void world_tell(const struct world *world, wharf_sim_report *report) {
    report->checkpoints = world->checkpoints;
    report->trace = world->trace;
    report->channels_left = world->left->channels;
    report->calls = world->calls;
    report->descriptors = world->asked;
    report->steps = world->steps;
    report->sockets_left = world->left->sockets + world->sockets_left + world->first->open;
    report->tasks_left += world->tasks_left;
    report->fault_count = plan_copy(world, report->faults);
    memcpy(report->stuck, world->stuck, sizeof(report->stuck));
}

/* Runs it on a scheduler that is made and ended here. *report gets all but what the world's end shows. */
static int world_run(struct world *world, wharf_fn fn, void *arg, wharf_sim_report *report) {
    struct sched *sched = sched_new(&engine_sim, world->first);
    if (sched == NULL) {
        return fail(-ENOMEM, "simulation", NULL, NULL);
    }
    world->first->program.sched = sched;
    world->report = program_report;
    world->disturb = program_disturb;
    sched->left = world->left;
    struct failure failure = {0};
    (void)mem_fail_at(world->options.fail_allocation);
    int result = world_result(world, scenario_run(world, fn, arg));
    if (result < 0) {
        failure = *failure_current();
    }
    report->virtual_ns = world->now - WORLD_START_NS;
    report->tasks_left = sched_tasks(sched);
    if (world->left->names_them) {
        exit_report_tasks(sched, "wharf: left at exit");
    }
    programs_end(world);
    sched_end(sched);
    report->allocations = mem_fail_at(0);
    world_tell(world, report);
    if (result < 0) {
        *failure_current() = failure;
    }
    return result;
}

static int options_check(const struct world *world) {
    const wharf_sim_options *options = &world->options;
    if (options->latency_ns < 0) {
        return fail(-EINVAL, "simulation", NULL, "a latency below zero");
    }
    return options->virtual_ns_max < 0 ? fail(-EINVAL, "simulation", NULL, "virtual_ns_max is below zero")
                                       : 0;
}

/* Where a planned fault happens, for a run that tells. */
static void strike_report(uint64_t n, const char *what) {
    char line[160];
    struct sched *sched = sched_peek();
    struct backtrace trace = {0};
    if (sched != NULL) {
        backtrace_here(sched, &trace);
    }
    (void)snprintf(line, sizeof line, "wharf: the fault strikes %s, number %llu, in task \"%s\"", what,
                   (unsigned long long)n, sched != NULL ? sched->running->name : "");
    exit_report_made(line, &trace);
}

static int scenario_in_world(const struct scenario *scenario, struct left *left, wharf_sim_report *report) {
    struct world *world = world_new(scenario->options);
    if (world == NULL) {
        return fail(-ENOMEM, "simulation", NULL, NULL);
    }
    world->left = left;
    world->strike = scenario->tells ? strike_report : NULL;
    int result = options_check(world);
    result = result == 0 ? plan_init(world) : result;
    result = result == 0 ? world_run(world, scenario->fn, scenario->arg, report) : result;
    world_free(world);
    return result;
}

int scenario_perform(const struct scenario *scenario, wharf_sim_report *ret_report) {
    int64_t blocks_before = mem_live();
    struct left left = {.names_them = scenario->tells};
    struct blocks blocks;
    wharf_sim_report report = {0};
    if (scenario->tells) {
        blocks_begin(&blocks);
        atomic_store(&debug_switches.sites, true);
    }
    int result = scenario_in_world(scenario, &left, &report);
    report.blocks_left = mem_live() - blocks_before;
    if (scenario->tells) {
        atomic_store(&debug_switches.sites, atomic_load(&debug_switches.exit_report));
        blocks_end(&blocks);
    }
    *ret_report = report;
    return result;
}

int wharf_sim_run_report(const wharf_sim_options *options, wharf_fn fn, void *arg,
                         wharf_sim_report *ret_report) {
    if (fn == NULL || (options != NULL && options->size < sizeof(options->size))) {
        return fail(-EINVAL, "simulation", NULL, fn == NULL ? "no function" : "options without their size");
    }
    wharf_sim_report report;
    int result = scenario_perform(&(struct scenario){options, fn, arg, false}, &report);
    if (ret_report != NULL) {
        *ret_report = report;
    }
    return result;
}

int wharf_sim_run(const wharf_sim_options *options, wharf_fn fn, void *arg) {
    return wharf_sim_run_report(options, fn, arg, NULL);
}

bool wharf_test_expect(bool holds, const char *text, const char *file, int line) {
    if (holds) {
        return true;
    }
    struct sched *sched = sched_peek();
    if (sched != NULL && sched->engine == &engine_sim) {
        struct world *world = ((struct host *)sched_engine_state(sched))->world;
        if (world->broken.text == NULL) {
            world->broken = (struct broken_check){text, file, line};
        }
        return false;
    }
    char told[512];
    int len = snprintf(told, sizeof told, "wharf: %s:%d: does not hold: %s", file, line, text);
    report_write(REPORT_ERROR, told, (size_t)len < sizeof told ? (size_t)len : sizeof told - 1);
    return false;
}

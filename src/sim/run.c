/* wharf_sim_run(): a world, a scheduler on it, the scenario as that scheduler's first task on the caller's own
 * stack, and the account of what it left behind. */
#include <errno.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/report.h"
#include "sched/internal.h"
#include "sim/blocks.h"
#include "sim/engine.h"
#include "sim/run.h"
#include "sim/world.h"

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

/* Runs it on a scheduler that is made and ended here. *report gets all but what the world's end shows. */
static int world_run(struct world *world, wharf_fn fn, void *arg, wharf_sim_report *report) {
    struct sched *sched = sched_new(&engine_sim, world);
    if (sched == NULL) {
        return fail(-ENOMEM, "simulation", NULL, NULL);
    }
    world->report = io_ready;
    sched->left = world->left;
    struct failure failure = {0};
    (void)mem_fail_at(world->options.fail_allocation);
    int result = scenario_run(world, fn, arg);
    if (sched->deadlocked) {
        result = fail(-WHARF_EDEADLOCK, "simulation", NULL, "every task waits and nothing can happen: %s",
                      sched->watch.summary);
    }
    const struct broken_check *broken = &world->broken;
    if (broken->text != NULL) {
        result = fail(-WHARF_ECHECK, "simulation", NULL, "%s:%d: %s", broken->file, broken->line,
                      broken->text);
    }
    if (result < 0) {
        failure = *failure_current();
    }
    report->virtual_ns = world->now - WORLD_START_NS;
    report->tasks_left = (uint64_t)sched->tasks_alive;
    if (world->left->names_them) {
        exit_report_tasks(sched, "wharf: left at exit");
    }
    sched_end(sched);
    report->allocations = mem_fail_at(0);
    report->checkpoints = world->checkpoints;
    report->trace = world->trace;
    report->sockets_left = world->open;
    report->channels_left = world->left->channels;
    report->calls = world->calls;
    report->descriptors = world->asked;
    if (result < 0) {
        *failure_current() = failure;
    }
    return result;
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
    int result = world->options.latency_ns < 0 ? fail(-EINVAL, "simulation", NULL, "a latency below zero")
                                               : world_run(world, scenario->fn, scenario->arg, report);
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
        struct world *world = sched_engine_state(sched);
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

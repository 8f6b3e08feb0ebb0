/* wharf_sim_run(): a world, a scheduler on it, the scenario as that scheduler's first task on the caller's own
 * stack, and the account of what it left behind. */
#include <errno.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sched/internal.h"
#include "sim/engine.h"
#include "sim/world.h"
#include "wharf/sim.h"

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
    struct failure failure = {0};
    (void)mem_fail_at(world->options.fail_allocation);
    int result = scenario_run(world, fn, arg);
    if (sched->deadlocked) {
        result = fail(-WHARF_EDEADLOCK, "simulation", NULL, "every task waits and nothing can happen: %s",
                      sched->watch.summary);
    }
    if (result < 0) {
        failure = *failure_current();
    }
    report->virtual_ns = world->now - WORLD_START_NS;
    report->tasks_left = (uint64_t)sched->tasks_alive;
    sched_end(sched);
    report->allocations = mem_fail_at(0);
    report->checkpoints = world->checkpoints;
    report->trace = world->trace;
    report->sockets_left = world->open;
    if (result < 0) {
        *failure_current() = failure;
    }
    return result;
}

int wharf_sim_run_report(const wharf_sim_options *options, wharf_fn fn, void *arg,
                         wharf_sim_report *ret_report) {
    if (fn == NULL || (options != NULL && options->size < sizeof(options->size))) {
        return fail(-EINVAL, "simulation", NULL, fn == NULL ? "no function" : "options without their size");
    }
    int64_t blocks_before = mem_live();
    wharf_sim_report report = {0};
    struct world *world = world_new(options);
    if (world == NULL) {
        return fail(-ENOMEM, "simulation", NULL, NULL);
    }
    int result = world->options.latency_ns < 0 ? fail(-EINVAL, "simulation", NULL, "a latency below zero")
                                               : world_run(world, fn, arg, &report);
    world_free(world);
    report.blocks_left = mem_live() - blocks_before;
    if (ret_report != NULL) {
        *ret_report = report;
    }
    return result;
}

int wharf_sim_run(const wharf_sim_options *options, wharf_fn fn, void *arg) {
    return wharf_sim_run_report(options, fn, arg, NULL);
}

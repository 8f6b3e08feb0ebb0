/* Programs on hosts: begun, taking turns, killed, begun again. See program.h. */
#include "sim/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failure.h"
#include "base/report.h"
#include "sched/internal.h"
#include "sched/sanitizer.h"
#include "sim/engine.h"

enum {
    ENDING_STEPS = 1000000, /* that a run takes at most to end after it was told to */
    LINE_SIZE = 256,
};

/* How long the programs that are still there when the scenario has returned may take to end. */
#define ENDING_NS INT64_C(60000000000)

/* ---- turns ---- */

/* This thread's scheduler is the host's from now on, for what is called as if by one of its tasks. */
static void program_enter(const struct host *host) {
    struct sched *sched = host->program.sched;
    sched_of_thread = sched;
    failure_redirect(sched != NULL ? &sched->failure : NULL);
}

/* The stack of a program that has ended, once nobody stands on it any more. */
static void program_arrived(struct world *world) {
    if (world->left_stack != NULL) {
        sanitizer_thread_free(world->left_fiber);
        stack_put(&world->stacks, world->left_stack);
        world->left_stack = NULL;
    }
}

/* Goes on with a host, where it stood or at its beginning. What is left is kept in *save. */
static void program_go(struct host *to, void **save, void **fake) {
    struct program *program = &to->program;
    const struct task *task = program->sched != NULL ? program->sched->running : NULL;
    to->world->running = to;
    program_enter(to);
    if (task != NULL) {
        sanitizer_leave(fake, task->stack_bottom, task->stack_size);
        sanitizer_thread_switch(task->sanitizer_fiber);
    } else {
        sanitizer_leave(fake, program->stack->bottom, (size_t)(program->stack->top - program->stack->bottom));
        sanitizer_thread_switch(program->sanitizer_fiber);
    }
    (void)context_switch(save, program->context, 0);
}

static void program_switch(struct host *from, struct host *to) {
    program_go(to, &from->program.context, &from->program.sanitizer_fake);
    sanitizer_arrive(from->program.sanitizer_fake);
    program_arrived(from->world);
}

void program_report(struct host *host, struct io *io, int ready) {
    struct host *running = host->world->running;
    program_enter(host);
    io_ready(io, ready);
    program_enter(running);
}

/* ---- the end of a run ---- */

/* Who waits for what, of all hosts. */
static void world_tell_stuck(struct world *world) {
    size_t at = 0;
    for (struct host *host = world->first; host != NULL; host = host->next) {
        if (host->program.sched == NULL || at >= sizeof(world->stuck)) {
            continue;
        }
        if (world->host_count > 1) {
            int len = snprintf(world->stuck + at, sizeof(world->stuck) - at, "%son %s: ", at > 0 ? "; " : "",
                               host->name);
            at += (size_t)len;
        }
        if (at < sizeof(world->stuck)) {
            deadlock_summary(host->program.sched, world->stuck + at, sizeof(world->stuck) - at);
            at += strlen(world->stuck + at);
        }
    }
}

/* Nothing can ever happen: every scheduler hears of it, and cancels its tasks. */
static void world_deadlock(struct world *world) {
    if (world->verdict == WORLD_GOES_ON) {
        world->verdict = WORLD_DEADLOCKED;
        world->steps_end = world->steps + ENDING_STEPS;
        world_tell_stuck(world);
    }
    for (struct host *host = world->first; host != NULL; host = host->next) {
        host->is_stuck = true;
        host_wake(host);
    }
}

static _Noreturn void world_give_up(const struct world *world) {
    char line[LINE_SIZE];
    const struct sched *sched = world->running->program.sched;
    int len = snprintf(
        line, sizeof(line),
        "wharf: the simulation of seed %llu is over, but \"%s\" on host %s does not end: each of its "
        "calls fails, and it goes on",
        (unsigned long long)world->options.seed, sched != NULL ? sched->running->name : "its program",
        world->running->name);
    report_write(REPORT_CRASH, line, (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1);
    abort();
}

void program_step(struct world *world) {
    if (__builtin_expect(world_step(world), 1)) {
        return;
    }
    if (world->steps > world->steps_end + ENDING_STEPS) {
        world_give_up(world);
    }
    if (world->verdict == WORLD_DEADLOCKED || world->ending) {
        return;
    }
    world->ending = true;
    world->steps_end = world->steps;
    for (struct host *host = world->first; host != NULL; host = host->next) {
        program_kill(host);
    }
}

int program_wait(struct host *host, int64_t until) {
    struct world *world = host->world;
    program_step(world);
    struct host *next = host_choose(world, host, until);
    if (next == NULL) {
        world_deadlock(world);
        next = host;
    }
    if (next != host) {
        program_switch(host, next);
    }
    bool is_stuck = host->is_stuck;
    host->is_stuck = false;
    return is_stuck ? -WHARF_EDEADLOCK : 0;
}

/* ---- a program ---- */

/* Its main function, in a scope of its own as the scenario's is. */
static int program_run(struct host *host) {
    struct program *program = &host->program;
    int result = program->fn(program->arg);
    if (host->state == HOST_UP && !host->world->ending) {
        host->world->tasks_left += sched_tasks(program->sched);
    }
    return result;
}

static void program_tell_waiters(struct host *host) {
    struct op *op = op_queue_pop(&host->program.waiters);
    while (op != NULL) {
        op_complete(op, 0);
        host_wake(sched_engine_state(op->task->sched));
        op = op_queue_pop(&host->program.waiters);
    }
}

static void program_ended(struct host *host, int result) {
    bool was_killed = host->state == HOST_DYING;
    host->program.sched = NULL;
    host->program.result = was_killed ? -EHOSTDOWN : result;
    host->state = HOST_DOWN;
    host->world->sockets_left += was_killed ? 0 : host->open;
    host_close_all(host, false);
    if (!host->restarts) {
        program_tell_waiters(host);
    }
}

static void program_on_restart(struct event *event) {
    struct host *host = (struct host *)(void *)((char *)event - offsetof(struct host, restarting));
    if (host->world->ending) {
        return;
    }
    if (host->state != HOST_DOWN) {
        host->restart_is_due = true; /* as soon as it is */
        return;
    }
    host->restarts = false;
    host->restart_is_due = false;
    host->unreachable = false;
    if (program_start(host) < 0) {
        host->program.result = -ENOMEM;
        program_tell_waiters(host);
    }
}

/* Leaves the stack of a program that has ended: who goes on frees it. The host may begin again meanwhile, on another. */
static _Noreturn void program_leave(struct host *host) {
    struct world *world = host->world;
    world->left_stack = host->program.stack;
    world->left_fiber = host->program.sanitizer_fiber;
    host->program.stack = NULL;
    if (host->restart_is_due) {
        event_push(&world->events, &host->restarting, world->now);
    }
    struct host *next = host_choose(world, NULL, 0);
    if (next == NULL) {
        world_deadlock(world);
        next = host_choose(world, NULL, 0);
    }
    void *nobody = NULL;
    program_go(next, &nobody, NULL);
    abort();
}

/* The body of a host's stack. */
static _Noreturn void program_main(void *arg) {
    struct host *host = arg;
    sanitizer_arrive(NULL);
    program_arrived(host->world);
    int result = -ENOMEM;
    struct sched *sched = sched_new(&engine_sim, host);
    if (sched != NULL) {
        sched->previous = host->world->first->program.sched->previous;
        sched->main.stack_bottom = host->program.stack->bottom;
        sched->main.stack_size = (size_t)(host->program.stack->top - host->program.stack->bottom);
        sched->pulse.stack = (struct stack_range){(uintptr_t)host->program.stack->bottom,
                                                  (uintptr_t)host->program.stack->top};
        host->program.sched = sched;
        result = host->state == HOST_UP ? program_run(host) : -ECANCELED;
        /* What a program leaves that was told to end is no mistake of its own. */
        sched->left = host->state == HOST_UP && !host->world->ending ? host->world->left : NULL;
        sched_end(sched);
    }
    program_ended(host, result);
    program_leave(host);
}

int program_start(struct host *host) {
    struct program *program = &host->program;
    int rc = stack_get(&host->world->stacks, STACK_LARGE, &program->stack);
    if (rc < 0) {
        return rc;
    }
    program->sanitizer_fiber = sanitizer_thread_new();
    program->context = context_make(program->stack->top, program_main, host);
    host->state = HOST_UP;
    host_wake(host);
    return 0;
}

/* ---- ends ---- */

/* As if by one of its tasks; one that has not begun has no scheduler. */
static void program_cancel(struct host *host) {
    struct host *running = host->world->running;
    if (host->program.sched != NULL) {
        program_enter(host);
        scope_cancel(&host->program.sched->background);
        scope_cancel(&host->program.sched->main.base);
        program_enter(running);
    }
    host_wake(host);
}

void program_kill(struct host *host) {
    if (host->state != HOST_UP) {
        return;
    }
    host->state = HOST_DYING;
    host->stalled_until = 0;
    program_cancel(host);
}

static bool programs_run(const struct world *world) {
    const struct host *host = world->first->next;
    while (host != NULL && host->state == HOST_DOWN) {
        host = host->next;
    }
    return host != NULL;
}

void programs_end(struct world *world) {
    world->ending = true;
    for (struct host *host = world->first->next; host != NULL; host = host->next) {
        host->stalled_until = 0;
        if (host->state == HOST_UP) {
            program_cancel(host);
        }
    }
    int64_t end = world->now + ENDING_NS;
    while (programs_run(world)) {
        (void)program_wait(world->first, end);
        for (struct host *host = world->first->next; host != NULL && world->now >= end; host = host->next) {
            program_kill(host);
        }
    }
}

/* ---- faults ---- */

static void program_die(struct host *host, const wharf_sim_fault *fault) {
    struct world *world = host->world;
    if (host->state != HOST_UP) {
        return;
    }
    host->unreachable = fault->kind == WHARF_SIM_CRASH;
    host->restarts = fault->for_ns > 0;
    host_close_all(host, fault->kind == WHARF_SIM_CRASH);
    if (fault->kind == WHARF_SIM_CRASH) {
        disk_crash(host);
    }
    program_kill(host);
    if (host->restarts) {
        host->restarting.fire = program_on_restart;
        world_push(world, &host->restarting, world->now + fault->for_ns);
    }
}

/* What ends a program that does not watch it, of the signals that others send. */
static bool signal_is_deadly(int number) {
    return number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT ||
           number == SIGKILL || number == SIGUSR1 || number == SIGUSR2;
}

void program_disturb(struct host *host, const wharf_sim_fault *fault) {
    if (fault->kind != WHARF_SIM_SIGNAL) {
        program_die(host, fault);
        return;
    }
    if (host->state != HOST_UP || host->program.sched == NULL) {
        return;
    }
    struct host *running = host->world->running;
    program_enter(host);
    bool is_watched = signal_simulate(host->program.sched, (int)fault->amount);
    program_enter(running);
    host_wake(host);
    if (!is_watched && host != host->world->first && signal_is_deadly((int)fault->amount)) {
        program_die(host, fault);
    }
}

/* What the runtime can say about itself: counters, all schedulers of the process, and the switches of wharf/debug.h.
 *
 *      tasks' threads                                the debug thread (only when dump or watchdog is on)
 *        count()       ---- relaxed counters ---->     sees that a turn does not end
 *        sampled()     <--- SIGURG -------------       asks where the thread is
 *        dump_answer() <--- sched_post() -------       has every scheduler print its tasks
 */
#ifndef SCHED_DEBUG_H
#define SCHED_DEBUG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "sched/backtrace.h"
#include "sched/site.h"

struct sched;
struct task;

/* Written by their scheduler's thread alone, read by any. */
struct counters {
    _Atomic uint64_t tasks_started, tasks_ended, tasks_peak;
    _Atomic uint64_t turns, polls, wake_ups, operations, timers, offloads, stalls;
};

static inline void count(_Atomic uint64_t *counter) {
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + 1, memory_order_relaxed);
}

/* Where a thread was when it was asked by a signal. Written by that thread's handler, until `state` says it is done. */
struct sample {
    _Atomic int state; /* enum sample_state */
    bool harmful;      /* there is another task that may have been waiting */
    const char *name, *file;
    int line;
    struct backtrace trace;
};
enum sample_state { SAMPLE_NONE, SAMPLE_ASKED, SAMPLE_DONE };

/* A scheduler as it is known outside. */
struct pulse {
    struct sched *next, **link; /* in the list of all: see registry_lock() */
    pthread_t thread;
    pid_t tid;
    clockid_t cpu_clock;
    struct stack_range stack; /* the thread's own */
    /* The debug thread's: */
    uint64_t turn;     /* when last looked at */
    int64_t since;     /* when that turn was first seen, ns */
    int64_t cpu_since; /* and how much processor time the thread had used */
    bool reported;
};

/* ---- all schedulers (registry.c) ---- */
void registry_add(struct sched *sched);
/* What was posted to it under the lock before this is run when its inbox is looked at last. */
void registry_remove(struct sched *sched);
/* While it is locked none can end. first: NULL when there is none. */
struct sched *registry_lock(void);
void registry_unlock(void);
void registry_after_fork(void);

/* ---- switches (debug.c) ---- */
struct debug_switches {
    _Atomic bool exit_report, stack_report;
    _Atomic bool sites; /* as exit_report, or because a simulation tells what it leaves */
};
extern struct debug_switches debug_switches;
static inline bool debug_is_on(const _Atomic bool *which) {
    return __builtin_expect(atomic_load_explicit(which, memory_order_relaxed), 0);
}
/* Once per process: reads the environment. */
void debug_install(void);
void debug_after_fork(void);

/* ---- the debug thread (watchdog.c) ---- */
/* Starts it when it does not run. limit_ns: 0: nothing is watched, negative: as before. 0 or -EAGAIN. */
int watchdog_start(int64_t limit_ns);
/* Has it dump all tasks on standard error. Async-signal-safe. */
void watchdog_ask_dump(void);
/* From the debug thread or any other, with the registry locked: where that thread is, when it answers in time. */
bool watchdog_sample(struct sched *sched, struct sample *sample);
void watchdog_after_fork(void);

/* ---- dumps (dump.c) ---- */
/* All schedulers, asked from a thread that is none. */
void dump_from_outside(int fd);
void dump_after_fork(void);
size_t timers_armed(const struct sched *sched);
/* The stack that a task runs on. */
struct stack_range task_stack(const struct sched *sched, const struct task *task);
/* Of the running task, its caller's function first. */
void backtrace_here(const struct sched *sched, struct backtrace *trace);

/* ---- what is left (exit_report.c) ---- */
/* What a scheduler found at its end: for a simulation, which asks for it. */
struct left {
    bool names_them; /* in reports, as they are found */
    uint64_t sockets, channels;
};
/* At the end of a scheduler. */
void exit_report(const struct sched *sched);
/* The tasks that there are besides the first one, each on a line that begins with `what`. */
void exit_report_tasks(const struct sched *sched, const char *what);
/* A line, and below it the functions of a backtrace. */
void exit_report_made(const char *line, const struct backtrace *trace);

/* ---- stacks ---- */
/* At the end of a task, on its stack: how much of it was used. */
void stack_measure(struct sched *sched, const struct task *task);

#endif

/* The inside of a scheduler, for src/sched/ and for the simulator that drives one.
 *
 * A blocked task looks for the next ready one itself and switches to it directly; there is no loop with a stack of its own.
 * When nothing is ready, whoever blocked last waits in the engine, on its own stack. A task that ends runs the next queued
 * start on the stack it leaves behind, without a switch.
 */
#ifndef SCHED_INTERNAL_H
#define SCHED_INTERNAL_H

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "sched/chan.h"
#include "sched/context.h"
#include "sched/debug.h"
#include "sched/engine.h"
#include "sched/io.h"
#include "sched/op.h"
#include "sched/sched.h"
#include "sched/stack.h"
#include "sched/stopwatch.h"
#include "sched/table.h"
#include "sched/task.h"
#include "sched/timer.h"
#include "wharf/sync.h"

enum {
    FAIRNESS_OPS = 64,         /* operations in a row before others get a turn */
    FAIRNESS_CLOCK_OPS = 16,   /* how often the clock is looked at meanwhile */
    FAIRNESS_NS = 200 * 1000,  /* or this much time */
    POLL_EVERY = 64,           /* switches between two looks at the engine while tasks are ready */
    POLL_AGAIN_NS = 20 * 1000, /* at least this much time between them */
    POLL_NS = 500 * 1000,      /* or this much time, however few the switches */
    TASK_ARGUMENT_MAX = 4096,
};

/* What stands in the queue of things to run: a parked task that became ready, or a task that has no stack yet. */
struct ready {
    struct ready *next;
    bool is_start;
};

/* A task before its first run: no stack is spent on it until its turn comes. */
struct task_start {
    struct ready ready;
    struct scope *scope;
    wharf_fn fn;
    void *arg;
    const char *name;
    struct task_start *next_free;
};

struct join_op {
    struct op op;
    wharf_task task;
    struct join_record *join; /* while it waits */
    int *ret_result;          /* the caller's, may be NULL */
};

union brief {
    struct op op;
    struct chan_op chan;
    struct join_op join;
};

/* At the top of its stack. An ended task keeps record and stack for the next one: see task.c. */
struct task {
    /* what a switch touches stands together */
    struct ready ready;
    void *context;        /* what context_switch left */
    struct scope *scope;  /* innermost open one */
    struct op *waiting;   /* what it is parked on */
    struct io *unwatched; /* see io_watch_hangup(); NULL: none */
    int interrupt;        /* why its wait was cut short: -ECANCELED, -ETIMEDOUT; 0: it was not */
    int saved_errno;
    wharf_fn fn;
    int answer;  /* what the switch to it returns: the result of a brief wait */
    bool parked; /* it waits for task_make_ready(); else it runs, is ready or has ended */
    bool begun;  /* its function has been entered */

    struct sched *sched;
    void *arg;
    struct join_record *join; /* joinable tasks only */
    struct hold *holds;       /* the locks and permits it has */
    struct values *values;    /* its task-locals; NULL: none */
    int64_t parked_at;
    struct timer timer; /* its scope's deadline while parked, or its sleep's */
    union brief brief;  /* its operation during a brief wait: see await.h */
    struct scope base;
    uint64_t number; /* the n-th of its scheduler; 0: the thread itself */
    const char *name, *file;
    int line;
    struct stack *stack; /* NULL: the thread's own */
    const void *stack_bottom;
    size_t stack_size;
    void *sanitizer_fake;  /* AddressSanitizer's */
    void *sanitizer_fiber; /* ThreadSanitizer's */
    struct failure failure;
    struct stopwatch *stopwatch; /* see stopwatch.h; NULL: none */
};

/* What is kept of a joinable task: alive it points to the task, ended it holds the result. */
struct join_record {
    struct task *task; /* NULL: ended */
    struct op *joiner;
    struct join_record *next, **link; /* in its scope's list */
    uint32_t slot, generation;
    int result;
    bool used;
    const char *name;        /* of a task that has failed */
    struct failure *failure; /* and what it said of that, until it is joined; NULL: nothing */
};

struct local {
    struct local *next;
    const void *key;
    void *value;
    void (*drop)(void *value);
};

enum { IO_PAGE = 128, EVENTS_MAX = 256, JOIN_PAGE = 64, CHAN_PAGE = 64 };

struct timer_entry {
    int64_t key;
    uint64_t order;
    struct timer *timer;
};

/* What deadlock.c keeps, so that a look before every sleep costs next to nothing. */
struct deadlock_watch {
    uint32_t alive_slot; /* of the io that something waited for at the last look */
    int64_t looked_at;   /* when all tasks were last looked at */
    bool reported;
    char summary[FAILURE_DETAIL_SIZE]; /* of the deadlock that ended a simulation */
};

struct sched {
    const struct engine *engine;
    void *engine_state;
    struct sched *previous; /* this thread's, while a simulation runs */
    struct task *running;
    struct failure *failure;                    /* the running task's */
    int *errno_at;                              /* this thread's: the same for all its tasks */
    struct ready *ready_first, **ready_end;     /* the queue, and where the next one is linked to it */
    struct ready *starved_first, *starved_last; /* starts that found no stack */
    struct timer starved_timer;
    unsigned operations; /* of the running task since its turn began */
    int64_t resumed_at;  /* when that was */
    uint64_t poll_turn;  /* the turn before which the engine is asked again */
    uint64_t
        plain_turns;   /* those below are begun by turn.h alone: poll_turn; 0: the engine has a say in each */
    int64_t polled_at; /* when the engine was last asked */
    int64_t now;
    uint64_t float_control; /* what tasks begin with that nobody's task made */
    int64_t wall_offset, wall_checked;
    void *
        ended_fiber; /* ThreadSanitizer's, of the last task whose stack was given back: it may still stand on it */
    struct scope background;
    struct task main; /* the thread itself */

    struct timer_entry *timers;
    uint32_t timer_count, timer_capacity, timer_reserved;
    uint64_t timer_order;

    struct table ios, joins, chans;
    struct join_record *free_joins;
    _Atomic int64_t io_open_count;
    int64_t tasks_alive;

    struct stack_pool stacks;
    struct task *kept[STACK_CLASSES]; /* ended tasks, for the next ones */
    unsigned kept_count[STACK_CLASSES];
    struct task_start *free_starts;
    void *free_blocks;
    unsigned free_block_count;
    struct local *locals;

    _Atomic(struct message *) inbox;
    struct message *arrived_first, *arrived_last; /* taken out of the inbox, not yet run */
    _Atomic bool sleeping;
    struct group *group;
    int core;
    uint32_t number;       /* in handles */
    uint64_t random_state; /* of the cheap numbers that only fairness needs */
    struct hold *free_holds;
    struct deadlock_watch watch;
    struct counters counters;
    struct pulse pulse;
    _Atomic(struct sample *) asked; /* by the debug thread, for this thread's signal handler */
    struct site_list sites[SITE_KINDS];
    struct left *left; /* NULL: nobody asks */
    int stopwatches;   /* who lets tasks have them: see stopwatch.h */
    bool deadlocked;
    bool hooked; /* the engine wants to be asked at every blocking point, or for the order of tasks */
};

/* This thread's, or NULL. Tasks never leave their thread, so its address may be kept across a switch. */
extern __thread struct sched *sched_of_thread __attribute__((tls_model("initial-exec")));

/* As sched_current(), without the call. */
static inline struct sched *sched_here(void) {
    struct sched *sched = sched_of_thread;
    return __builtin_expect(sched != NULL, 1) ? sched : sched_current();
}

/* ---- life ---- */
/* A scheduler for this thread on some engine, current from now on; the previous one comes back with sched_end.
 * NULL without memory. */
struct sched *sched_new(const struct engine *engine, void *engine_state);
/* Cancels and joins all that is left in the background, drops the locals, frees everything. Its first task must be
 * running. */
void sched_end(struct sched *sched);
/* As when the thread ended: for a thread that has something to say afterwards. */
void sched_end_current(void);
static inline void *sched_engine_state(const struct sched *sched) {
    return sched->engine_state;
}
/* The scheduler of this thread, or NULL: never makes one. Async-signal-safe. */
struct sched *sched_peek(void);
/* Why sched_current() gave NULL. */
int sched_missing(void);
void sched_hooks_install(void);
/* The calling thread's signal mask without what Wharf has added to it: for children. */
void sched_signal_mask_before(sigset_t *ret_mask);
void crash_report_install(void); /* once per process */
void crash_stack_install(void);  /* once per thread */
void crash_stack_remove(void);
/* What follows has been reported already. */
void crash_expected(void);

/* ---- running ---- */
/* Reads the clock. */
static inline int64_t sched_tick(struct sched *sched) {
    sched->now = sched->engine->now(sched);
    if (sched->now - sched->polled_at > POLL_NS) {
        sched->poll_turn = sched->plain_turns = 0;
    }
    return sched->now;
}
/* Ends the wait of a parked task with `code`, unless it is uninterruptible. */
void task_interrupt(struct task *task, int code);
/* Where there is a deadline, or a cancellation. */
int task_check_closely(struct sched *sched, const struct task *task);
/* 0, -ECANCELED or -ETIMEDOUT by the state of its innermost scope; looks at the clock where there is a deadline. */
static inline int task_check(struct sched *sched, const struct task *task) {
    const struct scope *scope = task->scope;
    if (__builtin_expect(!scope->cancelled && scope->deadline == TIMER_NEVER, 1)) {
        return 0;
    }
    return task_check_closely(sched, task);
}
/* Tasks that are alive, and those that have not begun. */
uint64_t sched_tasks(const struct sched *sched);
/* One look at inbox, timers and engine. block: may wait. */
void sched_poll(struct sched *sched, bool block);
void inbox_run(struct sched *sched);
_Noreturn void task_main(void *arg);
/* A task forked, and its function has returned in the child, where there is nothing to return to. */
_Noreturn void task_forked_end(int result);
void task_load_start(struct task *task, struct task_start *start);
/* A start whose turn has come gets a stack. NULL: there is none to be had now; it waits until one comes back. */
struct task *task_of_start(struct sched *sched, struct task_start *start);
/* The longest waiting of those has another turn. */
void starved_retry(struct sched *sched);
void starved_timer_fired(struct timer *timer);
void task_timer_fired(struct timer *timer);
/* What all its brief operations have in common; the rest is zero. */
static inline void task_brief_init(struct task *task) {
    task->brief.op.task = task;
    task->brief.op.brief = true;
    task->brief.op.internal = true;
}
void tasks_kept_free(struct sched *sched);

/* The peer of `unwatched` cancels the task when it goes, so the engine watches it from now on. A task that never waits never
 * needs it. */
void io_watch_hangup(struct task *task);

/* ---- scopes ---- */
extern const struct scope scope_fresh;
static inline void scope_init(struct scope *scope, struct scope *parent, struct task *owner) {
    *scope = scope_fresh; /* a copy: to clear it, compilers take an instruction that begins slowly */
    scope->parent = parent;
    scope->owner = owner;
    if (parent == NULL) {
        return;
    }
    scope->deadline = parent->deadline;
    scope->cancelled = parent->cancelled;
    scope->next = parent->children;
    if (scope->next != NULL) {
        scope->next->prev = scope;
    }
    parent->children = scope;
}
void scope_unlink(struct scope *scope);
extern const struct op_kind scope_wait_kind; /* waiting for the tasks of a scope */
void scope_task_ended(struct scope *scope, const struct task *task, int result);
/* Its deadline has cut something short: it and the scopes outside with the same deadline will say so. */
void scope_expire(struct scope *scope);

/* Where something was started: static texts. */
struct spawn_site {
    const char *name, *file; /* file: NULL when unknown */
    int line;
};

/* A failure in a scope, kept until the scope is left. */
struct scope_failure {
    struct scope_failure *next;
    struct spawn_site site;
    uint64_t left_out; /* of the first: how many came after the last that was kept */
    struct failure failure;
};

/* A task of the scope has failed, or could not be started. failure: the record of whoever saw it, used where it is about
 * `code`. */
void scope_fail(struct scope *scope, struct spawn_site site, const struct failure *failure, int code);
/* What it comes to: the first failure, -ETIMEDOUT when its deadline has cut something short, or 0. */
int scope_result(const struct scope *scope);
/* The running task's wharf_why() is about that from now on. */
void scope_failure_tell(const struct scope *scope);
void scope_failures_free(struct scope *scope);
void scope_joins_free(struct sched *sched, struct scope *scope);

/* ---- timers ---- */
int64_t timers_next(const struct sched *sched); /* earliest key; TIMER_NEVER: none */
void timers_fire(struct sched *sched);

/* ---- handles ---- */
static inline int64_t handle_make(const struct sched *sched, uint32_t slot, uint32_t generation) {
    return handle_of(sched->number, slot, generation);
}
/* Slot and generation of a handle of this scheduler: 0, the error it carries, -EXDEV, or `stale` for nonsense. */
static inline int handle_split(const struct sched *sched, int64_t id, int stale, uint32_t *ret_slot,
                               uint32_t *ret_generation) {
    return handle_parts(sched->number, id, stale, ret_slot, ret_generation);
}

/* A cheap number for choices that must only be fair; by the seed under simulation. */
uint64_t sched_dice(struct sched *sched);

/* ---- task-locals ---- */
struct values *values_share(struct values *values);
void values_drop(struct values *values);

/* ---- deadlocks ---- */
/* Nothing is ready and no timer runs: how long (absolute ns, TIMER_NEVER: no limit) it makes sense to wait. Reports a
 * deadlock, and aborts, when nothing can end the wait. */
int64_t deadlock_watch(struct sched *sched);
/* Who waits for what, in one line, as far as it fits. */
void deadlock_summary(const struct sched *sched, char *out, size_t size);
/* The tasks of a scheduler, one after the other: NULL begins, NULL ends. Nothing may run in between. */
const struct task *task_next(const struct sched *sched, const struct task *task);

/* ---- ends ---- */
/* What an ended task still held is reported and handed on. */
void holds_end(struct task *task);
void holds_free(struct sched *sched);
void locals_drop(struct sched *sched);
void blocks_free(struct sched *sched);
void chans_free(struct sched *sched);
void pool_forget(struct sched *sched);
/* How many jobs it has with the pools; each is shown to `show` (may be NULL), which must not call the pool. */
size_t pool_jobs(const struct sched *sched, void (*show)(const struct job *));
pid_t child_of_task(const struct task *task); /* 0: it does not watch a child process */
/* Called before this thread is pinned: threads of the pools may use all the processors that it may use now. */
void pool_remember_processors(void);
void signals_forget(struct sched *sched);
bool signals_watched(const struct sched *sched);
/* Fires the watches of a scheduler as if the signal had arrived: a simulation's only way. false: it has none. */
bool signal_simulate(struct sched *sched, int signal);
/* In the child of a fork: its threads are gone and its handlers would speak to the parent. */
void pool_after_fork(void);
void signals_after_fork(void);
/* Closes this process's copies of the descriptors of its parent's scheduler, which keeps its own. */
void ios_close_copies(struct sched *sched);

#endif

/* Whose turn is next: the queue of what is ready, and the switch. What every wait and every yield goes through is here, to be
 * compiled into them; what happens now and then - looking at the world, waiting for it, beginning tasks, an engine that has a
 * say in the order - is in run.c.
 */
#ifndef SCHED_TURN_H
#define SCHED_TURN_H

#include "base/probe.h"
#include "sched/internal.h"
#include "sched/sanitizer.h"

/* ---- the queue ---- */

static inline void ready_push(struct sched *sched, struct ready *ready) {
    ready->next = NULL;
    *sched->ready_end = ready;
    sched->ready_end = &ready->next;
}

/* Takes the first out of a queue that is not empty. */
static inline void ready_shift(struct sched *sched) {
    struct ready *next = sched->ready_first->next;
    sched->ready_first = next;
    if (next == NULL) {
        sched->ready_end = &sched->ready_first;
    }
}

static inline void task_make_ready(struct task *task) {
    task->parked = false;
    PROBE2(task__ready, task, task->sched);
    ready_push(task->sched, &task->ready);
}

/* ---- the switch ---- */

static inline void turn_begin(struct sched *sched, uint64_t turn) {
    atomic_store_explicit(&sched->counters.turns, turn, memory_order_relaxed);
    sched->operations = 0;
    sched->resumed_at = sched->now;
}

static inline uint64_t turn_next(const struct sched *sched) {
    return atomic_load_explicit(&sched->counters.turns, memory_order_relaxed) + 1;
}

/* Enters `to`. fake: where AddressSanitizer keeps what it knows of the leaver; NULL: it never comes back. All that is owed to
 * the one who arrives is done before leaving, so that in a release the call is a jump, and the way back leads straight to
 * the caller. Returns the task's answer, when its turn has come again. */
static inline int switch_to(struct sched *sched, struct task *from, struct task *to, void **fake) {
    PROBE2(task__switch, from, to);
    from->saved_errno = *sched->errno_at;
    *sched->errno_at = to->saved_errno;
    sched->running = to;
    sched->failure = &to->failure;
    sanitizer_leave(fake, to->stack_bottom, to->stack_size);
    sanitizer_thread_switch(to->sanitizer_fiber);
#if SANITIZER_ADDRESS || SANITIZER_MEMORY
    int answer = context_switch(&from->context, to->context, to->answer);
    sanitizer_arrive(from->sanitizer_fake);
    sanitizer_written(&answer, sizeof answer);
    return answer;
#else
    return context_switch(&from->context, to->context, to->answer);
#endif
}

/* Whether the next one's turn can begin with no look at anything else. */
static inline bool turn_is_plain(const struct sched *sched, const struct ready *ready, uint64_t turn) {
    return __builtin_expect(ready != NULL && !ready->is_start && turn < sched->plain_turns, 1);
}

/* The next thing to run, when it may not be plain; waits until there is one. */
struct ready *ready_await(struct sched *sched);

static inline struct ready *ready_next(struct sched *sched) {
    struct ready *ready = sched->ready_first;
    if (!turn_is_plain(sched, ready, turn_next(sched))) {
        return ready_await(sched);
    }
    ready_shift(sched);
    return ready;
}

/* As below, in all other cases. */
int run_others(struct sched *sched, struct task *task);

/* Runs others until this task is made ready again. Returns its answer. */
static inline int task_park(struct sched *sched, struct task *task) {
    task->parked = true;
    task->parked_at = sched->now;
    struct ready *ready = sched->ready_first;
    uint64_t turn = turn_next(sched);
    if (!turn_is_plain(sched, ready, turn)) {
        return run_others(sched, task);
    }
    ready_shift(sched);
    turn_begin(sched, turn);
    return switch_to(sched, task, (struct task *)ready, &task->sanitizer_fake);
}

/* Gives the turn to the first in the queue, a plain one, and goes to its end. Returns 0. */
static inline int turn_pass(struct sched *sched, struct task *task, uint64_t turn) {
    struct ready *ready = sched->ready_first;
    task->answer = 0;
    ready_push(sched, &task->ready);
    sched->ready_first = ready->next; /* at least the task itself */
    turn_begin(sched, turn);
    return switch_to(sched, task, (struct task *)ready, &task->sanitizer_fake);
}

/* Lets the others run first. Returns 0. */
static inline int task_give_way(struct sched *sched, struct task *task) {
    uint64_t turn = turn_next(sched);
    if (turn_is_plain(sched, sched->ready_first, turn)) {
        return turn_pass(sched, task, turn);
    }
    task->answer = 0;
    ready_push(sched, &task->ready);
    return run_others(sched, task);
}

#endif

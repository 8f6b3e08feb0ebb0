/* Running tasks: the queue of what is ready, parking, switching, and looking at the world when nothing is. */
#include <errno.h>

#include "base/compiler.h"
#include "sched/await.h"
#include "sched/internal.h"

/* The one that the engine picks. */
static struct ready *ready_pick(struct sched *sched) {
    size_t count = 0;
    for (const struct ready *ready = sched->ready_first; ready != NULL; ready = ready->next) {
        count++;
    }
    struct ready **link = &sched->ready_first;
    for (size_t n = sched->engine->pick(sched, count); n > 0; n--) {
        link = &(*link)->next;
    }
    struct ready *ready = *link;
    *link = ready->next;
    if (ready->next == NULL) {
        sched->ready_end = link;
    }
    return ready;
}

static inline struct ready *ready_pop(struct sched *sched) {
    struct ready *ready = sched->ready_first;
    if (ready != NULL && sched->engine->pick != NULL) {
        return ready_pick(sched);
    }
    if (ready != NULL) {
        ready_shift(sched);
    }
    return ready;
}

uint64_t sched_tasks(const struct sched *sched) {
    uint64_t tasks = (uint64_t)sched->tasks_alive;
    for (const struct ready *ready = sched->ready_first; ready != NULL; ready = ready->next) {
        tasks += ready->is_start ? 1 : 0;
    }
    for (const struct ready *ready = sched->starved_first; ready != NULL; ready = ready->next) {
        tasks++;
    }
    return tasks;
}

/* Nothing can ever happen again: cancel everything, so that each task fails and says what it waited for. */
static void deadlock(struct sched *sched) {
    sched->deadlocked = true;
    deadlock_summary(sched, sched->watch.summary, sizeof sched->watch.summary);
    scope_cancel(&sched->background);
    scope_cancel(&sched->main.base);
}

/* The world is looked at again in a while. */
static void poll_later(struct sched *sched) {
    sched->poll_turn = turn_next(sched) + POLL_EVERY;
    sched->plain_turns = sched->hooked || sched->stopwatches > 0 ? 0 : sched->poll_turn;
}

void sched_poll(struct sched *sched, bool block) {
    int64_t until = 0;
    if (block) {
        until = timers_next(sched);
        if (until == TIMER_NEVER && sched->engine == &engine_epoll) {
            until = deadlock_watch(sched);
        }
        /* Whoever posts from now on interrupts the engine; what was posted before is seen here. An exchange, because
         * the look must not move ahead of it anywhere, emulators included. */
        (void)atomic_exchange(&sched->sleeping, true);
        if (atomic_load(&sched->inbox) != NULL) {
            until = 0;
        }
    }
    count(&sched->counters.polls);
    int rc = sched->engine->wait(sched, until);
    if (until != 0) {
        count(&sched->counters.wake_ups);
    }
    atomic_store_explicit(&sched->sleeping, false, memory_order_relaxed);
    sched->now = sched->engine->now(sched);
    sched->polled_at = sched->now;
    poll_later(sched);
    inbox_run(sched);
    timers_fire(sched);
    if (rc < 0 && block) {
        deadlock(sched);
    }
}

/* While tasks are ready the world is looked at now and then: after many switches, unless they were short. */
static void poll_in_turn(struct sched *sched) {
    poll_later(sched);
    sched->now = sched->engine->now(sched);
    if (sched->now - sched->polled_at >= POLL_AGAIN_NS || sched->engine != &engine_epoll) {
        sched_poll(sched, false);
    }
}

struct ready *ready_await(struct sched *sched) {
    if (turn_next(sched) >= sched->poll_turn) {
        poll_in_turn(sched);
    }
    for (;;) {
        struct ready *ready = ready_pop(sched);
        if (ready != NULL) {
            return ready;
        }
        sched_poll(sched, true);
    }
}

/* The task of something ready; NULL when it was a start that has to wait for a stack. */
static struct task *task_of(struct sched *sched, struct ready *ready) {
    if (!ready->is_start) {
        return (struct task *)ready;
    }
    return task_of_start(sched, (struct task_start *)ready);
}

COLD static int run_others_timed(struct sched *sched, struct task *task);

int run_others(struct sched *sched, struct task *task) {
    if (UNLIKELY(task->stopwatch != NULL)) {
        return run_others_timed(sched, task);
    }
    task->saved_errno = *sched->errno_at;
    struct task *next = NULL;
    while (next == NULL) {
        next = task_of(sched, ready_await(sched));
    }
    turn_begin(sched, turn_next(sched));
    if (next == task) {
        *sched->errno_at = task->saved_errno;
        return task->answer;
    }
    return switch_to(sched, task, next, &task->sanitizer_fake);
}

/* Its stopwatch may be taken away by nobody but itself. */
COLD static int run_others_timed(struct sched *sched, struct task *task) {
    struct stopwatch *watch = task->stopwatch;
    int64_t left = sched->engine->now(sched);
    task->stopwatch = NULL;
    int answer = run_others(sched, task);
    task->stopwatch = watch;
    watch->away_ns += sched->engine->now(sched) - left;
    return answer;
}

void task_interrupt(struct task *task, int code) {
    struct op *op = task->waiting;
    if (op == NULL || op->uninterruptible || task->interrupt != 0) {
        return;
    }
    task->interrupt = code;
    if (op->brief) {
        op->kind->cancel(op);
        task->failure = (struct failure){.code = code, .phase = op->kind->name};
        op_brief_end(task, code);
    }
    if (task->parked) {
        task_make_ready(task);
    }
}

/* Running tasks: the queue of what is ready, parking, switching, and looking at the world when nothing is. */
#include <errno.h>

#include "sched/internal.h"
#include "sched/sanitizer.h"

void ready_push(struct sched *sched, struct ready *ready) {
    ready->next = NULL;
    if (sched->ready_last != NULL) {
        sched->ready_last->next = ready;
    } else {
        sched->ready_first = ready;
    }
    sched->ready_last = ready;
    sched->ready_count++;
}

/* The n-th in the queue. */
static struct ready *ready_take(struct sched *sched, size_t n) {
    struct ready *before = NULL;
    struct ready *ready = sched->ready_first;
    while (n-- > 0) {
        before = ready;
        ready = ready->next;
    }
    if (before != NULL) {
        before->next = ready->next;
    } else {
        sched->ready_first = ready->next;
    }
    if (ready->next == NULL) {
        sched->ready_last = before;
    }
    sched->ready_count--;
    return ready;
}

static struct ready *ready_pop(struct sched *sched) {
    if (sched->ready_first == NULL) {
        return NULL;
    }
    size_t n = sched->engine->pick != NULL ? sched->engine->pick(sched, sched->ready_count) : 0;
    return ready_take(sched, n);
}

void task_make_ready(struct task *task) {
    task->state = TASK_READY;
    ready_push(task->sched, &task->ready);
}

/* Nothing can ever happen again: cancel everything, so that each task fails and says what it waited for. */
static void deadlock(struct sched *sched) {
    sched->deadlocked = true;
    deadlock_summary(sched, sched->watch.summary, sizeof sched->watch.summary);
    scope_cancel(&sched->background);
    scope_cancel(&sched->main.base);
}

void sched_poll(struct sched *sched, bool block) {
    sched->switches = 0;
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
    inbox_run(sched);
    timers_fire(sched);
    if (rc < 0 && block) {
        deadlock(sched);
    }
}

/* While tasks are ready the world is looked at now and then: after many switches, unless they were short. */
static void poll_in_turn(struct sched *sched) {
    sched->switches = 0;
    sched->now = sched->engine->now(sched);
    if (sched->now - sched->polled_at >= POLL_AGAIN_NS || sched->engine != &engine_epoll) {
        sched_poll(sched, false);
    }
}

/* The next thing to run; waits until there is one. */
static inline struct ready *next_ready(struct sched *sched) {
    if (__builtin_expect(++sched->switches >= POLL_EVERY || sched->now - sched->polled_at > POLL_NS, 0)) {
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

/* What the task that now runs owes the one that ran before. */
static void arrived(struct sched *sched) {
    sanitizer_arrive(sched->running->sanitizer_fake);
    struct task *ended = sched->ended;
    if (ended != NULL) {
        sched->ended = NULL;
        sanitizer_thread_free(ended->sanitizer_fiber);
        stack_put(&sched->stacks, ended->stack);
    }
}

static void switch_to(struct sched *sched, struct task *from, struct task *to) {
    sched->running = to;
    sched->failure = &to->failure;
    bool last = from->state == TASK_ENDED;
    sanitizer_leave(last ? NULL : &from->sanitizer_fake, to->stack_bottom, to->stack_size);
    sanitizer_thread_switch(to->sanitizer_fiber);
    context_switch(&from->context, to->context);
    arrived(sched);
}

static void resume(struct sched *sched, struct task *task) {
    task->state = TASK_RUNNING;
    task->operations = 0;
    task->resumed_at = sched->now;
    count(&sched->counters.turns);
}

/* The task of something ready; NULL when it was a start that has to wait for a stack. */
static struct task *task_of(struct sched *sched, struct ready *ready) {
    if (!ready->is_start) {
        return (struct task *)ready;
    }
    return task_of_start(sched, (struct task_start *)ready);
}

/* Runs others until this task is ready again. */
static void run_others(struct sched *sched, struct task *task) {
    task->saved_errno = *sched->errno_at;
    struct task *next = NULL;
    while (next == NULL) {
        next = task_of(sched, next_ready(sched));
    }
    resume(sched, next);
    if (next != task) {
        switch_to(sched, task, next);
    }
    *sched->errno_at = task->saved_errno;
}

void task_park(struct sched *sched, struct task *task) {
    task->state = TASK_PARKED;
    task->parked_at = sched->now;
    run_others(sched, task);
}

void task_give_way(struct sched *sched, struct task *task) {
    task_make_ready(task);
    run_others(sched, task);
}

void task_interrupt(struct task *task, int code) {
    if (task->waiting == NULL || task->waiting->uninterruptible || task->interrupt != 0) {
        return;
    }
    task->interrupt = code;
    if (task->state == TASK_PARKED) {
        task_make_ready(task);
    }
}

/* The body of every stack: runs its task, then whatever start is next in the queue, and leaves when a parked task's turn
 * has come. */
_Noreturn void task_main(void *arg) {
    struct task *task = arg;
    struct sched *sched = task->sched;
    arrived(sched);
    for (;;) {
        /* Reading the control words is cheap, loading them is not. */
        if (task->from_start && context_float_get() != sched->float_control) {
            context_float_set(sched->float_control);
        }
        int result = task->fn(task->arg);
        if (sched_peek() != sched) {
            task_forked_end(result);
        }
        task_finish(task, result);
        starved_retry(sched);
        struct ready *ready = next_ready(sched);
        if (!ready->is_start) {
            struct task *next = (struct task *)ready;
            resume(sched, next);
            task->state = TASK_ENDED;
            timer_deinit(sched, &task->timer);
            sched->ended = task;
            switch_to(sched, task, next);
        }
        task_load_start(task, (struct task_start *)ready);
        resume(sched, task);
    }
}

/* Tasks: their records and stacks, starting, running, ending. */
#include "sched/task.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/probe.h"
#include "sched/internal.h"
#include "sched/join.h"
#include "sched/turn.h"

/* ---- records and stacks ----
 *
 * A task's record is at the top of its stack, a short argument below it, then the frames. An ended task keeps all of that for
 * the next one: it has left its stack in the midst of task_main(), and comes back there with another function to run.
 *
 *      context ... task_main()'s frame | argument | struct task | struct stack |
 */
enum { KEPT_MAX = 64, ARGUMENT_KEPT = 64 };

void task_timer_fired(struct timer *timer) {
    struct task *task = (struct task *)(void *)((char *)timer - offsetof(struct task, timer));
    if (task->scope->deadline <= task->sched->now) {
        task_interrupt(task, -ETIMEDOUT);
    }
    if (task->waiting != NULL) {
        op_wake(task->waiting);
    }
}

/* All that a task keeps from one function to the next. */
__attribute__((noinline)) static int task_build(struct sched *sched, size_t stack_bytes,
                                                struct task **ret_task) {
    struct stack *stack = NULL;
    int rc = stack_get(&sched->stacks, stack_bytes, &stack);
    if (rc < 0) {
        return rc;
    }
    struct task *task = (struct task *)(((uintptr_t)stack->top - sizeof(struct task)) & ~(uintptr_t)63);
    /* All but the failure record, of which an empty one needs only its code. */
    memset(task, 0, offsetof(struct task, failure));
    rc = timer_init(sched, &task->timer, task_timer_fired);
    if (rc < 0) {
        stack_put(&sched->stacks, stack);
        return rc;
    }
    task->sched = sched;
    task->stack = stack;
    task->stack_bottom = stack->bottom;
    task->stack_size = (size_t)(stack->top - stack->bottom);
    task_brief_init(task);
    *ret_task = task;
    return 0;
}

/* Makes room for an argument below the record, and a first frame below that. */
static void task_frame(struct task *task, size_t argument_len) {
    sanitizer_stack_again(task->stack_bottom, (size_t)((char *)task - (const char *)task->stack_bottom));
    sanitizer_thread_free(task->sanitizer_fiber);
    task->sanitizer_fiber = sanitizer_thread_new();
    uintptr_t argument = ((uintptr_t)task - argument_len) & ~(uintptr_t)15;
    task->arg = (void *)argument;
    task->context = context_make((void *)argument, task_main, task);
}

static inline int task_new(struct sched *sched, size_t stack_bytes, size_t argument_len,
                           struct task **ret_task) {
    unsigned class = stack_class(stack_bytes);
    struct task *task = sched->kept[class];
    if (__builtin_expect(task != NULL, 1)) {
        sched->kept[class] = (struct task *)task->ready.next;
        sched->kept_count[class]--;
    } else {
        int rc = task_build(sched, stack_bytes, &task);
        if (rc < 0) {
            return rc;
        }
    }
    if (SANITIZER_ADDRESS || task->context == NULL || argument_len > ARGUMENT_KEPT) {
        task_frame(task, argument_len > ARGUMENT_KEPT ? argument_len : ARGUMENT_KEPT);
    } else {
        task->arg = (char *)task - ARGUMENT_KEPT;
        context_float_put(task->context, context_float_get());
    }
    task->begun = false;
    task->saved_errno = 0;
    task->failure.code = 0;
    *ret_task = task;
    return 0;
}

/* The caller may still stand on the stack, until it switches. */
__attribute__((noinline)) static void task_discard(struct task *task) {
    struct sched *sched = task->sched;
    timer_deinit(sched, &task->timer);
    sanitizer_thread_free(sched->ended_fiber);
    sched->ended_fiber = task->sanitizer_fiber;
    stack_put(&sched->stacks, task->stack);
}

/* It has finished and is about to leave for good: its record and stack are for others. */
static inline void task_retire(struct sched *sched, struct task *task) {
    unsigned class = task->stack->class;
    if (__builtin_expect(task->timer.place != 0, 0)) {
        timer_stop(sched, &task->timer);
    }
    if (__builtin_expect(sched->kept_count[class] == KEPT_MAX, 0)) {
        task_discard(task);
        return;
    }
    task->ready.next = (struct ready *)sched->kept[class];
    sched->kept[class] = task;
    sched->kept_count[class]++;
}

void tasks_kept_free(struct sched *sched) {
    for (unsigned class = 0; class < STACK_CLASSES; class ++) {
        while (sched->kept[class] != NULL) {
            struct task *task = sched->kept[class];
            sched->kept[class] = (struct task *)task->ready.next;
            task_discard(task);
        }
    }
    sanitizer_thread_free(sched->ended_fiber);
}

/* ---- starting ---- */

static inline void task_count(struct task *task) {
    count(&task->sched->counters.tasks_started);
    task->number = atomic_load_explicit(&task->sched->counters.tasks_started, memory_order_relaxed);
}

/* Puts a task into the scope that will own it. */
static inline void task_enter(struct task *task, struct scope *scope) {
    scope_init(&task->base, scope, task);
    task->base.base = true;
    task->scope = &task->base;
    scope->tasks++;
    struct sched *sched = task->sched;
    sched->tasks_alive++;
    task_count(task);
    if ((uint64_t)sched->tasks_alive >
        atomic_load_explicit(&sched->counters.tasks_peak, memory_order_relaxed)) {
        count(&sched->counters.tasks_peak);
    }
}

struct spawn {
    struct scope *scope;
    wharf_fn fn;
    const void *arg;
    size_t len;
    const wharf_task_options *options;
};

static inline int spawn_check(const struct spawn *spawn, const struct scope *scope, size_t stack_bytes) {
    if (!scope->open) {
        return fail(-EINVAL, "spawn", NULL, "the scope is closed");
    }
    if (spawn->fn == NULL || spawn->len > TASK_ARGUMENT_MAX) {
        return fail(-EINVAL, "spawn", NULL, "no function, or an argument over %d bytes", TASK_ARGUMENT_MAX);
    }
    if (stack_bytes > STACK_LARGE) {
        return fail(-EINVAL, "spawn", NULL, "stack_bytes is at most %d", STACK_LARGE);
    }
    if (scope->owner != NULL && scope->owner->sched != sched_peek()) {
        return fail(-EXDEV, "spawn", NULL, "the scope belongs to another core");
    }
    return scope->cancelled ? -ECANCELED : 0;
}

/* The options as far as the caller's struct has them. */
static inline const wharf_task_options *options_of(const wharf_task_options *given,
                                                   wharf_task_options *storage) {
    static const wharf_task_options none;
    if (given == NULL) {
        return &none;
    }
    if (given->size >= sizeof *given) {
        return given;
    }
    *storage = none;
    memcpy(storage, given, given->size);
    return storage;
}

__attribute__((always_inline)) static inline int spawn(const struct spawn *spawn, int64_t *ret_id) {
    struct sched *sched = sched_here();
    if (sched == NULL) {
        return sched_missing();
    }
    wharf_task_options storage;
    const wharf_task_options *options = options_of(spawn->options, &storage);
    struct scope *scope = spawn->scope != NULL ? spawn->scope : &sched->background;
    int rc = spawn_check(spawn, scope, options->stack_bytes);
    if (rc < 0) {
        return rc;
    }
    struct task *task = NULL;
    rc = task_new(sched, options->stack_bytes != 0 ? options->stack_bytes : STACK_LARGE, spawn->len, &task);
    if (rc < 0) {
        return rc;
    }
    rc = ret_id != NULL ? join_make(task, scope, ret_id) : 0;
    if (rc < 0) {
        task_retire(sched, task);
        return rc;
    }
    if (spawn->len > 0) {
        memcpy(task->arg, spawn->arg, spawn->len);
    }
    task->fn = spawn->fn;
    task->name = options->name != NULL ? options->name : "task";
    task->file = options->file;
    task->line = options->line;
    task->values = values_share(sched->running->values);
    task_enter(task, scope);
    task_make_ready(task);
    return 0;
}

wharf_task wharf_spawn(wharf_scope *scope, wharf_fn fn, const void *arg, size_t len,
                       const wharf_task_options *options) {
    wharf_task task = {0};
    struct spawn request = {scope_of(scope), fn, arg, len, options};
    int rc = spawn(&request, &task.id);
    if (rc < 0) {
        task.id = rc;
    }
    return task;
}

int wharf_spawn_detached(wharf_scope *scope, wharf_fn fn, const void *arg, size_t len,
                         const wharf_task_options *options) {
    struct spawn request = {scope_of(scope), fn, arg, len, options};
    return spawn(&request, NULL);
}

/* As if the task had started and failed at once. Who cancelled the scope knows, and another core's is not touched. */
int wharf_go_(wharf_scope *scope, wharf_fn fn, const void *arg, size_t len,
              const wharf_task_options *options) {
    int rc = wharf_spawn_detached(scope, fn, arg, len, options);
    if (rc < 0 && rc != -ECANCELED && rc != -EXDEV && scope != NULL && scope_of(scope)->open) {
        struct spawn_site site = {options->name, options->file, options->line};
        scope_fail(scope_of(scope), site, failure_current(), rc);
    }
    return rc;
}

int task_start(struct scope *scope, wharf_fn fn, void *arg, const char *name) {
    struct sched *sched = sched_here();
    if (sched == NULL) {
        return sched_missing();
    }
    if (scope == NULL) {
        scope = &sched->background;
    }
    if (scope->cancelled) {
        return -ECANCELED;
    }
    struct task_start *start = sched->free_starts;
    if (start != NULL) {
        sched->free_starts = start->next_free;
    } else {
        start = mem_alloc(sizeof *start);
        if (start == NULL) {
            return -ENOMEM;
        }
    }
    start->ready.is_start = true;
    start->scope = scope;
    start->fn = fn;
    start->arg = arg;
    start->name = name;
    scope->tasks++;
    ready_push(sched, &start->ready);
    return 0;
}

static void start_free(struct sched *sched, struct task_start *start) {
    start->next_free = sched->free_starts;
    sched->free_starts = start;
}

static inline void start_take(struct task *task, struct task_start *start) {
    task->fn = start->fn;
    task->arg = start->arg;
    task->name = start->name;
    task->file = NULL;
    task->line = 0;
    task->failure.code = 0;
    start_free(task->sched, start);
}

/* The task takes the start's place in its scope. */
void task_load_start(struct task *task, struct task_start *start) {
    struct scope *scope = start->scope;
    start_take(task, start);
    scope->tasks--;
    task_enter(task, scope);
}

/* ---- starts without a stack ---- */

enum { STARVED_NS = 10 * 1000 * 1000 };

/* It is tried again when a task has ended, when another one got a stack, and after a while: the refusal may have been
 * the whole system's. */
static void starved_push(struct sched *sched, struct ready *ready) {
    ready->next = NULL;
    if (sched->starved_last != NULL) {
        sched->starved_last->next = ready;
    } else {
        sched->starved_first = ready;
    }
    sched->starved_last = ready;
    timer_set(sched, &sched->starved_timer, sched->now + STARVED_NS);
}

void starved_retry(struct sched *sched) {
    struct ready *ready = sched->starved_first;
    if (ready == NULL) {
        return;
    }
    sched->starved_first = ready->next;
    if (sched->starved_first == NULL) {
        sched->starved_last = NULL;
        timer_clear(&sched->starved_timer);
    }
    ready_push(sched, ready);
}

void starved_timer_fired(struct timer *timer) {
    struct sched *sched = (struct sched *)(void *)((char *)timer - offsetof(struct sched, starved_timer));
    starved_retry(sched);
}

struct task *task_of_start(struct sched *sched, struct task_start *start) {
    struct task *task = NULL;
    if (task_new(sched, STACK_LARGE, 0, &task) < 0) {
        starved_push(sched, &start->ready);
        return NULL;
    }
    context_float_put(task->context, sched->float_control);
    task_load_start(task, start);
    starved_retry(sched);
    return task;
}

/* ---- running and ending ---- */

static inline void task_finish(struct task *task, int result) {
    if (debug_is_on(&debug_switches.stack_report)) {
        stack_measure(task->sched, task);
    }
    if (task->holds != NULL) {
        holds_end(task);
    }
    if (task->values != NULL) {
        values_drop(task->values);
        task->values = NULL;
    }
    if (task->join != NULL) {
        join_end(task->sched, task->join, result);
    }
    struct scope *parent = task->base.parent;
    scope_unlink(&task->base);
    task->sched->tasks_alive--;
    count(&task->sched->counters.tasks_ended);
    if (task->base.failures != NULL) {
        scope_failures_free(&task->base);
    }
    scope_task_ended(parent, task, result);
}

/* Whether nothing is to be seen any more of what the task did, in its own scope least of all. */
static inline bool task_is_spotless(const struct task *task) {
    const struct scope *base = &task->base;
    return task->scope == base && base->children == NULL && base->tasks == 0 && base->failures == NULL &&
           base->joins == NULL && base->error == 0 && base->deadline == base->parent->deadline &&
           !base->cancelled && !base->expired && task->holds == NULL && task->values == NULL &&
           task->join == NULL && !debug_is_on(&debug_switches.stack_report);
}

/* A task has ended with `result`, and the first in the queue is a start. When both are of one scope and the task has left no
 * trace, the start takes over its place there, and the books need no closing and opening. */
static inline bool task_follow(struct task *task, struct task_start *start, int result) {
    if (result < 0 || start->scope != task->base.parent || !task_is_spotless(task)) {
        return false;
    }
    ready_shift(task->sched);
    start_take(task, start);
    task->base.parent->tasks--;
    task_count(task);
    count(&task->sched->counters.tasks_ended);
    return true;
}

/* The start that is next in the queue, when its turn can begin with no look at anything else. */
static inline struct task_start *next_start(const struct sched *sched) {
    struct ready *ready = sched->ready_first;
    bool plain = ready != NULL && ready->is_start && turn_next(sched) < sched->plain_turns &&
                 sched->starved_first == NULL;
    return plain ? (struct task_start *)ready : NULL;
}

/* The body of every stack: runs its task, then whatever start is next in the queue, and leaves when a task's turn has come
 * that has a stack. It comes back from there when the next task is given this stack. */
_Noreturn void task_main(void *arg) {
    sanitizer_written(&arg, sizeof arg);
    struct task *task = arg;
    struct sched *sched = task->sched;
    sanitizer_arrive(NULL);
    for (;;) {
        task->begun = true;
        PROBE5(task__start, task, task->number, task->name, task->file, task->line);
        int result = task->fn(task->arg);
        if (sched_peek() != sched) {
            task_forked_end(result);
        }
        PROBE2(task__end, task, result);
        struct task_start *start = next_start(sched);
        if (start != NULL && task_follow(task, start, result)) {
            turn_begin(sched, turn_next(sched));
            context_float_load(sched->float_control);
            continue;
        }
        task_finish(task, result);
        if (sched->starved_first != NULL) {
            starved_retry(sched);
        }
        struct ready *ready = ready_next(sched);
        turn_begin(sched, turn_next(sched));
        if (ready->is_start) {
            task_load_start(task, (struct task_start *)ready);
            context_float_load(sched->float_control);
        } else {
            task_retire(sched, task);
            switch_to(sched, task, (struct task *)ready, NULL);
        }
    }
}

/* ---- the running task ---- */

struct task *task_current(void) {
    struct sched *sched = sched_here();
    return sched != NULL ? sched->running : NULL;
}

struct scope *task_scope(void) {
    struct task *task = task_current();
    return task != NULL ? task->scope : NULL;
}

const char *task_name(const struct task *task) {
    return task->name;
}

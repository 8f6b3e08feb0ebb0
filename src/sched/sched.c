/* The life of a scheduler: made by a thread's first call, ended with the thread, dead after fork(). */
#include "sched/sched.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "sched/internal.h"
#include "sched/sanitizer.h"
#include "wharf/os.h"

__thread struct sched *sched_of_thread __attribute__((tls_model("initial-exec")));
/* In the child of a fork the parent's scheduler is of no use, and another one would share its epoll. */
static __thread bool dead_after_fork;
/* What the child has of it, and of those before it (`previous`): out of use, never freed. */
static __thread struct sched *before_fork;
/* It was not when the thread became a scheduler, so a child gets it back. */
static __thread bool pipe_signal_blocked;

static pthread_once_t hooks_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_end_key;

/* ---- numbers in handles ---- */

enum { NUMBERS = 1 << HANDLE_SCHED_BITS };
static pthread_mutex_t numbers_lock = PTHREAD_MUTEX_INITIALIZER;
static bool numbers_taken[NUMBERS];
static uint32_t numbers_last;

/* The next free number after the last one given, so that a number comes back late. 0: none is free. */
static uint32_t number_take(void) {
    uint32_t found = 0;
    pthread_mutex_lock(&numbers_lock);
    for (uint32_t i = 1; i < NUMBERS && found == 0; i++) {
        uint32_t number = (numbers_last + i) % NUMBERS;
        if (number != 0 && !numbers_taken[number]) {
            numbers_taken[number] = true;
            numbers_last = number;
            found = number;
        }
    }
    pthread_mutex_unlock(&numbers_lock);
    return found;
}

static void number_give(uint32_t number) {
    pthread_mutex_lock(&numbers_lock);
    numbers_taken[number] = false;
    pthread_mutex_unlock(&numbers_lock);
}

/* ---- beginning ---- */

/* The calling thread, on the stack it has, is the first task. */
static void main_task_init(struct sched *sched) {
    struct task *task = &sched->main;
    task->sched = sched;
    task->name = "main";
    task->begun = true;
    task_brief_init(task);
    task->sanitizer_fiber = sanitizer_thread_self();
    pthread_attr_t attributes;
    if (SANITIZER_ADDRESS && pthread_getattr_np(pthread_self(), &attributes) == 0) {
        void *bottom = NULL;
        pthread_attr_getstack(&attributes, &bottom, &task->stack_size);
        task->stack_bottom = bottom;
        pthread_attr_destroy(&attributes);
    }
    scope_init(&task->base, NULL, task);
    task->base.base = true;
    task->scope = &task->base;
    sched->running = task;
}

static void sched_free(struct sched *sched) {
    tasks_kept_free(sched);
    timer_deinit(sched, &sched->main.timer);
    timer_deinit(sched, &sched->starved_timer);
    chans_free(sched);
    sites_free(sched);
    holds_free(sched);
    values_drop(sched->main.values);
    table_deinit(&sched->ios);
    scope_joins_free(sched, &sched->background);
    table_deinit(&sched->joins);
    table_deinit(&sched->chans);
    stack_pool_deinit(&sched->stacks);
    while (sched->free_starts != NULL) {
        struct task_start *start = sched->free_starts;
        sched->free_starts = start->next_free;
        mem_free(start);
    }
    blocks_free(sched);
    mem_free(sched->timers);
    if (sched->number != 0) {
        number_give(sched->number);
    }
    mem_free(sched);
}

struct sched *sched_new(const struct engine *engine, void *engine_state) {
    struct sched *sched = mem_zalloc(sizeof *sched);
    if (sched == NULL) {
        return NULL;
    }
    sched->engine = engine;
    sched->engine_state = engine_state;
    sched->hooked = engine->pick != NULL || engine->checkpoint != NULL || engine->outcome != NULL;
    sched->ready_end = &sched->ready_first;
    table_init(&sched->ios, sizeof(struct io), IO_PAGE);
    table_init(&sched->joins, sizeof(struct join_record), JOIN_PAGE);
    table_init(&sched->chans, sizeof(void *) * 2, CHAN_PAGE);
    stack_pool_init(&sched->stacks, sched_fallbacks());
    scope_init(&sched->background, NULL, NULL);
    sched->number = number_take();
    main_task_init(sched);
    if (sched->number == 0 || timer_init(sched, &sched->main.timer, task_timer_fired) < 0 ||
        timer_init(sched, &sched->starved_timer, starved_timer_fired) < 0) {
        sched_free(sched);
        return NULL;
    }
    sched->float_control = context_float_get();
    registry_add(sched);
    sched->previous = sched_of_thread;
    sched_of_thread = sched;
    sched->now = engine->now(sched);
    sched->polled_at = sched->now;
    sched->errno_at = &errno;
    sched->failure = &sched->main.failure;
    failure_redirect(&sched->failure);
    return sched;
}

/* ---- ending ---- */

enum { ENDING_MS = 5000 };

/* Waits as the closing of a scope does. */
static void scope_drain(struct scope *scope) {
    wharf_scope_wait((wharf_scope *)(void *)scope);
}

void sched_end(struct sched *sched) {
    struct scope *innermost = sched->main.scope;
    scope_cancel(&sched->background);
    scope_cancel(&sched->main.base); /* a thread may end inside its scopes */
    wharf_scope shield;
    wharf_scope_open_shield(&shield, ENDING_MS);
    scope_drain(&sched->background);
    for (struct scope *scope = innermost; scope != NULL; scope = scope->outer) {
        scope_drain(scope);
        scope_failures_free(scope);
    }
    exit_report(sched); /* before the layers above close what is theirs */
    locals_drop(sched);
    wharf_scope_close(&shield);
    registry_remove(sched);
    pool_forget(sched);
    signals_forget(sched);
    bool clean = sched->background.tasks == 0 && sched->tasks_alive == 0;
    sched_of_thread = sched->previous;
    failure_redirect(sched_of_thread != NULL ? &sched_of_thread->failure : NULL);
    /* Tasks that would not end still use the memory. */
    if (clean) {
        sched_free(sched);
    }
}

/* Its first task stands in the middle of something, so nothing can be ended in order: it is left where it is. */
static void sched_abandon(struct sched *sched) {
    registry_remove(sched);
    pool_forget(sched);
    signals_forget(sched);
    sched_of_thread = NULL;
    failure_redirect(NULL);
}

void sched_end_current(void) {
    struct sched *sched = sched_of_thread;
    if (sched == NULL) {
        return;
    }
    if (sched->running != &sched->main || sched->engine != &engine_epoll) {
        sched_abandon(sched);
        return;
    }
    /* The engine of the kernel is freed with its scheduler. */
    void *state = sched->engine_state;
    sched_end(sched);
    crash_stack_remove();
    epoll_engine_free(state);
}

static void thread_ended(void *unused) {
    (void)unused;
    sched_end_current();
}

/* exit() on a task's stack, in a simulation or on one of several cores ends the process with no further ceremony. */
static void process_ended(void) {
    if (sched_of_thread != NULL && sched_of_thread->group == NULL &&
        sched_of_thread->engine == &engine_epoll && sched_of_thread->running == &sched_of_thread->main) {
        sched_end_current();
    }
}

static void pipe_signal_mask(int how, sigset_t *ret_before) {
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(how, &pipe_signal, ret_before);
}

static void forked_child(void) {
    pthread_mutex_init(&numbers_lock, NULL);
    pool_after_fork();
    signals_after_fork();
    debug_after_fork();
    if (sched_of_thread == NULL) {
        return;
    }
    struct sched *outermost = sched_of_thread;
    while (outermost->previous != NULL) {
        outermost = outermost->previous;
    }
    outermost->previous = before_fork;
    before_fork = sched_of_thread;
    sched_of_thread = NULL;
    dead_after_fork = true;
    failure_redirect(NULL);
    if (pipe_signal_blocked) {
        pipe_signal_mask(SIG_UNBLOCK, NULL);
    }
}

void sched_signal_mask_before(sigset_t *ret_mask) {
    pthread_sigmask(SIG_SETMASK, NULL, ret_mask);
    if (pipe_signal_blocked) {
        sigdelset(ret_mask, SIGPIPE);
    }
}

void task_forked_end(int result) {
    exit(result < 0 ? EXIT_FAILURE : result & 0xff);
}

/* Its memory stays: the calling task may stand on one of its stacks. */
int wharf_after_fork(void) {
    if (!dead_after_fork) {
        return fail(-EINVAL, "start", NULL, "this process is not the child of a fork under Wharf");
    }
    for (struct sched *dead = before_fork; dead != NULL; dead = dead->previous) {
        if (dead->engine == &engine_epoll && dead->engine_state != NULL) {
            ios_close_copies(dead);
            epoll_engine_free(dead->engine_state);
            dead->engine_state = NULL;
        }
    }
    dead_after_fork = false;
    pipe_signal_blocked = false;
    return 0;
}

static void hooks_install(void) {
    pthread_key_create(&thread_end_key, thread_ended);
    pthread_atfork(NULL, NULL, forked_child);
    atexit(process_ended);
    crash_report_install();
    debug_install();
}

void sched_hooks_install(void) {
    pthread_once(&hooks_once, hooks_install);
}

/* ---- the current one ---- */

static struct sched *sched_make(void) {
    if (dead_after_fork) {
        fail(-EPERM, "start", NULL, "this process was forked while Wharf was running");
        return NULL;
    }
    sched_hooks_install();
    void *state = epoll_engine_new();
    if (state == NULL) {
        return NULL;
    }
    struct sched *sched = sched_new(&engine_epoll, state);
    if (sched == NULL) {
        fail(-ENOMEM, "start", NULL, NULL);
        epoll_engine_free(state);
        return NULL;
    }
    /* sendfile() and splice() raise it in spite of every flag. */
    sigset_t before;
    pipe_signal_mask(SIG_BLOCK, &before);
    pipe_signal_blocked = sigismember(&before, SIGPIPE) == 0 || pipe_signal_blocked;
    crash_stack_install();
    pthread_setspecific(thread_end_key, sched);
    return sched;
}

struct sched *sched_current(void) {
    return __builtin_expect(sched_of_thread != NULL, 1) ? sched_of_thread : sched_make();
}

struct sched *sched_peek(void) {
    return sched_of_thread;
}

int sched_missing(void) {
    if (dead_after_fork) {
        return -EPERM;
    }
    int code = failure_current()->code;
    return code < 0 ? code : -ENOMEM;
}

const struct engine *sched_engine(void) {
    struct sched *sched = sched_current();
    return sched != NULL ? sched->engine : &engine_epoll;
}

bool sched_is_simulated(void) {
    struct sched *sched = sched_current();
    return sched != NULL && sched->engine != &engine_epoll;
}

bool sched_fallbacks(void) {
    static _Atomic int known; /* 0: not asked yet, 1: no, 2: yes */
    int value = atomic_load_explicit(&known, memory_order_relaxed);
    if (value == 0) {
        const char *text = getenv("WHARF_FALLBACKS");
        value = text != NULL && strcmp(text, "1") == 0 ? 2 : 1;
        atomic_store_explicit(&known, value, memory_order_relaxed);
    }
    return value == 2;
}

/* ---- time and chance ---- */

int64_t sched_now(void) {
    struct sched *sched = sched_current();
    return sched != NULL ? sched->now : 0;
}

int64_t sched_clock(void) {
    struct sched *sched = sched_current();
    if (sched == NULL) {
        return 0;
    }
    return sched_tick(sched);
}

enum { SECOND_NS = 1000 * 1000 * 1000 };

/* The monotonic clock plus an offset that is looked at again every second, since the wall clock may be set. */
int64_t sched_wall_seconds(void) {
    struct sched *sched = sched_current();
    if (sched == NULL) {
        return 0;
    }
    if (sched->wall_offset == 0 || sched->now - sched->wall_checked > SECOND_NS) {
        sched_tick(sched);
        sched->wall_offset = sched->engine->wall(sched) - sched->now;
        sched->wall_checked = sched->now;
    }
    return (sched->now + sched->wall_offset) / SECOND_NS;
}

int64_t sched_wall_second_end(void) {
    const struct sched *sched = sched_current();
    if (sched == NULL) {
        return 0;
    }
    int64_t next = ((sched->now + sched->wall_offset) / SECOND_NS + 1) * SECOND_NS - sched->wall_offset;
    int64_t checked = sched->wall_checked + SECOND_NS;
    return next < checked ? next : checked;
}

uint64_t sched_random(void) {
    uint64_t value = 0;
    struct sched *sched = sched_current();
    if (sched != NULL) {
        sched->engine->random(sched, &value, sizeof value);
    }
    return value;
}

void sched_random_bytes(void *out, size_t size) {
    struct sched *sched = sched_peek();
    const struct engine *engine = sched != NULL ? sched->engine : &engine_epoll;
    engine->random(sched, out, size);
}

void wharf_random(void *buffer, size_t size) {
    sched_random_bytes(buffer, size);
}

/* xorshift64*: the engine's own numbers cost a system call. */
uint64_t sched_dice(struct sched *sched) {
    if (sched->engine->pick != NULL || sched->random_state == 0) {
        uint64_t value = sched_random();
        sched->random_state = value | 1;
        return value;
    }
    uint64_t state = sched->random_state;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    sched->random_state = state;
    return state * UINT64_C(0x2545f4914f6cdd1d) >> 32;
}

int64_t sched_load(const struct sched *sched) {
    return atomic_load_explicit(&sched->io_open_count, memory_order_relaxed);
}

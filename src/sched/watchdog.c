/* The debug thread: sees tasks that keep their core from the others, and asks for dumps when a signal says so.
 *
 * A scheduler counts the turns it gives. One that is not asleep and whose count has stood still for the limit is asked, by a
 * signal to its thread, what it is doing: that thread's handler notes the running task and its backtrace, and this
 * thread makes the report. A thread that merely had no processor is not blamed: it used little processor time and is
 * runnable. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/report.h"
#include "sched/internal.h"

enum {
    LOOKS = 4, /* within the limit */
    LOOK_NS_MIN = 1000 * 1000,
    REPORT_EVERY_NS = 1000 * 1000 * 1000,
    ANSWER_NS = 100 * 1000 * 1000,
    ANSWER_LOOK_NS = 1000 * 1000,
    REPORT_SIZE = 8192,
    THREAD_STACK = 256 * 1024,
    SECOND_NS = 1000 * 1000 * 1000,
    MILLISECOND_NS = 1000 * 1000,
};

static sem_t wake;
static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static bool started;
static _Atomic int64_t limit_ns; /* 0: nothing is watched */
static _Atomic bool dump_asked;

static int64_t clock_ns(clockid_t clock) {
    struct timespec time = {0};
    (void)clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * SECOND_NS + time.tv_nsec;
}

/* ---- where a thread is ---- */

static void sample_take(struct sched *sched, struct sample *sample, const void *signal_context) {
    const struct task *task = sched->running;
    sample->harmful = task != &sched->main || sched->tasks_alive > 0;
    sample->name = task->name;
    sample->file = task->file;
    sample->line = task->line;
    backtrace_of_signal(&sample->trace, signal_context, task_stack(sched, task));
    atomic_store(&sample->state, SAMPLE_DONE);
}

static void sampled(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info;
    struct sched *sched = sched_peek();
    struct sample *sample = sched != NULL ? atomic_exchange(&sched->asked, NULL) : NULL;
    if (sample != NULL) {
        sample_take(sched, sample, context);
    }
}

/* SIGURG is ignored where nobody handles it, so one that comes late does no harm. */
static void sampler_install(void) {
    struct sigaction action;
    if (sigaction(SIGURG, NULL, &action) < 0 || action.sa_handler != SIG_DFL) {
        return;
    }
    struct sigaction ours = {.sa_sigaction = sampled, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    sigemptyset(&ours.sa_mask);
    (void)sigaction(SIGURG, &ours, NULL);
}

static bool sampler_is_ours(void) {
    struct sigaction action;
    return sigaction(SIGURG, NULL, &action) == 0 && (action.sa_flags & SA_SIGINFO) != 0 &&
           action.sa_sigaction == sampled;
}

/* Nothing of this thread is worth being woken for meanwhile. */
static void pause_for(int64_t ns) {
    struct timespec span = {.tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
}

bool watchdog_sample(struct sched *sched, struct sample *sample) {
    *sample = (struct sample){.name = "?"};
    if (!sampler_is_ours()) {
        return false;
    }
    atomic_store(&sample->state, SAMPLE_ASKED);
    atomic_store(&sched->asked, sample);
    bool sent = pthread_kill(sched->pulse.thread, SIGURG) == 0;
    for (int64_t waited = 0; sent && waited < ANSWER_NS; waited += ANSWER_LOOK_NS) {
        if (atomic_load(&sample->state) == SAMPLE_DONE) {
            return true;
        }
        pause_for(ANSWER_LOOK_NS);
    }
    if (atomic_exchange(&sched->asked, NULL) != NULL) {
        return false;
    }
    while (atomic_load(&sample->state) != SAMPLE_DONE) {
        pause_for(ANSWER_LOOK_NS); /* the handler has begun */
    }
    return true;
}

/* ---- stalls ---- */

/* 'R' and its like, from "pid (name) state ..."; '?' when it cannot be read. */
static char thread_state(pid_t tid) {
    char path[64], text[256];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0) {
        close(fd);
    }
    text[len > 0 ? len : 0] = '\0';
    const char *end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' ? end[2] : '?';
}

/* It computed, or it waits for the system in a call that is not ours. */
static bool is_held(const struct pulse *pulse, int64_t elapsed) {
    if (clock_ns(pulse->cpu_clock) - pulse->cpu_since >= elapsed / 2) {
        return true;
    }
    char state = thread_state(pulse->tid);
    return state == 'S' || state == 'D';
}

static void report(const struct sched *sched, const struct sample *sample, int64_t elapsed,
                   uint64_t left_out) {
    static char text[REPORT_SIZE]; /* of the one debug thread */
    char where[512] = "";
    if (sample->file != NULL) {
        (void)snprintf(where, sizeof where, " (started at %s:%d)", sample->file, sample->line);
    }
    int len = snprintf(text, sizeof text,
                       "wharf: task \"%s\"%s has kept core %d from the others for %" PRId64 " ms",
                       sample->name, where, sched->core, elapsed / MILLISECOND_NS);
    size_t at = (size_t)len;
    if (left_out > 0) {
        at += (size_t)snprintf(text + at, sizeof text - at, " (%" PRIu64 " more since the last report)",
                               left_out);
    }
    for (int i = 0; i < sample->trace.count && at + 16 < sizeof text; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "\n    #%-2d ", i);
        at += backtrace_format(&sample->trace, i, text + at, sizeof text - at);
    }
    report_write(REPORT_WARNING, text, at);
}

static void stalled(struct sched *sched, int64_t now, int64_t elapsed) {
    static int64_t last_report;
    static uint64_t left_out;
    struct sample sample;
    if (!watchdog_sample(sched, &sample) || !sample.harmful ||
        atomic_load_explicit(&sched->counters.turns, memory_order_relaxed) != sched->pulse.turn) {
        return;
    }
    if (last_report != 0 && now - last_report < REPORT_EVERY_NS) {
        left_out++;
    } else {
        report(sched, &sample, elapsed, left_out);
        last_report = now;
        left_out = 0;
    }
    atomic_fetch_add(&sched->counters.stalls, 1);
}

static void look_at(struct sched *sched, int64_t limit) {
    struct pulse *pulse = &sched->pulse;
    uint64_t turn = atomic_load_explicit(&sched->counters.turns, memory_order_relaxed);
    bool asleep = atomic_load_explicit(&sched->sleeping, memory_order_relaxed);
    int64_t now = clock_ns(CLOCK_MONOTONIC);
    if (sched->engine != &engine_epoll || asleep || turn != pulse->turn || pulse->since == 0) {
        pulse->turn = turn;
        pulse->since = now;
        pulse->cpu_since = clock_ns(pulse->cpu_clock);
        pulse->reported = false;
        return;
    }
    int64_t elapsed = now - pulse->since;
    if (!pulse->reported && elapsed >= limit && is_held(pulse, elapsed)) {
        pulse->reported = true;
        stalled(sched, now, elapsed);
    }
}

/* ---- the thread ---- */

static void wait_for_work(int64_t limit) {
    if (limit == 0) {
        (void)sem_wait(&wake);
        return;
    }
    int64_t span = limit / LOOKS > LOOK_NS_MIN ? limit / LOOKS : LOOK_NS_MIN;
    int64_t until = clock_ns(CLOCK_MONOTONIC) + span;
    struct timespec time = {.tv_sec = until / SECOND_NS, .tv_nsec = until % SECOND_NS};
    (void)sem_clockwait(&wake, CLOCK_MONOTONIC, &time);
}

static void *watchdog_thread(void *unused) {
    (void)unused;
    for (;;) {
        wait_for_work(atomic_load(&limit_ns));
        if (atomic_exchange(&dump_asked, false)) {
            dump_from_outside(STDERR_FILENO);
        }
        int64_t limit = atomic_load(&limit_ns);
        struct sched *sched = limit > 0 ? registry_lock() : NULL;
        for (; sched != NULL; sched = sched->pulse.next) {
            look_at(sched, limit);
        }
        if (limit > 0) {
            registry_unlock();
        }
    }
    return NULL;
}

static int thread_start(void) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, THREAD_STACK);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int rc = pthread_create(&thread, &attributes, watchdog_thread, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (rc != 0) {
        return fail(-EAGAIN, "debug", NULL, "the debug thread could not be started");
    }
    (void)pthread_setname_np(thread, "wharf-debug");
    return 0;
}

int watchdog_start(int64_t limit) {
    int rc = 0;
    pthread_mutex_lock(&start_lock);
    if (!started && limit != 0) {
        (void)sem_init(&wake, 0, 0);
        rc = thread_start();
        started = rc == 0;
    }
    if (rc == 0 && limit >= 0) {
        sampler_install();
        atomic_store(&limit_ns, limit);
    }
    if (started) {
        (void)sem_post(&wake);
    }
    pthread_mutex_unlock(&start_lock);
    return rc;
}

void watchdog_ask_dump(void) {
    atomic_store(&dump_asked, true);
    (void)sem_post(&wake);
}

void watchdog_after_fork(void) {
    pthread_mutex_init(&start_lock, NULL);
    started = false;
    atomic_store(&limit_ns, 0);
    atomic_store(&dump_asked, false);
}

/* The offload pools: threads for calls that block. Names have a pool of their own, so that a slow name server holds up no
 * file. Threads are started as they are needed, up to a maximum, and end after being idle for a while.
 *
 * A job whose waiter has gone still runs to its end; the pool then frees it. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sched/internal.h"
#include "wharf/os.h"

enum { THREADS_MAX = 8, IDLE_SECONDS = 10, THREAD_STACK = 512 * 1024, ARGUMENT_MAX = 1 << 20 };

struct pool {
    const char *thread_name;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *first, *last; /* queued */
    struct job *running;      /* being run, or done and not yet reported */
    int queued;
    int threads, idle;
};

static struct pool pools[] = {
    [POOL_GENERAL] = {"wharf-offload", PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0, 0, 0},
    [POOL_NAMES] = {"wharf-names", PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0, 0, 0},
};

static void queue_push(struct pool *pool, struct job *job) {
    job->next = NULL;
    if (pool->last != NULL) {
        pool->last->next = job;
    } else {
        pool->first = job;
    }
    pool->last = job;
    pool->queued++;
}

static struct job *queue_pop(struct pool *pool) {
    struct job *job = pool->first;
    if (job != NULL) {
        pool->first = job->next;
        if (pool->first == NULL) {
            pool->last = NULL;
        }
        pool->queued--;
    }
    return job;
}

static void running_remove(struct pool *pool, struct job *job) {
    struct job **link = &pool->running;
    while (*link != job) {
        link = &(*link)->next;
    }
    *link = job->next;
}

/* On the scheduler that asked. */
static void job_reported(struct message *message) {
    struct job *job = (struct job *)(void *)message;
    if (job->waiter != NULL) {
        op_complete(job->waiter, 0);
    } else {
        job->drop(job);
    }
}

/* Called with the lock held; gives it up while the job runs. */
static void run_job(struct pool *pool, struct job *job) {
    job->next = pool->running;
    pool->running = job;
    pthread_mutex_unlock(&pool->lock);
    job->run(job);
    pthread_mutex_lock(&pool->lock);
    running_remove(pool, job);
    /* The lock keeps the scheduler from ending between the look and the post. */
    if (job->sched != NULL) {
        job->message.run = job_reported;
        sched_post(job->sched, &job->message);
    } else {
        job->drop(job);
    }
}

static void *pool_thread(void *arg) {
    struct pool *pool = arg;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct job *job = queue_pop(pool);
        if (job != NULL) {
            run_job(pool, job);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += IDLE_SECONDS;
        pool->idle++;
        int rc = pthread_cond_timedwait(&pool->wake, &pool->lock, &until);
        pool->idle--;
        if (rc == ETIMEDOUT && pool->first == NULL) {
            break;
        }
    }
    pool->threads--;
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* A thread inherits the mask of its maker, which wharf_run() may have pinned to one processor. */
static pthread_mutex_t processors_lock = PTHREAD_MUTEX_INITIALIZER;
static cpu_set_t processors;
static bool processors_known;

void pool_remember_processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0) {
        return;
    }
    pthread_mutex_lock(&processors_lock);
    processors = set;
    processors_known = true;
    pthread_mutex_unlock(&processors_lock);
}

static void processors_allow(pthread_attr_t *attributes) {
    pthread_mutex_lock(&processors_lock);
    if (processors_known) {
        (void)pthread_attr_setaffinity_np(attributes, sizeof processors, &processors);
    }
    pthread_mutex_unlock(&processors_lock);
}

/* With the lock held. The new thread takes no signals: those are for the program's own threads. */
static int thread_start(struct pool *pool) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, THREAD_STACK);
    processors_allow(&attributes);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int rc = pthread_create(&thread, &attributes, pool_thread, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (rc != 0) {
        return -rc;
    }
    (void)pthread_setname_np(thread, pool->thread_name);
    pool->threads++;
    return 0;
}

static int job_submit(struct pool *pool, struct job *job) {
    pthread_mutex_lock(&pool->lock);
    int rc = 0;
    /* An idle thread may have been woken for an earlier job already. */
    if (pool->idle <= pool->queued && pool->threads < THREADS_MAX) {
        rc = thread_start(pool);
    }
    if (pool->threads > 0) {
        rc = 0;
        queue_push(pool, job);
        pthread_cond_signal(&pool->wake);
    }
    pthread_mutex_unlock(&pool->lock);
    return rc;
}

/* ---- waiting for a job ---- */

struct offload_op {
    struct op op;
    struct pool *pool;
    struct job *job;
    bool submitted;
};

static int offload_start(struct op *op) {
    struct offload_op *offload = (struct offload_op *)op;
    if (offload->submitted) {
        return 0;
    }
    offload->job->waiter = op;
    int rc = job_submit(offload->pool, offload->job);
    offload->submitted = rc == 0;
    return rc;
}

static void offload_cancel(struct op *op) {
    struct offload_op *offload = (struct offload_op *)op;
    if (!op->completed && op->task->interrupt != 0) {
        offload->job->waiter = NULL;
    }
}

static const struct op_kind offload_kind = {"offload", NULL, offload_start, offload_cancel};

int pool_run(enum pool_kind kind, struct job *job) {
    struct sched *sched = sched_current();
    if (sched == NULL) {
        job->drop(job);
        return sched_missing();
    }
    if (sched_is_simulated()) {
        int rc = wharf_check();
        if (rc < 0) {
            job->drop(job);
            return rc;
        }
        job->run(job);
        return 0;
    }
    job->sched = sched;
    job->made.count = 0;
    if (debug_is_on(&debug_switches.sites)) {
        site_take(sched, &job->made);
    }
    count(&sched->counters.offloads);
    struct offload_op op = {.op.kind = &offload_kind, .pool = &pools[kind], .job = job};
    int rc = (int)op_await(&op.op);
    if (rc < 0 && !op.submitted) {
        job->drop(job);
    }
    return rc;
}

/* Jobs that this scheduler still has with the pools are theirs from now on. */
void pool_forget(struct sched *sched) {
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        struct pool *pool = &pools[i];
        pthread_mutex_lock(&pool->lock);
        for (struct job *job = pool->first; job != NULL; job = job->next) {
            job->sched = job->sched == sched ? NULL : job->sched;
        }
        for (struct job *job = pool->running; job != NULL; job = job->next) {
            job->sched = job->sched == sched ? NULL : job->sched;
        }
        pthread_mutex_unlock(&pool->lock);
    }
    inbox_run(sched);
}

static size_t jobs_of(const struct job *first, const struct sched *sched, void (*show)(const struct job *)) {
    size_t n = 0;
    for (const struct job *job = first; job != NULL; job = job->next) {
        if (job->sched != sched) {
            continue;
        }
        n++;
        if (show != NULL) {
            show(job);
        }
    }
    return n;
}

size_t pool_jobs(const struct sched *sched, void (*show)(const struct job *)) {
    size_t n = 0;
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        struct pool *pool = &pools[i];
        pthread_mutex_lock(&pool->lock);
        n += jobs_of(pool->first, sched, show) + jobs_of(pool->running, sched, show);
        pthread_mutex_unlock(&pool->lock);
    }
    return n;
}

void pool_after_fork(void) {
    pthread_mutex_init(&processors_lock, NULL);
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        pools[i] = (struct pool){.thread_name = pools[i].thread_name};
        pthread_mutex_init(&pools[i].lock, NULL);
        pthread_cond_init(&pools[i].wake, NULL);
    }
}

/* ---- wharf_offload ---- */

struct call {
    struct job job;
    wharf_fn fn;
    int result;
    _Alignas(16) char argument[];
};

static void call_run(struct job *job) {
    struct call *call = (struct call *)(void *)job;
    call->result = call->fn(call->argument);
}

static void call_drop(struct job *job) {
    mem_free(job);
}

int wharf_offload(wharf_fn fn, void *arg, size_t len) {
    if (fn == NULL || len > ARGUMENT_MAX || (arg == NULL && len > 0)) {
        return fail(-EINVAL, "offload", NULL, "the argument is longer than 1 MiB, or missing");
    }
    struct call *call = mem_alloc(sizeof *call + len);
    if (call == NULL) {
        return -ENOMEM;
    }
    *call = (struct call){.job = {.run = call_run, .drop = call_drop}, .fn = fn};
    if (len > 0) {
        memcpy(call->argument, arg, len);
    }
    int rc = pool_run(POOL_GENERAL, &call->job);
    if (rc < 0) {
        return rc;
    }
    rc = call->result;
    if (rc >= 0 && len > 0) {
        memcpy(arg, call->argument, len);
    }
    mem_free(call);
    return rc;
}

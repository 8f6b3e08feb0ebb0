/* See waiter.h. */
#include "sched/waiter.h"

#include <errno.h>

#include "base/memory.h"
#include "sched/internal.h"

/* ---- references ---- */

void shared_init(struct shared *shared) {
    atomic_init(&shared->references, 1);
    pthread_mutex_init(&shared->lock, NULL);
}

void shared_ref(struct shared *shared) {
    atomic_fetch_add_explicit(&shared->references, 1, memory_order_relaxed);
}

void shared_unref(struct shared *shared) {
    if (shared != NULL && atomic_fetch_sub_explicit(&shared->references, 1, memory_order_acq_rel) == 1) {
        pthread_mutex_destroy(&shared->lock);
        mem_free(shared);
    }
}

/* ---- the queue ---- */

static void waiters_push(struct waiters *waiters, struct waiter *waiter) {
    waiter->next = NULL;
    waiter->prev = waiters->last;
    waiter->queued = true;
    if (waiters->last != NULL) {
        waiters->last->next = waiter;
    } else {
        waiters->first = waiter;
    }
    waiters->last = waiter;
}

static void waiters_remove(struct waiters *waiters, struct waiter *waiter) {
    if (waiter->prev != NULL) {
        waiter->prev->next = waiter->next;
    } else {
        waiters->first = waiter->next;
    }
    if (waiter->next != NULL) {
        waiter->next->prev = waiter->prev;
    } else {
        waiters->last = waiter->prev;
    }
    waiter->queued = false;
}

struct waiter *waiters_pop(struct waiters *waiters) {
    struct waiter *waiter = waiters->first;
    if (waiter != NULL) {
        waiters_remove(waiters, waiter);
    }
    return waiter;
}

static void waiter_arrived(struct message *message) {
    struct waiter *waiter = (struct waiter *)(void *)((char *)message - offsetof(struct waiter, message));
    op_complete(&waiter->op, waiter->result);
}

void waiter_tell(struct waiter *waiter, int result) {
    waiter->result = result;
    if (waiter->sched == NULL) {
        pthread_cond_signal(&waiter->wake);
    } else if (waiter->sched == sched_peek()) {
        op_complete(&waiter->op, result);
    } else {
        waiter->message.run = waiter_arrived;
        sched_post(waiter->sched, &waiter->message);
    }
}

void waiters_tell_all(struct waiters *waiters, int result) {
    for (struct waiter *waiter = waiters_pop(waiters); waiter != NULL; waiter = waiters_pop(waiters)) {
        waiter_tell(waiter, result);
    }
}

/* ---- waiting ---- */

int waiter_try(struct waiter *waiter) {
    pthread_mutex_lock(&waiter->shared->lock);
    int result = waiter->step(waiter);
    pthread_mutex_unlock(&waiter->shared->lock);
    return result;
}

int64_t waiter_attempt(struct op *op) {
    return waiter_try((struct waiter *)op);
}

/* Once more under the lock under which it queues: between the attempt and now another core may have acted. */
int waiter_start(struct op *op) {
    struct waiter *waiter = (struct waiter *)op;
    pthread_mutex_lock(&waiter->shared->lock);
    int result = waiter->step(waiter);
    if (result == -EAGAIN) {
        waiters_push(waiter->queue, waiter);
    }
    pthread_mutex_unlock(&waiter->shared->lock);
    if (result != -EAGAIN) {
        op_complete(op, result);
    }
    return 0;
}

/* One that has been served meanwhile has its message in the inbox: it is fetched here, while the record still exists, and
 * what was handed over counts. */
void waiter_cancel(struct op *op) {
    struct waiter *waiter = (struct waiter *)op;
    pthread_mutex_lock(&waiter->shared->lock);
    bool served = !waiter->queued;
    if (!served) {
        waiters_remove(waiter->queue, waiter);
    }
    pthread_mutex_unlock(&waiter->shared->lock);
    if (served && !op->completed) {
        inbox_run(op->task->sched);
    }
}

static int thread_wait(struct waiter *waiter) {
    pthread_mutex_lock(&waiter->shared->lock);
    int result = waiter->step(waiter);
    if (result == -EAGAIN) {
        pthread_cond_init(&waiter->wake, NULL);
        waiters_push(waiter->queue, waiter);
        while (waiter->queued) {
            pthread_cond_wait(&waiter->wake, &waiter->shared->lock);
        }
        pthread_cond_destroy(&waiter->wake);
        result = waiter->result;
    }
    pthread_mutex_unlock(&waiter->shared->lock);
    return result;
}

int waiter_wait(struct waiter *waiter, const struct op_kind *kind) {
    struct shared *shared = waiter->shared;
    waiter->op.kind = kind;
    waiter->sched = sched_peek();
    shared_ref(shared);
    int rc = waiter->sched != NULL ? (int)op_await(&waiter->op) : thread_wait(waiter);
    shared_unref(shared);
    return rc;
}

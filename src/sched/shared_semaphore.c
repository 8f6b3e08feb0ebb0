/* The semaphore between cores and threads: permits in the order of asking, a large wish before the small ones behind it. */
#include <errno.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sched/internal.h"
#include "sched/waiter.h"
#include "wharf/sync.h"

struct wharf_shared_semaphore {
    struct shared shared; /* first */
    struct waiters waiters;
    int64_t free;
};

static struct wharf_shared_semaphore *semaphore_of(const struct waiter *waiter) {
    return (struct wharf_shared_semaphore *)(void *)waiter->shared;
}

static int acquire_step(struct waiter *waiter) {
    struct wharf_shared_semaphore *semaphore = semaphore_of(waiter);
    if (semaphore->waiters.first != NULL || waiter->amount > semaphore->free) {
        return -EAGAIN;
    }
    semaphore->free -= waiter->amount;
    return 0;
}

/* With the lock held. */
static void grant_waiters(struct wharf_shared_semaphore *semaphore) {
    struct waiter *first = semaphore->waiters.first;
    while (first != NULL && first->amount <= semaphore->free) {
        semaphore->free -= first->amount;
        waiter_tell(waiters_pop(&semaphore->waiters), 0);
        first = semaphore->waiters.first;
    }
}

/* One that gives up may have held up smaller wishes behind it. */
static void acquire_cancel(struct op *op) {
    struct wharf_shared_semaphore *semaphore = semaphore_of((struct waiter *)op);
    waiter_cancel(op);
    pthread_mutex_lock(&semaphore->shared.lock);
    grant_waiters(semaphore);
    pthread_mutex_unlock(&semaphore->shared.lock);
}

static const struct op_kind acquire_kind = {
    .name = "shared semaphore", .attempt = waiter_attempt, .start = waiter_start, .cancel = acquire_cancel};

static int acquire(wharf_shared_semaphore *semaphore, int64_t k, bool wait) {
    if (k < 1) {
        return -EINVAL;
    }
    struct waiter waiter = {
        .shared = &semaphore->shared, .queue = &semaphore->waiters, .step = acquire_step, .amount = k};
    return wait ? waiter_wait(&waiter, &acquire_kind) : waiter_try(&waiter);
}

int wharf_shared_semaphore_acquire(wharf_shared_semaphore *semaphore, int64_t k) {
    return acquire(semaphore, k, true);
}

int wharf_shared_semaphore_try_acquire(wharf_shared_semaphore *semaphore, int64_t k) {
    return acquire(semaphore, k, false);
}

int wharf_shared_semaphore_release(wharf_shared_semaphore *semaphore, int64_t k) {
    int64_t free = 0;
    if (k < 1) {
        return -EINVAL;
    }
    pthread_mutex_lock(&semaphore->shared.lock);
    bool overflows = __builtin_add_overflow(semaphore->free, k, &free);
    if (!overflows) {
        semaphore->free = free;
        grant_waiters(semaphore);
    }
    pthread_mutex_unlock(&semaphore->shared.lock);
    return overflows ? -EOVERFLOW : 0;
}

wharf_shared_semaphore *wharf_shared_semaphore_new(int64_t permits) {
    struct wharf_shared_semaphore *semaphore = permits >= 0 ? mem_zalloc(sizeof *semaphore) : NULL;
    if (semaphore == NULL) {
        fail(permits < 0 ? -EINVAL : -ENOMEM, "shared semaphore", NULL, NULL);
        return NULL;
    }
    semaphore->free = permits;
    shared_init(&semaphore->shared);
    return semaphore;
}

wharf_shared_semaphore *wharf_shared_semaphore_ref(wharf_shared_semaphore *semaphore) {
    shared_ref(&semaphore->shared);
    return semaphore;
}

void wharf_shared_semaphore_unref(wharf_shared_semaphore *semaphore) {
    shared_unref((struct shared *)(void *)semaphore);
}

/* The channel between cores and threads: a ring and two queues of waiters under one lock that nobody holds for longer than a
 * copy. An element goes straight to a waiter, in one step, as in chan.c.
 *
 * A waiter is a record on the stack of whoever waits. A thread without a scheduler sleeps on a condition of its own; a task is
 * parked, and told by a message to its scheduler. Whoever serves a waiter tells it before letting go of the lock, and the
 * waiter takes the lock before it leaves: so the record, and the scheduler that the message goes to, outlive the telling.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sched/internal.h"
#include "wharf/sync.h"

enum { ELEMENT_MAX = 65536, CAPACITY_MAX = 1 << 20 };

struct waiter {
    struct message message; /* first: it is what arrives */
    struct waiter *next, *prev;
    struct sched *sched; /* NULL: a thread sleeps on `wake` */
    struct op *op;
    pthread_cond_t wake;
    void *element; /* to copy from or to */
    int result;
    bool queued;
};

struct waiters {
    struct waiter *first, *last;
};

struct wharf_shared_chan {
    _Atomic size_t references;
    pthread_mutex_t lock;
    size_t element, capacity, first, count;
    struct waiters putters, takers;
    bool closed;
    char ring[];
};

/* ---- queues ---- */

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

static void waiter_arrived(struct message *message) {
    struct waiter *waiter = (struct waiter *)(void *)message;
    op_complete(waiter->op, waiter->result);
}

/* It has its result. With the lock held. */
static void waiter_tell(struct waiter *waiter, int result) {
    waiter->result = result;
    if (waiter->sched == NULL) {
        pthread_cond_signal(&waiter->wake);
    } else if (waiter->sched == sched_peek()) {
        op_complete(waiter->op, result);
    } else {
        waiter->message.run = waiter_arrived;
        sched_post(waiter->sched, &waiter->message);
    }
}

static struct waiter *waiters_pop(struct waiters *waiters) {
    struct waiter *waiter = waiters->first;
    if (waiter != NULL) {
        waiters_remove(waiters, waiter);
    }
    return waiter;
}

/* ---- one step, with the lock held ---- */

static char *ring_at(struct wharf_shared_chan *chan, size_t n) {
    return chan->ring + (chan->first + n) % chan->capacity * chan->element;
}

static int put_step(struct wharf_shared_chan *chan, const void *element) {
    if (chan->closed) {
        return -EPIPE;
    }
    struct waiter *taker = waiters_pop(&chan->takers);
    if (taker != NULL) {
        memcpy(taker->element, element, chan->element);
        waiter_tell(taker, 1);
        return 0;
    }
    if (chan->count == chan->capacity) {
        return -EAGAIN;
    }
    memcpy(ring_at(chan, chan->count), element, chan->element);
    chan->count++;
    return 0;
}

static int take_step(struct wharf_shared_chan *chan, void *ret_element) {
    if (chan->count == 0) {
        return chan->closed ? 0 : -EAGAIN;
    }
    memcpy(ret_element, ring_at(chan, 0), chan->element);
    chan->first = (chan->first + 1) % chan->capacity;
    chan->count--;
    struct waiter *putter = waiters_pop(&chan->putters);
    if (putter != NULL) {
        memcpy(ring_at(chan, chan->count), putter->element, chan->element);
        chan->count++;
        waiter_tell(putter, 0);
    }
    return 1;
}

/* ---- waiting ---- */

struct shared_op {
    struct op op;
    struct wharf_shared_chan *chan;
    struct waiter *waiter;
    bool is_put;
};

static int step(const struct shared_op *op) {
    return op->is_put ? put_step(op->chan, op->waiter->element) : take_step(op->chan, op->waiter->element);
}

static struct waiters *queue_of(const struct shared_op *op) {
    return op->is_put ? &op->chan->putters : &op->chan->takers;
}

static int64_t shared_attempt(struct op *op) {
    struct shared_op *shared = (struct shared_op *)op;
    pthread_mutex_lock(&shared->chan->lock);
    int result = step(shared);
    pthread_mutex_unlock(&shared->chan->lock);
    return result;
}

/* Once more under the lock under which it queues: between the attempt and now another core may have put or taken. */
static int shared_start(struct op *op) {
    struct shared_op *shared = (struct shared_op *)op;
    pthread_mutex_lock(&shared->chan->lock);
    int result = step(shared);
    if (result == -EAGAIN) {
        waiters_push(queue_of(shared), shared->waiter);
    }
    pthread_mutex_unlock(&shared->chan->lock);
    if (result != -EAGAIN) {
        op_complete(op, result);
    }
    return 0;
}

/* One that has been served meanwhile has its message in the inbox: it is fetched here, while the record still exists, and
 * what was handed over counts. */
static void shared_cancel(struct op *op) {
    struct shared_op *shared = (struct shared_op *)op;
    struct waiter *waiter = shared->waiter;
    pthread_mutex_lock(&shared->chan->lock);
    if (waiter->queued) {
        waiters_remove(queue_of(shared), waiter);
        pthread_mutex_unlock(&shared->chan->lock);
        return;
    }
    pthread_mutex_unlock(&shared->chan->lock);
    if (!op->completed) {
        inbox_run(op->task->sched);
    }
}

static const struct op_kind put_kind = {
    .name = "shared put", .attempt = shared_attempt, .start = shared_start, .cancel = shared_cancel};
static const struct op_kind take_kind = {
    .name = "shared take", .attempt = shared_attempt, .start = shared_start, .cancel = shared_cancel};

/* On a thread without a scheduler. */
static int thread_wait(struct shared_op *op) {
    struct waiter *waiter = op->waiter;
    pthread_mutex_lock(&op->chan->lock);
    int result = step(op);
    if (result == -EAGAIN) {
        pthread_cond_init(&waiter->wake, NULL);
        waiters_push(queue_of(op), waiter);
        while (waiter->queued) {
            pthread_cond_wait(&waiter->wake, &op->chan->lock);
        }
        pthread_cond_destroy(&waiter->wake);
        result = waiter->result;
    }
    pthread_mutex_unlock(&op->chan->lock);
    return result;
}

static int shared_wait(struct wharf_shared_chan *chan, void *element, bool is_put) {
    struct waiter waiter = {.sched = sched_peek(), .element = element};
    struct shared_op op = {.op.kind = is_put ? &put_kind : &take_kind, .chan = chan, .waiter = &waiter};
    op.is_put = is_put;
    waiter.op = &op.op;
    wharf_shared_chan_ref(chan);
    int rc = waiter.sched != NULL ? (int)op_await(&op.op) : thread_wait(&op);
    wharf_shared_chan_unref(chan);
    return rc;
}

int wharf_shared_put(wharf_shared_chan *chan, const void *element) {
    return shared_wait(chan, (void *)(uintptr_t)element, true);
}

int wharf_shared_take(wharf_shared_chan *chan, void *ret_element) {
    return shared_wait(chan, ret_element, false);
}

int wharf_shared_try_put(wharf_shared_chan *chan, const void *element) {
    pthread_mutex_lock(&chan->lock);
    int rc = put_step(chan, element);
    pthread_mutex_unlock(&chan->lock);
    return rc;
}

int wharf_shared_try_take(wharf_shared_chan *chan, void *ret_element) {
    pthread_mutex_lock(&chan->lock);
    int rc = take_step(chan, ret_element);
    pthread_mutex_unlock(&chan->lock);
    return rc;
}

/* ---- life ---- */

wharf_shared_chan *wharf_shared_chan_new(size_t element_bytes, size_t capacity) {
    if (element_bytes == 0 || element_bytes > ELEMENT_MAX || capacity == 0 || capacity > CAPACITY_MAX) {
        fail(-EINVAL, "shared channel", NULL, "element size or capacity is out of range");
        return NULL;
    }
    struct wharf_shared_chan *chan = mem_alloc(sizeof *chan + element_bytes * capacity);
    if (chan == NULL) {
        fail(-ENOMEM, "shared channel", NULL, NULL);
        return NULL;
    }
    *chan = (struct wharf_shared_chan){.references = 1, .element = element_bytes, .capacity = capacity};
    pthread_mutex_init(&chan->lock, NULL);
    return chan;
}

wharf_shared_chan *wharf_shared_chan_ref(wharf_shared_chan *chan) {
    atomic_fetch_add_explicit(&chan->references, 1, memory_order_relaxed);
    return chan;
}

void wharf_shared_chan_unref(wharf_shared_chan *chan) {
    if (chan != NULL && atomic_fetch_sub_explicit(&chan->references, 1, memory_order_acq_rel) == 1) {
        pthread_mutex_destroy(&chan->lock);
        mem_free(chan);
    }
}

int wharf_shared_chan_close(wharf_shared_chan *chan) {
    pthread_mutex_lock(&chan->lock);
    int rc = chan->closed ? -EINVAL : 0;
    chan->closed = true;
    for (struct waiter *putter = waiters_pop(&chan->putters); rc == 0 && putter != NULL;
         putter = waiters_pop(&chan->putters)) {
        waiter_tell(putter, -EPIPE);
    }
    for (struct waiter *taker = waiters_pop(&chan->takers); rc == 0 && taker != NULL;
         taker = waiters_pop(&chan->takers)) {
        waiter_tell(taker, 0);
    }
    pthread_mutex_unlock(&chan->lock);
    return rc;
}

/* The channel between cores and threads: a ring and two queues of waiters under one lock that nobody holds for longer than a
 * copy. An element goes straight to a waiter, in one step, as in chan.c. How waiting crosses threads is in waiter.h. */
#include <errno.h>
#include <string.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sched/waiter.h"
#include "wharf/sync.h"

enum { ELEMENT_MAX = 65536, CAPACITY_MAX = 1 << 20 };

struct wharf_shared_chan {
    struct shared shared; /* first */
    size_t element, capacity, first, count;
    struct waiters putters, takers;
    bool closed;
    char ring[];
};

static char *ring_at(struct wharf_shared_chan *chan, size_t n) {
    return chan->ring + (chan->first + n) % chan->capacity * chan->element;
}

/* ---- put and take, with the lock held ---- */

static int put_step(struct waiter *waiter) {
    struct wharf_shared_chan *chan = (struct wharf_shared_chan *)(void *)waiter->shared;
    if (chan->closed) {
        return -EPIPE;
    }
    struct waiter *taker = waiters_pop(&chan->takers);
    if (taker != NULL) {
        memcpy(taker->element, waiter->element, chan->element);
        waiter_tell(taker, 1);
        return 0;
    }
    if (chan->count == chan->capacity) {
        return -EAGAIN;
    }
    memcpy(ring_at(chan, chan->count), waiter->element, chan->element);
    chan->count++;
    return 0;
}

static int take_step(struct waiter *waiter) {
    struct wharf_shared_chan *chan = (struct wharf_shared_chan *)(void *)waiter->shared;
    if (chan->count == 0) {
        return chan->closed ? 0 : -EAGAIN;
    }
    memcpy(waiter->element, ring_at(chan, 0), chan->element);
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

static const struct op_kind put_kind = {
    .name = "shared put", .attempt = waiter_attempt, .start = waiter_start, .cancel = waiter_cancel};
static const struct op_kind take_kind = {
    .name = "shared take", .attempt = waiter_attempt, .start = waiter_start, .cancel = waiter_cancel};

static struct waiter putter_of(wharf_shared_chan *chan, const void *element) {
    return (struct waiter){.shared = &chan->shared,
                           .queue = &chan->putters,
                           .step = put_step,
                           .element = (void *)(uintptr_t)element};
}

static struct waiter taker_of(wharf_shared_chan *chan, void *ret_element) {
    return (struct waiter){
        .shared = &chan->shared, .queue = &chan->takers, .step = take_step, .element = ret_element};
}

int wharf_shared_put(wharf_shared_chan *chan, const void *element) {
    struct waiter waiter = putter_of(chan, element);
    return waiter_wait(&waiter, &put_kind);
}

int wharf_shared_take(wharf_shared_chan *chan, void *ret_element) {
    struct waiter waiter = taker_of(chan, ret_element);
    return waiter_wait(&waiter, &take_kind);
}

int wharf_shared_try_put(wharf_shared_chan *chan, const void *element) {
    struct waiter waiter = putter_of(chan, element);
    return waiter_try(&waiter);
}

int wharf_shared_try_take(wharf_shared_chan *chan, void *ret_element) {
    struct waiter waiter = taker_of(chan, ret_element);
    return waiter_try(&waiter);
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
    *chan = (struct wharf_shared_chan){.element = element_bytes, .capacity = capacity};
    shared_init(&chan->shared);
    return chan;
}

wharf_shared_chan *wharf_shared_chan_ref(wharf_shared_chan *chan) {
    shared_ref(&chan->shared);
    return chan;
}

void wharf_shared_chan_unref(wharf_shared_chan *chan) {
    shared_unref((struct shared *)(void *)chan);
}

int wharf_shared_chan_close(wharf_shared_chan *chan) {
    pthread_mutex_lock(&chan->shared.lock);
    int rc = chan->closed ? -EINVAL : 0;
    chan->closed = true;
    waiters_tell_all(&chan->putters, -EPIPE);
    waiters_tell_all(&chan->takers, 0);
    pthread_mutex_unlock(&chan->shared.lock);
    return rc;
}

/* Channels: a ring of elements, and hand-off in the order of asking. An element goes straight from a put to a waiting
 * take, in one step: a taker that times out has either got it or left it. */
#include "wharf/sync.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "sched/await.h"
#include "sched/chan.h"

enum { ELEMENT_MAX = 65536, CAPACITY_MAX = 1 << 20 };

struct chan {
    size_t element;  /* bytes */
    size_t capacity; /* elements */
    size_t first, count;
    struct op_queue putters, takers;
    bool closed;
    char ring[];
};

/* What stands in the table of channels: as large as sched_new() has made its records. */
struct chan_slot {
    struct chan *chan; /* NULL: free */
    uint32_t generation;
};

/* n: less than the capacity, as `first` is. */
static inline char *ring_at(struct chan *chan, size_t n) {
    size_t at = chan->first + n;
    return chan->ring + (at < chan->capacity ? at : at - chan->capacity) * chan->element;
}

/* Most elements are a number, a pointer or a pair: these need no call. */
static inline void element_copy(void *to, const void *from, size_t size) {
    if (size == sizeof(uint64_t)) {
        memcpy(to, from, sizeof(uint64_t));
    } else if (size == sizeof(uint32_t)) {
        memcpy(to, from, sizeof(uint32_t));
    } else {
        memcpy(to, from, size);
    }
}

wharf_chan wharf_chan_new(size_t element_bytes, size_t capacity) {
    struct sched *sched = sched_here();
    if (sched == NULL) {
        return (wharf_chan){sched_missing()};
    }
    if (element_bytes == 0 || element_bytes > ELEMENT_MAX || capacity > CAPACITY_MAX) {
        return (wharf_chan){fail(-EINVAL, "channel", NULL, "element size or capacity is out of range")};
    }
    struct chan *chan = mem_alloc(sizeof *chan + element_bytes * capacity);
    if (chan == NULL) {
        return (wharf_chan){-ENOMEM};
    }
    uint32_t index = 0;
    int rc = table_take(&sched->chans, &index);
    if (rc < 0) {
        mem_free(chan);
        return (wharf_chan){rc};
    }
    *chan = (struct chan){.element = element_bytes, .capacity = capacity};
    struct chan_slot *slot = table_at(&sched->chans, index);
    slot->chan = chan;
    if (debug_is_on(&debug_switches.sites)) {
        site_record(sched, SITE_CHANNEL, index);
    }
    slot->generation = generation_next(slot->generation);
    return (wharf_chan){handle_make(sched, index, slot->generation)};
}

static struct chan_slot *chan_find(wharf_chan handle, uint32_t *ret_index, int *ret_error) {
    struct sched *sched = sched_here();
    uint32_t index = 0, generation = 0;
    int rc = sched != NULL ? handle_split(sched, handle.id, -EBADF, &index, &generation) : sched_missing();
    if (rc < 0) {
        *ret_error = rc;
        return NULL;
    }
    struct chan_slot *slot = table_has(&sched->chans, index) ? table_at(&sched->chans, index) : NULL;
    if (slot == NULL || slot->chan == NULL || slot->generation != generation) {
        *ret_error = fail(-EBADF, "channel", NULL, "it was freed, or never made");
        return NULL;
    }
    *ret_index = index;
    return slot;
}

/* The channel of a handle that is good; NULL: chan_find() tells what is wrong with it. */
static inline struct chan *chan_peek(const struct sched *sched, uint64_t id) {
    uint32_t index = (uint32_t)(id & ((1U << HANDLE_SLOT_BITS) - 1));
    uint32_t generation = (uint32_t)(id >> HANDLE_SLOT_BITS & ((1U << HANDLE_GENERATION_BITS) - 1));
    bool ours = id >> (HANDLE_SLOT_BITS + HANDLE_GENERATION_BITS) == sched->number;
    if (!ours || !table_has(&sched->chans, index)) {
        return NULL;
    }
    const struct chan_slot *slot = table_at(&sched->chans, index);
    return slot->generation == generation ? slot->chan : NULL;
}

/* Looks the channel up at the moment of the attempt: it may have been freed while the task gave way. */
static inline int chan_of(struct chan_op *op) {
    const struct sched *sched = sched_here();
    op->chan = sched != NULL ? chan_peek(sched, (uint64_t)op->handle.id) : NULL;
    if (__builtin_expect(op->chan != NULL, 1)) {
        return 0;
    }
    uint32_t index = 0;
    int rc = -EBADF;
    (void)chan_find(op->handle, &index, &rc);
    return rc;
}

/* ---- put ---- */

COLD static int chan_is_closed(void) {
    return fail(-EPIPE, "put", NULL, "the channel is closed");
}

/* 0, -EPIPE, or -EAGAIN. */
static inline int chan_put(struct chan *chan, const void *element) {
    if (__builtin_expect(chan->closed, 0)) {
        return -EPIPE;
    }
    struct op *taker = op_queue_pop(&chan->takers);
    if (taker != NULL) {
        element_copy(((struct chan_op *)taker)->element, element, chan->element);
        op_finish(taker, 1);
        return 0;
    }
    if (chan->count == chan->capacity) {
        return -EAGAIN;
    }
    element_copy(ring_at(chan, chan->count), element, chan->element);
    chan->count++;
    return 0;
}

static int64_t put_attempt(struct op *op) {
    struct chan_op *put = (struct chan_op *)op;
    int rc = chan_of(put);
    rc = rc < 0 ? rc : chan_put(put->chan, put->element);
    return rc == -EPIPE ? chan_is_closed() : rc;
}

static int put_start(struct op *op) {
    op_queue_push(&((struct chan_op *)op)->chan->putters, op);
    return 0;
}

const struct op_kind chan_put_kind = {
    .name = "put", .attempt = put_attempt, .start = put_start, .cancel = op_queue_remove};

/* ---- take ---- */

/* A place has become free: the longest waiting put moves up. */
static inline void admit_putter(struct chan *chan) {
    struct op *putter = op_queue_pop(&chan->putters);
    if (putter == NULL) {
        return;
    }
    element_copy(ring_at(chan, chan->count), ((struct chan_op *)putter)->element, chan->element);
    chan->count++;
    op_finish(putter, 0);
}

/* 1, 0 when it is closed and empty, or -EAGAIN. */
static inline int chan_take(struct chan *chan, void *ret_element) {
    if (chan->count > 0) {
        element_copy(ret_element, ring_at(chan, 0), chan->element);
        chan->first = chan->first + 1 < chan->capacity ? chan->first + 1 : 0;
        chan->count--;
        admit_putter(chan);
        return 1;
    }
    struct op *putter = op_queue_pop(&chan->putters);
    if (putter != NULL) {
        element_copy(ret_element, ((struct chan_op *)putter)->element, chan->element);
        op_finish(putter, 0);
        return 1;
    }
    return chan->closed ? 0 : -EAGAIN;
}

static int64_t take_attempt(struct op *op) {
    struct chan_op *take = (struct chan_op *)op;
    int rc = chan_of(take);
    return rc < 0 ? rc : chan_take(take->chan, take->element);
}

static int take_start(struct op *op) {
    op_queue_push(&((struct chan_op *)op)->chan->takers, op);
    return 0;
}

const struct op_kind chan_take_kind = {
    .name = "take", .attempt = take_attempt, .start = take_start, .cancel = op_queue_remove};

/* ---- the calls ---- */

/* The channel of a handle, when nothing else is to be looked at before it is used. */
static inline struct chan *chan_plain(struct sched *sched, wharf_chan handle) {
    return op_is_plain(sched) ? chan_peek(sched, (uint64_t)handle.id) : NULL;
}

__attribute__((noinline)) static int chan_await(const struct op_kind *kind, wharf_chan handle,
                                                void *element) {
    struct chan_op op;
    op_init(&op.op, kind);
    op.op.internal = true;
    op.handle = handle;
    op.element = element;
    return (int)op_await(&op.op);
}

/* After an attempt that found the channel full, or empty. */
static inline int chan_wait(struct sched *sched, struct op_queue *queue, const struct op_kind *kind,
                            void *element) {
    struct chan_op *op = &op_brief(sched, kind)->chan;
    op->element = element;
    op_queue_push(queue, &op->op);
    return op_brief_wait(sched);
}

int wharf_put(wharf_chan handle, const void *element) {
    struct sched *sched = sched_of_thread;
    struct chan *chan = chan_plain(sched, handle);
    void *from = (void *)(uintptr_t)element;
    if (__builtin_expect(chan == NULL, 0)) {
        return chan_await(&chan_put_kind, handle, from);
    }
    int rc = chan_put(chan, element);
    if (rc == -EAGAIN) {
        return chan_wait(sched, &chan->putters, &chan_put_kind, from);
    }
    return __builtin_expect(rc < 0, 0) ? chan_is_closed() : rc;
}

int wharf_take(wharf_chan handle, void *ret_element) {
    struct sched *sched = sched_of_thread;
    struct chan *chan = chan_plain(sched, handle);
    if (__builtin_expect(chan == NULL, 0)) {
        return chan_await(&chan_take_kind, handle, ret_element);
    }
    int rc = chan_take(chan, ret_element);
    return rc != -EAGAIN ? rc : chan_wait(sched, &chan->takers, &chan_take_kind, ret_element);
}

int wharf_try_put(wharf_chan handle, const void *element) {
    struct chan_op op = {
        .op = {.kind = &chan_put_kind}, .handle = handle, .element = (void *)(uintptr_t)element};
    return (int)put_attempt(&op.op);
}

int wharf_try_take(wharf_chan handle, void *ret_element) {
    struct chan_op op = {.op = {.kind = &chan_take_kind}, .handle = handle, .element = ret_element};
    return (int)take_attempt(&op.op);
}

/* ---- ending ---- */

int wharf_chan_close(wharf_chan handle) {
    uint32_t index = 0;
    int rc = 0;
    struct chan_slot *slot = chan_find(handle, &index, &rc);
    if (slot == NULL) {
        return rc;
    }
    if (slot->chan->closed) {
        return fail(-EINVAL, "close channel", NULL, "it is closed already");
    }
    slot->chan->closed = true;
    op_queue_complete_all(&slot->chan->putters, -EPIPE);
    op_queue_complete_all(&slot->chan->takers, 0);
    return 0;
}

/* Those that the program has not freed, with their scheduler. */
void chans_free(struct sched *sched) {
    uint32_t slots = sched->chans.page_count * sched->chans.page_records;
    for (uint32_t i = 0; i < slots; i++) {
        struct chan_slot *slot = table_at(&sched->chans, i);
        mem_free(slot->chan);
    }
}

int wharf_chan_free(wharf_chan handle) {
    uint32_t index = 0;
    int rc = 0;
    struct chan_slot *slot = chan_find(handle, &index, &rc);
    if (slot == NULL) {
        return rc;
    }
    struct chan *chan = slot->chan;
    slot->chan = NULL;
    op_queue_complete_all(&chan->putters, -EBADF);
    op_queue_complete_all(&chan->takers, -EBADF);
    mem_free(chan);
    table_give(&sched_here()->chans, index);
    return 0;
}

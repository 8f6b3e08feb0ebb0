/* Lingering: closing a TCP socket that still has unread bytes makes the kernel answer with a reset, and a reset
 * makes the peer lose what it has not read yet (RFC 9112 section 9.6 describes it for HTTP). So the sending side
 * is shut down, what arrives is thrown away, and the descriptor is closed when the peer's end has come or two
 * seconds are over. All of that is one small record per connection and a callback: no task, no stack, no buffer.
 *
 * At the end of a scheduler nobody is left to read, so the wait there is for the peer's system to have
 * acknowledged what was sent. */
#include "net/linger.h"

#include <errno.h>
#include <stddef.h>

#include "base/memory.h"
#include "net/stream.h"
#include "sched/engine.h"
#include "sched/sched.h"
#include "sched/task.h"
#include "sched/timer.h"
#include "wharf/task.h"

#define LINGER_NS      (INT64_C(2000) * 1000 * 1000)
#define END_POLL_MS    5
#define LINGER_MS      (LINGER_NS / 1000000)
#define DRAIN_NOW_NS   INT64_C(1000000)
#define OFFER_AGAIN_NS INT64_C(20000000)

enum { DRAIN_READS = 32 };

struct linger_list;

struct lingering {
    struct linger_list *list;
    struct lingering *next, *prev; /* from the oldest to the newest */
    struct io *io;
    struct timer timer; /* its deadline, or sooner when there is more to throw away or to send */
    int64_t deadline;
    size_t rest_start, rest_len; /* the last words that the socket has not taken yet */
    char rest[];
};

struct linger_list {
    struct lingering *first, *last;
    int64_t count;
};

static const char list_key; /* its address names the scheduler's list */

static struct linger_list *list_find(void) {
    return sched_local_get(&list_key);
}

int64_t stream_lingering(void) {
    const struct linger_list *list = list_find();
    return list != NULL ? list->count : 0;
}

/* Unlinks and frees the record; the io stays open. */
static struct io *linger_forget(struct lingering *linger) {
    struct linger_list *list = linger->list;
    struct io *io = linger->io;
    *(linger->prev != NULL ? &linger->prev->next : &list->first) = linger->next;
    *(linger->next != NULL ? &linger->next->prev : &list->last) = linger->prev;
    list->count--;
    timer_deinit(sched_current(), &linger->timer);
    io_unwatch(io);
    mem_free(linger);
    return io;
}

static void linger_end(struct lingering *linger) {
    io_close(linger_forget(linger), false);
}

enum drained { DRAINED_END, DRAINED_EMPTY, DRAINED_MORE };

/* Throws away what has arrived, up to a bound, so that a peer that never stops cannot hold the scheduler.
 * Without memory to read into there is nothing better than the end. */
static enum drained drain(struct io *io) {
    void *block = block_get();
    enum drained drained = block != NULL ? DRAINED_MORE : DRAINED_END;
    for (int i = 0; i < DRAIN_READS && drained == DRAINED_MORE; i++) {
        ssize_t got = io_try_recv(io, block, BLOCK_SIZE);
        if (got == -EAGAIN) {
            drained = DRAINED_EMPTY;
        } else if (got <= 0) {
            drained = DRAINED_END;
        }
    }
    if (block != NULL) {
        block_put(block);
    }
    return drained;
}

static void linger_readable(struct io *io, void *arg);

/* Last words that the socket had no room for. Once all are out the peer is told that nothing follows. */
static void linger_offer(struct lingering *linger) {
    if (linger->rest_start == linger->rest_len) {
        return;
    }
    struct iovec piece = {linger->rest + linger->rest_start, linger->rest_len - linger->rest_start};
    linger->io->ready |= IO_WRITE; /* nobody waits for it to become so */
    ssize_t sent = io_try_send(linger->io, &piece, 1, false);
    linger->rest_start += sent > 0 ? (size_t)sent : 0;
    if (linger->rest_start == linger->rest_len) {
        const struct engine *engine = sched_engine();
        (void)engine->shutdown(sched_current(), linger->io->fd);
    }
}

static void linger_step(struct lingering *linger) {
    int64_t now = sched_now();
    linger_offer(linger);
    enum drained drained = drain(linger->io);
    if (drained == DRAINED_END || now >= linger->deadline) {
        linger_end(linger);
        return;
    }
    bool more = drained == DRAINED_MORE || !io_watch(linger->io, linger_readable, linger);
    int64_t again = linger->rest_start < linger->rest_len ? now + OFFER_AGAIN_NS : linger->deadline;
    timer_set(sched_current(), &linger->timer, more ? now + DRAIN_NOW_NS : again);
}

static void linger_readable(struct io *io, void *arg) {
    (void)io;
    linger_step(arg);
}

static void linger_timer(struct timer *timer) {
    linger_step((struct lingering *)(void *)((char *)timer - offsetof(struct lingering, timer)));
}

/* ---- the end of the scheduler ---- */

static void list_close_acknowledged(struct linger_list *list) {
    const struct engine *engine = sched_engine();
    struct lingering *next = NULL;
    for (struct lingering *linger = list->first; linger != NULL; linger = next) {
        next = linger->next;
        bool ended = drain(linger->io) == DRAINED_END;
        if (ended || engine->unsent(sched_current(), linger->io->fd) <= 0) {
            linger_end(linger);
        }
    }
}

/* At the scheduler's end: waits for acknowledgements, at most as long as a connection lingers. */
static void list_drop(void *value) {
    struct linger_list *list = value;
    wharf_scope scope;
    int rc = 0;
    wharf_scope_open_shield(&scope, LINGER_MS);
    list_close_acknowledged(list);
    while (list->first != NULL && rc == 0) {
        rc = wharf_sleep(END_POLL_MS);
        list_close_acknowledged(list);
    }
    (void)wharf_scope_close(&scope);
    while (list->first != NULL) {
        linger_end(list->first);
    }
    mem_free(list);
}

/* ---- closing ---- */

/* Makes the io linger, or closes it where there is no memory for that. */
static void linger_start(struct io *io, wharf_str rest) {
    struct linger_list *list = sched_local_make(&list_key, sizeof(*list), list_drop);
    struct lingering *linger = list != NULL ? mem_zalloc(sizeof(*linger) + rest.len) : NULL;
    if (linger == NULL || timer_init(sched_current(), &linger->timer, linger_timer) != 0) {
        mem_free(linger);
        io_close(io, false);
        return;
    }
    linger->list = list;
    linger->io = io;
    io->lingers = true;
    linger->rest_len = rest.len;
    if (rest.len > 0) {
        memcpy(linger->rest, rest.ptr, rest.len);
    }
    linger->deadline = sched_now() + LINGER_NS;
    linger->prev = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = linger;
    list->last = linger;
    list->count++;
    if (list->count > LINGER_MAX) {
        linger_end(list->first);
    }
    linger_step(linger);
}

/* The io in a slot of its own when tasks still wait on it: they leave with -ECANCELED and find nothing of the
 * lingering connection. NULL when there was no memory for the slot; the descriptor is then closed. */
static struct io *without_waiters(struct io *io) {
    if (io->readers.first == NULL && io->writers.first == NULL) {
        return io;
    }
    bool shared = io->shared_fd;
    bool short_means_empty = io->short_means_empty;
    int fd = io_release(io);
    struct io *fresh = NULL;
    if (io_open(fd, IO_READ | IO_WRITE, &fresh) < 0) {
        const struct engine *engine = sched_engine();
        engine->close(sched_current(), fd, false);
        return NULL;
    }
    fresh->shared_fd = shared;
    fresh->short_means_empty = short_means_empty;
    return fresh;
}

void linger_close(struct io *io, wharf_str rest) {
    const struct engine *engine = sched_engine();
    io->owner = NULL;
    io->hangup = NULL;
    io_unwatch(io);
    io = without_waiters(io);
    if (io == NULL) {
        return;
    }
    if (rest.len == 0 &&
        drain(io) == DRAINED_END) { /* closing sends the FIN, and nothing unread can turn it into a reset */
        io_close(io, false);
        return;
    }
    if (rest.len == 0) {
        (void)engine->shutdown(sched_current(), io->fd);
    }
    linger_start(io, rest);
}

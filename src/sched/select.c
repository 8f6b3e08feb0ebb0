/* Select: one operation that stands for several.
 *
 * Each case is an operation of its own kind (put, take, tick ...) in the caller's array. Attempting is attempting them in turn
 * from a chance one; starting is starting them all, so that one task stands in several queues. Whoever completes a case
 * claims the select: the other cases leave their queues in the same step. So a queue never holds an operation that somebody
 * else has already completed, and neither channels nor locks need to know of select.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/failure.h"
#include "sched/chan.h"
#include "sched/event.h"
#include "sched/internal.h"
#include "sched/ticker.h"
#include "wharf/os.h"

enum { CASES_MAX = 1024, MILLISECOND_NS = 1000 * 1000 };

/* Of a socket: looked up each time, because others may close it. */
struct ready_op {
    struct op op;
    int64_t id;
    int direction; /* IO_READ or IO_WRITE */
};

/* Of a descriptor that belongs to others: waited for on a duplicate, as wharf_wait_fd() does. */
struct fd_op {
    struct op op;
    int fd;
    int direction;
    int64_t copy; /* handle of the duplicate while it waits */
};

union case_op {
    struct op op;
    struct chan_op chan;
    struct ready_op ready;
    struct fd_op fd;
    struct tick_op tick;
    struct event_op event;
};

_Static_assert(sizeof(union case_op) <= sizeof(((wharf_case *)NULL)->reserved_),
               "a case outgrew its storage");

struct select_op {
    struct op op;
    wharf_case *cases;
    int count;
    bool wait;
};

static union case_op *case_op(wharf_case *one) {
    return (union case_op *)(void *)one->reserved_;
}

/* ---- sockets ---- */

/* NULL, with the error, also when the socket is closed and its descriptor lingers. */
static struct io *ready_io(const struct op *op, int *ret_error) {
    struct io *io = io_find(((const struct ready_op *)op)->id, ret_error);
    if (io != NULL && io->owner == NULL) {
        *ret_error = -EBADF;
        return NULL;
    }
    return io;
}

static int64_t ready_attempt(struct op *op) {
    const struct ready_op *ready = (struct ready_op *)op;
    int rc = 0;
    struct io *io = ready_io(op, &rc);
    if (io == NULL) {
        return rc;
    }
    return io_poll(io, ready->direction) != 0 ? 1 : -EAGAIN;
}

static int ready_start(struct op *op) {
    const struct ready_op *ready = (struct ready_op *)op;
    int rc = 0;
    struct io *io = ready_io(op, &rc);
    return io != NULL ? io_queue(io, op, ready->direction) : rc;
}

static void ready_cancel(struct op *op) {
    const struct ready_op *ready = (struct ready_op *)op;
    int rc = 0;
    struct io *io = ready_io(op, &rc);
    op_queue_remove(op);
    if (io != NULL) {
        io_unqueue(io, ready->direction);
    }
}

static const struct op_kind readable_kind = {
    .name = "readable", .attempt = ready_attempt, .start = ready_start, .cancel = ready_cancel};
static const struct op_kind writable_kind = {
    .name = "writable", .attempt = ready_attempt, .start = ready_start, .cancel = ready_cancel};

/* ---- descriptors of others ---- */

static int64_t fd_attempt(struct op *op) {
    const struct fd_op *wait = (struct fd_op *)op;
    int ready = fd_look(wait->fd, wait->direction);
    if (ready != 0) {
        return ready < 0 ? ready : 1;
    }
    return -EAGAIN;
}

static int fd_start(struct op *op) {
    struct fd_op *wait = (struct fd_op *)op;
    wait->copy = -EBADF;
    if (sched_is_simulated()) {
        return fail(-EOPNOTSUPP, "select", NULL, "descriptor %d is not ready, and this is a simulation",
                    wait->fd);
    }
    int copy = fcntl(wait->fd, F_DUPFD_CLOEXEC, 3);
    int rc = copy < 0 ? -errno : 0;
    struct io *io = NULL;
    if (rc == 0) {
        rc = io_open(copy, 0, &io);
    }
    if (rc == 0) {
        io->shared_fd = true;
        wait->copy = io_id(io);
        return io_queue(io, op, wait->direction);
    }
    if (copy >= 0) {
        close(copy);
    }
    return rc;
}

static void fd_cancel(struct op *op) {
    struct fd_op *wait = (struct fd_op *)op;
    int rc = 0;
    op_queue_remove(op);
    struct io *io = io_find(wait->copy, &rc);
    if (io != NULL) {
        io_close(io, false);
    }
    wait->copy = -EBADF;
}

static const struct op_kind fd_kind = {
    .name = "wait fd", .attempt = fd_attempt, .start = fd_start, .cancel = fd_cancel};

/* ---- time ---- */

static int64_t after_attempt(struct op *op) {
    return op->wake_at <= op->task->sched->now ? 0 : -EAGAIN;
}

static const struct op_kind after_kind = {.name = "after", .attempt = after_attempt};

/* ms from now, as an absolute time that is never 0. */
static int64_t time_after(const struct sched *sched, int64_t ms) {
    int64_t ns = 0, at = 0;
    if (ms == WHARF_OFF) {
        return TIMER_NEVER;
    }
    if (ms <= 0) {
        return 1;
    }
    bool far = __builtin_mul_overflow(ms, MILLISECOND_NS, &ns) || __builtin_add_overflow(sched->now, ns, &at);
    return far ? TIMER_NEVER : at;
}

/* ---- the cases as operations ---- */

/* false: there is no such kind. */
static bool case_prepare(wharf_case *one, const struct sched *sched) {
    union case_op *op = case_op(one);
    int direction = one->kind == WHARF_CASE_READABLE_ || one->kind == WHARF_CASE_FD_READABLE_ ? IO_READ
                                                                                              : IO_WRITE;
    *op = (union case_op){.op.kind = NULL};
    switch (one->kind) {
    case WHARF_CASE_NONE_: break;
    case WHARF_CASE_PUT_:
    case WHARF_CASE_TAKE_:
        op->chan = (struct chan_op){.handle = {one->what}, .element = one->element};
        op->op.kind = one->kind == WHARF_CASE_PUT_ ? &chan_put_kind : &chan_take_kind;
        break;
    case WHARF_CASE_READABLE_:
    case WHARF_CASE_WRITABLE_:
        op->ready = (struct ready_op){.id = one->what, .direction = direction};
        op->op.kind = direction == IO_READ ? &readable_kind : &writable_kind;
        break;
    case WHARF_CASE_FD_READABLE_:
    case WHARF_CASE_FD_WRITABLE_:
        op->fd = (struct fd_op){
            .op.kind = &fd_kind, .fd = (int)one->what, .direction = direction, .copy = -EBADF};
        break;
    case WHARF_CASE_AFTER_:
        op->op = (struct op){.kind = &after_kind, .wake_at = time_after(sched, one->what)};
        break;
    case WHARF_CASE_TICK_: op->tick = (struct tick_op){.op.kind = &tick_kind, .ticker = one->element}; break;
    case WHARF_CASE_EVENT_:
        op->event = (struct event_op){.op.kind = &event_kind, .event = one->element};
        break;
    default: return false;
    }
    return true;
}

/* Whether only another task of this scheduler can make it happen. */
static bool case_is_internal(const struct op *op) {
    const struct op_kind *kind = op->kind;
    return kind == NULL || kind == &chan_put_kind || kind == &chan_take_kind || kind == &event_kind ||
           op->wake_at == TIMER_NEVER;
}

static int64_t select_attempt(struct op *op) {
    struct select_op *select = (struct select_op *)op;
    uint32_t count = (uint32_t)select->count;
    uint32_t first = (uint32_t)(sched_dice(op->task->sched) % count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = (first + i) % count;
        struct op *sub = &case_op(&select->cases[index])->op;
        int64_t result = sub->kind != NULL ? sub->kind->attempt(sub) : -EAGAIN;
        if (result != -EAGAIN) {
            select->cases[index].result = (int)result;
            return index;
        }
    }
    return select->wait ? -EAGAIN : select->count;
}

/* A case that cannot be started has happened, with its error. */
static int select_start(struct op *op) {
    struct select_op *select = (struct select_op *)op;
    op->wake_at = TIMER_NEVER;
    for (int i = 0; i < select->count && !op->completed; i++) {
        struct op *sub = &case_op(&select->cases[i])->op;
        sub->completed = false;
        int rc = sub->kind != NULL && sub->kind->start != NULL ? sub->kind->start(sub) : 0;
        if (rc < 0) {
            op_complete(sub, rc);
        }
        if (sub->wake_at != 0 && sub->wake_at < op->wake_at) {
            op->wake_at = sub->wake_at;
        }
    }
    return 0;
}

static void select_cancel(struct op *op) {
    struct select_op *select = (struct select_op *)op;
    for (int i = 0; i < select->count; i++) {
        struct op *sub = &case_op(&select->cases[i])->op;
        if (sub->kind != NULL && sub->kind->cancel != NULL) {
            sub->kind->cancel(sub);
        }
    }
}

void select_claim(struct op *sub) {
    struct select_op *select = (struct select_op *)sub->leader;
    int won = -1;
    for (int i = 0; i < select->count; i++) {
        struct op *other = &case_op(&select->cases[i])->op;
        if (other == sub) {
            won = i;
        }
        other->completed = true; /* nobody completes another one */
        op_queue_remove(other);
    }
    select->cases[won].result = (int)sub->result;
    op_complete(&select->op, won);
}

static const struct op_kind select_kind = {
    .name = "select", .attempt = select_attempt, .start = select_start, .cancel = select_cancel};

static int select_cases(wharf_case *cases, int count, bool wait) {
    struct sched *sched = sched_current();
    if (sched == NULL) {
        return sched_missing();
    }
    if (count < 1 || count > CASES_MAX) {
        return fail(-EINVAL, "select", NULL, "1 to %d cases", CASES_MAX);
    }
    sched_clock();
    struct select_op select = {
        .op = {.kind = &select_kind, .internal = true}, .cases = cases, .count = count, .wait = wait};
    for (int i = 0; i < count; i++) {
        if (!case_prepare(&cases[i], sched)) {
            return fail(-EINVAL, "select", NULL, "case %d was not made by a wharf_case function", i);
        }
        struct op *sub = &case_op(&cases[i])->op;
        sub->task = sched->running;
        sub->leader = &select.op;
        select.op.internal = select.op.internal && case_is_internal(sub);
    }
    int index = (int)op_await(&select.op);
    return index == count ? -EAGAIN : index;
}

int wharf_select(wharf_case *cases, int count) {
    return select_cases(cases, count, true);
}

int wharf_select_now(wharf_case *cases, int count) {
    return select_cases(cases, count, false);
}

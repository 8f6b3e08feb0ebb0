/* See io.h: slots, readiness, idle connections. */
#include "sched/io.h"

#include <errno.h>

#include "sched/internal.h"
#include "sched/kernel.h"

int io_open(int fd, int ready, struct io **ret_io) {
    struct sched *sched = sched_here();
    if (sched == NULL) {
        return sched_missing();
    }
    uint32_t slot = 0;
    int rc = table_take(&sched->ios, &slot);
    if (rc < 0) {
        return rc;
    }
    struct io *io = table_at(&sched->ios, slot);
    *io = (struct io){.fd = fd, .generation = generation_next(io->generation), .slot = slot};
    io->ready = (uint8_t)ready;
    io->kernels = sched->engine == &engine_epoll;
    if (debug_is_on(&debug_switches.sites)) {
        site_record(sched, SITE_SOCKET, slot);
    }
    atomic_fetch_add_explicit(&sched->io_open_count, 1, memory_order_relaxed);
    *ret_io = io;
    return 0;
}

void io_is_tcp(struct io *io) {
    io->short_means_empty = sched_here()->engine->short_means_empty;
}

void io_is_datagrams(struct io *io) {
    io->datagrams = true;
}

/* Everything but the descriptor. */
static void io_retire(struct sched *sched, struct io *io) {
    io->watch = NULL;
    io->hangup = NULL;
    if (io->deadline != NULL) {
        io_deadline_free(sched, io);
    }
    op_queue_complete_all(&io->readers, -ECANCELED);
    op_queue_complete_all(&io->writers, -ECANCELED);
    io->fd = -1;
    io->owner = NULL;
    table_give(&sched->ios, io->slot);
    atomic_fetch_sub_explicit(&sched->io_open_count, 1, memory_order_relaxed);
}

void io_close(struct io *io, bool reset) {
    struct sched *sched = sched_here();
    int fd = io->fd;
    if (io->attached && io->shared_fd) {
        sched->engine->detach(sched, io);
    }
    io_retire(sched, io);
    sched->engine->close(sched, fd, reset);
}

int io_release(struct io *io) {
    struct sched *sched = sched_here();
    int fd = io->fd;
    if (io->attached) {
        sched->engine->detach(sched, io);
    }
    io_retire(sched, io);
    return fd;
}

void ios_close_copies(struct sched *sched) {
    uint32_t slots = sched->ios.page_count * sched->ios.page_records;
    for (uint32_t i = 0; i < slots; i++) {
        struct io *io = table_at(&sched->ios, i);
        /* A slot that was never used is all zeros. */
        if (io->generation != 0 && io->fd >= 0) {
            sched->engine->close(sched, io->fd, false);
            io->fd = -1;
        }
    }
}

int64_t io_id(const struct io *io) {
    return handle_make(sched_here(), io->slot, io->generation);
}

struct io *io_find(int64_t id, int *ret_error) {
    struct sched *sched = sched_here();
    uint32_t slot = 0, generation = 0;
    int rc = sched != NULL ? handle_split(sched, id, -EBADF, &slot, &generation) : sched_missing();
    if (rc < 0) {
        *ret_error = rc;
        return NULL;
    }
    struct io *io = table_has(&sched->ios, slot) ? table_at(&sched->ios, slot) : NULL;
    if (io == NULL || io->fd < 0 || io->generation != generation) {
        *ret_error = -EBADF;
        return NULL;
    }
    return io;
}

uint64_t io_event(const struct io *io) {
    return (uint64_t)io->generation << 32 | io->slot;
}

struct io *io_of_event(struct sched *sched, uint64_t event) {
    uint32_t slot = (uint32_t)event;
    if (!table_has(&sched->ios, slot)) {
        return NULL;
    }
    struct io *io = table_at(&sched->ios, slot);
    return io->fd >= 0 && io->generation == (uint32_t)(event >> 32) ? io : NULL;
}

/* The engine watches a descriptor from the first time that somebody waits for it. */
static int io_attach(struct io *io) {
    if (io->attached) {
        return 0;
    }
    struct sched *sched = sched_here();
    int rc = sched->engine->attach(sched, io);
    if (rc == -EPERM) {
        /* A regular file: always ready, and epoll will not have it. */
        io->ready |= IO_READ | IO_WRITE;
        op_queue_wake_all(&io->readers);
        op_queue_wake_all(&io->writers);
        return 0;
    }
    io->attached = rc == 0;
    return rc;
}

void io_set_hangup(struct io *io, struct scope *scope) {
    io->hangup = scope;
    sched_here()->running->unwatched = scope != NULL && !io->attached ? io : NULL;
}

void io_watch_hangup(struct task *task) {
    struct io *io = task->unwatched;
    task->unwatched = NULL;
    if (io->hangup != NULL) {
        (void)io_attach(io);
    }
}

/* What may be tried after an end or an error. */
static int ready_at_end(const struct io *io, int ready) {
    if ((ready & IO_BROKEN) != 0) {
        ready |= IO_READ | IO_WRITE;
        ready &= io->datagrams ? ~(IO_BROKEN | IO_HANGUP) : ~0;
    }
    if ((ready & IO_HANGUP) != 0) {
        ready |= IO_READ;
    }
    return ready;
}

void io_ready(struct io *io, int ready) {
    if (UNLIKELY((ready & (IO_BROKEN | IO_HANGUP)) != 0)) {
        ready = ready_at_end(io, ready);
    }
    io->ready |= (uint8_t)ready;
    if (io->hangup != NULL && (ready & IO_BROKEN) != 0) {
        scope_cancel(io->hangup);
    }
    if (io->writers.first != NULL && (ready & IO_WRITE) != 0) {
        op_queue_wake_all(&io->writers);
    }
    if (io->readers.first != NULL && ((ready & IO_READ) != 0 || io->either)) {
        op_queue_wake_all(&io->readers);
    }
    if ((ready & IO_READ) != 0) {
        io_watch_fn watch = io->watch;
        if (watch != NULL) {
            io->watch = NULL;
            watch(io, io->watch_arg);
        }
    }
}

bool io_watch(struct io *io, io_watch_fn fn, void *arg) {
    if ((io->ready & IO_READ) != 0) {
        return false;
    }
    io->watch = fn;
    io->watch_arg = arg;
    if (io_attach(io) < 0) {
        /* Not watched, so look at it: the attempt to receive will meet the error. */
        io->watch = NULL;
        io->ready |= IO_READ;
    }
    if (io->watch == fn && (io->ready & IO_READ) != 0) {
        io->watch = NULL;
        return false;
    }
    return true;
}

void io_unwatch(struct io *io) {
    io->watch = NULL;
}

/* ---- operations ---- */

struct io_op {
    struct op op;
    struct io *io;
    uint32_t generation; /* the slot may be closed while the task gives way */
    union {
        struct {
            void *buffer;
            size_t size;
        } recv;
        struct {
            const struct iovec *pieces;
            int count;
            bool more;
        } send;
        struct {
            int fd;
            int64_t offset, size;
        } file;
        struct {
            struct sockaddr_storage *address;
            socklen_t *len;
        } accept;
        struct {
            const struct sockaddr *address;
            socklen_t len;
            bool started;
        } connect;
        int direction;
    };
};

static bool is_gone(const struct io_op *op) {
    return op->io->fd < 0 || op->io->generation != op->generation;
}

static int start_reader(struct op *op) {
    struct io *io = ((struct io_op *)op)->io;
    if (io->expired) {
        return -ETIMEDOUT;
    }
    op->io = io;
    op_queue_push(&io->readers, op);
    int rc = io_attach(io);
    if (rc < 0) {
        op_queue_remove(op);
    }
    return rc;
}

static int start_writer(struct op *op) {
    struct io *io = ((struct io_op *)op)->io;
    if (io->expired) {
        return -ETIMEDOUT;
    }
    op->io = io;
    op_queue_push(&io->writers, op);
    int rc = io_attach(io);
    if (rc < 0) {
        op_queue_remove(op);
    }
    return rc;
}

static inline ssize_t engine_recv(const struct io *io, void *buffer, size_t size) {
    struct sched *sched = sched_here();
    return LIKELY(io->kernels) ? kernel_recv_bytes(io->fd, buffer, size)
                               : sched->engine->recv(sched, io->fd, buffer, size);
}

static inline ssize_t engine_send(const struct io *io, const struct iovec *pieces, int count, bool more) {
    struct sched *sched = sched_here();
    return LIKELY(io->kernels) ? kernel_send_pieces(io->fd, pieces, count, more)
                               : sched->engine->send(sched, io->fd, pieces, count, more);
}

ssize_t io_recv_now(struct io *io, void *buffer, size_t size) {
    ssize_t n = engine_recv(io, buffer, size);
    bool ended = (io->ready & (IO_HANGUP | IO_BROKEN)) != 0;
    if (n == -EAGAIN || (n > 0 && (size_t)n < size && io->short_means_empty && !ended)) {
        io->ready &= (uint8_t)~IO_READ;
    }
    return n;
}

ssize_t io_send_now(struct io *io, const struct iovec *pieces, int count, bool more) {
    ssize_t n = engine_send(io, pieces, count, more);
    if (n == -EAGAIN) {
        io->ready &= (uint8_t)~IO_WRITE;
    }
    return n;
}

int io_try_accept(struct io *io, struct sockaddr_storage *ret_address, socklen_t *ret_len) {
    if ((io->ready & IO_READ) == 0) {
        return -EAGAIN;
    }
    struct sched *sched = sched_here();
    int rc = sched->engine->accept(sched, io->fd, ret_address, ret_len);
    if (rc == -EAGAIN) {
        io->ready &= (uint8_t)~IO_READ;
    }
    return rc;
}

static int64_t attempt_recv(struct op *op) {
    struct io_op *recv = (struct io_op *)op;
    if (is_gone(recv)) {
        return -ECANCELED;
    }
    return io_try_recv(recv->io, recv->recv.buffer, recv->recv.size);
}

static int64_t attempt_send(struct op *op) {
    struct io_op *send = (struct io_op *)op;
    if (is_gone(send)) {
        return -ECANCELED;
    }
    return io_try_send(send->io, send->send.pieces, send->send.count, send->send.more);
}

static int64_t attempt_sendfile(struct op *op) {
    struct io_op *send = (struct io_op *)op;
    struct io *io = send->io;
    if (is_gone(send)) {
        return -ECANCELED;
    }
    if ((io->ready & IO_WRITE) == 0) {
        return -EAGAIN;
    }
    struct sched *sched = sched_here();
    int64_t n = sched->engine->sendfile(sched, io->fd, send->file.fd, send->file.offset, send->file.size);
    if (n == -EAGAIN) {
        io->ready &= (uint8_t)~IO_WRITE;
    }
    return n;
}

static int64_t attempt_splice_from(struct op *op) {
    const struct io_op *splice = (struct io_op *)op;
    struct io *io = splice->io;
    struct sched *sched = sched_here();
    if (is_gone(splice)) {
        return -ECANCELED;
    }
    int64_t n = (io->ready & IO_READ) != 0
                    ? sched->engine->splice(sched, io->fd, splice->file.fd, splice->file.size)
                    : -EAGAIN;
    if (n == -EAGAIN) {
        io->ready &= (uint8_t)~IO_READ;
    }
    return n;
}

static int64_t attempt_splice_to(struct op *op) {
    const struct io_op *splice = (struct io_op *)op;
    struct io *io = splice->io;
    struct sched *sched = sched_here();
    if (is_gone(splice)) {
        return -ECANCELED;
    }
    int64_t n = (io->ready & IO_WRITE) != 0
                    ? sched->engine->splice(sched, splice->file.fd, io->fd, splice->file.size)
                    : -EAGAIN;
    if (n == -EAGAIN) {
        io->ready &= (uint8_t)~IO_WRITE;
    }
    return n;
}

static int64_t attempt_accept(struct op *op) {
    struct io_op *accept = (struct io_op *)op;
    if (is_gone(accept)) {
        return -ECANCELED;
    }
    return io_try_accept(accept->io, accept->accept.address, accept->accept.len);
}

int io_try_connect(struct io *io, const struct sockaddr *address, socklen_t len) {
    struct sched *sched = sched_here();
    io->ready = 0;
    int rc = sched->engine->connect(sched, io->fd, address, len);
    io->ready = rc == 0 ? IO_READ | IO_WRITE : 0;
    return rc;
}

int io_try_connected(struct io *io) {
    struct sched *sched = sched_here();
    if ((io->ready & IO_WRITE) == 0) {
        return -EAGAIN;
    }
    io->ready |= IO_READ;
    return sched->engine->connect_result(sched, io->fd);
}

enum { CONNECT_RETRY_NS = 5 * 1000 * 1000 };

static int64_t attempt_connect(struct op *op) {
    struct io_op *connect = (struct io_op *)op;
    struct io *io = connect->io;
    if (is_gone(connect)) {
        return -ECANCELED;
    }
    if (connect->connect.started) {
        return io_try_connected(io);
    }
    op->wake_at = 0;
    int rc = io_try_connect(io, connect->connect.address, connect->connect.len);
    if (rc == -EAGAIN) {
        /* A Unix listener whose queue is full says nothing when there is room again. */
        op->wake_at = sched_clock() + CONNECT_RETRY_NS;
        return -EAGAIN;
    }
    connect->connect.started = true;
    return rc == -EINPROGRESS ? -EAGAIN : rc;
}

static int64_t attempt_wait(struct op *op) {
    struct io_op *wait = (struct io_op *)op;
    if (is_gone(wait)) {
        return -ECANCELED;
    }
    int ready = wait->io->ready & wait->direction;
    return ready != 0 ? ready : -EAGAIN;
}

static const struct op_kind recv_kind = {"recv", attempt_recv, start_reader, op_queue_remove};
static const struct op_kind send_kind = {"send", attempt_send, start_writer, op_queue_remove};
static const struct op_kind sendfile_kind = {"sendfile", attempt_sendfile, start_writer, op_queue_remove};
static const struct op_kind splice_from_kind = {"splice", attempt_splice_from, start_reader, op_queue_remove};
static const struct op_kind splice_to_kind = {"splice", attempt_splice_to, start_writer, op_queue_remove};
static const struct op_kind accept_kind = {"accept", attempt_accept, start_reader, op_queue_remove};
static const struct op_kind connect_kind = {"connect", attempt_connect, start_writer, op_queue_remove};
static const struct op_kind wait_read_kind = {"wait readable", attempt_wait, start_reader, op_queue_remove};
static const struct op_kind wait_write_kind = {"wait writable", attempt_wait, start_writer, op_queue_remove};

static inline int64_t io_await(struct io_op *op) {
    return op->io->expired ? -ETIMEDOUT : op_await(&op->op);
}

ssize_t io_recv(struct io *io, void *buffer, size_t size) {
    struct io_op op = {.op.kind = &recv_kind, .io = io, .generation = io->generation, .recv = {buffer, size}};
    return io_await(&op);
}

ssize_t io_send(struct io *io, const struct iovec *pieces, int count, bool more) {
    struct io_op op = {
        .op.kind = &send_kind, .io = io, .generation = io->generation, .send = {pieces, count, more}};
    return io_await(&op);
}

int64_t io_splice_from(struct io *io, int pipe, int64_t size) {
    struct io_op op = {
        .op.kind = &splice_from_kind, .io = io, .generation = io->generation, .file = {pipe, 0, size}};
    return io_await(&op);
}

int64_t io_splice_to(struct io *io, int pipe, int64_t size) {
    struct io_op op = {
        .op.kind = &splice_to_kind, .io = io, .generation = io->generation, .file = {pipe, 0, size}};
    return io_await(&op);
}

int64_t io_sendfile(struct io *io, int fd, int64_t offset, int64_t size) {
    struct io_op op = {
        .op.kind = &sendfile_kind, .io = io, .generation = io->generation, .file = {fd, offset, size}};
    return io_await(&op);
}

int io_accept(struct io *io, struct sockaddr_storage *ret_address, socklen_t *ret_len) {
    struct io_op op = {
        .op.kind = &accept_kind, .io = io, .generation = io->generation, .accept = {ret_address, ret_len}};
    return (int)io_await(&op);
}

int io_connect(struct io *io, const struct sockaddr *address, socklen_t len) {
    struct io_op op = {
        .op.kind = &connect_kind, .io = io, .generation = io->generation, .connect = {address, len, false}};
    return (int)io_await(&op);
}

int io_wait(struct io *io, int direction) {
    struct io_op op = {.io = io, .generation = io->generation, .direction = direction};
    op.op.kind = (direction & IO_READ) != 0 ? &wait_read_kind : &wait_write_kind;
    io->either = io->either || direction == (IO_READ | IO_WRITE);
    return (int)io_await(&op);
}

/* ---- readiness for select ---- */

int io_poll_descriptor(struct io *io, int events) {
    if (io->expired) {
        return events; /* the call that follows says so */
    }
    if ((io->ready & events) == 0) {
        return 0;
    }
    struct sched *sched = sched_here();
    int ready = sched->engine->poll(sched, io->fd, events);
    io->ready &= (uint8_t) ~(events & ~ready);
    return ready & events;
}

int io_queue_descriptor(struct io *io, struct op *op, int direction) {
    op_queue_push(direction == IO_READ ? &io->readers : &io->writers, op);
    int rc = io_attach(io);
    if (rc < 0) {
        op_queue_remove(op);
    }
    return rc;
}

int io_poll(struct io *io, int events) {
    return io->front != NULL ? io->front->poll(io, events) : io_poll_descriptor(io, events);
}

int io_queue(struct io *io, struct op *op, int direction) {
    return io->front != NULL ? io->front->queue(io, op, direction) : io_queue_descriptor(io, op, direction);
}

void io_unqueue(struct io *io, int direction) {
    if (io->front != NULL) {
        io->front->unqueue(io, direction);
    }
}

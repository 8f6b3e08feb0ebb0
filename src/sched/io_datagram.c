/* Datagrams on a descriptor: received and sent as the other operations of io.c are. */
#include <errno.h>

#include "sched/datagram.h"
#include "sched/internal.h"

/* A Unix datagram socket that sends to another by name is not told when there is room in the other's queue again. */
enum { ROOM_RETRY_NS = 1000 * 1000 };

int io_try_recv_datagrams(struct io *io, struct datagram *datagrams, int count) {
    if ((io->ready & IO_READ) == 0) {
        return -EAGAIN;
    }
    struct sched *sched = sched_here();
    int rc = sched->engine->recv_datagrams(sched, io->fd, datagrams, count);
    if (rc == -EAGAIN) {
        io->ready &= (uint8_t)~IO_READ;
    }
    return rc;
}

static bool tells_no_room(const struct datagram *datagram) {
    return datagram->peer != NULL && datagram->peer->ss_family == AF_UNIX;
}

int io_try_send_datagrams(struct io *io, struct datagram *datagrams, int count) {
    if ((io->ready & IO_WRITE) == 0) {
        return -EAGAIN;
    }
    struct sched *sched = sched_here();
    int rc = sched->engine->send_datagrams(sched, io->fd, datagrams, count);
    if (rc == -EAGAIN && !tells_no_room(datagrams)) {
        io->ready &= (uint8_t)~IO_WRITE;
    }
    return rc;
}

struct datagram_op {
    struct op op;
    struct io *io;
    uint32_t generation; /* the slot may be closed while the task gives way */
    struct datagram *datagrams;
    int count;
};

static bool is_gone(const struct datagram_op *op) {
    return op->io->fd < 0 || op->io->generation != op->generation;
}

static int64_t attempt_recv(struct op *op) {
    struct datagram_op *recv = (struct datagram_op *)op;
    return is_gone(recv) ? -ECANCELED : io_try_recv_datagrams(recv->io, recv->datagrams, recv->count);
}

static int64_t attempt_send(struct op *op) {
    struct datagram_op *send = (struct datagram_op *)op;
    if (is_gone(send)) {
        return -ECANCELED;
    }
    int rc = io_try_send_datagrams(send->io, send->datagrams, send->count);
    bool retry = rc == -EAGAIN && tells_no_room(send->datagrams);
    op->wake_at = retry ? sched_clock() + ROOM_RETRY_NS : 0;
    return rc;
}

static int start_reader(struct op *op) {
    op->io = ((struct datagram_op *)op)->io;
    return io_queue_descriptor(op->io, op, IO_READ);
}

static int start_writer(struct op *op) {
    op->io = ((struct datagram_op *)op)->io;
    return io_queue_descriptor(op->io, op, IO_WRITE);
}

static const struct op_kind recv_kind = {"recv", attempt_recv, start_reader, op_queue_remove};
static const struct op_kind send_kind = {"send", attempt_send, start_writer, op_queue_remove};

static int await_datagrams(const struct op_kind *kind, struct io *io, struct datagram *datagrams, int count) {
    struct datagram_op op = {
        .op.kind = kind, .io = io, .generation = io->generation, .datagrams = datagrams, .count = count};
    return (int)op_await(&op.op);
}

int io_recv_datagrams(struct io *io, struct datagram *datagrams, int count) {
    return await_datagrams(&recv_kind, io, datagrams, count);
}

int io_send_datagrams(struct io *io, struct datagram *datagrams, int count) {
    return await_datagrams(&send_kind, io, datagrams, count);
}

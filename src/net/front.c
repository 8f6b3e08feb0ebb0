/* What select asks of a socket: bytes that were read ahead count as readable, and a listener is as readable as any of its
 * sockets, or the queue that another core fills. */
#include "net/listener_internal.h"
#include "net/socket.h"
#include "sched/io.h"

static bool listener_has_one(struct listener *listener) {
    if (listener->share != NULL) {
        return listener->handed_first != NULL;
    }
    bool found = false;
    for (int i = 0; i < listener->count && listener->rest.deadline == TIMER_NEVER; i++) {
        found = io_poll_descriptor(listener->sockets[i], IO_READ) != 0 || found;
    }
    return found;
}

static int front_poll(struct io *io, int events) {
    struct sock *sock = io->owner;
    if (sock->listener != NULL) {
        return listener_has_one(sock->listener) ? events & IO_READ : 0;
    }
    if ((events & IO_READ) != 0 && (sock_ahead(sock) > 0 || stream_is_readable(&sock->stream))) {
        return IO_READ;
    }
    return io_poll_descriptor(io, events);
}

/* Among the tasks that accept; the one at the front is told first, and passes it on when it goes away. */
static int front_queue(struct io *io, struct op *op, int direction) {
    struct listener *listener = ((struct sock *)io->owner)->listener;
    if (listener == NULL) {
        return io_queue_descriptor(io, op, direction);
    }
    op_queue_push(&listener->acceptors, op);
    if (listener->share == NULL && listener->rest.deadline == TIMER_NEVER && !listener_watch(listener)) {
        op_wake(op);
    }
    return 0;
}

static void front_unqueue(struct io *io, int direction) {
    struct listener *listener = ((struct sock *)io->owner)->listener;
    (void)direction;
    if (listener != NULL && listener->acceptors.first != NULL && listener_has_one(listener)) {
        listener_wake(listener);
    }
}

const struct io_front sock_front = {front_poll, front_queue, front_unqueue};

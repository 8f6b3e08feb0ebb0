/* A pollable descriptor on a scheduler: readiness remembered, the tasks that wait on it, or the callback of a
 * connection that is idle and has no task.
 *
 * Slots live in a table that grows page by page and are named by handles {core, slot, generation}: a handle
 * to a closed slot finds nothing, whatever has the descriptor number by now, and a late event for it is
 * dropped.
 */
#ifndef SCHED_IO_H
#define SCHED_IO_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/compiler.h"
#include "sched/kernel.h"
#include "sched/op.h"

struct datagram;
struct io;
struct io_deadline;
struct io_front;
struct sched;
struct scope;

/* What may succeed now. IO_HANGUP: the peer has ended its sending (EOF will be read); IO_BROKEN: error or
 * both ways. */
enum { IO_READ = 1, IO_WRITE = 2, IO_HANGUP = 4, IO_BROKEN = 8 };

/* Called once, on the scheduler, when an idle descriptor becomes readable (data, end or error). Must not
 * suspend. */
typedef void (*io_watch_fn)(struct io *io, void *arg);

struct io {
    int fd; /* of the engine; -1: free slot */
    uint32_t generation;
    uint32_t slot;
    uint8_t ready;          /* IO_*: worth an attempt */
    bool attached;          /* the engine watches it */
    bool shared_fd;         /* others may hold the same open file: deregister before close */
    bool either;            /* a task waits in `readers` for writability, too */
    bool short_means_empty; /* a receive that gave less than was asked for has emptied the queue */
    bool datagrams;         /* an error is of one datagram, and not the end of the descriptor */
    bool lingers;           /* its owner has closed it, and it winds down by itself */
    bool of_file;           /* behind a wharf_file */
    bool expired;           /* its deadline has passed: operations on it time out */
    bool kernels;           /* fd is one of the kernel, and not of a simulation */
    struct op_queue readers;
    struct op_queue writers;
    io_watch_fn watch; /* instead of a reader */
    void *watch_arg;
    struct scope *hangup;         /* cancelled when the peer is gone both ways: see io_set_hangup() */
    void *owner;                  /* what the layer above keeps for it */
    const struct io_front *front; /* NULL: readiness is the descriptor's */
    struct io_deadline *deadline; /* NULL: none */
};

/* ---- slots ---- */
/* Takes over an engine descriptor (non-blocking). *ret_io on success; on failure the descriptor is still the
 * caller's. ready: what to assume before the first event. 0, -ENOMEM, or the engine's refusal. Current
 * scheduler. */
int io_open(int fd, int ready, struct io **ret_io);
/* Says what the descriptor is. TCP alone gives all that it has: a Unix stream stops where descriptors were sent with the
 * bytes, and a datagram socket after each datagram. */
void io_is_tcp(struct io *io);
void io_is_datagrams(struct io *io);
/* Wakes every waiter (they get -ECANCELED), frees the slot, closes the descriptor. reset: drop unsent data
 * (RST). */
void io_close(struct io *io, bool reset);
/* As io_close, but hands the descriptor back. */
int io_release(struct io *io);
int64_t io_id(const struct io *io);
/* The slot of a handle on this thread's scheduler, or NULL with *ret_error: the error that the handle
 * carries, -EBADF (stale) or -EXDEV (another core's). */
struct io *io_find(int64_t id, int *ret_error);

/* Cancels `scope` when the peer is gone both ways, from the next time that the running task waits; NULL: does so no more. By
 * the task that has opened the scope. */
void io_set_hangup(struct io *io, struct scope *scope);

/* ---- idle connections ---- */
/* Calls fn(io, arg) once when something can be read. false: something may be readable already, so receive
 * first. */
bool io_watch(struct io *io, io_watch_fn fn, void *arg);
void io_unwatch(struct io *io);

/* ---- operations: each suspends until done, or fails as op_await does ---- */
ssize_t io_recv(struct io *io, void *buffer, size_t size);
/* At most one system call's worth: may take fewer bytes than offered. more: a further piece follows at once.
 */
ssize_t io_send(struct io *io, const struct iovec *pieces, int count, bool more);
int64_t io_sendfile(struct io *io, int fd, int64_t offset, int64_t size);
/* Between a socket and a pipe, where the engine can: into an empty one, out of one that has bytes. 0: the end of the socket. */
int64_t io_splice_from(struct io *io, int pipe, int64_t size);
int64_t io_splice_to(struct io *io, int pipe, int64_t size);
/* The new descriptor, non-blocking and close-on-exec. ret_address may be NULL. */
int io_accept(struct io *io, struct sockaddr_storage *ret_address, socklen_t *ret_len);
int io_connect(struct io *io, const struct sockaddr *address, socklen_t len);
/* Datagrams (datagram.h), count: at least 1. Returns how many were received or sent, from the first: at least 1. */
int io_recv_datagrams(struct io *io, struct datagram *datagrams, int count);
int io_send_datagrams(struct io *io, struct datagram *datagrams, int count);
/* Until readable (IO_READ) or writable. */
int io_wait(struct io *io, int direction);

/* Every operation above fails with -ETIMEDOUT from `deadline` (ns) on, until it is moved; TIMER_NEVER: none. A result that
 * comes together with it wins. 0 or -ENOMEM. */
int io_set_deadline(struct io *io, int64_t deadline);
/* With the slot. */
void io_deadline_free(struct sched *sched, struct io *io);

/* ---- the same without waiting: -EAGAIN instead ---- */
ssize_t io_recv_now(struct io *io, void *buffer, size_t size); /* ready or not */
static inline ssize_t io_try_recv(struct io *io, void *buffer, size_t size) {
    return (io->ready & IO_READ) != 0 ? io_recv_now(io, buffer, size) : -EAGAIN;
}
ssize_t io_send_now(struct io *io, const struct iovec *pieces, int count, bool more);
static inline ssize_t io_try_send(struct io *io, const struct iovec *pieces, int count, bool more) {
    return (io->ready & IO_WRITE) != 0 ? io_send_now(io, pieces, count, more) : -EAGAIN;
}
int io_try_recv_datagrams(struct io *io, struct datagram *datagrams, int count);
int io_try_send_datagrams(struct io *io, struct datagram *datagrams, int count);
/* The same for one piece, compiled in place: see kernel.h. */
static inline ssize_t io_try_send_bytes(struct io *io, const void *bytes, size_t len) {
    if (UNLIKELY(!io->kernels)) {
        struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
        return io_try_send(io, &piece, 1, false);
    }
    ssize_t n = (io->ready & IO_WRITE) != 0 ? kernel_send_bytes(io->fd, bytes, len) : -EAGAIN;
    if (UNLIKELY(n == -EAGAIN)) {
        io->ready &= (uint8_t)~IO_WRITE;
    }
    return n;
}
/* Begins to connect: 0 when that is all, or -EINPROGRESS: when it is writable, io_try_connected() tells. -EAGAIN: the queue of a
 * Unix listener is full. */
int io_try_connect(struct io *io, const struct sockaddr *address, socklen_t len);
int io_try_connected(struct io *io);
int io_try_accept(struct io *io, struct sockaddr_storage *ret_address, socklen_t *ret_len);

/* ---- what select needs ---- */
/* Which of IO_READ and IO_WRITE would not wait now: bytes that the layer above has buffered count, and readiness that is only
 * assumed does not. */
int io_poll(struct io *io, int events);
/* Has op woken when one of them may have become so, or completed when the io is closed. 0 or an error. */
int io_queue(struct io *io, struct op *op, int direction);
/* After the op has left its queue. */
void io_unqueue(struct io *io, int direction);

/* What a layer above knows better than the descriptor: io_poll() and the others ask it where it is set. */
struct io_front {
    int (*poll)(struct io *io, int events);
    int (*queue)(struct io *io, struct op *op, int direction);
    void (*unqueue)(struct io *io, int direction);
};
/* The same of the descriptor itself, for a front to fall back on. */
int io_poll_descriptor(struct io *io, int events);
int io_queue_descriptor(struct io *io, struct op *op, int direction);

/* Of any descriptor: which of IO_READ and IO_WRITE (WHARF_READABLE, WHARF_WRITABLE) hold now, 0, or -errno. */
int fd_look(int fd, int events);

/* Up to `size` bytes from `offset` of a regular file whose descriptor is the caller's: what the system has in memory is copied
 * at once, the rest is work for the pool. Suspends. */
ssize_t fd_pread(int fd, void *buffer, size_t size, int64_t offset);

/* ---- the engine reports ---- */
void io_ready(struct io *io, int ready);
/* The slot of an event's {generation, slot}, or NULL when it is stale. */
struct sched;
struct io *io_of_event(struct sched *sched, uint64_t event);
uint64_t io_event(const struct io *io);

#endif

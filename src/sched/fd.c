/* Waiting for descriptors that belong to somebody else. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/failure.h"
#include "sched/internal.h"
#include "wharf/os.h"

static int poll_events(int events) {
    return ((events & WHARF_READABLE) != 0 ? POLLIN : 0) | ((events & WHARF_WRITABLE) != 0 ? POLLOUT : 0);
}

int fd_look(int fd, int events) {
    struct pollfd one = {.fd = fd, .events = (short)poll_events(events)};
    int n = poll(&one, 1, 0);
    int rc = n < 0 ? -errno : 0;
    if (rc == -EINTR || n == 0) {
        return 0;
    }
    if (rc < 0) {
        return rc;
    }
    if ((one.revents & POLLNVAL) != 0) {
        return fail(-EBADF, "wait for descriptor", NULL, "%d is not open", fd);
    }
    int ready = 0;
    if ((one.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
        ready |= WHARF_READABLE;
    }
    if ((one.revents & (POLLOUT | POLLERR | POLLHUP)) != 0) {
        ready |= WHARF_WRITABLE;
    }
    return ready & events;
}

static const struct op_kind look_kind = {.name = "wait fd"};

/* Waits on a duplicate: any number of tasks may wait for one descriptor, and what its owner does with it meanwhile
 * confuses nobody. */
static int wait_duplicate(int fd, int events) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int rc = copy < 0 ? -errno : 0;
    if (rc < 0) {
        return rc;
    }
    struct io *io = NULL;
    rc = io_open(copy, 0, &io);
    if (rc < 0) {
        close(copy);
        return rc;
    }
    io->shared_fd = true;
    int64_t id = io_id(io);
    rc = io_wait(io, events);
    int unused = 0;
    if (io_find(id, &unused) == io) {
        io_close(io, false);
    }
    return rc;
}

int wharf_wait_fd(int fd, int events) {
    if (events == 0 || (events & ~(WHARF_READABLE | WHARF_WRITABLE)) != 0) {
        return -EINVAL;
    }
    int rc = op_checkpoint(&look_kind);
    if (rc < 0) {
        return rc;
    }
    /* Looked at again after every wait: another task may have been first, and its reader must not block. */
    for (;;) {
        int ready = fd_look(fd, events);
        if (ready != 0) {
            return ready;
        }
        if (sched_is_simulated()) {
            /* Virtual time cannot wait for the real world. */
            return fail(-EOPNOTSUPP, "wait fd", NULL, "descriptor %d is not ready, and this is a simulation",
                        fd);
        }
        rc = wait_duplicate(fd, events);
        if (rc < 0) {
            return rc;
        }
    }
}

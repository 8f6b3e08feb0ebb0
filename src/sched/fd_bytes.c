/* Reading and writing descriptors that belong to somebody else, standard streams above all, without ever setting O_NONBLOCK
 * on an open file that other processes share.
 *
 *      pipes, sockets       RWF_NOWAIT, and wait for readiness when it says EAGAIN
 *      regular files        what is in memory by RWF_NOWAIT, else the offload pool
 *      terminals            poll, then read; written on the pool, since one that is stopped takes part of a piece and blocks
 *      older kernels' pipes poll, then at most PIPE_BUF bytes, for which a writable pipe has room
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "sched/file.h"
#include "sched/internal.h"

enum { FILE_PIECE = 256 * 1024, DEVICE_PIECE = 4096 };

static const struct op_kind read_kind = {.name = "read"};
static const struct op_kind write_kind = {.name = "write"};

enum fd_kind { FD_FILE, FD_DEVICE, FD_STREAM };

static enum fd_kind fd_kind_of(int fd) {
    struct stat status;
    if (fstat(fd, &status) < 0) {
        return FD_STREAM;
    }
    if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode) || S_ISDIR(status.st_mode)) {
        return FD_FILE;
    }
    return S_ISCHR(status.st_mode) ? FD_DEVICE : FD_STREAM;
}

/* offset: -1 stands for the open file's own position. -EOPNOTSUPP where the kernel cannot do without waiting, or is not to. */
static ssize_t read_now(int fd, void *buffer, size_t size, int64_t offset) {
    if (sched_fallbacks() || sched_is_simulated()) {
        return -EOPNOTSUPP;
    }
    struct iovec piece = {.iov_base = buffer, .iov_len = size};
    ssize_t n = preadv2(fd, &piece, 1, offset, RWF_NOWAIT);
    ssize_t rc = n < 0 ? -errno : n;
    return rc == -ENOSYS ? -EOPNOTSUPP : rc;
}

static ssize_t write_now(int fd, const void *bytes, size_t size) {
    if (sched_fallbacks() || sched_is_simulated()) {
        return -EOPNOTSUPP;
    }
    struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    ssize_t n = pwritev2(fd, &piece, 1, -1, RWF_NOWAIT);
    ssize_t rc = n < 0 ? -errno : n;
    return rc == -ENOSYS ? -EOPNOTSUPP : rc;
}

/* A job on a duplicate: the number may be anybody's by the time the pool comes to it. */
static int duplicate_job(int fd, size_t size, struct file_job **ret_job) {
    struct file *file = mem_alloc(sizeof *file);
    if (file == NULL) {
        return -ENOMEM;
    }
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int rc = copy < 0 ? -errno : 0;
    *file = (struct file){.holders = 1, .fd = copy};
    struct file_job *job = rc == 0 ? file_job_new(file, size) : NULL;
    file_release(file);
    if (job == NULL) {
        return rc < 0 ? rc : -ENOMEM;
    }
    *ret_job = job;
    return 0;
}

static ssize_t read_on_pool(int fd, void *buffer, size_t size, int64_t offset) {
    struct file_job *job = NULL;
    int rc = duplicate_job(fd, size < FILE_PIECE ? size : FILE_PIECE, &job);
    if (rc < 0) {
        return rc;
    }
    job->work = offset >= 0 ? file_work_pread : file_work_read;
    job->offset = offset;
    int64_t n = file_job_run(&job);
    if (n > 0) {
        memcpy(buffer, job->data, (size_t)n);
    }
    file_job_free(job);
    return (ssize_t)n;
}

static ssize_t write_on_pool(int fd, const void *bytes, size_t size) {
    struct file_job *job = NULL;
    int rc = duplicate_job(fd, size, &job);
    if (rc < 0) {
        return rc;
    }
    memcpy(job->data, bytes, size);
    job->work = file_work_write;
    int64_t n = file_job_run(&job);
    file_job_free(job);
    return (ssize_t)n;
}

static bool is_retry(ssize_t rc) {
    return rc == -EINTR || rc == -EAGAIN;
}

ssize_t wharf_read(int fd, void *buffer, size_t size) {
    ssize_t n = op_checkpoint(&read_kind);
    if (n < 0) {
        return n;
    }
    for (;;) {
        n = read_now(fd, buffer, size, -1);
        if (!is_retry(n) && n != -EOPNOTSUPP) {
            return n;
        }
        if (fd_kind_of(fd) == FD_FILE) {
            return read_on_pool(fd, buffer, size, -1);
        }
        int ready = wharf_wait_fd(fd, WHARF_READABLE);
        if (ready < 0) {
            return ready;
        }
        if (n == -EOPNOTSUPP) {
            n = read(fd, buffer, size);
            n = n < 0 ? -errno : n;
            if (!is_retry(n)) {
                return n;
            }
        }
    }
}

/* Files that are memory do not know RWF_NOWAIT, and never make anybody wait. */
static bool is_memory(int fd) {
    struct statfs status;
    return fstatfs(fd, &status) == 0 && (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC);
}

ssize_t fd_pread(int fd, void *buffer, size_t size, int64_t offset) {
    ssize_t n = read_now(fd, buffer, size, offset);
    if (n == -EOPNOTSUPP && !sched_fallbacks() && is_memory(fd)) {
        n = pread(fd, buffer, size, offset);
        n = n < 0 ? -errno : n;
    }
    if (!is_retry(n) && n != -EOPNOTSUPP) {
        return n;
    }
    int64_t before = stopwatch_before();
    n = read_on_pool(fd, buffer, size, offset);
    stopwatch_was_disk(before);
    return n;
}

/* When it cannot be done at once: as much as never blocks this thread. */
static ssize_t write_waiting(int fd, const char *bytes, size_t size, bool can_now) {
    enum fd_kind kind = fd_kind_of(fd);
    if (kind == FD_FILE) {
        return write_on_pool(fd, bytes, size < FILE_PIECE ? size : FILE_PIECE);
    }
    int ready = wharf_wait_fd(fd, WHARF_WRITABLE);
    if (ready < 0 || can_now) {
        return ready < 0 ? ready : -EAGAIN;
    }
    if (kind == FD_DEVICE) {
        return write_on_pool(fd, bytes, size < DEVICE_PIECE ? size : DEVICE_PIECE);
    }
    ssize_t n = write(fd, bytes, size < PIPE_BUF ? size : PIPE_BUF);
    return n < 0 ? -errno : n;
}

ssize_t wharf_write(int fd, const void *buffer, size_t size) {
    const char *at = buffer;
    size_t left = size;
    while (left > 0) {
        ssize_t n = op_checkpoint(&write_kind);
        if (n < 0) {
            return n;
        }
        n = write_now(fd, at, left);
        if (n == -EAGAIN || n == -EOPNOTSUPP) {
            n = write_waiting(fd, at, left, n == -EAGAIN);
        }
        if (n < 0 && !is_retry(n)) {
            return n;
        }
        if (n > 0) {
            at += n;
            left -= (size_t)n;
        }
    }
    return (ssize_t)size;
}

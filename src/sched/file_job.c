/* What is done to files on the offload pool. A job owns all it touches - bytes, paths, its hold on the file - because it
 * goes on when its caller has been cancelled. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "sched/file.h"
#include "sched/internal.h"

static void job_drop(struct job *job) {
    file_job_free((struct file_job *)(void *)job);
}

static void job_work(struct job *job) {
    struct file_job *work = (struct file_job *)(void *)job;
    do {
        work->result = work->work(work);
    } while (work->result == -EINTR);
}

struct file_job *file_job_new(struct file *file, size_t size) {
    struct file_job *job = mem_alloc(sizeof *job + size);
    if (job == NULL) {
        return NULL;
    }
    *job = (struct file_job){
        .job = {.run = job_work, .drop = job_drop}, .file = file, .size = size, .opened = -1};
    if (file != NULL) {
        atomic_fetch_add(&file->holders, 1);
    }
    return job;
}

void file_job_free(struct file_job *job) {
    if (job == NULL) {
        return;
    }
    if (job->opened >= 0) {
        close(job->opened);
    }
    if (job->file != NULL) {
        file_release(job->file);
    }
    mem_free(job);
}

/* ---- on a simulated disk ---- */

struct disk_op {
    struct op op;
    bool has_begun;
};

static int64_t disk_attempt(struct op *op) {
    return op->wake_at <= op->task->sched->now ? 0 : -EAGAIN;
}

static int disk_start(struct op *op) {
    ((struct disk_op *)op)->has_begun = true;
    return 0;
}

static const struct op_kind disk_kind = {"disk", disk_attempt, disk_start, NULL};

/* As on the pool, what has begun goes on when its caller does not wait for it any more. */
static int64_t job_run_simulated(struct sched *sched, struct file_job **job) {
    int64_t delay = sched->engine->file_delay(sched, *job);
    struct disk_op op = {.op.kind = &disk_kind, .op.wake_at = sched_clock() + (delay > 0 ? delay : 0)};
    int64_t rc = op_await(&op.op);
    if (rc < 0) {
        if (op.has_begun && delay >= 0) {
            (void)sched->engine->file_work(sched, *job);
        }
        file_job_free(*job);
        *job = NULL;
        return rc;
    }
    return delay < 0 ? delay : sched->engine->file_work(sched, *job);
}

static int64_t job_run(struct sched *sched, struct file_job **job) {
    if (sched->engine->file_work != NULL) {
        return job_run_simulated(sched, job);
    }
    int rc = pool_run(POOL_GENERAL, &(*job)->job);
    if (rc < 0) {
        *job = NULL;
        return rc;
    }
    return (*job)->result;
}

int64_t file_job_run(struct file_job **job) {
    struct sched *sched = sched_current();
    if (sched == NULL) {
        file_job_free(*job);
        *job = NULL;
        return sched_missing();
    }
    int64_t before = stopwatch_before();
    int64_t rc = job_run(sched, job);
    stopwatch_was_disk(before);
    return rc;
}

/* ---- on the pool's threads ---- */

/* All of it: short transfers go on. */
int64_t file_work_pread(struct file_job *job) {
    size_t done = 0;
    while (done < job->size) {
        ssize_t n = pread(job->file->fd, job->data + done, job->size - done, job->offset + (int64_t)done);
        ssize_t rc = n < 0 ? -errno : n;
        if (rc < 0 && rc != -EINTR) {
            return done > 0 ? (int64_t)done : rc;
        }
        if (rc == 0) {
            break;
        }
        done += rc > 0 ? (size_t)rc : 0;
    }
    return (int64_t)done;
}

int64_t file_work_pwrite(struct file_job *job) {
    size_t done = 0;
    while (done < job->size) {
        ssize_t n = pwrite(job->file->fd, job->data + done, job->size - done, job->offset + (int64_t)done);
        ssize_t rc = n < 0 ? -errno : n;
        if (rc < 0 && rc != -EINTR) {
            return rc;
        }
        done += rc > 0 ? (size_t)rc : 0;
    }
    return (int64_t)done;
}

int64_t file_work_read(struct file_job *job) {
    ssize_t n = read(job->file->fd, job->data, job->size);
    return n < 0 ? -errno : n;
}

int64_t file_work_write(struct file_job *job) {
    ssize_t n = write(job->file->fd, job->data, job->size);
    return n < 0 ? -errno : n;
}

int64_t file_work_fsync(struct file_job *job) {
    return fsync(job->file->fd) < 0 ? -errno : 0;
}

int64_t file_work_truncate(struct file_job *job) {
    return ftruncate(job->file->fd, job->offset) < 0 ? -errno : 0;
}

/* O_NONBLOCK means nothing to a regular file, and keeps a FIFO from holding the thread until its other side comes. */
int64_t file_work_open(struct file_job *job) {
    int fd = open(job->path, job->flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, job->mode);
    int rc = fd < 0 ? -errno : 0;
    if (rc < 0) {
        return rc;
    }
    job->opened = fd;
    return fstat(fd, &job->status) < 0 ? -errno : 0;
}

/* Linux gives the number back whatever close(2) returns. */
int64_t file_work_close(struct file_job *job) {
    int fd = job->file->fd;
    job->file->fd = -1;
    int rc = close(fd) < 0 ? -errno : 0;
    return rc == -EINTR ? 0 : rc;
}

int64_t file_work_stat(struct file_job *job) {
    return stat(job->path, &job->status) < 0 ? -errno : 0;
}

int64_t file_work_rename(struct file_job *job) {
    return rename(job->path, job->path_to) < 0 ? -errno : 0;
}

int64_t file_work_unlink(struct file_job *job) {
    return unlink(job->path) < 0 ? -errno : 0;
}

int64_t file_work_mkdir(struct file_job *job) {
    return mkdir(job->path, job->mode) < 0 ? -errno : 0;
}

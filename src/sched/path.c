/* Opening files, and what is done to paths: all on the offload pool, since a path may lead to a disk that sleeps or to a
 * server that is gone. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/failure.h"
#include "sched/file.h"

enum { PATH_BYTES_MAX = 4096 };

/* A job with copies of one or two paths. 0, -EINVAL, -ENAMETOOLONG or -ENOMEM. */
static int path_job(const char *path, const char *path_to, struct file_job **ret_job) {
    if (path == NULL) {
        return -EINVAL;
    }
    size_t len = strlen(path), len_to = path_to != NULL ? strlen(path_to) : 0;
    if (len >= PATH_BYTES_MAX || len_to >= PATH_BYTES_MAX) {
        return -ENAMETOOLONG;
    }
    struct file_job *job = file_job_new(NULL, len + len_to + 2);
    if (job == NULL) {
        return -ENOMEM;
    }
    memcpy(job->data, path, len + 1);
    job->path = job->data;
    if (path_to != NULL) {
        memcpy(job->data + len + 1, path_to, len_to + 1);
        job->path_to = job->data + len + 1;
    }
    *ret_job = job;
    return 0;
}

static int path_work(struct file_job *job, const char *phase, const char *path) {
    int rc = (int)file_job_run(&job);
    file_job_free(job);
    return rc < 0 ? fail(rc, phase, path, NULL) : 0;
}

wharf_file wharf_open(const char *path, int flags, mode_t mode) {
    struct file_job *job = NULL;
    int rc = path_job(path, NULL, &job);
    if (rc < 0) {
        return (wharf_file){fail(rc, "open", path, NULL)};
    }
    job->work = file_work_open;
    job->flags = flags;
    job->mode = mode;
    rc = (int)file_job_run(&job);
    if (rc < 0) {
        file_job_free(job);
        return (wharf_file){fail(rc, "open", path, NULL)};
    }
    int fd = job->opened;
    job->opened = -1;
    mode_t type = job->status.st_mode & S_IFMT;
    file_job_free(job);
    bool stream = type != S_IFREG && type != S_IFDIR && type != S_IFBLK;
    wharf_file file = file_adopt(fd, stream, (flags & O_ACCMODE) != O_RDONLY);
    return wharf_failed(file) ? (wharf_file){fail(wharf_error(file), "open", path, NULL)} : file;
}

int wharf_stat(const char *path, struct stat *ret_status) {
    struct file_job *job = NULL;
    int rc = ret_status != NULL ? path_job(path, NULL, &job) : -EINVAL;
    if (rc < 0) {
        return fail(rc, "stat", path, NULL);
    }
    job->work = file_work_stat;
    rc = (int)file_job_run(&job);
    if (rc == 0) {
        *ret_status = job->status;
    }
    file_job_free(job);
    return rc < 0 ? fail(rc, "stat", path, NULL) : 0;
}

int wharf_rename(const char *from, const char *to) {
    struct file_job *job = NULL;
    int rc = to != NULL ? path_job(from, to, &job) : -EINVAL;
    if (rc < 0) {
        return fail(rc, "rename", from, NULL);
    }
    job->work = file_work_rename;
    return path_work(job, "rename", from);
}

int wharf_unlink(const char *path) {
    struct file_job *job = NULL;
    int rc = path_job(path, NULL, &job);
    if (rc < 0) {
        return fail(rc, "unlink", path, NULL);
    }
    job->work = file_work_unlink;
    return path_work(job, "unlink", path);
}

int wharf_mkdir(const char *path, mode_t mode) {
    struct file_job *job = NULL;
    int rc = path_job(path, NULL, &job);
    if (rc < 0) {
        return fail(rc, "mkdir", path, NULL);
    }
    job->work = file_work_mkdir;
    job->mode = mode;
    return path_work(job, "mkdir", path);
}

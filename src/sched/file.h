/* Files from the inside: the record behind a wharf_file, and its work on the offload pool.
 *
 *      wharf_file --slot--> struct file --+-- fd               a regular file: read and written on the pool
 *                              ^          `-- io               a pipe: waited for like a socket
 *                              |
 *              its handle, every call under way and every job hold it; the last one closes the descriptor,
 *              so that work that outlives its caller never meets another file under the same number
 */
#ifndef SCHED_FILE_H
#define SCHED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "sched/sched.h"
#include "wharf/os.h"

struct file {
    _Atomic int holders;
    int fd;
    int64_t io;       /* handle of the descriptor's slot; 0: it waits for nothing */
    int64_t position; /* of wharf_file_read() and wharf_file_write() */
    bool writable;
};

/* Takes over a non-blocking, close-on-exec descriptor, which is closed on failure. stream: a pipe or the like, which is
 * waited for. */
wharf_file file_adopt(int fd, bool stream, bool writable);
/* The files of this thread's scheduler, slot by slot: false behind the last one. *ret_fd: -1: none there now. */
bool file_at(uint32_t slot, int *ret_fd);
/* One holder less. On any thread, for a file that is no stream. */
void file_release(struct file *file);

/* What the pool is asked to do. The bytes that go in or out stand behind it. */
struct file_job {
    struct job job;
    int64_t (*work)(struct file_job *); /* on the pool's thread: the result, or -errno */
    struct file *file;                  /* held by the job; NULL: works on a path */
    const char *path, *path_to;         /* copies, in `data` */
    int64_t offset, result;
    size_t size;
    struct stat status; /* what work found out */
    int flags;
    mode_t mode;
    int opened; /* a new descriptor that nobody has taken yet; -1: none */
    _Alignas(16) char data[];
};

/* A job with `size` bytes of memory of its own. file: may be NULL. NULL without memory. */
struct file_job *file_job_new(struct file *file, size_t size);
/* Runs it on the pool; its result. The job is still the caller's unless it is cut short: then *job becomes NULL. */
int64_t file_job_run(struct file_job **job);
void file_job_free(struct file_job *job); /* NULL is fine */

/* The kinds of work. */
int64_t file_work_pread(struct file_job *job);
int64_t file_work_pwrite(struct file_job *job);
int64_t file_work_read(struct file_job *job); /* at the open file's own position */
int64_t file_work_write(struct file_job *job);
int64_t file_work_fsync(struct file_job *job);
int64_t file_work_truncate(struct file_job *job);
int64_t file_work_open(struct file_job *job);
int64_t file_work_close(struct file_job *job);
int64_t file_work_stat(struct file_job *job);
int64_t file_work_rename(struct file_job *job);
int64_t file_work_unlink(struct file_job *job);
int64_t file_work_mkdir(struct file_job *job);

#endif

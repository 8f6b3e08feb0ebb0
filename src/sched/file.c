/* Files that never hold up a scheduler. What the page cache has is copied at once (RWF_NOWAIT), everything else is work
 * for the offload pool; pipes are waited for like sockets. See file.h. */
#include "sched/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sched/internal.h"

enum { FILE_PAGE = 32, PIECE = 256 * 1024 };

/* ---- handles ---- */

struct file_slot {
    struct file *file; /* NULL: free */
    uint32_t generation;
};

/* The key under which a scheduler keeps its table of files. */
static const char files_key;

void file_release(struct file *file) {
    if (atomic_fetch_sub(&file->holders, 1) > 1) {
        return;
    }
    if (file->fd >= 0) {
        close(file->fd);
    }
    mem_free(file);
}

/* Its readers and writers fail; a stream's descriptor goes with its slot. */
static void file_shut(struct file *file) {
    int unused = 0;
    struct io *io = file->io != 0 ? io_find(file->io, &unused) : NULL;
    if (io != NULL) {
        file->fd = -1;
        io_close(io, false);
    }
}

static void files_drop(void *value) {
    struct table *files = value;
    uint32_t slots = files->page_count * files->page_records;
    for (uint32_t i = 0; i < slots; i++) {
        struct file_slot *slot = table_at(files, i);
        if (slot->file != NULL) {
            file_shut(slot->file);
            file_release(slot->file);
        }
    }
    table_deinit(files);
    mem_free(files);
}

/* NULL without memory. */
static struct table *files_of_sched(void) {
    struct table *files = sched_local_get(&files_key);
    if (files != NULL) {
        return files;
    }
    files = mem_alloc(sizeof *files);
    if (files == NULL) {
        return NULL;
    }
    table_init(files, sizeof(struct file_slot), FILE_PAGE);
    if (sched_local_set(&files_key, files, files_drop) < 0) {
        mem_free(files);
        return NULL;
    }
    return files;
}

static struct file_slot *file_slot_of(wharf_file handle, uint32_t *ret_index, int *ret_error) {
    struct sched *sched = sched_current();
    uint32_t index = 0, generation = 0;
    int rc = sched != NULL ? handle_split(sched, handle.id, -EBADF, &index, &generation) : sched_missing();
    if (rc < 0) {
        *ret_error = rc;
        return NULL;
    }
    struct table *files = sched_local_get(&files_key);
    struct file_slot *slot = files != NULL && table_has(files, index) ? table_at(files, index) : NULL;
    if (slot == NULL || slot->file == NULL || slot->generation != generation) {
        *ret_error = -EBADF;
        return NULL;
    }
    *ret_index = index;
    return slot;
}

/* Held for the caller, or NULL with the error. */
static struct file *file_hold(wharf_file handle, int *ret_error) {
    uint32_t index = 0;
    struct file_slot *slot = file_slot_of(handle, &index, ret_error);
    if (slot == NULL) {
        return NULL;
    }
    atomic_fetch_add(&slot->file->holders, 1);
    return slot->file;
}

static int file_enter(struct file *file, wharf_file *ret_handle) {
    struct table *files = files_of_sched();
    uint32_t index = 0;
    int rc = files != NULL ? table_take(files, &index) : -ENOMEM;
    if (rc < 0) {
        return rc;
    }
    struct file_slot *slot = table_at(files, index);
    slot->file = file;
    slot->generation = generation_next(slot->generation);
    ret_handle->id = handle_make(sched_current(), index, slot->generation);
    if (debug_is_on(&debug_switches.sites)) {
        site_record(sched_current(), SITE_FILE, index);
    }
    return 0;
}

bool file_at(uint32_t slot, int *ret_fd) {
    const struct table *files = sched_local_get(&files_key);
    if (files == NULL || !table_has(files, slot)) {
        return false;
    }
    const struct file_slot *at = table_at(files, slot);
    *ret_fd = at->file != NULL ? at->file->fd : -1;
    return true;
}

static int file_make_stream(struct file *file) {
    if (sched_is_simulated()) {
        return fail(-EOPNOTSUPP, "open", NULL, "a simulation cannot wait for a pipe or a device");
    }
    struct io *io = NULL;
    int rc = io_open(file->fd, IO_READ | IO_WRITE, &io);
    if (rc < 0) {
        return rc;
    }
    /* A child may have the other end and, for a moment of its start, this one. */
    io->shared_fd = true;
    io->of_file = true;
    file->io = io_id(io);
    return 0;
}

wharf_file file_adopt(int fd, bool stream, bool writable) {
    wharf_file handle = {-ENOMEM};
    struct file *file = mem_alloc(sizeof *file);
    if (file == NULL) {
        close(fd);
        return handle;
    }
    *file = (struct file){.holders = 1, .fd = fd, .writable = writable};
    int rc = stream ? file_make_stream(file) : 0;
    rc = rc == 0 ? file_enter(file, &handle) : rc;
    if (rc < 0) {
        file_shut(file);
        file_release(file);
        return (wharf_file){rc};
    }
    return handle;
}

int wharf_file_fd(wharf_file handle) {
    uint32_t index = 0;
    int rc = 0;
    struct file_slot *slot = file_slot_of(handle, &index, &rc);
    return slot != NULL ? slot->file->fd : rc;
}

/* What is written may still fail at the end (quotas, network file systems), so such a close is worth a thread. When it
 * cannot have one, the last holder closes. */
static int close_written(struct file *file) {
    struct file_job *job = file_job_new(file, 0);
    if (job == NULL) {
        return 0;
    }
    job->work = file_work_close;
    int64_t rc = file_job_run(&job);
    file_job_free(job);
    return rc == -ECANCELED || rc == -ETIMEDOUT || rc == -EAGAIN ? 0 : (int)rc;
}

int wharf_file_close(wharf_file handle) {
    uint32_t index = 0;
    int rc = 0;
    struct file_slot *slot = file_slot_of(handle, &index, &rc);
    if (slot == NULL) {
        return rc;
    }
    struct file *file = slot->file;
    slot->file = NULL;
    table_give(sched_local_get(&files_key), index);
    file_shut(file);
    if (file->writable && file->io == 0 && atomic_load(&file->holders) == 1) {
        rc = close_written(file);
    }
    file_release(file);
    return rc;
}

/* ---- streams ---- */

static const struct op_kind read_kind = {.name = "read"};

/* One system call's worth, waited for. The slot is looked up again after each wait: somebody may have closed it. */
static ssize_t stream_step(const struct file *file, int direction, void *buffer, size_t size) {
    for (;;) {
        int rc = 0;
        struct io *io = io_find(file->io, &rc);
        if (io == NULL) {
            return -ECANCELED;
        }
        rc = io_wait(io, direction);
        if (rc < 0) {
            return rc;
        }
        ssize_t n = direction == IO_READ ? read(file->fd, buffer, size) : write(file->fd, buffer, size);
        ssize_t result = n < 0 ? -errno : n;
        if (result == -EAGAIN) {
            io->ready &= (uint8_t)~direction;
        } else if (result != -EINTR) {
            return result;
        }
    }
}

static ssize_t stream_write(const struct file *file, const char *bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t n = stream_step(file, IO_WRITE, (void *)(uintptr_t)(bytes + done), size - done);
        if (n < 0) {
            return n;
        }
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* ---- regular files ---- */

/* What is in memory already: the bytes, or -EAGAIN. */
static ssize_t read_cached(const struct file *file, void *buffer, size_t size, int64_t offset) {
    if (sched_fallbacks() || sched_is_simulated()) {
        return -EAGAIN;
    }
    struct iovec piece = {.iov_base = buffer, .iov_len = size};
    ssize_t n = preadv2(file->fd, &piece, 1, offset, RWF_NOWAIT);
    return n < 0 ? -EAGAIN : n;
}

static int64_t read_on_pool(struct file *file, void *buffer, size_t size, int64_t offset) {
    struct file_job *job = file_job_new(file, size);
    if (job == NULL) {
        return -ENOMEM;
    }
    job->work = file_work_pread;
    job->offset = offset;
    int64_t n = file_job_run(&job);
    if (n > 0) {
        memcpy(buffer, job->data, (size_t)n);
    }
    file_job_free(job);
    return n;
}

static ssize_t read_at(struct file *file, char *buffer, size_t size, int64_t offset) {
    size_t done = 0;
    while (done < size) {
        int rc = op_checkpoint(&read_kind);
        if (rc < 0) {
            return rc;
        }
        size_t piece = size - done < PIECE ? size - done : PIECE;
        int64_t n = read_cached(file, buffer + done, piece, offset + (int64_t)done);
        if (n == -EAGAIN) {
            n = read_on_pool(file, buffer + done, piece, offset + (int64_t)done);
        }
        if (n <= 0) {
            return n < 0 ? (ssize_t)n : (ssize_t)done;
        }
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static ssize_t write_at(struct file *file, const char *bytes, size_t size, int64_t offset) {
    size_t done = 0;
    while (done < size) {
        size_t piece = size - done < PIECE ? size - done : PIECE;
        struct file_job *job = file_job_new(file, piece);
        if (job == NULL) {
            return -ENOMEM;
        }
        memcpy(job->data, bytes + done, piece);
        job->work = file_work_pwrite;
        job->offset = offset + (int64_t)done;
        int64_t n = file_job_run(&job);
        file_job_free(job);
        if (n < 0) {
            return (ssize_t)n;
        }
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* The file of a call at an offset, held, or NULL with the error. */
static struct file *file_hold_range(wharf_file handle, size_t size, int64_t offset, int *ret_error) {
    struct file *file = file_hold(handle, ret_error);
    if (file == NULL) {
        return NULL;
    }
    bool is_range = offset >= 0 && size <= (size_t)(INT64_MAX - offset);
    if (file->io != 0 || !is_range) {
        *ret_error = file->io != 0 ? -ESPIPE : -EINVAL;
        file_release(file);
        return NULL;
    }
    return file;
}

ssize_t wharf_pread(wharf_file handle, void *buffer, size_t size, int64_t offset) {
    int rc = 0;
    struct file *file = file_hold_range(handle, size, offset, &rc);
    if (file == NULL) {
        return rc;
    }
    ssize_t n = read_at(file, buffer, size, offset);
    file_release(file);
    return n;
}

ssize_t wharf_pwrite(wharf_file handle, const void *buffer, size_t size, int64_t offset) {
    int rc = 0;
    struct file *file = file_hold_range(handle, size, offset, &rc);
    if (file == NULL) {
        return rc;
    }
    ssize_t n = write_at(file, buffer, size, offset);
    file_release(file);
    return n;
}

ssize_t wharf_file_read(wharf_file handle, void *buffer, size_t size) {
    int rc = 0;
    struct file *file = file_hold(handle, &rc);
    if (file == NULL) {
        return rc;
    }
    ssize_t n = 0;
    if (file->io != 0) {
        n = stream_step(file, IO_READ, buffer, size);
    } else {
        n = read_at(file, buffer, size, file->position);
        file->position += n > 0 ? n : 0;
    }
    file_release(file);
    return n;
}

ssize_t wharf_file_write(wharf_file handle, const void *buffer, size_t size) {
    int rc = 0;
    struct file *file = file_hold(handle, &rc);
    if (file == NULL) {
        return rc;
    }
    ssize_t n = 0;
    if (file->io != 0) {
        n = stream_write(file, buffer, size);
    } else {
        n = write_at(file, buffer, size, file->position);
        file->position += n > 0 ? n : 0;
    }
    file_release(file);
    return n;
}

static int file_work(wharf_file handle, int64_t (*work)(struct file_job *), int64_t offset) {
    int rc = 0;
    struct file *file = file_hold(handle, &rc);
    if (file == NULL) {
        return rc;
    }
    struct file_job *job = file_job_new(file, 0);
    int64_t result = -ENOMEM;
    if (job != NULL) {
        job->work = work;
        job->offset = offset;
        result = file_job_run(&job);
        file_job_free(job);
    }
    file_release(file);
    return (int)result;
}

int wharf_fsync(wharf_file file) {
    return file_work(file, file_work_fsync, 0);
}

int wharf_truncate(wharf_file file, int64_t size) {
    return file_work(file, file_work_truncate, size);
}

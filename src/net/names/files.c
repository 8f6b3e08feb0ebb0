/* See files.h. A file that cannot be read is one that is not there: a name may still be found elsewhere. */
#include "net/names/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "net/names/options.h"
#include "sched/sched.h"

struct files_job {
    struct job job;
    char paths[NAMES_FILES][NAMES_PATH_SIZE];
    struct names_files files;
    int rc;
};

static struct file_stamp stamp_of(const char *path) {
    struct stat status;
    if (path[0] == '\0' || stat(path, &status) < 0 || !S_ISREG(status.st_mode)) {
        return (struct file_stamp){.size = -1};
    }
    return (struct file_stamp){
        .device = status.st_dev,
        .inode = status.st_ino,
        .size = status.st_size,
        .changed_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec,
    };
}

static bool same_stamp(const struct file_stamp *a, const struct file_stamp *b) {
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed_ns == b->changed_ns;
}

static size_t read_all(int fd, char *out, size_t size) {
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < size) {
        got = read(fd, out + len, size - len);
        len += got > 0 ? (size_t)got : 0;
    }
    return len;
}

/* 0 or -ENOMEM. */
static int read_text(const char *path, int64_t size, wharf_str *ret_text) {
    size_t most = size > NAMES_FILE_BYTES_MAX ? NAMES_FILE_BYTES_MAX : (size_t)size;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    char *text = mem_alloc(most);
    if (text != NULL) {
        *ret_text = (wharf_str){text, read_all(fd, text, most)};
    }
    close(fd);
    return text != NULL ? 0 : -ENOMEM;
}

static void files_run(struct job *job) {
    struct files_job *files_job = (struct files_job *)(void *)job;
    struct names_files *files = &files_job->files;
    struct file_stamp before[NAMES_FILES];
    bool first = files->changed;
    memcpy(before, files->stamps, sizeof(before));
    for (int i = 0; i < NAMES_FILES; i++) {
        files->stamps[i] = stamp_of(files_job->paths[i]);
        files->changed = files->changed || !same_stamp(&before[i], &files->stamps[i]);
    }
    if (!first && !files->changed) {
        return;
    }
    for (int i = 0; i < NAMES_FILES && files_job->rc == 0; i++) {
        if (files->stamps[i].size > 0) {
            files_job->rc = read_text(files_job->paths[i], files->stamps[i].size, &files->texts[i]);
        }
    }
}

static void files_drop(struct job *job) {
    struct files_job *files_job = (struct files_job *)(void *)job;
    names_files_free(&files_job->files);
    mem_free(files_job);
}

int names_files_read(const char *const paths[NAMES_FILES], const struct file_stamp *before,
                     struct names_files *ret_files) {
    struct files_job *job = mem_zalloc(sizeof(*job));
    if (job == NULL) {
        return -ENOMEM;
    }
    job->job.run = files_run;
    job->job.drop = files_drop;
    for (int i = 0; i < NAMES_FILES; i++) {
        (void)str_copy_to(job->paths[i], NAMES_PATH_SIZE, wharf_str_of(paths[i]));
    }
    job->files.changed = before == NULL;
    if (before != NULL) {
        memcpy(job->files.stamps, before, sizeof(job->files.stamps));
    }
    int rc = pool_run(POOL_NAMES, &job->job);
    if (rc < 0) {
        return rc;
    }
    rc = job->rc;
    if (rc == 0) {
        *ret_files = job->files;
    } else {
        names_files_free(&job->files);
    }
    mem_free(job);
    return rc;
}

void names_files_free(struct names_files *files) {
    for (int i = 0; i < NAMES_FILES; i++) {
        mem_free((void *)(uintptr_t)files->texts[i].ptr);
        files->texts[i] = (wharf_str){NULL, 0};
    }
}

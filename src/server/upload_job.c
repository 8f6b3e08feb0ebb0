/* What an upload does to a disk. A file appears under its name at once and whole, after it has reached the disk (fsync), or
 * not at all. */
#include "server/upload_job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

/* ---- on the pool's threads ---- */

static int work_look(struct upload *upload) {
    struct stat stat;
    upload->directory = tree_open_waiting(&upload->tree, upload->parent, &stat);
    if (upload->directory < 0) {
        return upload->directory;
    }
    if (!S_ISDIR(stat.st_mode)) {
        return -ENOTDIR;
    }
    int rc = fstatat(upload->directory, upload->name, &upload->stat, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
    upload->exists = rc == 0;
    return rc == -ENOENT ? 0 : rc;
}

static int work_create(struct upload *upload) {
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    upload->fd = openat(upload->directory, upload->temp, flags, 0666);
    int rc = upload->fd < 0 ? -errno : 0;
    upload->has_temp = rc == 0;
    return rc;
}

static int work_write(struct upload *upload) {
    size_t done = 0;
    while (done < upload->len) {
        ssize_t count = write(upload->fd, upload->data + done, upload->len - done);
        int rc = count < 0 ? -errno : 0;
        if (rc < 0 && rc != -EINTR) {
            return rc;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return upload->digest != NULL ? digest_add(upload->digest, upload->data, upload->len) : 0;
}

static int move_to_free_name(const struct upload *upload) {
    int at = upload->directory;
    int rc = renameat2(at, upload->temp, at, upload->name, RENAME_NOREPLACE) < 0 ? -errno : 0;
    if (rc != -EINVAL && rc != -ENOSYS) {
        return rc;
    }
    rc = linkat(at, upload->temp, at, upload->name, 0) < 0 ? -errno : 0;
    if (rc == 0) {
        (void)unlinkat(at, upload->temp, 0);
    }
    return rc;
}

static int work_commit(struct upload *upload) {
    int at = upload->directory;
    int rc = fsync(upload->fd) < 0 ? -errno : 0;
    if (rc < 0) {
        return rc;
    }
    if (upload->may_replace) {
        rc = renameat(at, upload->temp, at, upload->name) < 0 ? -errno : 0;
    } else {
        rc = move_to_free_name(upload);
    }
    if (rc < 0) {
        return rc;
    }
    upload->has_temp = false;
    rc = fsync(at) < 0 ? -errno : 0;
    return rc == -EINVAL ? 0 : rc; /* there are file systems that cannot do this to a directory */
}

static int work_discard(struct upload *upload) {
    if (upload->has_temp) {
        (void)unlinkat(upload->directory, upload->temp, 0);
        upload->has_temp = false;
    }
    if (upload->fd >= 0) {
        close(upload->fd);
        upload->fd = -1;
    }
    return 0;
}

static void upload_work(struct job *job) {
    static int (*const works[])(struct upload *) = {
        [UPLOAD_LOOK] = work_look,     [UPLOAD_CREATE] = work_create,   [UPLOAD_WRITE] = work_write,
        [UPLOAD_COMMIT] = work_commit, [UPLOAD_DISCARD] = work_discard,
    };
    struct upload *upload = (struct upload *)(void *)job;
    upload->result = works[upload->step](upload);
}

static void upload_drop(struct job *job) {
    struct upload *upload = (struct upload *)(void *)job;
    (void)work_discard(upload);
    if (upload->directory >= 0) {
        close(upload->directory);
    }
    if (upload->tree.root >= 0) {
        close(upload->tree.root);
    }
    digest_free(upload->digest);
    mem_free(upload);
}

/* ---- on the scheduler ---- */

/* A name that nobody has chosen and that is not shown. */
static void make_temp(char *out) {
    uint64_t chance = 0;
    char digits[20];
    sched_random_bytes(&chance, sizeof(chance));
    size_t len = number_format_hex(chance, digits);
    (void)snprintf(out, UPLOAD_TEMP_SIZE, ".upload-%.*s", (int)len, digits);
}

struct upload *upload_new(const struct tree *tree, wharf_str parent, wharf_str name, int *ret_error) {
    struct upload *upload = mem_alloc(sizeof(*upload) + parent.len + 1);
    if (upload == NULL) {
        *ret_error = -ENOMEM;
        return NULL;
    }
    memset(upload, 0, offsetof(struct upload, data));
    upload->directory = -1;
    upload->fd = -1;
    make_temp(upload->temp);
    (void)str_copy_to(upload->name, sizeof(upload->name), name);
    (void)str_copy_to(upload->parent, parent.len + 1, parent);
    upload->job = (struct job){.run = upload_work, .drop = upload_drop};
    int rc = tree_copy(tree, &upload->tree);
    if (rc < 0) {
        upload_drop(&upload->job);
        *ret_error = rc;
        return NULL;
    }
    return upload;
}

int upload_step(struct upload **upload, enum upload_step step) {
    struct upload *own = *upload;
    own->step = step;
    int rc = pool_run(POOL_GENERAL, &own->job);
    if (rc < 0) {
        *upload = NULL;
        return rc;
    }
    return own->result;
}

void upload_free(struct upload *upload) {
    if (upload != NULL && (upload->has_temp || upload->fd >= 0)) {
        (void)upload_step(&upload, UPLOAD_DISCARD);
    }
    if (upload != NULL) {
        upload_drop(&upload->job);
    }
}

/* See disk.h. */
#include "sim/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "sched/file.h"
#include "sim/host.h"

enum {
    PATH_SIZE = 4096,
    LINK_SIZE = 40, /* "/proc/self/fd/N" */
    COPY_SIZE = 16384,
    MODE_FILE = 0644,
    MODE_FOLDER = 0755,
    BLOCK_UNIT = 512,
};

#define SECOND_NS INT64_C(1000000000)

struct disk_node {
    struct disk_node *next;
    uint64_t number;
    mode_t mode; /* type and permissions */
    int fd, synced;
    bool is_dirty;      /* since it was synced */
    int64_t changed_ns; /* by the host's wall clock */
    char path[];
};

/* ---- paths ---- */

/* Absolute, without "//", "." and "..". Relative paths begin at "/". */
static int path_clean(const char *path, char out[static PATH_SIZE]) {
    size_t len = 0;
    wharf_str rest = wharf_str_of(path), part;
    if (rest.len == 0 || rest.len >= PATH_SIZE - 1) {
        return rest.len == 0 ? -ENOENT : -ENAMETOOLONG;
    }
    while (str_split(&rest, '/', &part)) {
        if (part.len == 0 || wharf_str_is(part, ".")) {
            continue;
        }
        if (wharf_str_is(part, "..")) {
            while (len > 0 && out[--len] != '/') {
            }
            continue;
        }
        out[len++] = '/';
        memcpy(out + len, part.ptr, part.len);
        len += part.len;
    }
    if (len == 0) {
        out[len++] = '/';
    }
    out[len] = '\0';
    return 0;
}

static struct disk_node *node_find(const struct host *host, const char *path) {
    struct disk_node *node = host->disk.nodes;
    while (node != NULL && strcmp(node->path, path) != 0) {
        node = node->next;
    }
    return node;
}

static bool node_is_folder(const struct disk_node *node) {
    return S_ISDIR(node->mode);
}

/* "/" and "/tmp" are there without having been made. */
static bool path_is_folder(const struct host *host, const char *path) {
    const struct disk_node *node = node_find(host, path);
    return node != NULL ? node_is_folder(node) : strcmp(path, "/") == 0 || strcmp(path, "/tmp") == 0;
}

/* The folder that a clean path stands in. */
static void path_parent(const char *path, char out[static PATH_SIZE]) {
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] != '/') {
        len--;
    }
    len = len > 1 ? len - 1 : len;
    memcpy(out, path, len);
    out[len] = '\0';
}

/* ---- nodes ---- */

static int64_t host_wall(const struct host *host) {
    return WORLD_WALL_NS + host->world->now - WORLD_START_NS + host->clock_skew_ns;
}

static int node_new(struct host *host, const char *path, mode_t mode, struct disk_node **ret_node) {
    size_t len = strlen(path);
    struct disk_node *node = mem_alloc(sizeof(*node) + len + 1);
    if (node == NULL) {
        return -ENOMEM;
    }
    int fd = memfd_create("wharf-sim", MFD_CLOEXEC);
    int error = fd < 0 ? -errno : 0;
    if (error < 0) {
        mem_free(node);
        return error;
    }
    host->disk.made++;
    *node = (struct disk_node){.next = host->disk.nodes, .number = host->disk.made, .mode = mode, .fd = fd};
    node->synced = -1;
    node->is_dirty = !S_ISDIR(mode);
    node->changed_ns = host_wall(host);
    memcpy(node->path, path, len + 1);
    host->disk.nodes = node;
    *ret_node = node;
    return 0;
}

static void node_free(struct host *host, struct disk_node *node) {
    struct disk_node **at = &host->disk.nodes;
    while (*at != node) {
        at = &(*at)->next;
    }
    *at = node->next;
    close(node->fd);
    if (node->synced >= 0) {
        close(node->synced);
    }
    mem_free(node);
}

void disk_deinit(struct host *host) {
    while (host->disk.nodes != NULL) {
        node_free(host, host->disk.nodes);
    }
}

/* The node of an open descriptor, or NULL: it was unlinked, or is no file of this disk. */
static struct disk_node *node_of(const struct host *host, int fd) {
    struct stat wanted, each;
    if (fd < 0 || fstat(fd, &wanted) < 0) {
        return NULL;
    }
    struct disk_node *node = host->disk.nodes;
    while (node != NULL &&
           (fstat(node->fd, &each) < 0 || each.st_ino != wanted.st_ino || each.st_dev != wanted.st_dev)) {
        node = node->next;
    }
    return node;
}

static int node_stat(const struct disk_node *node, struct stat *ret_status) {
    struct stat status;
    if (fstat(node->fd, &status) < 0) {
        return -errno;
    }
    struct timespec changed = {.tv_sec = node->changed_ns / SECOND_NS,
                               .tv_nsec = node->changed_ns % SECOND_NS};
    *ret_status = (struct stat){.st_dev = 1,
                                .st_ino = node->number,
                                .st_mode = node->mode,
                                .st_nlink = 1,
                                .st_size = status.st_size,
                                .st_blksize = COPY_SIZE,
                                .st_blocks = (status.st_size + BLOCK_UNIT - 1) / BLOCK_UNIT,
                                .st_atim = changed,
                                .st_mtim = changed,
                                .st_ctim = changed};
    return 0;
}

static void node_changed(struct host *host, struct disk_node *node) {
    node->changed_ns = host_wall(host);
    node->is_dirty = true;
}

/* Another open file of the same bytes, with a position and flags of its own. */
static int node_open(const struct disk_node *node, int flags) {
    char link[LINK_SIZE];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", node->fd);
    int kept = flags & (O_ACCMODE | O_APPEND | O_TRUNC);
    int fd = open(link, kept | O_CLOEXEC | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* ---- what a crash leaves ---- */

static int bytes_copy(int from, int to) {
    char bytes[COPY_SIZE];
    if (ftruncate(to, 0) < 0) {
        return -errno;
    }
    off_t at = 0;
    ssize_t got = pread(from, bytes, sizeof(bytes), at);
    while (got > 0) {
        if (pwrite(to, bytes, (size_t)got, at) != got) {
            return -EIO;
        }
        at += got;
        got = pread(from, bytes, sizeof(bytes), at);
    }
    return got < 0 ? -EIO : 0;
}

static int node_sync(struct disk_node *node) {
    if (node->synced < 0) {
        node->synced = memfd_create("wharf-sim-synced", MFD_CLOEXEC);
    }
    int rc = node->synced < 0 ? -EIO : bytes_copy(node->fd, node->synced);
    node->is_dirty = node->is_dirty && rc < 0;
    return rc;
}

void disk_crash(struct host *host) {
    struct disk_node *next = NULL;
    for (struct disk_node *node = host->disk.nodes; node != NULL; node = next) {
        next = node->next;
        if (!node->is_dirty || random_below(&host->world->network, 2) == 0) {
            continue;
        }
        if (node->synced < 0) {
            node_free(host, node);
        } else {
            (void)bytes_copy(node->synced, node->fd);
            node->is_dirty = false;
        }
    }
}

/* ---- work on paths ---- */

static int node_make(struct host *host, const char *path, mode_t mode, struct disk_node **ret_node) {
    char parent[PATH_SIZE];
    path_parent(path, parent);
    if (!path_is_folder(host, parent)) {
        return node_find(host, parent) != NULL ? -ENOTDIR : -ENOENT;
    }
    return node_new(host, path, mode, ret_node);
}

/* The file that an open() leads to, made where that is asked for. */
static int node_for_open(struct host *host, const char *path, const struct file_job *job,
                         struct disk_node **ret_node) {
    struct disk_node *node = node_find(host, path);
    bool writes = (job->flags & O_ACCMODE) != O_RDONLY;
    if (node == NULL && path_is_folder(host, path)) {
        int rc = node_new(host, path, S_IFDIR | MODE_FOLDER, &node);
        if (rc < 0) {
            return rc;
        }
    }
    if (node == NULL) {
        bool makes = (job->flags & O_CREAT) != 0;
        return makes ? node_make(host, path, S_IFREG | (job->mode & 0777), ret_node) : -ENOENT;
    }
    if ((job->flags & O_CREAT) != 0 && (job->flags & O_EXCL) != 0) {
        return -EEXIST;
    }
    if (node_is_folder(node) ? writes : (job->flags & O_DIRECTORY) != 0) {
        return writes ? -EISDIR : -ENOTDIR;
    }
    *ret_node = node;
    return 0;
}

static int64_t work_open(struct host *host, struct file_job *job, const char *path) {
    struct disk_node *node = NULL;
    int rc = node_for_open(host, path, job, &node);
    if (rc < 0) {
        return strncmp(path, "/dev/", 5) == 0 ? -EOPNOTSUPP : rc;
    }
    int fd = node_open(node, job->flags);
    if (fd < 0) {
        return fd;
    }
    if ((job->flags & O_TRUNC) != 0) {
        node_changed(host, node);
    }
    job->opened = fd;
    return node_stat(node, &job->status);
}

static int64_t work_stat(struct host *host, struct file_job *job, const char *path) {
    const struct disk_node *node = node_find(host, path);
    if (node != NULL) {
        return node_stat(node, &job->status);
    }
    if (!path_is_folder(host, path)) {
        return -ENOENT;
    }
    job->status = (struct stat){.st_dev = 1, .st_mode = S_IFDIR | MODE_FOLDER, .st_nlink = 1};
    return 0;
}

static int64_t work_mkdir(struct host *host, struct file_job *job, const char *path) {
    struct disk_node *node = NULL;
    if (node_find(host, path) != NULL || path_is_folder(host, path)) {
        return -EEXIST;
    }
    return node_make(host, path, S_IFDIR | (job->mode & 0777), &node);
}

static int64_t work_unlink(struct host *host, struct file_job *job, const char *path) {
    struct disk_node *node = node_find(host, path);
    (void)job;
    if (path_is_folder(host, path)) {
        return -EISDIR;
    }
    if (node == NULL) {
        return -ENOENT;
    }
    node_free(host, node);
    return 0;
}

/* Of a file: those of folders are refused, since paths are kept whole. */
static int64_t work_rename(struct host *host, struct file_job *job, const char *path) {
    char to[PATH_SIZE], parent[PATH_SIZE];
    int rc = path_clean(job->path_to, to);
    const struct disk_node *node = node_find(host, path);
    if (rc < 0 || node == NULL) {
        return rc < 0 ? rc : -ENOENT;
    }
    path_parent(to, parent);
    if (node_is_folder(node) || path_is_folder(host, to) || !path_is_folder(host, parent)) {
        return node_is_folder(node) ? -EOPNOTSUPP : path_is_folder(host, to) ? -EISDIR : -ENOENT;
    }
    size_t len = strlen(to);
    struct disk_node *renamed = mem_alloc(sizeof(*renamed) + len + 1);
    if (renamed == NULL) {
        return -ENOMEM;
    }
    struct disk_node *replaced = node_find(host, to);
    if (replaced != NULL && replaced != node) {
        node_free(host, replaced);
    }
    struct disk_node **at = &host->disk.nodes;
    while (*at != node) {
        at = &(*at)->next;
    }
    struct disk_node *old = *at;
    *renamed = *old;
    memcpy(renamed->path, to, len + 1);
    *at = renamed;
    mem_free(old);
    return 0;
}

static const struct path_work {
    int64_t (*of_machine)(struct file_job *job);
    int64_t (*work)(struct host *host, struct file_job *job, const char *path);
} path_works[] = {
    {file_work_open, work_open},     {file_work_stat, work_stat},     {file_work_mkdir, work_mkdir},
    {file_work_unlink, work_unlink}, {file_work_rename, work_rename},
};

/* ---- work on open files ---- */

static bool job_writes(const struct file_job *job) {
    return job->work == file_work_pwrite || job->work == file_work_write || job->work == file_work_truncate;
}

static int64_t open_file_work(struct host *host, struct file_job *job) {
    struct disk_node *node = job->file != NULL ? node_of(host, job->file->fd) : NULL;
    if (node != NULL && job->work == file_work_fsync) {
        return node_sync(node);
    }
    int64_t result = job->work(job);
    if (node != NULL && result >= 0 && job_writes(job)) {
        node_changed(host, node);
    }
    return result;
}

int64_t disk_work(struct host *host, struct file_job *job) {
    char path[PATH_SIZE];
    if (host->world->options.real_files != 0) {
        return job->work(job);
    }
    for (size_t i = 0; i < sizeof(path_works) / sizeof(path_works[0]); i++) {
        if (job->work == path_works[i].of_machine) {
            int rc = path_clean(job->path, path);
            return rc < 0 ? rc : path_works[i].work(host, job, path);
        }
    }
    return open_file_work(host, job);
}

int64_t disk_delay(struct host *host, const struct file_job *job) {
    const struct disk *disk = &host->disk;
    int64_t now = host->world->now;
    if (host->state != HOST_UP || (disk->bad_until > now && job->work != file_work_close)) {
        return -EIO;
    }
    bool makes = job->work == file_work_open && (job->flags & O_CREAT) != 0;
    if (disk->full_until > now && (job_writes(job) || makes || job->work == file_work_mkdir)) {
        return -ENOSPC;
    }
    return disk->operation_ns + (disk->slow_until > now ? disk->slow_ns : 0);
}

/* ---- from outside ---- */

/* All folders above a clean path. */
static int folders_make(struct host *host, const char *path) {
    char folder[PATH_SIZE];
    for (size_t i = 1; path[i] != '\0'; i++) {
        if (path[i] != '/') {
            continue;
        }
        struct disk_node *node = NULL;
        memcpy(folder, path, i);
        folder[i] = '\0';
        int rc = path_is_folder(host, folder) ? 0 : node_make(host, folder, S_IFDIR | MODE_FOLDER, &node);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int disk_put(struct host *host, const char *path, const void *bytes, size_t size) {
    char clean[PATH_SIZE];
    int rc = path_clean(path, clean);
    rc = rc == 0 ? folders_make(host, clean) : rc;
    if (rc < 0 || path_is_folder(host, clean)) {
        return rc < 0 ? rc : -EISDIR;
    }
    struct disk_node *node = node_find(host, clean);
    rc = node == NULL ? node_make(host, clean, S_IFREG | MODE_FILE, &node) : 0;
    if (rc < 0) {
        return rc;
    }
    if (ftruncate(node->fd, 0) < 0 || pwrite(node->fd, bytes, size, 0) != (ssize_t)size) {
        return -EIO;
    }
    node_changed(host, node);
    return node_sync(node);
}

ssize_t disk_get(struct host *host, const char *path, void *buffer, size_t size) {
    char clean[PATH_SIZE];
    struct stat status;
    int rc = path_clean(path, clean);
    const struct disk_node *node = rc == 0 ? node_find(host, clean) : NULL;
    if (node == NULL || node_is_folder(node)) {
        return rc < 0 ? rc : node == NULL ? -ENOENT : -EISDIR;
    }
    if (fstat(node->fd, &status) < 0 || pread(node->fd, buffer, size, 0) < 0) {
        return -EIO;
    }
    return status.st_size;
}

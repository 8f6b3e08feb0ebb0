/* Opening beneath a directory: openat2 with RESOLVE_BENEATH lets the kernel do the whole look-up without a moment in
 * which somebody could exchange a directory for a link. Before Linux 5.6, and in sandboxes that refuse it, every
 * component is opened by itself, without following links.
 *
 * A path that the kernel has in its cache is opened at once (RESOLVE_CACHED, Linux 5.12). Any other may lead to a disk that
 * takes its time, and is opened on the offload pool. */
#include "server/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "sched/sched.h"

enum { FILE_FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };

int tree_open_root(const char *directory) {
    int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

enum { BENEATH = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };

/* In one call: what it gives, whatever that is. */
static int open_once(int root, const char *path, uint64_t resolve) {
    struct open_how how = {.flags = FILE_FLAGS, .resolve = resolve};
    long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
    return fd < 0 ? -errno : (int)fd;
}

/* -EAGAIN: it takes a look-up that may wait, or the kernel cannot say. */
static int open_cached(int root, const char *path, uint64_t resolve) {
    if (sched_fallbacks()) {
        return -EAGAIN;
    }
    int rc = open_once(root, path, resolve | RESOLVE_CACHED);
    return rc == -ENOSYS || rc == -EPERM || rc == -EINVAL ? -EAGAIN : rc;
}

/* -ENOSYS when the kernel, or a sandbox, does not have it. */
static int tree_open_beneath(int root, const char *path) {
    static _Atomic bool missing;
    if (atomic_load_explicit(&missing, memory_order_relaxed) || sched_fallbacks()) {
        return -ENOSYS;
    }
    for (int tries = 0; tries < 3; tries++) {
        int rc = open_once(root, path, BENEATH);
        if (rc == -ENOSYS || rc == -EPERM) {
            atomic_store_explicit(&missing, true, memory_order_relaxed);
            return -ENOSYS;
        }
        if (rc != -EAGAIN) {
            return rc; /* EAGAIN: something was renamed during the look-up */
        }
    }
    return -ENOENT;
}

/* One component after another, following nothing. */
static int tree_walk(int root, const char *path) {
    int at = root;
    wharf_str rest = wharf_str_of(path);
    wharf_str part;
    int rc = -ENOENT;
    while (str_split(&rest, '/', &part)) {
        char name[256];
        bool last = rest.ptr == NULL;
        if (part.len >= sizeof(name) || wharf_str_is(part, "..")) {
            rc = -ENOENT;
            break;
        }
        (void)str_copy_to(name, sizeof(name), part.len > 0 ? part : STR("."));
        int fd = openat(at, name, (last ? FILE_FLAGS : O_PATH | O_DIRECTORY | O_CLOEXEC) | O_NOFOLLOW);
        rc = fd < 0 ? -errno : fd;
        if (at != root) {
            close(at);
            at = root;
        }
        if (rc < 0 || last) {
            return rc;
        }
        at = rc;
    }
    if (at != root) {
        close(at);
    }
    return rc < 0 ? rc : -ENOENT;
}

/* The look-up of a path that is in no cache. It goes on when its caller has been cancelled, so it owns what it uses. */
struct open_job {
    struct job job;
    int root; /* a duplicate; AT_FDCWD: the path may lead anywhere */
    int fd;   /* the result, or -errno; the caller's once it has taken it */
    char path[];
};

static void open_work(struct job *job) {
    struct open_job *open = (struct open_job *)(void *)job;
    if (open->root == AT_FDCWD) {
        int fd = openat(AT_FDCWD, open->path, FILE_FLAGS);
        open->fd = fd < 0 ? -errno : fd;
        return;
    }
    open->fd = tree_open_beneath(open->root, open->path);
    if (open->fd == -ENOSYS) {
        open->fd = tree_walk(open->root, open->path);
    }
}

static void open_drop(struct job *job) {
    struct open_job *open = (struct open_job *)(void *)job;
    if (open->fd >= 0) {
        close(open->fd);
    }
    if (open->root != AT_FDCWD) {
        close(open->root);
    }
    mem_free(open);
}

static int open_on_pool(int root, const char *path) {
    size_t size = strlen(path) + 1;
    struct open_job *open = mem_alloc(sizeof(*open) + size);
    if (open == NULL) {
        return -ENOMEM;
    }
    *open = (struct open_job){.job = {.run = open_work, .drop = open_drop}, .fd = -1};
    memcpy(open->path, path, size);
    open->root = root == AT_FDCWD ? root : fcntl(root, F_DUPFD_CLOEXEC, 3);
    int rc = open->root == -1 ? -errno : 0;
    if (rc < 0) {
        mem_free(open);
        return rc;
    }
    rc = pool_run(POOL_GENERAL, &open->job);
    if (rc < 0) {
        return rc; /* the job is the pool's */
    }
    rc = open->fd;
    open->fd = -1;
    open_drop(&open->job);
    return rc;
}

int tree_open_path(const char *path) {
    int fd = open_cached(AT_FDCWD, path, 0);
    return fd == -EAGAIN ? open_on_pool(AT_FDCWD, path) : fd;
}

int tree_open(int root, const char *path, struct stat *ret_stat) {
    const char *name = path[0] != '\0' ? path : ".";
    int fd = open_cached(root, name, BENEATH);
    if (fd == -EAGAIN) {
        fd = open_on_pool(root, name);
    }
    if (fd < 0) {
        return fd;
    }
    struct stat stat;
    int rc = fstat(fd, &stat) < 0 ? -errno : 0;
    if (rc == 0 && !S_ISREG(stat.st_mode) && !S_ISDIR(stat.st_mode)) {
        rc = -ENOENT;
    }
    if (rc < 0) {
        close(fd);
        return rc;
    }
    *ret_stat = stat;
    return fd;
}

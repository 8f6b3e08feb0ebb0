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
#include "sched/stopwatch.h"

enum { FILE_FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };

int tree_open_root(const char *directory) {
    int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static uint64_t tree_resolve(const struct tree *tree) {
    static const uint64_t flags[] = {
        [TREE_LINKS_INSIDE] = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
        [TREE_LINKS_NONE] = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
        [TREE_LINKS_ALL] = RESOLVE_NO_MAGICLINKS,
    };
    return flags[tree->links];
}

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
static int tree_open_beneath(const struct tree *tree, const char *path) {
    static _Atomic bool missing;
    if (atomic_load_explicit(&missing, memory_order_relaxed) || sched_fallbacks()) {
        return -ENOSYS;
    }
    for (int tries = 0; tries < 3; tries++) {
        int rc = open_once(tree->root, path, tree_resolve(tree));
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

static int open_anywhere(int root, const char *path) {
    int fd = openat(root, path, FILE_FLAGS);
    return fd < 0 ? -errno : fd;
}

/* Waits for whatever disk there is. root AT_FDCWD: a path of the program itself. */
static int open_waiting(const struct tree *tree, const char *path) {
    if (tree->root == AT_FDCWD) {
        return open_anywhere(AT_FDCWD, path);
    }
    int fd = tree_open_beneath(tree, path);
    if (fd != -ENOSYS) {
        return fd;
    }
    return tree->links == TREE_LINKS_ALL ? open_anywhere(tree->root, path) : tree_walk(tree->root, path);
}

/* The look-up of a path that is in no cache. It goes on when its caller has been cancelled, so it owns what it uses. */
struct open_job {
    struct job job;
    struct tree tree; /* a copy */
    int fd;           /* the result, or -errno; the caller's once it has taken it */
    char path[];
};

static void open_work(struct job *job) {
    struct open_job *open = (struct open_job *)(void *)job;
    open->fd = open_waiting(&open->tree, open->path);
}

static void open_drop(struct job *job) {
    struct open_job *open = (struct open_job *)(void *)job;
    if (open->fd >= 0) {
        close(open->fd);
    }
    if (open->tree.root != AT_FDCWD) {
        close(open->tree.root);
    }
    mem_free(open);
}

int tree_copy(const struct tree *tree, struct tree *ret_copy) {
    *ret_copy = *tree;
    if (tree->root == AT_FDCWD) {
        return 0;
    }
    ret_copy->root = fcntl(tree->root, F_DUPFD_CLOEXEC, 3);
    return ret_copy->root < 0 ? -errno : 0;
}

static int open_on_pool(const struct tree *tree, const char *path) {
    size_t size = strlen(path) + 1;
    struct open_job *open = mem_alloc(sizeof(*open) + size);
    if (open == NULL) {
        return -ENOMEM;
    }
    *open = (struct open_job){.job = {.run = open_work, .drop = open_drop}, .fd = -1};
    memcpy(open->path, path, size);
    int rc = tree_copy(tree, &open->tree);
    if (rc < 0) {
        mem_free(open);
        return rc;
    }
    int64_t before = stopwatch_before();
    rc = pool_run(POOL_GENERAL, &open->job);
    stopwatch_was_disk(before);
    if (rc < 0) {
        return rc; /* the job is the pool's */
    }
    rc = open->fd;
    open->fd = -1;
    open_drop(&open->job);
    return rc;
}

int tree_open_path(const char *path) {
    static const struct tree anywhere = {.root = AT_FDCWD, .links = TREE_LINKS_ALL};
    int fd = open_cached(AT_FDCWD, path, 0);
    return fd == -EAGAIN ? open_on_pool(&anywhere, path) : fd;
}

/* Looks at what was opened, and closes what nobody serves. */
static int tree_look(int fd, struct stat *ret_stat) {
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

int tree_open(const struct tree *tree, const char *path, struct stat *ret_stat) {
    const char *name = path[0] != '\0' ? path : ".";
    int fd = open_cached(tree->root, name, tree_resolve(tree));
    if (fd == -EAGAIN) {
        fd = open_on_pool(tree, name);
    }
    return fd < 0 ? fd : tree_look(fd, ret_stat);
}

int tree_open_waiting(const struct tree *tree, const char *path, struct stat *ret_stat) {
    int fd = open_waiting(tree, path[0] != '\0' ? path : ".");
    return fd < 0 ? fd : tree_look(fd, ret_stat);
}

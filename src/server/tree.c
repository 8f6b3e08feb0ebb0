/* Opening beneath a directory: openat2 with RESOLVE_BENEATH lets the kernel do the whole look-up without a moment in
 * which somebody could exchange a directory for a link. Before Linux 5.6, and in sandboxes that refuse it, every
 * component is opened by itself, without following links. */
#include "server/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "sched/sched.h"

enum { FILE_FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };

int tree_open_root(const char *directory) {
    int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* -ENOSYS when the kernel, or a sandbox, does not have it. */
static int tree_open_beneath(int root, const char *path) {
    static _Atomic bool missing;
    if (atomic_load_explicit(&missing, memory_order_relaxed) || sched_fallbacks()) {
        return -ENOSYS;
    }
    struct open_how how = {.flags = FILE_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    for (int tries = 0; tries < 3; tries++) {
        long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
        int rc = fd < 0 ? -errno : (int)fd;
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

int tree_open(int root, const char *path, struct stat *ret_stat) {
    const char *name = path[0] != '\0' ? path : ".";
    int fd = tree_open_beneath(root, name);
    if (fd == -ENOSYS) {
        fd = tree_walk(root, name);
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

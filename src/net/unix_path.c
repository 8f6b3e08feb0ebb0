/* A program that was killed leaves its socket file behind, and bind(2) then says EADDRINUSE for ever. Whether
 * somebody still listens is found out by connecting: only ECONNREFUSED means that nobody does. On the simulated
 * network there are no files. */
#include "net/unix_path.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/text.h"
#include "sched/engine.h"
#include "sched/sched.h"

/* The path in an address; false when it is abstract, or not of a Unix socket. */
static bool path_of(const struct address *address, char out[108]) {
    struct sockaddr_un named = {0};
    if (address->any.sa_family != AF_UNIX || address->len <= offsetof(struct sockaddr_un, sun_path)) {
        return false;
    }
    memcpy(&named, &address->storage, address->len < sizeof(named) ? address->len : sizeof(named));
    named.sun_path[sizeof(named.sun_path) - 1] = '\0';
    str_copy_to(out, 108, wharf_str_of(named.sun_path));
    return named.sun_path[0] != '\0';
}

/* fd: the socket that is to have the path; only one of its kind gets an answer there. */
static bool is_stale(int fd, const char *path, const struct address *address) {
    const struct engine *engine = sched_engine();
    struct sched *sched = sched_current();
    struct stat status;
    int64_t type = SOCK_STREAM;
    if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode) ||
        engine->get_option(sched, fd, SOL_SOCKET, SO_TYPE, &type) < 0) {
        return false;
    }
    int probe = engine->socket(sched, AF_UNIX, (int)type);
    if (probe < 0) {
        return false;
    }
    int rc = engine->connect(sched, probe, &address->any, address->len);
    engine->close(sched, probe, false);
    return rc == -ECONNREFUSED;
}

int unix_path_bind(int fd, const struct address *address, struct unix_path *ret_path) {
    const struct engine *engine = sched_engine();
    struct sched *sched = sched_current();
    struct stat status;
    bool is_file = path_of(address, ret_path->path) && !sched_is_simulated();
    ret_path->made = false;
    int rc = engine->bind(sched, fd, &address->any, address->len);
    if (rc == -EADDRINUSE && is_file && is_stale(fd, ret_path->path, address) &&
        remove(ret_path->path) == 0) {
        rc = engine->bind(sched, fd, &address->any, address->len);
    }
    if (rc == 0 && is_file && lstat(ret_path->path, &status) == 0) {
        ret_path->made = true;
        ret_path->device = status.st_dev;
        ret_path->inode = status.st_ino;
    }
    return rc;
}

void unix_path_remove(struct unix_path *path) {
    struct stat status;
    if (path->made && lstat(path->path, &status) == 0 && status.st_dev == path->device &&
        status.st_ino == path->inode) {
        (void)remove(path->path);
    }
    path->made = false;
}

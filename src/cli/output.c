/* Output to a regular file is atomic: an unnamed file in the folder of its destination, synced, then linked
 * or renamed into place. */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wharf/os.h"

static void output_init(struct output *output, int fd, bool owns_fd) {
    *output = (struct output){.fd = fd, .owns_fd = owns_fd, .is_terminal = isatty(fd) == 1};
}

void output_open_stdout(struct output *output) {
    output_init(output, STDOUT_FILENO, false);
}

/* The folder of a path, to be freed. */
static char *folder_of(const char *path) {
    char *copy = strdup(path);
    char *folder = copy != NULL ? strdup(dirname(copy)) : NULL;
    free(copy);
    return folder;
}

/* A name beside `path` that nobody else has: ".wharf-" and 64 random bits. To be freed. */
static char *temporary_name(const char *path) {
    unsigned long long random_bits = 0;
    char *folder = folder_of(path);
    char *name = NULL;
    if (folder != NULL && getrandom(&random_bits, sizeof random_bits, 0) == (ssize_t)sizeof random_bits &&
        asprintf(&name, "%s/.wharf-%016llx", folder, random_bits) < 0) {
        name = NULL;
    }
    free(folder);
    return name;
}

static int open_unnamed(const char *path) {
    char *folder = folder_of(path);
    if (folder == NULL) {
        return -ENOMEM;
    }
    int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    int error = fd < 0 ? -errno : 0;
    free(folder);
    if (fd >= 0 && access("/proc/self/fd", X_OK) < 0) { /* it could not be given a name later */
        close(fd);
        return -EOPNOTSUPP;
    }
    return fd >= 0 ? fd : error;
}

/* Opens the file that output->path will become. */
static int open_in_the_making(struct output *output) {
    int fd = open_unnamed(output->path);
    if (fd != -EOPNOTSUPP && fd != -EISDIR && fd != -EINVAL) {
        return fd;
    }
    output->temporary = temporary_name(output->path);
    if (output->temporary == NULL) {
        return -ENOMEM;
    }
    fd = open(output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int error = fd < 0 ? -errno : 0;
    if (fd < 0) {
        free(output->temporary);
        output->temporary = NULL;
        return error;
    }
    return fd;
}

static int open_regular(struct output *output, const char *path, const struct stat *existing) {
    /* Through a symbolic link the file it names is replaced, not the link. */
    output->path = existing != NULL ? realpath(path, NULL) : strdup(path);
    if (output->path == NULL) {
        return -errno;
    }
    int fd = open_in_the_making(output);
    if (fd < 0) {
        free(output->path);
        output->path = NULL;
        return fd;
    }
    if (existing != NULL) {
        (void)fchmod(fd, existing->st_mode & 0777); /* new contents inherit no special powers */
    }
    output->fd = fd;
    return 0;
}

int output_open(struct output *output, const char *path) {
    if (strcmp(path, "-") == 0) {
        output_open_stdout(output);
        return 0;
    }
    struct output opened = {.owns_fd = true};
    struct stat existing;
    int missing = stat(path, &existing) < 0 ? -errno : 0;
    bool exists = missing == 0;
    if (!exists && (missing != -ENOENT || path[0] == '\0')) {
        return missing;
    }
    if (exists ? S_ISDIR(existing.st_mode) : path[strlen(path) - 1] == '/') {
        return -EISDIR;
    }
    if (exists && !S_ISREG(existing.st_mode)) {
        int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0) {
            return -errno;
        }
        output_init(output, fd, true);
        return 0;
    }
    int result = open_regular(&opened, path, exists ? &existing : NULL);
    if (result == 0) {
        *output = opened;
    }
    return result;
}

/* Nothing else runs meanwhile, so the thread itself may wait: one system call a piece. (SIGPIPE is blocked by the
 * library.) The descriptor may have been made non-blocking by whoever shares it. */
static int write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);
        int error = written < 0 ? -errno : 0;
        if (error == -EAGAIN) {
            int ready = wharf_wait_fd(fd, WHARF_WRITABLE);
            error = ready < 0 ? ready : -EINTR;
        }
        if (error < 0 && error != -EINTR) {
            return error;
        }
        bytes += written > 0 ? written : 0;
        len -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

static int write_visibly(struct output *output, const char *bytes, size_t len) {
    if (output->is_binary) {
        return 0;
    }
    if (memchr(bytes, '\0', len) != NULL) {
        static const char notice[] = "(binary data is not shown on a terminal; use -o FILE)\n";
        output->is_binary = true;
        return write_all(output->fd, notice, sizeof notice - 1);
    }
    char text[4096];
    while (len > 0) {
        size_t made = visible_text(bytes, len, text, sizeof text, &output->visible);
        int result = write_all(output->fd, text, made);
        if (result < 0) {
            return result;
        }
        bytes += output->visible.taken;
        len -= output->visible.taken;
    }
    return 0;
}

int output_write(struct output *output, const void *bytes, size_t len) {
    if (output->is_terminal) {
        return write_visibly(output, bytes, len);
    }
    return write_all(output->fd, bytes, len);
}

int output_write_plain(struct output *output, const void *bytes, size_t len) {
    return write_all(output->fd, bytes, len);
}

static void output_deinit(struct output *output) {
    if (output->owns_fd && output->fd >= 0) {
        close(output->fd);
    }
    free(output->path);
    free(output->temporary);
    *output = (struct output){.fd = -1};
}

/* Gives an unnamed file a name: 0, or -EEXIST when that is taken. */
static int give_name(const struct output *output, const char *name) {
    char self[32];
    snprintf(self, sizeof self, "/proc/self/fd/%d", output->fd);
    return linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int put_in_place(struct output *output) {
    if (fsync(output->fd) < 0) {
        return -errno;
    }
    if (output->temporary == NULL) {
        int result = give_name(output, output->path);
        if (result != -EEXIST) {
            return result;
        }
        /* Only rename() replaces what is there, so the file needs a name of its own first. */
        output->temporary = temporary_name(output->path);
        result = output->temporary != NULL ? give_name(output, output->temporary) : -ENOMEM;
        if (result < 0) {
            free(output->temporary);
            output->temporary = NULL;
            return result;
        }
    }
    return rename(output->temporary, output->path) < 0 ? -errno : 0;
}

int output_commit(struct output *output) {
    int result = output->path != NULL ? put_in_place(output) : 0;
    if (result < 0 && output->temporary != NULL) {
        unlink(output->temporary);
    }
    output_deinit(output);
    return result;
}

void output_abandon(struct output *output) {
    if (output->temporary != NULL) {
        unlink(output->temporary);
    }
    output_deinit(output);
}

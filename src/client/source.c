/* See source.h. */
#include "client/source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failure.h"
#include "sched/sched.h"

static int source_open_file(struct source *source, const char *path) {
    struct stat status;
    /* Non-blocking, so that opening a pipe by mistake is an error and not a wait. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int error = errno;
    if (file < 0) {
        return fail(-error, "open body", path, NULL);
    }
    source->file = file;
    int rc = fstat(file, &status);
    error = errno;
    if (rc < 0) {
        return fail(-error, "open body", path, NULL);
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(-EINVAL, "open body", path, "not a regular file");
    }
    source->kind = SOURCE_FILE;
    source->path = path;
    source->length = status.st_size;
    return 0;
}

static int source_check_options(const wharf_fetch_options *options) {
    int count = (options->body != NULL) + (options->body_file != NULL) + (options->body_fn != NULL);
    if (count > 1) {
        return fail(-EINVAL, "read options", "", "more than one of body, body_file and body_fn is set");
    }
    if (options->body == NULL && options->body_bytes > 0) {
        return fail(-EINVAL, "read options", "", "body_bytes is set and body is not");
    }
    if (options->body_bytes > INT64_MAX) {
        return fail(-EINVAL, "read options", "", "body_bytes is too large");
    }
    if (options->body_fn_bytes < 0 || (options->body_fn == NULL && options->body_fn_bytes > 0)) {
        return fail(-EINVAL, "read options", "", "body_fn_bytes is negative, or body_fn is not set");
    }
    return 0;
}

int source_open(struct source *source, const wharf_fetch_options *options) {
    *source = (struct source){.kind = SOURCE_NONE, .file = -1};
    int rc = source_check_options(options);
    if (rc < 0) {
        return rc;
    }
    if (options->body_file != NULL) {
        return source_open_file(source, options->body_file);
    }
    if (options->body != NULL) {
        source->kind = SOURCE_MEMORY;
        source->bytes = options->body;
        source->length = (int64_t)options->body_bytes;
    } else if (options->body_fn != NULL) {
        source->kind = SOURCE_FUNCTION;
        source->fn = options->body_fn;
        source->arg = options->body_arg;
        source->length = options->body_fn_bytes > 0 ? options->body_fn_bytes : -1;
    }
    return 0;
}

void source_close(struct source *source) {
    if (source->file >= 0) {
        (void)close(source->file);
    }
    *source = (struct source){.kind = SOURCE_NONE, .file = -1};
}

bool source_can_replay(const struct source *source) {
    return source->kind != SOURCE_FUNCTION || !source->started;
}

bool source_can_digest(const struct source *source) {
    return source->kind != SOURCE_FUNCTION;
}

static int digest_file(const struct source *source, struct digest *digest) {
    char *block = block_get();
    int64_t at = 0;
    int rc = block != NULL ? 0 : -ENOMEM;
    while (rc == 0 && at < source->length) {
        ssize_t got = pread(source->file, block, BLOCK_SIZE, at);
        int error = errno;
        if (got <= 0) {
            rc = got < 0 ? -error : -WHARF_ECHANGED;
            break;
        }
        rc = digest_add(digest, block, (size_t)got);
        at += got;
    }
    if (block != NULL) {
        block_put(block);
    }
    return rc;
}

int source_digest(const struct source *source, enum digest_kind kind, char *out) {
    struct digest *digest = digest_new(kind);
    int rc = digest != NULL ? 0 : -ENOMEM;
    if (rc == 0 && source->kind == SOURCE_MEMORY) {
        rc = digest_add(digest, source->bytes, (size_t)source->length);
    } else if (rc == 0 && source->kind == SOURCE_FILE) {
        rc = digest_file(source, digest);
    }
    if (rc < 0) {
        digest_free(digest);
        return rc;
    }
    return digest_finish(digest, out);
}

int source_check_file(const struct source *source) {
    struct stat status;
    int rc = fstat(source->file, &status);
    int error = errno;
    if (rc < 0) {
        return fail(-error, "send body file", source->path, NULL);
    }
    if (status.st_size != source->length) {
        return fail(-WHARF_ECHANGED, "send body file", source->path, "it had %lld bytes and now has %lld",
                    (long long)source->length, (long long)status.st_size);
    }
    return 0;
}

/* See source.h. */
#include "client/source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/text.h"
#include "client/compress.h"
#include "client/form.h"
#include "http/codec/json.h"
#include "sched/sched.h"

int source_open_file(const char *path, int64_t *ret_length) {
    struct stat status;
    /* Non-blocking, so that opening a pipe by mistake is an error and not a wait. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int error = errno;
    if (file < 0) {
        return fail(-error, "open body", path, NULL);
    }
    int rc = fstat(file, &status);
    error = errno;
    if (rc < 0 || !S_ISREG(status.st_mode)) {
        (void)close(file);
        return rc < 0 ? fail(-error, "open body", path, NULL)
                      : fail(-EINVAL, "open body", path, "not a regular file");
    }
    *ret_length = status.st_size;
    return file;
}

bool source_is_named(const wharf_fetch_options *options) {
    return options->body != NULL || options->body_file != NULL || options->body_fn != NULL ||
           options->json != NULL || options->form != NULL;
}

static int source_check_options(const wharf_fetch_options *options) {
    int count = (options->body != NULL) + (options->body_file != NULL) + (options->body_fn != NULL) +
                (options->json != NULL) + (options->form != NULL);
    if (count > 1) {
        return fail(-EINVAL, "read options", "",
                    "more than one of body, body_file, body_fn, json and form is set");
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

static void source_set_memory(struct source *source, const void *bytes, size_t len) {
    source->kind = SOURCE_MEMORY;
    source->bytes = bytes;
    source->length = (int64_t)len;
}

static int source_open_json(struct source *source, const char *text) {
    size_t offset = 0;
    const char *problem = json_check(text, strlen(text), &offset);
    if (problem != NULL) {
        return fail(-EINVAL, "read options", "", "json: %s (byte %zu)", problem, offset);
    }
    source_set_memory(source, text, strlen(text));
    source->content_type = STR("application/json");
    return 0;
}

static int source_open_kind(struct source *source, const wharf_fetch_options *options, struct arena *arena) {
    if (options->form != NULL) {
        return form_open(source, options, arena);
    }
    if (options->json != NULL) {
        return source_open_json(source, options->json);
    }
    if (options->body_file != NULL) {
        source->file = source_open_file(options->body_file, &source->length);
        source->kind = SOURCE_FILE;
        source->path = options->body_file;
        return source->file < 0 ? source->file : 0;
    }
    if (options->body != NULL) {
        source_set_memory(source, options->body, options->body_bytes);
    } else if (options->body_fn != NULL) {
        source->kind = SOURCE_FUNCTION;
        source->fn = options->body_fn;
        source->arg = options->body_arg;
        source->length = options->body_fn_bytes > 0 ? options->body_fn_bytes : -1;
    }
    return 0;
}

int source_open(struct source *source, const wharf_fetch_options *options, struct arena *arena) {
    *source = (struct source){.kind = SOURCE_NONE, .file = -1};
    int rc = source_check_options(options);
    rc = rc < 0 ? rc : source_open_kind(source, options, arena);
    return rc < 0 ? rc : compress_source(source, options->compress, arena);
}

void source_close(struct source *source) {
    if (source->file >= 0) {
        (void)close(source->file);
    }
    for (size_t i = 0; i < source->piece_count; i++) {
        if (source->pieces[i].file >= 0) {
            (void)close(source->pieces[i].file);
        }
    }
    *source = (struct source){.kind = SOURCE_NONE, .file = -1};
}

bool source_can_replay(const struct source *source) {
    return source->kind != SOURCE_FUNCTION || !source->started;
}

bool source_can_digest(const struct source *source) {
    return source->kind != SOURCE_FUNCTION;
}

/* Shows a file's bytes, which are `length`, one block after the other. */
static int show_file(int file, int64_t length, source_show_fn show, void *arg) {
    char *block = block_get();
    int64_t at = 0;
    int rc = block != NULL ? 0 : -ENOMEM;
    while (rc == 0 && at < length) {
        ssize_t got = pread(file, block, BLOCK_SIZE, at);
        int error = errno;
        if (got <= 0) {
            rc = got < 0 ? -error : -WHARF_ECHANGED;
            break;
        }
        rc = show(arg, block, (size_t)got);
        at += got;
    }
    if (block != NULL) {
        block_put(block);
    }
    return rc;
}

int source_show(const struct source *source, source_show_fn show, void *arg) {
    int rc = 0;
    if (source->kind == SOURCE_MEMORY) {
        return source->length > 0 ? show(arg, source->bytes, (size_t)source->length) : 0;
    }
    if (source->kind == SOURCE_FILE) {
        return show_file(source->file, source->length, show, arg);
    }
    for (size_t i = 0; rc == 0 && i < source->piece_count; i++) {
        const struct piece *piece = &source->pieces[i];
        rc = piece->file >= 0 ? show_file(piece->file, piece->len, show, arg)
                              : show(arg, piece->bytes, (size_t)piece->len);
    }
    return rc;
}

static int add_to_digest(void *arg, const void *bytes, size_t len) {
    return digest_add(arg, bytes, len);
}

int source_digest(const struct source *source, enum digest_kind kind, char *out) {
    struct digest *digest = digest_new(kind);
    int rc = digest != NULL ? source_show(source, add_to_digest, digest) : -ENOMEM;
    if (rc < 0) {
        digest_free(digest);
        return rc;
    }
    return digest_finish(digest, out);
}

int source_check_file(int file, const char *path, int64_t length) {
    struct stat status;
    int rc = fstat(file, &status);
    int error = errno;
    if (rc < 0) {
        return fail(-error, "send body file", path, NULL);
    }
    if (status.st_size != length) {
        return fail(-WHARF_ECHANGED, "send body file", path, "it had %lld bytes and now has %lld",
                    (long long)length, (long long)status.st_size);
    }
    return 0;
}

/* Where a request's body comes from: memory, a regular file, pieces of both, a function, or nowhere. */
#ifndef CLIENT_SOURCE_H
#define CLIENT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "tls/digest.h"
#include "wharf/client.h"

enum source_kind { SOURCE_NONE, SOURCE_MEMORY, SOURCE_FILE, SOURCE_PIECES, SOURCE_FUNCTION };

/* Of a multipart body: bytes, or a whole file. */
struct piece {
    const char *bytes;
    int64_t len;
    int file;         /* -1: bytes */
    const char *path; /* its name */
};

struct source {
    enum source_kind kind;
    int64_t length; /* -1: unknown */
    const void *bytes;
    struct piece *pieces;
    size_t piece_count;
    wharf_str content_type; /* of a body that the client makes; empty: the caller says */
    wharf_str coding;       /* that it was compressed with; empty: none */
    const char *path;
    int file; /* -1: none */
    wharf_body_fn fn;
    void *arg;
    bool started; /* the function has been asked for bytes, which it cannot give again */
};

/* Opens what the options name; what is made of it lives in the arena. 0, or a recorded failure: -EINVAL, -ENOMEM, or that of
 * open(2). */
int source_open(struct source *source, const wharf_fetch_options *options, struct arena *arena);
/* Whether the options name a body. */
bool source_is_named(const wharf_fetch_options *options);
/* Opens a regular file. *ret_length: its size. The descriptor, or a recorded failure. */
int source_open_file(const char *path, int64_t *ret_length);
/* Harmless on one that is not open. */
void source_close(struct source *source);
/* Whether the body can be sent (again) from its start. */
bool source_can_replay(const struct source *source);
/* Whether what it holds can be read without being used up; and the digest of it. 0, -ENOMEM, or pread(2)'s. */
bool source_can_digest(const struct source *source);
int source_digest(const struct source *source, enum digest_kind kind, char *out);
/* Shows all that it holds, piece by piece, to a function whose negative result ends it. Not for a function's body. */
typedef int (*source_show_fn)(void *arg, const void *bytes, size_t len);
int source_show(const struct source *source, source_show_fn show, void *arg);
/* Whether a file still has the length that was announced. 0, or -WHARF_ECHANGED (recorded). */
int source_check_file(int file, const char *path, int64_t length);

#endif

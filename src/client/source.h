/* Where a request's body comes from: memory, a regular file, a function, or nowhere. */
#ifndef CLIENT_SOURCE_H
#define CLIENT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "tls/digest.h"
#include "wharf/client.h"

enum source_kind { SOURCE_NONE, SOURCE_MEMORY, SOURCE_FILE, SOURCE_FUNCTION };

struct source {
    enum source_kind kind;
    int64_t length; /* -1: unknown */
    const void *bytes;
    const char *path;
    int file; /* -1: none */
    wharf_body_fn fn;
    void *arg;
    bool started; /* the function has been asked for bytes, which it cannot give again */
};

/* Opens what the options name. 0, or a recorded failure: -EINVAL, or that of open(2). */
int source_open(struct source *source, const wharf_fetch_options *options);
/* Harmless on one that is not open. */
void source_close(struct source *source);
/* Whether the body can be sent (again) from its start. */
bool source_can_replay(const struct source *source);
/* Whether what it holds can be read without being used up; and the digest of it. 0, -ENOMEM, or pread(2)'s. */
bool source_can_digest(const struct source *source);
int source_digest(const struct source *source, enum digest_kind kind, char *out);
/* Whether the file still has the length that was announced. 0, or -WHARF_ECHANGED (recorded). */
int source_check_file(const struct source *source);

#endif

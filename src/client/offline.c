/* See offline.h. What is printed is what prepare.c and upload.c would send, framing included; secrets are hidden. */
#include "client/offline.h"

#include <errno.h>

#include "base/text.h"
#include "client/prepare.h"
#include "client/response.h"
#include "http/codec/chunked.h"
#include "sched/sched.h"

static int print(void *arg, const void *bytes, size_t len) {
    const struct fetch *fetch = arg;
    return fetch->options.print(fetch->options.print_arg, bytes, len);
}

static int print_head(struct fetch *fetch) {
    struct prepared prepared;
    int rc = prepare_head(fetch, false, &prepared);
    if (rc == 0) {
        wharf_str shown = prepared_show(&prepared, &fetch->response->arena);
        fetch->response->request = shown;
        rc = shown.ptr != NULL ? print(fetch, shown.ptr, shown.len) : -ENOMEM;
    }
    prepared_deinit(&prepared);
    return rc;
}

static int print_chunk(struct fetch *fetch, const char *bytes, size_t len) {
    char line[H1_CHUNK_LINE_MAX];
    int rc = print(fetch, line, h1_chunk_format(len, line));
    rc = rc < 0 ? rc : print(fetch, bytes, len);
    return rc < 0 ? rc : print(fetch, "\r\n", 2);
}

static int print_function(struct fetch *fetch) {
    struct source *body = &fetch->body;
    char *block = block_get();
    ssize_t got = block != NULL ? 1 : -ENOMEM;
    int rc = 0;
    while (got > 0 && rc >= 0) {
        got = body->fn(body->arg, block, BLOCK_SIZE);
        if (got > 0) {
            rc = body->length >= 0 ? print(fetch, block, (size_t)got)
                                   : print_chunk(fetch, block, (size_t)got);
        }
    }
    if (block != NULL) {
        block_put(block);
    }
    if (got < 0 || rc < 0) {
        return got < 0 ? (int)got : rc;
    }
    return body->length >= 0 ? 0 : print(fetch, "0\r\n\r\n", 5);
}

int offline_print(struct fetch *fetch) {
    int rc = print_head(fetch);
    if (rc >= 0) {
        rc = fetch->body.kind == SOURCE_FUNCTION ? print_function(fetch)
                                                 : source_show(&fetch->body, print, fetch);
    }
    if (rc < 0) {
        struct place place = fetch_place(fetch, NULL);
        return why_fail(rc, "print request to", &place, NULL);
    }
    return 0;
}

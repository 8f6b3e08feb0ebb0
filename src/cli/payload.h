/* The body of a request, as the command line gives it: -d DATA, --json DATA, where DATA is the text itself,
 * "@FILE", or "@-" for standard input. */
#ifndef CLI_PAYLOAD_H
#define CLI_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wharf/client.h"

struct payload {
    const char *bytes; /* a body in memory, or NULL */
    size_t len;
    char *loaded;         /* what `bytes` points to when this has to be freed */
    const char *file;     /* or a file, or NULL */
    bool is_stdin;        /* or standard input, read as it is sent */
    int64_t stdin_length; /* when that is a regular file; 0: unknown */
    const char *content_type;
    bool is_json;
};

/* How --json is treated: checked before anything is sent, or sent as it is. */
enum payload_check { PAYLOAD_CHECKED, PAYLOAD_RAW };

/* data, json: the flags' values, NULL when absent, not both. Returns an exit code; 0: *ret_payload is filled.
 * A failure has been reported on standard error. */
int payload_init(const char *data, const char *json, enum payload_check check, struct payload *ret_payload);
void payload_deinit(struct payload *payload);

/* Makes it the body of a request. */
void payload_apply(const struct payload *payload, wharf_fetch_options *request);

#endif

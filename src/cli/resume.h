/* A body that goes on where it was cut: read like a response's, it asks for the rest when the connection breaks, and gives every
 * byte once, also into a pipe. Two versions are never mixed: the rest is asked for under the condition that nothing has changed
 * (If-Range with a strong validator, RFC 9110 section 13.1.5), and what comes is checked against it. */
#ifndef CLI_RESUME_H
#define CLI_RESUME_H

#include <stdint.h>

#include "wharf/client.h"

enum { RESUME_TEXT_SIZE = 512 };

struct resume {
    wharf_client *client;
    const wharf_fetch_options *request;
    wharf_response *first;            /* the caller's */
    wharf_response *now;              /* the one that is read */
    int64_t offset;                   /* bytes given so far */
    int64_t total;                    /* of the whole body; -1: unknown */
    int64_t retries;                  /* that may be made without a byte in between */
    int64_t tries;                    /* made so far without one */
    int64_t deadline_ns;              /* of the whole; 0: none */
    char validator[RESUME_TEXT_SIZE]; /* an entity tag; "": there is none, so nothing is resumed */
    char why[RESUME_TEXT_SIZE];       /* what this has found itself; "": nothing */
};

/* request, response: must outlive it. retries: 0 for none. */
void resume_init(struct resume *resume, wharf_client *client, const wharf_fetch_options *request,
                 wharf_response *response, int64_t retries);
void resume_deinit(struct resume *resume);
/* As wharf_response_read(). Also -WHARF_ECHANGED: the server has another version now. */
ssize_t resume_read(struct resume *resume, void *buffer, size_t size);
/* Why it has failed. */
const char *resume_why(const struct resume *resume);

#endif

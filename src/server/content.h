/* What a request's body says: forms, parts, JSON. The record is made when a handler first asks. */
#ifndef SERVER_CONTENT_H
#define SERVER_CONTENT_H

#include "http/codec/multipart.h"
#include "server/request.h"

struct request_parts {
    struct multipart multipart;
    bool is_open; /* a part is being read */
    size_t count, start, end, size;
    uint64_t offset; /* of the body, at data[start] */
    char *data;
};

struct request_content {
    struct h1_error error; /* what is wrong with it; status 0: nothing */
    bool has_form;
    wharf_str form;
    struct request_parts *parts;
};

/* NULL without memory. */
struct request_content *request_content(struct wharf_request *request);

/* The Content-Type without its parameters is `type`. */
bool content_is(const struct wharf_request *request, wharf_str type);

/* Notes what is wrong, for the client if the handler does not reply, and records it. Returns `code`. */
int content_fail(struct wharf_request *request, int code, const struct h1_error *error);
/* Not of the type that is needed: 415. */
int content_wrong_type(struct wharf_request *request, const char *text);

#endif

/* The first line of a head, and the state of one parse. Inside the codec only. */
#ifndef HTTP_CODEC_START_LINE_H
#define HTTP_CODEC_START_LINE_H

#include "http/codec/head.h"

/* One parse of one head. The input is cut behind the last LF of what is parsed, so a loop that stops at LF
 * never leaves it. */
struct head_parse {
    wharf_str input;
    size_t at; /* where the next part begins */
    const struct h1_limits *limits;
    struct h1_error *error;
    struct h1_request *request;   /* NULL: it is a response */
    struct h1_response *response; /* NULL: it is a request */
    const wharf_str *known_host;  /* see struct h1_progress */
};

/* Refuses at this place of the input. */
static inline int head_refuse(const struct head_parse *parse, enum h1_reason reason, const char *where) {
    return h1_refuse(parse->error, reason, (size_t)(where - parse->input.ptr));
}

/* Parse the line at parse->at, which is whole, and move parse->at behind it. 0 or a negative code. */
int request_line_parse(struct head_parse *parse);
int status_line_parse(struct head_parse *parse);

/* Whether a line whose end has not come yet can still become valid. 0 or a negative code. */
int request_line_check_start(const struct head_parse *parse);
int status_line_check_start(const struct head_parse *parse);

#endif

/* Replies: composing heads, bodies whole and streamed. The public calls are in wharf/server.h. */
#ifndef SERVER_REPLY_H
#define SERVER_REPLY_H

#include "server/request.h"
#include "wharf/route.h"

enum { REPLY_FIELDS_MAX = 8192 };

/* Appends a header line of our own making: name and value are known to be fine. 0 or -ENOMEM. */
int reply_field(struct wharf_request *request, wharf_str name, wharf_str value);
/* The first value of a header line that the handler or the server has added; ptr NULL without one. */
wharf_str reply_field_value(const struct reply *reply, wharf_str name);
/* Removes all lines of that name. */
void reply_field_remove(struct reply *reply, wharf_str name);
/* Adds a name to Vary unless it is there. 0 or -ENOMEM. */
int reply_vary(struct wharf_request *request, wharf_str name);
/* Writes the head into the output and fixes how the body is framed. content_type: len 0 for none. length: of the body;
 * -1: unknown. 0 or an error. */
int reply_head(struct wharf_request *request, int status, wharf_str content_type, int64_t length);
/* Whether the reply to this request has a body on the wire. */
bool reply_has_body(const struct wharf_request *request);
/* A whole reply of trusted parts. */
int reply_whole(struct wharf_request *request, int status, wharf_str content_type, wharf_str body);
/* Writes a piece of a reply whose head is out. 0 or an error. */
int reply_write(struct wharf_request *request, wharf_str bytes);
int reply_write_chunk(struct wire *wire, const void *bytes, size_t len);
/* Completes a streamed reply, after the handler. 0 or an error. */
int reply_finish(struct wharf_request *request);
/* Throws away what a handler prepared and did not send. */
void reply_reset(struct wharf_request *request);

/* ---- problem.c ---- */
/* Answers with a problem: the program's way, or as text, HTML or JSON. No head must have been sent. */
int problem_reply(struct wharf_request *request, const wharf_problem *problem);

/* ---- refuse.c ---- */
/* Adds the Allow header (query NULL: for the whole server). 0 or -ENOMEM. */
int reply_allow(struct wharf_request *request, const struct route_query *query);
/* Answers with an error status and a short text. reason: a stable code. No head must have been sent. */
int refuse(struct wharf_request *request, int status, const char *reason);
/* The same for an error whose place and rule loopback peers are told. */
int refuse_with(struct wharf_request *request, const struct h1_error *error);
/* The same for request->error. The connection ends. */
int refuse_malformed(struct wharf_request *request);
/* 405 with Allow, or 204 with Allow for OPTIONS. query NULL: the whole server. */
int refuse_method(struct wharf_request *request, const struct route_query *query);
int refuse_options(struct wharf_request *request, const struct route_query *query);

#endif

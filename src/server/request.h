/* A request, its reply, and all that answering it takes: one record, lent to a connection while it is busy and used for one
 * request after another. A core keeps a few of them, so that to become busy costs a connection next to nothing. */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include "base/arena.h"
#include "http/codec/chunked.h"
#include "http/codec/head.h"
#include "http/wire.h"
#include "server/connection.h"
#include "server/path.h"
#include "server/router.h"
#include "server/times.h"

enum { ARENA_FIRST_SIZE = 1024, SPARE_REQUESTS_MAX = 16 };

enum reply_stage {
    REPLY_NONE,
    REPLY_STREAMING, /* the head is out, the body is being written */
    REPLY_DONE
};

enum reply_framing { REPLY_EMPTY, REPLY_LENGTH, REPLY_CHUNKED, REPLY_UNTIL_CLOSE };

struct reply {
    enum reply_stage stage;
    enum reply_framing framing;
    int status;
    bool close;   /* the connection ends after it */
    bool broken;  /* it can no longer be completed: the connection is cut */
    bool misused; /* a handler's call was wrong: 500 unless it has begun */
    bool counted; /* the handler has announced `length`, whatever the framing is */
    char *fields; /* the handler's header lines, each with CR LF */
    size_t fields_len, fields_size;
    uint64_t names;     /* bit id: the known names among them */
    uint64_t length;    /* of the body: announced, or written so far */
    uint64_t written;   /* body bytes given to the wire */
    const char *reason; /* why the request was refused, for the log */
};

struct request_extras;

/* What is known of a reply when its head is to be made. */
struct reply_outline {
    int status;
    wharf_str content_type; /* len 0: none */
    int64_t length;         /* of the body; -1: unknown */
};

struct wharf_request {
    struct connection *connection;
    struct core *core;
    struct wire wire;
    struct reply reply;
    struct h1_request head;
    struct h1_progress progress;
    struct path path;
    struct route_match match;
    struct arena arena;
    struct h1_body body;
    struct h1_error error;         /* of the head or the body; status 0: none */
    int body_failure;              /* reading the body failed with this; 0: no */
    wharf_str user;                /* who the client has proved to be; ptr NULL: nobody known */
    struct request_extras *extras; /* what only some requests need; NULL: nothing, see extras.h */
    bool continue_sent;
    bool hurried; /* in the core's list of unflushed requests */
    struct wharf_request *hurry_next, *hurry_prev;
    struct wharf_request *next_spare;
    const char *peer_text;
    struct request_times times; /* kept where the core has a log */
    char arena_first[ARENA_FIRST_SIZE];
    struct header fields[]; /* of its head: as many as the limit allows */
};

/* ---- request.c ---- */
struct wharf_request *request_new(struct core *core); /* NULL without memory */
void request_free(struct wharf_request *request);
/* Frees the spare ones of a core. */
void requests_free(struct core *core);
/* Gives back what the request took. */
static inline void request_end(struct wharf_request *request) {
    if (UNLIKELY(request->arena.blocks != NULL)) {
        arena_deinit(&request->arena);
    }
    wire_release(&request->wire);
    request->wire.receive.grace_ns = 0;
    request->progress.searched = 0;
    request->progress.line_valid = false;
}
/* Whether body bytes are still to come. */
static inline bool request_has_unread(const struct wharf_request *request) {
    return request->head.framing != H1_BODY_NONE && !h1_body_is_done(&request->body);
}

/* What it asks of a router. */
static inline struct route_query request_query(const struct wharf_request *request) {
    return (struct route_query){.host = request->head.host,
                                .path = request->path.text,
                                .method = request->head.method,
                                .method_text = request->head.method_text};
}

/* ---- exchange.c ---- */
/* Sees to it that the output leaves when this task waits for something else than its client. */
void request_hurry_later(struct wharf_request *request);
static inline void request_hurry(struct wharf_request *request) {
    if (UNLIKELY(request->wire.output_len > 0 && !request->hurried)) {
        request_hurry_later(request);
    }
}
/* Nothing of this request is left to hurry. */
void request_hurry_no_more(struct wharf_request *request);
static inline void request_unhurry(struct wharf_request *request) {
    if (UNLIKELY(request->hurried)) {
        request_hurry_no_more(request);
    }
}

/* The record that a connection works with while it is busy: the one that was given back last, with the memory that its wire
 * has, or a new one. NULL without memory. */
static inline struct wharf_request *request_take(struct connection *connection) {
    struct core *core = connection->core;
    struct wharf_request *request = core->spare;
    if (LIKELY(request != NULL)) {
        core->spare = request->next_spare;
        core->spare_count--;
    } else {
        request = request_new(core);
        if (request == NULL) {
            return NULL;
        }
    }
    wire_reuse(&request->wire, &connection->stream);
    request->connection = connection;
    request->progress.searched = 0;
    request->progress.line_valid = false;
    request->error.status = 0;
    request->hurried = false;
    return request;
}
static inline void request_give(struct wharf_request *request) {
    struct core *core = request->core;
    request_unhurry(request);
    if (UNLIKELY(core->spare_count >= SPARE_REQUESTS_MAX)) {
        request_free(request);
        return;
    }
    request->next_spare = core->spare;
    core->spare = request;
    core->spare_count++;
}

enum exchange_end {
    EXCHANGE_NEXT,  /* the connection goes on */
    EXCHANGE_LAST,  /* it ends, and the client sends no more */
    EXCHANGE_CLOSE, /* it ends, and what was said still arrives whatever the client sends */
    EXCHANGE_ABORT  /* it is cut */
};
/* Answers the request whose head was parsed: routes, runs the handler, completes the reply, disposes of the rest of its
 * body. May suspend. */
enum exchange_end exchange_answer(struct wharf_request *request);
/* Answers a head that was refused (reason NULL: request->error says why), or that did not come in time. */
enum exchange_end exchange_refuse(struct wharf_request *request, int status, const char *reason);

#endif

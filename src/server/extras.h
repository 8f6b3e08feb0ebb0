/* What only some requests need, so that the others do not pay for it: made when it is first asked for, in the request's
 * memory, and gone with the request. */
#ifndef SERVER_EXTRAS_H
#define SERVER_EXTRAS_H

#include "server/compress.h"
#include "server/content.h"
#include "wharf/route.h"

/* What is called when a moment has come. */
struct request_hook {
    struct request_hook *next;
    wharf_hook call;
    void *arg;
};

enum { REQUEST_ID_LEN = 16 };

struct request_extras {
    struct request_content content;  /* what the body says */
    struct compression *compression; /* of the reply that is being written; NULL: none */
    const struct route_step *steps;  /* that the request passes through */
    size_t step_count, step;         /* of them; of the next one, beyond step_count: none is left */
    int (*endpoint)(struct wharf_request *request); /* behind the last */
    wharf_str trailers;                             /* lines that go behind a chunked body */
    struct request_hook *before_head, *after_reply; /* the one that was added last first */
    wharf_scope *scope;                             /* of tasks that end with the handler; NULL: none */
    char id[REQUEST_ID_LEN + 1];                    /* "": nobody has asked for it */
    bool is_late;                                   /* the handler has used up its time */
    bool is_composing;                              /* hooks run before the head */
    bool has_problem;                               /* the program's own handler of problems runs, or has */
};

/* NULL without memory. */
struct request_extras *request_extras(struct wharf_request *request);
/* The settings of the request's route, or of the outermost group. */
const struct settings *request_settings(const struct wharf_request *request);
/* What must be done before the head is made. */
void request_compose(struct wharf_request *request, int status);
/* Ends the tasks that belong to the request, after its handler. */
void request_end_tasks(struct wharf_request *request);
/* The reply is over. */
void request_over(struct wharf_request *request);
/* Gives back what is not of the request's memory. */
void request_extras_end(struct wharf_request *request);

#endif

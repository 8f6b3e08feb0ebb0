/* What only some requests need, so that the others do not pay for it: made when it is first asked for, in the request's
 * memory, and gone with the request. */
#ifndef SERVER_EXTRAS_H
#define SERVER_EXTRAS_H

#include "server/compress.h"
#include "server/content.h"

struct request_extras {
    struct request_content content;  /* what the body says */
    struct compression *compression; /* of the reply that is being written; NULL: none */
    const struct settings *settings; /* of the route; NULL: its handler is simply called */
    bool is_late;                    /* the handler has used up its time */
};

/* NULL without memory. */
struct request_extras *request_extras(struct wharf_request *request);
/* The settings of the request's route, or of the outermost group. */
const struct settings *request_settings(const struct wharf_request *request);
/* Gives back what is not of the request's memory. */
void request_extras_end(struct wharf_request *request);

#endif

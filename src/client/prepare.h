/* The head of a request, as bytes. */
#ifndef CLIENT_PREPARE_H
#define CLIENT_PREPARE_H

#include "base/buffer.h"
#include "client/fetch.h"

struct prepared {
    struct buffer head;
    bool expect;                 /* asks for 100 (Continue) before the body */
    bool close;                  /* says that the connection ends with this exchange */
    size_t secrets, secrets_end; /* the lines of the head, by offset, whose values nobody is to see */
};

/* Makes the head for where the fetch stands now. allow_expect: the origin is not known to ignore it. The caller frees
 * the buffer, on failure too. 0, -EINVAL, -WHARF_ELIMIT or -ENOMEM (recorded). */
int prepare_head(struct fetch *fetch, bool allow_expect, struct prepared *prepared);

/* The head as it may be shown, copied to the arena: "[hidden]" for what is secret. {NULL, 0} without memory. */
wharf_str prepared_show(const struct prepared *prepared, struct arena *arena);
/* Wipes what was secret, and frees the buffer. */
void prepared_deinit(struct prepared *prepared);

#endif

/* The head of a request, as bytes. */
#ifndef CLIENT_PREPARE_H
#define CLIENT_PREPARE_H

#include "base/buffer.h"
#include "client/fetch.h"

struct prepared {
    struct buffer head;
    bool expect; /* asks for 100 (Continue) before the body */
    bool close;  /* says that the connection ends with this exchange */
};

/* Makes the head for where the fetch stands now. allow_expect: the origin is not known to ignore it. The caller frees
 * the buffer, on failure too. 0, -EINVAL, -WHARF_ELIMIT or -ENOMEM (recorded). */
int prepare_head(const struct fetch *fetch, bool allow_expect, struct prepared *prepared);

#endif

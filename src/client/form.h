/* Forms as bodies: application/x-www-form-urlencoded, and multipart/form-data (RFC 7578) as pieces with a length. */
#ifndef CLIENT_FORM_H
#define CLIENT_FORM_H

#include "client/source.h"

/* 0, or a recorded failure: -EINVAL, -ENOMEM, or that of open(2). What was opened is the source's either way. */
int form_open(struct source *source, const wharf_fetch_options *options, struct arena *arena);

#endif

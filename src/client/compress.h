/* A request's body in a content coding, made whole in memory. */
#ifndef CLIENT_COMPRESS_H
#define CLIENT_COMPRESS_H

#include "client/source.h"

/* Puts the coded body in the place of what the source holds, unless it is longer than that, or the source is a function or
 * larger than 64 MiB. 0, or a recorded failure. */
int compress_source(struct source *source, wharf_compress how, struct arena *arena);

#endif

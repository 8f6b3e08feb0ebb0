/* Media types by file name extension. */
#ifndef HTTP_CODEC_MIME_H
#define HTTP_CODEC_MIME_H

#include "wharf/base.h"

struct mime_entry {
    const char *extension; /* lower case, without the dot */
    const char *type;      /* as it goes into Content-Type */
};

/* The Content-Type for a file of this name (or path): the type of its extension, in any case; text/... with
 * charset=utf-8; application/octet-stream when there is none. Static. */
wharf_str mime_type(wharf_str path);

/* The built-in table, ordered by extension. */
const struct mime_entry *mime_table(size_t *ret_count);

#endif

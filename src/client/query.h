/* Names and values that are added to the query of a URL. */
#ifndef CLIENT_QUERY_H
#define CLIENT_QUERY_H

#include "base/arena.h"

/* Adds lines "name=value" or "name", ended by NULL, to the URL *text: percent-encoded, behind the query that is there and before
 * the fragment. 0, or -ENOMEM or -WHARF_ELIMIT (recorded). */
int query_add(struct arena *arena, const char *const *lines, const char **text);

#endif

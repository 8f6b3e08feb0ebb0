/* The path of a request target, brought into the one form that routes and files are looked up by. Pure. */
#ifndef SERVER_PATH_H
#define SERVER_PATH_H

#include "base/arena.h"
#include "wharf/base.h"

struct path {
    wharf_str text;    /* decoded once, dot segments resolved; begins with '/' */
    bool has_reserved; /* it holds "%2F", "%5C" or "%00", which stay encoded */
    bool has_empty;    /* an empty segment before the last: "//" */
};

/* raw: a path as the codec accepts it (begins with '/', percent-encoding well formed). The result is `raw` itself where
 * nothing had to change, else in the arena. 0 or -ENOMEM. */
int path_normalise(struct arena *arena, wharf_str raw, struct path *ret_path);
/* The raw path with every run of slashes made one. {NULL, 0} without memory. */
wharf_str path_without_empty(struct arena *arena, wharf_str raw);

#endif

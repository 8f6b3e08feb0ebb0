/* What is set for routes, resolved: each group has all of it, taken from the group around it where it says nothing. */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include "server/limits.h"
#include "wharf/route.h"

/* A number that is switched off is LIMIT_NONE. */
struct settings {
    int64_t body_bytes, upload_bytes;
    int64_t handler_ms;
    int64_t concurrency; /* of this group alone: not inherited, but counted in every group around a route */
    int64_t rate_bytes, rate_grace_ms;
    int64_t compress_bytes_min;
    wharf_str compress_types; /* a list; ptr NULL: those that gain by it */
    int client_gone;          /* WHARF_ON, WHARF_OFF; 0: by the method */
    bool compress, early_hints;
};

/* What holds where nothing is set. */
void settings_init(struct settings *settings, const wharf_server_limits *limits);
/* Takes over what `options` set; *settings are those of the group around. Texts stay the caller's. 0, or -EINVAL
 * (recorded: it names the setting). */
int settings_apply(struct settings *settings, const wharf_route_options *options);
/* Whether running a handler takes more than calling it. */
bool settings_are_plain(const struct settings *settings, const wharf_server_limits *limits);

#endif

/* The limits of a server: one table of names, defaults and bounds. */
#ifndef SERVER_LIMITS_H
#define SERVER_LIMITS_H

#include "http/codec/reason.h"
#include "wharf/server.h"

/* What a limit that is switched off becomes. */
#define LIMIT_NONE INT64_MAX

/* Fills *ret_limits from what a program gave: 0 becomes the default, WHARF_OFF becomes LIMIT_NONE. `connections` stays
 * 0 when it is the default, which depends on the process. 0, or -EINVAL (recorded: the failure names the setting and
 * its bounds). */
int limits_resolve(const wharf_server_limits *given, wharf_server_limits *ret_limits);
/* The part of them that the codec holds. */
struct h1_limits limits_of_codec(const wharf_server_limits *limits);

#endif

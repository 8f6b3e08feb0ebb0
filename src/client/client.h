/* A client: settings, which never change once it is made, so every core may use it. What does change - connections -
 * is kept per core, in a pool under the client's address (pool.h). */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "base/arena.h"
#include "client/fields.h"
#include "client/route.h"
#include "wharf/client.h"

struct wharf_client {
    wharf_client_limits limits; /* as given: 0 for the default */
    struct fields headers;
    wharf_tls *tls;       /* counted; NULL: the default settings */
    wharf_tls *proxy_tls; /* likewise, for the way to an https proxy */
    wharf_replay replay;
    wharf_jar *jar;         /* counted; NULL: no cookies */
    wharf_auth *auth;       /* counted; NULL: none */
    wharf_secret **secrets; /* counted, ended by NULL; NULL: none */
    bool use_environment;
    struct route_rules rules;
    struct arena arena; /* holds the header lines */
};

/* Never freed, all defaults. */
extern const struct wharf_client client_default;

#endif

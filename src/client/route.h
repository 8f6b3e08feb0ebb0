/* The way to an origin: directly or through one of some proxies, and to which networks at all. What the request says wins over
 * what its client says, and that over the environment, which counts where it is asked for. */
#ifndef CLIENT_ROUTE_H
#define CLIENT_ROUTE_H

#include "dial/proxy.h"
#include "http/codec/url.h"
#include "wharf/client.h"

struct fetch;

/* What options say, read once. */
struct route_rules {
    wharf_str proxy_text; /* ptr NULL: nothing is said; empty: directly */
    struct proxy_list proxies;
    wharf_str no_proxy; /* ptr NULL: nothing is said */
    wharf_str networks_text;
    struct networks *networks; /* NULL: nothing is said */
};

/* The way for one URL. */
struct route {
    const struct proxy_list *proxies; /* NULL or empty: directly */
    const struct networks *networks;  /* NULL: any */
    wharf_str key;                    /* two ways with the same key are the same way */
};

/* Reads options; any may be NULL. The texts are copied into the arena. 0, or -EINVAL or -ENOMEM, recorded. */
int route_rules_read(struct arena *arena, const char *proxy, const char *no_proxy, const char *networks,
                     struct route_rules *ret_rules);
/* The way to where the fetch stands now. 0, or -EINVAL or -ENOMEM, recorded. */
int route_find(struct fetch *fetch, struct route *ret_route);

#endif

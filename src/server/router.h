/* Routes, and the way from a request to its route: a tree with one level per path segment.
 *
 *      "GET /"   "GET /users/{id}"   "POST /users/{id}"   "* /files/{rest...}"
 *
 *      root --- ""       [GET]
 *            |- "users" --- {} [GET POST]
 *            `- "files" --- ... [*]
 *
 * Literal before name before rest is the order of specificity, because patterns that overlap without one containing the
 * other are refused. A node is looked at once at most per request. */
#ifndef SERVER_ROUTER_H
#define SERVER_ROUTER_H

#include "server/pattern.h"
#include "wharf/server.h"

struct wharf_group;

struct route {
    struct route *next; /* of the same path */
    struct route *all;  /* of the router */
    struct pattern pattern;
    char *text; /* what the pattern refers to; owned */
    wharf_handler handler;
    void *arg;
    struct wharf_group *group;
    bool is_plain; /* to answer, its handler is called and nothing else happens */
};

/* What a route is made of; the pattern is copied. */
struct route_spec {
    const char *pattern;
    wharf_handler handler;
    void *arg;
    struct wharf_group *group;
};

struct route_node;

struct router {
    struct route_node *root;
    struct route *all;   /* every route, newest first */
    bool has_any_method; /* some route takes every method */
};

struct route_match {
    const struct route *route; /* NULL: none for this method */
    bool path_known;           /* some route has this path */
    size_t count;
    wharf_str values[PATTERN_NAMES_MAX]; /* of the pattern's names, in order */
};

enum { ROUTER_ALLOW_SIZE = 512 };

void router_init(struct router *router);
void router_deinit(struct router *router);
/* 0; -EINVAL, -EEXIST or -ENOMEM (recorded). */
int router_add(struct router *router, const struct route_spec *spec);
/* path: normalised. Sets *ret_match always. HEAD falls back to GET. */
void router_match(const struct router *router, wharf_str path, enum h1_method method, wharf_str method_text,
                  struct route_match *ret_match);
/* The Allow value for a path (NULL: for the whole server); returns its length. out: ROUTER_ALLOW_SIZE bytes. */
size_t router_allow(const struct router *router, const wharf_str *path, char *out);
/* Whether the method is one of RFC 9110 or some route's. */
bool router_knows_method(const struct router *router, enum h1_method method, wharf_str method_text);

#endif

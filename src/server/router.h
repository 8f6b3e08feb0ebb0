/* Routes, and the way from a request to its route: for each host a tree with one level per path segment, and one for the
 * routes of every host, which comes last.
 *
 *      "GET /"   "GET /users/{id}"   "POST /users/{id}"   "* /files/{rest...}"
 *
 *      root --- ""       [GET]
 *            |- "users" --- {} [GET POST]
 *            `- "files" --- ... [*]
 *
 * Literal before name before rest is the order of specificity, because patterns that overlap without one containing the
 * other are refused. A node is looked at once at most per request and tree. */
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
    const char *place; /* where the program says so, "main.c:12"; NULL: unknown */
    bool is_plain;     /* to answer, its handler is called and nothing else happens */
};

/* What a route is made of; the pattern is copied. */
struct route_spec {
    const char *pattern;
    wharf_handler handler;
    void *arg;
    struct wharf_group *group;
    const char *place; /* static */
};

struct route_node;

/* The routes of one host pattern. */
struct router_host {
    struct router_host
        *next; /* in the order in which they are asked: names, then the ends of names, longer ones first */
    wharf_str pattern; /* of some route's text */
    struct route_node *root;
};

struct router {
    struct router_host *hosts;
    struct route_node *root; /* of every host */
    struct route *all;       /* every route, newest first */
    bool has_any_method;     /* some route takes every method */
};

/* What is asked of a router. */
struct route_query {
    wharf_str host; /* as in Host: with or without a port */
    wharf_str path; /* normalised */
    enum h1_method method;
    wharf_str method_text;
};

struct route_match {
    const struct route *route; /* NULL: none for this method */
    const struct route
        *other;      /* of that path, when there is none for the method; NULL: the path is unknown */
    bool host_known; /* some route is for this host, or for every host */
    size_t count;
    wharf_str values[PATTERN_NAMES_MAX]; /* of the pattern's names, in order */
};

enum { ROUTER_ALLOW_SIZE = 512 };

void router_init(struct router *router);
void router_deinit(struct router *router);
/* 0; -EINVAL, -EEXIST or -ENOMEM (recorded). */
int router_add(struct router *router, const struct route_spec *spec);
/* Sets *ret_match always. HEAD falls back to GET. */
void router_match(const struct router *router, const struct route_query *query,
                  struct route_match *ret_match);
/* The Allow value for a host and path (NULL: for the whole server); returns its length. out: ROUTER_ALLOW_SIZE bytes. */
size_t router_allow(const struct router *router, const struct route_query *query, char *out);
/* Whether the method is one of RFC 9110 or some route's. */
bool router_knows_method(const struct router *router, enum h1_method method, wharf_str method_text);

#endif

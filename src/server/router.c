/* Routes, and the way from a request to its route: see router.h. */
#include "server/router.h"

#include <errno.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/text.h"

struct route_node {
    wharf_str text;               /* the literal that leads here; of some route's text */
    struct route_node **literals; /* sorted */
    size_t count, capacity;
    struct route_node *name;
    struct route *routes; /* of paths that end here */
    struct route *rests;  /* of paths that go on in any way */
};

void router_init(struct router *router) {
    *router = (struct router){0};
}

static void node_free(struct route_node *node) {
    if (node == NULL) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        node_free(node->literals[i]);
    }
    node_free(node->name);
    mem_free(node->literals);
    mem_free(node);
}

static void route_free(struct route *route) {
    mem_free(route->text);
    mem_free(route);
}

void router_deinit(struct router *router) {
    node_free(router->root);
    while (router->hosts != NULL) {
        struct router_host *host = router->hosts;
        router->hosts = host->next;
        node_free(host->root);
        mem_free(host);
    }
    while (router->all != NULL) {
        struct route *route = router->all;
        router->all = route->all;
        route_free(route);
    }
}

/* ---- adding ---- */

static int text_compare(wharf_str a, wharf_str b) {
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;
    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

/* Where a literal stands among the children, or would stand. */
static inline size_t node_place(const struct route_node *node, wharf_str text, bool *ret_found) {
    size_t low = 0;
    size_t high = node->count;
    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = text_compare(text, node->literals[middle]->text);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static struct route_node *node_literal(struct route_node *node, wharf_str text) {
    bool found = false;
    size_t place = node_place(node, text, &found);
    if (found) {
        return node->literals[place];
    }
    if (node->count == node->capacity) {
        size_t capacity = node->capacity * 2 + 2;
        struct route_node **grown = mem_realloc(node->literals, capacity * sizeof(struct route_node *));
        if (grown == NULL) {
            return NULL;
        }
        node->literals = grown;
        node->capacity = capacity;
    }
    struct route_node *child = mem_zalloc(sizeof(*child));
    if (child == NULL) {
        return NULL;
    }
    child->text = text;
    memmove(&node->literals[place + 1], &node->literals[place],
            (node->count - place) * sizeof(struct route_node *));
    node->literals[place] = child;
    node->count++;
    return child;
}

static struct route_node *node_name(struct route_node *node) {
    if (node->name == NULL) {
        node->name = mem_zalloc(sizeof(*node->name));
    }
    return node->name;
}

/* Whether the first is asked before the second. */
static bool host_is_before(wharf_str a, wharf_str b) {
    bool is_end_a = str_starts(a, STR("*."));
    bool is_end_b = str_starts(b, STR("*."));
    return is_end_a != is_end_b ? is_end_b : a.len > b.len;
}

/* The tree of a host pattern, made at its first route. NULL without memory. */
static struct route_node **router_tree(struct router *router, wharf_str pattern) {
    if (pattern.len == 0) {
        return &router->root;
    }
    struct router_host **at = &router->hosts;
    for (struct router_host *host = router->hosts; host != NULL; host = host->next) {
        if (str_equal_nocase(host->pattern, pattern)) {
            return &host->root;
        }
        at = host_is_before(host->pattern, pattern) ? &host->next : at;
    }
    struct router_host *host = mem_zalloc(sizeof(*host));
    if (host == NULL) {
        return NULL;
    }
    *host = (struct router_host){.next = *at, .pattern = pattern};
    *at = host;
    return &host->root;
}

/* Puts the route where its path leads, making the way there. */
static int router_insert(struct router *router, struct route *route) {
    const struct pattern *pattern = &route->pattern;
    struct route_node **root = router_tree(router, pattern->host);
    if (root != NULL && *root == NULL) {
        *root = mem_zalloc(sizeof(**root));
    }
    struct route_node *node = root != NULL ? *root : NULL;
    size_t rest = pattern->parts[pattern->count - 1].kind == PART_REST ? 1 : 0;
    for (size_t i = 0; node != NULL && i < pattern->count - rest; i++) {
        bool literal = pattern->parts[i].kind == PART_LITERAL;
        node = literal ? node_literal(node, pattern->parts[i].text) : node_name(node);
    }
    if (node == NULL) {
        return -ENOMEM;
    }
    struct route **list = rest > 0 ? &node->rests : &node->routes;
    route->next = *list;
    *list = route;
    return 0;
}

/* "at main.c:12: ", or nothing. */
struct place_text {
    char text[96];
};

static struct place_text place_format(const char *before, const struct route *route, const char *after) {
    struct place_text place = {""};
    if (route->place != NULL) {
        (void)snprintf(place.text, sizeof(place.text), "%s%s%s", before, route->place, after);
    }
    return place;
}

static int route_conflict(const struct route *added, const struct route *with,
                          enum pattern_relation relation) {
    struct place_text here = place_format("at ", added, ": ");
    struct place_text there = place_format(" at ", with, "");
    if (relation == PATTERN_EQUAL) {
        return fail(-EEXIST, "route", added->text, "%s\"%s\"%s matches the same requests", here.text,
                    with->text, there.text);
    }
    return fail(-EEXIST, "route", added->text,
                "%ssome requests match it and \"%s\"%s, and neither is more specific", here.text, with->text,
                there.text);
}

static int router_check(const struct router *router, const struct route *added) {
    for (const struct route *route = router->all; route != NULL; route = route->all) {
        enum pattern_relation relation = pattern_compare(&added->pattern, &route->pattern);
        if (relation == PATTERN_EQUAL || relation == PATTERN_OVERLAPS) {
            return route_conflict(added, route, relation);
        }
    }
    return 0;
}

/* Parses and checks a route of its own memory, and inserts it. */
static int route_set(struct router *router, struct route *route) {
    size_t offset = 0;
    const char *problem = NULL;
    int rc = pattern_parse(wharf_str_of(route->text), &route->pattern, &offset, &problem);
    if (rc < 0) {
        return fail(rc, "route", route->text, "%sat byte %zu: %s", place_format("", route, ", ").text, offset,
                    problem);
    }
    rc = router_check(router, route);
    if (rc < 0) {
        return rc;
    }
    rc = router_insert(router, route);
    return rc < 0 ? fail(rc, "route", route->text, NULL) : 0;
}

int router_add(struct router *router, const struct route_spec *spec) {
    const char *pattern = spec->pattern;
    if (pattern == NULL || spec->handler == NULL) {
        return fail(-EINVAL, "route", pattern, "a pattern and a handler are needed");
    }
    struct route *route = mem_zalloc(sizeof(*route));
    char *text = mem_strndup(pattern, strlen(pattern));
    if (route == NULL || text == NULL) {
        mem_free(route);
        mem_free(text);
        return fail(-ENOMEM, "route", pattern, NULL);
    }
    route->text = text;
    route->handler = spec->handler;
    route->arg = spec->arg;
    route->group = spec->group;
    route->place = spec->place;
    int rc = route_set(router, route);
    if (rc == -ENOMEM) {
        /* Nodes made on the way may refer to the text: it stays, as a route that nothing leads to. */
        route->handler = NULL;
        route->pattern.count = 0;
    } else if (rc < 0) {
        route_free(route);
        return rc;
    }
    route->all = router->all;
    router->all = route;
    router->has_any_method |= rc == 0 && route->pattern.any_method;
    return rc;
}

/* ---- matching ---- */

/* What a walk through the tree looks for, and what it has found. */
struct walk {
    enum h1_method method;
    wharf_str method_text;
    struct route_match *match;
    size_t depth;
    void (*visit)(struct walk *walk, const struct route *routes); /* instead of looking for one route */
    char *allow;
    size_t allow_len;
};

static bool route_takes(const struct route *route, const struct walk *walk) {
    if (walk->method != H1_METHOD_OTHER) {
        return route->pattern.known == walk->method;
    }
    return !route->pattern.any_method && wharf_str_equal(route->pattern.method, walk->method_text);
}

/* The route of a list for the method: its own, then GET for HEAD, then any. */
static const struct route *routes_pick(const struct route *routes, const struct walk *walk) {
    const struct route *second = NULL;
    const struct route *any = NULL;
    for (const struct route *route = routes; route != NULL; route = route->next) {
        if (route_takes(route, walk)) {
            return route;
        }
        if (walk->method == H1_METHOD_HEAD && route->pattern.known == H1_METHOD_GET) {
            second = route;
        }
        any = route->pattern.any_method ? route : any;
    }
    return second != NULL ? second : any;
}

/* A path ends at these routes. True when the search is over. */
static bool walk_arrive(struct walk *walk, const struct route *routes) {
    if (routes == NULL) {
        return false;
    }
    if (walk->visit != NULL) {
        walk->visit(walk, routes);
        return false;
    }
    walk->match->other = routes;
    walk->match->route = routes_pick(routes, walk);
    return walk->match->route != NULL;
}

static void walk_value(struct walk *walk, size_t count, wharf_str value) {
    if (walk->match != NULL) {
        walk->match->values[count] = value;
        walk->match->count = count + 1;
    }
}

static inline wharf_str segment_first(wharf_str path) {
    size_t len = 0;
    while (len < path.len && path.ptr[len] != '/') {
        len++;
    }
    return (wharf_str){path.ptr, len};
}

/* rest: what follows the '/' of this level, or ptr NULL when the path has ended. count: names passed so far. */
static bool walk_node(struct walk *walk, const struct route_node *node, wharf_str rest, size_t count) {
    if (rest.ptr == NULL) {
        if (walk->match != NULL) {
            walk->match->count = count;
        }
        return walk_arrive(walk, node->routes);
    }
    wharf_str segment = segment_first(rest);
    wharf_str after = {NULL, 0};
    if (segment.len < rest.len) {
        after = (wharf_str){rest.ptr + segment.len + 1, rest.len - segment.len - 1};
    }
    bool found = false;
    size_t place = node_place(node, segment, &found);
    if (found && walk_node(walk, node->literals[place], after, count)) {
        return true;
    }
    if (node->name != NULL && segment.len > 0) {
        walk_value(walk, count, segment);
        if (walk_node(walk, node->name, after, count + 1)) {
            return true;
        }
    }
    if (node->rests != NULL) {
        walk_value(walk, count, rest);
    }
    return walk_arrive(walk, node->rests);
}

/* Without the port, and without the dot that says where the root is. */
static wharf_str host_name(wharf_str host) {
    ssize_t colon = str_find_last_byte(host, ':');
    bool is_literal = host.len > 0 && host.ptr[host.len - 1] == ']';
    wharf_str name = colon < 0 || is_literal ? host : str_slice(host, 0, (size_t)colon);
    return name.len > 1 && name.ptr[name.len - 1] == '.' ? str_slice(name, 0, name.len - 1) : name;
}

/* Walks the trees that a host has, the narrowest first. */
static void router_walk(const struct router *router, const struct route_query *query, struct walk *walk) {
    wharf_str name = host_name(query->host);
    wharf_str rest = str_slice(query->path, 1, query->path.len);
    if (query->path.len == 0 || query->path.ptr[0] != '/') {
        return;
    }
    for (const struct router_host *host = router->hosts; host != NULL; host = host->next) {
        if (!pattern_takes_host(host->pattern, name)) {
            continue;
        }
        if (walk->match != NULL) {
            walk->match->host_known = true;
        }
        if (walk_node(walk, host->root, rest, 0)) {
            return;
        }
    }
    if (router->root != NULL) {
        (void)walk_node(walk, router->root, rest, 0);
    }
}

void router_match(const struct router *router, const struct route_query *query,
                  struct route_match *ret_match) {
    ret_match->route = NULL;
    ret_match->other = NULL;
    ret_match->host_known = router->root != NULL;
    ret_match->count = 0;
    struct walk walk = {.method = query->method, .method_text = query->method_text, .match = ret_match};
    router_walk(router, query, &walk);
}

/* ---- Allow ---- */

static void allow_add(struct walk *walk, wharf_str method) {
    wharf_str rest = {walk->allow, walk->allow_len};
    wharf_str element;
    while (header_list_next(&rest, &element)) {
        if (wharf_str_equal(element, method)) {
            return;
        }
    }
    size_t comma = walk->allow_len > 0 ? 2 : 0;
    if (walk->allow_len + comma + method.len > ROUTER_ALLOW_SIZE) {
        return;
    }
    memcpy(walk->allow + walk->allow_len, ", ", comma);
    memcpy(walk->allow + walk->allow_len + comma, method.ptr, method.len);
    walk->allow_len += comma + method.len;
}

static void allow_add_route(struct walk *walk, const struct route *route) {
    static const enum h1_method ANY[] = {H1_METHOD_GET, H1_METHOD_HEAD,   H1_METHOD_POST,
                                         H1_METHOD_PUT, H1_METHOD_DELETE, H1_METHOD_PATCH};
    if (route->pattern.any_method) {
        for (size_t i = 0; i < sizeof(ANY) / sizeof(ANY[0]); i++) {
            allow_add(walk, h1_method_name(ANY[i]));
        }
        return;
    }
    allow_add(walk, route->pattern.method);
    if (route->pattern.known == H1_METHOD_GET) {
        allow_add(walk, STR("HEAD"));
    }
}

static void allow_visit(struct walk *walk, const struct route *routes) {
    for (const struct route *route = routes; route != NULL; route = route->next) {
        allow_add_route(walk, route);
    }
}

size_t router_allow(const struct router *router, const struct route_query *query, char *out) {
    struct walk walk = {.allow = out, .visit = allow_visit};
    if (query == NULL) {
        for (const struct route *route = router->all; route != NULL; route = route->all) {
            if (route->handler != NULL) {
                allow_add_route(&walk, route);
            }
        }
    } else {
        router_walk(router, query, &walk);
    }
    allow_add(&walk, STR("OPTIONS"));
    return walk.allow_len;
}

bool router_knows_method(const struct router *router, enum h1_method method, wharf_str method_text) {
    if (method != H1_METHOD_OTHER || router->has_any_method) {
        return true;
    }
    for (const struct route *route = router->all; route != NULL; route = route->all) {
        if (route->handler != NULL && wharf_str_equal(route->pattern.method, method_text)) {
            return true;
        }
    }
    return false;
}

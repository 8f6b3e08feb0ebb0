/* Routes, and the way from a request to its route: see router.h. */
#include "server/router.h"

#include <errno.h>

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

/* Puts the route where its path leads, making the way there. */
static int router_insert(struct router *router, struct route *route) {
    if (router->root == NULL) {
        router->root = mem_zalloc(sizeof(*router->root));
    }
    struct route_node *node = router->root;
    const struct pattern *pattern = &route->pattern;
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

static int router_check(const struct router *router, const struct pattern *pattern) {
    for (const struct route *route = router->all; route != NULL; route = route->all) {
        enum pattern_relation relation = pattern_compare(pattern, &route->pattern);
        if (relation == PATTERN_EQUAL) {
            return fail(-EEXIST, "route", pattern->text.ptr, "\"%s\" matches the same requests", route->text);
        }
        if (relation == PATTERN_OVERLAPS) {
            return fail(-EEXIST, "route", pattern->text.ptr,
                        "some requests match it and \"%s\", and neither is more specific", route->text);
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
        return fail(rc, "route", route->text, "at byte %zu: %s", offset, problem);
    }
    rc = router_check(router, &route->pattern);
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
    walk->match->path_known = true;
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

void router_match(const struct router *router, wharf_str path, enum h1_method method, wharf_str method_text,
                  struct route_match *ret_match) {
    ret_match->route = NULL;
    ret_match->path_known = false;
    ret_match->count = 0;
    if (router->root == NULL || path.len == 0 || path.ptr[0] != '/') {
        return;
    }
    struct walk walk = {.method = method, .method_text = method_text, .match = ret_match};
    (void)walk_node(&walk, router->root, (wharf_str){path.ptr + 1, path.len - 1}, 0);
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

size_t router_allow(const struct router *router, const wharf_str *path, char *out) {
    struct walk walk = {.allow = out, .visit = allow_visit};
    if (path == NULL) {
        for (const struct route *route = router->all; route != NULL; route = route->all) {
            if (route->handler != NULL) {
                allow_add_route(&walk, route);
            }
        }
    } else if (router->root != NULL && path->len > 0) {
        (void)walk_node(&walk, router->root, str_slice(*path, 1, path->len), 0);
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

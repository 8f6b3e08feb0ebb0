/* Groups of routes. See group.h. */
#include "server/group.h"

#include <errno.h>

#include "base/arena.h"
#include "base/memory.h"
#include "base/text.h"
#include "server/files.h"
#include "server/guard.h"

/* ---- making ---- */

static void group_free(struct wharf_group *group) {
    guard_free(group->own_guard);
    for (size_t i = 0; i < group->own_count; i++) {
        if (group->own[i].is_owned) {
            mem_free(group->own[i].arg);
        }
    }
    mem_free(group->prefix);
    mem_free(group->host_text);
    mem_free(group->texts);
    mem_free(group->own);
    mem_free(group->steps);
    mem_free(group);
}

void groups_free(struct wharf_group *groups) {
    while (groups != NULL) {
        struct wharf_group *next = groups->next;
        group_free(groups);
        groups = next;
    }
}

/* Applies options to settings of the group around, and keeps the texts that they refer to. */
static int group_set(struct wharf_group *group, const wharf_route_options *options) {
    wharf_route_options given = {.size = sizeof(given)};
    if (options != NULL) {
        memcpy(&given, options, options->size < sizeof(given) ? options->size : sizeof(given));
    }
    if (given.compress_types != NULL) {
        group->texts = mem_strndup(given.compress_types, strlen(given.compress_types));
        if (group->texts == NULL) {
            return fail(-ENOMEM, "route", NULL, NULL);
        }
        given.compress_types = group->texts;
    }
    return settings_apply(&group->settings, &given);
}

/* A group that has its settings yet to be given. */
static struct wharf_group *group_alloc(wharf_server *server, const char *before, const char *prefix) {
    struct wharf_group *group = mem_zalloc(sizeof(*group));
    size_t len = strlen(before) + strlen(prefix);
    char *whole = mem_alloc(len + 1);
    if (group == NULL || whole == NULL) {
        mem_free(group);
        mem_free(whole);
        (void)fail(-ENOMEM, "route", prefix, NULL);
        return NULL;
    }
    memcpy(whole, before, strlen(before));
    memcpy(whole + strlen(before), prefix, strlen(prefix) + 1);
    group->server = server;
    group->prefix = whole;
    return group;
}

struct wharf_group *group_new_outermost(wharf_server *server, const wharf_route_options *options) {
    struct wharf_group *group = group_alloc(server, "", "");
    if (group == NULL) {
        return NULL;
    }
    settings_init(&group->settings, &server->limits);
    if (group_set(group, options) < 0) {
        group_free(group);
        return NULL;
    }
    return group;
}

/* The host and the path of a prefix. */
static int prefix_split(const struct wharf_group *outer, const char *prefix, wharf_str *ret_host) {
    wharf_str text = wharf_str_of(prefix);
    ssize_t slash = str_find_byte(text, '/');
    wharf_str host = str_slice(text, 0, slash < 0 ? text.len : (size_t)slash);
    wharf_str path = str_slice(text, host.len, text.len);
    if (prefix == NULL || path.len == 1 || (path.len > 0 && path.ptr[path.len - 1] == '/')) {
        return fail(-EINVAL, "route", prefix,
                    "a prefix starts with '/' or a host and does not end with '/', "
                    "or is empty");
    }
    if (host.len > 0 && outer->host.len > 0) {
        return fail(-EINVAL, "route", prefix, "the group around it is for the host \"%.*s\"",
                    WHARF_STR_ARG(outer->host));
    }
    const char *fault = pattern_host_fault(host);
    if (fault != NULL) {
        return fail(-EINVAL, "route", prefix, "%s", fault);
    }
    *ret_host = host;
    return 0;
}

static int group_fill(struct wharf_group *group, wharf_group *outer, wharf_str host,
                      const wharf_route_options *options) {
    group->outer = outer;
    group->settings = outer->settings;
    group->host = outer->host;
    if (host.len > 0) {
        group->host_text = mem_strndup(host.ptr, host.len);
        group->host = (wharf_str){group->host_text, host.len};
    }
    return host.len > 0 && group->host_text == NULL ? fail(-ENOMEM, "route", NULL, NULL)
                                                    : group_set(group, options);
}

static int group_make(wharf_group *outer, const char *prefix, const wharf_route_options *options,
                      wharf_group **ret_group) {
    wharf_str host = {NULL, 0};
    int rc = prefix_split(outer, prefix, &host);
    if (rc < 0) {
        return rc;
    }
    struct wharf_group *group = group_alloc(outer->server, outer->prefix, prefix + host.len);
    if (group == NULL) {
        return -ENOMEM;
    }
    rc = group_fill(group, outer, host, options);
    if (rc < 0) {
        group_free(group);
        return rc;
    }
    *ret_group = group;
    return 0;
}

wharf_group *wharf_group_new(wharf_group *outer, const char *prefix, const wharf_route_options *options) {
    wharf_group *group = NULL;
    if (outer == NULL) {
        (void)fail(-EINVAL, "route", prefix, "there is no group around it");
        return NULL;
    }
    if (server_check(outer->server, "route", prefix) < 0) {
        return NULL;
    }
    int rc = group_make(outer, prefix, options, &group);
    if (rc < 0) {
        (void)server_failed(outer->server, rc);
        return NULL;
    }
    group->next = outer->server->groups;
    outer->server->groups = group;
    return group;
}

wharf_group *wharf_server_group(wharf_server *server) {
    return server != NULL ? server->outermost : NULL;
}

/* ---- filling ---- */

/* "GET /users" in the group "a.example/v1": "GET a.example/v1/users". {NULL, 0}: no memory. */
static wharf_str group_pattern(const struct wharf_group *group, const char *pattern, struct arena *arena) {
    wharf_str text = wharf_str_of(pattern);
    ssize_t blank = str_find_byte(text, ' ');
    wharf_str rest = str_slice(text, (size_t)(blank + 1), text.len);
    /* A host of its own goes before the prefix; that it must not have one, where the group has, shows as a bad pattern. */
    ssize_t slash = str_find_byte(rest, '/');
    wharf_str host = str_slice(rest, 0, slash < 0 ? 0 : (size_t)slash);
    wharf_str path = str_slice(rest, host.len, rest.len);
    return arena_printf(arena, "%.*s%.*s%.*s%s%.*s", (int)(blank + 1), pattern, WHARF_STR_ARG(group->host),
                        WHARF_STR_ARG(host), group->prefix, WHARF_STR_ARG(path));
}

int group_add(struct wharf_group *group, const struct route_spec *spec) {
    struct route_spec whole = *spec;
    struct arena arena;
    char first[512];
    whole.group = group;
    if (spec->pattern == NULL || (group->prefix[0] == '\0' && group->host.len == 0)) {
        return router_add(&group->server->router, &whole);
    }
    arena_init(&arena, first, sizeof(first), 64 * 1024);
    whole.pattern = group_pattern(group, spec->pattern, &arena).ptr;
    int rc = whole.pattern == NULL ? fail(-ENOMEM, "route", spec->pattern, NULL)
                                   : router_add(&group->server->router, &whole);
    arena_deinit(&arena);
    return rc;
}

static int group_check(const struct wharf_group *group, const char *subject) {
    return group != NULL ? server_check(group->server, "route", subject)
                         : fail(-EINVAL, "route", subject, "there is no group");
}

int wharf_group_route_(const char *place, wharf_group *group, const char *pattern, wharf_handler handler,
                       void *arg) {
    int rc = group_check(group, pattern);
    if (rc < 0) {
        return rc;
    }
    rc = group_add(group,
                   &(struct route_spec){.pattern = pattern, .handler = handler, .arg = arg, .place = place});
    return rc < 0 ? server_failed(group->server, rc) : 0;
}

int(wharf_group_route)(wharf_group *group, const char *pattern, wharf_handler handler, void *arg) {
    return wharf_group_route_(NULL, group, pattern, handler, arg);
}

int wharf_group_use(wharf_group *group, wharf_handler handler, void *arg) {
    int rc = group_check(group, NULL);
    if (rc < 0) {
        return rc;
    }
    if (handler == NULL) {
        return server_failed(group->server, fail(-EINVAL, "use", NULL, "there is no handler"));
    }
    struct route_step *grown = mem_realloc(group->own, (group->own_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return server_failed(group->server, fail(-ENOMEM, "use", NULL, NULL));
    }
    group->own = grown;
    group->own[group->own_count++] = (struct route_step){.handler = handler, .arg = arg};
    return 0;
}

int group_failed(struct wharf_group *group, int code) {
    return group != NULL ? server_failed(group->server, code) : code;
}

int group_keep(struct wharf_group *group, wharf_handler step, void *block) {
    if (block == NULL) {
        return group_failed(group, fail(-ENOMEM, "use", NULL, NULL));
    }
    int rc = wharf_group_use(group, step, block);
    if (rc < 0) {
        mem_free(block);
        return rc;
    }
    group->own[group->own_count - 1].is_owned = true;
    return 0;
}

/* ---- running ---- */

static bool group_is_plain(const struct wharf_group *group) {
    bool is_counted = false;
    for (const struct wharf_group *at = group; at != NULL; at = at->outer) {
        is_counted = is_counted || at->settings.concurrency != LIMIT_NONE;
    }
    return !is_counted && group->guard == NULL && group->step_count == 0 &&
           settings_are_plain(&group->settings, &group->server->limits);
}

static int group_prepare(struct wharf_group *group) {
    size_t count = 0;
    for (const struct wharf_group *at = group; at != NULL; at = at->outer) {
        count += at->own_count;
    }
    mem_free(group->steps);
    group->step_count = 0;
    group->steps = count > 0 ? mem_alloc(count * sizeof(*group->steps)) : NULL;
    if (count > 0 && group->steps == NULL) {
        return fail(-ENOMEM, "serve", NULL, NULL);
    }
    group->step_count = count;
    for (const struct wharf_group *at = group; at != NULL; at = at->outer) {
        count -= at->own_count;
        if (at->own_count > 0) {
            memcpy(group->steps + count, at->own, at->own_count * sizeof(*group->steps));
        }
    }
    return 0;
}

/* Who is let in is said by the nearest group that says it. */
static const struct guard *group_guard(const struct wharf_group *group) {
    while (group != NULL && !group->has_guard) {
        group = group->outer;
    }
    return group != NULL ? group->own_guard : NULL;
}

int groups_prepare(wharf_server *server) {
    for (struct wharf_group *group = server->groups; group != NULL; group = group->next) {
        group->guard = group_guard(group);
        int rc = group_prepare(group);
        if (rc < 0) {
            return rc;
        }
    }
    for (struct route *route = server->router.all; route != NULL; route = route->all) {
        route->is_plain = group_is_plain(route->group);
    }
    return 0;
}

bool group_enter(struct wharf_group *group) {
    for (struct wharf_group *at = group; at != NULL; at = at->outer) {
        int64_t before = atomic_fetch_add_explicit(&at->at_work, 1, memory_order_relaxed);
        if (before >= at->settings.concurrency) {
            for (struct wharf_group *undo = group; undo != at->outer; undo = undo->outer) {
                atomic_fetch_sub_explicit(&undo->at_work, 1, memory_order_relaxed);
            }
            return false;
        }
    }
    return true;
}

void group_leave(struct wharf_group *group) {
    for (struct wharf_group *at = group; at != NULL; at = at->outer) {
        atomic_fetch_sub_explicit(&at->at_work, 1, memory_order_relaxed);
    }
}

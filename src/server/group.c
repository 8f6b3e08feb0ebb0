/* Groups of routes. See group.h. */
#include "server/group.h"

#include <errno.h>

#include "base/arena.h"
#include "base/memory.h"
#include "base/text.h"
#include "server/files.h"

/* ---- making ---- */

static void group_free(struct wharf_group *group) {
    mem_free(group->prefix);
    mem_free(group->texts);
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

static int group_check(const char *prefix) {
    wharf_str text = wharf_str_of(prefix);
    bool is_path = text.len > 1 && text.ptr[0] == '/' && text.ptr[text.len - 1] != '/';
    if (prefix == NULL || (text.len > 0 && !is_path)) {
        return fail(-EINVAL, "route", prefix,
                    "a prefix starts with '/' and does not end with one, or is empty");
    }
    return 0;
}

static int group_make(wharf_group *outer, const char *prefix, const wharf_route_options *options,
                      wharf_group **ret_group) {
    int rc = group_check(prefix);
    if (rc < 0) {
        return rc;
    }
    struct wharf_group *group = group_alloc(outer->server, outer->prefix, prefix);
    if (group == NULL) {
        return -ENOMEM;
    }
    group->outer = outer;
    group->settings = outer->settings;
    rc = group_set(group, options);
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

int group_add(struct wharf_group *group, const char *pattern, wharf_handler handler, void *arg) {
    struct arena arena;
    char first[512];
    wharf_str text = wharf_str_of(pattern);
    if (group->prefix[0] == '\0' || pattern == NULL) {
        return router_add(&group->server->router, &(struct route_spec){pattern, handler, arg, group});
    }
    ssize_t blank = str_find_byte(text, ' ');
    wharf_str path = str_slice(text, (size_t)(blank + 1), text.len);
    arena_init(&arena, first, sizeof(first), 64 * 1024);
    wharf_str whole = arena_printf(&arena, "%.*s%s%.*s", (int)(blank + 1), pattern, group->prefix,
                                   WHARF_STR_ARG(path));
    int rc = whole.ptr == NULL
                 ? fail(-ENOMEM, "route", pattern, NULL)
                 : router_add(&group->server->router, &(struct route_spec){whole.ptr, handler, arg, group});
    arena_deinit(&arena);
    return rc;
}

int wharf_group_route(wharf_group *group, const char *pattern, wharf_handler handler, void *arg) {
    if (group == NULL) {
        return fail(-EINVAL, "route", pattern, "there is no group");
    }
    int rc = server_check(group->server, "route", pattern);
    if (rc < 0) {
        return rc;
    }
    rc = group_add(group, pattern, handler, arg);
    return rc < 0 ? server_failed(group->server, rc) : 0;
}

/* ---- running ---- */

static bool group_is_plain(const struct wharf_group *group) {
    bool is_counted = false;
    for (const struct wharf_group *at = group; at != NULL; at = at->outer) {
        is_counted = is_counted || at->settings.concurrency != LIMIT_NONE;
    }
    return !is_counted && settings_are_plain(&group->settings, &group->server->limits);
}

void groups_prepare(wharf_server *server) {
    for (struct route *route = server->router.all; route != NULL; route = route->all) {
        route->is_plain = group_is_plain(route->group);
    }
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

/* Groups of routes: a prefix, settings, and what stands between a request and its handler. */
#ifndef SERVER_GROUP_H
#define SERVER_GROUP_H

#include <stdatomic.h>

#include "server/server.h"
#include "server/settings.h"

/* What stands between a request and its handler. */
struct route_step {
    wharf_handler handler;
    void *arg;
    bool is_owned; /* `arg` is the group's to free */
};

struct wharf_group {
    wharf_server *server;
    struct wharf_group *outer; /* NULL: it is the outermost */
    struct wharf_group *next;  /* of the server, newest first */
    wharf_str host; /* of its routes, of the prefix of this group or one around it; len 0: every host */
    char *prefix;   /* of the path, with those of the groups around it */
    char *host_text, *texts; /* that the host and the settings refer to; NULL: none of its own */
    struct settings settings;
    struct route_step *own; /* what its requests pass through, in the order of adding */
    size_t own_count;
    struct route_step
        *steps; /* the same with those of the groups around it, the outermost first; made before each run */
    size_t step_count;
    struct guard *own_guard;   /* that wharf_group_guard() has made; NULL: none */
    bool has_guard;            /* it says who is let in, be it everybody */
    const struct guard *guard; /* its own or that of a group around; NULL: everybody is let in */
    _Atomic int64_t at_work;   /* handlers, counted where concurrency is limited */
};

/* The outermost group of a server, of the options of the server. NULL: wrong options, no memory (recorded). */
struct wharf_group *group_new_outermost(wharf_server *server, const wharf_route_options *options);
void groups_free(struct wharf_group *groups);

/* Adds a route of the group, which `spec` need not name, as wharf_group_route(). */
int group_add(struct wharf_group *group, const struct route_spec *spec);

/* Puts a step before the handlers of a group, with memory that the group frees; block NULL: there was none left. */
int group_keep(struct wharf_group *group, wharf_handler step, void *block);
/* Remembers the failure just recorded as the server's; returns its code. group: NULL is fine. */
int group_failed(struct wharf_group *group, int code);

/* Before each run: what requests pass through, and whether a route's handler is simply called. 0 or -ENOMEM (recorded). */
int groups_prepare(wharf_server *server);

/* One more handler in this group and in those around it. False: that is too many. */
bool group_enter(struct wharf_group *group);
void group_leave(struct wharf_group *group);

#endif

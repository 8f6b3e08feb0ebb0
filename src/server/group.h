/* Groups of routes: a prefix, settings, and what stands between a request and its handler. */
#ifndef SERVER_GROUP_H
#define SERVER_GROUP_H

#include <stdatomic.h>

#include "server/server.h"
#include "server/settings.h"

struct wharf_group {
    wharf_server *server;
    struct wharf_group *outer; /* NULL: it is the outermost */
    struct wharf_group *next;  /* of the server, newest first */
    char *prefix;              /* with those of the groups around it */
    char *texts;               /* that the settings refer to; NULL: none of its own */
    struct settings settings;
    _Atomic int64_t at_work; /* handlers, counted where concurrency is limited */
};

/* The outermost group of a server, of the options of the server. NULL: wrong options, no memory (recorded). */
struct wharf_group *group_new_outermost(wharf_server *server, const wharf_route_options *options);
void groups_free(struct wharf_group *groups);

/* Adds a route of the group, as wharf_group_route(). */
int group_add(struct wharf_group *group, const char *pattern, wharf_handler handler, void *arg);

/* Says of each route whether its handler is simply called. Before each run. */
void groups_prepare(wharf_server *server);

/* One more handler in this group and in those around it. False: that is too many. */
bool group_enter(struct wharf_group *group);
void group_leave(struct wharf_group *group);

#endif

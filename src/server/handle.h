/* Running a handler: what its group sets around it, and the steps before it. */
#ifndef SERVER_HANDLE_H
#define SERVER_HANDLE_H

#include "server/group.h"
#include "server/request.h"

/* A handler that is not simply called. Returns what it did. */
int handle_set(struct wharf_request *request, const struct route *route);
/* Passes the request through the steps of a group and on to an endpoint. Returns what the first of them did; -ENOMEM. */
int handle_steps(struct wharf_request *request, const struct wharf_group *group,
                 int (*endpoint)(struct wharf_request *request));
/* What a handler that returned `result` leaves is brought to its end: its tasks, and its reply, or one in its place. */
void handle_complete(struct wharf_request *request, int result);

#endif

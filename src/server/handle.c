/* Running a handler. See handle.h. */
#include "server/handle.h"

#include <errno.h>

#include "base/compiler.h"
#include "base/text.h"
#include "server/extras.h"
#include "server/guard.h"
#include "server/reply.h"
#include "wharf/task.h"

/* ---- steps ---- */

int wharf_next(wharf_request *request) {
    struct request_extras *extras = request->extras;
    if (extras == NULL || extras->step > extras->step_count || extras->endpoint == NULL) {
        return fail(-EALREADY, "next", NULL, "the request has gone on before, or there is no step");
    }
    size_t step = extras->step++;
    int result = step < extras->step_count ? extras->steps[step].handler(request, extras->steps[step].arg)
                                           : extras->endpoint(request);
    extras->step = SIZE_MAX;
    return result;
}

int handle_steps(struct wharf_request *request, const struct wharf_group *group,
                 int (*endpoint)(struct wharf_request *request)) {
    struct request_extras *extras = request_extras(request);
    if (extras == NULL) {
        return -ENOMEM;
    }
    extras->steps = group->steps;
    extras->step_count = group->step_count;
    extras->step = 0;
    extras->endpoint = endpoint;
    return wharf_next(request);
}

/* ---- the handler ---- */

static int call_handler(struct wharf_request *request) {
    const struct route *route = request->match.route;
    return route->handler(request, route->arg);
}

/* Within the time that it has. */
static int handle_within(struct wharf_request *request, const struct wharf_group *group) {
    if (group->settings.handler_ms == LIMIT_NONE) {
        return handle_steps(request, group, call_handler);
    }
    wharf_scope storage;
    (void)wharf_scope_open_within(&storage, group->settings.handler_ms);
    int result = handle_steps(request, group, call_handler);
    request->extras->is_late = wharf_scope_close(&storage) == -ETIMEDOUT;
    return result;
}

int handle_set(struct wharf_request *request, const struct route *route) {
    const struct settings *settings = &route->group->settings;
    struct io *io = request->connection->stream.io;
    if (request_extras(request) == NULL) {
        return refuse(request, 503, "server.memory");
    }
    if (!group_enter(route->group)) {
        int rc = reply_field(request, STR("Retry-After"), STR("1"));
        return rc < 0 ? rc : refuse(request, 503, "route.busy");
    }
    if (request->head.framing != H1_BODY_NONE) {
        wire_limit_set(&request->wire.receive, settings->rate_grace_ms, settings->rate_bytes);
    }
    wire_limit_set(&request->wire.send, settings->rate_grace_ms, settings->rate_bytes);
    if (settings->client_gone == WHARF_ON ||
        (settings->client_gone == 0 && h1_method_is_safe(request->head.method))) {
        io_set_hangup(io, task_scope());
    }
    request_hurry(request);
    const struct guard *guard = route->group->guard;
    int result = guard != NULL ? guard_check(guard, request) : GUARD_PASSED;
    result = result == GUARD_PASSED ? handle_within(request, route->group) : result;
    io_set_hangup(io, NULL);
    group_leave(route->group);
    return result;
}

/* ---- and when it said nothing ---- */

/* No reply, or one that must not be sent: says so to the client. */
COLD static int handle_unanswered(struct wharf_request *request, int result) {
    bool misused = request->reply.misused;
    reply_reset(request);
    if (misused) {
        return refuse(request, 500, "handler.misuse");
    }
    if (request->extras != NULL && request->extras->content.error.status != 0) {
        return refuse_with(request, &request->extras->content.error);
    }
    if (request->extras != NULL && request->extras->is_late) {
        return refuse(request, 503, "handler.slow");
    }
    switch (request->body_failure) {
    case 0: return refuse(request, 500, result < 0 ? "handler.failed" : "handler.silent");
    case -ETIMEDOUT: return refuse(request, 408, "http.body.slow");
    case -EMSGSIZE: return refuse(request, 413, "http.body.large");
    case -WHARF_EPROTOCOL:
    case -WHARF_ELIMIT: return refuse_malformed(request);
    default: request->reply.broken = true; return request->body_failure;
    }
}

void handle_complete(struct wharf_request *request, int result) {
    struct reply *reply = &request->reply;
    if (request->extras != NULL) {
        request_end_tasks(request);
    }
    if (reply->stage == REPLY_NONE) {
        (void)handle_unanswered(request, result);
    } else if (reply->stage == REPLY_STREAMING) {
        reply->broken |= result < 0;
        if (!reply->broken) {
            (void)reply_finish(request);
        }
    }
}

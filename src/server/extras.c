/* What only some requests need. See extras.h. */
#include "server/extras.h"

#include <errno.h>

#include "sched/sched.h"
#include "sched/task.h"

#include "server/group.h"

struct request_extras *request_extras(struct wharf_request *request) {
    if (request->extras == NULL) {
        struct request_extras *extras = arena_alloc(&request->arena, sizeof(*extras));
        if (extras == NULL) {
            return NULL;
        }
        *extras = (struct request_extras){.is_late = false};
        request->extras = extras;
    }
    return request->extras;
}

const struct settings *request_settings(const struct wharf_request *request) {
    const struct route *route = request->match.route;
    return route != NULL ? &route->group->settings : &request->core->server->outermost->settings;
}

/* ---- hooks ---- */

static int hook_add(struct wharf_request *request, struct request_hook **list, wharf_hook call, void *arg) {
    struct request_hook *hook = arena_alloc(&request->arena, sizeof(*hook));
    if (hook == NULL) {
        return -ENOMEM;
    }
    *hook = (struct request_hook){.next = *list, .call = call, .arg = arg};
    *list = hook;
    return 0;
}

int wharf_before_head(wharf_request *request, wharf_hook hook, void *arg) {
    struct request_extras *extras = request_extras(request);
    if (request->reply.stage != REPLY_NONE) {
        return -EALREADY;
    }
    return extras == NULL ? -ENOMEM : hook_add(request, &extras->before_head, hook, arg);
}

int wharf_after_reply(wharf_request *request, wharf_hook hook, void *arg) {
    struct request_extras *extras = request_extras(request);
    return extras == NULL ? -ENOMEM : hook_add(request, &extras->after_reply, hook, arg);
}

void request_compose(struct wharf_request *request, int status) {
    struct request_extras *extras = request->extras;
    if (extras->is_composing) {
        return;
    }
    request->reply.status = status;
    extras->is_composing = true;
    while (extras->before_head != NULL) { /* once: a reply may fail to be made, and another be tried */
        struct request_hook *hook = extras->before_head;
        extras->before_head = hook->next;
        hook->call(request, hook->arg);
    }
    extras->is_composing = false;
}

void request_over(struct wharf_request *request) {
    for (struct request_hook *hook = request->extras->after_reply; hook != NULL; hook = hook->next) {
        hook->call(request, hook->arg);
    }
}

int wharf_reply_code(const wharf_request *request) {
    return request->reply.status;
}

/* ---- its name ---- */

const char *wharf_request_id(wharf_request *request) {
    struct request_extras *extras = request_extras(request);
    if (extras == NULL) {
        return "";
    }
    if (extras->id[0] == '\0') {
        static const char DIGITS[] = "0123456789abcdef";
        uint64_t number = 0;
        sched_random_bytes(&number, sizeof(number));
        for (size_t i = 0; i < REQUEST_ID_LEN; i++) {
            extras->id[i] = DIGITS[number >> (4 * i) & 15];
        }
    }
    return extras->id;
}

/* ---- its tasks ---- */

wharf_scope *wharf_request_scope(wharf_request *request) {
    struct request_extras *extras = request_extras(request);
    if (extras != NULL && extras->scope == NULL) {
        wharf_scope *storage = arena_alloc(&request->arena, sizeof(*storage));
        extras->scope = storage != NULL ? scope_open_beside(storage) : NULL;
    }
    return extras != NULL ? extras->scope : NULL;
}

void request_end_tasks(struct wharf_request *request) {
    if (request->extras->scope != NULL) {
        scope_close_beside(request->extras->scope);
        request->extras->scope = NULL;
    }
}

void request_extras_end(struct wharf_request *request) {
    compression_close(request);
}

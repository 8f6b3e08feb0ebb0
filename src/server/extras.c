/* What only some requests need. See extras.h. */
#include "server/extras.h"

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

void request_extras_end(struct wharf_request *request) {
    compression_close(request);
}

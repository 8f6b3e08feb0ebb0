/* Answers that no handler makes: refusals, each with a status, a stable reason code, and for peers on this machine the
 * place and the rule. */
#include <errno.h>

#include "base/text.h"
#include "http/codec/status.h"
#include "server/reply.h"

#define PLAIN STR("text/plain; charset=utf-8")

int refuse(struct wharf_request *request, int status, const char *reason) {
    bool local = peer_is_local(&request->connection->peer);
    request->reply.reason = reason;
    wharf_str body = arena_printf(&request->arena, "%d %s\n%s%s", status, wharf_status_text(status),
                                  local ? reason : "", local ? "\n" : "");
    return reply_whole(request, status, PLAIN, body);
}

int refuse_malformed(struct wharf_request *request) {
    request->reply.close = true;
    return refuse_with(request, &request->error);
}

int refuse_with(struct wharf_request *request, const struct h1_error *error) {
    request->reply.reason = error->reason;
    if (!peer_is_local(&request->connection->peer)) {
        return refuse(request, error->status, error->reason);
    }
    wharf_str body = arena_printf(&request->arena, "%d %s\n%s: %s (byte %zu; %s%s%s)\n", error->status,
                                  wharf_status_text(error->status), error->reason, error->text, error->offset,
                                  error->rfc, error->limit != NULL ? "; setting " : "",
                                  error->limit != NULL ? error->limit : "");
    return reply_whole(request, error->status, PLAIN, body);
}

int reply_allow(struct wharf_request *request, const wharf_str *path) {
    char allow[ROUTER_ALLOW_SIZE];
    size_t len = router_allow(&request->core->server->router, path, allow);
    return reply_field(request, STR("Allow"), (wharf_str){allow, len});
}

int refuse_method(struct wharf_request *request, const wharf_str *path) {
    int rc = reply_allow(request, path);
    return rc < 0 ? rc : refuse(request, 405, "http.method.not_allowed");
}

int refuse_options(struct wharf_request *request, const wharf_str *path) {
    int rc = reply_allow(request, path);
    return rc < 0 ? rc : reply_whole(request, 204, (wharf_str){NULL, 0}, (wharf_str){NULL, 0});
}

/* Answers that no handler makes: refusals, each with a status and a stable reason code. */
#include "base/text.h"
#include "server/reply.h"

int refuse(struct wharf_request *request, int status, const char *reason) {
    return problem_reply(request, &(wharf_problem){.status = status, .reason = reason});
}

int refuse_malformed(struct wharf_request *request) {
    request->reply.close = true;
    return refuse_with(request, &request->error);
}

int refuse_with(struct wharf_request *request, const struct h1_error *error) {
    return problem_reply(request, &(wharf_problem){.status = error->status,
                                                   .reason = error->reason,
                                                   .detail = error->text,
                                                   .rfc = error->rfc,
                                                   .setting = error->limit,
                                                   .offset = error->offset});
}

int reply_allow(struct wharf_request *request, const struct route_query *query) {
    char allow[ROUTER_ALLOW_SIZE];
    size_t len = router_allow(&request->core->server->router, query, allow);
    return reply_field(request, STR("Allow"), (wharf_str){allow, len});
}

int refuse_method(struct wharf_request *request, const struct route_query *query) {
    int rc = reply_allow(request, query);
    return rc < 0 ? rc : refuse(request, 405, "http.method.not_allowed");
}

int refuse_options(struct wharf_request *request, const struct route_query *query) {
    int rc = reply_allow(request, query);
    return rc < 0 ? rc : reply_whole(request, 204, (wharf_str){NULL, 0}, (wharf_str){NULL, 0});
}

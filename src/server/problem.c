/* Errors as replies: the program's own way, or as application/problem+json (RFC 9457), HTML or text by Accept. What is said
 * of the reason is for peers on this machine; a failed handler is named by its request's id alone. */
#include <errno.h>

#include "base/text.h"
#include "http/codec/negotiate.h"
#include "http/codec/status.h"
#include "server/escape.h"
#include "server/extras.h"
#include "server/reply.h"

/* What is told. Texts are never NULL. */
struct told {
    const wharf_problem *problem;
    wharf_str title;
    wharf_str reason; /* with its place and rule; len 0: nothing */
    wharf_str detail;
    wharf_str id; /* len 0: none */
};

static wharf_str reason_format(struct wharf_request *request, const wharf_problem *problem) {
    bool is_local = peer_is_local(&request->connection->peer);
    if (problem->reason == NULL || !is_local) {
        return (wharf_str){"", 0};
    }
    if (problem->rfc == NULL) {
        return wharf_str_of(problem->reason);
    }
    return arena_printf(&request->arena, "%s: %s (byte %zu; %s%s%s)", problem->reason,
                        problem->detail != NULL ? problem->detail : "", problem->offset, problem->rfc,
                        problem->setting != NULL ? "; setting " : "",
                        problem->setting != NULL ? problem->setting : "");
}

/* ---- the forms ---- */

static wharf_str as_text(struct arena *arena, const struct told *told) {
    return arena_printf(arena, "%d %.*s\n%.*s%s%.*s%s%s%.*s%s", told->problem->status,
                        WHARF_STR_ARG(told->title), WHARF_STR_ARG(told->detail),
                        told->detail.len > 0 ? "\n" : "", WHARF_STR_ARG(told->reason),
                        told->reason.len > 0 ? "\n" : "", told->id.len > 0 ? "request " : "",
                        WHARF_STR_ARG(told->id), told->id.len > 0 ? "\n" : "");
}

static wharf_str html_paragraph(struct arena *arena, const char *before, wharf_str text) {
    wharf_str escaped = escape(arena, text, ESCAPE_HTML);
    return text.len > 0 && escaped.ptr != NULL
               ? arena_printf(arena, "<p>%s%.*s</p>\n", before, WHARF_STR_ARG(escaped))
               : (wharf_str){"", 0};
}

static wharf_str as_html(struct arena *arena, const struct told *told) {
    wharf_str detail = html_paragraph(arena, "", told->detail);
    wharf_str reason = html_paragraph(arena, "", told->reason);
    wharf_str id = html_paragraph(arena, "request ", told->id);
    return arena_printf(arena,
                        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                        "<title>%d %.*s</title></head>\n<body><h1>%d %.*s</h1>\n%.*s%.*s%.*s</body></html>\n",
                        told->problem->status, WHARF_STR_ARG(told->title), told->problem->status,
                        WHARF_STR_ARG(told->title), WHARF_STR_ARG(detail), WHARF_STR_ARG(reason),
                        WHARF_STR_ARG(id));
}

/* ,"name":"text", or nothing. */
static wharf_str json_member(struct arena *arena, const char *name, wharf_str text) {
    wharf_str escaped = escape(arena, text, ESCAPE_JSON);
    return text.len > 0 && escaped.ptr != NULL
               ? arena_printf(arena, ",\"%s\":\"%.*s\"", name, WHARF_STR_ARG(escaped))
               : (wharf_str){"", 0};
}

static wharf_str as_json(struct arena *arena, const struct told *told) {
    const wharf_problem *problem = told->problem;
    bool has_reason = told->reason.len > 0;
    wharf_str detail = json_member(arena, "detail", told->detail);
    wharf_str reason = json_member(arena, "reason",
                                   has_reason ? wharf_str_of(problem->reason) : (wharf_str){"", 0});
    wharf_str rule = has_reason && problem->rfc != NULL
                         ? arena_printf(arena, "%.*s,\"offset\":%zu",
                                        WHARF_STR_ARG(json_member(arena, "rfc", wharf_str_of(problem->rfc))),
                                        problem->offset)
                         : (wharf_str){"", 0};
    wharf_str setting = has_reason && problem->setting != NULL
                            ? json_member(arena, "setting", wharf_str_of(problem->setting))
                            : (wharf_str){"", 0};
    wharf_str id = json_member(arena, "request", told->id);
    return arena_printf(
        arena, "{\"type\":\"about:blank\",\"title\":\"%.*s\",\"status\":%d%.*s%.*s%.*s%.*s%.*s}\n",
        WHARF_STR_ARG(told->title), problem->status, WHARF_STR_ARG(detail), WHARF_STR_ARG(reason),
        WHARF_STR_ARG(rule), WHARF_STR_ARG(setting), WHARF_STR_ARG(id));
}

static const struct form {
    wharf_str offered, type;
    wharf_str (*format)(struct arena *arena, const struct told *told);
} FORMS[] = {
    {{"text/plain", 10}, {"text/plain; charset=utf-8", 25}, as_text},
    {{"text/html", 9}, {"text/html; charset=utf-8", 24}, as_html},
    {{"application/problem+json", 24}, {"application/problem+json", 24}, as_json},
    {{"application/json", 16}, {"application/problem+json", 24}, as_json},
};

enum { FORM_COUNT = sizeof(FORMS) / sizeof(FORMS[0]) };

static const struct form *form_wanted(const struct wharf_request *request) {
    wharf_str offers[FORM_COUNT];
    for (size_t i = 0; i < FORM_COUNT; i++) {
        offers[i] = FORMS[i].offered;
    }
    ssize_t best = negotiate(&request->head.headers, NEGOTIATE_TYPE, offers, FORM_COUNT);
    return &FORMS[best >= 0 ? best : 0];
}

/* ---- replying ---- */

static int problem_reply_own(struct wharf_request *request, const wharf_problem *problem) {
    const struct form *form = form_wanted(request);
    bool is_ruled = problem->rfc != NULL; /* then the sentence stands with the reason, for whom it is meant */
    struct told told = {.problem = problem,
                        .title = status_phrase(problem->status),
                        .reason = reason_format(request, problem),
                        .detail = is_ruled ? (wharf_str){"", 0} : wharf_str_of(problem->detail)};
    if (problem->status == 500) {
        told.id = wharf_str_of(wharf_request_id(request));
    }
    if (is_ruled && form->format == as_json && told.reason.len > 0) {
        told.detail = wharf_str_of(problem->detail);
    }
    int rc = reply_vary(request, STR("Accept"));
    wharf_str body = form->format(&request->arena, &told);
    return rc < 0 ? rc : reply_whole(request, problem->status, form->type, body);
}

int problem_reply(struct wharf_request *request, const wharf_problem *problem) {
    const wharf_server *server = request->core->server;
    struct request_extras *extras = server->on_problem != NULL ? request_extras(request) : NULL;
    request->reply.reason = problem->reason;
    if (extras == NULL || extras->has_problem) {
        return problem_reply_own(request, problem);
    }
    extras->has_problem = true;
    (void)server->on_problem(request, problem, server->problem_arg);
    if (request->reply.stage != REPLY_NONE) {
        return request->reply.stage == REPLY_STREAMING ? reply_finish(request) : 0;
    }
    request->reply.misused = false;
    return problem_reply_own(request, problem);
}

int wharf_reply_problem(wharf_request *request, int status, const char *detail) {
    if (request->reply.stage != REPLY_NONE) {
        return -EALREADY;
    }
    if (status < 400 || status > 599 || request->reply.misused) {
        request->reply.misused = true;
        return fail(-EINVAL, "reply", NULL,
                    "a problem has a status from 400 to 599, or a header may not be sent");
    }
    return problem_reply(request, &(wharf_problem){.status = status, .detail = detail});
}

int wharf_server_on_problem(wharf_server *server, wharf_problem_handler handler, void *arg) {
    int rc = server_check(server, "on problem", NULL);
    if (rc < 0) {
        return rc;
    }
    server->on_problem = handler;
    server->problem_arg = arg;
    return 0;
}

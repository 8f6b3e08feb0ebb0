/* One exchange: from a request's head to the last byte of its reply and what was left of its body. */
#include <errno.h>

#include "base/compiler.h"
#include "base/probe.h"
#include "base/text.h"
#include "http/codec/percent.h"
#include "server/access.h"
#include "server/extras.h"
#include "server/files.h"
#include "server/handle.h"
#include "server/reply.h"
#include "tls/stream.h"
#include "wharf/task.h"

enum { DRAIN_MS = 5000 };

/* ---- output that must not wait for the handler ---- */

/* Answers of one batch leave in one write. But when a later handler suspends, what is ready should not wait for it, so
 * the request stands in a list that a timer sends at the end of this tick; usually the batch is over before. */
void request_hurry_later(struct wharf_request *request) {
    struct core *core = request->core;
    request->hurried = true;
    request->hurry_prev = NULL;
    request->hurry_next = core->unflushed;
    if (core->unflushed != NULL) {
        core->unflushed->hurry_prev = request;
    }
    core->unflushed = request;
    timer_set(core->sched, &core->flush_timer, sched_now());
}

void request_hurry_no_more(struct wharf_request *request) {
    struct core *core = request->core;
    request->hurried = false;
    if (request->hurry_next != NULL) {
        request->hurry_next->hurry_prev = request->hurry_prev;
    }
    if (request->hurry_prev != NULL) {
        request->hurry_prev->hurry_next = request->hurry_next;
    } else {
        core->unflushed = request->hurry_next;
    }
    if (core->unflushed == NULL) {
        timer_clear(&core->flush_timer);
    }
}

/* ---- finding who answers ---- */

/* Redirects to another path of this server, keeping the query. */
static int exchange_redirect(struct wharf_request *request, wharf_str path) {
    const struct h1_request *head = &request->head;
    wharf_str location = arena_printf(&request->arena, "%.*s%s%.*s", WHARF_STR_ARG(path),
                                      head->has_query ? "?" : "", (int)head->query.len,
                                      head->has_query ? head->query.ptr : "");
    if (location.ptr == NULL) {
        return -ENOMEM;
    }
    int rc = reply_field(request, STR("Location"), location);
    return rc < 0 ? rc : reply_whole(request, 308, (wharf_str){NULL, 0}, (wharf_str){NULL, 0});
}

/* No route takes the path: perhaps it is a directory's without the slash. */
static int exchange_not_found(struct wharf_request *request) {
    struct path *path = &request->path;
    wharf_str longer = arena_printf(&request->arena, "%.*s/", WHARF_STR_ARG(path->text));
    struct route_query query = request_query(request);
    struct route_match match;
    query.path = longer;
    router_match(&request->core->server->router, &query, &match);
    if (longer.ptr != NULL && match.route != NULL && files_is_handler(match.route->handler)) {
        wharf_str raw = arena_printf(&request->arena, "%.*s/", WHARF_STR_ARG(request->head.path));
        return exchange_redirect(request, raw);
    }
    return refuse(request, 404, match.host_known ? "http.path.unknown" : "http.host.unknown");
}

/* Answers without a route. */
static int exchange_unrouted(struct wharf_request *request) {
    const struct h1_request *head = &request->head;
    const struct router *router = &request->core->server->router;
    if (!router_knows_method(router, head->method, head->method_text)) {
        return refuse(request, 501, "http.method.unknown");
    }
    if (head->form == H1_FORM_ASTERISK) {
        return refuse_options(request, NULL);
    }
    if (head->form == H1_FORM_AUTHORITY) {
        return refuse_method(request, NULL);
    }
    if (request->match.other == NULL) {
        return exchange_not_found(request);
    }
    struct route_query query = request_query(request);
    return head->method == H1_METHOD_OPTIONS ? refuse_options(request, &query)
                                             : refuse_method(request, &query);
}

/* The same behind the steps that the request would have passed through: those of a route of its path, or of all. */
static int exchange_without_route(struct wharf_request *request) {
    const struct route *other = request->match.other;
    const struct wharf_group *group = other != NULL ? other->group : request->core->server->outermost;
    if (LIKELY(group->step_count == 0)) {
        return exchange_unrouted(request);
    }
    int rc = handle_steps(request, group, exchange_unrouted);
    if (rc == -ENOMEM && request->reply.stage == REPLY_NONE) {
        return rc;
    }
    handle_complete(request, rc);
    return 0;
}

/* ---- running the handler ---- */

static int exchange_call(struct wharf_request *request, const struct route *route) {
    struct io *io = request->connection->stream.io;
    if (LIKELY(h1_method_is_safe(request->head.method))) {
        /* The task's own scope: when the client is gone, nothing that this task does can matter any more. */
        io_set_hangup(io, task_scope());
    }
    request_hurry(request);
    int result = route->handler(request, route->arg);
    io_set_hangup(io, NULL);
    return result;
}

static void exchange_handle(struct wharf_request *request, const struct route *route) {
    if (UNLIKELY(request->core->log != NULL)) {
        times_handler_begin(request);
    }
    int result = LIKELY(route->is_plain) ? exchange_call(request, route) : handle_set(request, route);
    if (UNLIKELY(request->core->log != NULL)) {
        times_handler_end(request);
    }
    if (UNLIKELY(request->reply.stage != REPLY_DONE || request->extras != NULL)) {
        handle_complete(request, result);
    }
}

/* Routes never change while the server runs. */
static bool memo_has_route(const struct memo *memo, const struct h1_request *head) {
    return head->path.len == memo->path_len && head->method == memo->method && memo->route != NULL &&
           memcmp(memo->path, head->path.ptr, head->path.len) == 0;
}

/* The route of a path without names in it, and that needs no other form, is remembered: it is often asked for again. */
static void memo_route(struct memo *memo, const struct wharf_request *request) {
    const struct h1_request *head = &request->head;
    if (request->match.route == NULL || request->match.count > 0 ||
        request->core->server->router.hosts != NULL || head->method == H1_METHOD_OTHER ||
        request->path.text.ptr != head->path.ptr || head->path.len > MEMO_SIZE) {
        return;
    }
    memcpy(memo->path, head->path.ptr, head->path.len);
    memo->path_len = head->path.len;
    memo->method = head->method;
    memo->route = request->match.route;
}

/* Finds the route. Not 0: the request has been answered, or could not be (negative). */
static int exchange_route(struct wharf_request *request) {
    const struct h1_request *head = &request->head;
    request->match.other = NULL;
    if (head->form == H1_FORM_ASTERISK || head->form == H1_FORM_AUTHORITY) {
        int rc = exchange_without_route(request);
        return rc < 0 ? rc : 1;
    }
    int rc = path_normalise(&request->arena, head->path, &request->path);
    if (rc < 0) {
        return rc;
    }
    if (request->path.has_empty) {
        wharf_str clean = path_without_empty(&request->arena, head->path);
        rc = clean.ptr != NULL ? exchange_redirect(request, clean) : -ENOMEM;
        return rc < 0 ? rc : 1;
    }
    struct route_query query = request_query(request);
    router_match(&request->core->server->router, &query, &request->match);
    memo_route(&request->core->memo, request);
    if (request->match.route == NULL) {
        rc = exchange_without_route(request);
        return rc < 0 ? rc : 1;
    }
    return 0;
}

/* Over TLS: a request that belongs on another connection is sent back to its client. Not 0: it was, or could not be. */
static int exchange_misdirected(struct wharf_request *request) {
    enum host_verdict verdict = stream_judge_host(&request->connection->stream, request->head.host);
    if (verdict == HOST_SERVED) {
        return 0;
    }
    int rc = refuse(request, 421, verdict == HOST_OTHER ? "http.host.other" : "http.host.uncovered");
    return rc < 0 ? rc : 1;
}

static int exchange_dispatch(struct wharf_request *request) {
    const struct memo *memo = &request->core->memo;
    if (UNLIKELY(request->connection->stream.type != &stream_socket)) {
        int rc = exchange_misdirected(request);
        if (rc != 0) {
            return rc;
        }
    }
    if (LIKELY(memo_has_route(memo, &request->head))) {
        request->match.route = memo->route;
    } else {
        int rc = exchange_route(request);
        if (rc != 0) {
            return rc;
        }
    }
    exchange_handle(request, request->match.route);
    return 0;
}

/* ---- and after ---- */

/* Takes what the handler left of the body off the wire, so that the next request can be found. */
COLD static enum exchange_end exchange_drain(struct wharf_request *request) {
    int64_t most = request->core->server->limits.drain_bytes;
    int rc = 0;
    if (wire_flush(&request->wire) < 0) {
        return EXCHANGE_ABORT;
    }
    WHARF_WITHIN (DRAIN_MS) {
        rc = wire_skip_body(&request->wire, &request->body, (uint64_t)most, &request->error);
    }
    return rc < 0 ? EXCHANGE_CLOSE : EXCHANGE_NEXT;
}

/* Whether the client has said that nothing follows (RFC 9112 section 9.6), and nothing has. */
static bool exchange_is_last(const struct wharf_request *request) {
    return !request->head.keep_alive && !request_has_unread(request) && wire_unread(&request->wire) == 0 &&
           (request->connection->stream.io->ready & IO_READ) == 0;
}

ALWAYS_INLINE enum exchange_end exchange_settle(struct wharf_request *request) {
    const struct reply *reply = &request->reply;
    if (UNLIKELY(reply->broken || wharf_check() < 0)) {
        return EXCHANGE_ABORT;
    }
    if (UNLIKELY(reply->close)) {
        if (wire_flush(&request->wire) < 0) {
            return EXCHANGE_ABORT;
        }
        return exchange_is_last(request) ? EXCHANGE_LAST : EXCHANGE_CLOSE;
    }
    return UNLIKELY(request_has_unread(request)) ? exchange_drain(request) : EXCHANGE_NEXT;
}

ALWAYS_INLINE enum exchange_end exchange_conclude(struct wharf_request *request) {
    enum exchange_end end = exchange_settle(request);
    if (UNLIKELY(request->extras != NULL)) {
        request_extras_end(request);
        request_over(request);
    }
    if (UNLIKELY(request->core->log != NULL)) {
        access_request(request, end == EXCHANGE_ABORT);
    }
    PROBE3(request__end, request, request->reply.status, request->reply.written);
    request_end(request);
    return end;
}

/* Ready for the request whose head was just parsed. */
ALWAYS_INLINE void exchange_begin(struct wharf_request *request) {
    const wharf_server_limits *limits = &request->core->server->limits;
    arena_init(&request->arena, request->arena_first, sizeof(request->arena_first), SIZE_MAX);
    request->reply = (struct reply){0};
    request->error.status = 0;
    request->body_failure = 0;
    request->extras = NULL;
    request->continue_sent = false;
    request->match.route = NULL;
    request->match.count = 0;
    request->path = (struct path){.text = request->head.path};
    request->peer_text = NULL;
    request->user = (wharf_str){NULL, 0};
    request->wire.send = request->core->send_limit;
    if (UNLIKELY(request->core->log != NULL)) {
        times_begin(request);
    }
    if (UNLIKELY(request->head.framing != H1_BODY_NONE)) {
        h1_body_init(&request->body, request->head.framing, request->head.content_length,
                     &request->core->server->codec_limits, NULL);
        wire_limit_set(&request->wire.receive, limits->rate_grace_ms, limits->rate_bytes);
    }
    const struct h1_request *head = &request->head;
    PROBE5(request__start, request, head->method_text.ptr, head->method_text.len, head->target.ptr,
           head->target.len);
}

enum exchange_end exchange_answer(struct wharf_request *request) {
    exchange_begin(request);
    request->connection->requests++;
    if (UNLIKELY(exchange_dispatch(request) < 0 && request->reply.stage == REPLY_NONE)) {
        (void)refuse(request, 503, "server.memory");
    }
    return exchange_conclude(request);
}

COLD enum exchange_end exchange_refuse(struct wharf_request *request, int status, const char *reason) {
    struct h1_error error = request->error;
    struct h1_request *head = &request->head;
    head->minor = 1;
    head->method = H1_METHOD_OTHER;
    head->framing = H1_BODY_NONE;
    head->keep_alive = false;
    head->expect_continue = false;
    head->content_length = 0;
    head->method_text = (wharf_str){NULL, 0};
    head->target = (wharf_str){NULL, 0};
    head->path = (wharf_str){NULL, 0};
    head->host = (wharf_str){NULL, 0};
    headers_clear(&head->headers);
    exchange_begin(request);
    request->error = error;
    if (reason == NULL) {
        (void)refuse_malformed(request);
    } else {
        (void)refuse(request, status, reason);
    }
    enum exchange_end end = exchange_conclude(request);
    return end == EXCHANGE_LAST ? EXCHANGE_CLOSE : end; /* who knows where a malformed request ends */
}

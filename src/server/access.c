/* What the access log is told: see access.h. */
#include "server/access.h"

#include "server/extras.h"
#include "server/log.h"
#include "server/log_line.h"
#include "server/reply.h"
#include "tls/facts.h"
#include "tls/stream.h"

static const char *access_tls(const struct connection *connection) {
    const struct tls_session *session = stream_session(&connection->stream);
    return session != NULL ? facts_version(session) : NULL;
}

void access_request(struct wharf_request *request, bool cut) {
    struct h1_request *head = &request->head;
    const struct reply *reply = &request->reply;
    char peer[WHARF_ADDRESS_SIZE];
    peer_format_host(&request->connection->peer, peer);
    wharf_access access = {
        .seconds = sched_wall_seconds(),
        .peer = peer,
        .user = request->user,
        .method = head->method_text,
        .host = head->host,
        .target = log_redact(&request->arena, head->target),
        .referer = log_redact(&request->arena, headers_value(&head->headers, HEADER_REFERER)),
        .agent = headers_value(&head->headers, HEADER_USER_AGENT),
        .version_minor = head->minor,
        .tls = access_tls(request->connection),
        .status = reply->stage == REPLY_NONE ? 0 : reply->status,
        .bytes_in = head->framing != H1_BODY_NONE ? (int64_t)request->body.taken : 0,
        .bytes_out = reply->stage != REPLY_NONE && reply_has_body(request) ? (int64_t)reply->written : 0,
        .reason = reply->reason,
        .cut = cut,
    };
    if (request->extras != NULL && request->extras->id[0] != '\0') {
        access.request = wharf_str_of(request->extras->id);
    }
    times_read(request, &access.times);
    log_access(request->core->log, &access);
    times_next(request);
}

void access_refused(struct core *core, const struct access_refusal *refusal) {
    if (core->log == NULL) {
        return;
    }
    char text[WHARF_ADDRESS_SIZE];
    peer_format_host(refusal->peer, text);
    wharf_access access = {.seconds = sched_wall_seconds(),
                           .peer = text,
                           .version_minor = 1,
                           .status = refusal->status,
                           .reason = refusal->reason,
                           .error = refusal->why,
                           .more = (int64_t)refusal->more};
    log_access(core->log, &access);
}

/* Replies beside the usual ones: another protocol on the connection (RFC 9110 section 7.8), hints before the reply (RFC
 * 8297), fields behind it (RFC 9112 section 7.1.2), and content with validators. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "server/extras.h"
#include "server/reply.h"
#include "server/settings.h"
#include "wharf/task.h"

enum { FIELD_MAX = 1024 };

/* ---- another protocol ---- */

int wharf_reply_upgrade(wharf_request *request, const char *protocol) {
    struct reply *reply = &request->reply;
    wharf_str name = wharf_str_of(protocol);
    bool is_asked = request->head.upgrade && !reply->misused &&
                    headers_list_has(&request->head.headers, HEADER_UPGRADE, name);
    if (reply->stage != REPLY_NONE) {
        return -EALREADY;
    }
    if (!is_asked || request->head.framing != H1_BODY_NONE) {
        return fail(-EINVAL, "upgrade", protocol,
                    "the client has not asked for it, or its request has a body");
    }
    if (request->extras != NULL) {
        request_compose(request, 101);
    }
    int rc = wharf_check();
    if (rc < 0) {
        return rc;
    }
    size_t len = 128 + name.len + reply->fields_len;
    char *room = len <= BLOCK_SIZE ? wire_room(&request->wire, len, &rc) : NULL;
    if (room == NULL) {
        return rc < 0 ? rc : -EINVAL;
    }
    int head = snprintf(room, len,
                        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n%.*s\r\n",
                        protocol, (int)reply->fields_len, reply->fields != NULL ? reply->fields : "");
    wire_wrote(&request->wire, (size_t)head);
    reply->status = 101;
    reply->stage = REPLY_STREAMING;
    reply->framing = REPLY_UNTIL_CLOSE;
    reply->close = true;
    /* What the client sends from here on is no message: everything up to its end. It may be silent as long as it likes. */
    request->head.framing = H1_BODY_UNTIL_CLOSE;
    h1_body_init(&request->body, H1_BODY_UNTIL_CLOSE, 0, &request->core->server->codec_limits, NULL);
    wire_limit_set(&request->wire.receive, 0, 0);
    return wire_flush(&request->wire);
}

/* ---- before the reply ---- */

static int hints_check(struct wharf_request *request, const char *const *links) {
    for (size_t i = 0; links[i] != NULL; i++) {
        wharf_str link = wharf_str_of(links[i]);
        if (!h1_is_field_value(link) || link.len == 0) {
            request->reply.misused = true;
            return fail(-EINVAL, "early hints", links[i], "the link may not be sent");
        }
    }
    return 0;
}

int wharf_reply_early_hints(wharf_request *request, const char *const *links) {
    if (request->reply.stage != REPLY_NONE) {
        return -EALREADY;
    }
    int rc = hints_check(request, links);
    if (rc < 0 || request->head.minor == 0 || !request_settings(request)->early_hints) {
        return rc;
    }
    struct wire *wire = &request->wire;
    rc = wire_write_str(wire, STR("HTTP/1.1 103 Early Hints\r\n"));
    for (size_t i = 0; links[i] != NULL && rc >= 0; i++) {
        rc = wire_write_str(wire, STR("Link: "));
        rc = rc < 0 ? rc : wire_write_str(wire, wharf_str_of(links[i]));
        rc = rc < 0 ? rc : wire_write_str(wire, STR("\r\n"));
    }
    rc = rc < 0 ? rc : wire_write_str(wire, STR("\r\n"));
    request->reply.broken |= rc < 0;
    return rc < 0 ? rc : wire_flush(wire);
}

/* ---- behind the body ---- */

int wharf_reply_trailer(wharf_request *request, const char *name, const char *value) {
    const struct reply *reply = &request->reply;
    wharf_str name_text = wharf_str_of(name);
    wharf_str value_text = wharf_str_of(value);
    if (reply->stage != REPLY_STREAMING) {
        return reply->stage == REPLY_NONE ? -EINVAL : -EALREADY;
    }
    if (!h1_is_token(name_text) || !h1_is_field_value(value_text) ||
        header_is_forbidden_trailer(header_identify(name_text))) {
        return fail(-EINVAL, "reply", name, "the field may not stand behind a body");
    }
    struct request_extras *extras = request_extras(request);
    if (extras == NULL) {
        return -ENOMEM;
    }
    if (extras->trailers.len + name_text.len + value_text.len + 4 > REPLY_FIELDS_MAX) {
        return fail(-WHARF_ELIMIT, "reply", name, "all fields behind a body together have %d bytes",
                    REPLY_FIELDS_MAX);
    }
    wharf_str longer = arena_printf(&request->arena, "%.*s%.*s: %.*s\r\n", WHARF_STR_ARG(extras->trailers),
                                    WHARF_STR_ARG(name_text), WHARF_STR_ARG(value_text));
    extras->trailers = longer.ptr != NULL ? longer : extras->trailers;
    return longer.ptr != NULL ? 0 : -ENOMEM;
}

/* ---- a header with a format ---- */

int wharf_reply_headerf(wharf_request *request, const char *name, const char *format, ...) {
    char value[FIELD_MAX];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(value, sizeof(value), format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= sizeof(value)) {
        request->reply.misused |= request->reply.stage == REPLY_NONE;
        return fail(-WHARF_ELIMIT, "reply", name, "a formatted value has less than %d bytes", FIELD_MAX);
    }
    return wharf_reply_header(request, name, value);
}

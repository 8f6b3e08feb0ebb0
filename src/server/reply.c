/* Composing replies (RFC 9112 sections 4 to 7). A head is copied together into the wire's output from parts that are
 * ready: nothing is formatted but the length of the body. */
#include "server/reply.h"

#include <errno.h>

#include "base/compiler.h"
#include "base/number.h"
#include "base/text.h"
#include "http/codec/status.h"
#include "server/extras.h"
#include "wharf/task.h"

enum { HEAD_FIXED_MAX = 512, CONTENT_TYPE_MAX = 1024 };

static char *put(char *out, wharf_str text) {
    if (text.len > 0) {
        memcpy(out, text.ptr, text.len);
    }
    return out + text.len;
}

/* ---- header lines of the handler ---- */

int reply_field(struct wharf_request *request, wharf_str name, wharf_str value) {
    struct reply *reply = &request->reply;
    size_t len = name.len + 2 + value.len + 2;
    if (reply->fields_size - reply->fields_len < len) {
        size_t size = (reply->fields_len + len) * 2;
        char *grown = arena_alloc(&request->arena, size);
        if (grown == NULL) {
            return -ENOMEM;
        }
        (void)put(grown, (wharf_str){reply->fields, reply->fields_len});
        reply->fields = grown;
        reply->fields_size = size;
    }
    char *out = reply->fields + reply->fields_len;
    out = put(out, name);
    out = put(out, STR(": "));
    out = put(out, value);
    (void)put(out, STR("\r\n"));
    reply->fields_len += len;
    reply->names |= UINT64_C(1) << header_identify(name);
    return 0;
}

/* Cuts the next line off; false at the end. */
static bool line_next(wharf_str *rest, struct header *ret_line) {
    ssize_t end = str_find(*rest, STR("\r\n"));
    if (end < 0) {
        return false;
    }
    wharf_str line = str_slice(*rest, 0, (size_t)end);
    ssize_t colon = str_find_byte(line, ':');
    ret_line->name = str_slice(line, 0, (size_t)colon);
    ret_line->value = str_slice(line, (size_t)colon + 2, line.len);
    *rest = str_slice(*rest, (size_t)end + 2, rest->len);
    return true;
}

wharf_str reply_field_value(const struct reply *reply, wharf_str name) {
    wharf_str rest = {reply->fields, reply->fields_len};
    struct header line;
    while (line_next(&rest, &line)) {
        if (str_equal_nocase(line.name, name)) {
            return line.value;
        }
    }
    return (wharf_str){NULL, 0};
}

void reply_field_remove(struct reply *reply, wharf_str name) {
    wharf_str rest = {reply->fields, reply->fields_len};
    struct header line;
    char *kept = reply->fields;
    while (line_next(&rest, &line)) {
        size_t len = (size_t)(rest.ptr - line.name.ptr);
        if (!str_equal_nocase(line.name, name)) {
            memmove(kept, line.name.ptr, len);
            kept += len;
        }
    }
    reply->fields_len = (size_t)(kept - reply->fields);
    if (header_identify(name) != HEADER_OTHER) {
        reply->names &= ~(UINT64_C(1) << header_identify(name));
    }
}

int reply_vary(struct wharf_request *request, wharf_str name) {
    wharf_str rest = {request->reply.fields, request->reply.fields_len};
    struct header line;
    while (line_next(&rest, &line)) {
        wharf_str element = {NULL, 0};
        bool is_vary = str_equal_nocase(line.name, STR("Vary"));
        while (is_vary && header_list_next(&line.value, &element)) {
            if (str_equal_nocase(element, name) || wharf_str_is(element, "*")) {
                return 0;
            }
        }
    }
    return reply_field(request, STR("Vary"), name);
}

void reply_reset(struct wharf_request *request) {
    request->reply.fields_len = 0;
    request->reply.names = 0;
    request->reply.misused = false;
}

/* ---- heads ---- */

/* Whether the connection can carry another request once this one is answered. */
ALWAYS_INLINE bool reply_may_persist(const struct wharf_request *request) {
    const wharf_server_limits *limits = &request->core->server->limits;
    if (UNLIKELY(!request->head.keep_alive || request->core->stopping || request->body_failure < 0)) {
        return false;
    }
    if (UNLIKELY(request->connection->requests >= limits->requests)) {
        return false;
    }
    if (LIKELY(!request_has_unread(request))) {
        return true;
    }
    if (request->head.expect_continue && !request->continue_sent && wire_unread(&request->wire) == 0) {
        return false; /* the client may or may not send the body now: nobody can tell what comes next */
    }
    return request->head.framing != H1_BODY_LENGTH ||
           request->body.remaining <= (uint64_t)limits->drain_bytes;
}

ALWAYS_INLINE enum reply_framing reply_frame(const struct wharf_request *request, int status,
                                             int64_t length) {
    if (UNLIKELY(!status_allows_body(status))) {
        return REPLY_EMPTY;
    }
    if (LIKELY(length >= 0)) {
        return REPLY_LENGTH;
    }
    return request->head.minor >= 1 ? REPLY_CHUNKED : REPLY_UNTIL_CLOSE;
}

/* Any but 200. */
static char *put_status_line(char *out, const struct core_clock *clock, int status) {
    out = put(out, STR("HTTP/1.1 "));
    out += number_format((uint64_t)status, out);
    *out++ = ' ';
    out = put(out, status_phrase(status));
    out = put(out, STR("\r\n"));
    return put(out, (wharf_str){clock->date, clock->ok_len - (size_t)(clock->date - clock->ok)});
}

ALWAYS_INLINE char *put_status(char *out, struct core *core, int status) {
    const struct core_clock *clock = core_clock(core);
    if (LIKELY(status == 200)) {
        memcpy(out, clock->ok, sizeof(clock->ok)); /* its length is known to the compiler */
        return out + clock->ok_len;
    }
    return put_status_line(out, clock, status);
}

ALWAYS_INLINE char *put_framing(char *out, const struct reply *reply) {
    if (LIKELY(reply->framing == REPLY_LENGTH)) {
        out = put(out, STR("Content-Length: "));
        out += number_format(reply->length, out);
        return put(out, STR("\r\n"));
    }
    return reply->framing == REPLY_CHUNKED ? put(out, STR("Transfer-Encoding: chunked\r\n")) : out;
}

ALWAYS_INLINE char *put_persistence(char *out, const struct wharf_request *request) {
    if (UNLIKELY(request->reply.close)) {
        return put(out, STR("Connection: close\r\n"));
    }
    return UNLIKELY(request->head.minor == 0) ? put(out, STR("Connection: keep-alive\r\n")) : out;
}

COLD static int reply_allow_path(struct wharf_request *request) {
    struct route_query query = request_query(request);
    return reply_allow(request, &query);
}

ALWAYS_INLINE int compose_head(struct wharf_request *request, int status, wharf_str content_type,
                               int64_t length) {
    struct reply *reply = &request->reply;
    int rc = 0;
    if (UNLIKELY(status == 405) && (reply->names >> HEADER_ALLOW & 1) == 0) {
        rc = reply_allow_path(request); /* RFC 9110 section 15.5.6 */
        if (rc < 0) {
            return rc;
        }
    }
    char *room = wire_room(&request->wire, HEAD_FIXED_MAX + content_type.len + reply->fields_len, &rc);
    if (UNLIKELY(room == NULL)) {
        reply->broken = true;
        return rc;
    }
    reply->status = status;
    reply->framing = reply_frame(request, status, length);
    reply->length = length > 0 ? (uint64_t)length : 0;
    reply->close |= reply->framing == REPLY_UNTIL_CLOSE || !reply_may_persist(request);
    char *out = put_status(room, request->core, status);
    out = put(out, (wharf_str){reply->fields, reply->fields_len});
    if (LIKELY(content_type.len > 0 && (reply->names >> HEADER_CONTENT_TYPE & 1) == 0)) {
        out = put(out, STR("Content-Type: "));
        out = put(out, content_type);
        out = put(out, STR("\r\n"));
    }
    out = put_persistence(out, request);
    out = put_framing(out, reply);
    out = put(out, STR("\r\n"));
    wire_wrote(&request->wire, (size_t)(out - room));
    reply->stage = REPLY_STREAMING;
    if (UNLIKELY(request->core->log != NULL)) {
        request->times.replied = sched_clock();
    }
    return 0;
}

/* The head of a body that is written piece by piece, and may be compressed on its way. */
COLD static int reply_head_prepared(struct wharf_request *request, const struct reply_outline *outline) {
    bool varies = false;
    request_compose(request, outline->status);
    enum coding coding = compress_choose(request, outline, &varies);
    bool has_body = request->head.method != H1_METHOD_HEAD && coding != CODING_IDENTITY;
    if (has_body && !compression_open(request, outline->content_type, coding)) {
        coding = CODING_IDENTITY;
    }
    int rc = coding != CODING_IDENTITY ? compress_say(request, coding)
             : varies                  ? compress_vary(request, outline->status)
                                       : 0;
    bool is_encoded = coding != CODING_IDENTITY;
    rc = rc < 0 ? rc
                : compose_head(request, outline->status, outline->content_type,
                               is_encoded ? -1 : outline->length);
    if (rc < 0) {
        compression_close(request);
    } else if (is_encoded && outline->length >= 0) {
        request->reply.counted = true;
        request->reply.length = (uint64_t)outline->length;
    }
    return rc;
}

int reply_head(struct wharf_request *request, int status, wharf_str content_type, int64_t length) {
    if (UNLIKELY(request->extras != NULL)) {
        return reply_head_prepared(request, &(struct reply_outline){status, content_type, length});
    }
    return compose_head(request, status, content_type, length);
}

bool reply_has_body(const struct wharf_request *request) {
    return request->head.method != H1_METHOD_HEAD && request->reply.framing != REPLY_EMPTY;
}

/* Head and body, in one go. */
ALWAYS_INLINE int compose_whole(struct wharf_request *request, int status, wharf_str content_type,
                                wharf_str body) {
    struct reply *reply = &request->reply;
    int rc = compose_head(request, status, content_type, (int64_t)body.len);
    if (rc < 0) {
        return rc;
    }
    reply->stage = REPLY_DONE;
    if (UNLIKELY(!reply_has_body(request))) {
        return 0;
    }
    rc = wire_write_str(&request->wire, body);
    reply->written = body.len;
    reply->broken = rc < 0;
    return rc;
}

/* A body that is compressed: with its length when one block holds the outcome, and then only if that is shorter. */
static int reply_whole_encoded(struct wharf_request *request, const struct reply_outline *outline,
                               enum coding coding, wharf_str body) {
    wharf_str rest = body;
    wharf_str first = compression_first(request, &rest);
    bool is_all = rest.len == 0 && first.len < BLOCK_SIZE;
    if (first.ptr == NULL || (is_all && first.len >= body.len)) {
        compression_close(request);
        int rc = compress_vary(request, outline->status);
        return rc < 0 ? rc : compose_whole(request, outline->status, outline->content_type, body);
    }
    int rc = compress_say(request, coding);
    if (rc == 0 && is_all) {
        rc = compose_whole(request, outline->status, outline->content_type, first);
    } else if (rc == 0) {
        rc = compose_head(request, outline->status, outline->content_type, -1);
        rc = rc < 0 ? rc : reply_write_chunk(&request->wire, first.ptr, first.len);
        rc = rc < 0 ? rc : compression_write(request, ENCODER_FINISH, rest);
        rc = rc < 0 ? rc : wire_write_str(&request->wire, STR("0\r\n\r\n"));
        request->reply.broken |= rc < 0;
    }
    compression_close(request);
    request->reply.stage = request->reply.stage == REPLY_STREAMING ? REPLY_DONE : request->reply.stage;
    return rc;
}

COLD static int reply_whole_prepared(struct wharf_request *request, int status, wharf_str content_type,
                                     wharf_str body) {
    const struct reply_outline outline = {status, content_type, (int64_t)body.len};
    bool varies = false;
    request_compose(request, status);
    enum coding coding = compress_choose(request, &outline, &varies);
    if (coding == CODING_IDENTITY || request->head.method == H1_METHOD_HEAD ||
        !compression_open(request, content_type, coding)) {
        bool is_encoded = coding != CODING_IDENTITY && request->head.method == H1_METHOD_HEAD;
        int rc = is_encoded ? compress_say(request, coding) : varies ? compress_vary(request, status) : 0;
        rc = rc < 0 ? rc : is_encoded ? compose_head(request, status, content_type, -1) : 0;
        if (rc < 0 || is_encoded) {
            request->reply.stage = rc < 0 ? request->reply.stage : REPLY_DONE;
            return rc;
        }
        return compose_whole(request, status, content_type, body);
    }
    return reply_whole_encoded(request, &outline, coding, body);
}

int reply_whole(struct wharf_request *request, int status, wharf_str content_type, wharf_str body) {
    if (UNLIKELY(request->extras != NULL)) {
        return reply_whole_prepared(request, status, content_type, body);
    }
    return compose_whole(request, status, content_type, body);
}

static bool reply_is_encoded(const struct wharf_request *request) {
    return UNLIKELY(request->extras != NULL) && request->extras->compression != NULL;
}

/* And the fields behind it. */
static int reply_last_chunk(struct wharf_request *request) {
    if (LIKELY(request->extras == NULL || request->extras->trailers.len == 0)) {
        return wire_write_str(&request->wire, STR("0\r\n\r\n"));
    }
    int rc = wire_write_str(&request->wire, STR("0\r\n"));
    rc = rc < 0 ? rc : wire_write_str(&request->wire, request->extras->trailers);
    return rc < 0 ? rc : wire_write_str(&request->wire, STR("\r\n"));
}

int reply_finish(struct wharf_request *request) {
    struct reply *reply = &request->reply;
    int rc = 0;
    if (reply_has_body(request)) {
        if ((reply->framing == REPLY_LENGTH || reply->counted) && reply->written != reply->length) {
            rc = -WHARF_EEOF;
        } else if (reply->framing == REPLY_CHUNKED) {
            rc = reply_is_encoded(request) ? compression_write(request, ENCODER_FINISH, STR("")) : 0;
            rc = rc < 0 ? rc : reply_last_chunk(request);
        }
    }
    reply->stage = REPLY_DONE;
    reply->broken |= rc < 0;
    return rc;
}

int reply_write_chunk(struct wire *wire, const void *bytes, size_t len) {
    char line[H1_CHUNK_LINE_MAX];
    size_t line_len = h1_chunk_format(len, line);
    if (wire->output != NULL && line_len + len + 2 <= BLOCK_SIZE - wire->output_len) {
        char *out = put(wire->output + wire->output_len, (wharf_str){line, line_len});
        out = put(out, (wharf_str){bytes, len});
        (void)put(out, STR("\r\n"));
        wire_wrote(wire, line_len + len + 2);
        return 0;
    }
    char end[2] = {'\r', '\n'};
    struct iovec pieces[3] = {{line, line_len}, {(void *)(uintptr_t)bytes, len}, {end, sizeof(end)}};
    return wire_send(wire, pieces, 3, false);
}

int reply_write(struct wharf_request *request, wharf_str bytes) {
    struct reply *reply = &request->reply;
    int rc = 0;
    reply->written += bytes.len;
    if (!reply_has_body(request)) {
        return 0;
    }
    if (UNLIKELY(reply_is_encoded(request))) {
        rc = compression_write(request, compression_is_live(request) ? ENCODER_FLUSH : ENCODER_MORE, bytes);
    } else if (reply->framing == REPLY_CHUNKED) {
        rc = reply_write_chunk(&request->wire, bytes.ptr, bytes.len);
    } else {
        rc = wire_write_str(&request->wire, bytes);
    }
    reply->broken |= rc < 0;
    return rc;
}

/* ---- public ---- */

/* Hooks run, and may add to the head, but not make one. */
static inline bool reply_is_composing(const struct wharf_request *request) {
    return UNLIKELY(request->extras != NULL) && request->extras->is_composing;
}

/* What every call that begins a reply checks first. */
ALWAYS_INLINE int reply_check(struct wharf_request *request, int status) {
    struct reply *reply = &request->reply;
    if (reply->stage != REPLY_NONE || reply_is_composing(request)) {
        return -EALREADY;
    }
    if (UNLIKELY(reply->misused || status < 200 || status > 599)) {
        reply->misused = true;
        return fail(-EINVAL, "reply", NULL, "the status or a header may not be sent");
    }
    return wharf_check();
}

/* A content type from a program: NULL for none. */
static int reply_check_type(struct wharf_request *request, const char *content_type, wharf_str *ret_type) {
    wharf_str type = wharf_str_of(content_type);
    if (type.len > CONTENT_TYPE_MAX || !h1_is_field_value(type)) {
        request->reply.misused = true;
        return fail(-EINVAL, "reply", NULL, "the content type may not be sent");
    }
    *ret_type = type;
    return 0;
}

int wharf_reply_header(wharf_request *request, const char *name, const char *value) {
    struct reply *reply = &request->reply;
    if (reply->stage != REPLY_NONE) {
        return -EALREADY;
    }
    wharf_str name_text = wharf_str_of(name);
    wharf_str value_text = wharf_str_of(value);
    enum header_id id = header_identify(name_text);
    bool reserved = id == HEADER_CONTENT_LENGTH || id == HEADER_TRANSFER_ENCODING ||
                    id == HEADER_CONNECTION || id == HEADER_DATE;
    if (reserved || !h1_is_token(name_text) || !h1_is_field_value(value_text)) {
        reply->misused = true;
        return fail(-EINVAL, "reply", NULL, "the header may not be sent");
    }
    if (name_text.len + value_text.len + reply->fields_len + 4 > REPLY_FIELDS_MAX) {
        reply->misused = true;
        return fail(-WHARF_ELIMIT, "reply", name, "all headers of a reply together have %d bytes",
                    REPLY_FIELDS_MAX);
    }
    return reply_field(request, name_text, value_text);
}

int wharf_reply_bytes(wharf_request *request, int status, const char *content_type, const void *bytes,
                      size_t len) {
    wharf_str type;
    int rc = reply_check(request, status);
    rc = rc < 0 ? rc : reply_check_type(request, content_type, &type);
    if (rc < 0) {
        return rc;
    }
    return reply_whole(request, status, type, (wharf_str){bytes, len});
}

int wharf_reply_text(wharf_request *request, int status, const char *text) {
    int rc = reply_check(request, status);
    if (rc < 0) {
        return rc;
    }
    return reply_whole(request, status, STR("text/plain; charset=utf-8"), wharf_str_of(text));
}

int wharf_reply_status(wharf_request *request, int status) {
    int rc = reply_check(request, status);
    return rc < 0 ? rc : reply_whole(request, status, (wharf_str){NULL, 0}, (wharf_str){NULL, 0});
}

/* Browsers read a backslash as a slash, and pass over tabs: "/\t/host" is another host. */
static bool leads_elsewhere(wharf_str target) {
    size_t at = 1;
    while (at < target.len && target.ptr[at] == '\t') {
        at++;
    }
    bool is_second = at < target.len && (target.ptr[at] == '/' || target.ptr[at] == '\\');
    return target.len > 0 && (target.ptr[0] == '/' || target.ptr[0] == '\\') && is_second;
}

int wharf_reply_redirect(wharf_request *request, int status, const char *location) {
    wharf_str target = wharf_str_of(location);
    if (!status_is_redirect(status) || target.len == 0 || leads_elsewhere(target)) {
        request->reply.misused |= request->reply.stage == REPLY_NONE;
        return fail(-EINVAL, "reply", location, "no redirect");
    }
    int rc = wharf_reply_header(request, "Location", location);
    return rc < 0 ? rc : wharf_reply_status(request, status);
}

int wharf_reply_redirect_within(wharf_request *request, int status, const char *path) {
    wharf_str target = wharf_str_of(path);
    if (target.len == 0 || target.ptr[0] != '/' || str_find_byte(target, '\t') >= 0) {
        return fail(-EINVAL, "reply", path, "no path of this server");
    }
    return leads_elsewhere(target) ? fail(-EINVAL, "reply", path, "no path of this server")
                                   : wharf_reply_redirect(request, status, path);
}

int wharf_reply_begin(wharf_request *request, int status, const char *content_type, int64_t content_length) {
    wharf_str type;
    int rc = reply_check(request, status);
    rc = rc < 0 ? rc : reply_check_type(request, content_type, &type);
    if (rc < 0) {
        return rc;
    }
    return reply_head(request, status, type, content_length < 0 ? -1 : content_length);
}

int wharf_reply_write(wharf_request *request, const void *bytes, size_t len) {
    struct reply *reply = &request->reply;
    if (reply->stage != REPLY_STREAMING) {
        return reply->stage == REPLY_NONE ? -EINVAL : -EALREADY;
    }
    int rc = wharf_check();
    if (rc < 0 || len == 0) {
        return rc;
    }
    if ((reply->framing == REPLY_LENGTH || reply->counted) && len > reply->length - reply->written) {
        return -EMSGSIZE;
    }
    rc = reply_write(request, (wharf_str){bytes, len});
    request_hurry(request);
    return rc;
}

int wharf_reply_flush(wharf_request *request) {
    int rc = wharf_check();
    if (rc == 0 && reply_is_encoded(request) && request->reply.stage == REPLY_STREAMING) {
        rc = compression_write(request, ENCODER_FLUSH, STR(""));
        request->reply.broken |= rc < 0;
    }
    rc = rc < 0 ? rc : wire_flush(&request->wire);
    return rc < 0 ? rc : 0;
}

bool wharf_reply_begun(const wharf_request *request) {
    return request->reply.stage != REPLY_NONE;
}

/* A tunnel through an HTTP proxy: CONNECT, RFC 9110 section 9.3.6. What the proxy says when it refuses - that it wants
 * credentials, that it could not reach the server and why (Proxy-Status, RFC 9209) - is kept for whoever asks. */
#include <errno.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/text.h"
#include "dial/proxy.h"
#include "http/codec/chunked.h"
#include "http/codec/head.h"

enum { STEP_BYTES = 4096, REQUEST_BYTES_MAX = 65536, FIELDS_MAX = 128, INTERIM_MAX = 8, DETAIL_SIZE = 256 };
enum { STATUS_FINAL = 200, STATUS_REFUSED = 300, STATUS_CREDENTIALS = 407 };

/* The proxy's answer, as far as it has come. */
struct reply {
    struct stream *stream;
    const struct proxy *proxy;
    const struct address_text *to;
    struct buffer *bytes;
    struct h1_response head;
    struct header fields[FIELDS_MAX];
};

static int reply_fail(const struct reply *reply, int code, const char *detail) {
    return proxy_fail(code, reply->proxy, reply->to, detail);
}

/* More bytes. How many, 0 at the end, or the stream's error. */
static ssize_t reply_receive(struct reply *reply) {
    int rc = buffer_reserve(reply->bytes, STEP_BYTES);
    if (rc < 0) {
        return rc;
    }
    ssize_t got = reply->stream->type->recv(reply->stream, reply->bytes->data + reply->bytes->end,
                                            STEP_BYTES);
    if (got > 0) {
        reply->bytes->end += (size_t)got;
    }
    return got;
}

/* ---- the request ---- */

static int connect_send(const struct reply *reply) {
    struct buffer request;
    struct buffer secret;
    char place[FAILURE_SUBJECT_SIZE * 4];
    (void)address_text_format(reply->to, place, sizeof(place));
    buffer_init(&request, REQUEST_BYTES_MAX);
    buffer_init(&secret, PROXY_SECRET_BYTES_MAX);
    int rc = proxy_authorization(reply->proxy, &secret);
    rc = rc < 0 ? rc
                : buffer_printf(&request,
                                "CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: wharf/" WHARF_VERSION "\r\n",
                                place, place);
    if (rc == 0 && buffer_len(&secret) > 0) {
        rc = h1_append_field(&request, STR("Proxy-Authorization"), buffer_view(&secret));
    }
    rc = rc < 0 ? rc : buffer_append_str(&request, STR("\r\n"));
    if (rc == 0) {
        struct iovec piece = {.iov_base = request.data + request.start, .iov_len = buffer_len(&request)};
        int64_t sent = stream_send_all(reply->stream, &piece, 1, false, NULL);
        rc = sent < 0 ? (int)sent : 0;
    }
    buffer_deinit(&secret);
    buffer_deinit(&request);
    return rc < 0 ? reply_fail(reply, rc, "sending CONNECT") : 0;
}

/* ---- the answer ---- */

/* One head. Its length, or a recorded failure. */
static ssize_t reply_read_head(struct reply *reply, size_t from) {
    const struct h1_response_options options = {H1_METHOD_CONNECT, &h1_limits_client};
    struct h1_progress progress = {.searched = 0};
    struct h1_error error;
    for (;;) {
        wharf_str view = {NULL, 0};
        ssize_t len = 0;
        if (buffer_len(reply->bytes) > from) {
            view = str_slice(buffer_view(reply->bytes), from, buffer_len(reply->bytes));
            len = h1_parse_response(view, &progress, &options, &reply->head, &error);
        }
        if (len < 0) {
            return reply_fail(reply, (int)len, error.limit != NULL ? "its answer is too long" : error.text);
        }
        if (len > 0) {
            return len;
        }
        ssize_t got = reply_receive(reply);
        if (got <= 0) {
            return reply_fail(reply, got == 0 ? -WHARF_EEOF : (int)got,
                              got == 0 ? "the proxy closed the connection without an answer" : "");
        }
    }
}

/* The body of a refusal, behind the head in the same buffer, decoded and cut. What cannot be had is not missed. */
static void reply_read_body(struct reply *reply, size_t head_len) {
    struct h1_body body;
    struct h1_error error;
    size_t keep = head_len; /* the answer ends here */
    size_t at = head_len;   /* and here is what has not been looked at */
    h1_body_init(&body, reply->head.framing, reply->head.content_length, &h1_limits_client, NULL);
    while (keep - head_len < PROXY_ANSWER_BYTES_MAX) {
        struct h1_piece piece = {.skip = 0};
        wharf_str view = str_slice(buffer_view(reply->bytes), at, buffer_len(reply->bytes));
        int state = h1_body_next(&body, view, &piece, &error);
        if (state < 0 || state == H1_PIECE_END) {
            break;
        }
        at += piece.skip;
        if (state == H1_PIECE_DATA) {
            char *bytes = reply->bytes->data + reply->bytes->start;
            size_t room = PROXY_ANSWER_BYTES_MAX - (keep - head_len);
            size_t count = piece.data.len < room ? piece.data.len : room;
            memmove(bytes + keep, piece.data.ptr, count);
            h1_body_take(&body, piece.data.len);
            keep += count;
            at += piece.data.len;
        } else if (reply_receive(reply) <= 0) {
            break;
        }
    }
    reply->bytes->end = reply->bytes->start + keep;
}

static int reply_refused(struct reply *reply, size_t head_len) {
    char detail[DETAIL_SIZE];
    wharf_str status = headers_get(&reply->head.headers, STR("Proxy-Status"));
    wharf_str reason = reply->head.reason;
    const char *hint = "";
    if (reply->head.status == STATUS_CREDENTIALS) {
        bool has = reply->proxy->username.len > 0 || reply->proxy->password.len > 0;
        hint = has ? "; the credentials for it are wrong"
                   : "; it wants credentials: user:password@ in its URL";
    }
    (void)snprintf(detail, sizeof(detail), "it answered %d%s%.*s%s%.*s%s", reply->head.status,
                   reason.len > 0 ? " " : "", (int)(reason.len < 64 ? reason.len : 64), reason.ptr,
                   status.len > 0 ? "; Proxy-Status: " : "", (int)(status.len < 96 ? status.len : 96),
                   status.len > 0 ? status.ptr : "", hint);
    reply_read_body(reply, head_len); /* moves what the views point into */
    return reply_fail(reply, -WHARF_EPROXY, detail);
}

int proxy_connect_http(struct stream *stream, const struct proxy *proxy, const struct address_text *to,
                       struct buffer *answer) {
    struct reply reply = {.stream = stream, .proxy = proxy, .to = to, .bytes = answer};
    headers_init(&reply.head.headers, reply.fields, FIELDS_MAX);
    int rc = connect_send(&reply);
    if (rc < 0) {
        return rc;
    }
    for (int heads = 0; heads < INTERIM_MAX; heads++) {
        ssize_t len = reply_read_head(&reply, 0);
        if (len < 0) {
            return (int)len;
        }
        if (reply.head.status >= STATUS_REFUSED) {
            return reply_refused(&reply, (size_t)len);
        }
        buffer_consume(answer, (size_t)len);
        if (reply.head.status >= STATUS_FINAL) {
            bool is_early = buffer_len(answer) > 0;
            buffer_clear(answer);
            return is_early ? reply_fail(&reply, -WHARF_EPROTOCOL, "bytes came before the tunnel was used")
                            : 0;
        }
    }
    return reply_fail(&reply, -WHARF_EPROTOCOL, "it sent interim answers only");
}

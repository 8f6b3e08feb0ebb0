/* A fetch from end to end: options, hops, and on each hop an exchange - again on a fresh connection when a kept one had
 * died, again without Expect when the server will not have it. */
#include "client/fetch.h"

#include <errno.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/probe.h"
#include "base/text.h"
#include "client/authorization.h"
#include "client/body.h"
#include "client/content.h"
#include "client/exchange.h"
#include "client/jar.h"
#include "client/offline.h"
#include "client/options.h"
#include "client/pool.h"
#include "client/prepare.h"
#include "client/query.h"
#include "client/redirect.h"
#include "client/response.h"
#include "client/retry.h"
#include "dial/dial.h"
#include "sched/sched.h"

static const size_t FETCH_BYTES_MAX = 256 << 20;

enum { STATUS_EXPECTATION_FAILED = 417, NS_PER_MS = 1000000, MS_PER_SECOND = 1000 };

/* A server that knows the key does a request that comes twice once. */
static bool has_idempotency_key(const struct fetch *fetch) {
    const struct field *field = fields_find(&fetch->headers, STR("Idempotency-Key"));
    return fetch->key.len > 0 || (field != NULL && !field->removed);
}

bool fetch_is_idempotent(const struct fetch *fetch) {
    return fetch->options.idempotent || has_idempotency_key(fetch) ||
           h1_method_is_idempotent(fetch->method_id) || wharf_str_is(fetch->method, "QUERY");
}

struct place fetch_place(const struct fetch *fetch, const struct address *peer) {
    return (struct place){fetch->public_url, peer, &fetch->codec_limits};
}

/* ---- options ---- */

static int fetch_set_method(struct fetch *fetch) {
    const wharf_fetch_options *options = &fetch->options;
    bool has_body = source_is_named(options);
    const char *method = options->method != NULL ? options->method : has_body ? "POST" : "GET";
    fetch->method = wharf_str_of(method);
    fetch->method_id = h1_method_of(fetch->method);
    if (!h1_is_token(fetch->method)) {
        return fail(-EINVAL, "read options", method, "method is no token");
    }
    if (fetch->method_id == H1_METHOD_CONNECT) {
        return fail(-EINVAL, "read options", method, "a tunnel is no fetch: use wharf_dial()");
    }
    return 0;
}

static int fetch_set_url(struct fetch *fetch) {
    const char *text = fetch->options.url;
    struct url_error error;
    if (text == NULL) {
        return fail(-EINVAL, "read options", "", "url is not set");
    }
    int rc = fetch->options.query != NULL ? query_add(&fetch->arena, fetch->options.query, &text) : 0;
    if (rc < 0) {
        return rc;
    }
    rc = url_parse(&fetch->arena, wharf_str_of(text), &fetch->url, &error);
    if (rc == -ENOMEM) {
        return fail(rc, "parse URL", "", NULL);
    }
    if (rc < 0) {
        bool secret = strchr(text, '@') != NULL; /* what cannot be parsed may hold a password anywhere */
        return fail(rc, "parse URL", secret ? "" : text, "%s (byte %zu)", error.reason, error.offset);
    }
    wharf_str public_url = url_format_public(&fetch->arena, &fetch->url);
    if (public_url.ptr == NULL) {
        return fail(-ENOMEM, "parse URL", "", NULL);
    }
    fetch->public_url = public_url.ptr;
    if (!str_starts(fetch->url.scheme, STR("http"))) {
        return fail(-WHARF_EADDRESS, "parse URL", fetch->public_url,
                    "only http:// and https:// can be fetched");
    }
    return 0;
}

static int fetch_set_headers(struct fetch *fetch) {
    const char *type = fetch->options.content_type;
    if (type != NULL && !h1_is_field_value(wharf_str_of(type))) {
        return fail(-EINVAL, "read options", "", "content_type holds a byte that no header may hold");
    }
    int rc = fields_parse(&fetch->arena, fetch->options.headers, &fetch->headers);
    return rc < 0 ? rc : authorization_of_url(&fetch->arena, &fetch->url, &fetch->authorization);
}

/* A UUID of version 4, RFC 9562. */
static int fetch_draw_key(struct fetch *fetch) {
    uint8_t bytes[16];
    if (!fetch->options.idempotency_key || fetch_is_idempotent(fetch)) {
        return 0;
    }
    sched_random_bytes(bytes, sizeof(bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    fetch->key = arena_printf(
        &fetch->arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", bytes[0],
        bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8], bytes[9], bytes[10],
        bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]);
    return fetch->key.ptr != NULL ? 0 : fail(-ENOMEM, "prepare request to", fetch->public_url, NULL);
}

static int fetch_set_replay(struct fetch *fetch) {
    fetch->replay = fetch->options.replay;
    if (fetch->replay == WHARF_REPLAY_DEFAULT) {
        fetch->replay = fetch->client->replay;
    }
    if (fetch->replay < WHARF_REPLAY_DEFAULT || fetch->replay > WHARF_REPLAY_REUSED) {
        return fail(-EINVAL, "read options", "", "replay is none of WHARF_REPLAY_*");
    }
    return 0;
}

/* The request's, else what its URL holds, else the client's. */
static void fetch_set_auth(struct fetch *fetch) {
    const wharf_fetch_options *options = &fetch->options;
    fetch->auth.auth = options->auth;
    if (options->no_auth) {
        fetch->authorization = STR("");
    } else if (options->auth == NULL && fetch->authorization.len == 0) {
        fetch->auth.auth = fetch->client->auth;
    }
}

static int fetch_configure(struct fetch *fetch, const wharf_fetch_options *given) {
    if (given == NULL) {
        return fail(-EINVAL, "read options", "", "there are none");
    }
    int rc = client_options_copy(&fetch->options, sizeof(fetch->options), given, "wharf_fetch_options");
    if (rc < 0) {
        return rc;
    }
    fetch->jar = fetch->options.no_jar        ? NULL
                 : fetch->options.jar != NULL ? fetch->options.jar
                                              : fetch->client->jar;
    rc = client_limits_resolve(&fetch->options.limits, &fetch->client->limits, &fetch->limits);
    if (rc < 0) {
        return rc;
    }
    client_limits_codec(&fetch->limits, &fetch->codec_limits);
    budget_start(&fetch->total, fetch->limits.total_ms);
    rc = fetch_set_method(fetch);
    rc = rc < 0 ? rc : fetch_set_url(fetch);
    rc = rc < 0 ? rc : fetch_set_headers(fetch);
    fetch_set_auth(fetch);
    rc = rc < 0 ? rc : fetch_set_replay(fetch);
    rc = rc < 0 ? rc : fetch_draw_key(fetch);
    rc = rc < 0 ? rc
                : route_rules_read(&fetch->arena, fetch->options.proxy, fetch->options.no_proxy,
                                   fetch->options.networks, &fetch->rules);
    return rc < 0 ? rc : source_open(&fetch->body, &fetch->options, &fetch->arena);
}

/* ---- one hop ---- */

/* How long the connection may idle after this response: our limit, or a second less than the server announces. 0: not at
 * all. */
static int64_t fetch_keep_ms(const struct fetch *fetch, const struct exchange *exchange) {
    int64_t keep_ms = fetch->limits.keep_alive_ms;
    wharf_str hint = headers_value(&fetch->response->headers, HEADER_KEEP_ALIVE);
    wharf_str parameter = {NULL, 0};
    if (!exchange->sent || exchange->prepared->close || !exchange->head.keep_alive) {
        return 0;
    }
    while (header_list_next(&hint, &parameter)) {
        uint64_t seconds = 0;
        bool is_timeout = str_starts_nocase(parameter, STR("timeout="));
        if (!is_timeout || number_parse(str_slice(parameter, 8, parameter.len), INT32_MAX, &seconds) < 0) {
            continue;
        }
        int64_t hinted = ((int64_t)seconds - 1) * MS_PER_SECOND;
        hinted = hinted > 0 ? hinted : 0;
        keep_ms = keep_ms < 0 || hinted < keep_ms ? hinted : keep_ms;
    }
    return keep_ms;
}

/* Events come when they come: only silence tells that such a server is gone. */
static bool is_event_stream(const struct fetch *fetch) {
    return str_starts_nocase(headers_value(&fetch->response->headers, HEADER_CONTENT_TYPE),
                             STR("text/event-stream"));
}

/* The response has its head: hand it the connection, for the body. */
static int fetch_hand_over(struct fetch *fetch, const struct exchange *exchange) {
    struct response_source *source = &fetch->response->source;
    source->connection = exchange->connection;
    source->limits = fetch->codec_limits;
    source->total = fetch->total;
    source->idle_ms = fetch->limits.idle_ms;
    source->decoded_ratio = fetch->limits.decoded_ratio;
    source->speed_bytes = is_event_stream(fetch) ? 0 : fetch->limits.speed_bytes;
    source->speed_ms = fetch->limits.speed_ms;
    source->keep_ms = fetch_keep_ms(fetch, exchange);
    int rc = body_start(fetch->response, &exchange->head);
    content_expect(fetch->response, fetch->options.raw);
    return rc;
}

/* What the response wants to be kept. A cookie that the rules refuse is not the request's failure. */
static int fetch_take_cookies(struct fetch *fetch) {
    const struct headers *headers = &fetch->response->headers;
    int64_t heeded = 0;
    for (size_t i = 0; fetch->jar != NULL && i < headers->count; i++) {
        if (headers->at[i].id != HEADER_SET_COOKIE || heeded++ >= fetch->jar->options.per_response) {
            continue;
        }
        int rc = jar_receive(fetch->jar, &fetch->url, headers->at[i].value, sched_wall_seconds());
        if (rc < 0) {
            struct place place = fetch_place(fetch, response_peer(fetch->response));
            return why_fail(rc, "keep cookie of", &place, NULL);
        }
    }
    return 0;
}

/* What came of one attempt at a hop. */
enum attempt { ATTEMPT_DONE, ATTEMPT_STALE, ATTEMPT_WITHOUT_EXPECT };

/* A proxy has refused: its answer is what there is. */
static void fetch_take_refusal(struct fetch *fetch, const struct buffer *answer) {
    struct wharf_response *response = fetch->response;
    struct h1_response head;
    struct h1_progress progress = {.searched = 0};
    struct h1_error error;
    const struct h1_response_options options = {H1_METHOD_CONNECT, &fetch->codec_limits};
    struct header *storage = mem_alloc(fetch->codec_limits.header_lines * sizeof(*storage));
    if (storage == NULL || buffer_len(answer) == 0) {
        mem_free(storage);
        return;
    }
    headers_init(&head.headers, storage, fetch->codec_limits.header_lines);
    wharf_str bytes = buffer_view(answer);
    ssize_t len = h1_parse_response(bytes, &progress, &options, &head, &error);
    if (len > 0 && response_take_head(response, &head, bytes.ptr, (size_t)len) == 0) {
        buffer_init(&response->body, PROXY_ANSWER_BYTES_MAX);
        (void)buffer_append_str(&response->body, str_slice(bytes, (size_t)len, bytes.len));
        response->content_length = -1;
    }
    mem_free(storage);
}

/* A connection for it, which the trail tells about. */
static int fetch_connect(struct fetch *fetch, bool fresh, struct client_connection **ret_connection) {
    struct dial_report report = {.resolve_ns = 0};
    struct route route;
    struct buffer answer;
    buffer_init(&answer, PROXY_READ_BYTES_MAX);
    fetch->is_unsent = true;
    int rc = route_find(fetch, &route);
    if (rc < 0) {
        return rc;
    }
    struct client_wish wish = {.client = fetch->client,
                               .url = &fetch->url,
                               .limits = &fetch->limits,
                               .total = &fetch->total,
                               .fresh = fresh,
                               .report = &report,
                               .route = &route,
                               .answer = &answer};
    struct trail *trail = &fetch->response->trail;
    rc = client_pool_acquire(&wish, ret_connection);
    if (rc == -WHARF_EPROXY) {
        fetch_take_refusal(fetch, &answer);
    }
    buffer_deinit(&answer);
    trail->now.resolve_ns = report.resolve_ns;
    trail->now.connect_ns = report.connect_ns;
    trail->now.tls_ns = report.tls_ns;
    if (rc == 0 && (*ret_connection)->proxy != NULL) {
        const char *proxy = arena_cstr(&fetch->response->arena, wharf_str_of((*ret_connection)->proxy));
        fetch->response->proxy = proxy != NULL ? proxy : "";
    }
    const struct address *peer = rc < 0 ? &report.peer : &(*ret_connection)->peer;
    if (peer->len > 0) {
        response_take_peer(fetch->response, peer);
    }
    trail->now.pool_ns = sched_clock() - trail->began - report.resolve_ns - report.connect_ns - report.tls_ns;
    return rc;
}

/* The exchange has ended, well or not. */
static void fetch_note_exchange(struct fetch *fetch, const struct exchange *exchange, int64_t began) {
    struct trail *trail = &fetch->response->trail;
    trail->headed = sched_clock();
    trail->now.reused = exchange->connection->reused;
    trail->now.sent_bytes = exchange->accepted;
    trail->now.received_bytes = exchange->connection->wire.received;
    trail->now.status = exchange->final ? exchange->head.status : 0;
    trail->now.send_ns = (exchange->sent_at > 0 ? exchange->sent_at : trail->headed) - began;
    trail->now.first_byte_ns = exchange->sent_at > 0 ? trail->headed - exchange->sent_at : 0;
}

/* Sends the request and receives the head of the response. */
static int fetch_exchange(struct fetch *fetch, struct exchange *exchange, struct prepared *prepared) {
    int64_t began = sched_clock();
    fetch->carrier = exchange->connection;
    int rc = prepare_head(fetch, !client_pool_ignores_expect(exchange->connection), prepared);
    if (rc == 0 && fetch->options.keep_request) {
        fetch->response->request = prepared_show(prepared, &fetch->response->arena);
    }
    if (rc == 0) {
        rc = exchange_run(exchange);
        fetch_note_exchange(fetch, exchange, began);
    }
    rc = rc < 0 ? rc : fetch_take_cookies(fetch);
    prepared_deinit(prepared);
    return rc;
}

static int fetch_attempt(struct fetch *fetch, bool fresh, enum attempt *ret_attempt) {
    struct prepared prepared;
    struct exchange exchange = {.fetch = fetch, .prepared = &prepared};
    trail_begin(&fetch->response->trail, fetch->why);
    int rc = fetch_connect(fetch, fresh, &exchange.connection);
    if (rc < 0) {
        return rc;
    }
    rc = fetch_exchange(fetch, &exchange, &prepared);
    if (rc < 0) {
        fetch->is_unsent = exchange_is_unsent(&exchange);
        *ret_attempt = !fresh && exchange_is_stale(&exchange, rc) ? ATTEMPT_STALE : ATTEMPT_DONE;
        client_pool_discard(exchange.connection);
        if (*ret_attempt == ATTEMPT_STALE) {
            response_close_attempt(fetch->response, rc);
            rc = 0;
        }
        return rc;
    }
    fetch->is_unsent = false;
    bool unexpected = exchange.head.status == STATUS_EXPECTATION_FAILED && prepared.expect && !exchange.sent;
    if (unexpected && source_can_replay(&fetch->body)) {
        *ret_attempt = ATTEMPT_WITHOUT_EXPECT;
        client_pool_discard(exchange.connection);
        response_close_attempt(fetch->response, 0);
        response_reset(fetch->response);
        return 0;
    }
    *ret_attempt = ATTEMPT_DONE;
    return fetch_hand_over(fetch, &exchange);
}

/* Where the response came from, without credentials and with the fragment. */
static int fetch_note_url(struct fetch *fetch) {
    struct wharf_response *response = fetch->response;
    const struct url *url = &fetch->url;
    wharf_str copy = arena_copy(&response->arena, fetch->public_url, strlen(fetch->public_url));
    if (url->has_fragment && copy.ptr != NULL) {
        copy = arena_printf(&response->arena, "%s#%.*s", fetch->public_url, WHARF_STR_ARG(url->fragment));
    }
    if (copy.ptr == NULL) {
        return fail(-ENOMEM, "fetch", fetch->public_url, NULL);
    }
    response->url = copy.ptr;
    response->public_url = copy.ptr; /* a message may show the fragment */
    response->redirects = fetch->redirects;
    return 0;
}

static int fetch_hop(struct fetch *fetch) {
    bool fresh = false;
    for (;;) {
        enum attempt attempt = ATTEMPT_DONE;
        int rc = fetch_note_url(fetch);
        rc = rc < 0 ? rc : fetch_attempt(fetch, fresh, &attempt);
        if (rc < 0 || attempt == ATTEMPT_DONE) {
            return rc;
        }
        if (attempt == ATTEMPT_STALE) {
            fresh = true; /* once: a fresh connection is never stale */
            fetch->why = "dead connection";
            client_pool_note_replay(fetch);
        } else {
            fetch->why = "without Expect";
            fetch->no_expect = true;
        }
    }
}

/* ---- the whole ---- */

/* Hop after hop, to an answer that is no redirect to be followed. */
static int fetch_follow(struct fetch *fetch) {
    struct wharf_response *response = fetch->response;
    for (;;) {
        int rc = auth_begin(fetch);
        rc = rc < 0 ? rc : fetch_hop(fetch);
        int answered = rc < 0 ? rc : auth_answer(fetch);
        if (answered < 0 || (answered == 0 && !redirect_is_wanted(fetch))) {
            return answered;
        }
        rc = answered > 0 ? 0 : redirect_follow(fetch);
        if (rc < 0) {
            return rc;
        }
        body_finish(response);
        response_close_attempt(response, 0);
        response_reset(response);
        fetch->why = answered > 0 ? "challenge" : "redirect";
    }
}

/* Until there is a result that is not to be tried again. */
static int fetch_run(struct fetch *fetch) {
    struct wharf_response *response = fetch->response;
    response->line_bytes = fetch->limits.line_bytes;
    if (fetch->options.print != NULL) {
        int rc = fetch_note_url(fetch);
        return rc < 0 ? rc : offline_print(fetch);
    }
    for (;;) {
        int rc = fetch_follow(fetch);
        if (retry_again(fetch, rc)) {
            continue;
        }
        response->streaming = fetch->options.stream;
        if (rc < 0 || response->streaming) {
            return rc;
        }
        rc = body_read_whole(response, fetch->limits.body_bytes);
        if (rc == 0 || !retry_again(fetch, rc)) {
            return rc;
        }
    }
}

static void fetch_all(struct fetch *fetch, const wharf_fetch_options *options) {
    struct wharf_response *response = fetch->response;
    int rc = fetch_configure(fetch, options);
    if (rc == 0) {
        PROBE2(fetch__start, response, fetch->options.url);
        rc = fetch_run(fetch);
        PROBE3(fetch__end, response, rc, response->status);
    }
    if (rc < 0 && response->error == 0) {
        (void)response_fail(response, rc);
    }
    response->may_retry = rc < 0 && retry_could_help(fetch, rc);
    response->is_repeatable = fetch_is_idempotent(fetch) && source_can_replay(&fetch->body);
    source_close(&fetch->body);
}

wharf_response *wharf_fetch(wharf_client *client, const wharf_fetch_options *options) {
    struct fetch fetch = {.client = client != NULL ? client : &client_default,
                          .public_url = "",
                          .why = "first",
                          .body.file = -1};
    if (sched_current() == NULL) {
        return response_out_of_memory();
    }
    fetch.response = response_new();
    if (fetch.response == NULL) {
        return response_out_of_memory();
    }
    arena_init(&fetch.arena, NULL, 0, FETCH_BYTES_MAX);
    fetch_all(&fetch, options);
    arena_deinit(&fetch.arena);
    return fetch.response;
}

wharf_response *wharf_get(const char *url) {
    const wharf_fetch_options options = {.size = sizeof(options), .url = url};
    return wharf_fetch(NULL, &options);
}

/* Responses: what can be asked of them. The one that stands for "no memory for a response" is a constant. */
#include "client/response.h"

#include <errno.h>

#include "base/memory.h"
#include "base/text.h"
#include "client/body.h"
#include "client/content.h"
#include "client/pool.h"
#include "client/retry.h"
#include "tls/facts.h"
#include "tls/stream.h"

/* Heads are bounded by limits.head_bytes, URLs by the caller and the longest header field. */
static const size_t ARENA_BYTES_MAX = (size_t)1 << 31;

static const struct wharf_response out_of_memory = {
    .error = -ENOMEM,
    .content_length = -1,
    .url = "",
    .public_url = "",
    .proxy = "",
    .reason = {"", 0},
    .request = {"", 0},
    .why = "fetch: out of memory (ENOMEM)",
};

struct wharf_response *response_new(void) {
    struct wharf_response *response = mem_alloc(sizeof(*response));
    if (response == NULL) {
        return NULL;
    }
    memset(response, 0, offsetof(struct wharf_response, memory));
    trail_init(&response->trail);
    arena_init(&response->arena, response->memory, sizeof(response->memory), ARENA_BYTES_MAX);
    buffer_init(&response->body, 0);
    response->content_length = -1;
    response->url = "";
    response->public_url = "";
    response->proxy = "";
    response->reason = STR("");
    response->request = STR("");
    return response;
}

/* Nothing ever writes to it: every function that would looks at `error` first. */
wharf_response *response_out_of_memory(void) {
    return (wharf_response *)(uintptr_t)&out_of_memory;
}

/* The texts of the attempt under way are the response's own. */
static void attempt_set_texts(const struct wharf_response *response, wharf_attempt *attempt) {
    attempt->url = response->public_url;
    attempt->address = response->address;
    attempt->proxy = response->proxy;
    attempt->said = response->why;
}

void response_close_attempt(struct wharf_response *response, int rc) {
    wharf_attempt *now = &response->trail.now;
    char said[RESPONSE_WHY_SIZE] = "";
    attempt_set_texts(response, now);
    now->said = said;
    if (rc < 0) {
        now->error = rc;
        (void)failure_format(failure_current(), said, sizeof(said));
    }
    trail_seal(&response->trail);
    response->address[0] = '\0';
    response->peer.len = 0;
}

static void response_drop_tls(struct wharf_response *response) {
    facts_release(response->tls);
    response->tls = NULL;
}

void response_reset(struct wharf_response *response) {
    content_free(response->content);
    response->content = NULL;
    response->coding_count = 0;
    response_drop_tls(response);
    buffer_deinit(&response->body);
    buffer_init(&response->body, 0);
    response->error = 0;
    response->why[0] = '\0';
    arena_deinit(&response->arena);
    arena_init(&response->arena, response->memory, sizeof(response->memory), ARENA_BYTES_MAX);
    response->status = 0;
    response->content_length = -1;
    response->url = "";
    response->public_url = "";
    response->proxy = "";
    response->reason = STR("");
    response->request = STR("");
    response->headers = (struct headers){.at = NULL};
    response->trailers = (struct headers){.at = NULL};
}

static wharf_str moved(wharf_str view, const char *from, const char *to) {
    return view.len > 0 ? (wharf_str){to + (view.ptr - from), view.len} : STR("");
}

int response_take_head(struct wharf_response *response, const struct h1_response *head, const char *bytes,
                       size_t len) {
    wharf_str copy = arena_copy(&response->arena, bytes, len);
    struct header *fields = arena_alloc(&response->arena, (head->headers.count + 1) * sizeof(*fields));
    if (copy.ptr == NULL || fields == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < head->headers.count; i++) {
        const struct header *field = &head->headers.at[i];
        fields[i] = (struct header){moved(field->name, bytes, copy.ptr), moved(field->value, bytes, copy.ptr),
                                    field->id};
    }
    response->headers = head->headers;
    response->headers.at = fields;
    response->headers.capacity = head->headers.count;
    response->reason = moved(head->reason, bytes, copy.ptr);
    response->status = head->status;
    response->minor = head->minor;
    response->content_length = head->has_length ? (int64_t)head->content_length : -1;
    return 0;
}

int response_take_tls(struct wharf_response *response, const struct stream *stream) {
    struct tls_session *session = stream_session(stream);
    return session != NULL ? facts_keep(session, &response->tls) : 0;
}

void response_take_peer(struct wharf_response *response, const struct address *peer) {
    response->peer = *peer;
    (void)address_format(&peer->any, peer->len, response->address);
}

int response_fail(struct wharf_response *response, int code) {
    response->error = code;
    response->trail.now.error = code;
    response->may_retry = response->is_repeatable && retry_is_passing(code);
    (void)failure_format(failure_current(), response->why, sizeof(response->why));
    body_abandon(response);
    return code;
}

const struct address *response_peer(const struct wharf_response *response) {
    return response->peer.len > 0 ? &response->peer : NULL;
}

struct place response_place(const struct wharf_response *response) {
    return (struct place){response->public_url, response_peer(response), &response->source.limits};
}

/* ---- the public accessors ---- */

int wharf_response_error(const wharf_response *response) {
    return response->error;
}

const char *wharf_response_why(const wharf_response *response) {
    return response->why;
}

int wharf_response_status(const wharf_response *response) {
    return response->status;
}

wharf_str wharf_response_reason(const wharf_response *response) {
    return response->reason;
}

wharf_str wharf_response_header(const wharf_response *response, const char *name) {
    return headers_get(&response->headers, wharf_str_of(name));
}

static bool header_at(const struct headers *headers, size_t i, wharf_header *ret_header) {
    if (i >= headers->count) {
        return false;
    }
    *ret_header = (wharf_header){headers->at[i].name, headers->at[i].value};
    return true;
}

bool wharf_response_header_at(const wharf_response *response, size_t i, wharf_header *ret_header) {
    return header_at(&response->headers, i, ret_header);
}

bool wharf_response_trailer_at(const wharf_response *response, size_t i, wharf_header *ret_header) {
    return response->source.connection == NULL && header_at(&response->trailers, i, ret_header);
}

wharf_str wharf_response_request(const wharf_response *response) {
    return response->request;
}

const char *wharf_response_url(const wharf_response *response) {
    return response->url;
}

int wharf_response_redirects(const wharf_response *response) {
    return response->redirects;
}

const char *wharf_response_address(const wharf_response *response) {
    return response->address;
}

static int without_tls(const struct wharf_response *response) {
    return fail(-EINVAL, "TLS facts", response->public_url, "no response came over TLS");
}

int wharf_response_tls(const wharf_response *response, wharf_tls_facts *ret_facts) {
    if (response->tls == NULL) {
        return without_tls(response);
    }
    facts_read_kept(response->tls, ret_facts);
    return 0;
}

int wharf_response_tls_certificate(const wharf_response *response, int i,
                                   wharf_tls_certificate *ret_certificate) {
    return response->tls != NULL ? facts_read_kept_certificate(response->tls, i, ret_certificate)
                                 : without_tls(response);
}

int wharf_response_version_minor(const wharf_response *response) {
    return response->minor;
}

int64_t wharf_response_content_length(const wharf_response *response) {
    return response->content_length;
}

bool wharf_response_attempt_at(const wharf_response *response, size_t i, wharf_attempt *ret_attempt) {
    bool is_past = false;
    if (!trail_at(&response->trail, i, ret_attempt, &is_past)) {
        return false;
    }
    if (!is_past) {
        attempt_set_texts(response, ret_attempt);
    }
    return true;
}

bool wharf_response_may_retry(const wharf_response *response) {
    return response->may_retry;
}

wharf_str wharf_response_body(const wharf_response *response) {
    size_t len = buffer_len(&response->body);
    return len > 0 ? buffer_view(&response->body) : STR("");
}

ssize_t wharf_response_read(wharf_response *response, void *buffer, size_t size) {
    if (response->error < 0) {
        return response->error;
    }
    if (size == 0) {
        struct place place = response_place(response);
        return why_fail(-EINVAL, "read body of", &place, "size is 0");
    }
    return response->streaming ? body_read(response, buffer, size) : 0;
}

void wharf_response_free(wharf_response *response) {
    if (response == NULL || response == &out_of_memory) {
        return;
    }
    body_finish(response);
    trail_deinit(&response->trail);
    response_drop_tls(response);
    content_free(response->content);
    buffer_deinit(&response->body);
    arena_deinit(&response->arena);
    mem_free(response);
}

/* The request as a handler sees it. The public calls are in wharf/server.h. */
#include "server/request.h"

#include <errno.h>

#include "base/memory.h"
#include "base/text.h"
#include "server/extras.h"
#include "server/group.h"
#include "server/reply.h"
#include "tls/facts.h"
#include "tls/stream.h"
#include "wharf/task.h"

/* ---- the record ---- */

struct wharf_request *request_new(struct core *core) {
    const wharf_server_limits *limits = &core->server->limits;
    size_t fields = (size_t)limits->header_count;
    struct wharf_request *request = mem_alloc(sizeof(*request) + fields * sizeof(struct header));
    if (request == NULL) {
        return NULL;
    }
    request->core = core;
    request->progress = (struct h1_progress){.known_host = &core->memo.host};
    headers_init(&request->head.headers, request->fields, fields);
    wire_init(&request->wire, NULL, (size_t)limits->head_bytes + BLOCK_SIZE);
    return request;
}

void request_free(struct wharf_request *request) {
    wire_deinit(&request->wire);
    mem_free(request);
}

void requests_free(struct core *core) {
    while (core->spare != NULL) {
        struct wharf_request *request = core->spare;
        core->spare = request->next_spare;
        request_free(request);
    }
    core->spare_count = 0;
}

/* ---- what it says ---- */

wharf_str wharf_request_method(const wharf_request *request) {
    return request->head.method_text;
}

wharf_str wharf_request_path(const wharf_request *request) {
    return request->path.text;
}

wharf_str wharf_request_query(const wharf_request *request) {
    return request->head.has_query ? request->head.query : (wharf_str){NULL, 0};
}

wharf_str wharf_request_target(const wharf_request *request) {
    return request->head.target;
}

wharf_str wharf_request_host(const wharf_request *request) {
    return request->head.host;
}

int wharf_request_version_minor(const wharf_request *request) {
    return request->head.minor;
}

int wharf_request_tls(const wharf_request *request, wharf_tls_facts *ret_facts) {
    const struct tls_session *session = stream_session(&request->connection->stream);
    return session != NULL ? facts_read(session, ret_facts)
                           : fail(-EINVAL, "TLS facts", NULL, "the connection is not TLS");
}

wharf_str wharf_request_header(const wharf_request *request, const char *name) {
    return headers_get(&request->head.headers, wharf_str_of(name));
}

bool wharf_request_header_at(const wharf_request *request, size_t i, wharf_header *ret_header) {
    const struct headers *headers = &request->head.headers;
    if (i >= headers->count) {
        return false;
    }
    *ret_header = (wharf_header){headers->at[i].name, headers->at[i].value};
    return true;
}

wharf_str wharf_request_param(const wharf_request *request, const char *name) {
    const struct route *route = request->match.route;
    wharf_str wanted = wharf_str_of(name);
    size_t value = 0;
    for (size_t i = 0; route != NULL && i < route->pattern.count; i++) {
        const struct pattern_part *part = &route->pattern.parts[i];
        if (part->kind == PART_LITERAL) {
            continue;
        }
        if (wharf_str_equal(part->text, wanted)) {
            return request->match.values[value];
        }
        value++;
    }
    return (wharf_str){NULL, 0};
}

const char *wharf_request_peer(wharf_request *request) {
    if (request->peer_text == NULL) {
        char text[WHARF_ADDRESS_SIZE];
        size_t len = peer_format(&request->connection->peer, text);
        wharf_str copy = arena_copy(&request->arena, text, len);
        request->peer_text = copy.ptr != NULL ? copy.ptr : "";
    }
    return request->peer_text;
}

int64_t wharf_request_content_length(const wharf_request *request) {
    return request->head.framing == H1_BODY_CHUNKED ? -1 : (int64_t)request->head.content_length;
}

void *wharf_request_alloc(wharf_request *request, size_t size) {
    return arena_alloc(&request->arena, size);
}

/* ---- its body ---- */

/* "Expect: 100-continue" is answered when the handler wants the body, unless it is there or has been answered. */
static int request_continue(struct wharf_request *request) {
    if (!request->head.expect_continue || request->continue_sent || request->reply.stage != REPLY_NONE) {
        return 0;
    }
    request->continue_sent = true;
    if (wire_unread(&request->wire) > 0) {
        return 0;
    }
    int rc = wire_write_str(&request->wire, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    return rc < 0 ? rc : wire_flush(&request->wire);
}

/* A failure that the client caused, or that leaves the body torn, is kept: it decides what the client is told. */
static ssize_t request_body_failed(struct wharf_request *request, ssize_t rc) {
    if (rc == -ETIMEDOUT && !request->wire.receive.expired) {
        return rc; /* a deadline of the handler's own: reading can go on later */
    }
    if (rc == -ECANCELED || rc == -ENOMEM) {
        return rc;
    }
    request->body_failure = (int)rc;
    if (rc == -WHARF_EPROTOCOL || rc == -WHARF_ELIMIT) {
        return fail((int)rc, "read body", NULL, "%s: %s", request->error.reason, request->error.text);
    }
    return fail((int)rc, "read body", NULL, NULL);
}

static int request_too_large(struct wharf_request *request, const char *setting, int64_t most) {
    request->body_failure = -EMSGSIZE;
    return fail(-WHARF_ELIMIT, "read body", NULL, "more than %s, %lld", setting, (long long)most);
}

ssize_t wharf_request_read(wharf_request *request, void *buffer, size_t size) {
    if (request->body_failure < 0) {
        return request->body_failure;
    }
    int rc = wharf_check();
    if (rc < 0 || size == 0) {
        return rc < 0 ? rc : -EINVAL;
    }
    if (!request_has_unread(request)) {
        return 0;
    }
    int64_t most = request->extras != NULL ? request_settings(request)->upload_bytes : LIMIT_NONE;
    if (request->head.content_length > (uint64_t)most) {
        return request_too_large(request, "upload_bytes", most);
    }
    rc = request_continue(request);
    if (rc < 0) {
        return rc;
    }
    ssize_t count = wire_read_body(&request->wire, &request->body, buffer, size, &request->error);
    if (count < 0) {
        return request_body_failed(request, count);
    }
    return request->body.taken > (uint64_t)most ? request_too_large(request, "upload_bytes", most) : count;
}

/* Memory for a body of which `len` bytes are there and `size` fit: twice as much. NULL when there is none. */
static char *body_grow(struct wharf_request *request, const char *bytes, size_t len, size_t *size) {
    *size = *size > 0 ? *size * 2 : 4096;
    char *grown = arena_alloc(&request->arena, *size);
    if (grown != NULL && len > 0) {
        memcpy(grown, bytes, len);
    }
    return grown;
}

/* Reads until the end; most: the limit. */
static int body_collect(struct wharf_request *request, uint64_t most, wharf_str *ret_body) {
    size_t size = (size_t)request->head.content_length;
    size_t len = 0;
    char *bytes = size > 0 ? arena_alloc(&request->arena, size) : body_grow(request, NULL, 0, &size);
    while (bytes != NULL && request_has_unread(request)) {
        if (len == size) {
            bytes = body_grow(request, bytes, len, &size);
            continue;
        }
        ssize_t count = wharf_request_read(request, bytes + len, size - len);
        if (count < 0) {
            return (int)count;
        }
        len += (size_t)count;
        if (len > most) {
            return request_too_large(request, "body_bytes", (int64_t)most);
        }
    }
    if (bytes == NULL) {
        return -ENOMEM;
    }
    *ret_body = (wharf_str){bytes, len};
    return 0;
}

int wharf_request_body(wharf_request *request, wharf_str *ret_body) {
    uint64_t most = (uint64_t)request_settings(request)->body_bytes;
    if (request->head.framing == H1_BODY_LENGTH && request->head.content_length > most) {
        return request_too_large(request, "body_bytes", (int64_t)most);
    }
    return body_collect(request, most, ret_body);
}

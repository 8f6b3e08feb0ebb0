/* See body.h. The end of a body is always verified: a connection that ends early, and framing that is broken, are errors
 * which say how much had arrived (RFC 9112 section 8). */
#include "client/body.h"

#include <errno.h>
#include <stdio.h>

#include "base/text.h"
#include "client/content.h"
#include "client/pool.h"
#include "sched/sched.h"

enum {
    FINISH_BYTES_MAX = 65536,
    FINISH_MS = 50,
    STEP_BYTES_MIN = 4096,
    STEP_BYTES_MAX = 1 << 20 /* what a single receive may take */
};

/* What came, and how long it took. */
static void body_note(struct wharf_response *response, const struct client_connection *connection) {
    struct trail *trail = &response->trail;
    trail->now.received_bytes = connection->wire.received;
    trail->now.body_ns = trail->headed > 0 ? sched_clock() - trail->headed : 0;
}

/* The body has been read to its end. */
static void body_end(struct wharf_response *response) {
    struct client_connection *connection = response->source.connection;
    if (connection != NULL) {
        body_note(response, connection);
    }
    response->source.connection = NULL;
    if (connection != NULL) {
        client_pool_release(connection, response->source.keep_ms);
    }
}

void body_abandon(struct wharf_response *response) {
    struct client_connection *connection = response->source.connection;
    response->source.connection = NULL;
    if (connection != NULL) {
        body_note(response, connection);
        headers_clear(&response->trailers); /* they may point into the connection's memory */
        client_pool_discard(connection);
    }
}

/* Trailers get storage with the first chunked body; the codec fills it with views into the connection's input. */
static struct headers *body_trailers(struct wharf_response *response) {
    size_t capacity = response->source.limits.trailer_lines;
    struct header *storage = arena_alloc(&response->arena, capacity * sizeof(*storage));
    if (storage == NULL) {
        return NULL;
    }
    headers_init(&response->trailers, storage, capacity);
    return &response->trailers;
}

int body_start(struct wharf_response *response, const struct h1_response *head) {
    struct response_source *source = &response->source;
    struct headers *trailers = NULL;
    if (head->framing == H1_BODY_CHUNKED) {
        trailers = body_trailers(response);
        if (trailers == NULL) {
            struct place place = response_place(response);
            body_abandon(response);
            return why_fail(-ENOMEM, "read body of", &place, NULL);
        }
    }
    h1_body_init(&source->decoder, head->framing, head->content_length, &source->limits, trailers);
    if (h1_body_is_done(&source->decoder)) {
        body_end(response);
    } else if (source->speed_bytes > 0 && source->speed_ms > 0) {
        wire_limit_set(&source->connection->wire.receive, source->speed_ms, source->speed_bytes);
    }
    return 0;
}

/* Copies the trailers out of the input, where they still lie. */
static int body_keep_trailers(struct wharf_response *response) {
    for (size_t i = 0; i < response->trailers.count; i++) {
        struct header *field = &response->trailers.at[i];
        field->name = arena_copy(&response->arena, field->name.ptr, field->name.len);
        field->value = arena_copy(&response->arena, field->value.ptr, field->value.len);
    }
    return response->arena.failed ? -ENOMEM : 0;
}

static int body_fail(struct wharf_response *response, int code, const struct h1_error *error,
                     const char *blame) {
    const struct h1_body *decoder = &response->source.decoder;
    struct place place = response_place(response);
    long long got = (long long)decoder->taken;
    bool tls = code == -WHARF_ETLS || code == -WHARF_EEOF;
    const struct client_connection *connection = response->source.connection;
    blame = tls && connection != NULL ? stream_why(&connection->stream) : blame;
    const char *separator = blame[0] != '\0' ? "; " : "";
    if (error->text != NULL) {
        (void)why_refused(code, "read body of", &place, error);
    } else if (decoder->framing == H1_BODY_LENGTH) {
        (void)why_fail(code, "read body of", &place, "got %lld of %lld bytes%s%s", got,
                       (long long)response->content_length, separator, blame);
    } else if (decoder->framing == H1_BODY_CHUNKED) {
        (void)why_fail(code, "read body of", &place, "got %lld bytes and not the last chunk%s%s", got,
                       separator, blame);
    } else {
        (void)why_fail(code, "read body of", &place, "got %lld bytes%s%s", got, separator, blame);
    }
    return response_fail(response, code);
}

/* The limit that ended the wait. */
static const char *body_blame(const struct response_source *source, struct phase *phase, ssize_t result) {
    if (result == -ETIMEDOUT && source->connection->wire.receive.expired) {
        (void)snprintf(phase->blame, sizeof(phase->blame), "limits.speed_bytes is %lld, speed_ms %lld",
                       (long long)source->speed_bytes, (long long)source->speed_ms);
        return phase->blame;
    }
    return phase_blame(phase, result);
}

ssize_t body_read_wire(struct wharf_response *response, void *buffer, size_t size) {
    struct response_source *source = &response->source;
    struct h1_error error = {.text = NULL};
    struct phase phase;
    if (source->connection == NULL) {
        return 0;
    }
    phase_open(&phase, &source->total, "idle_ms", source->idle_ms);
    ssize_t count = wire_read_body(&source->connection->wire, &source->decoder, buffer, size, &error);
    phase_close(&phase);
    if (count == 0) {
        count = body_keep_trailers(response);
    }
    if (count < 0) {
        return body_fail(response, (int)count, &error, body_blame(source, &phase, count));
    }
    if (count == 0 || h1_body_is_done(&source->decoder)) {
        body_end(response);
    }
    return count;
}

ssize_t body_read(struct wharf_response *response, void *buffer, size_t size) {
    return content_is_coded(response) ? content_read(response, buffer, size)
                                      : body_read_wire(response, buffer, size);
}

static int body_too_long(struct wharf_response *response, int64_t bytes_max) {
    struct place place = response_place(response);
    if (response->content_length > bytes_max) {
        (void)why_fail(-WHARF_ELIMIT, "read body of", &place,
                       "limits.body_bytes is %lld, the body has %lld bytes", (long long)bytes_max,
                       (long long)response->content_length);
    } else {
        (void)why_fail(-WHARF_ELIMIT, "read body of", &place, "limits.body_bytes is %lld",
                       (long long)bytes_max);
    }
    return response_fail(response, -WHARF_ELIMIT);
}

/* How much room the next receive should have: what is announced, within bounds, because a peer's number alone is no
 * reason to allocate. */
static size_t body_step(const struct wharf_response *response) {
    uint64_t plain = h1_body_plain(&response->source.decoder);
    size_t step = buffer_len(&response->body);
    bool is_announced = response->source.decoder.framing == H1_BODY_LENGTH && !content_is_coded(response);
    if (is_announced && plain < STEP_BYTES_MAX) {
        return (size_t)plain;
    }
    step = step < STEP_BYTES_MIN ? STEP_BYTES_MIN : step;
    return step < STEP_BYTES_MAX ? step : STEP_BYTES_MAX;
}

int body_read_whole(struct wharf_response *response, int64_t bytes_max) {
    struct buffer *body = &response->body;
    if (response->source.connection == NULL) {
        return 0;
    }
    if (response->content_length > bytes_max) {
        return body_too_long(response, bytes_max);
    }
    buffer_init(body, (size_t)bytes_max + 1); /* the byte too many shows that there is one */
    for (;;) {
        size_t step = body_step(response);
        size_t left = body->bytes_max - buffer_len(body);
        int rc = buffer_reserve(body, step < left ? step : left);
        if (rc < 0) {
            struct place place = response_place(response);
            (void)why_fail(rc, "read body of", &place, NULL);
            return response_fail(response, rc);
        }
        size_t room = body->capacity - body->end;
        ssize_t count = body_read(response, body->data + body->end, room);
        if (count <= 0) {
            return (int)count;
        }
        body->end += (size_t)count;
        if (buffer_len(body) > (size_t)bytes_max) {
            body->end--;
            return body_too_long(response, bytes_max);
        }
        if (response->source.connection == NULL && !content_is_coded(response)) {
            return 0;
        }
    }
}

/* Whether reading on is worth it: the connection could be kept, and the rest may be short. */
static bool body_worth_finishing(const struct response_source *source) {
    uint64_t plain = h1_body_plain(&source->decoder);
    return source->keep_ms != 0 && source->decoder.framing != H1_BODY_UNTIL_CLOSE &&
           plain <= FINISH_BYTES_MAX;
}

void body_finish(struct wharf_response *response) {
    struct response_source *source = &response->source;
    struct h1_error error;
    struct phase phase;
    if (source->connection == NULL) {
        return;
    }
    int rc = -EMSGSIZE;
    if (body_worth_finishing(source)) {
        phase_open(&phase, &source->total, NULL, FINISH_MS);
        rc = wire_skip_body(&source->connection->wire, &source->decoder, FINISH_BYTES_MAX, &error);
        phase_close(&phase);
    }
    if (rc == 0) {
        body_end(response);
    } else {
        body_abandon(response);
    }
}

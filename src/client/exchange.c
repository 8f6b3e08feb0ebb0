/* See exchange.h. RFC 9112 section 9, RFC 9110 sections 10.1.1 (Expect) and 15.2 (1xx). */
#include "client/exchange.h"

#include <assert.h>
#include <errno.h>

#include "base/memory.h"
#include "base/text.h"
#include "client/response.h"
#include "client/upload.h"
#include "sched/engine.h"
#include "sched/sched.h"

enum { EXPECT_MS = 1000, STATUS_CONTINUE = 100, STATUS_FINAL = 200 };

int exchange_fail(const struct exchange *exchange, int code, const char *phase, const char *detail) {
    struct place place = fetch_place(exchange->fetch, &exchange->connection->peer);
    return why_fail(code, phase, &place, detail[0] != '\0' ? "%s" : NULL, detail);
}

/* ---- response heads ---- */

/* A 1xx head, which has been consumed. 0 or a recorded failure. */
static int exchange_note_interim(struct exchange *exchange, int status) {
    struct fetch *fetch = exchange->fetch;
    exchange->informational++;
    if (status == STATUS_CONTINUE) {
        exchange->continued = true;
    }
    if (exchange->informational > fetch->limits.informational) {
        struct place place = fetch_place(fetch, &exchange->connection->peer);
        return why_fail(-WHARF_ELIMIT, "read head of", &place, "limits.informational is %lld",
                        (long long)fetch->limits.informational);
    }
    return 0;
}

/* One head, if it is whole. 1: it was, and is consumed; 0: not yet; or a recorded failure. */
static int exchange_scan_one(struct exchange *exchange, wharf_str input) {
    struct fetch *fetch = exchange->fetch;
    struct h1_response *head = &exchange->head;
    struct h1_error error;
    struct h1_response_options options = {fetch->method_id, &fetch->codec_limits};
    struct place place = fetch_place(fetch, &exchange->connection->peer);
    ssize_t len = h1_parse_response(input, &exchange->progress, &options, head, &error);
    if (len < 0) {
        return why_refused((int)len, "read head of", &place, &error);
    }
    if (len == 0) {
        return 0;
    }
    exchange->progress = (struct h1_progress){.searched = 0};
    if (head->tunnel) {
        return exchange_fail(exchange, -WHARF_EPROTOCOL, "read head of",
                             "the server switched to another protocol");
    }
    if (head->status >= STATUS_FINAL) {
        if (response_take_head(fetch->response, head, input.ptr, (size_t)len) < 0 ||
            response_take_tls(fetch->response, &exchange->connection->stream) < 0) {
            return exchange_fail(exchange, -ENOMEM, "read head of", "");
        }
        exchange->final = true;
    }
    wire_consume(&exchange->connection->wire, (size_t)len);
    int rc = exchange->final ? 0 : exchange_note_interim(exchange, head->status);
    return rc < 0 ? rc : 1;
}

int exchange_scan(struct exchange *exchange) {
    int rc = 1;
    while (rc == 1 && !exchange->final) {
        const struct wire *wire = &exchange->connection->wire;
        rc = wire_unread(wire) > 0 ? exchange_scan_one(exchange, wire_view(wire)) : 0;
    }
    return rc < 0 ? rc : exchange->final;
}

static int exchange_fail_await(struct exchange *exchange, int code, const char *blame) {
    struct place place = fetch_place(exchange->fetch, &exchange->connection->peer);
    size_t have = wire_unread(&exchange->connection->wire);
    if (code == -WHARF_EEOF && have == 0) {
        return why_fail(code, "read head of", &place, "the server closed the connection without a response");
    }
    if (code == -WHARF_ETLS) {
        return why_fail(code, "read head of", &place, "%s", stream_why(&exchange->connection->stream));
    }
    return why_fail(code, "read head of", &place, "got %zu bytes of it%s%s", have,
                    blame[0] != '\0' ? "; " : "", blame);
}

enum await { AWAIT_FINAL, AWAIT_CONTINUE };

/* Receives until the final head has come, or until a 100 may let the body go. 0 or a recorded failure. */
static int exchange_await(struct exchange *exchange, enum await what, struct phase *phase) {
    for (;;) {
        int rc = exchange_scan(exchange);
        if (rc != 0) {
            return rc < 0 ? rc : 0;
        }
        if (what == AWAIT_CONTINUE && exchange->continued) {
            return 0;
        }
        ssize_t got = wire_fill(&exchange->connection->wire);
        if (got <= 0) {
            return exchange_fail_await(exchange, got == 0 ? -WHARF_EEOF : (int)got, phase_blame(phase, got));
        }
    }
}

static int exchange_await_final(struct exchange *exchange) {
    struct fetch *fetch = exchange->fetch;
    struct phase phase;
    phase_open(&phase, &fetch->total, "first_byte_ms", fetch->limits.first_byte_ms);
    int rc = exchange_await(exchange, AWAIT_FINAL, &phase);
    phase_close(&phase);
    return rc;
}

/* Waits a second for leave to send the body. Silence is leave too: many servers do not know the question. */
static int exchange_await_continue(struct exchange *exchange) {
    struct phase phase;
    phase_open(&phase, &exchange->fetch->total, NULL, EXPECT_MS);
    int rc = exchange_await(exchange, AWAIT_CONTINUE, &phase);
    phase_close(&phase);
    if (rc == -ETIMEDOUT) {
        client_pool_note_ignores_expect(exchange->connection);
        return wharf_check();
    }
    return rc;
}

/* ---- the whole ---- */

static int exchange_steps(struct exchange *exchange) {
    bool expect = exchange->prepared->expect;
    int rc = upload_head(exchange, !expect);
    if (rc == 0 && expect && !exchange->final) {
        rc = exchange_await_continue(exchange);
    }
    if (rc == 0 && !exchange->sent && !exchange->final) {
        rc = upload_body(exchange);
    }
    exchange->sent_at = sched_clock();
    if (rc == 0 && !exchange->final) {
        rc = exchange_await_final(exchange);
    }
    return rc;
}

int exchange_run(struct exchange *exchange) {
    uint32_t lines = exchange->fetch->codec_limits.header_lines;
    exchange->storage = mem_alloc(lines * sizeof(*exchange->storage));
    if (exchange->storage == NULL) {
        return exchange_fail(exchange, -ENOMEM, "read head of", "");
    }
    headers_init(&exchange->head.headers, exchange->storage, lines);
    int rc = exchange_steps(exchange);
    mem_free(exchange->storage);
    exchange->storage = NULL;
    return rc;
}

/* The request never got there: the system took none of it, or the peer's orderly end came while none of what was sent
 * had been acknowledged - that end carries the peer's latest acknowledgement, so it was sent before our bytes arrived. A
 * reset proves nothing: a server may read a request and abort before acknowledging it. */
bool exchange_is_unsent(const struct exchange *exchange) {
    const struct client_connection *connection = exchange->connection;
    if (exchange->accepted == 0) {
        return true;
    }
    int64_t sealed = stream_wrote(&connection->stream) - connection->wrote; /* TLS adds to what it is given */
    int64_t sent = sealed > exchange->accepted ? sealed : exchange->accepted;
    struct sched *sched = sched_current();
    return connection->wire.ended && sched_engine()->unsent(sched, connection->stream.io->fd) >= sent;
}

bool exchange_is_stale(const struct exchange *exchange, int failure) {
    bool broken = failure == -WHARF_EEOF || failure == -ECONNRESET || failure == -EPIPE;
    if (!broken || !exchange->connection->reused || exchange->connection->wire.received > 0) {
        return false;
    }
    if (!source_can_replay(&exchange->fetch->body)) {
        return false;
    }
    const struct fetch *fetch = exchange->fetch;
    if (fetch_is_idempotent(fetch) || fetch->replay == WHARF_REPLAY_REUSED) {
        return true;
    }
    return fetch->replay != WHARF_REPLAY_NEVER && exchange_is_unsent(exchange);
}

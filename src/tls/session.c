/* See session.h: a connection's life, its handshake, its bytes. */
#include "tls/session.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/failure.h"
#include "base/idna.h"
#include "base/memory.h"
#include "base/probe.h"
#include "base/text.h"
#include "sched/engine.h"
#include "sched/io.h"
#include "sched/sched.h"
#include "tls/facts.h"
#include "tls/library.h"
#include "tls/name.h"
#include "tls/settings.h"
#include "wharf/task.h"

enum {
    UNSENT_MAX = 128 * 1024, /* a record, and what a handshake or a peer's changes of keys ask for */
    RECORD_MAX = 16384,      /* RFC 8446 section 5.1 */
    RECORD_SMALL = 1400,     /* fits into one packet, so that its bytes can be used when that has come */
    SMALL_BYTES = 10 * 1400, /* about what a fresh connection may send before it hears from the other side */
    REST_MS = 1000,          /* after such a silence the network starts slowly again */
    NS_PER_MS = 1000000
};

/* ---- life ---- */

/* Who is at the other end, and the name that its certificate must be for. */
static int set_peer(struct tls_session *session, const struct session_peer *peer) {
    const char *name = session->tls->options.name;
    char host[IDNA_HOST_SIZE];
    struct idna_error error = {.reason = NULL};
    int rc = idna_host(name != NULL ? wharf_str_of(name) : peer->host, host, &error);
    if (rc == 0 && !name_normalise(wharf_str_of(host), session->handshake->host)) {
        rc = -EINVAL;
        error.reason = "an empty one";
    }
    if (rc == -EINVAL) {
        return fail(rc, "TLS handshake with", peer->text, "not a host's name: %s", error.reason);
    }
    session->peer = rc == 0 ? mem_strndup(peer->text, strlen(peer->text)) : NULL;
    return session->peer != NULL ? 0 : fail(-ENOMEM, "TLS handshake with", peer->text, NULL);
}

static void session_free(struct tls_session *session) {
    SSL_free(session->ssl);
    generation_release(session->generation);
    tls_release(session->tls);
    buffer_deinit(&session->unsent);
    mem_free(session->handshake);
    mem_free(session->peer);
    mem_free(session->name);
    facts_release(session->kept);
    mem_free(session);
}

int session_new(struct io *io, wharf_tls *tls, const struct session_peer *peer,
                struct tls_session **ret_session) {
    struct tls_session *session = mem_zalloc(sizeof(*session));
    struct handshake *handshake = session != NULL ? mem_zalloc(sizeof(*handshake)) : NULL;
    if (handshake == NULL) {
        mem_free(session);
        return fail(-ENOMEM, "TLS handshake with", peer != NULL ? peer->text : NULL, NULL);
    }
    session->io = io;
    session->tls = tls;
    session->side = peer != NULL ? TLS_CLIENT : TLS_SERVER;
    session->handshake = handshake;
    session->small_left = SMALL_BYTES;
    buffer_init(&session->unsent, UNSENT_MAX);
    tls_hold(tls);
    int rc = peer != NULL ? set_peer(session, peer) : 0;
    if (rc < 0) {
        session_free(session);
        return rc;
    }
    *ret_session = session;
    return 0;
}

void session_enter(struct tls_session *session) {
    session->users++;
}

void session_leave(struct tls_session *session) {
    session->users--;
    if (session->users == 0 && session->closed) {
        session_free(session);
    }
}

void session_close(struct tls_session *session) {
    session->closed = true;
    op_queue_complete_all(&session->waiting, -ECANCELED);
    session_enter(session);
    session_leave(session);
}

struct tls_session *session_of(const SSL *ssl) {
    return SSL_get_app_data(ssl);
}

const char *session_why(const struct tls_session *session) {
    if (session->end == END_TRUNCATED) {
        return "the peer ended the connection without ending TLS (close_notify): something may be missing";
    }
    return session->stage == SESSION_FAILED && session->handshake != NULL ? session->handshake->why : "";
}

/* ---- failing ---- */

const char *session_reason(const struct tls_session *session) {
    const char *reason = session->handshake != NULL ? session->handshake->reason : NULL;
    if (reason != NULL) {
        return reason;
    }
    switch (session->error) {
    case -ECONNRESET:
    case -EPIPE: return "tls.reset";
    case -ENOMEM: return "tls.memory";
    default: return "tls.failed";
    }
}

void session_say(const struct tls_session *session, const char *reason, const char *format, ...) {
    va_list arguments;
    session->handshake->reason = reason;
    va_start(arguments, format);
    (void)vsnprintf(session->handshake->why, SESSION_WHY_SIZE, format, arguments);
    va_end(arguments);
}

/* From now on every use gives this. */
static int session_break(struct tls_session *session, int code) {
    session->stage = SESSION_FAILED;
    session->error = code;
    return code;
}

/* The library has given up, with the connection in use. */
static int session_broken(struct tls_session *session, int library_error) {
    if (session->handshake == NULL) {
        session->handshake = mem_zalloc(sizeof(*session->handshake));
    }
    int code = session->socket_error < 0 ? session->socket_error : -WHARF_ETLS;
    if (session->handshake != NULL) {
        code = explain_failure(session, library_error);
    }
    ERR_clear_error();
    if (session_met_http(session)) {
        buffer_clear(&session->unsent); /* an answer in TLS would mean nothing there */
    } else {
        (void)session_flush(session); /* the alert that tells the peer why */
    }
    return session_break(session, code);
}

/* ---- what the socket has not taken ---- */

int session_flush(struct tls_session *session) {
    while (buffer_len(&session->unsent) > 0) {
        wharf_str view = buffer_view(&session->unsent);
        struct iovec piece = {.iov_base = (void *)(uintptr_t)view.ptr, .iov_len = view.len};
        ssize_t sent = io_try_send(session->io, &piece, 1, false);
        if (sent < 0) {
            return (int)sent;
        }
        session->sent += sent;
        buffer_consume(&session->unsent, (size_t)sent);
    }
    if (session->unsent.capacity > 0) {
        buffer_deinit(&session->unsent);
        buffer_init(&session->unsent, UNSENT_MAX);
    }
    return 0;
}

/* ---- handshake ---- */

static int handshake_begin(struct tls_session *session) {
    session->generation = tls_generation(session->tls);
    int rc = generation_prepare(session->generation, session->side);
    if (rc < 0) {
        (void)str_copy_to(session->handshake->why, SESSION_WHY_SIZE, wharf_str_of(wharf_why()));
        return rc;
    }
    session->ssl = SSL_new(session->generation->contexts[session->side]);
    rc = session->ssl == NULL || SSL_set_app_data(session->ssl, session) != 1 ? -ENOMEM : bio_attach(session);
    rc = rc == 0 ? verify_expect(session) : rc;
    if (rc < 0) {
        ERR_clear_error();
        return rc;
    }
    if (session->side == TLS_CLIENT) {
        SSL_set_connect_state(session->ssl);
        resume_offer(session);
    } else {
        SSL_set_accept_state(session->ssl);
    }
    session->stage = SESSION_SHAKING;
    return 0;
}

/* One step: as far as it goes without waiting. 1: done; 0: something is to be waited for; or an error. */
static int handshake_step(struct tls_session *session, int *ret_direction) {
    ERR_clear_error();
    session->gathering = true; /* a flight leaves in one piece */
    int result = SSL_do_handshake(session->ssl);
    session->gathering = false;
    int library_error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(session->ssl, result);
    if (result != 1 && library_error != SSL_ERROR_WANT_READ &&
        library_error != SSL_ERROR_WANT_CLIENT_HELLO_CB) {
        return session_broken(session, library_error);
    }
    int rc = session_flush(session);
    if (rc < 0 && rc != -EAGAIN) {
        return session_break(session, rc);
    }
    if (library_error == SSL_ERROR_WANT_CLIENT_HELLO_CB) {
        rc = choose_now(session);
        if (rc < 0 && !session->closed) {
            (void)str_copy_to(session->handshake->why, SESSION_WHY_SIZE, wharf_str_of(wharf_why()));
        }
        *ret_direction = 0;
        return rc;
    }
    *ret_direction = rc == -EAGAIN ? IO_WRITE : IO_READ;
    return result == 1;
}

static int handshake_steps(struct tls_session *session) {
    int direction = 0;
    int rc = session->stage == SESSION_FRESH ? handshake_begin(session) : 0;
    rc = rc == 0 ? handshake_step(session, &direction) : rc;
    while (rc == 0) {
        rc = direction != 0 ? io_wait(session->io, direction) : 0;
        rc = session->closed ? -ECANCELED : rc;
        rc = rc >= 0 ? handshake_step(session, &direction) : rc;
    }
    return rc < 0 ? rc : 0;
}

/* What the caller is told; an interruption leaves the handshake where it is, anything else ends it. */
static int handshake_failed(struct tls_session *session, int code, bool late) {
    struct handshake *handshake = session->handshake;
    if (late && !session->closed) {
        session_say(session, "tls.slow", "limits.handshake_ms is %lld, and it was at \"%s\"",
                    (long long)session->tls->options.limits.handshake_ms,
                    SSL_state_string_long(session->ssl));
    }
    bool interrupted = (code == -ETIMEDOUT && !late) || code == -ECANCELED;
    if (!interrupted && session->stage != SESSION_FAILED) {
        (void)session_break(session, code);
    }
    return fail(code, "TLS handshake with", session->peer, handshake->why[0] != '\0' ? "%s" : NULL,
                handshake->why);
}

/* The library forgets the name of a session that was taken up again. */
static int keep_name(struct tls_session *session) {
    const char *host = session->handshake->host;
    if (session->side == TLS_CLIENT || host[0] == '\0') {
        return 0;
    }
    session->name = mem_strndup(host, strlen(host));
    return session->name != NULL ? 0 : -ENOMEM;
}

static void handshake_done(struct tls_session *session) {
    session->stage = SESSION_READY;
    mem_free(session->handshake);
    session->handshake = NULL;
}

static int handshake_drive(struct tls_session *session) {
    int64_t most = session->tls->options.limits.handshake_ms;
    wharf_scope storage;
    (void)wharf_scope_open_within(&storage, most == TLS_LIMIT_NONE ? WHARF_OFF : most);
    int rc = handshake_steps(session);
    rc = rc == 0 ? verify_finish(session) : rc;
    rc = rc == 0 ? keep_name(session) : rc;
    (void)wharf_scope_close(&storage);
    if (rc < 0) {
        return handshake_failed(session, rc, rc == -ETIMEDOUT && wharf_check() == 0);
    }
    handshake_done(session);
    return 0;
}

struct shake_op {
    struct op op;
    struct tls_session *session;
};

static int64_t shake_attempt(struct op *op) {
    const struct tls_session *session = ((struct shake_op *)(void *)op)->session;
    return session->closed ? -ECANCELED : session->driving ? -EAGAIN : 0;
}

static int shake_start(struct op *op) {
    op_queue_push(&((struct shake_op *)(void *)op)->session->waiting, op);
    return 0;
}

static const struct op_kind shake_kind = {"TLS handshake of another task", shake_attempt, shake_start,
                                          op_queue_remove};

/* Until the task that is at it has come to an end. */
static int handshake_await(struct tls_session *session) {
    struct shake_op wait = {.op.kind = &shake_kind, .session = session};
    return (int)op_await(&wait.op);
}

int session_handshake(struct tls_session *session) {
    int rc = 0;
    session_enter(session);
    while (rc == 0 && session->driving) {
        rc = handshake_await(session);
    }
    if (rc == 0 && session->stage == SESSION_FAILED) {
        rc = fail(session->error, "TLS handshake with", session->peer, "%s", session_why(session));
    } else if (rc == 0 && session->stage != SESSION_READY) {
        session->driving = true;
        PROBE2(handshake__start, session, session->peer);
        rc = handshake_drive(session);
        PROBE2(handshake__end, session, rc);
        session->driving = false;
        op_queue_wake_all(&session->waiting);
    }
    session_leave(session);
    return rc;
}

/* ---- receiving ---- */

static ssize_t received_end(struct tls_session *session) {
    if (session->end == END_NONE) {
        bool said = (SSL_get_shutdown(session->ssl) & SSL_RECEIVED_SHUTDOWN) != 0 && !session->ended;
        session->end = said ? END_CLEAN : END_TRUNCATED;
    }
    return session->end == END_CLEAN ? 0 : -WHARF_EEOF;
}

ssize_t session_try_recv(struct tls_session *session, void *buffer, size_t size) {
    if (session->closed) {
        return -ECANCELED;
    }
    if (session->end != END_NONE) {
        return received_end(session);
    }
    if (session->stage != SESSION_READY) {
        return session->stage == SESSION_FAILED ? session->error : -EAGAIN;
    }
    size_t got = 0;
    ERR_clear_error();
    int result = SSL_read_ex(session->ssl, buffer, size, &got);
    if (result == 1) {
        return (ssize_t)got;
    }
    int library_error = SSL_get_error(session->ssl, result);
    if (library_error == SSL_ERROR_WANT_READ) {
        int rc = session_flush(session); /* an answer to a change of keys */
        return rc < 0 && rc != -EAGAIN ? session_break(session, rc) : -EAGAIN;
    }
    if (library_error == SSL_ERROR_ZERO_RETURN) {
        return received_end(session);
    }
    return session_broken(session, library_error);
}

bool session_is_readable(struct tls_session *session) {
    char byte = 0;
    size_t got = 0;
    if (session->stage != SESSION_READY || session->end != END_NONE) {
        return session->stage == SESSION_FAILED || session->end != END_NONE;
    }
    ERR_clear_error();
    int result = SSL_peek_ex(session->ssl, &byte, 1, &got);
    return result == 1 || SSL_get_error(session->ssl, result) != SSL_ERROR_WANT_READ;
}

/* ---- sending ---- */

/* Seals bytes and gives them to the socket. They are taken whatever the socket does. */
static int seal(struct tls_session *session, const char *bytes, size_t len) {
    size_t taken = 0;
    ERR_clear_error();
    int result = SSL_write_ex(session->ssl, bytes, len, &taken);
    return result == 1 ? 0 : session_broken(session, SSL_get_error(session->ssl, result));
}

/* In records of a packet each, which leave together. */
static int seal_small(struct tls_session *session, const char *bytes, size_t len) {
    int rc = 0;
    session->gathering = len > RECORD_SMALL;
    while (len > 0 && rc == 0) {
        size_t now = len < RECORD_SMALL ? len : RECORD_SMALL;
        rc = seal(session, bytes, now);
        bytes += now;
        len -= now;
    }
    session->gathering = false;
    if (rc == 0) {
        rc = session_flush(session);
        rc = rc == -EAGAIN ? 0 : rc < 0 ? session_break(session, rc) : 0;
    }
    return rc;
}

/* How much to take now: small records at first and after a silence, full ones from then on. */
static size_t size_records(struct tls_session *session, size_t len, bool *ret_small) {
    int64_t now = sched_now();
    if (now - session->last_send > (int64_t)REST_MS * NS_PER_MS) {
        session->small_left = SMALL_BYTES;
    }
    session->last_send = now;
    *ret_small = session->small_left > 0;
    size_t left = session->small_left > RECORD_SMALL ? (size_t)session->small_left : RECORD_SMALL;
    size_t most = *ret_small ? left : RECORD_MAX; /* what fits into one packet is not cut */
    size_t taken = len < most ? len : most;
    session->small_left -= *ret_small ? (int32_t)taken : 0;
    return taken;
}

static ssize_t send_bytes(struct tls_session *session, const char *bytes, size_t len) {
    bool small = false;
    size_t taken = size_records(session, len, &small);
    int rc = small && taken > RECORD_SMALL ? seal_small(session, bytes, taken) : seal(session, bytes, taken);
    return rc < 0 ? rc : (ssize_t)taken;
}

/* Several pieces make one record. */
static ssize_t send_gathered(struct tls_session *session, const struct iovec *pieces, int count) {
    char *block = block_get();
    size_t len = 0;
    if (block == NULL) {
        return -ENOMEM;
    }
    for (int i = 0; i < count && len < BLOCK_SIZE; i++) {
        size_t room = BLOCK_SIZE - len;
        size_t part = pieces[i].iov_len < room ? pieces[i].iov_len : room;
        if (part > 0) {
            memcpy(block + len, pieces[i].iov_base, part);
        }
        len += part;
    }
    ssize_t sent = send_bytes(session, block, len);
    block_put(block);
    return sent;
}

ssize_t session_try_send(struct tls_session *session, const struct iovec *pieces, int count) {
    if (session->closed) {
        return -ECANCELED;
    }
    if (session->stage != SESSION_READY) {
        return session->stage == SESSION_FAILED ? session->error : -EAGAIN;
    }
    if (session->finished) {
        return -EPIPE;
    }
    int rc = session_flush(session);
    if (rc < 0) {
        return rc == -EAGAIN ? rc : session_break(session, rc);
    }
    while (count > 1 && pieces[0].iov_len == 0) {
        pieces++;
        count--;
    }
    if (count == 1 || pieces[0].iov_len >= RECORD_MAX) {
        return send_bytes(session, pieces[0].iov_base, pieces[0].iov_len);
    }
    return send_gathered(session, pieces, count);
}

void session_finish(struct tls_session *session) {
    if (session->stage != SESSION_READY || session->finished) {
        return;
    }
    session->finished = true;
    ERR_clear_error();
    (void)SSL_shutdown(session->ssl);
    ERR_clear_error();
    (void)session_flush(session);
}

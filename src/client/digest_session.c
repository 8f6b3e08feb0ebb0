/* See digest_session.h. With H one of MD5, SHA-256, SHA-512-256 (section 3.4.1):
 *
 *      A1 = user:realm:password                    -sess: H(that):nonce:cnonce
 *      A2 = method:uri                             auth-int: method:uri:H(body)
 *      response = H(H(A1):nonce:nc:cnonce:qop:H(A2))      without qop, as RFC 2069 had it: H(H(A1):nonce:H(A2)) */
#include "client/digest_session.h"

#include <errno.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "http/codec/headers.h"
#include "sched/sched.h"

enum { SESSION_BYTES_MAX = 1 << 16, CNONCE_BYTES = 16 };

static const struct {
    wharf_str name;
    enum digest_kind kind;
    bool is_session;
    int rank;
} algorithms[] = {
    {{"MD5", 3}, DIGEST_MD5, false, 1},
    {{"MD5-sess", 8}, DIGEST_MD5, true, 1},
    {{"SHA-256", 7}, DIGEST_SHA256, false, 2},
    {{"SHA-256-sess", 12}, DIGEST_SHA256, true, 2},
    {{"SHA-512-256", 11}, DIGEST_SHA512_256, false, 3},
    {{"SHA-512-256-sess", 16}, DIGEST_SHA512_256, true, 3},
};

static bool choose_algorithm(struct digest_session *session, wharf_str name) {
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        if (str_equal_nocase(name.len > 0 ? name : STR("MD5"), algorithms[i].name)) {
            session->kind = algorithms[i].kind;
            session->is_session = algorithms[i].is_session;
            session->algorithm = name.len > 0 ? algorithms[i].name : STR("");
            return true;
        }
    }
    return false;
}

int digest_session_rank(const struct digest_session *session) {
    return (int)session->kind + 1;
}

static bool is_true(wharf_str text) {
    return str_equal_nocase(text, STR("true"));
}

/* False: not to be answered, or no memory. */
static bool session_read(struct digest_session *session, const struct challenge *challenge) {
    struct arena *arena = &session->arena;
    wharf_str qop = challenge_get(arena, challenge, STR("qop"));
    wharf_str algorithm = challenge_get(arena, challenge, STR("algorithm"));
    wharf_str realm = challenge_get(arena, challenge, STR("realm"));
    wharf_str nonce = challenge_get(arena, challenge, STR("nonce"));
    wharf_str opaque = challenge_get(arena, challenge, STR("opaque"));
    wharf_str option = {NULL, 0};
    session->is_utf8 = str_equal_nocase(challenge_get(arena, challenge, STR("charset")), STR("UTF-8"));
    session->hashes_user = is_true(challenge_get(arena, challenge, STR("userhash")));
    if (realm.ptr == NULL || nonce.ptr == NULL || !choose_algorithm(session, algorithm)) {
        return false;
    }
    bool has_options = qop.len > 0;
    while (header_list_next(&qop, &option)) {
        session->offers_auth = session->offers_auth || str_equal_nocase(option, STR("auth"));
        session->offers_auth_int = session->offers_auth_int || str_equal_nocase(option, STR("auth-int"));
    }
    session->realm = arena_copy(arena, realm.ptr, realm.len);
    session->nonce = arena_copy(arena, nonce.ptr, nonce.len);
    session->opaque = opaque.ptr != NULL ? arena_copy(arena, opaque.ptr, opaque.len) : opaque;
    return !arena->failed && (!has_options || session->offers_auth || session->offers_auth_int);
}

struct digest_session *digest_session_new(const struct challenge *challenge, wharf_str origin) {
    struct digest_session *session = mem_zalloc(sizeof(*session));
    if (session == NULL) {
        return NULL;
    }
    arena_init(&session->arena, NULL, 0, SESSION_BYTES_MAX);
    session->origin = arena_copy(&session->arena, origin.ptr, origin.len);
    if (!session_read(session, challenge)) {
        digest_session_free(session);
        return NULL;
    }
    return session;
}

void digest_session_free(struct digest_session *session) {
    if (session != NULL) {
        arena_deinit(&session->arena);
        mem_free(session);
    }
}

enum digest_qop digest_session_qop(const struct digest_session *session, bool has_body) {
    if (!session->offers_auth && !session->offers_auth_int) {
        return QOP_NONE;
    }
    return session->offers_auth_int && (has_body || !session->offers_auth) ? QOP_AUTH_INT : QOP_AUTH;
}

/* ---- the answer ---- */

struct answer {
    enum digest_qop qop;
    char cnonce[2 * CNONCE_BYTES + 1];
    char count[9];
    char response[DIGEST_HEX_SIZE];
};

static void draw_cnonce(char *out) {
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[CNONCE_BYTES];
    sched_random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * sizeof(bytes)] = '\0';
}

static wharf_str qop_name(enum digest_qop qop) {
    return qop == QOP_AUTH_INT ? STR("auth-int") : STR("auth");
}

static int respond(const struct digest_session *session, const struct digest_question *question,
                   struct answer *answer) {
    char a1[DIGEST_HEX_SIZE];
    char a2[DIGEST_HEX_SIZE];
    wharf_str cnonce = wharf_str_of(answer->cnonce);
    const wharf_str secret[] = {question->user, session->realm, question->password};
    const wharf_str target[] = {question->method, question->uri, wharf_str_of(question->body)};
    int rc = digest_joined(session->kind, secret, 3, a1);
    if (rc == 0 && session->is_session) {
        const wharf_str mixed[] = {wharf_str_of(a1), session->nonce, cnonce};
        rc = digest_joined(session->kind, mixed, 3, a1);
    }
    rc = rc < 0 ? rc : digest_joined(session->kind, target, answer->qop == QOP_AUTH_INT ? 3 : 2, a2);
    if (rc == 0 && answer->qop == QOP_NONE) {
        const wharf_str all[] = {wharf_str_of(a1), session->nonce, wharf_str_of(a2)};
        rc = digest_joined(session->kind, all, 3, answer->response);
    } else if (rc == 0) {
        const wharf_str all[] = {wharf_str_of(a1), session->nonce,        wharf_str_of(answer->count),
                                 cnonce,           qop_name(answer->qop), wharf_str_of(a2)};
        rc = digest_joined(session->kind, all, 6, answer->response);
    }
    explicit_bzero(a1, sizeof(a1));
    return rc;
}

static int append_quoted(struct buffer *out, const char *name, wharf_str value) {
    int rc = buffer_append_str(out, wharf_str_of(name));
    rc = rc < 0 ? rc : buffer_reserve(out, 2 * value.len + 2);
    if (rc == 0) {
        out->end += challenge_quote(value, out->data + out->end);
    }
    return rc;
}

static bool is_ascii(wharf_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

/* username*=UTF-8''..., RFC 8187. */
static int append_extended(struct buffer *out, wharf_str user) {
    int rc = buffer_append_str(out, STR("username*=UTF-8''"));
    for (size_t i = 0; rc == 0 && i < user.len; i++) {
        unsigned char c = (unsigned char)user.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (ascii_lower((char)c) >= 'a' && ascii_lower((char)c) <= 'z');
        rc = plain ? buffer_append(out, &c, 1) : buffer_printf(out, "%%%02X", c);
    }
    return rc;
}

static int append_user(const struct digest_session *session, wharf_str user, struct buffer *out) {
    if (session->hashes_user) {
        char hashed[DIGEST_HEX_SIZE];
        const wharf_str pieces[] = {user, session->realm};
        int rc = digest_joined(session->kind, pieces, 2, hashed);
        return rc < 0 ? rc : append_quoted(out, "username=", wharf_str_of(hashed));
    }
    return session->is_utf8 && !is_ascii(user) ? append_extended(out, user)
                                               : append_quoted(out, "username=", user);
}

static int append_answer(const struct digest_session *session, const struct digest_question *question,
                         const struct answer *answer, struct buffer *out) {
    int rc = buffer_append_str(out, STR("Digest "));
    rc = rc < 0 ? rc : append_user(session, question->user, out);
    rc = rc < 0 ? rc : append_quoted(out, ", realm=", session->realm);
    rc = rc < 0 ? rc : append_quoted(out, ", nonce=", session->nonce);
    rc = rc < 0 ? rc : append_quoted(out, ", uri=", question->uri);
    rc = rc < 0 ? rc : append_quoted(out, ", response=", wharf_str_of(answer->response));
    if (rc == 0 && session->algorithm.len > 0) {
        rc = buffer_printf(out, ", algorithm=%.*s", WHARF_STR_ARG(session->algorithm));
    }
    if (rc == 0 && session->opaque.ptr != NULL) {
        rc = append_quoted(out, ", opaque=", session->opaque);
    }
    if (rc == 0 && answer->qop != QOP_NONE) {
        rc = buffer_printf(out, ", qop=%s, nc=%s, cnonce=\"%s\"", qop_name(answer->qop).ptr, answer->count,
                           answer->cnonce);
    }
    return rc == 0 && session->hashes_user ? buffer_append_str(out, STR(", userhash=true")) : rc;
}

int digest_session_answer(struct digest_session *session, const struct digest_question *question,
                          struct buffer *out) {
    struct answer answer = {.qop = digest_session_qop(session, question->body != NULL)};
    if (answer.qop == QOP_AUTH_INT && question->body == NULL) {
        return -EPROTO;
    }
    draw_cnonce(answer.cnonce);
    (void)snprintf(answer.count, sizeof(answer.count), "%08x", ++session->count);
    int rc = respond(session, question, &answer);
    return rc < 0 ? rc : append_answer(session, question, &answer, out);
}

/* See auth.h. */
#include "client/auth.h"

#include <errno.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/text.h"
#include "client/fetch.h"
#include "client/options.h"
#include "client/response.h"
#include "http/codec/base64.h"

enum { UNAUTHORIZED = 401, ORIGIN_BYTES_MAX = 1 << 16, ORIGIN_SIZE = 512 };

/* ---- credentials ---- */

static int auth_set_origin(wharf_auth *auth, const char *origin) {
    struct url_error error;
    if (origin == NULL) {
        return 0;
    }
    int rc = url_parse(&auth->arena, wharf_str_of(origin), &auth->origin, &error);
    auth->has_origin = rc == 0;
    return rc < 0 ? fail(rc, "make credentials", "", "origin: %s (byte %zu)", error.reason, error.offset) : 0;
}

static int auth_check(const wharf_auth_options *options) {
    int kinds = (options->user != NULL) + (options->token != NULL || options->refresh != NULL) +
                (options->netrc != NULL);
    const char *problem = NULL;
    if (kinds != 1) {
        problem = "one of user, token (or refresh) and netrc has to be set";
    } else if (options->scheme < WHARF_AUTH_BASIC || options->scheme > WHARF_AUTH_ANY) {
        problem = "scheme is none of WHARF_AUTH_*";
    } else if (options->user != NULL && options->scheme != WHARF_AUTH_DIGEST &&
               strchr(options->user, ':') != NULL) {
        problem = "a user name with a colon cannot be sent by Basic";
    } else if (options->token != NULL && !h1_is_field_value(wharf_str_of(options->token))) {
        problem = "the token holds a byte that no header may hold";
    } else if (wharf_str_of(options->user).len + wharf_str_of(options->password).len > AUTH_NAME_MAX ||
               wharf_str_of(options->token).len > AUTH_TOKEN_MAX) {
        problem = "name and password have 2,048 bytes at most, a token 8,192";
    }
    return problem == NULL ? 0 : fail(-EINVAL, "make credentials", "", "%s", problem);
}

static int auth_fill(wharf_auth *auth, const wharf_auth_options *options) {
    auth->scheme = options->scheme;
    auth->refresh = options->refresh;
    auth->refresh_arg = options->refresh_arg;
    auth->is_bearer = options->token != NULL || options->refresh != NULL;
    auth->has_netrc = options->netrc != NULL;
    auth->tokens = options->token != NULL ? 1 : 0;
    auth->turn = wharf_shared_semaphore_new(1);
    if (auth->turn == NULL || secret_init(&auth->user, wharf_str_of(options->user)) < 0 ||
        secret_init(&auth->password, wharf_str_of(options->password)) < 0 ||
        secret_init(&auth->token, wharf_str_of(options->token)) < 0) {
        return fail(-ENOMEM, "make credentials", "", NULL);
    }
    int rc = auth_set_origin(auth, options->origin);
    return rc == 0 && auth->has_netrc ? netrc_open(&auth->netrc, options->netrc) : rc;
}

wharf_auth *wharf_auth_new(const wharf_auth_options *given) {
    wharf_auth_options options = {.size = 0};
    if (given == NULL) {
        (void)fail(-EINVAL, "read options", "", "there are none");
        return NULL;
    }
    if (client_options_copy(&options, sizeof(options), given, "wharf_auth_options") < 0 ||
        auth_check(&options) < 0) {
        return NULL;
    }
    wharf_auth *auth = mem_zalloc(sizeof(*auth));
    if (auth == NULL) {
        (void)fail(-ENOMEM, "make credentials", "", NULL);
        return NULL;
    }
    atomic_init(&auth->users, 1);
    (void)pthread_mutex_init(&auth->lock, NULL);
    arena_init(&auth->arena, NULL, 0, ORIGIN_BYTES_MAX);
    if (auth_fill(auth, &options) < 0) {
        wharf_auth_free(auth);
        return NULL;
    }
    return auth;
}

wharf_auth *auth_hold(wharf_auth *auth) {
    if (auth != NULL) {
        (void)atomic_fetch_add(&auth->users, 1);
    }
    return auth;
}

void wharf_auth_free(wharf_auth *auth) {
    if (auth == NULL || atomic_fetch_sub(&auth->users, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < AUTH_SESSIONS_MAX; i++) {
        digest_session_free(auth->sessions[i]);
    }
    secret_deinit(&auth->user);
    secret_deinit(&auth->password);
    secret_deinit(&auth->token);
    netrc_close(&auth->netrc);
    if (auth->turn != NULL) {
        wharf_shared_semaphore_unref(auth->turn);
    }
    arena_deinit(&auth->arena);
    (void)pthread_mutex_destroy(&auth->lock);
    mem_free(auth);
}

/* ---- whom they are for ---- */

static bool has_own_field(const struct fetch *fetch) {
    return fields_find(&fetch->headers, STR("Authorization")) != NULL ||
           fields_find(&fetch->client->headers, STR("Authorization")) != NULL;
}

static bool auth_is_for(const struct fetch *fetch) {
    const wharf_auth *auth = fetch->auth.auth;
    if (auth == NULL || has_own_field(fetch)) {
        return false;
    }
    if (auth->has_origin) {
        return url_same_origin(&auth->origin, &fetch->url);
    }
    return auth->has_netrc || !fetch->other_origin;
}

/* A name and a password as they are shown. The caller wipes it. */
struct pair {
    char bytes[AUTH_NAME_MAX];
    wharf_str user, password;
};

static wharf_str pair_put(struct pair *pair, size_t at, wharf_str token, bool quoted) {
    char *out = pair->bytes + at;
    if (quoted) {
        return (wharf_str){out, netrc_token(token, out)};
    }
    memcpy(out, token.ptr, token.len);
    return (wharf_str){out, token.len};
}

/* False: there are none for this host. */
static bool auth_pair(const struct fetch *fetch, struct pair *pair) {
    const wharf_auth *auth = fetch->auth.auth;
    wharf_str user = secret_view(&auth->user);
    wharf_str password = secret_view(&auth->password);
    if (auth->has_netrc && !netrc_find(secret_view(&auth->netrc.text), fetch->url.host, &user, &password)) {
        return false;
    }
    if (auth->is_bearer || user.len + password.len > AUTH_NAME_MAX) {
        return false;
    }
    pair->user = pair_put(pair, 0, user, auth->has_netrc);
    pair->password = pair_put(pair, user.len, password, auth->has_netrc);
    return true;
}

/* ---- what is shown ---- */

static int append_basic(const struct pair *pair, struct buffer *out) {
    char plain[AUTH_NAME_MAX + 1];
    size_t len = pair->user.len + 1 + pair->password.len;
    memcpy(plain, pair->user.ptr, pair->user.len);
    plain[pair->user.len] = ':';
    memcpy(plain + pair->user.len + 1, pair->password.ptr, pair->password.len);
    int rc = buffer_append_str(out, STR("Basic "));
    rc = rc < 0 ? rc : buffer_reserve(out, (len + 2) / 3 * 4);
    if (rc == 0) {
        out->end += base64_format((wharf_str){plain, len}, out->data + out->end);
    }
    explicit_bzero(plain, len);
    return rc;
}

/* "https://example.com:8443": what a session belongs to. */
static wharf_str origin_of(const struct fetch *fetch, char *out) {
    int len = snprintf(out, ORIGIN_SIZE, "%.*s://%.*s", WHARF_STR_ARG(fetch->url.scheme),
                       WHARF_STR_ARG(fetch->url.authority));
    return (wharf_str){out, len < 0 || len >= ORIGIN_SIZE ? 0 : (size_t)len};
}

static struct digest_session *find_session(const wharf_auth *auth, const struct fetch *fetch) {
    char text[ORIGIN_SIZE];
    wharf_str origin = origin_of(fetch, text);
    for (size_t i = 0; i < AUTH_SESSIONS_MAX && auth->sessions[i] != NULL; i++) {
        if (wharf_str_equal(auth->sessions[i]->origin, origin)) {
            return auth->sessions[i];
        }
    }
    return NULL;
}

static int append_digest(struct fetch *fetch, const struct pair *pair, struct buffer *out) {
    wharf_auth *auth = fetch->auth.auth;
    char hash[DIGEST_HEX_SIZE];
    struct digest_question question = {.user = pair->user,
                                       .password = pair->password,
                                       .method = fetch->method,
                                       .uri = fetch->url.origin_form};
    (void)pthread_mutex_lock(&auth->lock);
    struct digest_session *session = find_session(auth, fetch);
    int rc = 0;
    if (session != NULL) {
        bool whole = source_can_digest(&fetch->body);
        if (digest_session_qop(session, whole) == QOP_AUTH_INT && whole) {
            rc = source_digest(&fetch->body, session->kind, hash);
            question.body = hash;
        }
        rc = rc < 0 ? rc : digest_session_answer(session, &question, out);
        fetch->auth.shown = "Digest";
    }
    (void)pthread_mutex_unlock(&auth->lock);
    return rc;
}

static int append_token(struct fetch *fetch, struct buffer *out) {
    wharf_auth *auth = fetch->auth.auth;
    (void)pthread_mutex_lock(&auth->lock);
    fetch->auth.token = auth->tokens;
    fetch->auth.shown = "Bearer";
    int rc = buffer_append_str(out, STR("Bearer "));
    rc = rc < 0 ? rc : buffer_append_str(out, secret_view(&auth->token));
    (void)pthread_mutex_unlock(&auth->lock);
    return rc;
}

/* The value, or nothing. */
static int append_value(struct fetch *fetch, struct buffer *out) {
    const wharf_auth *auth = fetch->auth.auth;
    struct pair pair;
    if (auth->is_bearer) {
        return append_token(fetch, out);
    }
    if (!auth_pair(fetch, &pair)) {
        return 0;
    }
    int rc = 0;
    if (auth->scheme == WHARF_AUTH_BASIC || fetch->auth.wants_basic) {
        fetch->auth.shown = "Basic";
        rc = append_basic(&pair, out);
    } else {
        rc = append_digest(fetch, &pair, out);
    }
    explicit_bzero(&pair, sizeof(pair));
    return rc;
}

int auth_append(struct fetch *fetch, struct buffer *out) {
    static const wharf_str name = {"Authorization: ", sizeof("Authorization: ") - 1};
    fetch->auth.shown = NULL;
    if (!auth_is_for(fetch)) {
        return 0;
    }
    size_t before = buffer_len(out);
    int rc = buffer_append_str(out, name);
    rc = rc < 0 ? rc : append_value(fetch, out);
    if (rc == -EPROTO) {
        struct place place = fetch_place(fetch, NULL);
        return why_fail(-EINVAL, "authenticate to", &place,
                        "the server wants a digest of the body, and body_fn cannot be read twice");
    }
    if (rc < 0) {
        return rc;
    }
    if (buffer_len(out) == before + name.len) {
        out->end -= name.len;
        return 0;
    }
    return buffer_append_str(out, STR("\r\n"));
}

/* ---- tokens ---- */

/* Asks for a token, and keeps it. */
static int auth_ask(wharf_auth *auth) {
    char token[AUTH_TOKEN_MAX];
    struct secret fresh = {NULL, 0};
    ssize_t len = auth->refresh(auth->refresh_arg, token, sizeof(token));
    wharf_str text = {token, len > 0 && (size_t)len <= sizeof(token) ? (size_t)len : 0};
    int rc = (int)(len < 0 ? len : 0);
    if (rc == 0 && (text.len == 0 || !h1_is_field_value(text))) {
        rc = fail(-EINVAL, "refresh token", "", "what refresh gave is no token");
    }
    rc = rc < 0 ? rc : secret_init(&fresh, text);
    explicit_bzero(token, sizeof(token));
    if (rc < 0) {
        return rc;
    }
    (void)pthread_mutex_lock(&auth->lock);
    struct secret old = auth->token;
    auth->token = fresh;
    auth->tokens++;
    (void)pthread_mutex_unlock(&auth->lock);
    secret_deinit(&old);
    return 0;
}

/* A token newer than the one of the given number. Who finds that another one has had his turn meanwhile shares its result.
 * Suspends. */
static int auth_renew(struct fetch *fetch, uint64_t seen) {
    wharf_auth *auth = fetch->auth.auth;
    struct phase phase;
    (void)pthread_mutex_lock(&auth->lock);
    uint64_t turns = auth->turns;
    bool newer = auth->tokens > seen;
    (void)pthread_mutex_unlock(&auth->lock);
    if (newer) {
        return 0;
    }
    phase_open(&phase, &fetch->total, NULL, WHARF_OFF);
    int rc = wharf_shared_semaphore_acquire(auth->turn, 1);
    if (rc == 0) {
        bool failed = auth->turns != turns && auth->turn_result < 0;
        rc = auth->tokens > seen ? 0 : failed ? auth->turn_result : auth_ask(auth);
        (void)pthread_mutex_lock(&auth->lock);
        auth->turns++;
        auth->turn_result = rc == -ECANCELED || rc == -ETIMEDOUT ? 0 : rc;
        (void)pthread_mutex_unlock(&auth->lock);
        (void)wharf_shared_semaphore_release(auth->turn, 1);
    }
    phase_close(&phase);
    if (rc < 0) {
        struct place place = fetch_place(fetch, NULL);
        return why_fail(rc, "get token for", &place, "refresh gave up");
    }
    return 0;
}

int auth_begin(struct fetch *fetch) {
    const wharf_auth *auth = fetch->auth.auth;
    if (!auth_is_for(fetch) || !auth->is_bearer || auth->refresh == NULL) {
        return 0;
    }
    return auth_renew(fetch, 0);
}

/* ---- challenges ---- */

/* The best of what the server offers and we have. */
struct offer {
    struct digest_session *session;
    bool basic, stale;
};

static void consider(struct fetch *fetch, const struct challenge *challenge, struct offer *offer) {
    if (str_equal_nocase(challenge->scheme, STR("Basic"))) {
        offer->basic = true;
    }
    if (!str_equal_nocase(challenge->scheme, STR("Digest"))) {
        return;
    }
    char text[ORIGIN_SIZE];
    struct digest_session *session = digest_session_new(challenge, origin_of(fetch, text));
    if (session != NULL &&
        (offer->session == NULL || digest_session_rank(session) > digest_session_rank(offer->session))) {
        wharf_str stale = challenge_get(&session->arena, challenge, STR("stale"));
        digest_session_free(offer->session);
        offer->session = session;
        offer->stale = str_equal_nocase(stale, STR("true"));
    } else {
        digest_session_free(session);
    }
}

static struct offer read_offer(struct fetch *fetch) {
    const struct headers *headers = &fetch->response->headers;
    struct offer offer = {.session = NULL};
    for (size_t i = 0; i < headers->count; i++) {
        wharf_str rest = headers->at[i].value;
        struct challenge challenge;
        while (str_equal_nocase(headers->at[i].name, STR("WWW-Authenticate")) &&
               challenge_next(&rest, &challenge)) {
            consider(fetch, &challenge, &offer);
        }
    }
    return offer;
}

static void keep_session(wharf_auth *auth, struct digest_session *session) {
    size_t at = AUTH_SESSIONS_MAX - 1;
    (void)pthread_mutex_lock(&auth->lock);
    for (size_t i = 0; i < AUTH_SESSIONS_MAX; i++) {
        if (auth->sessions[i] == NULL || wharf_str_equal(auth->sessions[i]->origin, session->origin)) {
            at = i;
            break;
        }
    }
    digest_session_free(auth->sessions[at]);
    memmove(&auth->sessions[1], &auth->sessions[0], at * sizeof(struct digest_session *));
    auth->sessions[0] = session;
    (void)pthread_mutex_unlock(&auth->lock);
}

/* A second refusal is the answer - but for a nonce that was too old, once. */
static bool may_answer(struct auth_state *state, const struct offer *offer) {
    if (!state->answered && state->shown == NULL) {
        return true;
    }
    bool stale = offer->session != NULL && offer->stale && !state->was_stale;
    state->was_stale = state->was_stale || stale;
    /* What was shown unasked, from an earlier session, may have been refused for that alone. */
    return stale || (!state->answered && offer->session != NULL && strcmp(state->shown, "Digest") == 0);
}

static int answer_challenge(struct fetch *fetch) {
    struct auth_state *state = &fetch->auth;
    struct offer offer = read_offer(fetch);
    bool digest = state->auth->scheme != WHARF_AUTH_BASIC && offer.session != NULL;
    bool basic = state->auth->scheme == WHARF_AUTH_ANY && offer.basic && !digest;
    if ((!digest && !basic) || !may_answer(state, &offer)) {
        digest_session_free(offer.session);
        return 0;
    }
    state->answered = true;
    state->wants_basic = basic;
    if (digest) {
        keep_session(state->auth, offer.session);
    } else {
        digest_session_free(offer.session);
    }
    return 1;
}

int auth_answer(struct fetch *fetch) {
    struct auth_state *state = &fetch->auth;
    if (fetch->response->status != UNAUTHORIZED || !auth_is_for(fetch) || !source_can_replay(&fetch->body)) {
        return 0;
    }
    if (!state->auth->is_bearer) {
        struct pair pair;
        bool has_pair = auth_pair(fetch, &pair);
        explicit_bzero(&pair, sizeof(pair));
        return has_pair ? answer_challenge(fetch) : 0;
    }
    if (state->auth->refresh == NULL || state->answered) {
        return 0;
    }
    state->answered = true;
    int rc = auth_renew(fetch, state->token);
    return rc < 0 ? rc : 1;
}

/* Who the client is, at work: what is shown with a request, and what comes of a server's "no" (401).
 *
 *      wharf_auth --- name and password, or a token, or the entries of a netrc file
 *           `-------- Digest sessions: what each origin has challenged us with, so that the next request need not ask
 *
 * Everything that changes is under one lock that nobody holds while waiting; refreshing a token is one task's turn. */
#ifndef CLIENT_AUTH_H
#define CLIENT_AUTH_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buffer.h"
#include "base/secret.h"
#include "client/digest_session.h"
#include "client/netrc.h"
#include "http/codec/url.h"
#include "wharf/credentials.h"
#include "wharf/sync.h"

struct fetch;

enum {
    AUTH_SESSIONS_MAX = 16,
    AUTH_NAME_MAX = 2048, /* bytes of a name and a password together */
    AUTH_TOKEN_MAX = 8192,
    AUTH_FIELD_MAX = 16384 /* of an Authorization field, whatever the scheme */
};

struct wharf_auth {
    _Atomic int users;
    pthread_mutex_t lock;
    wharf_auth_scheme scheme;
    struct secret user, password, token;
    uint64_t tokens; /* how many there have been; tells one that a server refused from a newer one */
    uint64_t turns;  /* refreshes that have ended, well or not */
    int turn_result; /* of the last one */
    wharf_shared_semaphore *turn;
    wharf_token_fn refresh;
    void *refresh_arg;
    struct netrc netrc;
    bool has_netrc, has_origin, is_bearer;
    struct url origin;
    struct arena arena;                                 /* holds the origin */
    struct digest_session *sessions[AUTH_SESSIONS_MAX]; /* newest first */
};

/* Of one fetch. */
struct auth_state {
    wharf_auth *auth;  /* NULL: none */
    bool wants_basic;  /* a challenge asked for it */
    bool answered;     /* a challenge has been answered: a second refusal is the answer */
    bool was_stale;    /* it may be asked for a fresh answer once more */
    uint64_t token;    /* the token that was shown last */
    const char *shown; /* by which scheme it was shown; NULL: not at all */
};

wharf_auth *auth_hold(wharf_auth *auth);
/* Appends the Authorization field for where the fetch stands, or nothing. 0, or a recorded failure. */
int auth_append(struct fetch *fetch, struct buffer *out);
/* Before the first request: gets a token when there is none. 0, or a recorded failure. Suspends. */
int auth_begin(struct fetch *fetch);
/* Whether the response that has arrived asks for credentials in a way that can be answered: 1, having prepared for it; 0;
 * or a recorded failure. Suspends when a token is to be refreshed. */
int auth_answer(struct fetch *fetch);

#endif

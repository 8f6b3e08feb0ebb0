/* One fetch: what the caller asked for, and what it has come to on its way through redirects. */
#ifndef CLIENT_FETCH_H
#define CLIENT_FETCH_H

#include "client/auth.h"
#include "client/client.h"
#include "client/fields.h"
#include "client/phase.h"
#include "client/route.h"
#include "client/source.h"
#include "client/why.h"
#include "http/codec/head.h"
#include "http/codec/url.h"

struct fetch {
    /* as asked */
    const struct wharf_client *client;
    wharf_fetch_options options;
    wharf_client_limits limits;
    struct h1_limits codec_limits;
    struct budget total;
    struct fields headers;
    struct route_rules rules;
    wharf_str authorization; /* from the first URL */
    wharf_jar *jar;          /* NULL: none */
    struct auth_state auth;
    /* as it stands */
    struct url url;
    const char *public_url; /* for messages */
    wharf_str method;
    enum h1_method method_id;
    struct source body;
    bool other_origin;    /* a redirect has left the first origin: no credentials from here on */
    bool content_dropped; /* a redirect has turned the request into one without a body */
    bool no_expect;       /* the server does not want to be asked */
    const struct client_connection
        *carrier;         /* of the request that is being prepared; NULL: one to the server itself */
    struct visit *visits; /* redirects so far, newest first */
    int redirects;
    const char *why;     /* the next attempt is made: see wharf_attempt */
    bool is_unsent;      /* the server has not had the request of the last attempt, for certain */
    int retries;         /* so far */
    int retry_doublings; /* of the bound of the next pause */
    wharf_replay replay; /* the request's word, or the client's */
    wharf_str key;       /* the Idempotency-Key that was drawn; empty: none */
    struct arena arena;  /* all of the above that needs memory */
    wharf_response *response;
};

/* Whether the request may be sent twice without harm, by its method or by the caller's word. */
bool fetch_is_idempotent(const struct fetch *fetch);
/* Where a failure happened; peer may be NULL. */
struct place fetch_place(const struct fetch *fetch, const struct address *peer);

#endif

/* wharf/credentials.h - who a client is: names and passwords, tokens, and headers that are secrets.
 *
 *     wharf_auth *auth = wharf_auth_new(WHARF_OPTIONS(wharf_auth_options, .scheme = WHARF_AUTH_DIGEST,
 *                                                     .user = "ada", .password = password));
 *     wharf_client *client = wharf_client_new(WHARF_OPTIONS(wharf_client_options, .auth = auth));
 *
 * A secret of one's own, in whatever header a service wants it:
 *
 *     wharf_secret *key = wharf_secret_new("X-Api-Key", text, strlen(text), "https://api.example.com");
 *     wharf_response *r = wharf_fetch(NULL, WHARF_OPTIONS(wharf_fetch_options, .url = url,
 *                                                         .secrets = (wharf_secret *const[]){key, NULL}));
 *
 * Neither goes to another origin (scheme, host and port) than the one it is for, whatever redirects say. Their memory is
 * left out of core dumps and wiped when they are freed, as is what a request was made of; wharf_response_request() shows
 * "[hidden]" in their place, errors never show them. An Authorization header among the request's own wins over all this.
 *
 * Both are counted: a client keeps those it was made with. Tasks, cores and clients may share them.
 */
#ifndef WHARF_CREDENTIALS_H
#define WHARF_CREDENTIALS_H

#include "wharf/base.h"

WHARF_BEGIN

/** Credentials. */
typedef struct wharf_auth wharf_auth;
/** A header that one origin alone may see. */
typedef struct wharf_secret wharf_secret;

/** How a user's name and password are shown to a server. */
typedef enum wharf_auth_scheme {
    WHARF_AUTH_BASIC,  /**< with the first request, readable for who sees it: over TLS */
    WHARF_AUTH_DIGEST, /**< when the server asks, and never the password itself */
    WHARF_AUTH_ANY     /**< when the server asks, by the strongest of what it offers */
} wharf_auth_scheme;

/** Gives a fresh token: fills `out` (at most `size` bytes) and returns the length, or a negative code to give up,
 * which the response then carries. Called when there is no token yet, and when a server refuses the present one with
 * status 401; those who need it at the same time share one call. May suspend, and fetch. */
typedef ssize_t (*wharf_token_fn)(void *arg, char *out, size_t size);

/** Whose credentials, and for whom. */
typedef struct wharf_auth_options {
    size_t size; /**< sizeof(wharf_auth_options) */
    wharf_auth_scheme scheme;
    const char *user; /**< UTF-8; for Basic without a colon */
    const char *password;
    const char *token; /**< or: a bearer token */
    wharf_token_fn refresh;
    void *refresh_arg;
    /** Or: names and passwords by host, from a netrc file; "" is the user's own: $NETRC, else ~/.netrc. The host must be the
     *  one in the URL exactly; "default" is for all others. */
    const char *netrc;
    /** "https://example.com"; default: the origin that a fetch begins with; with netrc: any */
    const char *origin;
} wharf_auth_options;

/** Makes credentials; what options points to is copied. Suspends to read a netrc file. NULL on failure (wharf_why()):
 * a file that cannot be read, a colon in the user's name, nothing to show, no memory. Spec: RFC 7617 (Basic), RFC
 * 7616 (Digest: MD5, SHA-256, SHA-512-256, -sess, auth-int, userhash), RFC 6750 (bearer). */
WHARF_API WHARF_MUST_USE wharf_auth *wharf_auth_new(const wharf_auth_options *options);
/** Gives them up. NULL is fine. */
WHARF_API void wharf_auth_free(wharf_auth *auth);

/** Makes a secret header of `len` bytes. origin: the one it is for; NULL: the one that each fetch begins with. Does
 * not suspend. NULL on failure (wharf_why()): no header, no origin, no memory. */
WHARF_API WHARF_MUST_USE wharf_secret *wharf_secret_new(const char *name, const void *value, size_t len,
                                                        const char *origin);
/** Gives it up; wiped when nobody has it any more. NULL is fine. */
WHARF_API void wharf_secret_free(wharf_secret *secret);

WHARF_END

#endif

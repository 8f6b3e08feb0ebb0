/* wharf/web.h - what protects pages and their users: which other sites may read, which may write, and what browsers are told.
 *
 *     wharf_group *top = wharf_server_group(server);
 *     wharf_group_secure(top, NULL);                                             // nosniff, no frames, ...
 *     wharf_group_same_origin(top, NULL);                                        // no forms of other sites
 *     wharf_group_cors(api, WHARF_OPTIONS(wharf_cors, .origins = "https://app.example.com"));
 *
 * Each is a step before the handlers of a group (wharf/route.h), in the order of adding.
 */
#ifndef WHARF_WEB_H
#define WHARF_WEB_H

#include "wharf/route.h"

WHARF_BEGIN

/** Which pages of other origins may read the replies of a group, by their scripts. */
typedef struct wharf_cors {
    size_t size;         /**< sizeof(wharf_cors) */
    const char *origins; /**< "https://a.example, https://b.example:8443", or "*" for all */
    const char *methods; /**< beyond GET, HEAD and POST, in a list: "PUT, DELETE"; NULL: none */
    /** That their requests may have beyond the harmless ones: "Authorization"; NULL: none */
    const char *headers;
    const char *expose; /**< headers of replies that their scripts may read; NULL: the harmless ones */
    /** How long a browser may remember the answer to a preflight: 600; WHARF_OFF: not at all */
    int64_t max_age_s;
    bool credentials; /**< their requests come with the cookies of this site; not for "*" */
} wharf_cors;

/** Lets pages of other origins read what a group replies, errors included. Preflights are answered with a 204 and
 *  reach no handler. cors: copied. Before the server runs; does not suspend. Errors: -EINVAL (lists that may not be
 *  sent, credentials for all), -EBUSY, -ENOMEM. Spec: the Fetch Standard, section 3.2. */
WHARF_API int wharf_group_cors(wharf_group *group, const wharf_cors *cors);

/** What browsers are told to refuse. A text that is "" is not sent. */
typedef struct wharf_secure {
    size_t size;                         /**< sizeof(wharf_secure) */
    const char *frame_options;           /**< who may show a page in a frame; default "DENY" */
    const char *referrer_policy;         /**< default "strict-origin-when-cross-origin" */
    const char *content_security_policy; /**< default none */
    /** Over TLS: for so long only TLS, in seconds; default 31,536,000 (a year); WHARF_OFF: not said */
    int64_t hsts_s;
} wharf_secure;

/** Adds such headers to the replies of a group, and "X-Content-Type-Options: nosniff", unless the handler has set
 *  them. secure: NULL for the defaults; copied. Before the server runs; does not suspend. Errors: -EINVAL, -EBUSY,
 *  -ENOMEM. */
WHARF_API int wharf_group_secure(wharf_group *group, const wharf_secure *secure);

/** Refuses with a 403 what a browser sends for a page of another site, unless its method is safe: forms and scripts
 *  of others cannot act as the user. Told by Sec-Fetch-Site, or else by Origin; programs that send neither are let
 *  through. trusted: origins that may, in a list; NULL: none; copied. Before the server runs; does not suspend.
 *  Errors: -EINVAL, -EBUSY, -ENOMEM. */
WHARF_API int wharf_group_same_origin(wharf_group *group, const char *trusted);

WHARF_END

#endif

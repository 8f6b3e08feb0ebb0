/* wharf/auth.h - who a client is, and what it may.
 *
 *     wharf_group *private = wharf_group_new(wharf_server_group(server), "/private", NULL);
 *     wharf_group_guard(private, WHARF_OPTIONS(wharf_guard_options, .realm = "Staff", .users_file = "staff.htpasswd"));
 *     wharf_group_route(private, "GET /report", report, NULL);
 *
 * Who is not known gets a 401 with a challenge, who is known and may not gets a 403, and no handler sees them. In a handler
 * wharf_request_user() tells who it is, and so does the access log. A handler can look for itself, too:
 *
 *     wharf_str user, password;
 *     if (wharf_request_basic(request, &user, &password) < 0 || !is_good(user, password)) {
 *         return wharf_reply_challenge(request, "Basic realm=\"Reports\"");
 *     }
 *
 * Spec: RFC 9110 section 11, RFC 7617, RFC 6750.
 */
#ifndef WHARF_AUTH_H
#define WHARF_AUTH_H

#include "wharf/base.h"
#include "wharf/route.h"
#include "wharf/server.h"

WHARF_BEGIN

/** Says whose a token of the scheme Bearer is: 1 and *ret_user (which must last until the handler returns), or 0:
 *  nobody's. Another number below 0 fails the request. May suspend. */
typedef int (*wharf_guard_token)(wharf_request *request, wharf_str token, wharf_str *ret_user, void *arg);
/** Whether a user may do what it asks for; false: 403. May suspend. */
typedef bool (*wharf_guard_permit)(wharf_request *request, wharf_str user, void *arg);

/** Who is let in. One of users_file, user and token is needed, and several may be given. */
typedef struct wharf_guard_options {
    size_t size;       /**< sizeof(wharf_guard_options) */
    const char *realm; /**< what browsers show; default "Restricted" */
    /** Lines of NAME:HASH, as `htpasswd -B` writes them: bcrypt, yescrypt, or SHA-crypt. It is read again at each
     *  attempt; who was let in is not looked up again for 30 seconds */
    const char *users_file;
    const char *user;          /**< one more user by this name */
    const char *password;      /**< and this password, in clear */
    wharf_guard_token token;   /**< whose a token is; NULL: there are no tokens */
    wharf_guard_permit permit; /**< what a user may; NULL: everything here */
    void *arg;                 /**< the argument of both */
    /** How long a wrong answer takes: default 1000; WHARF_OFF: no longer than the check */
    int64_t failure_ms;
} wharf_guard_options;

/** Lets only known clients reach the routes of a group, and of the groups inside it. options: copied; NULL: everybody
 *  is let in, whatever the group around says. Hashes are compared on the offload pool, two at a time. Paths that lead
 *  to no route are a 404 to everybody. Before the server runs; does not suspend. wharf_serve() repeats the first
 *  error. Errors: -EINVAL (options that let nobody in; a file with a line that is none: wharf_why() names it), -EBUSY
 *  (running), -ENOMEM, and those of open(2) for the file. */
WHARF_API int wharf_group_guard(wharf_group *group, const wharf_guard_options *options);

/** Who the client is; ptr NULL: nobody has asked for it. Does not suspend. */
WHARF_API wharf_str wharf_request_user(const wharf_request *request);
/** Says who the client is, for handlers that find out themselves: for the access log and the above. user: copied.
 *  Does not suspend. Errors: -ENOMEM. */
WHARF_API int wharf_request_set_user(wharf_request *request, wharf_str user);

/** The user and the password that the client gives by the scheme Basic, as it wrote them; views that live until the
 *  handler returns. Compare passwords with wharf_str_equal_secret(). Does not suspend. Errors: -ENOENT (it gives
 *  none), -EINVAL (what it gives is malformed), -ENOMEM; the outputs are untouched then. */
WHARF_API int wharf_request_basic(wharf_request *request, wharf_str *ret_user, wharf_str *ret_password);

/** The token that the client gives by the scheme Bearer; ptr NULL: none, or a malformed one. Does not suspend. */
WHARF_API wharf_str wharf_request_bearer(const wharf_request *request);

/** Replies 401 with a challenge ("Bearer", "Basic realm=\"Reports\""). Errors: as wharf_reply_text(). */
WHARF_API int wharf_reply_challenge(wharf_request *request, const char *challenge);

/** Whether two texts are the same, in a time that depends on their lengths alone. Does not suspend. */
WHARF_API bool wharf_str_equal_secret(wharf_str a, wharf_str b);

WHARF_END

#endif

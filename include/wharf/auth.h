/* wharf/auth.h - who a client is.
 *
 *     static int report(wharf_request *request, void *arg) {
 *         wharf_str user, password;
 *         if (wharf_request_basic(request, &user, &password) < 0 || !is_good(user, password)) {
 *             return wharf_reply_challenge(request, "Basic realm=\"Reports\"");
 *         }
 *         ...
 *
 * Spec: RFC 9110 section 11, RFC 7617, RFC 6750.
 */
#ifndef WHARF_AUTH_H
#define WHARF_AUTH_H

#include "wharf/base.h"
#include "wharf/server.h"

WHARF_BEGIN

/** The user and the password that the client gives by the scheme Basic, as it wrote them; views that live until the handler
 *  returns. Compare passwords with wharf_secret_equal(). Does not suspend. Errors: -ENOENT (it gives none), -EINVAL (what it
 *  gives is malformed), -ENOMEM; the outputs are untouched then. */
WHARF_API int wharf_request_basic(wharf_request *request, wharf_str *ret_user, wharf_str *ret_password);

/** The token that the client gives by the scheme Bearer; ptr NULL: none, or a malformed one. Does not suspend. */
WHARF_API wharf_str wharf_request_bearer(const wharf_request *request);

/** Replies 401 with a challenge ("Bearer", "Basic realm=\"Reports\""). Errors: as wharf_reply_text(). */
WHARF_API int wharf_reply_challenge(wharf_request *request, const char *challenge);

/** Whether two texts are the same, in a time that depends on their lengths alone. Does not suspend. */
WHARF_API bool wharf_secret_equal(wharf_str a, wharf_str b);

WHARF_END

#endif

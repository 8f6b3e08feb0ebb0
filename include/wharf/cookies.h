/* wharf/cookies.h - a jar of cookies, for clients.
 *
 *     wharf_jar *jar = wharf_jar_new(NULL);
 *     int rc = wharf_jar_load(jar, "cookies.json");               // -ENOENT the first time
 *     wharf_client *client = wharf_client_new(WHARF_OPTIONS(wharf_client_options, .jar = jar));
 *     ...                                                          // what servers set comes back to them
 *     rc = wharf_jar_save(jar, "cookies.json", WHARF_JAR_JSON);
 *     wharf_client_free(client);
 *     wharf_jar_free(jar);
 *
 * A jar does what a browser's does: a cookie goes back to the host that set it, or to the domain it named when that is
 * the host's own and no public suffix ("co.uk"; Debian's package publicsuffix), under its path, over TLS alone where it is
 * marked so. Tasks, cores and clients may share one.
 */
#ifndef WHARF_COOKIES_H
#define WHARF_COOKIES_H

#include "wharf/base.h"
#include "wharf/http.h"

WHARF_BEGIN

/** Cookies, counted: it lives until its last user has freed it. */
typedef struct wharf_jar wharf_jar;

/** How a jar is to be. What is beyond a limit is left out or, the oldest first, forgotten; it is never an error. */
typedef struct wharf_jar_options {
    size_t size;          /**< sizeof(wharf_jar_options) */
    int64_t cookies;      /**< kept in all: 3,000 */
    int64_t per_domain;   /**< kept for each domain: 180 */
    int64_t per_response; /**< Set-Cookie fields heeded in one response: 50 */
    int64_t sent;         /**< cookies in one request: 150 */
    int64_t sent_bytes;   /**< bytes of a Cookie field: 8,190 */
    /** The list of public suffixes; default that of the system, "" none: then a name without a dot is one */
    const char *suffix_file;
} wharf_jar_options;

/** One cookie of a jar. */
typedef struct wharf_jar_cookie {
    wharf_str name, value, path;
    wharf_str domain; /**< the host, or with is_domain it and everything below it */
    bool is_domain, secure, http_only;
    wharf_same_site same_site; /**< as it was said; a client that is no browser sends it all the same */
    int64_t expires;           /**< seconds since 1970; 0: it is a session's, without an end */
} wharf_jar_cookie;

/** How cookies are written to a file. */
typedef enum wharf_jar_format {
    WHARF_JAR_JSON,    /**< everything */
    WHARF_JAR_NETSCAPE /**< what curl and wget read; SameSite is lost */
} wharf_jar_format;

/** To be added to the format: leave the cookies of a session out. */
#define WHARF_JAR_PERSISTENT 0x100

/** Makes an empty jar. options: NULL for the defaults. NULL when memory ran out or the options are wrong
 * (wharf_why()). Does not suspend. */
WHARF_API WHARF_MUST_USE wharf_jar *wharf_jar_new(const wharf_jar_options *options);
/** Gives it up; clients that were made with it keep it. NULL is fine. */
WHARF_API void wharf_jar_free(wharf_jar *jar);

/** Takes in the value of a Set-Cookie field as if the URL's server had sent it. Clients do this themselves. Returns
 * 1, or 0: the rules refuse this cookie. Does not suspend.
 * Errors: -WHARF_EADDRESS (the URL), -ENOMEM. Spec: RFC 6265 section 5.3. */
WHARF_API int wharf_jar_set(wharf_jar *jar, const char *url, const char *set_cookie);

/** The value of a Cookie field for a URL, with a NUL. out: `size` bytes. Returns its length, 0 when there is no cookie
 * for it. Does not suspend. Errors: -WHARF_EADDRESS, -ENOMEM, -ENOBUFS (size). Spec: RFC 6265 section 5.4. */
WHARF_API ssize_t wharf_jar_get(wharf_jar *jar, const char *url, char *out, size_t size);

/** Calls `each` for every cookie, the oldest first; the views hold during that call, which must not use the jar. A
 * negative result of it ends this, and is returned. Does not suspend (and `each` must not). */
WHARF_API int wharf_jar_each(wharf_jar *jar, int (*each)(void *arg, const wharf_jar_cookie *cookie),
                             void *arg);

/** Forgets cookies: all, or those of a domain and what lies below it. Returns how many. Does not suspend. */
WHARF_API int wharf_jar_clear(wharf_jar *jar, const char *domain);

/** Adds what a file holds, in either format, to the jar; a cookie that has ended is left out. Suspends. Errors: those
 * of open(2) (-ENOENT: there is none yet), -WHARF_EPROTOCOL (neither format; wharf_why() says the line),
 * -WHARF_ELIMIT (more than 16 MiB), -ENOMEM, -ECANCELED. */
WHARF_API int wharf_jar_load(wharf_jar *jar, const char *path);

/** Brings a file up to date with what has changed in the jar since it was loaded or saved last, so that programs which
 * share one do not undo each other's changes. The file is replaced in one step and is its owner's alone (0600).
 * format: WHARF_JAR_JSON or WHARF_JAR_NETSCAPE, with WHARF_JAR_PERSISTENT added or not. Suspends. Errors: those of
 * open(2), write(2) and rename(2), -ETIMEDOUT (another program holds the folder's lock for 10 seconds), and as
 * wharf_jar_load(): a file that is no jar is not overwritten. */
WHARF_API int wharf_jar_save(wharf_jar *jar, const char *path, int format);

WHARF_END

#endif

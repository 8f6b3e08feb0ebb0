/* Cookies as a client receives them (RFC 6265 section 5, and its successor where that is stricter): lenient in what it
 * takes for a cookie, exact in whom it belongs to. Values are never quoted, unquoted or decoded.
 *
 * A cookie without a name is no cookie here: the successor allows it, but on the wire it cannot be told from another one's
 * name and value, and a server that sends one is broken more often than not. */
#ifndef HTTP_CODEC_SET_COOKIE_H
#define HTTP_CODEC_SET_COOKIE_H

#include "base/arena.h"
#include "wharf/http.h"

enum {
    COOKIE_LINE_MAX = 5000,     /* bytes of a Set-Cookie value */
    COOKIE_PAIR_MAX = 4096,     /* of name and value together */
    COOKIE_ATTRIBUTE_MAX = 1024 /* a longer attribute is as if it were not there */
};
static const int64_t COOKIE_AGE_MAX_S = 400LL * 24 * 3600; /* nothing is kept longer */

struct set_cookie {
    wharf_str name, value;
    wharf_str domain; /* without a leading dot; empty: this host alone */
    wharf_str path;   /* begins with '/'; empty: the default of the URL */
    bool has_expiry;
    int64_t expiry; /* seconds since 1970; in the past: the cookie is to be forgotten */
    bool secure, http_only;
    wharf_same_site same_site;
};

/* Reads the value of a Set-Cookie field; the result views it. now: seconds since 1970. False: it is no cookie. */
bool set_cookie_parse(wharf_str line, int64_t now, struct set_cookie *ret_cookie);

/* The date of an Expires attribute, in whatever order it says what it says (RFC 6265 section 5.1.1). */
bool cookie_date_parse(wharf_str text, int64_t *ret_seconds);

/* Whether the host is the domain or lies below it. Both in lower case and ASCII; an address never lies below anything. */
bool cookie_domain_matches(wharf_str host, wharf_str domain);
bool cookie_path_matches(wharf_str path, wharf_str cookie_path);
/* The path of a cookie that names none: the URL's up to its last '/'. */
wharf_str cookie_default_path(wharf_str path);
/* Whether a name keeps the promise of its prefix, "__Secure-" or "__Host-" (in any case, as the successor has it).
 * has_domain: the cookie is for more than one host. */
bool cookie_keeps_promise(const struct set_cookie *cookie, bool has_domain, wharf_str path);

#endif

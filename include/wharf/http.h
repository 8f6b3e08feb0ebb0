/* wharf/http.h - what HTTP clients and servers share: header fields, status codes, dates. Names are RFC
 * 9110's.
 */
#ifndef WHARF_HTTP_H
#define WHARF_HTTP_H

#include "wharf/base.h"

WHARF_BEGIN

/** One header field as it was received; the views live as long as the message they are part of. */
typedef struct wharf_header {
    wharf_str name;
    wharf_str value;
} wharf_header;

/** Whether a cookie goes along when another site leads to this one. */
typedef enum wharf_same_site {
    WHARF_SAME_SITE_LAX,    /**< when a link is followed; the default here and in browsers */
    WHARF_SAME_SITE_STRICT, /**< never */
    WHARF_SAME_SITE_NONE,   /**< always; only with secure */
    WHARF_SAME_SITE_UNSAID  /**< whatever the browser thinks */
} wharf_same_site;

/** A cookie to be set. Only name and value are needed. Spec: RFC 6265 section 4.1. */
typedef struct wharf_cookie {
    size_t size;        /**< sizeof(wharf_cookie) */
    const char *name;   /**< a token; "__Host-..." and "__Secure-..." are held to what they promise */
    const char *value;  /**< visible ASCII without blank, quote, comma, semicolon, backslash; never encoded */
    const char *path;   /**< default "/" */
    const char *domain; /**< default: this host alone */
    int64_t max_age_s;  /**< how long it is kept, in seconds; 0: until the browser ends */
    bool remove;        /**< forget it: value and max_age_s do not count */
    bool secure;        /**< only over TLS; always set when the request came so */
    bool script;        /**< the page's scripts may read it: no HttpOnly */
    wharf_same_site same_site; /**< default WHARF_SAME_SITE_LAX */
} wharf_cookie;

/** Bytes that hold any HTTP date, its NUL included: "Sun, 06 Nov 1994 08:49:37 GMT". */
#define WHARF_DATE_SIZE 30

/** The reason phrase of a status code ("Not Found"), static text; "" for one that is not registered.
 *  status: 100 to 999. Does not suspend. Spec: RFC 9110 section 15. */
WHARF_API const char *wharf_status_text(int status);

/** Writes seconds since 1970 as an HTTP date (IMF-fixdate) with a NUL. out: WHARF_DATE_SIZE bytes.
 * Returns 29. Does not suspend. Errors: -ERANGE (the year does not have four digits). Spec: RFC 9110
 * section 5.6.7. */
WHARF_API int wharf_date_format(int64_t seconds, char *out);

/** Reads any of the three forms of an HTTP date into seconds since 1970. Does not suspend.
 *  Errors: -EINVAL; *ret_seconds is untouched then. Spec: RFC 9110 section 5.6.7. */
WHARF_API int wharf_date_parse(wharf_str text, int64_t *ret_seconds);

/** Whether a text is one JSON value in UTF-8: NULL, or what is wrong with it, static text, and *ret_offset says at
 * which byte. Nothing is built, and nesting is limited to 512. Does not suspend. Spec: RFC 8259. */
WHARF_API const char *wharf_json_check(const char *text, size_t len, size_t *ret_offset);

WHARF_END

#endif

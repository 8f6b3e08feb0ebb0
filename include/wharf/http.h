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

WHARF_END

#endif

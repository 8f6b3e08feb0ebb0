/* Status codes of HTTP: their phrases, and what they mean for the message. */
#ifndef HTTP_CODEC_STATUS_H
#define HTTP_CODEC_STATUS_H

#include "wharf/base.h"

/* Three digits, the first of them not 0. */
bool status_is_valid(int status);
/* "Not Found"; the empty view for a code without a registered phrase. Static. */
wharf_str status_phrase(int status);
/* Whether a response of this status can have content at all, whatever the method: not 1xx, 204 and 304
 * (RFC 9110 section 6.4.1). */
bool status_allows_body(int status);
/* 301, 302, 303, 307, 308: a Location with it is a redirect to follow. */
bool status_is_redirect(int status);

#endif

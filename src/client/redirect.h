/* Where a redirect leads, and what becomes of the request on the way. RFC 9110 section 15.4. */
#ifndef CLIENT_REDIRECT_H
#define CLIENT_REDIRECT_H

#include "client/fetch.h"

/* Whether the response that has arrived is a redirect that the fetch wants to follow. */
bool redirect_is_wanted(const struct fetch *fetch);
/* Turns the fetch towards the response's Location: URL, method, body, which headers are still sent. 0, or a recorded
 * failure: -WHARF_EREDIRECT, -WHARF_ELIMIT, -ENOMEM. */
int redirect_follow(struct fetch *fetch);

/* The method after a redirect (RFC 9110 section 15.4; what browsers do about 301 and 302). Pure. */
wharf_str redirect_method(int status, wharf_str method);

#endif

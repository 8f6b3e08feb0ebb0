/* Credentials that stand in a URL. */
#ifndef CLIENT_AUTHORIZATION_H
#define CLIENT_AUTHORIZATION_H

#include "base/arena.h"
#include "http/codec/url.h"

/* The value of an Authorization header for http://user:password@...: "Basic ...", in the arena; {NULL, 0} when the URL
 * has no credentials. 0, -EINVAL (a colon in the user's name; recorded) or -ENOMEM. RFC 7617. */
int authorization_of_url(struct arena *arena, const struct url *url, wharf_str *ret_value);

#endif

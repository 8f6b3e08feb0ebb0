/* Names and passwords by host, as ftp(1) has kept them since 1978:
 *
 *      machine example.com login ada password "a b"
 *      default login guest password guest
 */
#ifndef CLIENT_NETRC_H
#define CLIENT_NETRC_H

#include "base/secret.h"

struct netrc {
    struct secret text;
};

/* Reads a file; "" is the user's own. 0, or a recorded failure. Suspends. */
int netrc_open(struct netrc *netrc, const char *path);
void netrc_close(struct netrc *netrc);
/* The first entry for a host, compared without case, or the default one; the views hold the tokens as they stand, which
 * netrc_token() makes plain. False: there is none. Pure. */
bool netrc_find(wharf_str text, wharf_str host, wharf_str *ret_login, wharf_str *ret_password);
/* A token without quotes and backslashes, written to `out` (token.len bytes); its length. */
size_t netrc_token(wharf_str token, char *out);

#endif

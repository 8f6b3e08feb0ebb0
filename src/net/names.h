/* From a host name to addresses: literals and localhost at once, other names by getaddrinfo on a pool of its
 * own. */
#ifndef NET_NAMES_H
#define NET_NAMES_H

#include "net/address.h"

enum { NAMES_ADDRESSES_MAX = 16 };

/* Fills `out` in the order to try; returns how many (1 to max). Suspends unless the text is a literal,
 * localhost or Unix. Errors (recorded): -WHARF_ENAME, -WHARF_EADDRESS, -ENOMEM, -ECANCELED, -ETIMEDOUT. */
int names_resolve(const struct address_text *text, int family, struct address *out, int max);

#endif

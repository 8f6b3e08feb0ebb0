/* getaddrinfo(3), for what only the system's own resolver can: nsswitch.conf asks for mDNS, LDAP and the like. */
#ifndef NET_NAMES_SYSTEM_H
#define NET_NAMES_SYSTEM_H

#include "net/address.h"

/* The addresses, port 0, in the system's order. Runs on the pool for names. Returns how many, at least 1. Records nothing;
 * *ret_words (static) says why there is none. Suspends. Errors: -WHARF_ENAME, -WHARF_ENAMESERVER, -ENOMEM, -ECANCELED,
 * -ETIMEDOUT. */
int system_resolve(wharf_str host, int family, struct address *out, int max, const char **ret_words);

#endif

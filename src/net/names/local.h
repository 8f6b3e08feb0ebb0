/* Questions that no server is asked, because the answer is the same on every machine: localhost and the names below it (RFC 6761
 * section 6.3), literals, which are their own address, and the name of the loopback addresses (RFC 6303).
 *
 *      localhost A -> 127.0.0.1    ::1 AAAA -> ::1    127.0.0.1 PTR -> localhost    localhost MX -> nothing */
#ifndef NET_NAMES_LOCAL_H
#define NET_NAMES_LOCAL_H

#include <stdbool.h>

#include "wharf/base.h"

/* Whether it is such a question. name: as name servers are asked, without a dot at the end. *ret_data: what the record says, static or
 * `name`; NULL: there is no record of the type, and there will be none. */
bool local_answers(const char *name, unsigned type, const char **ret_data);

#endif

/* A record as people read it: the data of the types that have a form of their own, as in a zone file (RFC 1035 section 5,
 * RFC 3597 for all others). */
#ifndef NET_NAMES_RECORD_H
#define NET_NAMES_RECORD_H

#include "base/arena.h"
#include "net/names/message.h"
#include "wharf/names.h"

/* Texts go to the arena. 0, -WHARF_EPROTOCOL (the data are not what the type says) or -ENOMEM. */
int record_describe(struct dns_message message, const struct dns_record *record, struct arena *arena,
                    wharf_record *ret_record);

#endif

/* How many connections each address has open, for limits.connections_per_address. All cores count in one table, behind a lock
 * that is held for a few instructions. */
#ifndef SERVER_ADDRESSES_H
#define SERVER_ADDRESSES_H

#include <stdbool.h>
#include <stdint.h>

struct addresses;
struct peer;

/* NULL without memory. */
struct addresses *addresses_new(void);
void addresses_free(struct addresses *addresses); /* NULL is fine */

/* One more from this address, whose /64 counts as one where it is IPv6; addresses_leave() takes it back. False: it has `max`
 * already, or there is no memory to count it. What has no address is not counted. */
bool addresses_enter(struct addresses *addresses, const struct peer *peer, int64_t max);
void addresses_leave(struct addresses *addresses, const struct peer *peer);

#endif

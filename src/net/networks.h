/* Which addresses may be connected to: a program that fetches what strangers ask for must not reach the inside of its own
 * network for them. The rule is applied to the very address that is then connected to, so no name can lead around it.
 *
 *      rules  = rule *( ( " " / "," ) rule )
 *      rule   = [ "!" ] ( "public" / "any" / IP [ "/" bits ] )
 *
 * An address is allowed when no "!" rule covers it, and another rule does, or there are none but "!" rules. "public": what the
 * registries of special addresses (RFC 6890) leave, and no known address of a cloud's metadata. An IPv6 address with an IPv4 one
 * inside (mapped, NAT64) is judged by the latter. */
#ifndef NET_NETWORKS_H
#define NET_NETWORKS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"

enum { NETWORKS_MAX = 64 };

struct network {
    uint8_t address[16]; /* an IPv4 one as IPv6: ::ffff:a.b.c.d */
    uint8_t bits;        /* 0 to 128 */
    bool is_public;      /* not this network but whatever is public */
    bool is_denied;
};

struct networks {
    int count;
    struct network at[NETWORKS_MAX];
};

/* Reads rules. 0; -EINVAL with *ret_rule, the one that is wrong; -WHARF_ELIMIT (NETWORKS_MAX). Pure. */
int networks_parse(wharf_str text, struct networks *ret_networks, wharf_str *ret_rule);
/* Whether an address may be connected to. NULL: everything may. Of addresses that are no IP, none. Pure. */
bool networks_allow(const struct networks *networks, const struct sockaddr *address);
/* Whether an address is one of the public internet. Pure. */
bool address_is_public(const struct sockaddr *address);

#endif

/* See order.h. The rules of RFC 6724 section 6 by number; 3 (deprecated addresses), 4 (home addresses) and 7 (native
 * transport) need what the kernel tells nobody. Rule 9 is for IPv6 alone: among IPv4 addresses it defeats the turns that
 * name servers give them. */
#include "net/names/order.h"

#include <netinet/in.h>

#include "sched/engine.h"
#include "sched/sched.h"

/* ---- section 2.1: the policy table ---- */

static const struct policy {
    unsigned char prefix[16];
    int prefix_bits;
    int precedence, label;
} policies[] = {
    {{[15] = 1}, 128, 50, 0},                /* ::1 */
    {{[10] = 0xff, [11] = 0xff}, 96, 35, 4}, /* ::ffff:0:0/96, IPv4 */
    {{0x20, 0x02}, 16, 30, 2},               /* 2002::/16, 6to4 */
    {{0x20, 0x01}, 32, 5, 5},                /* 2001::/32, Teredo */
    {{0xfc}, 7, 3, 13},                      /* fc00::/7, unique local */
    {{0}, 96, 1, 3},                         /* ::/96, IPv4-compatible */
    {{0xfe, 0xc0}, 10, 1, 11},               /* fec0::/10, site-local */
    {{0x3f, 0xfe}, 16, 1, 12},               /* 3ffe::/16, 6bone */
    {{0}, 0, 40, 1},                         /* ::/0 */
};

/* Sixteen bytes for both families: IPv4 mapped. */
static void wide(const struct address *address, unsigned char out[16]) {
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (address->any.sa_family == AF_INET) {
        memcpy(&v4, &address->storage, sizeof(v4));
        memset(out, 0, 10);
        out[10] = out[11] = 0xff;
        memcpy(out + 12, &v4.sin_addr, 4);
    } else {
        memcpy(&v6, &address->storage, sizeof(v6));
        memcpy(out, &v6.sin6_addr, 16);
    }
}

/* How many leading bits two addresses share. */
static int common_bits(const unsigned char a[16], const unsigned char b[16]) {
    int bits = 0;
    while (bits < 128 && ((a[bits / 8] ^ b[bits / 8]) >> (7 - bits % 8) & 1) == 0) {
        bits++;
    }
    return bits;
}

/* The first whose prefix fits: the longer ones stand first where two overlap. */
static const struct policy *policy_of(const unsigned char address[16]) {
    const struct policy *policy = policies;
    while (common_bits(policy->prefix, address) < policy->prefix_bits) {
        policy++;
    }
    return policy;
}

/* ---- section 3.1: scopes ---- */

enum { SCOPE_LINK = 0x2, SCOPE_SITE = 0x5, SCOPE_GLOBAL = 0xe };

static bool is_ipv4(const unsigned char address[16]) {
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(address, mapped, sizeof(mapped)) == 0;
}

static int scope_of_address(const unsigned char address[16]) {
    static const unsigned char loopback[16] = {[15] = 1};
    if (is_ipv4(address)) {
        bool is_link = address[12] == 127 || (address[12] == 169 && address[13] == 254);
        return is_link ? SCOPE_LINK : SCOPE_GLOBAL;
    }
    if (address[0] == 0xff) {
        return address[1] & 0x0f;
    }
    bool is_link = (address[0] == 0xfe && (address[1] & 0xc0) == 0x80) || memcmp(address, loopback, 16) == 0;
    bool is_site = address[0] == 0xfe && (address[1] & 0xc0) == 0xc0;
    return is_link ? SCOPE_LINK : is_site ? SCOPE_SITE : SCOPE_GLOBAL;
}

/* ---- section 6 ---- */

/* What the rules compare of one destination. */
struct merits {
    bool usable;
    bool same_scope, same_label;
    int precedence, scope, shared_bits;
};

static struct merits merits_of(const struct candidate *candidate) {
    unsigned char to[16];
    unsigned char from[16];
    wide(&candidate->address, to);
    const struct policy *policy = policy_of(to);
    struct merits merits = {.precedence = policy->precedence, .scope = scope_of_address(to)};
    if (candidate->source.len == 0) {
        return merits;
    }
    wide(&candidate->source, from);
    merits.usable = true;
    merits.same_scope = scope_of_address(from) == merits.scope;
    merits.same_label = policy_of(from)->label == policy->label;
    merits.shared_bits = is_ipv4(to) ? 0 : common_bits(from, to);
    return merits;
}

/* Below zero: `a` first. */
static int compare(const struct candidate *one, const struct candidate *other) {
    struct merits a = merits_of(one);
    struct merits b = merits_of(other);
    const int rules[] = {
        b.usable - a.usable,           /* 1 */
        b.same_scope - a.same_scope,   /* 2 */
        b.same_label - a.same_label,   /* 5 */
        b.precedence - a.precedence,   /* 6 */
        a.scope - b.scope,             /* 8 */
        b.shared_bits - a.shared_bits, /* 9 */
        one->number - other->number,   /* 10 */
    };
    size_t i = 0;
    while (i + 1 < sizeof(rules) / sizeof(rules[0]) && rules[i] == 0) {
        i++;
    }
    return rules[i];
}

bool candidate_before(const struct candidate *a, const struct candidate *b) {
    return compare(a, b) < 0;
}

void candidates_sort(struct candidate *candidates, int count) {
    for (int i = 1; i < count; i++) {
        struct candidate moved = candidates[i];
        int at = i;
        while (at > 0 && compare(&moved, &candidates[at - 1]) < 0) {
            candidates[at] = candidates[at - 1];
            at--;
        }
        candidates[at] = moved;
    }
}

void candidate_find_source(struct candidate *candidate) {
    const struct engine *engine = sched_engine();
    struct sched *sched = sched_current();
    struct address to = candidate->address;
    candidate->source.len = 0;
    int fd = engine->socket(sched, to.any.sa_family, SOCK_DGRAM);
    if (fd < 0) {
        return;
    }
    if (address_port(&to) == 0) {
        address_set_port(&to, 1); /* a port of 0 cannot be connected to */
    }
    struct address from = {.len = sizeof(from.storage)};
    bool reached = engine->connect(sched, fd, &to.any, to.len) == 0;
    if (reached && engine->local_name(sched, fd, &from.storage, &from.len) == 0) {
        candidate->source = from;
    }
    engine->close(sched, fd, false);
}

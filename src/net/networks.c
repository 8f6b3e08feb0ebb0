/* See networks.h. RFC 6890, and the IANA registries of special-purpose addresses that it began. */
#include "net/networks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"

enum { V4_OFFSET = 96, V6_BITS = 128, ADDRESS_BYTES = 16 };

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct special {
    uint8_t address[4];
    uint8_t bits;
};

static const struct special special_v4[] = {
    {{0, 0, 0, 0}, 8},        /* this network */
    {{10, 0, 0, 0}, 8},       /* private */
    {{100, 64, 0, 0}, 10},    /* shared by carriers */
    {{127, 0, 0, 0}, 8},      /* loopback */
    {{168, 63, 129, 16}, 32}, /* metadata of a cloud, in public space */
    {{169, 254, 0, 0}, 16},   /* link-local, metadata of most clouds */
    {{172, 16, 0, 0}, 12},    /* private */
    {{192, 0, 0, 0}, 24},     /* protocols */
    {{192, 0, 2, 0}, 24},     /* documentation */
    {{192, 88, 99, 0}, 24},   /* relays of 6to4, deprecated */
    {{192, 168, 0, 0}, 16},   /* private */
    {{198, 18, 0, 0}, 15},    /* benchmarks */
    {{198, 51, 100, 0}, 24},  /* documentation */
    {{203, 0, 113, 0}, 24},   /* documentation */
    {{224, 0, 0, 0}, 4},      /* multicast */
    {{240, 0, 0, 0}, 4},      /* reserved, broadcast */
};

/* Within 2000::/3, the only part that is given out. */
static const struct {
    uint8_t address[4];
    uint8_t bits;
} special_v6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* protocols: Teredo, benchmarks, ORCHID */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02, 0x00, 0x00}, 16}, /* 6to4: leads to an IPv4 address, through whoever relays */
    {{0x3f, 0xff, 0x00, 0x00}, 20}, /* documentation */
};

static bool has_prefix(const uint8_t *address, const uint8_t *prefix, unsigned bits) {
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;
    if (memcmp(address, prefix, whole) != 0) {
        return false;
    }
    uint8_t mask = (uint8_t)(0xff00 >> rest);
    return rest == 0 || (address[whole] & mask) == (prefix[whole] & mask);
}

static bool v4_is_public(const uint8_t *address) {
    for (size_t i = 0; i < sizeof(special_v4) / sizeof(special_v4[0]); i++) {
        if (has_prefix(address, special_v4[i].address, special_v4[i].bits)) {
            return false;
        }
    }
    return true;
}

static bool v6_is_public(const uint8_t *address) {
    static const uint8_t given_out[] = {0x20};
    for (size_t i = 0; i < sizeof(special_v6) / sizeof(special_v6[0]); i++) {
        if (has_prefix(address, special_v6[i].address, special_v6[i].bits)) {
            return false;
        }
    }
    return has_prefix(address, given_out, 3);
}

/* The IPv4 address that an IPv6 one stands for: mapped, or by NAT64 (RFC 6052). NULL: none. */
static const uint8_t *inner_v4(const uint8_t *address) {
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    bool has_inner = memcmp(address, mapped_prefix, sizeof(mapped_prefix)) == 0 ||
                     memcmp(address, nat64, sizeof(nat64)) == 0;
    return has_inner ? address + ADDRESS_BYTES - 4 : NULL;
}

/* As 16 bytes; false: no IP address. */
static bool bytes_of(const struct sockaddr *address, uint8_t out[ADDRESS_BYTES]) {
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof(v4));
        memcpy(out, mapped_prefix, sizeof(mapped_prefix));
        memcpy(out + sizeof(mapped_prefix), &v4.sin_addr, sizeof(v4.sin_addr));
        return true;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof(v6));
        memcpy(out, &v6.sin6_addr, ADDRESS_BYTES);
        return true;
    }
    return false;
}

static bool bytes_are_public(const uint8_t *bytes) {
    const uint8_t *inner = inner_v4(bytes);
    return inner != NULL ? v4_is_public(inner) : v6_is_public(bytes);
}

bool address_is_public(const struct sockaddr *address) {
    uint8_t bytes[ADDRESS_BYTES];
    return bytes_of(address, bytes) && bytes_are_public(bytes);
}

/* ---- reading rules ---- */

static int parse_network(wharf_str rule, struct network *network) {
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    uint64_t bits = V6_BITS;
    ssize_t slash = str_find_byte(rule, '/');
    wharf_str address = slash >= 0 ? str_slice(rule, 0, (size_t)slash) : rule;
    if (address.len == 0 || address.len >= sizeof(text)) {
        return -EINVAL;
    }
    (void)str_copy_to(text, sizeof(text), address);
    bool is_v4 = inet_pton(AF_INET, text, &v4) == 1;
    if (!is_v4 && inet_pton(AF_INET6, text, &v6) != 1) {
        return -EINVAL;
    }
    uint64_t most = is_v4 ? V6_BITS - V4_OFFSET : V6_BITS;
    bits = most;
    if (slash >= 0 && number_parse(str_slice(rule, (size_t)slash + 1, rule.len), most, &bits) < 0) {
        return -EINVAL;
    }
    if (is_v4) {
        memcpy(network->address, mapped_prefix, sizeof(mapped_prefix));
        memcpy(network->address + sizeof(mapped_prefix), &v4, sizeof(v4));
        bits += V4_OFFSET;
    } else {
        memcpy(network->address, &v6, ADDRESS_BYTES);
    }
    network->bits = (uint8_t)bits;
    return 0;
}

static int parse_rule(wharf_str rule, struct networks *networks) {
    struct network network = {.is_denied = rule.ptr[0] == '!'};
    wharf_str what = str_slice(rule, network.is_denied ? 1 : 0, rule.len);
    int rc = 0;
    if (wharf_str_is(what, "public")) {
        network.is_public = true;
    } else if (!wharf_str_is(what, "any")) {
        rc = parse_network(what, &network);
    }
    if (rc < 0) {
        return rc;
    }
    if (networks->count == NETWORKS_MAX) {
        return -WHARF_ELIMIT;
    }
    networks->at[networks->count++] = network;
    return 0;
}

int networks_parse(wharf_str text, struct networks *ret_networks, wharf_str *ret_rule) {
    struct networks networks = {.count = 0};
    wharf_str rest = text;
    wharf_str rule = {NULL, 0};
    while (str_next_entry(&rest, &rule)) {
        int rc = parse_rule(rule, &networks);
        if (rc < 0) {
            *ret_rule = rule;
            return rc;
        }
    }
    if (networks.count == 0) {
        *ret_rule = text;
        return -EINVAL;
    }
    *ret_networks = networks;
    return 0;
}

/* ---- asking ---- */

static bool network_covers(const struct network *network, const uint8_t *bytes) {
    return network->is_public ? bytes_are_public(bytes) : has_prefix(bytes, network->address, network->bits);
}

bool networks_allow(const struct networks *networks, const struct sockaddr *address) {
    uint8_t bytes[ADDRESS_BYTES];
    bool has_allowing = false;
    bool is_allowed = false;
    if (networks == NULL) {
        return true;
    }
    if (!bytes_of(address, bytes)) {
        return false;
    }
    const uint8_t *inner = inner_v4(bytes);
    if (inner != NULL) { /* one form for all of them */
        uint8_t v4[4];
        memcpy(v4, inner, sizeof(v4));
        memcpy(bytes, mapped_prefix, sizeof(mapped_prefix));
        memcpy(bytes + sizeof(mapped_prefix), v4, sizeof(v4));
    }
    for (int i = 0; i < networks->count; i++) {
        const struct network *network = &networks->at[i];
        bool covers = network_covers(network, bytes);
        if (covers && network->is_denied) {
            return false;
        }
        has_allowing = has_allowing || !network->is_denied;
        is_allowed = is_allowed || covers;
    }
    return is_allowed || !has_allowing;
}

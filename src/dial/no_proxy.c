/* Who is reached without a proxy: see proxy.h. The list is read where it is needed; it is short, and a request has better
 * things to keep. */
#include "dial/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"

/* An address in text; family AF_UNSPEC: it is none. */
static struct address literal_of(wharf_str host) {
    struct address_text text = {.kind = ADDRESS_TCP, .host = host, .is_literal = true};
    struct address address = {.len = 0, .any.sa_family = AF_UNSPEC};
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr unused;
    if (host.len == 0 || host.len >= sizeof(copy)) {
        return address;
    }
    (void)str_copy_to(copy, sizeof(copy), host);
    bool is_literal = inet_pton(AF_INET, copy, &unused) == 1 || inet_pton(AF_INET6, copy, &unused) == 1;
    if (!is_literal || address_of_text(&text, AF_UNSPEC, &address, 1) != 1) {
        address.any.sa_family = AF_UNSPEC;
    }
    return address;
}

/* Splits "host:port", where port is a number and host has no other colon. A port that is none is left where it is. */
static wharf_str split_port(wharf_str entry, uint64_t *ret_port) {
    *ret_port = 0;
    if (entry.len > 1 && entry.ptr[0] == '[') {
        ssize_t end = str_find_byte(entry, ']');
        if (end < 0) {
            return entry;
        }
        wharf_str rest = str_slice(entry, (size_t)end + 1, entry.len);
        bool has_port = rest.len > 1 && rest.ptr[0] == ':';
        if (has_port && number_parse(str_slice(rest, 1, rest.len), UINT16_MAX, ret_port) < 0) {
            return entry;
        }
        return has_port || rest.len == 0 ? str_slice(entry, 1, (size_t)end) : entry;
    }
    ssize_t colon = str_find_byte(entry, ':');
    if (colon < 0 || str_find_byte(str_slice(entry, (size_t)colon + 1, entry.len), ':') >= 0) {
        return entry;
    }
    if (number_parse(str_slice(entry, (size_t)colon + 1, entry.len), UINT16_MAX, ret_port) < 0) {
        return entry;
    }
    return str_slice(entry, 0, (size_t)colon);
}

static bool same_address(struct address a, struct address b) {
    char text[WHARF_ADDRESS_SIZE];
    char other[WHARF_ADDRESS_SIZE];
    address_set_port(&a, 0);
    address_set_port(&b, 0);
    (void)address_format(&a.any, a.len, text);
    (void)address_format(&b.any, b.len, other);
    return strcmp(text, other) == 0;
}

static bool name_covers(wharf_str name, wharf_str host) {
    if (name.len > 1 && name.ptr[name.len - 1] == '.') {
        name.len--;
    }
    if (host.len > 1 && host.ptr[host.len - 1] == '.') {
        host.len--;
    }
    if (name.len == 0 || host.len < name.len) {
        return false;
    }
    wharf_str tail = str_slice(host, host.len - name.len, host.len);
    bool at_label = host.len == name.len || host.ptr[host.len - name.len - 1] == '.';
    return at_label && str_equal_nocase(tail, name);
}

/* "10.0.0.0/8" about an address. */
static bool network_covers_literal(wharf_str entry, const struct address *literal) {
    struct networks networks;
    wharf_str wrong = {NULL, 0};
    if (str_find_byte(entry, '/') < 0 || entry.ptr[0] == '!') {
        return false;
    }
    return networks_parse(entry, &networks, &wrong) == 0 && networks_allow(&networks, &literal->any);
}

static bool entry_has(wharf_str entry, wharf_str host, uint16_t host_port) {
    uint64_t port = 0;
    struct address literal = literal_of(host);
    if (wharf_str_is(entry, "*")) {
        return true;
    }
    wharf_str name = split_port(entry, &port);
    if (port != 0 && port != host_port) {
        return false;
    }
    if (literal.any.sa_family != AF_UNSPEC) {
        struct address other = literal_of(name);
        return other.any.sa_family != AF_UNSPEC ? same_address(literal, other)
                                                : network_covers_literal(name, &literal);
    }
    if (str_starts(name, STR("*."))) {
        name = str_slice(name, 2, name.len);
    } else if (str_starts(name, STR("."))) {
        name = str_slice(name, 1, name.len);
    }
    return name_covers(name, host);
}

bool no_proxy_has(wharf_str list, wharf_str host, uint16_t port) {
    wharf_str entry = {NULL, 0};
    while (str_next_entry(&list, &entry)) {
        if (entry_has(entry, host, port)) {
            return true;
        }
    }
    return false;
}

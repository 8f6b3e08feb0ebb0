/* See name.h. */
#include "tls/name.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/text.h"

static wharf_str without_final_dot(wharf_str name) {
    bool dot = name.len > 1 && name.ptr[name.len - 1] == '.';
    return (wharf_str){name.ptr, dot ? name.len - 1 : name.len};
}

bool name_covers(wharf_str pattern, wharf_str host) {
    pattern = without_final_dot(pattern);
    host = without_final_dot(host);
    if (!str_starts(pattern, STR("*."))) {
        return pattern.len > 0 && str_equal_nocase(pattern, host);
    }
    ssize_t dot = str_find_byte(host, '.');
    wharf_str parent = str_slice(pattern, 1, pattern.len);
    /* "*.com" would cover every name of a registry: what a wildcard stands below has two labels at least. */
    bool is_deep = str_find_byte(str_slice(parent, 1, parent.len), '.') >= 0;
    return dot > 0 && is_deep && str_equal_nocase(parent, str_slice(host, (size_t)dot, host.len));
}

static size_t number_at(wharf_str bytes, size_t at) {
    return (size_t)(unsigned char)bytes.ptr[at] << 8 | (unsigned char)bytes.ptr[at + 1];
}

static bool is_host(wharf_str name) {
    for (size_t i = 0; i < name.len; i++) {
        unsigned char byte = (unsigned char)name.ptr[i];
        if (byte <= 0x20 || byte >= 0x7f) {
            return false;
        }
    }
    return name.len > 0 && name.len <= NAME_MAX_BYTES;
}

int name_of_extension(wharf_str body, wharf_str *ret_name) {
    enum { LIST_HEADER = 2, ENTRY_HEADER = 3, TYPE_HOST = 0 };
    if (body.len == 0) {
        *ret_name = (wharf_str){NULL, 0};
        return 0;
    }
    if (body.len < LIST_HEADER || number_at(body, 0) != body.len - LIST_HEADER) {
        return -WHARF_EPROTOCOL;
    }
    wharf_str list = str_slice(body, LIST_HEADER, body.len);
    /* More than one entry was never defined. */
    if (list.len < ENTRY_HEADER || list.ptr[0] != TYPE_HOST ||
        number_at(list, 1) != list.len - ENTRY_HEADER) {
        return -WHARF_EPROTOCOL;
    }
    wharf_str name = str_slice(list, ENTRY_HEADER, list.len);
    if (!is_host(name)) {
        return -WHARF_EPROTOCOL;
    }
    *ret_name = name;
    return 0;
}

bool name_normalise(wharf_str host, char *out) {
    host = without_final_dot(host);
    if (host.len == 0 || host.len > NAME_MAX_BYTES) {
        return false;
    }
    for (size_t i = 0; i < host.len; i++) {
        out[i] = ascii_lower(host.ptr[i]);
    }
    out[host.len] = '\0';
    return true;
}

bool name_is_address(const char *host) {
    struct in6_addr any;
    return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

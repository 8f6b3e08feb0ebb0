/* A way through a SOCKS proxy: RFC 1928, with user name and password by RFC 1929. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/text.h"
#include "dial/proxy.h"
#include "net/names/resolve.h"

enum {
    SOCKS_VERSION = 5,
    AUTH_VERSION = 1,
    METHOD_NONE = 0,
    METHOD_PASSWORD = 2,
    METHOD_REFUSED = 0xff,
    COMMAND_CONNECT = 1,
    ADDRESS_V4 = 1,
    ADDRESS_NAME = 3,
    ADDRESS_V6 = 4,
    NAME_BYTES_MAX = 255,
    REQUEST_SIZE = 3 + 2 * 256
};

/* Section 6 of RFC 1928. */
static const char *const refusals[] = {
    "",
    "general failure",
    "its rules do not allow the connection",
    "the network is unreachable",
    "the host is unreachable",
    "the connection was refused",
    "the time ran out",
    "it does not know the command",
    "it does not know that kind of address",
};

struct socks {
    struct stream *stream;
    const struct proxy *proxy;
    const struct address_text *to;
};

static int socks_fail(const struct socks *socks, int code, const char *detail) {
    return proxy_fail(code, socks->proxy, socks->to, detail);
}

static int socks_send(const struct socks *socks, const uint8_t *bytes, size_t len) {
    struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    int64_t sent = stream_send_all(socks->stream, &piece, 1, false, NULL);
    return sent < 0 ? socks_fail(socks, (int)sent, "") : 0;
}

static int socks_recv(const struct socks *socks, uint8_t *out, size_t len) {
    while (len > 0) {
        ssize_t got = socks->stream->type->recv(socks->stream, out, len);
        if (got <= 0) {
            return socks_fail(socks, got == 0 ? -WHARF_EEOF : (int)got,
                              got == 0 ? "the proxy closed the connection" : "");
        }
        out += got;
        len -= (size_t)got;
    }
    return 0;
}

static bool has_credentials(const struct socks *socks) {
    return socks->proxy->username.len > 0 || socks->proxy->password.len > 0;
}

static size_t put_text(uint8_t *out, wharf_str text) {
    out[0] = (uint8_t)text.len;
    if (text.len > 0) {
        memcpy(out + 1, text.ptr, text.len);
    }
    return text.len + 1;
}

static int socks_authenticate(const struct socks *socks) {
    uint8_t request[REQUEST_SIZE] = {AUTH_VERSION};
    uint8_t reply[2];
    size_t len = 1;
    len += put_text(request + len, socks->proxy->username);
    len += put_text(request + len, socks->proxy->password);
    int rc = socks_send(socks, request, len);
    explicit_bzero(request, sizeof(request));
    rc = rc < 0 ? rc : socks_recv(socks, reply, sizeof(reply));
    if (rc == 0 && reply[1] != 0) {
        return socks_fail(socks, -WHARF_EPROXY, "the credentials for it are wrong");
    }
    return rc;
}

static int socks_greet(const struct socks *socks) {
    const uint8_t hello[] = {SOCKS_VERSION, 2, METHOD_NONE, METHOD_PASSWORD};
    const uint8_t plain[] = {SOCKS_VERSION, 1, METHOD_NONE};
    uint8_t reply[2];
    int rc = has_credentials(socks) ? socks_send(socks, hello, sizeof(hello))
                                    : socks_send(socks, plain, sizeof(plain));
    rc = rc < 0 ? rc : socks_recv(socks, reply, sizeof(reply));
    if (rc < 0) {
        return rc;
    }
    if (reply[0] != SOCKS_VERSION) {
        return socks_fail(socks, -WHARF_EPROTOCOL, "it does not speak SOCKS 5");
    }
    if (reply[1] == METHOD_PASSWORD && has_credentials(socks)) {
        return socks_authenticate(socks);
    }
    if (reply[1] == METHOD_NONE) {
        return 0;
    }
    return socks_fail(socks, -WHARF_EPROXY,
                      reply[1] == METHOD_REFUSED ? "it wants other credentials, or any at all"
                                                 : "it wants an authentication that is not known");
}

/* The destination as an address. Returns its length in the request. */
static size_t put_address(uint8_t *out, const struct address *address) {
    if (address->any.sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &address->storage, sizeof(v4));
        out[0] = ADDRESS_V4;
        memcpy(out + 1, &v4.sin_addr, sizeof(v4.sin_addr));
        return 1 + sizeof(v4.sin_addr);
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, &address->storage, sizeof(v6));
    out[0] = ADDRESS_V6;
    memcpy(out + 1, &v6.sin6_addr, sizeof(v6.sin6_addr));
    return 1 + sizeof(v6.sin6_addr);
}

/* The destination: looked up here for socks5 and where it is an address, else by the proxy. There is one try; many proxies have
 * no IPv6, hardly any has no IPv4. Its length, or a failure. */
static ssize_t put_destination(const struct socks *socks, const struct networks *networks, uint8_t *out) {
    struct address found[NAMES_ADDRESSES_MAX];
    if (socks->proxy->kind == PROXY_SOCKS5H && !socks->to->is_literal) {
        if (socks->to->host.len > NAME_BYTES_MAX) {
            return socks_fail(socks, -EINVAL, "the name has more than 255 bytes");
        }
        out[0] = ADDRESS_NAME;
        return (ssize_t)(1 + put_text(out + 1, socks->to->host));
    }
    int count = names_resolve(socks->to, AF_UNSPEC, found, NAMES_ADDRESSES_MAX);
    if (count < 0) {
        return count;
    }
    const struct address *chosen = NULL;
    for (int i = 0; i < count; i++) {
        bool is_better = chosen == NULL ||
                         (chosen->any.sa_family != AF_INET && found[i].any.sa_family == AF_INET);
        if (is_better && networks_allow(networks, &found[i].any)) {
            chosen = &found[i];
        }
    }
    return chosen != NULL ? (ssize_t)put_address(out, chosen) : socks_fail(socks, -WHARF_EDENIED, "");
}

static int socks_read_reply(const struct socks *socks) {
    uint8_t reply[4];
    uint8_t address[NAME_BYTES_MAX + 2];
    size_t len = 0;
    int rc = socks_recv(socks, reply, sizeof(reply));
    if (rc < 0) {
        return rc;
    }
    if (reply[1] != 0) {
        bool is_known = reply[1] < sizeof(refusals) / sizeof(refusals[0]);
        return socks_fail(socks, -WHARF_EPROXY, is_known ? refusals[reply[1]] : "it refused");
    }
    if (reply[3] == ADDRESS_NAME) {
        rc = socks_recv(socks, address, 1);
        len = address[0];
    } else if (reply[3] == ADDRESS_V4 || reply[3] == ADDRESS_V6) {
        len = reply[3] == ADDRESS_V4 ? sizeof(struct in_addr) : sizeof(struct in6_addr);
    } else {
        return socks_fail(socks, -WHARF_EPROTOCOL, "its answer cannot be understood");
    }
    return rc < 0 ? rc : socks_recv(socks, address, len + 2);
}

int proxy_connect_socks(struct stream *stream, const struct proxy *proxy, const struct address_text *to,
                        const struct networks *networks) {
    struct socks socks = {stream, proxy, to};
    uint8_t request[REQUEST_SIZE] = {SOCKS_VERSION, COMMAND_CONNECT, 0};
    size_t len = 3;
    int rc = socks_greet(&socks);
    if (rc < 0) {
        return rc;
    }
    ssize_t destination = put_destination(&socks, networks, request + len);
    if (destination < 0) {
        return (int)destination;
    }
    len += (size_t)destination;
    request[len++] = (uint8_t)(to->port >> 8);
    request[len++] = (uint8_t)to->port;
    rc = socks_send(&socks, request, len);
    return rc < 0 ? rc : socks_read_reply(&socks);
}

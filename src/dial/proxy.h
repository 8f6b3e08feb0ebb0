/* Proxies: how they are written, for whom they are used, and the way through them.
 *
 *      proxies = proxy *( ( " " / "," ) proxy )                    tried in this order
 *      proxy   = "direct" / [ scheme "://" ] [ user [ ":" password ] "@" ] host [ ":" port ]
 *      scheme  = "http" / "https" / "socks5" / "socks5h"           default http
 *
 * Ports are 80, 443 and 1080 unless given. To a socks5 proxy go addresses that were looked up here, to all others names. */
#ifndef DIAL_PROXY_H
#define DIAL_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "net/address.h"
#include "net/networks.h"
#include "net/stream.h"

enum proxy_kind { PROXY_DIRECT, PROXY_HTTP, PROXY_HTTPS, PROXY_SOCKS5, PROXY_SOCKS5H };
enum {
    PROXIES_MAX = 8,
    PROXY_ANSWER_BYTES_MAX = 65536, /* of the body of a refusal */
    PROXY_READ_BYTES_MAX = 1 << 20, /* of a refusal, head and framing included */
    PROXY_SECRET_BYTES_MAX = 1024   /* of Proxy-Authorization */
};

struct proxy {
    enum proxy_kind kind;
    struct address_text address;
    wharf_str username, password; /* decoded; both empty: none */
    const char *text;             /* without them, for messages: "http://proxy:3128" */
};

struct proxy_list {
    int count; /* 0: direct */
    struct proxy at[PROXIES_MAX];
};

/* Reads proxies into memory of the arena. 0; -EINVAL with *ret_wrong, a sentence; -ENOMEM. Pure. */
int proxies_parse(struct arena *arena, wharf_str text, struct proxy_list *ret_list, const char **ret_wrong);

/* Whether a list as in NO_PROXY names a host. Pure.
 *
 *      list    = entry *( ( " " / "," ) entry )
 *      entry   = "*" / [ "." / "*." ] name [ ":" port ] / IP [ ":" port ] / IP "/" bits
 *
 * A name covers itself and every name below it; an IPv6 address with a port, or anywhere if one likes, stands in brackets; a network covers the addresses
 * in it, never names. host: without brackets. */
bool no_proxy_has(wharf_str list, wharf_str host, uint16_t port);

/* The way from a proxy, to which `stream` is connected, to the server. answer: what an HTTP proxy said when it refused, head
 * and at most PROXY_ANSWER_BYTES_MAX of the body; the caller's, initialised. networks: as in dial_stream(), for what is
 * looked up here. Suspends. The stream stays open. Errors (recorded): -WHARF_EPROXY, -WHARF_EPROTOCOL, -WHARF_EDENIED,
 * those of the stream and of names. */
int proxy_tunnel(struct stream *stream, const struct proxy *proxy, const struct address_text *to,
                 const struct networks *networks, struct buffer *answer);
/* proxy_tunnel() for each kind. */
int proxy_connect_http(struct stream *stream, const struct proxy *proxy, const struct address_text *to,
                       struct buffer *answer);
int proxy_connect_socks(struct stream *stream, const struct proxy *proxy, const struct address_text *to,
                        const struct networks *networks);

/* The value of Proxy-Authorization, to be freed with buffer_deinit(); empty without credentials. 0 or -ENOMEM. */
int proxy_authorization(const struct proxy *proxy, struct buffer *value);

/* Records a failure on the way through a proxy: "connect to example.com:443 through http://proxy:3128". Returns code. */
int proxy_fail(int code, const struct proxy *proxy, const struct address_text *to, const char *detail);

/* Puts a socket in the place of a stream: a pair of sockets, and a task in the background that relays between its other end
 * and the stream. For what works on sockets only: TLS in TLS. 0 or an error (recorded); the stream is closed then. */
int stream_detour(struct stream *stream);

#endif

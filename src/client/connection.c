/* See connection.h. */
#include "client/connection.h"

#include <errno.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/text.h"
#include "client/client.h"
#include "client/route.h"
#include "client/why.h"
#include "dial/dial.h"
#include "sched/sched.h"
#include "wharf/task.h"

static const int64_t NS_PER_MS = 1000000;

/* The origin as the dialler wants it: an IPv6 address without its brackets. */
static void address_of_url(const struct url *url, struct address_text *ret_text) {
    wharf_str host = url->host;
    if (url->host_kind == URL_HOST_IPV6) {
        host = str_slice(host, 1, host.len - 1);
    }
    *ret_text = (struct address_text){
        .kind = ADDRESS_TCP,
        .host = host,
        .port = url->port,
        .is_literal = url->host_kind != URL_HOST_DOMAIN,
    };
}

static int connection_fail(int rc, const struct url *url, struct phase *phase) {
    char host[FAILURE_SUBJECT_SIZE];
    if (failure_current()->code != rc) {
        (void)str_copy_to(host, sizeof(host), url->authority);
        (void)fail(rc, "connect", host, NULL);
    }
    why_add(phase_blame(phase, rc));
    return rc;
}

/* ---- the way ---- */

/* The server cannot be checked where a proxy looks its name up. */
static int check_networks(const struct route *route, const struct proxy *proxy,
                          const struct address_text *to) {
    struct address address;
    if (route->networks == NULL || (proxy->kind == PROXY_SOCKS5 && !to->is_literal)) {
        return 0;
    }
    if (!to->is_literal) {
        return proxy_fail(-WHARF_EDENIED, proxy, to, "this proxy looks names up itself; socks5:// does not");
    }
    bool allowed = address_of_text(to, AF_UNSPEC, &address, 1) == 1 &&
                   networks_allow(route->networks, &address.any);
    return allowed ? 0 : proxy_fail(-WHARF_EDENIED, proxy, to, "");
}

/* To the proxy, and through it where it is not to read along. */
static int dial_proxy(const struct client_wish *wish, const struct proxy *proxy,
                      const struct address_text *to, struct client_connection *connection) {
    struct stream *stream = &connection->stream;
    connection->is_relayed = !wish->url->is_secure &&
                             (proxy->kind == PROXY_HTTP || proxy->kind == PROXY_HTTPS);
    int rc = check_networks(wish->route, proxy, to);
    rc = rc < 0 ? rc : dial_stream(&proxy->address, wish->route->networks, stream, wish->report);
    if (rc == 0 && proxy->kind == PROXY_HTTPS) {
        rc = dial_secure(stream, &proxy->address, wish->client->proxy_tls, wish->report);
    }
    if (rc < 0 || connection->is_relayed) {
        return rc;
    }
    int64_t began = sched_clock();
    rc = proxy_tunnel(stream, proxy, to, wish->route->networks, wish->answer);
    wish->report->connect_ns += sched_clock() - began;
    if (rc < 0) {
        failure_set_address(&wish->report->peer.any, wish->report->peer.len);
        stream_abort(stream);
        return rc;
    }
    return wish->url->is_secure && !stream_is_socket(stream) ? stream_detour(stream) : 0;
}

/* Keeps the proxy's text, and what it wants to be told with each request. */
static int keep_proxy(struct client_connection *connection, const struct proxy *proxy) {
    struct buffer secret;
    buffer_init(&secret, PROXY_SECRET_BYTES_MAX);
    int rc = proxy_authorization(proxy, &secret);
    size_t len = strlen(proxy->text);
    connection->proxy = rc == 0 ? mem_zalloc(len + buffer_len(&secret) + 2) : NULL;
    if (connection->proxy != NULL) {
        memcpy(connection->proxy, proxy->text, len);
        if (buffer_len(&secret) > 0) {
            memcpy(connection->proxy + len + 1, buffer_view(&secret).ptr, buffer_len(&secret));
        }
    }
    buffer_deinit(&secret);
    return connection->proxy != NULL ? 0 : fail(-ENOMEM, "connect", "", NULL);
}

/* Through the first proxy that can be used: another is tried while nothing but the way to it has failed. */
static int dial_route(const struct client_wish *wish, const struct address_text *to,
                      struct client_connection *connection) {
    const struct proxy_list *proxies = wish->route->proxies;
    int count = proxies != NULL ? proxies->count : 0;
    int rc = 0;
    if (count == 0) {
        return dial_stream(to, wish->route->networks, &connection->stream, wish->report);
    }
    for (int i = 0; i < count; i++) {
        const struct proxy *proxy = &proxies->at[i];
        bool is_direct = proxy->kind == PROXY_DIRECT;
        rc = is_direct ? 0 : keep_proxy(connection, proxy);
        if (rc < 0) {
            return rc;
        }
        rc = is_direct ? dial_stream(to, wish->route->networks, &connection->stream, wish->report)
                       : dial_proxy(wish, proxy, to, connection);
        if (rc == 0 || rc == -WHARF_EDENIED || rc == -ECANCELED || wharf_check() < 0) {
            return rc;
        }
        if (i + 1 < count) {
            mem_free(connection->proxy);
            connection->proxy = NULL;
            connection->is_relayed = false;
            buffer_clear(wish->answer);
        }
    }
    return rc;
}

int client_connection_dial(const struct client_wish *wish, struct client_connection **ret_connection) {
    const struct url *url = wish->url;
    const wharf_client_limits *limits = wish->limits;
    struct address_text to;
    struct phase phase;
    struct client_connection *connection = mem_zalloc(sizeof(*connection));
    if (connection == NULL) {
        return fail(-ENOMEM, "connect", "", NULL);
    }
    address_of_url(url, &to);
    *failure_current() = (struct failure){.code = 0};
    phase_open(&phase, wish->total, "connect_ms", limits->connect_ms);
    int rc = dial_route(wish, &to, connection);
    if (rc == 0 && url->is_secure) {
        rc = dial_secure(&connection->stream, &to, wish->client->tls, wish->report);
    }
    phase_close(&phase);
    if (rc < 0) {
        mem_free(connection->proxy);
        mem_free(connection);
        return connection_fail(rc, url, &phase);
    }
    connection->peer = wish->report->peer;
    connection->born = sched_now();
    connection->lifetime = TIMER_NEVER;
    if (limits->lifetime_ms >= 0 && limits->lifetime_ms < TIMER_NEVER / NS_PER_MS) {
        connection->lifetime = limits->lifetime_ms * NS_PER_MS;
    }
    client_connection_begin(connection, limits);
    *ret_connection = connection;
    return 0;
}

wharf_str client_connection_authorization(const struct client_connection *connection) {
    return connection->is_relayed ? wharf_str_of(connection->proxy + strlen(connection->proxy) + 1)
                                  : (wharf_str){"", 0};
}

void client_connection_begin(struct client_connection *connection, const wharf_client_limits *limits) {
    wire_init(&connection->wire, &connection->stream, (size_t)limits->head_bytes + BLOCK_SIZE);
    connection->idle_max = limits->idle_per_origin;
    connection->wrote = stream_wrote(&connection->stream);
}

void client_connection_free(struct client_connection *connection, enum client_ending ending) {
    wire_deinit(&connection->wire);
    if (ending == CLIENT_ABORT) {
        stream_abort(&connection->stream);
    } else {
        stream_close_now(&connection->stream);
    }
    mem_free(connection->proxy);
    mem_free(connection);
}

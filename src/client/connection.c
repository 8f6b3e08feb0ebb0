/* See connection.h. */
#include "client/connection.h"

#include <errno.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/text.h"
#include "client/client.h"
#include "client/why.h"
#include "dial/dial.h"
#include "sched/sched.h"

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
    int rc = dial_stream(&to, &connection->stream, wish->report);
    if (rc == 0 && url->is_secure) {
        rc = dial_secure(&connection->stream, &to, wish->client->tls, wish->report);
    }
    phase_close(&phase);
    if (rc < 0) {
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
    mem_free(connection);
}

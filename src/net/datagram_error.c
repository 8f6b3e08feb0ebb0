/* What the network says of datagrams that were sent earlier. The kernel fails some later call with an error's number and keeps in a queue
 * whom it was about (IP_RECVERR, ip(7)). A call that fails takes one of the queue, so that its sentence names the address and
 * wharf_get_network_error() tells the rest; when more wait, the kernel fails the next call for the next one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/failure.h"
#include "base/memory.h"
#include "net/datagram.h"
#include "sched/datagram.h"
#include "sched/engine.h"
#include "sched/sched.h"

/* Ours, or about the call itself: the network has nothing to do with them. */
static bool is_of_network(int code) {
    static const int codes[] = {-ECONNREFUSED, -EHOSTUNREACH, -ENETUNREACH, -EMSGSIZE,   -EACCES,
                                -EPROTO,       -ENOPROTOOPT,  -EHOSTDOWN,   -EOPNOTSUPP, -ENONET};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (code == codes[i]) {
            return true;
        }
    }
    return false;
}

/* A Unix socket has no such queue, and would give a datagram instead. */
static bool is_udp(const struct sock *sock) {
    const struct engine *engine = sched_engine();
    struct address local = {.len = sizeof(local.storage)};
    int rc = engine->local_name(sched_current(), sock->stream.io->fd, &local.storage, &local.len);
    return rc == 0 && sock->type == SOCK_DGRAM && local.any.sa_family != AF_UNIX;
}

/* Who says so, where that is somebody else than the peer. */
static bool reporter_of(const struct datagram_error *error, char text[WHARF_ADDRESS_SIZE]) {
    struct address peer = {.len = error->peer_len};
    struct address reporter = {.len = error->reporter_len};
    memcpy(&peer.storage, &error->peer, error->peer_len);
    memcpy(&reporter.storage, &error->reporter, error->reporter_len);
    address_set_port(&reporter, address_port(&peer));
    char of_peer[WHARF_ADDRESS_SIZE];
    (void)address_format(&peer.any, peer.len, of_peer);
    (void)address_format(&reporter.any, reporter.len, text);
    bool differs = error->reporter_len > 0 && strcmp(of_peer, text) != 0;
    address_set_port(&reporter, 0);
    size_t len = address_format(&reporter.any, reporter.len, text);
    if (differs && len > 2) {
        text[len - 2] = '\0'; /* ":0" */
    }
    return differs;
}

static int fail_with(const struct datagram_error *error, const char *phase) {
    char reporter[WHARF_ADDRESS_SIZE];
    (void)fail_at(error->code, phase, (const struct sockaddr *)&error->peer, error->peer_len);
    char *detail = failure_current()->detail;
    if (error->mtu > 0) {
        (void)snprintf(detail, FAILURE_DETAIL_SIZE, "the path carries packets of up to %u bytes", error->mtu);
    } else if (reporter_of(error, reporter)) {
        (void)snprintf(detail, FAILURE_DETAIL_SIZE, "%s said so", reporter);
    }
    return error->code;
}

int datagram_fail(struct sock *sock, int code, const char *phase) {
    struct datagram_error error = {.code = 0};
    mem_free(sock->network_error);
    sock->network_error = NULL;
    if (!is_of_network(code) || !is_udp(sock) ||
        sched_engine()->recv_error(sched_current(), sock->stream.io->fd, &error) < 0) {
        return sock_fail(sock, code, phase);
    }
    sock->network_error = mem_alloc(sizeof(error));
    if (sock->network_error != NULL) {
        *sock->network_error = error;
    }
    return fail_with(&error, phase);
}

static void give_address(const struct sockaddr_storage *from, socklen_t len, wharf_address *out) {
    out->len = len;
    memcpy(&out->storage, from, len);
}

int wharf_get_network_error(wharf_sock handle, wharf_network_error *ret_error) {
    int rc = 0;
    const struct sock *sock = sock_find(handle, "network error", &rc);
    if (sock == NULL) {
        return rc;
    }
    const struct datagram_error *error = sock->network_error;
    if (error == NULL) {
        return fail(-ENODATA, "network error", NULL, "the last call that failed was not told of one");
    }
    wharf_network_error told = {.error = error->code, .mtu = error->mtu};
    give_address(&error->peer, error->peer_len, &told.peer);
    give_address(&error->reporter, error->reporter_len, &told.reporter);
    *ret_error = told;
    return 0;
}

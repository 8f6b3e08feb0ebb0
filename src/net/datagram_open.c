/* Making sockets of datagrams and seqpackets from an address text: one socket, one address, nothing to race. */
#include <errno.h>
#include <netinet/in.h>

#include "base/failure.h"
#include "base/text.h"
#include "net/datagram.h"
#include "net/names/resolve.h"
#include "net/names/state.h"
#include "sched/engine.h"
#include "sched/sched.h"

/* The first address of the text and a socket for it. */
static wharf_sock open_for(const struct address_text *text, const char *subject, struct address *ret_address,
                           struct sock **ret_sock) {
    const struct engine *engine = sched_engine();
    if (sched_current() == NULL) {
        return sock_failed(failure_current()->code);
    }
    int rc = names_resolve(text, AF_UNSPEC, ret_address, 1);
    if (rc < 0) {
        return sock_failed(rc);
    }
    int family = ret_address->any.sa_family;
    int type = address_socket_type(text);
    int fd = engine->socket(sched_current(), family, type);
    if (fd == -EAFNOSUPPORT && text->host.len == 0 &&
        names_state_family() != AF_INET6) { /* every interface, on a machine without IPv6 */
        (void)address_of_text(text, AF_INET, ret_address, 1);
        family = AF_INET;
        fd = engine->socket(sched_current(), family, type);
    }
    if (fd < 0) {
        return sock_failed(address_fail(fd, "socket", subject, ret_address));
    }
    return sock_of_descriptor(fd, family, type, ret_sock);
}

/* Without a name of its own a Unix socket gets no answers: the kernel picks an abstract one (unix(7), autobind). */
static void bind_any_name(const struct sock *sock) {
    const struct engine *engine = sched_engine();
    struct sockaddr none = {.sa_family = AF_UNIX};
    (void)engine->bind(sched_current(), sock->stream.io->fd, &none, sizeof(none.sa_family));
}

wharf_sock datagram_dial(const struct address_text *to) {
    char subject[WHARF_ADDRESS_SIZE];
    struct address address;
    struct sock *sock = NULL;
    struct address_text text = *to;
    if (text.kind == ADDRESS_UDP && text.host.len == 0) {
        text.host = STR("localhost");
    }
    address_text_describe(&text, subject, sizeof(subject));
    wharf_sock handle = open_for(&text, subject, &address, &sock);
    if (wharf_failed(handle)) {
        return handle;
    }
    if (text.kind == ADDRESS_UNIX_DATAGRAM) {
        bind_any_name(sock);
    }
    sock_enter(sock);
    int rc = sock_connect(sock, subject, &address);
    sock_leave(sock);
    if (rc < 0) {
        (void)wharf_abort(handle);
        return sock_failed(rc);
    }
    return handle;
}

/* Every interface has many addresses, so each datagram says at which it came; on several cores each has a socket, and the
 * system spreads the senders over them. */
static void set_up_server(const struct sock *sock, const struct address_text *at, int family) {
    const struct engine *engine = sched_engine();
    struct sched *sched = sched_current();
    const struct group *group = sched_group(sched);
    int fd = sock->stream.io->fd;
    bool every = at->host.len == 0;
    if (family == AF_INET6) {
        bool both_families = every && names_state_family() == AF_UNSPEC;
        (void)engine->set_option(sched, fd, IPPROTO_IPV6, IPV6_V6ONLY, both_families ? 0 : 1);
    }
    if (every) {
        (void)engine->set_option(sched, fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
                                 family == AF_INET ? IP_PKTINFO : IPV6_RECVPKTINFO, 1);
    }
    if (group != NULL && group_size(group) > 1) {
        (void)engine->set_option(sched, fd, SOL_SOCKET, SO_REUSEPORT, 1);
    }
}

wharf_sock datagram_serve(const struct address_text *at) {
    char subject[WHARF_ADDRESS_SIZE];
    struct address address;
    struct sock *sock = NULL;
    address_text_describe(at, subject, sizeof(subject));
    wharf_sock handle = open_for(at, subject, &address, &sock);
    if (wharf_failed(handle)) {
        return handle;
    }
    if (at->kind == ADDRESS_UDP) {
        set_up_server(sock, at, address.any.sa_family);
    }
    int rc = sock_bind(sock, subject, &address);
    if (rc < 0) {
        (void)wharf_close(handle);
        return sock_failed(rc);
    }
    return handle;
}

int wharf_address_of(const char *text, wharf_address *ret_address) {
    struct address_text parts;
    struct address address;
    int rc = address_parse_or_fail(text, "resolve", &parts);
    rc = rc == 0 ? names_resolve(&parts, AF_UNSPEC, &address, 1) : rc;
    if (rc < 0) {
        return rc;
    }
    ret_address->len = address.len;
    memcpy(&ret_address->storage, &address.storage, address.len);
    return 0;
}

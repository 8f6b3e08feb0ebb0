/* Socket options by name. One table: what the kernel calls it, and the values that mean something; anything else
 * is refused here, so that no option is ever silently without effect. */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/failure.h"
#include "net/listener.h"
#include "net/socket.h"
#include "sched/engine.h"
#include "sched/sched.h"

struct option {
    const char *name;
    int level, number;
    int64_t min, max;
};

static const struct option options[] = {
    {"nodelay", IPPROTO_TCP, TCP_NODELAY, 0, 1},
    {"keepalive", SOL_SOCKET, SO_KEEPALIVE, 0, 1},
    {"keepalive_idle", IPPROTO_TCP, TCP_KEEPIDLE, 1, 32767},
    {"keepalive_interval", IPPROTO_TCP, TCP_KEEPINTVL, 1, 32767},
    {"keepalive_count", IPPROTO_TCP, TCP_KEEPCNT, 1, 127},
    {"user_timeout", IPPROTO_TCP, TCP_USER_TIMEOUT, 0, INT_MAX},
    {"send_buffer", SOL_SOCKET, SO_SNDBUF, 1, INT_MAX / 2},
    {"receive_buffer", SOL_SOCKET, SO_RCVBUF, 1, INT_MAX / 2},
    {"reuse_port", SOL_SOCKET, SO_REUSEPORT, 0, 1},
    {"quick_ack", IPPROTO_TCP, TCP_QUICKACK, 0, 1},
    {"cork", IPPROTO_TCP, TCP_CORK, 0, 1},
    {"not_sent_low_water", IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0, INT_MAX},
    {"type_of_service", IPPROTO_IP, IP_TOS, 0, 255},
    {"mark", SOL_SOCKET, SO_MARK, 0, UINT32_MAX},
    {"broadcast", SOL_SOCKET, SO_BROADCAST, 0, 1},
};

static const struct option *option_find(const char *name) {
    wharf_str wanted = wharf_str_of(name);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (wharf_str_is(wanted, options[i].name)) {
            return &options[i];
        }
    }
    return NULL;
}

/* The option as this kind of socket has it: IPv6 has its own name for the type of service, and a Unix socket has
 * no protocol's options at all. */
static int option_for(const struct option *option, const struct sock *sock, struct option *ret_option) {
    const struct engine *engine = sched_engine();
    struct address local = {.len = sizeof(local.storage)};
    int rc = sock->listener != NULL
                 ? listener_local_name(sock->listener, &local)
                 : engine->local_name(sched_current(), sock->stream.io->fd, &local.storage, &local.len);
    if (rc < 0) {
        return rc;
    }
    int family = local.any.sa_family;
    if (family == AF_UNIX && option->level != SOL_SOCKET) {
        return -ENOPROTOOPT;
    }
    *ret_option = *option;
    if (family == AF_INET6 && option->level == IPPROTO_IP) {
        ret_option->level = IPPROTO_IPV6;
        ret_option->number = IPV6_TCLASS;
    }
    return 0;
}

/* What the kernel says of an option that is not for this kind of socket. */
static int option_error(int code) {
    return code == -EOPNOTSUPP ? -ENOPROTOOPT : code;
}

int wharf_set_option(wharf_sock handle, const char *name, int64_t value) {
    const struct engine *engine = sched_engine();
    int rc = 0;
    const struct sock *sock = sock_find(handle, "set option", &rc);
    if (sock == NULL) {
        return rc;
    }
    const struct option *option = option_find(name);
    if (option == NULL) {
        return fail(-ENOPROTOOPT, "set option", name, "there is no such option");
    }
    if (value < option->min || value > option->max) {
        return fail(-EINVAL, "set option", name, "the value is from %lld to %lld", (long long)option->min,
                    (long long)option->max);
    }
    struct option own;
    rc = option_for(option, sock, &own);
    if (rc == 0 && sock->listener != NULL) {
        rc = listener_set_option(sock->listener, own.level, own.number, value);
    } else if (rc == 0) {
        rc = engine->set_option(sched_current(), sock->stream.io->fd, own.level, own.number, value);
    }
    return rc < 0 ? fail(option_error(rc), "set option", name, NULL) : 0;
}

int wharf_get_option(wharf_sock handle, const char *name, int64_t *ret_value) {
    const struct engine *engine = sched_engine();
    int rc = 0;
    const struct sock *sock = sock_find(handle, "get option", &rc);
    if (sock == NULL) {
        return rc;
    }
    const struct option *option = option_find(name);
    if (option == NULL) {
        return fail(-ENOPROTOOPT, "get option", name, "there is no such option");
    }
    struct option own;
    rc = option_for(option, sock, &own);
    if (rc == 0) {
        int fd = sock->stream.io->fd;
        rc = engine->get_option(sched_current(), fd, own.level, own.number, ret_value);
    }
    return rc < 0 ? fail(option_error(rc), "get option", name, NULL) : 0;
}

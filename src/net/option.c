/* Socket options by name, the project's or Python's. One table: what the kernel calls each, and the values that mean
 * something; anything else is refused here, so that no option is ever silently without effect. */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "base/failure.h"
#include "base/nearest.h"
#include "net/listener.h"
#include "net/socket.h"
#include "sched/engine.h"
#include "sched/sched.h"

enum { SECONDS_MAX = 32767, MINUTES_MAX = 65535, READ_ONLY = -1, TEXT_MAX = 64 };

/* An option of the IP layer has another number on IPv6; 0: IPv6 does not have it. */
struct option {
    const char *name, *python_name;
    int level, number;
    int number_v6;
    int64_t min, max; /* max READ_ONLY: cannot be set */
};

#define SOCKET_OPTION(name, number, min, max) \
    { name, #number, SOL_SOCKET, number, 0, min, max }
#define TCP_OPTION(name, number, min, max) \
    { name, #number, IPPROTO_TCP, number, 0, min, max }
#define UDP_OPTION(name, number, min, max) \
    { name, #number, IPPROTO_UDP, number, 0, min, max }
#define IP_OPTION(name, number, number_v6, min, max) \
    { name, #number, IPPROTO_IP, number, number_v6, min, max }
#define IPV6_OPTION(name, number, min, max) \
    { name, #number, IPPROTO_IPV6, number, number, min, max }

static const struct option options[] = {
    SOCKET_OPTION("reuse_address", SO_REUSEADDR, 0, 1),
    SOCKET_OPTION("reuse_port", SO_REUSEPORT, 0, 1),
    SOCKET_OPTION("keepalive", SO_KEEPALIVE, 0, 1),
    SOCKET_OPTION("broadcast", SO_BROADCAST, 0, 1),
    SOCKET_OPTION("send_buffer", SO_SNDBUF, 1, INT_MAX / 2),
    SOCKET_OPTION("receive_buffer", SO_RCVBUF, 1, INT_MAX / 2),
    SOCKET_OPTION("receive_low_water", SO_RCVLOWAT, 1, INT_MAX / 2),
    SOCKET_OPTION("linger", SO_LINGER, -1, MINUTES_MAX),
    SOCKET_OPTION("out_of_band_inline", SO_OOBINLINE, 0, 1),
    SOCKET_OPTION("dont_route", SO_DONTROUTE, 0, 1),
    SOCKET_OPTION("priority", SO_PRIORITY, 0, INT_MAX),
    SOCKET_OPTION("mark", SO_MARK, 0, UINT32_MAX),
    SOCKET_OPTION("busy_poll", SO_BUSY_POLL, 0, INT_MAX),
    SOCKET_OPTION("incoming_cpu", SO_INCOMING_CPU, 0, INT_MAX),
    SOCKET_OPTION("pass_credentials", SO_PASSCRED, 0, 1),
    SOCKET_OPTION("type", SO_TYPE, 0, READ_ONLY),
    SOCKET_OPTION("domain", SO_DOMAIN, 0, READ_ONLY),
    SOCKET_OPTION("protocol", SO_PROTOCOL, 0, READ_ONLY),
    SOCKET_OPTION("listening", SO_ACCEPTCONN, 0, READ_ONLY),
    SOCKET_OPTION("error", SO_ERROR, 0, READ_ONLY),
    TCP_OPTION("nodelay", TCP_NODELAY, 0, 1),
    TCP_OPTION("cork", TCP_CORK, 0, 1),
    TCP_OPTION("quick_ack", TCP_QUICKACK, 0, 1),
    TCP_OPTION("keepalive_idle", TCP_KEEPIDLE, 1, SECONDS_MAX),
    TCP_OPTION("keepalive_interval", TCP_KEEPINTVL, 1, SECONDS_MAX),
    TCP_OPTION("keepalive_count", TCP_KEEPCNT, 1, 127),
    TCP_OPTION("user_timeout", TCP_USER_TIMEOUT, 0, INT_MAX),
    TCP_OPTION("not_sent_low_water", TCP_NOTSENT_LOWAT, 0, INT_MAX),
    TCP_OPTION("fast_open", TCP_FASTOPEN, 0, INT_MAX),
    TCP_OPTION("fast_open_connect", TCP_FASTOPEN_CONNECT, 0, 1),
    TCP_OPTION("defer_accept", TCP_DEFER_ACCEPT, 0, SECONDS_MAX),
    TCP_OPTION("syn_count", TCP_SYNCNT, 1, 127),
    TCP_OPTION("fin_timeout", TCP_LINGER2, -1, SECONDS_MAX),
    TCP_OPTION("max_segment", TCP_MAXSEG, 88, 32767),
    TCP_OPTION("window_clamp", TCP_WINDOW_CLAMP, 0, INT_MAX / 2),
    UDP_OPTION("coalesce", UDP_GRO, 0, 1),
    IP_OPTION("type_of_service", IP_TOS, IPV6_TCLASS, 0, 255),
    IP_OPTION("time_to_live", IP_TTL, IPV6_UNICAST_HOPS, 1, 255),
    IP_OPTION("packet_info", IP_PKTINFO, IPV6_RECVPKTINFO, 0, 1),
    IP_OPTION("receive_errors", IP_RECVERR, IPV6_RECVERR, 0, 1),
    IP_OPTION("path_mtu_discovery", IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, 0, 5),
    IP_OPTION("path_mtu", IP_MTU, IPV6_MTU, 0, READ_ONLY),
    IP_OPTION("transparent", IP_TRANSPARENT, IPV6_TRANSPARENT, 0, 1),
    IP_OPTION("free_bind", IP_FREEBIND, IPV6_FREEBIND, 0, 1),
    IP_OPTION("bind_without_port", IP_BIND_ADDRESS_NO_PORT, 0, 0, 1),
    IPV6_OPTION("v6_only", IPV6_V6ONLY, 0, 1),
    IPV6_OPTION("hop_limit", IPV6_UNICAST_HOPS, -1, 255),
};

/* Those that are text. */
static const struct text_option {
    const char *name, *python_name;
    int level, number;
} text_options[] = {
    {"congestion_control", "TCP_CONGESTION", IPPROTO_TCP, TCP_CONGESTION},
    {"bind_to_device", "SO_BINDTODEVICE", SOL_SOCKET, SO_BINDTODEVICE},
};

enum {
    OPTIONS = sizeof(options) / sizeof(options[0]),
    TEXT_OPTIONS = sizeof(text_options) / sizeof(text_options[0]),
};

static bool is_called(wharf_str wanted, const char *name, const char *python_name) {
    return wharf_str_is(wanted, name) || wharf_str_is(wanted, python_name);
}

/* What Python has as an option and Wharf as a call. */
static const struct elsewhere {
    const char *python_name, *words;
} elsewhere[] = {
    {"SO_RCVTIMEO",
     "it is no option here: WHARF_WITHIN() and wharf_set_deadline() limit how long calls take"},
    {"SO_SNDTIMEO",
     "it is no option here: WHARF_WITHIN() and wharf_set_deadline() limit how long calls take"},
    {"SO_PEERCRED", "it is no option here: wharf_peer_credentials() tells it"},
};

/* Nothing has this name: the failure says which name may have been meant, or what to call. */
static int unknown_fail(const char *phase, const char *name) {
    struct nearest nearest = {.wanted = wharf_str_of(name)};
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        if (wharf_str_is(nearest.wanted, elsewhere[i].python_name)) {
            return fail(-ENOPROTOOPT, phase, name, "%s", elsewhere[i].words);
        }
    }
    for (size_t i = 0; i < OPTIONS; i++) {
        nearest_offer(&nearest, options[i].name);
        nearest_offer(&nearest, options[i].python_name);
    }
    for (size_t i = 0; i < TEXT_OPTIONS; i++) {
        nearest_offer(&nearest, text_options[i].name);
        nearest_offer(&nearest, text_options[i].python_name);
    }
    if (nearest.best == NULL) {
        return fail(-ENOPROTOOPT, phase, name, "there is no such option");
    }
    return fail(-ENOPROTOOPT, phase, name, "there is no such option; the nearest is %s", nearest.best);
}

static const struct option *option_find(const char *phase, const char *name, int *ret_error) {
    wharf_str wanted = wharf_str_of(name);
    for (size_t i = 0; i < OPTIONS; i++) {
        if (is_called(wanted, options[i].name, options[i].python_name)) {
            return &options[i];
        }
    }
    for (size_t i = 0; i < TEXT_OPTIONS; i++) {
        if (is_called(wanted, text_options[i].name, text_options[i].python_name)) {
            *ret_error = fail(-EINVAL, phase, name, "its value is a text: wharf_set_option_text()");
            return NULL;
        }
    }
    *ret_error = unknown_fail(phase, name);
    return NULL;
}

static const struct text_option *text_option_find(const char *phase, const char *name, int *ret_error) {
    wharf_str wanted = wharf_str_of(name);
    for (size_t i = 0; i < TEXT_OPTIONS; i++) {
        if (is_called(wanted, text_options[i].name, text_options[i].python_name)) {
            return &text_options[i];
        }
    }
    for (size_t i = 0; i < OPTIONS; i++) {
        if (is_called(wanted, options[i].name, options[i].python_name)) {
            *ret_error = fail(-EINVAL, phase, name, "its value is a number: wharf_set_option()");
            return NULL;
        }
    }
    *ret_error = unknown_fail(phase, name);
    return NULL;
}

static int family_of(const struct sock *sock, int *ret_family) {
    const struct engine *engine = sched_engine();
    struct address local = {.len = sizeof(local.storage)};
    int rc = sock->listener != NULL
                 ? listener_local_name(sock->listener, &local)
                 : engine->local_name(sched_current(), sock->stream.io->fd, &local.storage, &local.len);
    if (rc == 0) {
        *ret_family = local.any.sa_family;
    }
    return rc;
}

/* The option as this kind of socket has it: a Unix socket has no protocol's options at all. */
static int option_for(const struct option *option, const struct sock *sock, struct option *ret_option) {
    int family = AF_UNSPEC;
    int rc = family_of(sock, &family);
    if (rc < 0) {
        return rc;
    }
    if (family == AF_UNIX && option->level != SOL_SOCKET) {
        return -ENOPROTOOPT;
    }
    *ret_option = *option;
    if (family == AF_INET6 && option->level == IPPROTO_IP && option->number_v6 != 0) {
        ret_option->level = IPPROTO_IPV6;
        ret_option->number = option->number_v6;
    }
    return family == AF_INET && option->level == IPPROTO_IPV6 ? -ENOPROTOOPT : 0;
}

/* What the kernel says of an option that is not for this kind of socket. */
static int option_error(int code) {
    return code == -EOPNOTSUPP ? -ENOPROTOOPT : code;
}

int wharf_set_option(wharf_sock handle, const char *name, int64_t value) {
    const struct engine *engine = sched_engine();
    int rc = 0;
    const struct sock *sock = sock_find(handle, "set option", &rc);
    const struct option *option = sock != NULL ? option_find("set option", name, &rc) : NULL;
    if (option == NULL) {
        return rc;
    }
    if (option->max == READ_ONLY) {
        return fail(-EINVAL, "set option", name, "it can only be read");
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
    if (rc == 0 && own.level == IPPROTO_IPV6 && own.number == IPV6_RECVERR) {
        /* Of a socket of both families: what it sends by IPv4 is IPv4's to report. */
        (void)engine->set_option(sched_current(), sock->stream.io->fd, IPPROTO_IP, IP_RECVERR, value);
    }
    return rc < 0 ? fail(option_error(rc), "set option", name, NULL) : 0;
}

int wharf_get_option(wharf_sock handle, const char *name, int64_t *ret_value) {
    const struct engine *engine = sched_engine();
    int rc = 0;
    const struct sock *sock = sock_find(handle, "get option", &rc);
    const struct option *option = sock != NULL ? option_find("get option", name, &rc) : NULL;
    if (option == NULL) {
        return rc;
    }
    struct option own;
    rc = option_for(option, sock, &own);
    if (rc == 0) {
        int fd = sock->stream.io->fd;
        rc = engine->get_option(sched_current(), fd, own.level, own.number, ret_value);
    }
    return rc < 0 ? fail(option_error(rc), "get option", name, NULL) : 0;
}

/* ---- those that are text; the simulated network has none of them ---- */

int wharf_set_option_text(wharf_sock handle, const char *name, const char *value) {
    int rc = 0;
    const struct sock *sock = sock_find(handle, "set option", &rc);
    const struct text_option *option = sock != NULL ? text_option_find("set option", name, &rc) : NULL;
    if (option == NULL) {
        return rc;
    }
    if (sched_is_simulated() || sock->listener != NULL) {
        return fail(-ENOPROTOOPT, "set option", name, NULL);
    }
    socklen_t len = (socklen_t)strlen(value);
    int fd = sock->stream.io->fd;
    rc = setsockopt(fd, option->level, option->number, value, len) < 0 ? -errno : 0;
    return rc < 0 ? fail(option_error(rc), "set option", name, "the value is %s", value) : 0;
}

int wharf_get_option_text(wharf_sock handle, const char *name, char *buffer, size_t size) {
    char value[TEXT_MAX] = "";
    socklen_t len = sizeof(value) - 1;
    int rc = 0;
    const struct sock *sock = sock_find(handle, "get option", &rc);
    const struct text_option *option = sock != NULL ? text_option_find("get option", name, &rc) : NULL;
    if (option == NULL) {
        return rc;
    }
    if (sched_is_simulated()) {
        return fail(-ENOPROTOOPT, "get option", name, NULL);
    }
    rc = getsockopt(sock->stream.io->fd, option->level, option->number, value, &len) < 0 ? -errno : 0;
    if (rc < 0) {
        return fail(option_error(rc), "get option", name, NULL);
    }
    size_t text_len = strnlen(value, len);
    if (text_len >= size) {
        return fail(-ENOBUFS, "get option", name, NULL);
    }
    memcpy(buffer, value, text_len + 1);
    return (int)text_len;
}

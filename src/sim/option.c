/* The known options. */
#include "sim/option.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <sys/socket.h>

struct option_kind {
    int level;
    int option;
    int64_t initial;
};

static const struct option_kind option_kinds[OPTION_COUNT] = {
    {SOL_SOCKET, SO_REUSEADDR, 0},
    {SOL_SOCKET, SO_REUSEPORT, 0},
    {SOL_SOCKET, SO_KEEPALIVE, 0},
    {SOL_SOCKET, SO_BROADCAST, 0},
    {SOL_SOCKET, SO_OOBINLINE, 0},
    {SOL_SOCKET, SO_SNDBUF, 87040},
    {SOL_SOCKET, SO_RCVBUF, 131072},
    {SOL_SOCKET, SO_RCVLOWAT, 1},
    {SOL_SOCKET, SO_PRIORITY, 0},
    {SOL_SOCKET, SO_MARK, 0},
    {SOL_SOCKET, SO_BUSY_POLL, 0},
    {SOL_SOCKET, SO_INCOMING_CPU, -1},
    {IPPROTO_IP, IP_TOS, 0},
    {IPPROTO_IP, IP_TTL, 64},
    {IPPROTO_IPV6, IPV6_V6ONLY, 0},
    {IPPROTO_IPV6, IPV6_TCLASS, 0},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, 64},
    {IPPROTO_TCP, TCP_NODELAY, 0},
    {IPPROTO_TCP, TCP_CORK, 0},
    {IPPROTO_TCP, TCP_KEEPIDLE, 7200},
    {IPPROTO_TCP, TCP_KEEPINTVL, 75},
    {IPPROTO_TCP, TCP_KEEPCNT, 9},
    {IPPROTO_TCP, TCP_SYNCNT, 6},
    {IPPROTO_TCP, TCP_LINGER2, 60},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, 0},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, 0},
    {IPPROTO_TCP, TCP_QUICKACK, 1},
    {IPPROTO_TCP, TCP_FASTOPEN, 0},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0},
    {SOL_SOCKET, SO_LINGER, -1},
    {SOL_SOCKET, SO_DONTROUTE, 0},
    {SOL_SOCKET, SO_PASSCRED, 0},
    {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0},
    {IPPROTO_TCP, TCP_MAXSEG, 1460},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP, 0},
    {IPPROTO_UDP, UDP_GRO, 0},
    {IPPROTO_IP, IP_PKTINFO, 0},
    {IPPROTO_IP, IP_RECVERR, 0},
    {IPPROTO_IP, IP_MTU_DISCOVER, 1},
    {IPPROTO_IP, IP_TRANSPARENT, 0},
    {IPPROTO_IP, IP_FREEBIND, 0},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 0},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO, 0},
    {IPPROTO_IPV6, IPV6_RECVERR, 0},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER, 1},
    {IPPROTO_IPV6, IPV6_TRANSPARENT, 0},
    {IPPROTO_IPV6, IPV6_FREEBIND, 0},
};

/* Its place in the table, or OPTION_COUNT. */
static size_t option_find(int level, int option) {
    size_t at = 0;
    while (at < OPTION_COUNT && (option_kinds[at].level != level || option_kinds[at].option != option)) {
        at++;
    }
    return at;
}

void option_init(struct option_values *options) {
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        options->value[i] = option_kinds[i].initial;
    }
}

int option_set(struct option_values *options, int level, int option, int64_t value) {
    size_t at = option_find(level, option);
    if (at == OPTION_COUNT) {
        return -ENOPROTOOPT;
    }
    options->value[at] = value;
    return 0;
}

int option_get(const struct option_values *options, int level, int option, int64_t *ret_value) {
    size_t at = option_find(level, option);
    if (at == OPTION_COUNT) {
        return -ENOPROTOOPT;
    }
    *ret_value = options->value[at];
    return 0;
}

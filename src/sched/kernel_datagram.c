/* Messages by the kernel: recvmsg and sendmsg, and their forms for many at once. What travels beside the bytes is in
 * control datagrams (cmsg(3), ip(7), ipv6(7), unix(7), udp(7)), and only this file knows their layout.
 *
 * Descriptors: the kernel installs as many as fit into the control buffer, and its padding may hold one more than was
 * asked for. All that came are looked at and those without a place are closed, so that none is lost. */
#include <errno.h>
#include <time.h> /* before the next, which needs it */

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#include "sched/datagram.h"
#include "sched/kernel.h"

#ifndef UDP_SEGMENT /* Linux 4.18 and 5.0 */
#    define UDP_SEGMENT 103
#    define UDP_GRO     104
#endif

enum {
    /* Both families' local address (a socket of both has both), the sender, and the segment size. */
    CONTROL_SIZE = CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(struct in6_pktinfo)) +
                   CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int)),
    CONTROL_FDS_SIZE = CONTROL_SIZE + CMSG_SPACE(DATAGRAM_FDS_MAX * sizeof(int)),
};

/* ---- received ---- */

static void take_fds(struct datagram *datagram, const struct cmsghdr *header) {
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
        int fd = -1;
        memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
        if (datagram->fd_count < datagram->fd_max) {
            datagram->fds[datagram->fd_count++] = fd;
        } else {
            datagram->fds_cut = true;
            (void)close(fd);
        }
    }
}

static void take_local_v4(struct datagram *datagram, const struct cmsghdr *header) {
    struct in_pktinfo info;
    memcpy(&info, CMSG_DATA(header), sizeof(info));
    datagram->local = (struct datagram_local){.family = AF_INET, .interface = (uint32_t)info.ipi_ifindex};
    datagram->local.v4 = info.ipi_addr;
}

static void take_local_v6(struct datagram *datagram, const struct cmsghdr *header) {
    struct in6_pktinfo info;
    memcpy(&info, CMSG_DATA(header), sizeof(info));
    datagram->local = (struct datagram_local){.family = AF_INET6, .interface = info.ipi6_ifindex};
    datagram->local.v6 = info.ipi6_addr;
}

static void take_sender(struct datagram *datagram, const struct cmsghdr *header) {
    struct ucred sender;
    memcpy(&sender, CMSG_DATA(header), sizeof(sender));
    datagram->sender = (struct datagram_sender){
        .known = true, .pid = sender.pid, .uid = sender.uid, .gid = sender.gid};
}

static void take_segment(struct datagram *datagram, const struct cmsghdr *header) {
    int size = 0;
    memcpy(&size, CMSG_DATA(header), sizeof(size));
    datagram->segment = (uint32_t)size;
}

static const struct control {
    int level, type;
    size_t size; /* at least */
    void (*take)(struct datagram *datagram, const struct cmsghdr *header);
} controls[] = {
    {SOL_SOCKET, SCM_RIGHTS, 0, take_fds},
    {SOL_SOCKET, SCM_CREDENTIALS, sizeof(struct ucred), take_sender},
    {IPPROTO_IP, IP_PKTINFO, sizeof(struct in_pktinfo), take_local_v4},
    {IPPROTO_IPV6, IPV6_PKTINFO, sizeof(struct in6_pktinfo), take_local_v6},
    {IPPROTO_UDP, UDP_GRO, sizeof(int), take_segment},
};

static void take_control(struct datagram *datagram, const struct cmsghdr *header) {
    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
        const struct control *control = &controls[i];
        if (control->level == header->cmsg_level && control->type == header->cmsg_type &&
            header->cmsg_len >= CMSG_LEN(control->size)) {
            control->take(datagram, header);
        }
    }
}

static size_t room_of(const struct datagram *datagram) {
    size_t room = 0;
    for (int i = 0; i < datagram->piece_count; i++) {
        room += datagram->pieces[i].iov_len;
    }
    return room;
}

/* What the kernel wrote, into the datagram. len: of the whole datagram (MSG_TRUNC was asked for). */
static void datagram_arrived(struct datagram *datagram, struct msghdr *header, size_t len) {
    size_t room = room_of(datagram);
    datagram->whole = len;
    datagram->size = len < room ? len : room;
    datagram->peer_len = datagram->peer != NULL ? header->msg_namelen : 0;
    if (datagram->peer_len > sizeof(*datagram->peer)) {
        datagram->peer_len = sizeof(*datagram->peer);
    }
    datagram->fd_count = 0;
    datagram->fds_cut = (header->msg_flags & MSG_CTRUNC) != 0 && datagram->fd_max > 0;
    datagram->local.family = AF_UNSPEC;
    datagram->local.interface = 0;
    datagram->segment = 0;
    datagram->sender.known = false;
    for (struct cmsghdr *each = CMSG_FIRSTHDR(header); each != NULL; each = CMSG_NXTHDR(header, each)) {
        take_control(datagram, each);
    }
}

/* MSG_TRUNC: the length that the datagram had is wanted. */
enum { RECEIVE_FLAGS = MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC };

static struct msghdr receive_header(struct datagram *datagram, void *control, size_t control_size) {
    return (struct msghdr){
        .msg_name = datagram->peer,
        .msg_namelen = datagram->peer != NULL ? sizeof(*datagram->peer) : 0,
        .msg_iov = datagram->pieces,
        .msg_iovlen = (size_t)datagram->piece_count,
        .msg_control = control,
        .msg_controllen = control_size,
    };
}

static int receive_one(int fd, struct datagram *datagram) {
    _Alignas(struct cmsghdr) char control[CONTROL_FDS_SIZE];
    /* Room for no descriptor makes the kernel close those that come. */
    size_t fds = datagram->fd_max < DATAGRAM_FDS_MAX ? (size_t)datagram->fd_max : DATAGRAM_FDS_MAX;
    size_t size = CONTROL_SIZE + (fds > 0 ? CMSG_SPACE(fds * sizeof(int)) : 0);
    for (;;) {
        struct msghdr header = receive_header(datagram, control, size);
        ssize_t n = recvmsg(fd, &header, RECEIVE_FLAGS);
        int rc = n < 0 ? -errno : 0;
        if (rc == 0) {
            datagram_arrived(datagram, &header, (size_t)n);
            return 1;
        }
        if (rc != -EINTR) {
            return rc;
        }
    }
}

static int receive_many(int fd, struct datagram *datagrams, int count) {
    _Alignas(struct cmsghdr) char controls_room[DATAGRAMS_AT_ONCE][CONTROL_SIZE];
    struct mmsghdr headers[DATAGRAMS_AT_ONCE];
    for (;;) {
        for (int i = 0; i < count; i++) {
            headers[i].msg_hdr = receive_header(&datagrams[i], controls_room[i], CONTROL_SIZE);
            headers[i].msg_len = 0;
            if (kernel_forbids(headers[i].msg_hdr.msg_name)) {
                return -EPERM;
            }
        }
        int n = recvmmsg(fd, headers, (unsigned)count, RECEIVE_FLAGS, NULL);
        int rc = n < 0 ? -errno : n;
        for (int i = 0; i < rc; i++) {
            datagram_arrived(&datagrams[i], &headers[i].msg_hdr, headers[i].msg_len);
        }
        if (rc != -EINTR) {
            return rc;
        }
    }
}

/* How many of the datagrams, from the first, one call for many can take: descriptors need a buffer of their own. */
static int count_without_fds(const struct datagram *datagrams, int count) {
    int plain = 0;
    while (plain < count && plain < DATAGRAMS_AT_ONCE && datagrams[plain].fd_max == 0 &&
           datagrams[plain].fd_count == 0) {
        plain++;
    }
    return plain;
}

int kernel_recv_datagrams(struct sched *sched, int fd, struct datagram *datagrams, int count) {
    (void)sched;
    int plain = count_without_fds(datagrams, count);
    return plain > 1 ? receive_many(fd, datagrams, plain) : receive_one(fd, datagrams);
}

/* ---- errors ---- */

static bool is_error_header(const struct cmsghdr *header) {
    bool is_v4 = header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR;
    bool is_v6 = header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_RECVERR;
    return (is_v4 || is_v6) && header->cmsg_len >= CMSG_LEN(sizeof(struct sock_extended_err));
}

/* Behind the error stands the address of who reported it (ip(7), SO_EE_OFFENDER). */
static void take_error(struct datagram_error *error, const struct cmsghdr *header) {
    struct sock_extended_err told;
    size_t rest = header->cmsg_len - CMSG_LEN(sizeof(told));
    memcpy(&told, CMSG_DATA(header), sizeof(told));
    error->code = -(int)told.ee_errno;
    error->mtu = told.ee_errno == EMSGSIZE ? told.ee_info : 0;
    memcpy(&error->reporter, CMSG_DATA(header) + sizeof(told),
           rest < sizeof(error->reporter) ? rest : sizeof(error->reporter));
    bool is_known = told.ee_origin == SO_EE_ORIGIN_ICMP || told.ee_origin == SO_EE_ORIGIN_ICMP6;
    sa_family_t family = is_known && rest >= sizeof(struct sockaddr_in) ? error->reporter.ss_family
                                                                        : AF_UNSPEC;
    error->reporter_len = family == AF_INET ? sizeof(struct sockaddr_in)
                          : family == AF_INET6 && rest >= sizeof(struct sockaddr_in6)
                              ? sizeof(struct sockaddr_in6)
                              : 0;
}

int kernel_recv_error(struct sched *sched, int fd, struct datagram_error *ret_error) {
    (void)sched;
    _Alignas(struct cmsghdr) char
        control[CONTROL_SIZE + CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6))];
    struct datagram_error error = {.code = 0};
    char first; /* of the datagram, which comes back: nobody asks for it */
    struct iovec piece = {&first, sizeof(first)};
    int rc = -EINTR;
    struct msghdr header = {.msg_iov = NULL};
    while (rc == -EINTR) {
        header = (struct msghdr){.msg_name = &error.peer,
                                 .msg_namelen = sizeof(error.peer),
                                 .msg_iov = &piece,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof(control)};
        rc = recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0 ? -errno : 0;
    }
    if (rc < 0) {
        return rc;
    }
    error.peer_len = header.msg_namelen;
    for (struct cmsghdr *each = CMSG_FIRSTHDR(&header); each != NULL; each = CMSG_NXTHDR(&header, each)) {
        if (is_error_header(each)) {
            take_error(&error, each);
        }
    }
    if (error.code == 0) {
        return -EAGAIN;
    }
    *ret_error = error;
    return 0;
}

/* ---- sent ---- */

/* Appends a control datagram; the buffer has room. */
static void put_control(struct msghdr *header, int level, int type, const void *data, size_t size) {
    struct cmsghdr *each = (struct cmsghdr *)(void *)((char *)header->msg_control + header->msg_controllen);
    memset(each, 0, CMSG_SPACE(size));
    each->cmsg_level = level;
    each->cmsg_type = type;
    each->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(each), data, size);
    header->msg_controllen += CMSG_SPACE(size);
}

static void put_local(struct msghdr *header, const struct datagram_local *local) {
    if (local->family == AF_INET) {
        struct in_pktinfo info = {.ipi_ifindex = (int)local->interface, .ipi_spec_dst = local->v4};
        put_control(header, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
    } else if (local->family == AF_INET6) {
        struct in6_pktinfo info = {.ipi6_addr = local->v6, .ipi6_ifindex = local->interface};
        put_control(header, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
    }
}

static struct msghdr send_header(const struct datagram *datagram, void *control) {
    struct msghdr header = {
        .msg_name = datagram->peer,
        .msg_namelen = datagram->peer != NULL ? datagram->peer_len : 0,
        .msg_iov = datagram->pieces,
        .msg_iovlen = (size_t)datagram->piece_count,
        .msg_control = control,
    };
    put_local(&header, &datagram->local);
    if (datagram->segment > 0) {
        uint16_t segment = (uint16_t)datagram->segment;
        put_control(&header, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
    }
    if (datagram->fd_count > 0) {
        put_control(&header, SOL_SOCKET, SCM_RIGHTS, datagram->fds, (size_t)datagram->fd_count * sizeof(int));
    }
    header.msg_control = header.msg_controllen > 0 ? control : NULL;
    return header;
}

enum { SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL };

static int send_one(int fd, struct datagram *datagram) {
    _Alignas(struct cmsghdr) char control[CONTROL_FDS_SIZE];
    if (datagram->fd_count > DATAGRAM_FDS_MAX) {
        return -EINVAL;
    }
    for (;;) {
        struct msghdr header = send_header(datagram, control);
        if (kernel_forbids(header.msg_name)) {
            return -EPERM;
        }
        ssize_t n = sendmsg(fd, &header, SEND_FLAGS);
        int rc = n < 0 ? -errno : 0;
        if (rc == 0) {
            datagram->size = (size_t)n;
            return 1;
        }
        if (rc != -EINTR) {
            return rc;
        }
    }
}

static int send_many(int fd, struct datagram *datagrams, int count) {
    _Alignas(struct cmsghdr) char controls_room[DATAGRAMS_AT_ONCE][CONTROL_SIZE];
    struct mmsghdr headers[DATAGRAMS_AT_ONCE];
    for (;;) {
        for (int i = 0; i < count; i++) {
            headers[i].msg_hdr = send_header(&datagrams[i], controls_room[i]);
            headers[i].msg_len = 0;
        }
        int n = sendmmsg(fd, headers, (unsigned)count, SEND_FLAGS);
        int rc = n < 0 ? -errno : n;
        for (int i = 0; i < rc; i++) {
            datagrams[i].size = headers[i].msg_len;
        }
        if (rc != -EINTR) {
            return rc;
        }
    }
}

int kernel_send_datagrams(struct sched *sched, int fd, struct datagram *datagrams, int count) {
    (void)sched;
    int plain = count_without_fds(datagrams, count);
    return plain > 1 ? send_many(fd, datagrams, plain) : send_one(fd, datagrams);
}

/* Sending and receiving of datagrams. No turns and no claims as streams need them: each datagram is whole, so any number of
 * tasks may do both. */
#include "net/datagram.h"

#include <errno.h>
#include <limits.h>

#include "base/failure.h"
#include "sched/datagram.h"
#include "sched/engine.h"
#include "sched/sched.h"

/* The socket of a call for datagrams, or NULL with the error (recorded). */
static struct sock *datagram_find(wharf_sock handle, const char *phase, int *ret_error) {
    struct sock *sock = sock_find(handle, phase, ret_error);
    if (sock != NULL && (sock->type == SOCK_STREAM || sock->listener != NULL)) {
        *ret_error = fail(-EOPNOTSUPP, phase, NULL, "the socket is a stream");
        return NULL;
    }
    return sock;
}

/* The record may be gone afterwards. */
static int64_t transfer_end(struct sock *sock, const char *phase, int64_t result) {
    if (result < 0) {
        result = sock->stream.io == NULL ? sock_fail(sock, -ECANCELED, phase)
                                         : datagram_fail(sock, (int)result, phase);
    }
    sock_leave(sock);
    return result;
}

/* ---- receiving ---- */

static ssize_t cut_fail(struct sock *sock, const struct datagram *datagram, size_t size) {
    sock_leave(sock);
    return fail(-EMSGSIZE, "recv", NULL, "the datagram has %zu bytes, the buffer %zu", datagram->whole, size);
}

static size_t size_of(const struct iovec *pieces, int count) {
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        size += pieces[i].iov_len;
    }
    return size;
}

ssize_t datagram_recv(struct sock *sock, const struct iovec *pieces, int count, wharf_address *ret_from) {
    struct sockaddr_storage from;
    struct datagram datagram = {.pieces = (struct iovec *)pieces, .piece_count = count};
    size_t size = size_of(pieces, count);
    datagram.peer = ret_from != NULL ? &from : NULL;
    sock_enter(sock);
    int rc = io_recv_datagrams(sock->stream.io, &datagram, 1);
    if (rc > 0 && datagram.whole > size) {
        return cut_fail(sock, &datagram, size);
    }
    if (rc > 0 && ret_from != NULL) {
        ret_from->len = datagram.peer_len;
        memcpy(&ret_from->storage, &from, datagram.peer_len);
    }
    return transfer_end(sock, "recv", rc > 0 ? (int64_t)datagram.size : rc);
}

ssize_t wharf_recv_from(wharf_sock handle, void *buffer, size_t size, wharf_address *ret_from) {
    int error = 0;
    struct sock *sock = datagram_find(handle, "recv", &error);
    struct iovec piece = {buffer, size};
    return sock != NULL ? datagram_recv(sock, &piece, 1, ret_from) : error;
}

/* The port that the socket is bound to: it stays. */
static uint16_t local_port(struct sock *sock) {
    struct address local = {.len = sizeof(local.storage)};
    const struct engine *engine = sched_engine();
    if (sock->local_port == 0 &&
        engine->local_name(sched_current(), sock->stream.io->fd, &local.storage, &local.len) == 0) {
        sock->local_port = address_port(&local);
    }
    return sock->local_port;
}

static void local_to_address(const struct datagram_local *local, uint16_t port, wharf_address *ret_address) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    ret_address->len = 0;
    if (local->family == AF_INET) {
        v4.sin_addr = local->v4;
        ret_address->len = sizeof(v4);
        memcpy(&ret_address->storage, &v4, sizeof(v4));
    } else if (local->family == AF_INET6) {
        v6.sin6_addr = local->v6;
        v6.sin6_scope_id = IN6_IS_ADDR_LINKLOCAL(&local->v6) ? local->interface : 0;
        ret_address->len = sizeof(v6);
        memcpy(&ret_address->storage, &v6, sizeof(v6));
    }
}

static void datagram_give(struct sock *sock, const struct datagram *raw, wharf_datagram *out) {
    out->len = raw->size;
    out->whole = raw->whole;
    out->peer.len = raw->peer_len;
    out->interface = raw->local.interface;
    out->segment = raw->segment;
    out->sender_pid = raw->sender.known ? raw->sender.pid : 0;
    out->sender_uid = raw->sender.known ? raw->sender.uid : 0;
    out->sender_gid = raw->sender.known ? raw->sender.gid : 0;
    bool known = raw->local.family != AF_UNSPEC && sock->stream.io != NULL;
    local_to_address(&raw->local, known ? local_port(sock) : 0, &out->local);
}

/* The end of a seqpacket looks like an empty message, and so do all that were asked for behind it. */
static int count_before_end(const struct sock *sock, const struct datagram *raw, int count) {
    int whole = 0;
    while (whole < count && (sock->type != SOCK_SEQPACKET || raw[whole].whole > 0)) {
        whole++;
    }
    return whole;
}

int wharf_recv_datagrams(wharf_sock handle, wharf_datagram *datagrams, int count) {
    struct datagram raw[DATAGRAMS_AT_ONCE];
    struct iovec pieces[DATAGRAMS_AT_ONCE];
    int rc = 0;
    struct sock *sock = datagram_find(handle, "recv", &rc);
    if (sock == NULL) {
        return rc;
    }
    if (count < 1) {
        return sock_fail(sock, -EINVAL, "recv");
    }
    count = count < DATAGRAMS_AT_ONCE ? count : DATAGRAMS_AT_ONCE;
    for (int i = 0; i < count; i++) {
        pieces[i] = (struct iovec){datagrams[i].data, datagrams[i].size};
        raw[i] = (struct datagram){
            .pieces = &pieces[i], .piece_count = 1, .peer = &datagrams[i].peer.storage};
    }
    sock_enter(sock);
    rc = io_recv_datagrams(sock->stream.io, raw, count);
    rc = rc > 0 ? count_before_end(sock, raw, rc) : rc;
    for (int i = 0; i < rc; i++) {
        datagram_give(sock, &raw[i], &datagrams[i]);
    }
    return (int)transfer_end(sock, "recv", rc);
}

/* ---- sending ---- */

static int check_destination(const struct sock *sock, const wharf_address *to) {
    bool invalid = to != NULL && to->len > sizeof(to->storage);
    return invalid ? sock_fail(sock, -EINVAL, "send") : 0;
}

ssize_t datagram_send(struct sock *sock, const struct iovec *pieces, int count, const wharf_address *to) {
    struct sockaddr_storage peer;
    struct datagram datagram = {.pieces = (struct iovec *)pieces, .piece_count = count};
    int rc = check_destination(sock, to);
    if (rc < 0) {
        return rc;
    }
    if (size_of(pieces, count) == 0 && sock->type == SOCK_SEQPACKET) {
        return fail(-EINVAL, "send", NULL, "an empty message would be taken for the end");
    }
    if (to != NULL && to->len > 0) {
        memcpy(&peer, &to->storage, to->len);
        datagram.peer = &peer;
        datagram.peer_len = to->len;
    }
    sock_enter(sock);
    sock->sent = 0;
    rc = io_send_datagrams(sock->stream.io, &datagram, 1);
    if (rc > 0) {
        sock->sent = (int64_t)datagram.size;
    }
    return transfer_end(sock, "send", rc > 0 ? (int64_t)datagram.size : rc);
}

ssize_t wharf_send_to(wharf_sock handle, const void *buffer, size_t size, const wharf_address *to) {
    struct iovec piece = {.iov_len = size};
    int error = 0;
    struct sock *sock = datagram_find(handle, "send", &error);
    memcpy(&piece.iov_base, &buffer, sizeof(buffer)); /* iovec has no const */
    return sock != NULL ? datagram_send(sock, &piece, 1, to) : error;
}

static void local_of_address(const wharf_datagram *from, struct datagram_local *ret_local) {
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    *ret_local = (struct datagram_local){.interface = from->interface};
    if (from->local.len >= sizeof(v4) && from->local.storage.ss_family == AF_INET) {
        memcpy(&v4, &from->local.storage, sizeof(v4));
        ret_local->family = AF_INET;
        ret_local->v4 = v4.sin_addr;
    } else if (from->local.len >= sizeof(v6) && from->local.storage.ss_family == AF_INET6) {
        memcpy(&v6, &from->local.storage, sizeof(v6));
        ret_local->family = AF_INET6;
        ret_local->v6 = v6.sin6_addr;
    } else if (from->interface != 0) {
        ret_local->family = from->peer.storage.ss_family == AF_INET ? AF_INET : AF_INET6;
    }
}

static struct datagram datagram_take(const wharf_datagram *from, struct iovec *piece) {
    *piece = (struct iovec){from->data, from->len};
    struct datagram raw = {.pieces = piece, .piece_count = 1, .segment = from->segment};
    raw.peer = from->peer.len > 0 ? (struct sockaddr_storage *)&from->peer.storage : NULL;
    raw.peer_len = from->peer.len;
    local_of_address(from, &raw.local);
    return raw;
}

/* Sends the segments of one datagram as datagrams of their own: for a machine, or a way, that does not cut them. */
static int send_cut(struct sock *sock, const wharf_datagram *from) {
    size_t sent = 0;
    int rc = 1;
    while (sent < from->len && rc > 0 && sock->stream.io != NULL) {
        struct datagram raw[DATAGRAMS_AT_ONCE];
        struct iovec pieces[DATAGRAMS_AT_ONCE];
        int count = 0;
        for (size_t at = sent; at < from->len && count < DATAGRAMS_AT_ONCE; count++) {
            size_t left = from->len - at;
            wharf_datagram part = *from;
            part.data = (char *)from->data + at;
            part.len = left < from->segment ? left : from->segment;
            part.segment = 0;
            raw[count] = datagram_take(&part, &pieces[count]);
            /* The copy does not outlive this turn. */
            raw[count].peer = from->peer.len > 0 ? (struct sockaddr_storage *)&from->peer.storage : NULL;
            at += part.len;
        }
        rc = io_send_datagrams(sock->stream.io, raw, count);
        for (int i = 0; i < rc; i++) {
            sent += raw[i].size;
        }
    }
    return rc > 0 ? 1 : rc;
}

static bool is_uncut(int code) {
    return code == -EIO || code == -EINVAL || code == -EMSGSIZE || code == -EOPNOTSUPP;
}

/* Some of the datagrams from the first: how many, or the first one's error. */
static int send_some(struct sock *sock, const wharf_datagram *datagrams, int count) {
    struct datagram raw[DATAGRAMS_AT_ONCE];
    struct iovec pieces[DATAGRAMS_AT_ONCE];
    count = count < DATAGRAMS_AT_ONCE ? count : DATAGRAMS_AT_ONCE;
    for (int i = 0; i < count; i++) {
        raw[i] = datagram_take(&datagrams[i], &pieces[i]);
    }
    int rc = io_send_datagrams(sock->stream.io, raw, count);
    return rc < 0 && is_uncut(rc) && datagrams[0].segment > 0 ? send_cut(sock, datagrams) : rc;
}

static int check_datagrams(const struct sock *sock, const wharf_datagram *datagrams, int count) {
    bool valid = count >= 1;
    for (int i = 0; i < count; i++) {
        valid = valid && datagrams[i].peer.len <= sizeof(datagrams[i].peer.storage) &&
                datagrams[i].segment <= UINT16_MAX && (sock->type != SOCK_SEQPACKET || datagrams[i].len > 0);
    }
    return valid ? 0 : sock_fail(sock, -EINVAL, "send");
}

int wharf_send_datagrams(wharf_sock handle, const wharf_datagram *datagrams, int count) {
    int rc = 0;
    struct sock *sock = datagram_find(handle, "send", &rc);
    rc = sock != NULL ? check_datagrams(sock, datagrams, count) : rc;
    if (rc < 0) {
        return rc;
    }
    int done = 0;
    sock_enter(sock);
    sock->sent = 0;
    rc = 1;
    while (done < count && rc > 0 && sock->stream.io != NULL) {
        rc = send_some(sock, datagrams + done, count - done);
        for (int i = 0; i < rc; i++) {
            sock->sent += (int64_t)datagrams[done + i].len;
        }
        done += rc > 0 ? rc : 0;
    }
    return (int)transfer_end(sock, "send", done > 0 ? done : rc);
}

/* ---- addresses ---- */

int wharf_address_text(const wharf_address *address, char *buffer, size_t size) {
    if (size < WHARF_ADDRESS_SIZE) {
        return fail(-ENOBUFS, "address", NULL, NULL);
    }
    if (address->len == 0) {
        buffer[0] = '\0';
        return 0;
    }
    return (int)address_format((const struct sockaddr *)&address->storage, address->len, buffer);
}

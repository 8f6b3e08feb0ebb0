/* See datagram.h. */
#include "sim/datagram.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include "base/memory.h"
#include "sched/datagram.h"
#include "sched/io.h"
#include "sim/endpoint.h"
#include "sim/link.h"

enum {
    UDP_BYTES_MAX = 65507,
    UNIX_BYTES_MAX = 212992,
    UNIX_WAITING_MAX = 256, /* then a sender waits */
    IP_BYTES = 4,
    REFUSED_MAX = 64, /* errors that wait to be asked for */
};

/* A Unix sender that found no room looks again after this time. */
#define LOOK_AGAIN_NS INT64_C(1000000)

struct packet {
    struct event event;         /* its arrival */
    struct packet *next, *prev; /* in world->packets, or in a mailbox */
    struct host *host;          /* where it goes */
    struct link *link;
    struct place from, to;
    bool is_refusal;
    size_t size;
    unsigned char bytes[];
};

/* ---- in flight ---- */

static void packet_fly(struct world *world, struct packet *packet, int64_t at) {
    packet->prev = NULL;
    packet->next = world->packets;
    if (packet->next != NULL) {
        packet->next->prev = packet;
    }
    world->packets = packet;
    world_push(world, &packet->event, at);
}

static void packet_land(struct world *world, struct packet *packet) {
    if (packet->prev != NULL) {
        packet->prev->next = packet->next;
    } else {
        world->packets = packet->next;
    }
    if (packet->next != NULL) {
        packet->next->prev = packet->prev;
    }
}

void packets_free(struct world *world) {
    while (world->packets != NULL) {
        struct packet *packet = world->packets;
        packet_land(world, packet);
        event_remove(&world->events, &packet->event);
        mem_free(packet);
    }
}

/* ---- arriving ---- */

void mailbox_deinit(struct mailbox *mailbox) {
    while (mailbox->first != NULL) {
        struct packet *packet = mailbox->first;
        mailbox->first = packet->next;
        mem_free(packet);
    }
    while (mailbox->refused != NULL) {
        struct packet *packet = mailbox->refused;
        mailbox->refused = packet->next;
        mem_free(packet);
    }
}

size_t mailbox_unread(const struct mailbox *mailbox) {
    return mailbox->first != NULL ? mailbox->first->size : 0;
}

static bool is_datagrams(const struct endpoint *endpoint) {
    return endpoint->type == SOCK_DGRAM;
}

/* Who is bound to an address: connected to the sender before open to all, exactly before "any address". */
static struct endpoint *receiver_find(const struct packet *packet) {
    struct endpoint *best = NULL;
    int best_match = 0;
    for (struct endpoint *at = packet->host->bound; at != NULL; at = at->bound_next) {
        bool is_connected = at->remote.kind != PLACE_NONE;
        if (!is_datagrams(at) || (is_connected && !place_is_equal(&at->remote, &packet->from))) {
            continue;
        }
        int match = place_accepts(&at->local, endpoint_is_v6_only(at), &packet->to);
        match = match > 0 && is_connected ? match + 2 : match;
        if (match > best_match) {
            best = at;
            best_match = match;
        }
    }
    return best;
}

static bool asks_for_errors(const struct endpoint *endpoint) {
    int64_t v4 = 0;
    int64_t v6 = 0;
    (void)option_get(&endpoint->options, IPPROTO_IP, IP_RECVERR, &v4);
    (void)option_get(&endpoint->options, IPPROTO_IPV6, IPV6_RECVERR, &v6);
    return v4 != 0 || v6 != 0;
}

static void packet_on_refusal(struct event *event) {
    struct packet *packet = (struct packet *)(void *)event;
    packet_land(packet->host->world, packet);
    struct endpoint *sender = receiver_find(packet);
    bool asks = sender != NULL && asks_for_errors(sender);
    bool is_told = sender != NULL && (asks || place_is_equal(&sender->remote, &packet->from));
    if (!is_told || link_is_cut(packet->link)) {
        mem_free(packet);
        return;
    }
    sender->error = -ECONNREFUSED;
    endpoint_tell(sender, IO_READ | IO_WRITE | IO_BROKEN);
    if (asks && sender->mailbox.refused_count < REFUSED_MAX) {
        packet->next = sender->mailbox.refused;
        sender->mailbox.refused = packet;
        sender->mailbox.refused_count++;
    } else {
        mem_free(packet);
    }
}

/* Nobody is there: the sender's host hears of it, from where the packet went. */
static void packet_refuse(struct packet *packet) {
    struct world *world = packet->host->world;
    struct place from = packet->from;
    packet->from = packet->to;
    packet->to = from;
    packet->host = packet->link->ends[link_end(packet->link, packet->host) == 0 ? 1 : 0];
    packet->event.fire = packet_on_refusal;
    packet_fly(world, packet, link_arrival(packet->link));
}

static bool mailbox_has_room(const struct endpoint *endpoint, size_t size) {
    int64_t room = 0;
    (void)option_get(&endpoint->options, SOL_SOCKET, SO_RCVBUF, &room);
    return endpoint->mailbox.bytes + size <= (size_t)room || endpoint->mailbox.count == 0;
}

static void mailbox_put(struct endpoint *endpoint, struct packet *packet) {
    struct mailbox *mailbox = &endpoint->mailbox;
    packet->next = NULL;
    if (mailbox->last != NULL) {
        mailbox->last->next = packet;
    } else {
        mailbox->first = packet;
    }
    mailbox->last = packet;
    mailbox->bytes += packet->size;
    mailbox->count++;
    endpoint_tell(endpoint, IO_READ);
}

static void packet_on_arrival(struct event *event) {
    struct packet *packet = (struct packet *)(void *)event;
    packet_land(packet->host->world, packet);
    if (link_is_cut(packet->link)) {
        mem_free(packet);
        return;
    }
    struct endpoint *receiver = receiver_find(packet);
    if (receiver == NULL) {
        packet_refuse(packet);
    } else if (mailbox_has_room(receiver, packet->size)) {
        mailbox_put(receiver, packet);
    } else {
        mem_free(packet);
    }
}

/* ---- sending ---- */

static size_t pieces_size(const struct datagram *datagram) {
    size_t size = 0;
    for (int i = 0; i < datagram->piece_count; i++) {
        size += datagram->pieces[i].iov_len;
    }
    return size;
}

/* The bytes of the pieces from `offset`. */
static void pieces_read(const struct datagram *datagram, size_t offset, unsigned char *out, size_t size) {
    for (int i = 0; i < datagram->piece_count && size > 0; i++) {
        size_t len = datagram->pieces[i].iov_len;
        size_t skipped = offset < len ? offset : len;
        size_t part = len - skipped < size ? len - skipped : size;
        if (part > 0) {
            memcpy(out, (const unsigned char *)datagram->pieces[i].iov_base + skipped, part);
        }
        out += part;
        size -= part;
        offset -= skipped;
    }
}

/* Where it goes: the datagram's own address, or the one that the socket is connected to. */
static int destination_of(const struct endpoint *endpoint, const struct datagram *datagram,
                          struct place *ret_to) {
    if (datagram->peer == NULL) {
        *ret_to = endpoint->remote;
        if (endpoint->remote.kind == PLACE_NONE && endpoint->peer == NULL) {
            return endpoint->family == AF_UNIX ? -ENOTCONN : -EDESTADDRREQ;
        }
        return 0;
    }
    /* A socket of both families takes an IPv4 address as it is. */
    bool is_v4 = datagram->peer->ss_family == AF_INET && endpoint->family == AF_INET6;
    int family = is_v4 && !endpoint_is_v6_only(endpoint) ? AF_INET : endpoint->family;
    int rc = place_of_address(family, (const struct sockaddr *)datagram->peer, datagram->peer_len, ret_to);
    if (rc == 0 && ret_to->kind == PLACE_IP && place_is_any(ret_to)) {
        *ret_to = place_loopback(place_is_v4(ret_to), ret_to->port);
    }
    return rc;
}

static bool place_is_broadcast(const struct place *place) {
    static const unsigned char all[IP_BYTES] = {255, 255, 255, 255};
    return place->kind == PLACE_IP && place_is_v4(place) &&
           memcmp(place->ip + PLACE_IP_BYTES - IP_BYTES, all, IP_BYTES) == 0;
}

/* The address that the receiver will see. */
static struct place source_of(const struct endpoint *endpoint, const struct place *to) {
    struct place from = endpoint->local;
    if (from.kind == PLACE_IP && place_is_any(&from)) {
        from = host_source(endpoint->host, to);
        from.port = endpoint->local.port;
    }
    return from;
}

static struct endpoint *unix_receiver(const struct endpoint *endpoint, const struct place *to) {
    const struct packet probe = {.host = endpoint->host, .from = endpoint->local, .to = *to};
    return receiver_find(&probe);
}

int datagrams_check_name(struct endpoint *endpoint, const struct place *to) {
    if (unix_receiver(endpoint, to) != NULL) {
        return 0;
    }
    return to->name_len > 0 && to->name[0] != '\0' ? -ENOENT : -ECONNREFUSED;
}

struct posting {
    const struct endpoint *endpoint;
    const struct datagram *datagram;
    struct place from, to;
    size_t offset, size; /* of the datagram's bytes */
};

static struct packet *packet_new(const struct posting *posting, struct host *host, struct link *link) {
    struct packet *packet = mem_alloc(sizeof(*packet) + posting->size);
    if (packet == NULL) {
        return NULL;
    }
    *packet = (struct packet){.event.fire = packet_on_arrival,
                              .host = host,
                              .link = link,
                              .from = posting->from,
                              .to = posting->to,
                              .size = posting->size};
    pieces_read(posting->datagram, posting->offset, packet->bytes, posting->size);
    return packet;
}

/* One packet to one host. 0 or -ENOMEM; it may be lost. */
static int packet_post(const struct posting *posting, struct host *host) {
    struct host *from = posting->endpoint->host;
    struct link *link = link_between(from, host);
    int64_t at = 0;
    int copies = link_datagram(link, from, posting->size, &at);
    for (int i = 0; i < copies; i++) {
        struct packet *packet = packet_new(posting, host, link);
        if (packet == NULL) {
            return i == 0 ? -ENOMEM : 0;
        }
        packet_fly(host->world, packet, i == 0 ? at : at + link_arrival(link) - host->world->now);
    }
    return 0;
}

/* On one machine it is there at once. */
static int packet_hand_over(const struct posting *posting) {
    const struct endpoint *sender = posting->endpoint;
    bool is_pair = sender->peer != NULL && posting->datagram->peer == NULL;
    struct packet *packet = packet_new(posting, sender->host, NULL);
    if (packet == NULL) {
        return -ENOMEM;
    }
    mailbox_put(is_pair ? sender->peer : unix_receiver(sender, &posting->to), packet);
    return 0;
}

static int posting_send(const struct posting *posting) {
    struct host *caller = posting->endpoint->host;
    if (posting->endpoint->family == AF_UNIX) {
        return packet_hand_over(posting);
    }
    if (!place_is_broadcast(&posting->to)) {
        return packet_post(posting, host_of_place(caller, &posting->to));
    }
    int rc = 0;
    for (struct host *host = caller->world->first; host != NULL && rc == 0; host = host->next) {
        rc = packet_post(posting, host);
    }
    return rc;
}

/* Known at once on one machine: whether there is a receiver, and room. */
static int check_unix_receiver(struct endpoint *endpoint, const struct place *to, bool is_named) {
    bool is_pair = endpoint->peer != NULL && !is_named;
    const struct endpoint *receiver = is_pair ? endpoint->peer : unix_receiver(endpoint, to);
    if (receiver == NULL) {
        return is_named ? datagrams_check_name(endpoint, to) : -ECONNREFUSED;
    }
    if (receiver->mailbox.count >= UNIX_WAITING_MAX) {
        endpoint_tell_at(endpoint, IO_WRITE, endpoint->world->now + LOOK_AGAIN_NS);
        return -EAGAIN;
    }
    return 0;
}

static int check_send(struct endpoint *endpoint, const struct datagram *datagram, const struct place *to) {
    size_t size = pieces_size(datagram);
    size_t each = datagram->segment > 0 && datagram->segment < size ? datagram->segment : size;
    if (datagram->fd_count > 0) {
        return -EOPNOTSUPP; /* descriptors are of the machine, which the world is no part of */
    }
    if (endpoint->family == AF_UNIX) {
        return each > UNIX_BYTES_MAX ? -EMSGSIZE : check_unix_receiver(endpoint, to, datagram->peer != NULL);
    }
    int64_t may_broadcast = 0;
    (void)option_get(&endpoint->options, SOL_SOCKET, SO_BROADCAST, &may_broadcast);
    if (place_is_broadcast(to) && may_broadcast == 0) {
        return -EACCES;
    }
    return each > UDP_BYTES_MAX ? -EMSGSIZE : 0;
}

/* All its segments. */
static int datagram_post(struct endpoint *endpoint, struct datagram *datagram, const struct place *to) {
    int rc = endpoint_bind_sender(endpoint);
    if (rc < 0) {
        return rc;
    }
    struct posting posting = {.endpoint = endpoint, .datagram = datagram, .to = *to};
    posting.from = source_of(endpoint, to);
    size_t size = pieces_size(datagram);
    size_t each = datagram->segment > 0 && datagram->segment < size ? datagram->segment : size;
    do {
        posting.size = size - posting.offset < each ? size - posting.offset : each;
        rc = posting_send(&posting);
        posting.offset += posting.size;
    } while (rc == 0 && posting.offset < size);
    datagram->size = rc == 0 ? size : 0;
    return rc;
}

static int datagram_send_one(struct endpoint *endpoint, struct datagram *datagram) {
    struct place to;
    int rc = endpoint_take_error(endpoint);
    rc = rc == 0 ? destination_of(endpoint, datagram, &to) : rc;
    rc = rc == 0 ? check_send(endpoint, datagram, &to) : rc;
    return rc == 0 ? datagram_post(endpoint, datagram, &to) : rc;
}

/* A piece of a stream or of a seqpacket; 1 or an error. */
static int stream_send_one(struct endpoint *endpoint, struct datagram *datagram) {
    if (datagram->fd_count > 0) {
        return -EOPNOTSUPP;
    }
    ssize_t sent = endpoint_send(endpoint, datagram->pieces, datagram->piece_count);
    datagram->size = sent > 0 ? (size_t)sent : 0;
    return sent < 0 ? (int)sent : 0;
}

int endpoint_send_datagrams(struct endpoint *endpoint, struct datagram *datagrams, int count) {
    int done = 0;
    int rc = 0;
    while (done < count && rc == 0) {
        rc = is_datagrams(endpoint) ? datagram_send_one(endpoint, &datagrams[done])
                                    : stream_send_one(endpoint, &datagrams[done]);
        done += rc == 0 ? 1 : 0;
    }
    return done > 0 ? done : rc;
}

/* ---- receiving ---- */

static size_t pieces_write(struct datagram *datagram, const unsigned char *bytes, size_t size) {
    size_t done = 0;
    for (int i = 0; i < datagram->piece_count && done < size; i++) {
        size_t len = datagram->pieces[i].iov_len;
        size_t part = len < size - done ? len : size - done;
        if (part > 0) {
            memcpy(datagram->pieces[i].iov_base, bytes + done, part);
        }
        done += part;
    }
    return done;
}

static void datagram_clear(struct datagram *datagram) {
    datagram->peer_len = 0;
    datagram->local = (struct datagram_local){.family = AF_UNSPEC};
    datagram->segment = 0;
    datagram->fd_count = 0;
    datagram->fds_cut = false;
    datagram->sender.known = false;
    datagram->size = 0;
    datagram->whole = 0;
}

/* Where it arrived, for a socket that wants to know. */
static void datagram_tell_local(const struct endpoint *endpoint, struct datagram *datagram,
                                const struct place *to) {
    int64_t wanted = 0;
    bool v4 = endpoint->family == AF_INET;
    (void)option_get(&endpoint->options, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_PKTINFO : IPV6_RECVPKTINFO,
                     &wanted);
    if (wanted == 0) {
        return;
    }
    datagram->local = (struct datagram_local){.family = (sa_family_t)endpoint->family, .interface = 1};
    if (v4) {
        memcpy(&datagram->local.v4, to->ip + PLACE_IP_BYTES - IP_BYTES, IP_BYTES);
    } else {
        memcpy(&datagram->local.v6, to->ip, PLACE_IP_BYTES);
    }
}

static int datagram_recv_one(struct endpoint *endpoint, struct datagram *datagram) {
    struct mailbox *mailbox = &endpoint->mailbox;
    int rc = endpoint_take_error(endpoint);
    if (rc < 0 || mailbox->first == NULL) {
        return rc < 0 ? rc : -EAGAIN;
    }
    struct packet *packet = mailbox->first;
    mailbox->first = packet->next;
    mailbox->last = mailbox->first != NULL ? mailbox->last : NULL;
    mailbox->bytes -= packet->size;
    mailbox->count--;
    datagram_clear(datagram);
    datagram->whole = packet->size;
    datagram->size = pieces_write(datagram, packet->bytes, packet->size);
    if (datagram->peer != NULL && packet->from.kind != PLACE_NONE) {
        place_to_address(&packet->from, endpoint->family, datagram->peer, &datagram->peer_len);
    }
    if (endpoint->family != AF_UNIX) {
        datagram_tell_local(endpoint, datagram, &packet->to);
    }
    mem_free(packet);
    return 0;
}

/* A piece of a stream, or the next packet of a connection: at its end no bytes. */
static int stream_recv_one(struct endpoint *endpoint, struct datagram *datagram) {
    datagram_clear(datagram);
    if (endpoint->type == SOCK_SEQPACKET) {
        return endpoint_recv_packet(endpoint, datagram->pieces[0].iov_base, datagram->pieces[0].iov_len,
                                    &datagram->whole, &datagram->size);
    }
    ssize_t got = endpoint_recv(endpoint, datagram->pieces[0].iov_base, datagram->pieces[0].iov_len);
    datagram->size = got > 0 ? (size_t)got : 0;
    datagram->whole = datagram->size;
    return got < 0 ? (int)got : 0;
}

int endpoint_recv_datagrams(struct endpoint *endpoint, struct datagram *datagrams, int count) {
    int done = 0;
    int rc = 0;
    while (done < count && rc == 0) {
        rc = is_datagrams(endpoint) ? datagram_recv_one(endpoint, &datagrams[done])
                                    : stream_recv_one(endpoint, &datagrams[done]);
        bool is_end = rc == 0 && !is_datagrams(endpoint) && datagrams[done].whole == 0;
        done += rc == 0 ? 1 : 0;
        if (is_end || endpoint->type == SOCK_STREAM) {
            break;
        }
    }
    return done > 0 ? done : rc;
}

/* The oldest one, as the kernel has it; those behind it are errors of the calls that follow. */
int endpoint_recv_error(struct endpoint *endpoint, struct datagram_error *ret_error) {
    struct mailbox *mailbox = &endpoint->mailbox;
    struct packet **oldest = &mailbox->refused;
    if (*oldest == NULL) {
        return -EAGAIN;
    }
    while ((*oldest)->next != NULL) {
        oldest = &(*oldest)->next;
    }
    struct packet *packet = *oldest;
    *oldest = NULL;
    mailbox->refused_count--;
    *ret_error = (struct datagram_error){.code = -ECONNREFUSED};
    struct place reporter = packet->from;
    reporter.port = 0;
    place_to_address(&packet->from, endpoint->family, &ret_error->peer, &ret_error->peer_len);
    place_to_address(&reporter, endpoint->family, &ret_error->reporter, &ret_error->reporter_len);
    mem_free(packet);
    if (mailbox->refused != NULL) {
        endpoint->error = -ECONNREFUSED;
        endpoint_tell(endpoint, IO_READ | IO_WRITE | IO_BROKEN);
    }
    return 0;
}

/* Datagrams between simulated sockets: UDP, and the datagrams and seqpackets of Unix sockets.
 *
 *      send --> packet in flight (an event of its own, so that others may overtake it) --> mailbox of who is bound there
 *                 |- lost, cut off, or no room in the mailbox: gone
 *                 `- nobody is bound there: a refusal travels back to a sender that is connected, or asks for errors
 */
#ifndef SIM_DATAGRAM_H
#define SIM_DATAGRAM_H

#include <stddef.h>

struct datagram;
struct datagram_error;
struct endpoint;
struct packet;
struct place;
struct world;

/* What has arrived and was not read. */
struct mailbox {
    struct packet *first, *last;
    size_t bytes;
    int count;
    struct packet *refused; /* those that came back, the last one first, for who asks for errors */
    int refused_count;
};

/* As the engine's; of Unix streams, too, without descriptors. */
int endpoint_send_datagrams(struct endpoint *endpoint, struct datagram *datagrams, int count);
int endpoint_recv_datagrams(struct endpoint *endpoint, struct datagram *datagrams, int count);
int endpoint_recv_error(struct endpoint *endpoint, struct datagram_error *ret_error);
/* Whether a Unix socket's datagrams to `to` would find somebody: 0, -ENOENT or -ECONNREFUSED. */
int datagrams_check_name(struct endpoint *endpoint, const struct place *to);
/* Bytes of the next one. */
size_t mailbox_unread(const struct mailbox *mailbox);
void mailbox_deinit(struct mailbox *mailbox);
/* Those in flight, at the end of the world. */
void packets_free(struct world *world);

#endif

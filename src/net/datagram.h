/* Sockets of datagrams: the same records and handles as streams have (socket.h), with a type that is not SOCK_STREAM. What
 * they send and receive goes past struct stream, whose calls take bytes without borders. */
#ifndef NET_DATAGRAM_H
#define NET_DATAGRAM_H

#include "net/address.h"
#include "net/socket.h"
#include "wharf/datagram.h"

/* What wharf_recv() and wharf_sendv() do on such a socket. Suspend; failures are recorded. */
ssize_t datagram_recv(struct sock *sock, const struct iovec *pieces, int count, wharf_address *ret_from);
ssize_t datagram_send(struct sock *sock, const struct iovec *pieces, int count, const wharf_address *to);

/* Records the failure of a call, with what the network says of it: the error of the datagram that it was about. Returns its code. */
int datagram_fail(struct sock *sock, int code, const char *phase);

/* What wharf_dial() and wharf_serve_on() do for addresses of datagrams and of seqpackets. Suspend for a name. */
wharf_sock datagram_dial(const struct address_text *to);
wharf_sock datagram_serve(const struct address_text *at);

#endif

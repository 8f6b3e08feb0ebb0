/* Addresses as strings, and as the kernel's.
 *
 *      address   = [ "tcp://" ] host-port / "udp://" host-port / unix ( path / "@" name ) / "fd:" number / "systemd:" name
 *      host-port = host ":" port / "[" IPv6 "]" ":" port / ":" port
 *      port      = number / service
 *      unix      = "unix:" / "unix-datagram:" / "unix-seqpacket:"
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <sys/socket.h>

#include "base/idna.h"
#include "wharf/base.h"
#include "wharf/net.h"

enum address_kind {
    ADDRESS_TCP,
    ADDRESS_UDP,
    ADDRESS_UNIX, /* a stream */
    ADDRESS_UNIX_DATAGRAM,
    ADDRESS_UNIX_SEQPACKET,
    ADDRESS_FD,      /* an open descriptor of this process */
    ADDRESS_SYSTEMD, /* those that the service manager passed under a name */
};

/* The parse of an address text; views into the text. */
struct address_text {
    enum address_kind kind;
    /* As written, without brackets; empty: every interface. Unix: the path, or "@name". systemd: the name. See address_host(). */
    wharf_str host;
    char ascii[IDNA_HOST_SIZE]; /* of a name beyond ASCII the form that the DNS knows; else "" */
    uint16_t port;
    int descriptor;  /* ADDRESS_FD */
    bool is_literal; /* host is an IPv4 or IPv6 literal */
    bool is_typed;   /* the scheme says what kind of socket: not so of "host:port" and "unix:" */
};

/* The host as it is looked up, asked for and compared: always ASCII. A view into the text or into *text. */
wharf_str address_host(const struct address_text *text);
bool address_is_unix(const struct address_text *text);
/* Of a host and a port. */
bool address_is_inet(const struct address_text *text);
/* SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET. */
int address_socket_type(const struct address_text *text);

/* Pure. 0; -WHARF_EADDRESS with *ret_offset (the offending byte) and *ret_problem (static text); -ENOMEM. */
int address_parse(wharf_str text, struct address_text *ret_address, size_t *ret_offset,
                  const char **ret_problem);
/* address_parse for API calls: records the failure, which shows the place. */
int address_parse_or_fail(const char *text, const char *phase, struct address_text *ret_address);

/* A socket address with its length. */
struct address {
    socklen_t len;
    union {
        struct sockaddr any;
        struct sockaddr_storage storage;
    };
};

/* "127.0.0.1:80", "[::1]:80", "unix:/path", "unix:@name", "unix:" (unnamed). Returns the length;
 * NUL-terminated. out: WHARF_ADDRESS_SIZE bytes. */
size_t address_format(const struct sockaddr *address, socklen_t len, char *out);
/* The text of its parts again: "host:port", "[v6]:port", "unix:path". NUL-terminated and cut to fit; returns the
 * length. */
size_t address_text_format(const struct address_text *text, char *out, size_t size);
/* The same for failures: of a name beyond ASCII both forms, "bücher.example:80 (xn--bcher-kva.example)". */
size_t address_text_describe(const struct address_text *text, char *out, size_t size);
/* Whether the peer is this machine (loopback, Unix). */
bool address_is_loopback(const struct sockaddr *address);
/* Literals and localhost at once; other names by net/names.h. Returns how many addresses were written
 * (localhost: ::1 and 127.0.0.1, of UDP 127.0.0.1 first; empty host: :: ), 0 when the name needs a look-up, or -WHARF_EADDRESS.
 * family: AF_UNSPEC for any. */
int address_of_text(const struct address_text *text, int family, struct address *out, int max);
/* "localhost", or a name below it, which never leave this machine. */
bool address_is_localhost(wharf_str host);
uint16_t address_port(const struct address *address); /* 0: the family has none */
void address_set_port(struct address *address, uint16_t port);

/* fail() with a subject and the address that was tried (may be NULL). Returns code. */
int address_fail(int code, const char *phase, const char *subject, const struct address *address);

#endif

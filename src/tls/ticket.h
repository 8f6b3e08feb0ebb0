/* The keys of a server's session tickets: a new one each half of the time that a ticket can be used, the one before it still
 * good for what it has sealed. RFC 5077, RFC 8446 section 4.6.1. */
#ifndef TLS_TICKET_H
#define TLS_TICKET_H

#include <openssl/ssl.h>
#include <stdint.h>

enum { TICKET_NAME_SIZE = 16, TICKET_SECRET_SIZE = 32 };

struct ticket_key {
    int64_t made; /* engine's wall clock, seconds; 0: none */
    unsigned char name[TICKET_NAME_SIZE];
    unsigned char seal[TICKET_SECRET_SIZE];
    unsigned char sign[TICKET_SECRET_SIZE];
};

/* Newest first. */
struct tickets {
    struct ticket_key keys[3];
};

void tickets_deinit(struct tickets *tickets);
/* Has a server's context seal with them. The settings are found as session_of(ssl)->tls. */
int tickets_use(SSL_CTX *context);

#endif

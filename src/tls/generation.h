/* What TLS settings read from files - certificates, keys, authorities - and the library's contexts made of it: one for
 * each side, when it is first needed. A reload makes another generation; connections keep theirs. */
#ifndef TLS_GENERATION_H
#define TLS_GENERATION_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/arena.h"
#include "wharf/tls.h"

struct identity;

enum tls_side { TLS_CLIENT, TLS_SERVER, TLS_SIDES };
enum { STORE_TEXT_SIZE = 128 };

struct generation {
    _Atomic int users;
    wharf_tls *tls; /* whose it is; not counted */
    struct arena arena;
    struct identity *identities;
    size_t identity_count;
    X509_STORE *store;                 /* whom we trust; NULL: not read yet */
    STACK_OF(X509_NAME) * authorities; /* as clients are told */
    SSL_CTX *contexts[TLS_SIDES];
    char store_text[STORE_TEXT_SIZE]; /* what the store is called */
    uint64_t stamp;                   /* of the files when they were read */
};

/* Reads the certificates. 0 or a recorded failure. */
int generation_new(wharf_tls *tls, struct generation **ret_generation);
void generation_hold(struct generation *generation);
void generation_release(struct generation *generation); /* NULL is fine */
/* Makes the context of a side unless there is one. 0 or a recorded failure. */
int generation_prepare(struct generation *generation, enum tls_side side);

/* What changes when one of the files does: times, sizes and numbers of them all. */
uint64_t generation_stamp(const wharf_tls *tls);

/* staple.c: reads the responses of authorities (OCSP), each for one of the certificates. 0 or a recorded failure. */
int staples_read(struct generation *generation);
/* Has a server's context show them to clients that ask. */
void staples_use(SSL_CTX *context);

/* store.c: reads the authorities. 0 or a recorded failure. */
int generation_read_store(struct generation *generation);

#endif

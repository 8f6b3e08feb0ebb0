/* A certificate that we can show: leaf, chain, key, and the names it is for. */
#ifndef TLS_IDENTITY_H
#define TLS_IDENTITY_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/arena.h"
#include "wharf/tls.h"

enum { IDENTITIES_MAX = 256 };

struct identity {
    X509 *leaf;
    STACK_OF(X509) * chain; /* without the leaf */
    EVP_PKEY *key;
    wharf_str *names; /* DNS names */
    size_t name_count;
    wharf_str staple;     /* what its authority says about it; empty: nothing */
    int64_t staple_until; /* seconds since 1970 */
};

/* Reads the files and checks that the key is the certificate's. names: where the names are kept. 0 or a recorded
 * failure; the record is empty then. */
int identity_load(const wharf_tls_pair *pair, const char *password, struct arena *names,
                  struct identity *ret_identity);
void identity_deinit(struct identity *identity);
/* Exact names win over wildcards: 2, 1, or 0 for a name that it is not for. */
int identity_rank(const struct identity *identity, wharf_str host);
/* Whether the two differ in the type of their keys, so that a server may offer both. */
bool identity_is_other_type(const struct identity *a, const struct identity *b);
/* Makes a connection show it (beside those of other key types that it shows already). 0 or -WHARF_ETLS. */
int identity_show(const struct identity *identity, SSL *ssl);
int identity_show_always(const struct identity *identity, SSL_CTX *context);

#endif

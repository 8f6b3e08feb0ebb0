/* Minting certificates: for development, and nothing that anybody else would trust. */
#ifndef TLS_AUTHORITY_H
#define TLS_AUTHORITY_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

struct mint {
    X509 *certificate;
    EVP_PKEY *key;
};

/* What a certificate says. hosts: names and addresses, ended by NULL; NULL for an authority. */
struct mint_request {
    const char *common_name;
    const char *const *hosts;
    int64_t now; /* seconds since 1970 */
    int64_t days;
};

void mint_free(struct mint *mint);
/* A P-256 key and a certificate for it, signed by the issuer, or by itself (NULL). 0 or a recorded failure. */
int mint_new(const struct mint_request *request, const struct mint *issuer, struct mint *ret_mint);
/* Whether it is good for these hosts until then, and signed by this issuer (NULL: by itself). */
bool mint_is_good(const struct mint *mint, const char *const *hosts, int64_t until,
                  const struct mint *issuer);

#endif

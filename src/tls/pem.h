/* PEM from a file, or from the text itself: certificates, chains, keys. */
#ifndef TLS_PEM_H
#define TLS_PEM_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

/* The bytes of a source; `owned` is to be wiped and freed. */
struct pem {
    const char *text;
    size_t len;
    char *owned;
};

/* Reads a source ("path" or "-----BEGIN ..."). 0; or a failure recorded with the path. */
int pem_open(const char *source, struct pem *ret_pem);
void pem_close(struct pem *pem);
/* Records what the last call of the library failed for: -ENOMEM, or -WHARF_ETLS for what is wrong with the source. */
int pem_fail(const char *source, const char *what);

/* All certificates of a source ("path" or "-----BEGIN ..."), in their order. 0; or a failure recorded with the path. */
int pem_certificates(const char *source, STACK_OF(X509) * *ret_certificates);
/* All revocation lists of a source, likewise. */
int pem_lists(const char *source, STACK_OF(X509_CRL) * *ret_lists);
/* The private key. password: NULL when there is none. */
int pem_key(const char *source, const char *password, EVP_PKEY **ret_key);
/* How a source is called in messages. */
const char *pem_name(const char *source);
bool pem_is_text(const char *source);

#endif

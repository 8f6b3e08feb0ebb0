/* The TLS library as this one uses it: a library context of our own, so that neither its configuration nor its random
 * numbers are shared with a program that uses it too, and a BIO over our sockets. */
#ifndef TLS_LIBRARY_H
#define TLS_LIBRARY_H

#include <openssl/ssl.h>

struct tls_library {
    OSSL_LIB_CTX *context;
    OSSL_PROVIDER *standard, *random;
    BIO_METHOD *bio;
    EVP_CIPHER *ticket_cipher; /* to find an algorithm costs as much as a small use of it */
    EVP_MD *digest;            /* SHA-256 */
};

/* Made on first use, by any thread; lives as long as the process. NULL without memory (recorded). Does not suspend. */
const struct tls_library *tls_library(void);

/* random.c: the provider whose only service is random numbers from the engine. */
int random_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                         void **ret_context);
#define RANDOM_PROVIDER "wharf"
#define RANDOM_NAME     "WHARF"

/* bio.c */
BIO_METHOD *bio_method_new(void);

#endif

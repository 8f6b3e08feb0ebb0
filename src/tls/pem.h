/* PEM from a file, or from the text itself: certificates, chains, keys. */
#ifndef TLS_PEM_H
#define TLS_PEM_H

#include <openssl/x509.h>
#include <stdbool.h>

/* All certificates of a source ("path" or "-----BEGIN ..."), in their order. 0; or a failure recorded with the path. */
int pem_certificates(const char *source, STACK_OF(X509) * *ret_certificates);
/* The private key. password: NULL when there is none. */
int pem_key(const char *source, const char *password, EVP_PKEY **ret_key);
/* How a source is called in messages. */
const char *pem_name(const char *source);
bool pem_is_text(const char *source);

#endif

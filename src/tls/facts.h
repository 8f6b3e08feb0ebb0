/* What a handshake came to, as text. */
#ifndef TLS_FACTS_H
#define TLS_FACTS_H

#include <openssl/x509.h>

#include "wharf/tls.h"

struct tls_session;

/* 0, or -ENOTCONN (recorded). */
int facts_read(const struct tls_session *session, wharf_tls_facts *ret_facts);
/* SHA-256 of a certificate in hexadecimal, "" on failure. out: 65 bytes. */
void facts_fingerprint(const X509 *certificate, char *out);
/* Seconds since 1970. */
int64_t facts_time(const ASN1_TIME *time);
/* "CN=example.com, O=Example"; cut to fit. */
void facts_name(const X509_NAME *name, char *out, size_t size);

#endif

/* What a handshake came to, as text. */
#ifndef TLS_FACTS_H
#define TLS_FACTS_H

#include <openssl/x509.h>

#include "wharf/tls.h"

struct tls_session;

/* "TLSv1.3" */
const char *facts_version(const struct tls_session *session);
/* 0, or -ENOTCONN (recorded). */
int facts_read(const struct tls_session *session, wharf_tls_facts *ret_facts);
/* The i-th certificate that the peer has sent. 0, -ENOTCONN or -ENOENT (recorded). */
int facts_read_certificate(const struct tls_session *session, int i, wharf_tls_certificate *ret_certificate);
/* The same facts for when the connection has gone: taken together with it, read when somebody asks. */
struct facts_kept;
/* Counted for the caller. 0, -ENOTCONN or -ENOMEM (recorded). */
int facts_keep(struct tls_session *session, struct facts_kept **ret_kept);
void facts_release(struct facts_kept *kept); /* NULL is fine */
void facts_read_kept(const struct facts_kept *kept, wharf_tls_facts *ret_facts);
/* 0 or -ENOENT (recorded). */
int facts_read_kept_certificate(const struct facts_kept *kept, int i, wharf_tls_certificate *ret_certificate);
/* The hosts that a certificate is for, as many as fit. Returns how many it has. */
int facts_hosts(const X509 *certificate, char *out, size_t size);
/* SHA-256 of a certificate in hexadecimal, "" on failure. out: 65 bytes. */
void facts_fingerprint(const X509 *certificate, char *out);
/* Seconds since 1970. */
int64_t facts_time(const ASN1_TIME *time);
/* "2025-01-01 00:00 UTC" */
enum { FACTS_DATE_SIZE = 24 };
void facts_date(const ASN1_TIME *time, char out[FACTS_DATE_SIZE]);
/* "CN=example.com, O=Example"; cut to fit. */
void facts_name(const X509_NAME *name, char *out, size_t size);

#endif

/* See facts.h. */
#include "tls/facts.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <time.h>

#include "base/failure.h"
#include "base/text.h"
#include "tls/library.h"
#include "tls/session.h"

enum { DIGEST_SIZE = 32 };

void facts_fingerprint(const X509 *certificate, char *out) {
    static const char HEX[] = "0123456789abcdef";
    unsigned char digest[DIGEST_SIZE];
    unsigned char *encoded = NULL;
    size_t len = 0;
    int encoded_len = i2d_X509(certificate, &encoded);
    bool ok = encoded_len > 0 && EVP_Q_digest(tls_library()->context, "SHA256", NULL, encoded,
                                              (size_t)encoded_len, digest, &len) == 1;
    OPENSSL_free(encoded);
    for (size_t i = 0; ok && i < DIGEST_SIZE; i++) {
        out[2 * i] = HEX[digest[i] >> 4];
        out[2 * i + 1] = HEX[digest[i] & 15];
    }
    out[ok ? 2 * DIGEST_SIZE : 0] = '\0';
}

int64_t facts_time(const ASN1_TIME *time) {
    struct tm tm;
    return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

void facts_name(const X509_NAME *name, char *out, size_t size) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    out[0] = '\0';
    if (bio != NULL &&
        X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        long len = BIO_get_mem_data(bio, &text);
        (void)str_copy_to(out, size, (wharf_str){text, len > 0 ? (size_t)len : 0});
    }
    BIO_free(bio);
}

static void read_peer(const SSL *ssl, wharf_tls_facts *facts) {
    const X509 *certificate = SSL_get0_peer_certificate(ssl);
    if (certificate == NULL) {
        return;
    }
    facts_name(X509_get_subject_name(certificate), facts->peer_subject, sizeof(facts->peer_subject));
    facts_name(X509_get_issuer_name(certificate), facts->peer_issuer, sizeof(facts->peer_issuer));
    facts_fingerprint(certificate, facts->peer_fingerprint);
    facts->peer_expires = facts_time(X509_get0_notAfter(certificate));
    facts->verified = SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && SSL_get_verify_result(ssl) == X509_V_OK;
}

int facts_read(const struct tls_session *session, wharf_tls_facts *ret_facts) {
    if (session->stage != SESSION_READY) {
        return fail(-ENOTCONN, "TLS facts", session->peer, "there was no handshake yet");
    }
    const unsigned char *alpn = NULL;
    unsigned int alpn_len = 0;
    wharf_tls_facts facts = {.resumed = SSL_session_reused(session->ssl) == 1};
    (void)str_copy_to(facts.version, sizeof(facts.version), wharf_str_of(SSL_get_version(session->ssl)));
    (void)str_copy_to(facts.cipher, sizeof(facts.cipher), wharf_str_of(SSL_get_cipher_name(session->ssl)));
    SSL_get0_alpn_selected(session->ssl, &alpn, &alpn_len);
    (void)str_copy_to(facts.alpn, sizeof(facts.alpn), (wharf_str){(const char *)alpn, alpn_len});
    const char *name = SSL_get_servername(session->ssl, TLSEXT_NAMETYPE_host_name);
    (void)str_copy_to(facts.server_name, sizeof(facts.server_name), wharf_str_of(name));
    read_peer(session->ssl, &facts);
    ERR_clear_error();
    *ret_facts = facts;
    return 0;
}

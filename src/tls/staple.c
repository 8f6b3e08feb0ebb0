/* What an authority says about one of our certificates (OCSP), shown in the handshake to clients that ask for it, so that they need
 * not ask the authority themselves. Somebody else fetches it into a file; here it is checked that the answer is for
 * one of the certificates and says that it is good, and once it is too old it is no longer shown. RFC 6066 section 8, RFC 6960. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "base/failure.h"
#include "base/text.h"
#include "sched/sched.h"
#include "tls/facts.h"
#include "tls/generation.h"
#include "tls/identity.h"
#include "tls/library.h"
#include "tls/pem.h"
#include "tls/session.h"
#include "tls/settings.h"

/* ---- reading ---- */

/* Whether an answer is about this certificate: the hash of its issuer's name, and its number. */
static bool is_about(OCSP_SINGLERESP *single, const X509 *leaf) {
    ASN1_OCTET_STRING *name_hash = NULL;
    ASN1_OBJECT *algorithm = NULL;
    ASN1_INTEGER *number = NULL;
    unsigned char own[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    OCSP_CERTID *id = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single);
    if (OCSP_id_get0_info(&name_hash, &algorithm, NULL, &number, id) != 1 ||
        ASN1_INTEGER_cmp(number, X509_get0_serialNumber(leaf)) != 0) {
        return false;
    }
    EVP_MD *digest = EVP_MD_fetch(tls_library()->context, OBJ_nid2sn(OBJ_obj2nid(algorithm)), NULL);
    bool same = digest != NULL && X509_NAME_digest(X509_get_issuer_name(leaf), digest, own, &len) == 1 &&
                (int)len == ASN1_STRING_length(name_hash) &&
                memcmp(own, ASN1_STRING_get0_data(name_hash), len) == 0;
    EVP_MD_free(digest);
    return same;
}

/* Gives a response to the certificate that one of its answers is about. */
static int take(struct generation *generation, OCSP_BASICRESP *basic, const struct pem *file,
                const char *source) {
    int answers = OCSP_resp_count(basic);
    for (size_t i = 0; i < generation->identity_count * (size_t)answers; i++) {
        struct identity *identity = &generation->identities[i / (size_t)answers];
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, (int)(i % (size_t)answers));
        ASN1_GENERALIZEDTIME *next = NULL;
        if (!is_about(single, identity->leaf)) {
            continue;
        }
        if (OCSP_single_get0_status(single, NULL, NULL, NULL, &next) != V_OCSP_CERTSTATUS_GOOD) {
            return fail(-WHARF_ETLS, "read", source, "it does not say that the certificate is good");
        }
        identity->staple = arena_copy(&generation->arena, file->text, file->len);
        identity->staple_until = next != NULL ? facts_time(next) : INT64_MAX;
        return identity->staple.ptr != NULL ? 0 : fail(-ENOMEM, "read", source, NULL);
    }
    return fail(-WHARF_ETLS, "read", source, "it is about none of the certificates; setting staples");
}

static int read_staple(struct generation *generation, const char *source) {
    struct pem file;
    int rc = tls_library() != NULL ? pem_open(source, &file) : -ENOMEM;
    if (rc < 0) {
        return rc;
    }
    const unsigned char *at = (const unsigned char *)file.text;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)file.len);
    bool good = response != NULL && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL;
    OCSP_BASICRESP *basic = good ? OCSP_response_get1_basic(response) : NULL;
    rc = basic != NULL ? take(generation, basic, &file, source)
                       : pem_fail(source, "it is no successful OCSP response in DER");
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    pem_close(&file);
    ERR_clear_error();
    return rc;
}

int staples_read(struct generation *generation) {
    const char *const *sources = generation->tls->options.staples;
    int rc = 0;
    for (size_t i = 0; sources != NULL && sources[i] != NULL && rc == 0; i++) {
        rc = read_staple(generation, sources[i]);
    }
    return rc;
}

/* ---- showing ---- */

/* A client has asked, and the certificate is chosen. */
static int status_asked(SSL *ssl, void *arg) {
    const struct generation *generation = session_of(ssl)->generation;
    const X509 *leaf = SSL_get_certificate(ssl);
    int64_t now = sched_wall_seconds();
    (void)arg;
    for (size_t i = 0; i < generation->identity_count; i++) {
        const struct identity *identity = &generation->identities[i];
        if (identity->leaf != leaf || identity->staple.len == 0 || now >= identity->staple_until) {
            continue;
        }
        unsigned char *copy = OPENSSL_memdup(identity->staple.ptr, identity->staple.len);
        if (copy == NULL) {
            return SSL_TLSEXT_ERR_NOACK;
        }
        (void)SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)identity->staple.len);
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

void staples_use(SSL_CTX *context) {
    (void)SSL_CTX_set_tlsext_status_cb(context, status_asked);
}

/* See authority.h. */
#include "tls/authority.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/text.h"
#include "sched/sched.h"
#include "tls/library.h"
#include "tls/name.h"

enum { SERIAL_SIZE = 16, DAY = 24 * 3600, NAMES_SIZE = 8192 };

void mint_free(struct mint *mint) {
    X509_free(mint->certificate);
    EVP_PKEY_free(mint->key);
    *mint = (struct mint){.certificate = NULL};
}

static int add_extension(X509 *certificate, X509 *issuer, int kind, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    int ok = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok ? 0 : -WHARF_ETLS;
}

/* "DNS:localhost,IP:127.0.0.1" */
static int format_hosts(const char *const *hosts, char *out, size_t size) {
    size_t len = 0;
    for (; *hosts != NULL; hosts++) {
        bool odd = strpbrk(*hosts, ", \n") != NULL || (*hosts)[0] == '\0';
        const char *kind = name_is_address(*hosts) ? "IP" : "DNS";
        int added = snprintf(out + len, size - len, "%s%s:%s", len > 0 ? "," : "", kind, *hosts);
        if (odd || added < 0 || (size_t)added >= size - len) {
            return fail(-EINVAL, "make certificate", *hosts, "no host, or too many of them");
        }
        len += (size_t)added;
    }
    return 0;
}

static int describe_leaf(X509 *certificate, X509 *issuer, const char *const *hosts) {
    char names[NAMES_SIZE];
    int rc = format_hosts(hosts, names, sizeof(names));
    rc = rc < 0 ? rc : add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE");
    rc = rc < 0 ? rc : add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature");
    rc = rc < 0 ? rc : add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
    return rc < 0 ? rc : add_extension(certificate, issuer, NID_subject_alt_name, names);
}

static int describe_authority(X509 *certificate) {
    int rc = add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    return rc < 0 ? rc
                  : add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
}

static int set_serial(X509 *certificate) {
    unsigned char bytes[SERIAL_SIZE];
    sched_random_bytes(bytes, sizeof(bytes));
    bytes[0] &= 0x7f; /* positive */
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    int ok = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return ok ? 0 : -ENOMEM;
}

static int describe(const struct mint_request *request, const struct mint *issuer, struct mint *mint) {
    X509 *certificate = mint->certificate;
    X509 *above = issuer != NULL ? issuer->certificate : certificate;
    X509_NAME *name = X509_get_subject_name(certificate);
    int ok = X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) == 0 &&
             ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(request->now - DAY)) != NULL &&
             ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(request->now + request->days * DAY)) !=
                 NULL &&
             X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                        (const unsigned char *)request->common_name, -1, -1, 0) == 1 &&
             X509_set_issuer_name(certificate, X509_get_subject_name(above)) == 1 &&
             X509_set_pubkey(certificate, mint->key) == 1 &&
             add_extension(certificate, above, NID_subject_key_identifier, "hash") == 0;
    if (!ok) {
        return -ENOMEM;
    }
    return request->hosts != NULL ? describe_leaf(certificate, above, request->hosts)
                                  : describe_authority(certificate);
}

static int sign(struct mint *mint, const struct mint *issuer) {
    EVP_PKEY *key = issuer != NULL ? issuer->key : mint->key;
    int ok = X509_sign(mint->certificate, key, tls_library()->digest) > 0;
    return ok ? 0 : -ENOMEM;
}

int mint_new(const struct mint_request *request, const struct mint *issuer, struct mint *ret_mint) {
    const struct tls_library *library = tls_library();
    if (library == NULL) {
        return -ENOMEM;
    }
    struct mint mint = {.certificate = X509_new_ex(library->context, NULL),
                        .key = EVP_PKEY_Q_keygen(library->context, NULL, "EC", "P-256")};
    int rc = mint.certificate != NULL && mint.key != NULL ? describe(request, issuer, &mint) : -ENOMEM;
    rc = rc < 0 ? rc : sign(&mint, issuer);
    ERR_clear_error();
    if (rc < 0) {
        mint_free(&mint);
        return rc == -EINVAL ? rc : fail(rc, "make certificate", request->common_name, NULL);
    }
    *ret_mint = mint;
    return 0;
}

static bool covers(X509 *certificate, const char *const *hosts) {
    for (; hosts != NULL && *hosts != NULL; hosts++) {
        int rc = name_is_address(*hosts)
                     ? X509_check_ip_asc(certificate, *hosts, 0)
                     : X509_check_host(certificate, *hosts, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL);
        if (rc != 1) {
            return false;
        }
    }
    return true;
}

bool mint_is_good(const struct mint *mint, const char *const *hosts, int64_t until,
                  const struct mint *issuer) {
    EVP_PKEY *key = issuer != NULL ? issuer->key : mint->key;
    time_t moment = (time_t)until;
    bool good = X509_check_private_key(mint->certificate, mint->key) == 1 &&
                X509_verify(mint->certificate, key) == 1 &&
                X509_cmp_time(X509_get0_notAfter(mint->certificate), &moment) > 0 &&
                covers(mint->certificate, hosts);
    ERR_clear_error();
    return good;
}

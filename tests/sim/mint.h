/* Certificates for tests, good and bad, minted in memory as PEM text. What is not said of one is as it should be: P-256,
 * valid from a day ago for a year, for servers and clients, signed by its issuer. */
#ifndef TESTS_SIM_MINT_H
#define TESTS_SIM_MINT_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mint_plan {
    const char *common_name;
    const char *names;   /* "DNS:a.example,IP:127.0.0.1"; NULL: no alternative names */
    const char *usage;   /* extended key usage; NULL: "serverAuth,clientAuth" */
    int64_t from, until; /* seconds from `now`; 0: -1 day, +1 year */
    int rsa_bits;        /* 0: P-256 */
    bool authority;
};

/* A certificate, its key, and both as PEM text; the chain is the certificate followed by its issuers below the root. */
struct minted {
    X509 *certificate;
    EVP_PKEY *key;
    char *pem, *key_pem, *chain;
};

/* The moment that the dates are counted from: the wall clock of the world under test. */
static int64_t mint_now = INT64_C(1735689600); /* a simulation begins at 2025-01-01 */

static inline void mint_extension(X509 *certificate, X509 *issuer, int kind, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    if (extension == NULL || X509_add_ext(certificate, extension, -1) != 1) {
        abort();
    }
    X509_EXTENSION_free(extension);
}

static inline char *mint_text(BIO *bio) {
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    char *text = strndup(bytes, (size_t)len);
    BIO_free(bio);
    return text;
}

static inline EVP_PKEY *mint_key(const struct mint_plan *plan) {
    return plan->rsa_bits > 0 ? EVP_RSA_gen((unsigned)plan->rsa_bits) : EVP_EC_gen("P-256");
}

static inline void mint_describe(X509 *certificate, const struct mint_plan *plan, X509 *issuer) {
    static long serial = 1000;
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_set_version(certificate, X509_VERSION_3);
    int64_t from = mint_now + (plan->from != 0 ? plan->from : -86400);
    int64_t until = mint_now + (plan->until != 0 ? plan->until : 365 * 86400);
    ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)from);
    ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)until);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               (const unsigned char *)plan->common_name, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    mint_extension(certificate, issuer, NID_basic_constraints,
                   plan->authority ? "critical,CA:TRUE" : "CA:FALSE");
    mint_extension(certificate, issuer, NID_key_usage,
                   plan->authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
    if (!plan->authority) {
        mint_extension(certificate, issuer, NID_ext_key_usage,
                       plan->usage != NULL ? plan->usage : "serverAuth,clientAuth");
    }
    if (plan->names != NULL) {
        mint_extension(certificate, issuer, NID_subject_alt_name, plan->names);
    }
}

/* issuer: NULL for one that signs itself. */
static inline struct minted mint(const struct mint_plan *plan, const struct minted *issuer) {
    struct minted minted = {.certificate = X509_new(), .key = mint_key(plan)};
    X509 *above = issuer != NULL ? issuer->certificate : minted.certificate;
    mint_describe(minted.certificate, plan, above);
    X509_set_pubkey(minted.certificate, minted.key);
    if (X509_sign(minted.certificate, issuer != NULL ? issuer->key : minted.key, EVP_sha256()) == 0) {
        abort();
    }
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, minted.certificate);
    minted.pem = mint_text(bio);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, minted.key, NULL, NULL, 0, NULL, NULL);
    minted.key_pem = mint_text(bio);
    const char *rest = issuer != NULL && issuer->chain != NULL ? issuer->chain : "";
    if (asprintf(&minted.chain, "%s%s", minted.pem, rest) < 0) {
        abort();
    }
    return minted;
}

/* A revocation list as PEM text. revoked: NULL for an empty one. until: seconds from `mint_now`. */
static inline char *mint_list(const struct minted *issuer, const struct minted *revoked, int64_t until) {
    X509_CRL *list = X509_CRL_new();
    ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)(mint_now - 86400));
    ASN1_TIME *next = ASN1_TIME_set(NULL, (time_t)(mint_now + until));
    X509_CRL_set_version(list, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->certificate));
    X509_CRL_set1_lastUpdate(list, from);
    X509_CRL_set1_nextUpdate(list, next);
    if (revoked != NULL) {
        X509_REVOKED *entry = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->certificate));
        X509_REVOKED_set_revocationDate(entry, from);
        X509_CRL_add0_revoked(list, entry);
    }
    ASN1_TIME_free(from);
    ASN1_TIME_free(next);
    if (X509_CRL_sign(list, issuer->key, EVP_sha256()) == 0) {
        abort();
    }
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509_CRL(bio, list);
    X509_CRL_free(list);
    return mint_text(bio);
}

static inline void mint_free(struct minted *minted) {
    X509_free(minted->certificate);
    EVP_PKEY_free(minted->key);
    free(minted->pem);
    free(minted->key_pem);
    free(minted->chain);
    *minted = (struct minted){.certificate = NULL};
}

/* A root: it is in stores, and not in chains. */
static inline struct minted mint_root(const char *name) {
    struct minted root = mint(&(const struct mint_plan){.common_name = name, .authority = true}, NULL);
    free(root.chain);
    root.chain = NULL;
    return root;
}

#endif

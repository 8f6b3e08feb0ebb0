/* See identity.h. */
#include "tls/identity.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/failure.h"
#include "tls/name.h"
#include "tls/pem.h"

/* ---- names ---- */

static int collect_names(const GENERAL_NAMES *all, struct arena *arena, struct identity *identity) {
    int count = sk_GENERAL_NAME_num(all);
    identity->names = arena_alloc(arena, (size_t)(count > 0 ? count : 1) * sizeof(*identity->names));
    if (identity->names == NULL) {
        return -ENOMEM;
    }
    for (int i = 0; i < count; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
        if (name->type != GEN_DNS) {
            continue;
        }
        const ASN1_IA5STRING *text = name->d.dNSName;
        wharf_str copy = arena_copy(arena, ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
        if (copy.ptr == NULL) {
            return -ENOMEM;
        }
        identity->names[identity->name_count++] = copy;
    }
    return 0;
}

static int read_names(struct arena *arena, struct identity *identity) {
    GENERAL_NAMES *all = X509_get_ext_d2i(identity->leaf, NID_subject_alt_name, NULL, NULL);
    if (all == NULL) {
        return 0; /* none: good enough for a client, and for a server that has no other */
    }
    int rc = collect_names(all, arena, identity);
    GENERAL_NAMES_free(all);
    return rc;
}

int identity_rank(const struct identity *identity, wharf_str host) {
    int rank = 0;
    for (size_t i = 0; i < identity->name_count; i++) {
        if (name_covers(identity->names[i], host)) {
            int own = identity->names[i].ptr[0] == '*' ? 1 : 2;
            rank = own > rank ? own : rank;
        }
    }
    return rank;
}

bool identity_is_other_type(const struct identity *a, const struct identity *b) {
    return EVP_PKEY_get_base_id(a->key) != EVP_PKEY_get_base_id(b->key);
}

/* ---- loading ---- */

void identity_deinit(struct identity *identity) {
    X509_free(identity->leaf);
    sk_X509_pop_free(identity->chain, X509_free);
    EVP_PKEY_free(identity->key);
    *identity = (struct identity){.leaf = NULL};
}

static int check_pair(const struct identity *identity, const wharf_tls_pair *pair) {
    if (X509_check_private_key(identity->leaf, identity->key) == 1) {
        return 0;
    }
    ERR_clear_error();
    const char *key = pair->key != NULL ? pair->key : pair->certificate;
    return fail(-WHARF_ETLS, "read", pem_name(pair->certificate), "the key in %s is not this certificate's",
                pem_name(key));
}

int identity_load(const wharf_tls_pair *pair, const char *password, struct arena *names,
                  struct identity *ret_identity) {
    struct identity identity = {.leaf = NULL};
    int rc = pem_certificates(pair->certificate, &identity.chain);
    if (rc < 0) {
        return rc;
    }
    identity.leaf = sk_X509_shift(identity.chain);
    rc = pem_key(pair->key != NULL ? pair->key : pair->certificate, password, &identity.key);
    rc = rc < 0 ? rc : check_pair(&identity, pair);
    if (rc == 0 && read_names(names, &identity) < 0) {
        rc = fail(-ENOMEM, "read", pem_name(pair->certificate), NULL);
    }
    if (rc < 0) {
        identity_deinit(&identity);
        return rc;
    }
    *ret_identity = identity;
    return 0;
}

/* ---- showing ---- */

static int show_failed(void) {
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    (void)fail(-WHARF_ETLS, "use certificate", NULL, "%s", reason != NULL ? reason : "it is refused");
    ERR_clear_error();
    return -WHARF_ETLS;
}

int identity_show(const struct identity *identity, SSL *ssl) {
    return SSL_use_cert_and_key(ssl, identity->leaf, identity->key, identity->chain, 1) == 1 ? 0
                                                                                             : show_failed();
}

int identity_show_always(const struct identity *identity, SSL_CTX *context) {
    return SSL_CTX_use_cert_and_key(context, identity->leaf, identity->key, identity->chain, 1) == 1
               ? 0
               : show_failed();
}

/* Whom we trust. The system's store is a directory whose files are named by a hash of what they certify, where there is one:
 * a certificate is then read when it is needed, and a program that fetches one page does not parse a hundred and forty of
 * them first. */
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/text.h"
#include "tls/generation.h"
#include "tls/library.h"
#include "tls/pem.h"
#include "tls/settings.h"

enum { HASH_DIGITS = 8, ENTRIES_LOOKED_AT = 64 };

/* What is called differently on every system. */
static const char *const FILES[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};
static const char DIRECTORY[] = "/etc/ssl/certs";

static int store_fail(const char *subject, const char *what) {
    ERR_clear_error();
    return fail(-WHARF_ETLS, "read trusted certificates", subject, "%s", what);
}

static void describe(struct generation *generation, const char *text) {
    size_t len = strlen(generation->store_text);
    (void)snprintf(generation->store_text + len, STORE_TEXT_SIZE - len, "%s%s", len > 0 ? " and " : "", text);
}

static bool is_hash_name(const char *name) {
    size_t i = 0;
    while ((name[i] >= '0' && name[i] <= '9') || (name[i] >= 'a' && name[i] <= 'f')) {
        i++;
    }
    return i == HASH_DIGITS && name[i] == '.';
}

static bool is_hashed(const char *directory) {
    DIR *stream = opendir(directory);
    bool found = false;
    if (stream == NULL) {
        return false;
    }
    const struct dirent *entry = readdir(stream);
    for (int i = 0; i < ENTRIES_LOOKED_AT && entry != NULL && !found; i++) {
        found = is_hash_name(entry->d_name);
        entry = readdir(stream);
    }
    closedir(stream);
    return found;
}

static int add_file(struct generation *generation, const char *path) {
    if (X509_STORE_load_file_ex(generation->store, path, tls_library()->context, NULL) != 1) {
        return store_fail(path, "it cannot be read as a PEM file of certificates");
    }
    describe(generation, path);
    return 0;
}

static int add_directory(struct generation *generation, const char *path) {
    if (X509_STORE_load_path(generation->store, path) != 1) {
        return store_fail(path, "it cannot be used");
    }
    describe(generation, path);
    return 0;
}

static int add_system(struct generation *generation) {
    const char *file = secure_getenv("SSL_CERT_FILE");
    const char *directory = secure_getenv("SSL_CERT_DIR");
    if (file != NULL || directory != NULL) {
        int rc = file != NULL ? add_file(generation, file) : 0;
        return rc == 0 && directory != NULL ? add_directory(generation, directory) : rc;
    }
    if (is_hashed(DIRECTORY)) {
        return add_directory(generation, DIRECTORY);
    }
    for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
        if (access(FILES[i], R_OK) == 0) {
            return add_file(generation, FILES[i]);
        }
    }
    describe(generation, "the system's store, which is empty");
    return 0;
}

static int add_own(struct generation *generation, const char *source) {
    STACK_OF(X509) *certificates = NULL;
    int rc = pem_certificates(source, &certificates);
    if (rc < 0) {
        return rc;
    }
    generation->authorities = sk_X509_NAME_new_null();
    for (int i = 0; i < sk_X509_num(certificates) && rc == 0; i++) {
        X509 *certificate = sk_X509_value(certificates, i);
        X509_NAME *name = X509_NAME_dup(X509_get_subject_name(certificate));
        if (generation->authorities == NULL || name == NULL ||
            sk_X509_NAME_push(generation->authorities, name) <= 0) {
            X509_NAME_free(name);
            rc = fail(-ENOMEM, "read trusted certificates", pem_name(source), NULL);
        } else if (X509_STORE_add_cert(generation->store, certificate) != 1) {
            rc = store_fail(pem_name(source), "a certificate in it cannot be used");
        }
    }
    sk_X509_pop_free(certificates, X509_free);
    describe(generation, pem_name(source));
    return rc;
}

/* Whoever is named in them is refused; and so is whose issuer has no list there, or an old one: a list that went missing must not
 * let anybody in. */
static int add_lists(struct generation *generation, const char *source) {
    STACK_OF(X509_CRL) *lists = NULL;
    int rc = pem_lists(source, &lists);
    for (int i = 0; rc == 0 && i < sk_X509_CRL_num(lists); i++) {
        if (X509_STORE_add_crl(generation->store, sk_X509_CRL_value(lists, i)) != 1) {
            rc = pem_fail(source, "a revocation list in it cannot be used");
        }
    }
    sk_X509_CRL_pop_free(lists, X509_CRL_free);
    if (rc == 0) {
        (void)X509_STORE_set_flags(generation->store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    }
    return rc;
}

int generation_read_store(struct generation *generation) {
    const wharf_tls_options *options = &generation->tls->options;
    if (generation->store != NULL) {
        return 0;
    }
    generation->store = X509_STORE_new();
    if (generation->store == NULL) {
        ERR_clear_error();
        return fail(-ENOMEM, "read trusted certificates", NULL, NULL);
    }
    generation->store_text[0] = '\0';
    int rc = options->ca != NULL ? add_own(generation, options->ca) : 0;
    if (rc == 0 && (options->ca == NULL || options->ca_and_system)) {
        rc = add_system(generation);
    }
    rc = rc == 0 && options->crl != NULL ? add_lists(generation, options->crl) : rc;
    if (rc < 0) {
        X509_STORE_free(generation->store);
        sk_X509_NAME_pop_free(generation->authorities, X509_NAME_free);
        generation->store = NULL;
        generation->authorities = NULL;
    }
    return rc;
}

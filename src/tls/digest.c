/* See digest.h. */
#include "tls/digest.h"

#include <errno.h>
#include <openssl/evp.h>

#include "base/memory.h"
#include "base/text.h"
#include "tls/library.h"

struct digest {
    EVP_MD_CTX *context;
    EVP_MD *method;
};

struct digest *digest_new(enum digest_kind kind) {
    static const char *const names[] = {"MD5", "SHA2-256", "SHA2-512/256"};
    struct digest *digest = mem_zalloc(sizeof(*digest));
    const struct tls_library *library = tls_library();
    if (digest == NULL || library == NULL) {
        mem_free(digest);
        return NULL;
    }
    digest->context = EVP_MD_CTX_new();
    digest->method = EVP_MD_fetch(library->context, names[kind], NULL);
    if (digest->context == NULL || digest->method == NULL ||
        EVP_DigestInit_ex2(digest->context, digest->method, NULL) != 1) {
        digest_free(digest);
        return NULL;
    }
    return digest;
}

int digest_add(struct digest *digest, const void *bytes, size_t len) {
    return EVP_DigestUpdate(digest->context, bytes, len) == 1 ? 0 : -ENOMEM;
}

int digest_finish(struct digest *digest, char *out) {
    static const char digits[] = "0123456789abcdef";
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    int ok = EVP_DigestFinal_ex(digest->context, raw, &len);
    for (unsigned i = 0; ok == 1 && i < len; i++) {
        out[2 * i] = digits[raw[i] >> 4];
        out[2 * i + 1] = digits[raw[i] & 15];
    }
    out[2 * (size_t)len] = '\0';
    digest_free(digest);
    return ok == 1 ? 0 : -ENOMEM;
}

void digest_free(struct digest *digest) {
    if (digest != NULL) {
        EVP_MD_CTX_free(digest->context);
        EVP_MD_free(digest->method);
        mem_free(digest);
    }
}

int digest_joined(enum digest_kind kind, const wharf_str *pieces, size_t count, char *out) {
    struct digest *digest = digest_new(kind);
    int rc = digest != NULL ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = i > 0 ? digest_add(digest, ":", 1) : 0;
        rc = rc < 0 ? rc : digest_add(digest, pieces[i].ptr, pieces[i].len);
    }
    if (rc < 0) {
        digest_free(digest);
        return rc;
    }
    return digest_finish(digest, out);
}

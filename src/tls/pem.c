/* See pem.h. */
#include "tls/pem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/text.h"
#include "tls/library.h"

enum { SOURCE_BYTES_MAX = 16 * 1024 * 1024, CERTIFICATES_MAX = 4096 };

bool pem_is_text(const char *source) {
    return str_starts(wharf_str_of(source), STR("-----BEGIN "));
}

const char *pem_name(const char *source) {
    return pem_is_text(source) ? "(PEM text)" : source;
}

static int read_all(int fd, char *out, size_t size) {
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(fd, out + len, size - len);
        int rc = got < 0 ? -errno : 0;
        if (got == 0 || (rc < 0 && rc != -EINTR)) {
            return got == 0 ? -WHARF_ECHANGED : rc;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

static int read_file(int fd, struct pem *ret_pem) {
    struct stat status;
    int rc = fstat(fd, &status) < 0 ? -errno : 0;
    if (rc < 0) {
        return rc;
    }
    if (!S_ISREG(status.st_mode) || status.st_size > SOURCE_BYTES_MAX) {
        return -EFBIG;
    }
    size_t size = (size_t)status.st_size;
    char *text = mem_alloc(size);
    rc = text == NULL ? -ENOMEM : read_all(fd, text, size);
    if (rc < 0) {
        mem_free(text);
        return rc;
    }
    *ret_pem = (struct pem){text, size, text};
    return 0;
}

int pem_open(const char *source, struct pem *ret_pem) {
    if (pem_is_text(source)) {
        *ret_pem = (struct pem){source, strlen(source), NULL};
        return 0;
    }
    int fd = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int rc = fd < 0 ? -errno : 0;
    if (rc == 0) {
        rc = read_file(fd, ret_pem);
        close(fd);
    }
    return rc < 0 ? fail(rc, "read", source, NULL) : 0;
}

void pem_close(struct pem *pem) {
    if (pem->owned != NULL) {
        OPENSSL_cleanse(pem->owned, pem->len);
        mem_free(pem->owned);
    }
}

int pem_fail(const char *source, const char *what) {
    unsigned long error = ERR_peek_last_error();
    bool memory = ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
    ERR_clear_error();
    return memory ? fail(-ENOMEM, "read", pem_name(source), NULL)
                  : fail(-WHARF_ETLS, "read", pem_name(source), "%s", what);
}

/* The next certificate. 1; 0: no more; or an error. */
static int next_certificate(BIO *bio, const char *source, X509 **ret_certificate) {
    X509 *certificate = X509_new_ex(tls_library()->context, NULL);
    if (certificate == NULL) {
        return pem_fail(source, "");
    }
    if (PEM_read_bio_X509(bio, &certificate, NULL, NULL) != NULL) {
        *ret_certificate = certificate;
        return 1;
    }
    X509_free(certificate);
    if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
        ERR_clear_error();
        return 0;
    }
    return pem_fail(source, "a certificate in it cannot be understood");
}

static int read_certificates(BIO *bio, const char *source, STACK_OF(X509) * certificates) {
    X509 *certificate = NULL;
    int more = next_certificate(bio, source, &certificate);
    while (more > 0) {
        if (sk_X509_num(certificates) >= CERTIFICATES_MAX || sk_X509_push(certificates, certificate) <= 0) {
            X509_free(certificate);
            return pem_fail(source, "it holds too many certificates");
        }
        more = next_certificate(bio, source, &certificate);
    }
    if (more < 0) {
        return more;
    }
    return sk_X509_num(certificates) > 0 ? 0 : pem_fail(source, "there is no certificate in it");
}

int pem_certificates(const char *source, STACK_OF(X509) * *ret_certificates) {
    struct pem pem;
    int rc = tls_library() != NULL ? pem_open(source, &pem) : -ENOMEM;
    if (rc < 0) {
        return rc;
    }
    BIO *bio = BIO_new_mem_buf(pem.text, (int)pem.len);
    STACK_OF(X509) *certificates = sk_X509_new_null();
    rc = bio != NULL && certificates != NULL ? read_certificates(bio, source, certificates)
                                             : fail(-ENOMEM, "read", pem_name(source), NULL);
    BIO_free(bio);
    pem_close(&pem);
    if (rc < 0) {
        sk_X509_pop_free(certificates, X509_free);
        return rc;
    }
    *ret_certificates = certificates;
    return 0;
}

static int read_lists(BIO *bio, const char *source, STACK_OF(X509_CRL) * lists) {
    X509_CRL *list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    while (list != NULL) {
        if (sk_X509_CRL_num(lists) >= CERTIFICATES_MAX || sk_X509_CRL_push(lists, list) <= 0) {
            X509_CRL_free(list);
            return pem_fail(source, "it holds too many revocation lists");
        }
        list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        return pem_fail(source, "a revocation list in it cannot be understood");
    }
    ERR_clear_error();
    return sk_X509_CRL_num(lists) > 0 ? 0 : pem_fail(source, "there is no revocation list in it");
}

int pem_lists(const char *source, STACK_OF(X509_CRL) * *ret_lists) {
    struct pem pem;
    int rc = tls_library() != NULL ? pem_open(source, &pem) : -ENOMEM;
    if (rc < 0) {
        return rc;
    }
    BIO *bio = BIO_new_mem_buf(pem.text, (int)pem.len);
    STACK_OF(X509_CRL) *lists = sk_X509_CRL_new_null();
    rc = bio != NULL && lists != NULL ? read_lists(bio, source, lists)
                                      : fail(-ENOMEM, "read", pem_name(source), NULL);
    BIO_free(bio);
    pem_close(&pem);
    if (rc < 0) {
        sk_X509_CRL_pop_free(lists, X509_CRL_free);
        return rc;
    }
    *ret_lists = lists;
    return 0;
}

/* Instead of asking on the terminal. */
static int give_password(char *out, int size, int writing, void *arg) {
    const char *password = arg;
    size_t len = password != NULL ? strlen(password) : 0;
    (void)writing;
    if (len == 0 || len > (size_t)size) {
        return -1;
    }
    memcpy(out, password, len);
    return (int)len;
}

int pem_key(const char *source, const char *password, EVP_PKEY **ret_key) {
    struct pem pem;
    int rc = tls_library() != NULL ? pem_open(source, &pem) : -ENOMEM;
    if (rc < 0) {
        return rc;
    }
    BIO *bio = BIO_new_mem_buf(pem.text, (int)pem.len);
    EVP_PKEY *key = NULL;
    if (bio != NULL) {
        key = PEM_read_bio_PrivateKey_ex(bio, NULL, give_password, (void *)(uintptr_t)password,
                                         tls_library()->context, NULL);
    }
    BIO_free(bio);
    bool encrypted = str_find((wharf_str){pem.text, pem.len}, STR("ENCRYPTED")) >= 0;
    pem_close(&pem);
    if (key == NULL) {
        return pem_fail(source, !encrypted         ? "there is no private key in it that can be understood"
                                : password == NULL ? "the key is encrypted: set key_password"
                                                   : "the key cannot be decrypted: key_password is wrong");
    }
    ERR_clear_error();
    *ret_key = key;
    return 0;
}

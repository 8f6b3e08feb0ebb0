/* See library.h. */
#include "tls/library.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/failure.h"

static struct tls_library made;
static _Atomic(struct tls_library *) ready;
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static void unmake(struct tls_library *library) {
    EVP_CIPHER_free(library->ticket_cipher);
    EVP_MD_free(library->digest);
    BIO_meth_free(library->bio);
    (void)OSSL_PROVIDER_unload(library->random);
    (void)OSSL_PROVIDER_unload(library->standard);
    OSSL_LIB_CTX_free(library->context);
    *library = (struct tls_library){.context = NULL};
}

static int make(struct tls_library *library) {
    /* What is still open when the process exits is closed by hooks of our own, which may run later than the library's. */
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL) != 1) {
        return -ENOMEM;
    }
    library->context = OSSL_LIB_CTX_new();
    if (library->context == NULL ||
        OSSL_PROVIDER_add_builtin(library->context, RANDOM_PROVIDER, random_provider_init) != 1) {
        return -ENOMEM;
    }
    library->standard = OSSL_PROVIDER_load(library->context, "default");
    library->random = OSSL_PROVIDER_load(library->context, RANDOM_PROVIDER);
    library->bio = bio_method_new();
    library->ticket_cipher = EVP_CIPHER_fetch(library->context, "AES-256-CBC", NULL);
    library->digest = EVP_MD_fetch(library->context, "SHA256", NULL);
    if (library->standard == NULL || library->random == NULL || library->bio == NULL ||
        library->ticket_cipher == NULL || library->digest == NULL) {
        return -ENOMEM;
    }
    return RAND_set_DRBG_type(library->context, RANDOM_NAME, NULL, NULL, NULL) == 1 ? 0 : -ENOMEM;
}

const struct tls_library *tls_library(void) {
    const struct tls_library *library = atomic_load_explicit(&ready, memory_order_acquire);
    if (library != NULL) {
        return library;
    }
    pthread_mutex_lock(&making);
    library = atomic_load_explicit(&ready, memory_order_acquire);
    if (library == NULL && make(&made) == 0) {
        atomic_store_explicit(&ready, &made, memory_order_release);
        library = &made;
    } else if (library == NULL) {
        unmake(&made);
    }
    pthread_mutex_unlock(&making);
    if (library == NULL) {
        ERR_clear_error();
        (void)fail(-ENOMEM, "TLS", NULL, "the TLS library cannot be started");
    }
    return library;
}

/* Random numbers for the TLS library, from the engine: the kernel's, or in a simulation the seed's, so that the same seed
 * gives the same handshakes. The library asks for a deterministic generator that it seeds; this one is the source
 * itself and has no state. */
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "sched/sched.h"
#include "tls/library.h"

enum { STRENGTH = 256, REQUEST_MAX = 65536, STATE_READY = 1 /* EVP_RAND_STATE_READY */ };

static char the_context; /* they are all alike */

static void *random_new(void *provider, void *parent, const OSSL_DISPATCH *parent_calls) {
    (void)provider;
    (void)parent;
    (void)parent_calls;
    return &the_context;
}

static void random_free(void *context) {
    (void)context;
}

static int random_instantiate(void *context, unsigned int strength, int resistance, const unsigned char *text,
                              size_t len, const OSSL_PARAM params[]) {
    (void)context;
    (void)resistance;
    (void)text;
    (void)len;
    (void)params;
    return strength <= STRENGTH;
}

static int random_uninstantiate(void *context) {
    (void)context;
    return 1;
}

static int random_generate(void *context, unsigned char *out, size_t size, unsigned int strength,
                           int resistance, const unsigned char *text, size_t len) {
    (void)context;
    (void)resistance;
    (void)text;
    (void)len;
    if (strength > STRENGTH) {
        return 0;
    }
    sched_random_bytes(out, size);
    return 1;
}

static int random_lock(void *context) {
    (void)context;
    return 1;
}

static void random_unlock(void *context) {
    (void)context;
}

static int random_get_params(void *context, OSSL_PARAM params[]) {
    (void)context;
    OSSL_PARAM *state = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STATE);
    OSSL_PARAM *strength = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STRENGTH);
    OSSL_PARAM *request = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_MAX_REQUEST);
    return (state == NULL || OSSL_PARAM_set_int(state, STATE_READY)) &&
           (strength == NULL || OSSL_PARAM_set_uint(strength, STRENGTH)) &&
           (request == NULL || OSSL_PARAM_set_size_t(request, REQUEST_MAX));
}

static const OSSL_PARAM *random_gettable(void *context, void *provider) {
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_int(OSSL_RAND_PARAM_STATE, NULL),
        OSSL_PARAM_uint(OSSL_RAND_PARAM_STRENGTH, NULL),
        OSSL_PARAM_size_t(OSSL_RAND_PARAM_MAX_REQUEST, NULL),
        OSSL_PARAM_END,
    };
    (void)context;
    (void)provider;
    return known;
}

typedef void (*call)(void);

static const OSSL_DISPATCH random_calls[] = {
    {OSSL_FUNC_RAND_NEWCTX, (call)random_new},
    {OSSL_FUNC_RAND_FREECTX, (call)random_free},
    {OSSL_FUNC_RAND_INSTANTIATE, (call)random_instantiate},
    {OSSL_FUNC_RAND_UNINSTANTIATE, (call)random_uninstantiate},
    {OSSL_FUNC_RAND_GENERATE, (call)random_generate},
    {OSSL_FUNC_RAND_ENABLE_LOCKING, (call)random_lock},
    {OSSL_FUNC_RAND_LOCK, (call)random_lock},
    {OSSL_FUNC_RAND_UNLOCK, (call)random_unlock},
    {OSSL_FUNC_RAND_GET_CTX_PARAMS, (call)random_get_params},
    {OSSL_FUNC_RAND_GETTABLE_CTX_PARAMS, (call)random_gettable},
    {0, NULL},
};

static const OSSL_ALGORITHM *provider_query(void *context, int operation, int *ret_uncached) {
    static const OSSL_ALGORITHM random_algorithms[] = {
        {RANDOM_NAME, "provider=" RANDOM_PROVIDER, random_calls, "the engine's random numbers"},
        {NULL, NULL, NULL, NULL},
    };
    (void)context;
    *ret_uncached = 0;
    return operation == OSSL_OP_RAND ? random_algorithms : NULL;
}

int random_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                         void **ret_context) {
    static const OSSL_DISPATCH provider_calls[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (call)provider_query},
        {0, NULL},
    };
    (void)handle;
    (void)in;
    *ret_context = &the_context;
    *out = provider_calls;
    return 1;
}

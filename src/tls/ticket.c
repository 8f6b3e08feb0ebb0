/* See ticket.h. */
#include "tls/ticket.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "sched/sched.h"
#include "tls/library.h"
#include "tls/session.h"
#include "tls/settings.h"

enum {
    NOT_USABLE = 0,
    USABLE = 1,
    USABLE_RENEW = 2,
    BROKEN = -1,
    KEYS = 3,
    MS_PER_SECOND = 1000,
    IV_SIZE = 16
};

void tickets_deinit(struct tickets *tickets) {
    OPENSSL_cleanse(tickets, sizeof(*tickets));
}

static int64_t half_life(const wharf_tls *tls) {
    int64_t ms = tls->options.limits.ticket_ms;
    return ms == TLS_LIMIT_NONE ? INT64_MAX / 4 : ms / 2 / MS_PER_SECOND + 1;
}

/* The key to seal with. Under the settings' lock. */
static const struct ticket_key *key_for_sealing(wharf_tls *tls, int64_t now) {
    struct ticket_key *keys = tls->tickets.keys;
    if (keys[0].made == 0 || now - keys[0].made >= half_life(tls)) {
        memmove(keys + 1, keys, (KEYS - 1) * sizeof(*keys));
        keys[0].made = now > 0 ? now : 1;
        sched_random_bytes(keys[0].name, sizeof(keys[0].name));
        sched_random_bytes(keys[0].seal, sizeof(keys[0].seal));
        sched_random_bytes(keys[0].sign, sizeof(keys[0].sign));
    }
    return keys;
}

static const struct ticket_key *key_of_name(const wharf_tls *tls, const unsigned char *name, int64_t now) {
    const struct ticket_key *keys = tls->tickets.keys;
    for (int i = 0; i < KEYS; i++) {
        bool fits = keys[i].made != 0 && memcmp(keys[i].name, name, TICKET_NAME_SIZE) == 0;
        if (fits && now - keys[i].made < 3 * half_life(tls)) {
            return &keys[i];
        }
    }
    return NULL;
}

static int prepare(const struct ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
                   EVP_MAC_CTX *mac, int sealing) {
    char digest[] = "SHA256";
    unsigned char sign[TICKET_SECRET_SIZE];
    memcpy(sign, key->sign, sizeof(sign));
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, sign, sizeof(sign)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    int ok = EVP_CipherInit_ex(cipher, tls_library()->ticket_cipher, NULL, key->seal, iv, sealing) == 1 &&
             EVP_MAC_CTX_set_params(mac, params) == 1;
    return ok ? USABLE : BROKEN;
}

static int ticket_key_asked(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                            EVP_MAC_CTX *mac, int sealing) {
    wharf_tls *tls = session_of(ssl)->tls;
    int64_t now = sched_wall_seconds();
    int result = NOT_USABLE;
    pthread_mutex_lock(&tls->lock);
    const struct ticket_key *newest = sealing ? key_for_sealing(tls, now) : tls->tickets.keys;
    const struct ticket_key *key = sealing ? newest : key_of_name(tls, name, now);
    if (sealing) {
        memcpy(name, key->name, TICKET_NAME_SIZE);
        sched_random_bytes(iv, IV_SIZE);
    }
    if (key != NULL) {
        result = prepare(key, iv, cipher, mac, sealing);
        /* A client of TLS 1.3 uses a ticket once, and needs another. */
        bool renew = key != newest || SSL_version(ssl) == TLS1_3_VERSION;
        result = result == USABLE && !sealing && renew ? USABLE_RENEW : result;
    }
    pthread_mutex_unlock(&tls->lock);
    return result;
}

int tickets_use(SSL_CTX *context) {
    return SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_key_asked) == 1;
}

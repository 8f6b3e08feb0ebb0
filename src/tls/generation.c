/* See generation.h. */
#include "tls/generation.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/failure.h"
#include "base/memory.h"
#include "tls/identity.h"
#include "tls/library.h"
#include "tls/pem.h"
#include "tls/session.h"
#include "tls/settings.h"

enum { GENERATION_BYTES_MAX = 64 * 1024 * 1024, SECURITY_LEVEL = 2, MS_PER_SECOND = 1000 };

/* Forward secrecy and authenticated encryption alone, of TLS 1.2; TLS 1.3 has nothing else. */
static const char CIPHERS[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
/* 128 bits are enough, and less work. */
static const char SUITES[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char GROUPS[] = "X25519:P-256:P-384";

/* ---- the files ---- */

static uint64_t stamp_add(uint64_t stamp, const char *source) {
    struct stat status = {.st_size = 0};
    if (source == NULL || pem_is_text(source)) {
        return stamp;
    }
    uint64_t parts[4] = {0};
    if (stat(source, &status) == 0) {
        parts[0] = (uint64_t)status.st_mtim.tv_sec;
        parts[1] = (uint64_t)status.st_mtim.tv_nsec;
        parts[2] = (uint64_t)status.st_size;
        parts[3] = (uint64_t)status.st_ino;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        stamp = (stamp ^ parts[i]) * UINT64_C(0x9e3779b97f4a7c15);
        stamp ^= stamp >> 29;
    }
    return stamp;
}

uint64_t generation_stamp(const wharf_tls *tls) {
    uint64_t stamp = stamp_add(1, tls->options.ca);
    stamp = stamp_add(stamp, tls->options.crl);
    for (const char *const *at = tls->options.staples; at != NULL && *at != NULL; at++) {
        stamp = stamp_add(stamp, *at);
    }
    for (size_t i = 0; i < tls->certificate_count; i++) {
        stamp = stamp_add(stamp, tls->options.certificates[i].certificate);
        stamp = stamp_add(stamp, tls->options.certificates[i].key);
    }
    return stamp;
}

static int read_identities(struct generation *generation) {
    const wharf_tls *tls = generation->tls;
    size_t count = tls->certificate_count;
    generation->identities = arena_alloc(&generation->arena, (count + 1) * sizeof(*generation->identities));
    if (generation->identities == NULL) {
        return fail(-ENOMEM, "TLS settings", NULL, NULL);
    }
    for (size_t i = 0; i < count; i++) {
        int rc = identity_load(&tls->options.certificates[i], tls->options.key_password, &generation->arena,
                               &generation->identities[i]);
        if (rc < 0) {
            return rc;
        }
        generation->identity_count++;
    }
    return 0;
}

/* ---- life ---- */

static void generation_delete(struct generation *generation) {
    for (int side = 0; side < TLS_SIDES; side++) {
        SSL_CTX_free(generation->contexts[side]);
    }
    X509_STORE_free(generation->store);
    sk_X509_NAME_pop_free(generation->authorities, X509_NAME_free);
    for (size_t i = 0; i < generation->identity_count; i++) {
        identity_deinit(&generation->identities[i]);
    }
    arena_deinit(&generation->arena);
    mem_free(generation);
}

int generation_new(wharf_tls *tls, struct generation **ret_generation) {
    struct generation *generation = mem_zalloc(sizeof(*generation));
    if (generation == NULL) {
        return fail(-ENOMEM, "TLS settings", NULL, NULL);
    }
    generation->users = 1;
    generation->tls = tls;
    arena_init(&generation->arena, NULL, 0, GENERATION_BYTES_MAX);
    generation->stamp = generation_stamp(tls);
    int rc = read_identities(generation);
    rc = rc == 0 ? staples_read(generation) : rc;
    if (rc == 0 && (tls->options.ca != NULL || tls->options.crl != NULL)) {
        rc = generation_read_store(generation);
    }
    if (rc < 0) {
        generation_delete(generation);
        return rc;
    }
    *ret_generation = generation;
    return 0;
}

void generation_hold(struct generation *generation) {
    atomic_fetch_add_explicit(&generation->users, 1, memory_order_relaxed);
}

void generation_release(struct generation *generation) {
    if (generation != NULL && atomic_fetch_sub_explicit(&generation->users, 1, memory_order_acq_rel) == 1) {
        generation_delete(generation);
    }
}

/* ---- contexts ---- */

/* The first certificate, and beside it the first of each other key type that is for the same names. */
static int show_default(const struct generation *generation, SSL_CTX *context) {
    const struct identity *first = generation->identities;
    int rc = generation->identity_count > 0 ? identity_show_always(first, context) : 0;
    for (size_t i = 1; i < generation->identity_count && rc == 0; i++) {
        const struct identity *other = &generation->identities[i];
        bool same = first->name_count == 0;
        for (size_t n = 0; n < first->name_count && !same; n++) {
            same = identity_rank(other, first->names[n]) > 0;
        }
        if (same && identity_is_other_type(first, other)) {
            rc = identity_show_always(other, context);
        }
    }
    return rc;
}

static void log_key(const SSL *ssl, const char *line) {
    int fd = session_of(ssl)->tls->key_log_fd;
    struct iovec pieces[2] = {{(void *)(uintptr_t)line, strlen(line)}, {(void *)(uintptr_t) "\n", 1}};
    (void)!writev(fd, pieces, 2);
}

/* RFC 7301 section 3.2: the server's order counts, and nothing in common is an error. A server that names no protocol does
 * not negotiate. */
static int select_protocol(SSL *ssl, const unsigned char **ret_protocol, unsigned char *ret_len,
                           const unsigned char *offered, unsigned int len, void *arg) {
    const struct tls_session *session = session_of(ssl);
    const unsigned char *own = session->tls->alpn_len > 0 ? session->tls->alpn : session->protocols;
    unsigned int own_len = session->tls->alpn_len > 0 ? session->tls->alpn_len : session->protocols_len;
    unsigned char *chosen = NULL;
    (void)arg;
    if (own_len == 0) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    int found = SSL_select_next_proto(&chosen, ret_len, own, own_len, offered, len);
    *ret_protocol = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int configure_common(SSL_CTX *context, const wharf_tls *tls) {
    SSL_CTX_set_security_level(context, SECURITY_LEVEL);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_options(context,
                        SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_read_ahead(context, 1);
    if (tls->key_log_fd >= 0) {
        SSL_CTX_set_keylog_callback(context, log_key);
    }
    bool modern = tls->options.version_min == 13;
    bool dated = tls->options.version_max == 12;
    int ok = SSL_CTX_set_min_proto_version(context, modern ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
             (!dated || SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION) == 1) &&
             SSL_CTX_set_cipher_list(context, CIPHERS) == 1 &&
             SSL_CTX_set_ciphersuites(context, SUITES) == 1 && SSL_CTX_set1_groups_list(context, GROUPS) == 1;
    return ok ? 0 : -ENOMEM;
}

static int configure_server(SSL_CTX *context, const struct generation *generation) {
    const wharf_tls *tls = generation->tls;
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (tls->options.limits.sessions == TLS_LIMIT_NONE) {
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(context, 0);
    } else {
        SSL_CTX_set_num_tickets(context, 1); /* a connection gives back what it may have used */
    }
    int64_t seconds = tls->options.limits.ticket_ms == TLS_LIMIT_NONE
                          ? 0
                          : tls->options.limits.ticket_ms / MS_PER_SECOND;
    if (seconds > 0) {
        SSL_CTX_set_timeout(context, (long)seconds);
    }
    SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
    staples_use(context);
    int rc = tickets_use(context) ? 0 : -ENOMEM;
    rc = rc == 0 ? choose_prepare(context) : rc;
    return rc == 0 ? show_default(generation, context) : rc;
}

static int configure_client(SSL_CTX *context, const struct generation *generation) {
    const wharf_tls *tls = generation->tls;
    resume_prepare(context, tls);
    if (tls->alpn_len > 0 && SSL_CTX_set_alpn_protos(context, tls->alpn, tls->alpn_len) != 0) {
        return -ENOMEM;
    }
    return show_default(generation, context);
}

static int context_new(struct generation *generation, enum tls_side side, SSL_CTX **ret_context) {
    const struct tls_library *library = tls_library();
    if (library == NULL) {
        return -ENOMEM;
    }
    const SSL_METHOD *method = side == TLS_SERVER ? TLS_server_method() : TLS_client_method();
    SSL_CTX *context = SSL_CTX_new_ex(library->context, NULL, method);
    int rc = context != NULL ? configure_common(context, generation->tls) : -ENOMEM;
    rc = rc == 0 ? verify_prepare(context, generation, side) : rc;
    if (rc == 0) {
        rc = side == TLS_SERVER ? configure_server(context, generation)
                                : configure_client(context, generation);
    }
    ERR_clear_error();
    if (rc < 0) {
        SSL_CTX_free(context);
        return rc == -ENOMEM ? fail(rc, "TLS settings", NULL, NULL) : rc;
    }
    *ret_context = context;
    return 0;
}

/* Whether the other side's certificates are looked at, which takes somebody to trust. */
static bool needs_store(const wharf_tls *tls, enum tls_side side) {
    return side == TLS_CLIENT ? !tls->options.insecure_no_verify
                              : tls->options.clients != WHARF_TLS_CLIENTS_ANY;
}

int generation_prepare(struct generation *generation, enum tls_side side) {
    wharf_tls *tls = generation->tls;
    int rc = 0;
    pthread_mutex_lock(&tls->lock);
    if (generation->contexts[side] == NULL) {
        rc = needs_store(tls, side) ? generation_read_store(generation) : 0;
        rc = rc == 0 ? context_new(generation, side, &generation->contexts[side]) : rc;
    }
    pthread_mutex_unlock(&tls->lock);
    return rc;
}

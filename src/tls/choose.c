/* Which certificate a server shows. The name is read from the client's first message before anything is decided: its own
 * certificates are looked through at once; a program that wants to be asked is asked outside the library, where it may
 * wait, and the handshake goes on from where it stood. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/text.h"
#include "tls/identity.h"
#include "tls/library.h"
#include "tls/name.h"
#include "tls/session.h"
#include "tls/settings.h"

/* The name in the extension, as handshake->host; false: malformed. */
static bool read_name(SSL *ssl, struct handshake *handshake) {
    const unsigned char *body = NULL;
    size_t len = 0;
    wharf_str name = {NULL, 0};
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &body, &len) != 1) {
        return true;
    }
    if (name_of_extension((wharf_str){(const char *)body, len}, &name) < 0) {
        return false;
    }
    return name.len == 0 || name_normalise(name, handshake->host);
}

/* A session must not be taken up under other rules for clients, or under another name, than it was made with: its
 * identifier says which those were. Where clients show certificates, the files that decide about them are among the rules: a
 * certificate that was revoked since must not come in by an old session. */
static int bind_resumption(const struct tls_session *session, SSL *ssl) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    char text[SESSION_HOST_SIZE + 96];
    wharf_tls_clients clients = session->tls->options.clients;
    uint64_t stamp = clients != WHARF_TLS_CLIENTS_ANY ? session->generation->stamp : 0;
    int text_len = snprintf(text, sizeof(text), "%llu %d %llx %s", (unsigned long long)session->tls->id,
                            (int)clients, (unsigned long long)stamp, session->handshake->host);
    if (EVP_Digest(text, (size_t)text_len, digest, &len, tls_library()->digest, NULL) != 1) {
        return -ENOMEM;
    }
    _Static_assert(SSL_MAX_SID_CTX_LENGTH >= 32, "a SHA-256 fits");
    return SSL_set_session_id_context(ssl, digest, len) == 1 ? 0 : -ENOMEM;
}

static const struct identity *best_identity(const struct generation *generation, wharf_str host,
                                            int *ret_rank) {
    const struct identity *best = NULL;
    *ret_rank = 0;
    for (size_t i = 0; i < generation->identity_count; i++) {
        int rank = identity_rank(&generation->identities[i], host);
        if (rank > *ret_rank) {
            *ret_rank = rank;
            best = &generation->identities[i];
        }
    }
    return best;
}

/* Shows what is for this name: the best one, and those of other key types that are as good. */
static int show_for(const struct generation *generation, SSL *ssl, wharf_str host, bool *ret_known) {
    int rank = 0;
    const struct identity *best = best_identity(generation, host, &rank);
    *ret_known = best != NULL || generation->identity_count == 0;
    if (best == NULL) {
        return 0;
    }
    SSL_certs_clear(ssl);
    int rc = identity_show(best, ssl);
    for (const struct identity *other = best + 1;
         other < generation->identities + generation->identity_count && rc == 0; other++) {
        if (identity_is_other_type(best, other) && identity_rank(other, host) == rank) {
            rc = identity_show(other, ssl);
        }
    }
    return rc;
}

/* Whether one look at the names could change anything. */
static bool has_choice(const struct tls_session *session) {
    return session->generation->identity_count > 1 || session->tls->options.refuse_unknown_names;
}

static int choose_identity(struct tls_session *session, SSL *ssl) {
    wharf_str host = wharf_str_of(session->handshake->host);
    bool known = true;
    if (host.len == 0 || !has_choice(session)) {
        return 0;
    }
    int rc = show_for(session->generation, ssl, host, &known);
    return rc == 0 && !known && session->tls->options.refuse_unknown_names ? -WHARF_ENAME : rc;
}

static int hello_came(SSL *ssl, int *ret_alert, void *arg) {
    struct tls_session *session = session_of(ssl);
    (void)arg;
    if (!session->chosen && !read_name(ssl, session->handshake)) {
        *ret_alert = SSL_AD_DECODE_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (!session->chosen && session->tls->options.choose != NULL) {
        return SSL_CLIENT_HELLO_RETRY;
    }
    int rc = choose_identity(session, ssl);
    rc = rc == 0 ? bind_resumption(session, ssl) : rc;
    if (rc == 0) {
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    *ret_alert = rc == -WHARF_ENAME ? SSL_AD_UNRECOGNIZED_NAME : SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

int choose_prepare(SSL_CTX *context) {
    SSL_CTX_set_client_hello_cb(context, hello_came, NULL);
    return 0;
}

/* The chosen settings take the place of the listener's. */
static int adopt(struct tls_session *session, wharf_tls *tls) {
    struct generation *generation = tls_generation(tls);
    int rc = generation_prepare(generation, TLS_SERVER);
    if (rc < 0) {
        generation_release(generation);
        return rc;
    }
    tls_hold(tls);
    SSL_set_SSL_CTX(session->ssl, generation->contexts[TLS_SERVER]);
    SSL_set_verify(session->ssl, SSL_CTX_get_verify_mode(generation->contexts[TLS_SERVER]),
                   SSL_CTX_get_verify_callback(generation->contexts[TLS_SERVER]));
    generation_release(session->generation);
    tls_release(session->tls);
    session->generation = generation;
    session->tls = tls;
    return 0;
}

int choose_now(struct tls_session *session) {
    const wharf_tls_options *options = &session->tls->options;
    wharf_tls *chosen = options->choose(options->choose_arg, session->handshake->host);
    session->chosen = true;
    if (session->closed) {
        return -ECANCELED;
    }
    if (chosen == NULL) {
        if (session->generation->identity_count > 0) {
            return 0;
        }
        return fail(-WHARF_ETLS, "choose certificate", session->handshake->host,
                    "there is none for this name");
    }
    return chosen != session->tls ? adopt(session, chosen) : 0;
}

/* See facts.h. */
#include "tls/facts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/text.h"
#include "tls/library.h"
#include "tls/pin.h"
#include "tls/session.h"

enum { DIGEST_SIZE = 32 };

void facts_fingerprint(const X509 *certificate, char *out) {
    static const char HEX[] = "0123456789abcdef";
    unsigned char digest[DIGEST_SIZE];
    unsigned char *encoded = NULL;
    size_t len = 0;
    int encoded_len = i2d_X509(certificate, &encoded);
    bool ok = encoded_len > 0 && EVP_Q_digest(tls_library()->context, "SHA256", NULL, encoded,
                                              (size_t)encoded_len, digest, &len) == 1;
    OPENSSL_free(encoded);
    for (size_t i = 0; ok && i < DIGEST_SIZE; i++) {
        out[2 * i] = HEX[digest[i] >> 4];
        out[2 * i + 1] = HEX[digest[i] & 15];
    }
    out[ok ? 2 * DIGEST_SIZE : 0] = '\0';
}

int64_t facts_time(const ASN1_TIME *time) {
    struct tm tm;
    return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

void facts_date(const ASN1_TIME *time, char out[FACTS_DATE_SIZE]) {
    struct tm tm;
    if (ASN1_TIME_to_tm(time, &tm) != 1 || strftime(out, FACTS_DATE_SIZE, "%Y-%m-%d %H:%M UTC", &tm) == 0) {
        (void)snprintf(out, FACTS_DATE_SIZE, "(no date)");
    }
}

void facts_name(const X509_NAME *name, char *out, size_t size) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    out[0] = '\0';
    if (bio != NULL &&
        X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        long len = BIO_get_mem_data(bio, &text);
        (void)str_copy_to(out, size, (wharf_str){text, len > 0 ? (size_t)len : 0});
    }
    BIO_free(bio);
}

/* "1.2.3.4"; "" for what is no address. */
static void show_address(const ASN1_OCTET_STRING *bytes, char out[INET6_ADDRSTRLEN]) {
    int family = ASN1_STRING_length(bytes) == 4    ? AF_INET
                 : ASN1_STRING_length(bytes) == 16 ? AF_INET6
                                                   : AF_UNSPEC;
    out[0] = '\0';
    if (family != AF_UNSPEC) {
        (void)inet_ntop(family, ASN1_STRING_get0_data(bytes), out, INET6_ADDRSTRLEN);
    }
}

int facts_hosts(const X509 *certificate, char *out, size_t size) {
    GENERAL_NAMES *all = X509_get_ext_d2i((X509 *)(uintptr_t)certificate, NID_subject_alt_name, NULL, NULL);
    size_t len = 0;
    int count = 0;
    bool full = false;
    out[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
        char address[INET6_ADDRSTRLEN] = "";
        if (name->type != GEN_DNS && name->type != GEN_IPADD) {
            continue;
        }
        count++;
        if (name->type == GEN_IPADD) {
            show_address(name->d.iPAddress, address);
        }
        const char *text = name->type == GEN_DNS ? (const char *)ASN1_STRING_get0_data(name->d.dNSName)
                                                 : address;
        size_t needed = strlen(text) + (len > 0 ? 2 : 0) + sizeof(" ...");
        full = full || needed > size - len;
        if (!full) {
            len += (size_t)snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "", text);
        }
    }
    if (full) {
        (void)snprintf(out + len, size - len, " ...");
    }
    GENERAL_NAMES_free(all);
    return count;
}

static void read_certificate(X509 *certificate, wharf_tls_certificate *facts) {
    facts_name(X509_get_subject_name(certificate), facts->subject, sizeof(facts->subject));
    facts_name(X509_get_issuer_name(certificate), facts->issuer, sizeof(facts->issuer));
    (void)facts_hosts(certificate, facts->names, sizeof(facts->names));
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    if (key != NULL) {
        const char *type = EVP_PKEY_get0_type_name(key);
        (void)snprintf(facts->key, sizeof(facts->key), "%.16s %d", type != NULL ? type : "?",
                       EVP_PKEY_get_bits(key));
    }
    const char *signature = OBJ_nid2ln(X509_get_signature_nid(certificate));
    (void)str_copy_to(facts->signature, sizeof(facts->signature), wharf_str_of(signature));
    facts_fingerprint(certificate, facts->fingerprint);
    _Static_assert(sizeof(facts->pin) >= PIN_TEXT_SIZE, "a pin fits");
    (void)pin_format(certificate, facts->pin);
    facts->valid_from = facts_time(X509_get0_notBefore(certificate));
    facts->valid_until = facts_time(X509_get0_notAfter(certificate));
}

/* ---- what a session shows ---- */

/* Views into the library's records of a session, and into its own. */
struct view {
    const char *version, *cipher, *name; /* the library's texts are static */
    wharf_str alpn;
    X509 *leaf; /* NULL: none */
    STACK_OF(X509) * chain;
    int chain_first; /* where the certificates above the leaf begin: a client's own is not among what a server keeps */
    bool resumed, verified;
};

struct facts_kept {
    _Atomic int users;
    struct view view; /* its certificates are counted, its texts are here */
    char texts[];
};

static int view_session(const struct tls_session *session, struct view *ret_view) {
    if (session->stage != SESSION_READY) {
        return fail(-ENOTCONN, "TLS facts", session->peer, "there was no handshake yet");
    }
    const SSL *ssl = session->ssl;
    const unsigned char *alpn = NULL;
    unsigned int alpn_len = 0;
    bool server = session->side == TLS_SERVER;
    SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
    *ret_view = (struct view){
        .version = SSL_get_version(ssl),
        .cipher = SSL_get_cipher_name(ssl),
        .name = server ? session->name : SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name),
        .alpn = {(const char *)alpn, alpn_len},
        .leaf = SSL_get0_peer_certificate(ssl),
        .chain = SSL_get_peer_cert_chain(ssl),
        .chain_first = server ? 0 : 1,
        .resumed = SSL_session_reused(ssl) == 1,
        .verified = SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && SSL_get_verify_result(ssl) == X509_V_OK,
    };
    return 0;
}

static void read_view(const struct view *view, wharf_tls_facts *ret_facts) {
    wharf_tls_facts facts = {.resumed = view->resumed};
    (void)str_copy_to(facts.version, sizeof(facts.version), wharf_str_of(view->version));
    (void)str_copy_to(facts.cipher, sizeof(facts.cipher), wharf_str_of(view->cipher));
    (void)str_copy_to(facts.alpn, sizeof(facts.alpn), view->alpn);
    (void)str_copy_to(facts.server_name, sizeof(facts.server_name), wharf_str_of(view->name));
    if (view->leaf != NULL) {
        facts_name(X509_get_subject_name(view->leaf), facts.peer_subject, sizeof(facts.peer_subject));
        facts_name(X509_get_issuer_name(view->leaf), facts.peer_issuer, sizeof(facts.peer_issuer));
        facts_fingerprint(view->leaf, facts.peer_fingerprint);
        facts.peer_expires = facts_time(X509_get0_notAfter(view->leaf));
        facts.verified = view->verified;
    }
    ERR_clear_error();
    *ret_facts = facts;
}

static int read_view_certificate(const struct view *view, int i, wharf_tls_certificate *ret_certificate) {
    X509 *certificate = i == 0 ? view->leaf : NULL;
    int place = i - 1 + view->chain_first;
    if (i > 0 && place < sk_X509_num(view->chain)) {
        certificate = sk_X509_value(view->chain, place);
    }
    if (certificate == NULL) {
        return fail(-ENOENT, "TLS facts", NULL, "the peer has sent no such certificate");
    }
    wharf_tls_certificate facts = {.pin = ""};
    read_certificate(certificate, &facts);
    ERR_clear_error();
    *ret_certificate = facts;
    return 0;
}

int facts_read(const struct tls_session *session, wharf_tls_facts *ret_facts) {
    struct view view;
    int rc = view_session(session, &view);
    if (rc == 0) {
        read_view(&view, ret_facts);
    }
    return rc;
}

const char *facts_version(const struct tls_session *session) {
    return SSL_get_version(session->ssl);
}

int facts_read_certificate(const struct tls_session *session, int i, wharf_tls_certificate *ret_certificate) {
    struct view view;
    int rc = view_session(session, &view);
    return rc < 0 ? rc : read_view_certificate(&view, i, ret_certificate);
}

/* ---- kept beyond the connection ---- */

static struct facts_kept *keep(const struct view *view) {
    wharf_str name = wharf_str_of(view->name);
    struct facts_kept *kept = mem_zalloc(sizeof(*kept) + name.len + 1 + view->alpn.len);
    if (kept == NULL) {
        return NULL;
    }
    kept->users = 1;
    kept->view = *view;
    kept->view.name = kept->texts;
    kept->view.alpn.ptr = kept->texts + name.len + 1;
    (void)str_copy_to(kept->texts, name.len + 1, name);
    if (view->alpn.len > 0) {
        memcpy(kept->texts + name.len + 1, view->alpn.ptr, view->alpn.len);
    }
    kept->view.chain = view->chain != NULL ? X509_chain_up_ref(view->chain) : NULL;
    if (view->leaf != NULL) {
        X509_up_ref(view->leaf);
    }
    return kept;
}

int facts_keep(struct tls_session *session, struct facts_kept **ret_kept) {
    struct view view;
    int rc = session->kept == NULL ? view_session(session, &view) : 0;
    if (rc < 0) {
        return rc;
    }
    session->kept = session->kept != NULL ? session->kept : keep(&view);
    if (session->kept == NULL) {
        return fail(-ENOMEM, "TLS facts", session->peer, NULL);
    }
    atomic_fetch_add_explicit(&session->kept->users, 1, memory_order_relaxed);
    *ret_kept = session->kept;
    return 0;
}

void facts_release(struct facts_kept *kept) {
    if (kept != NULL && atomic_fetch_sub_explicit(&kept->users, 1, memory_order_acq_rel) == 1) {
        X509_free(kept->view.leaf);
        sk_X509_pop_free(kept->view.chain, X509_free);
        mem_free(kept);
    }
}

void facts_read_kept(const struct facts_kept *kept, wharf_tls_facts *ret_facts) {
    read_view(&kept->view, ret_facts);
}

int facts_read_kept_certificate(const struct facts_kept *kept, int i,
                                wharf_tls_certificate *ret_certificate) {
    return read_view_certificate(&kept->view, i, ret_certificate);
}

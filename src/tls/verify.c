/* Whether the other side's certificate is to be believed. The library builds the chain and checks it and the name; what it
 * objects to becomes the end of a sentence here, with the facts that somebody needs to put it right, and the setting that
 * decides about it. RFC 5280, RFC 9525. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/text.h"
#include "sched/sched.h"
#include "tls/facts.h"
#include "tls/name.h"
#include "tls/pin.h"
#include "tls/session.h"
#include "tls/settings.h"

enum { NAME_SHOWN = 72, NAMES_SHOWN = 110 };

/* ---- facts as text ---- */

/* The common name, else all of it on one line. */
static void show_name(const X509_NAME *name, char *out, size_t size) {
    if (X509_NAME_get_text_by_NID((X509_NAME *)(uintptr_t)name, NID_commonName, out, (int)size) > 0) {
        return;
    }
    if (X509_NAME_oneline(name, out, (int)size) == NULL || out[0] == '\0') {
        (void)snprintf(out, size, "(no name)");
    }
}

static void show_now(char out[FACTS_DATE_SIZE]) {
    struct tm tm;
    time_t now = (time_t)sched_wall_seconds();
    if (gmtime_r(&now, &tm) == NULL || strftime(out, FACTS_DATE_SIZE, "%Y-%m-%d %H:%M UTC", &tm) == 0) {
        out[0] = '\0';
    }
}

/* ---- the reasons ---- */

struct objection {
    int error, depth;
    const X509 *certificate;
    const struct tls_session *session;
    char issuer[NAME_SHOWN], subject[NAME_SHOWN];
};

static const char SETTING_CA[] = "setting ca (--ca FILE) adds to what is trusted";

/* What would let it pass. A server has no such switch but the one for all its clients. */
static const char *remedy(const struct objection *objection) {
    return objection->session->side == TLS_CLIENT ? "setting insecure_no_verify (--insecure) would accept it"
                                                  : "setting clients decides whether clients show one";
}

static const char *whose(const struct objection *objection) {
    bool server = objection->session->side == TLS_SERVER;
    return objection->depth > 0 ? "certificate of an issuer,"
           : server             ? "client's certificate"
                                : "certificate";
}

static void object_expired(const struct objection *objection) {
    char date[FACTS_DATE_SIZE];
    facts_date(X509_get0_notAfter(objection->certificate), date);
    session_say(objection->session, "tls.certificate.expired", "the %s %s, expired on %s (issuer %s); %s",
                whose(objection), objection->subject, date, objection->issuer, remedy(objection));
}

static void object_early(const struct objection *objection) {
    char date[FACTS_DATE_SIZE];
    char now[FACTS_DATE_SIZE];
    facts_date(X509_get0_notBefore(objection->certificate), date);
    show_now(now);
    session_say(objection->session, "tls.certificate.early",
                "the %s %s, is not valid before %s, and the clock here says %s; %s", whose(objection),
                objection->subject, date, now, remedy(objection));
}

static void object_self_signed(const struct objection *objection) {
    session_say(objection->session, "tls.certificate.self_signed",
                "the certificate of %s is self-signed and not in the store %s; %s", objection->subject,
                objection->session->generation->store_text, SETTING_CA);
}

static void object_root(const struct objection *objection) {
    session_say(objection->session, "tls.certificate.root",
                "the certificate chain ends at the authority %s, which is not in the store %s; %s",
                objection->subject, objection->session->generation->store_text, SETTING_CA);
}

static void object_issuer(const struct objection *objection) {
    session_say(objection->session, "tls.certificate.issuer",
                "the certificate's issuer %s is not in the store %s%s; %s", objection->issuer,
                objection->session->generation->store_text,
                objection->depth == 0 ? ", and no intermediate certificate was sent" : "", SETTING_CA);
}

static void object_name(const struct objection *objection) {
    char hosts[NAMES_SHOWN];
    const char *host = objection->session->handshake->host;
    static const char SETTING[] = "setting name (--name HOST) says which name to expect";
    if (facts_hosts(objection->certificate, hosts, sizeof(hosts)) > 0) {
        session_say(objection->session, "tls.certificate.name",
                    "the certificate is for %s, and not for %s; %s", hosts, host, SETTING);
    } else {
        session_say(
            objection->session, "tls.certificate.name",
            "the certificate names no host: its common name %s does not count, and %s is not among its "
            "alternative names; %s",
            objection->subject, host, SETTING);
    }
}

static void object_weak_key(const struct objection *objection) {
    const EVP_PKEY *key = X509_get0_pubkey(objection->certificate);
    session_say(objection->session, "tls.certificate.weak",
                "the %s %s, has a weak key of %d bits (issuer %s); %s", whose(objection), objection->subject,
                key != NULL ? EVP_PKEY_get_bits(key) : 0, objection->issuer, remedy(objection));
}

static void object_purpose(const struct objection *objection) {
    bool client = objection->session->side == TLS_CLIENT;
    session_say(objection->session, "tls.certificate.purpose", "the %s %s, is not for %s (issuer %s); %s",
                whose(objection), objection->subject, client ? "servers" : "clients", objection->issuer,
                remedy(objection));
}

static void object_revoked(const struct objection *objection) {
    session_say(objection->session, "tls.certificate.revoked",
                "the %s %s, was revoked by its issuer %s; setting crl (--crl FILE)", whose(objection),
                objection->subject, objection->issuer);
}

static void object_no_list(const struct objection *objection) {
    session_say(objection->session, "tls.crl.missing",
                "there is no revocation list of %s, which issued the %s %s; setting crl (--crl FILE)",
                objection->issuer, whose(objection), objection->subject);
}

static void object_old_list(const struct objection *objection) {
    session_say(objection->session, "tls.crl.expired",
                "the revocation list of %s has expired, which issued the %s %s; setting crl (--crl FILE)",
                objection->issuer, whose(objection), objection->subject);
}

static void object_otherwise(const struct objection *objection) {
    session_say(objection->session, "tls.certificate.refused", "the %s %s, was refused: %s (issuer %s); %s",
                whose(objection), objection->subject, X509_verify_cert_error_string(objection->error),
                objection->issuer, remedy(objection));
}

static void object(const struct objection *objection) {
    static const struct {
        int error;
        void (*explain)(const struct objection *objection);
    } reasons[] = {
        {X509_V_ERR_CERT_HAS_EXPIRED, object_expired},
        {X509_V_ERR_CERT_NOT_YET_VALID, object_early},
        {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, object_self_signed},
        {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, object_root},
        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, object_issuer},
        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, object_issuer},
        {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, object_issuer},
        {X509_V_ERR_HOSTNAME_MISMATCH, object_name},
        {X509_V_ERR_IP_ADDRESS_MISMATCH, object_name},
        {X509_V_ERR_EE_KEY_TOO_SMALL, object_weak_key},
        {X509_V_ERR_CA_KEY_TOO_SMALL, object_weak_key},
        {X509_V_ERR_INVALID_PURPOSE, object_purpose},
        {X509_V_ERR_CERT_REVOKED, object_revoked},
        {X509_V_ERR_UNABLE_TO_GET_CRL, object_no_list},
        {X509_V_ERR_CRL_HAS_EXPIRED, object_old_list},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].error == objection->error) {
            reasons[i].explain(objection);
            return;
        }
    }
    object_otherwise(objection);
}

/* Called by the library for each certificate of the chain; the first objection ends it. */
static int certificate_checked(int good, X509_STORE_CTX *store) {
    if (good == 1) {
        return 1;
    }
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_session *session = session_of(ssl);
    struct objection objection = {.error = X509_STORE_CTX_get_error(store),
                                  .depth = X509_STORE_CTX_get_error_depth(store),
                                  .certificate = X509_STORE_CTX_get_current_cert(store),
                                  .session = session};
    if (session->handshake == NULL || objection.certificate == NULL || session->handshake->why[0] != '\0') {
        return 0;
    }
    show_name(X509_get_issuer_name(objection.certificate), objection.issuer, sizeof(objection.issuer));
    show_name(X509_get_subject_name(objection.certificate), objection.subject, sizeof(objection.subject));
    object(&objection);
    return 0;
}

/* ---- setting up ---- */

int verify_prepare(SSL_CTX *context, const struct generation *generation, enum tls_side side) {
    const wharf_tls_options *options = &generation->tls->options;
    bool strict = side == TLS_SERVER && options->clients == WHARF_TLS_CLIENTS_VERIFIED;
    bool wanted = side == TLS_CLIENT ? !options->insecure_no_verify
                                     : options->clients != WHARF_TLS_CLIENTS_ANY;
    int mode = wanted ? SSL_VERIFY_PEER | (strict ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0) : SSL_VERIFY_NONE;
    SSL_CTX_set_verify(context, mode, certificate_checked);
    if (options->limits.chain_depth != TLS_LIMIT_NONE) {
        SSL_CTX_set_verify_depth(context, (int)options->limits.chain_depth);
    }
    if (wanted) {
        SSL_CTX_set1_cert_store(context, generation->store);
    }
    if (wanted && side == TLS_SERVER && generation->authorities != NULL) {
        STACK_OF(X509_NAME) *names = SSL_dup_CA_list(generation->authorities);
        if (names == NULL) {
            return -ENOMEM;
        }
        SSL_CTX_set_client_CA_list(context, names);
    }
    return 0;
}

int verify_expect(struct tls_session *session) {
    X509_VERIFY_PARAM *rules = SSL_get0_param(session->ssl);
    const char *host = session->handshake->host;
    X509_VERIFY_PARAM_set_time(rules, (time_t)sched_wall_seconds());
    if (session->side == TLS_SERVER) {
        return 0;
    }
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (name_is_address(host)) {
        return X509_VERIFY_PARAM_set1_ip_asc(rules, host) == 1 ? 0 : -ENOMEM;
    }
    bool ok = SSL_set_tlsext_host_name(session->ssl, host) == 1 &&
              X509_VERIFY_PARAM_set1_host(rules, host, 0) == 1;
    return ok ? 0 : -ENOMEM;
}

static int check_pins(struct tls_session *session) {
    const wharf_tls_options *options = &session->tls->options;
    STACK_OF(X509) *chain = SSL_get0_verified_chain(session->ssl);
    chain = chain != NULL ? chain : SSL_get_peer_cert_chain(session->ssl);
    int matches = pin_matches(options->pins, chain);
    if (matches != 0) {
        return matches < 0 ? matches : 0;
    }
    char own[PIN_TEXT_SIZE] = "sha256/?";
    if (sk_X509_num(chain) > 0) {
        (void)pin_format(sk_X509_value(chain, 0), own);
    }
    session_say(session, "tls.certificate.pin",
                "the certificate of %s has the key %s, and none of its chain is pinned; setting pins (--pin)",
                session->handshake->host, own);
    return -WHARF_ETLS;
}

int verify_finish(struct tls_session *session) {
    bool pinned = session->side == TLS_CLIENT && session->tls->options.pins != NULL;
    return pinned && SSL_session_reused(session->ssl) == 0 ? check_pins(session) : 0;
}

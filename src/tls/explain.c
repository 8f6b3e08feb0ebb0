/* What it means when the library gives up: one sentence for each thing that goes wrong between two peers, instead of the
 * library's number. What a verification has objected to was written down when it did (verify.c). */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <stdio.h>
#include <string.h>

#include "tls/session.h"
#include "tls/settings.h"

/* ---- what the peer says ---- */

struct meaning {
    int number;
    const char *reason, *text;
};

/* RFC 8446 section 6.2. */
static const struct meaning ALERTS[] = {
    {SSL_AD_UNEXPECTED_MESSAGE, "tls.alert.unexpected_message",
     "the peer got a message that it did not expect"},
    {SSL_AD_BAD_RECORD_MAC, "tls.alert.bad_record_mac", "the peer got bytes that were changed on their way"},
    {SSL_AD_HANDSHAKE_FAILURE, "tls.alert.handshake_failure",
     "the peer has no cipher, group or certificate in common with us"},
    {SSL_AD_BAD_CERTIFICATE, "tls.alert.bad_certificate", "the peer calls our certificate malformed"},
    {SSL_AD_UNSUPPORTED_CERTIFICATE, "tls.alert.unsupported_certificate",
     "the peer does not take this kind of certificate from us"},
    {SSL_AD_CERTIFICATE_REVOKED, "tls.alert.certificate_revoked",
     "the peer says that our certificate was revoked"},
    {SSL_AD_CERTIFICATE_EXPIRED, "tls.alert.certificate_expired",
     "the peer says that our certificate has expired"},
    {SSL_AD_CERTIFICATE_UNKNOWN, "tls.alert.certificate_unknown", "the peer does not accept our certificate"},
    {SSL_AD_ILLEGAL_PARAMETER, "tls.alert.illegal_parameter", "the peer got a field that it calls illegal"},
    {SSL_AD_UNKNOWN_CA, "tls.alert.unknown_ca",
     "the peer does not know the authority that issued our certificate"},
    {SSL_AD_ACCESS_DENIED, "tls.alert.access_denied", "the peer denies access to our certificate"},
    {SSL_AD_DECODE_ERROR, "tls.alert.decode_error", "the peer could not understand a message"},
    {SSL_AD_DECRYPT_ERROR, "tls.alert.decrypt_error", "the peer could not verify a signature"},
    {SSL_AD_PROTOCOL_VERSION, "tls.alert.protocol_version",
     "there is no TLS version in common: we speak 1.2 and 1.3, or what version_min and version_max leave"},
    {SSL_AD_INSUFFICIENT_SECURITY, "tls.alert.insufficient_security",
     "the peer wants stronger ciphers than we offer"},
    {SSL_AD_INTERNAL_ERROR, "tls.alert.internal_error", "the peer has failed inside"},
    {SSL_AD_USER_CANCELLED, "tls.alert.user_canceled", "the peer has given up the handshake"},
    {SSL_AD_MISSING_EXTENSION, "tls.alert.missing_extension", "the peer misses an extension"},
    {SSL_AD_UNRECOGNIZED_NAME, "tls.alert.unrecognized_name",
     "the peer has no certificate for the name that was asked for"},
    {SSL_AD_CERTIFICATE_REQUIRED, "tls.alert.certificate_required",
     "the peer requires a client certificate; setting certificates (--cert FILE --key FILE)"},
    {SSL_AD_NO_APPLICATION_PROTOCOL, "tls.alert.no_application_protocol",
     "the peer speaks none of the protocols offered by ALPN; setting alpn (--alpn)"},
};

static const struct meaning *alert_find(int reason) {
    for (size_t i = 0; i < sizeof(ALERTS) / sizeof(ALERTS[0]); i++) {
        if (ALERTS[i].number + SSL_AD_REASON_OFFSET == reason) {
            return &ALERTS[i];
        }
    }
    return NULL;
}

/* ---- what we object to ---- */

static const struct meaning REASONS[] = {
    {SSL_R_UNSUPPORTED_PROTOCOL, "tls.version",
     "there is no TLS version in common: we speak 1.2 and 1.3, or what version_min and version_max leave"},
    {SSL_R_UNKNOWN_PROTOCOL, "tls.version",
     "there is no TLS version in common: we speak 1.2 and 1.3, or what version_min and version_max leave"},
    {SSL_R_WRONG_SSL_VERSION, "tls.version",
     "there is no TLS version in common: we speak 1.2 and 1.3, or what version_min and version_max leave"},
    {SSL_R_VERSION_TOO_LOW, "tls.version",
     "there is no TLS version in common: we speak 1.2 and 1.3, or what version_min and version_max leave"},
    {SSL_R_NO_SHARED_CIPHER, "tls.cipher",
     "there is no cipher in common, or none that our certificate can be used with"},
    {SSL_R_NO_SHARED_GROUPS, "tls.group", "there is no group for the key exchange in common"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "tls.signature",
     "there is no signature algorithm in common for our certificate"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "tls.certificate.missing",
     "the client showed no certificate; setting clients demands one"},
    {SSL_R_NO_APPLICATION_PROTOCOL, "tls.protocol",
     "the client offers none of our protocols by ALPN; setting alpn"},
    {SSL_R_DH_KEY_TOO_SMALL, "tls.group", "the key for the exchange is too small"},
    {SSL_R_EE_KEY_TOO_SMALL, "tls.certificate.weak", "the key of the certificate is too weak"},
    {SSL_R_CA_MD_TOO_WEAK, "tls.certificate.weak", "the certificate is signed by a weak hash"},
    {SSL_R_CLIENTHELLO_TLSEXT, "tls.name",
     "the client asks for a name that no certificate is for; setting refuse_unknown_names"},
};

static const struct meaning *reason_find(int reason) {
    for (size_t i = 0; i < sizeof(REASONS) / sizeof(REASONS[0]); i++) {
        if (REASONS[i].number == reason) {
            return &REASONS[i];
        }
    }
    return NULL;
}

/* The first bytes that came are no TLS record. */
static bool is_other_protocol(const struct tls_session *session) {
    enum { RECORD_ALERT = 0x15, RECORD_HANDSHAKE = 0x16 };
    return session->first_count > 0 && session->first[0] != RECORD_ALERT &&
           session->first[0] != RECORD_HANDSHAKE;
}

/* Whether the bytes begin as a method does: capitals, perhaps a hyphen, of which "SSH-2.0" is none. */
static bool begins_method(const unsigned char *bytes, int count) {
    enum { METHOD_MIN = 3 };
    int i = 0;
    while (i < count && ((bytes[i] >= 'A' && bytes[i] <= 'Z') || (i > 0 && bytes[i] == '-'))) {
        i++;
    }
    return i >= METHOD_MIN && count > METHOD_MIN && (i == count || bytes[i] == ' ');
}

bool session_met_http(const struct tls_session *session) {
    bool response = session->first_count >= 5 && memcmp(session->first, "HTTP/", 5) == 0;
    return response || (session->side == TLS_SERVER && begins_method(session->first, session->first_count));
}

static void explain_other_protocol(const struct tls_session *session) {
    char shown[4 * SESSION_FIRST_BYTES + 1] = "";
    size_t len = 0;
    if (session_met_http(session)) {
        session_say(session, "tls.http",
                    "the peer speaks plain HTTP and not TLS here: use http://, or another port");
        return;
    }
    for (int i = 0; i < session->first_count; i++) {
        bool printable = session->first[i] > 0x20 && session->first[i] < 0x7f;
        int added = snprintf(shown + len, sizeof(shown) - len, printable ? "%c" : "\\x%02x",
                             session->first[i]);
        len += added > 0 ? (size_t)added : 0;
    }
    session_say(session, "tls.stranger", "the peer does not speak TLS: its first bytes are %s", shown);
}

static void explain_reason(struct tls_session *session, unsigned long error) {
    int reason = ERR_GET_REASON(error);
    const struct meaning *meaning = alert_find(reason);
    meaning = meaning != NULL ? meaning : reason_find(reason);
    if (meaning == NULL && is_other_protocol(session)) {
        explain_other_protocol(session);
        return;
    }
    const char *text = meaning != NULL ? meaning->text : ERR_reason_error_string(error);
    session_say(session, meaning != NULL ? meaning->reason : "tls.broken", "%s",
                text != NULL ? text : "the TLS library gives no reason");
}

static bool is_memory(unsigned long error) {
    return ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
}

/* The connection ended, or broke, before the handshake was over. */
static int explain_end(struct tls_session *session) {
    session_say(session, "tls.ended", "the peer ended the connection in the middle of the handshake (%s)",
                SSL_state_string_long(session->ssl));
    return -WHARF_ETLS;
}

int explain_failure(struct tls_session *session, int library_error) {
    unsigned long error = ERR_peek_last_error();
    int code = -WHARF_ETLS;
    if (session->socket_error < 0) {
        code = session->socket_error;
    } else if (is_memory(error) || is_memory(ERR_peek_error())) {
        code = -ENOMEM;
    } else if (session->handshake->why[0] != '\0') {
        code = -WHARF_ETLS; /* the verification has said what it is */
    } else if (is_other_protocol(session) && session->stage == SESSION_SHAKING) {
        explain_other_protocol(session);
    } else if (error == 0 && (session->ended || library_error == SSL_ERROR_ZERO_RETURN)) {
        code = explain_end(session);
    } else {
        explain_reason(session, ERR_peek_error());
    }
    ERR_clear_error();
    return code;
}

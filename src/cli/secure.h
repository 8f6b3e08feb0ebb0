/* The flags of TLS, the same in every command that connects or listens, and the settings made of them. */
#ifndef CLI_SECURE_H
#define CLI_SECURE_H

#include "cli/command.h"
#include "wharf/tls.h"

struct secure_options {
    const char **certificates;
    const char **keys;
    const char *ca;
    const char *crl;
    const char **staples;
    const char **pins;
    const char *name;
    const char **alpn;
    bool insecure;
    bool any_host;
};

#define SECURE_FIELD(type, member) offsetof(type, secure.member)
/* clang-format off */
/* For commands that show who they are. */
#define SECURE_OWN_FLAGS(type) \
    {"cert", 0, FLAG_LIST, SECURE_FIELD(type, certificates), "FILE", NULL, "certificate and chain to show, PEM"}, \
    {"key", 0, FLAG_LIST, SECURE_FIELD(type, keys), "FILE", NULL, "its private key; default: in the same file"}
/* For commands that connect. */
#define SECURE_PEER_FLAGS(type) \
    {"ca", 0, FLAG_TEXT, SECURE_FIELD(type, ca), "FILE", NULL, \
     "authorities to trust, instead of the system's, PEM"}, \
    {"crl", 0, FLAG_TEXT, SECURE_FIELD(type, crl), "FILE", NULL, \
     "revocation lists that certificates are checked with, PEM"}, \
    {"name", 0, FLAG_TEXT, SECURE_FIELD(type, name), "HOST", NULL, \
     "the name that the certificate must be for; default: the host that is dialled"}, \
    {"pin", 0, FLAG_LIST, SECURE_FIELD(type, pins), "PIN", NULL, \
     "sha256/BASE64 of a public key that the server's chain must hold"}, \
    {"insecure", 0, FLAG_SWITCH, SECURE_FIELD(type, insecure), NULL, NULL, \
     "believe whoever answers: anybody on the way can read and change everything"}
/* clang-format on */

/* Whether any of them was given. */
bool secure_is_set(const struct secure_options *options);
/* Settings for connecting, the key log of SSLKEYLOGFILE among them; or for listening, which takes certificates. An exit code;
 * what was wrong has been said in the name of `who`. */
int secure_client(const struct secure_options *options, const char *who, wharf_tls **ret_tls);
int secure_server(const struct secure_options *options, const char *who, wharf_tls_reloaded_fn reloaded,
                  wharf_tls **ret_tls);
/* Settings for listening with a certificate of the development authority, whose fingerprint is told on standard error. */
int secure_development(const struct secure_options *options, const char *who, wharf_tls **ret_tls);

#endif

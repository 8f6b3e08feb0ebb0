/* wharf/tls.h - TLS: whom we trust, who we are.
 *
 * A client needs nothing from here. The server's certificate is checked against the system's store:
 *
 *     wharf_sock sock = wharf_dial("tls://example.com:443");
 *     wharf_response *r = wharf_get("https://example.com/");
 *
 * A server needs a certificate:
 *
 *     wharf_tls *tls = wharf_tls_new(WHARF_OPTIONS(wharf_tls_options,
 *         .certificates = (const wharf_tls_pair[]){{"server.crt", "server.key"}, {0}}));
 *     wharf_sock listener = wharf_serve_on_tls("localhost:8443", tls);
 *     wharf_sock client = wharf_accept(listener);
 *
 * From there on a TLS connection is a socket like any other: the same calls receive, send and close it, one
 * task may receive while another sends, deadlines and cancellation reach the handshake too. What differs:
 *
 *   - The handshake of an accepted connection happens in its first receive or send, so that a slow peer never
 *     keeps an accept loop; wharf_tls_handshake() has it at a place of its own.
 *   - A peer that ends without saying so in TLS (close_notify) is -WHARF_EEOF, not an end: somebody may have
 *     cut the connection.
 *
 * TLS 1.2 and 1.3 with authenticated encryption and forward secrecy; nothing older can be switched on.
 */
#ifndef WHARF_TLS_H
#define WHARF_TLS_H

#include "wharf/base.h"
#include "wharf/net.h"

WHARF_BEGIN

/** Settings for any number of connections, either side, on all cores. Never change, except for what
 *  wharf_tls_reload() reads again. */
typedef struct wharf_tls wharf_tls;

/** A certificate with its chain, the leaf first, and its key, each the path of a PEM file, or the PEM text itself
 * ("-----BEGIN ..."). key NULL: it is in the same file. */
typedef struct wharf_tls_pair {
    const char *certificate;
    const char *key;
} wharf_tls_pair;

/** What a server wants of its clients. */
typedef enum wharf_tls_clients {
    WHARF_TLS_CLIENTS_ANY,     /**< no certificate */
    WHARF_TLS_CLIENTS_ASKED,   /**< a certificate is asked for, and verified when there is one */
    WHARF_TLS_CLIENTS_VERIFIED /**< nobody without a certificate that verifies */
} wharf_tls_clients;

/** Finds the settings for the server name that a client asks for ("" when it names none), in the middle of its
 *  handshake. May suspend. Returns settings whose certificates and client rules are then used, and which must
 *  live until their last connection has ended or wharf_tls_free() is called; NULL: the ones that the listener has. */
typedef wharf_tls *(*wharf_tls_choose_fn)(void *arg, const char *server_name);

/** Told after each reload that a server made by itself because a file had changed: 0 and "", or the error and
 *  its sentence; the certificates of before stay in use then. Must not suspend. */
typedef void (*wharf_tls_reloaded_fn)(void *arg, int result, const char *why);

/** Every limit of TLS. 0: the default; WHARF_OFF: none. */
typedef struct wharf_tls_limits {
    int64_t handshake_ms; /**< from the first byte of a handshake to its last: 10,000 */
    int64_t chain_depth;  /**< certificates between a leaf and its root: 10 */
    int64_t sessions;     /**< kept by a client for resumption, per core: 100; WHARF_OFF: no resumption */
    int64_t ticket_ms;    /**< how long a server's tickets can be used: 7,200,000 */
} wharf_tls_limits;

/** Zero in every field but `size` means the default. Files are read by wharf_tls_new(). */
typedef struct wharf_tls_options {
    size_t size; /**< sizeof(wharf_tls_options) */

    /** Who we are: for servers, and for clients of servers that want to know. Up to 256, ended by {0}. A server shows
     *  the one that its client asks for by name, the first when none fits; ECDSA and RSA may stand side by side. */
    const wharf_tls_pair *certificates;
    const char *key_password; /**< of keys that are encrypted */
    /** Paths of OCSP responses about the certificates (DER), ended by NULL: a server shows them to clients that ask, while they
     *  are fresh. They are read again like the certificates; to fetch them is somebody else's. Spec: RFC 6066 section 8. */
    const char *const *staples;
    wharf_tls_choose_fn choose; /**< a server's certificates by name, instead of or beside `certificates` */
    void *choose_arg;
    bool refuse_unknown_names; /**< a server refuses names that none of its certificates is for */
    bool any_host;             /**< an HTTP server answers requests for hosts that none of them is for, too */

    /** Whom we trust, instead of the system's store: the path of a PEM file of authorities, or PEM text. A server: whose
     *  clients it takes. Default: SSL_CERT_FILE and SSL_CERT_DIR, else the system's store. */
    const char *ca;
    bool ca_and_system; /**< the system's store as well */
    /** Revocation lists, as `ca`: peers whose certificates they name are refused, and so is every certificate whose issuer has
     *  no list there or an expired one. Spec: RFC 5280 section 6.3. */
    const char *crl;
    const char *name; /**< to ask for, and that the certificate must be for; default: the host dialled */
    /** "sha256/BASE64" of public keys, ended by NULL: the server's chain must hold one of them. */
    const char *const *pins;
    wharf_tls_clients clients;
    /** Whoever answers is believed. Anybody on the way can read and change everything. */
    bool insecure_no_verify;

    /** Protocols ("h2", "http/1.1"), the preferred first, ended by NULL; a server refuses clients that offer others only.
     *  NULL: none; an HTTP server speaks "http/1.1". */
    const char *const *alpn;
    int version_min; /**< 12 (default) or 13: TLS 1.2, TLS 1.3 */
    int version_max; /**< 12 or 13 (default) */
    /** File to which the secrets of every connection are appended, for a network analyser. */
    const char *key_log;
    wharf_tls_reloaded_fn reloaded;
    void *reloaded_arg;
    wharf_tls_limits limits;
} wharf_tls_options;

/** Makes settings. options: NULL for the defaults, a client's; copied. Reads and checks certificates and keys: the key
 * must be the certificate's. The caller frees it. NULL on failure (wharf_why() names the file). Blocks for the files;
 * does not suspend. */
WHARF_API WHARF_MUST_USE wharf_tls *wharf_tls_new(const wharf_tls_options *options);
/** Lets go of the settings; connections that use them, and listeners, keep them until they end. NULL is fine. */
WHARF_API void wharf_tls_free(wharf_tls *tls);

/** Reads certificates, keys and authorities again, for connections from now on. When anything is wrong with them, the
 * old ones stay. An HTTP server does this by itself within two seconds of a change. Blocks for the files; does not
 * suspend. Errors: -WHARF_ETLS (the file is named), -ENOENT and others of open(2), -ENOMEM. */
WHARF_API int wharf_tls_reload(wharf_tls *tls);

/** When the first of the certificates expires, in seconds since 1970; 0 without any. For metrics and alarms; an HTTP
 *  server reports it by itself (wharf_set_log()). Does not suspend. */
WHARF_API int64_t wharf_tls_expires(wharf_tls *tls);

/* ---- connections ------------------------------------------------------------------------------------- */

/** Connects and shakes hands: wharf_dial("tls://host:port") with settings of one's own. tls: NULL for the defaults.
 *  Suspends. The caller owns the socket. Errors (in the handle): as wharf_dial(), and -WHARF_ETLS: wharf_why() says
 *  what is wrong with the certificate, and which setting decides about it. */
WHARF_API WHARF_MUST_USE wharf_sock wharf_dial_tls(const char *address, wharf_tls *tls);

/** Listens as wharf_serve_on(); accepted connections are the server's side of TLS. tls: with certificates, or
 *  `choose`. Errors (in the handle): as wharf_serve_on(), and -EINVAL (no certificates). */
WHARF_API WHARF_MUST_USE wharf_sock wharf_serve_on_tls(const char *address, wharf_tls *tls);

/** Turns a connected socket into the client's side of TLS, and shakes hands: after STARTTLS, or for a socket of
 *  another origin. host: the name that the certificate must be for. tls: NULL for the defaults. Suspends. On failure
 *  the socket can only be closed. Errors: -WHARF_ETLS, -EINVAL (not a connected stream, or TLS already), -EBUSY
 *  (received bytes are buffered, or another task uses it), -ECONNRESET, -ETIMEDOUT, -ECANCELED, -ENOMEM. */
WHARF_API int wharf_tls_client(wharf_sock sock, const char *host, wharf_tls *tls);
/** Likewise, the server's side. */
WHARF_API int wharf_tls_server(wharf_sock sock, wharf_tls *tls);

/** Shakes hands, unless that is done. Suspends. Errors: as wharf_tls_client(); -EINVAL: not a TLS connection. */
WHARF_API int wharf_tls_handshake(wharf_sock sock);

/** What a handshake came to. Texts are cut to fit; "" for what there is not. */
typedef struct wharf_tls_facts {
    char version[12];       /**< "TLSv1.3" */
    char cipher[48];        /**< "TLS_AES_128_GCM_SHA256" */
    char alpn[32];          /**< the protocol agreed on */
    char server_name[256];  /**< that the client asked for */
    char peer_subject[256]; /**< the peer's certificate: "CN=example.com" */
    char peer_issuer[256];
    char peer_fingerprint[65]; /**< SHA-256 of it, in hexadecimal */
    int64_t peer_expires;      /**< seconds since 1970; 0 without one */
    bool resumed;              /**< an earlier session was taken up again */
    bool verified;             /**< the peer's certificate was */
} wharf_tls_facts;

/** A certificate that the peer has shown. Texts are cut to fit. */
typedef struct wharf_tls_certificate {
    char subject[256];
    char issuer[256];
    char names[1024];     /**< hosts that it is for: "example.com, www.example.com, 127.0.0.1" */
    char key[32];         /**< "EC 256", "RSA 2048" */
    char signature[48];   /**< "ecdsa-with-SHA256" */
    char fingerprint[65]; /**< SHA-256 of it, in hexadecimal */
    char pin[56];         /**< of its key, as wharf_tls_options takes it */
    int64_t valid_from;   /**< seconds since 1970 */
    int64_t valid_until;
} wharf_tls_certificate;

/** Fills *ret_certificate with the i-th that the peer has sent, its own at 0. Does not suspend. Errors: -ENOENT (past
 *  the last), -EINVAL (not a TLS connection), -ENOTCONN (no handshake yet), -EBADF. */
WHARF_API int wharf_tls_get_certificate(wharf_sock sock, int i, wharf_tls_certificate *ret_certificate);

/** Fills *ret_facts. Does not suspend. Errors: -EINVAL (not a TLS connection), -ENOTCONN (no handshake yet), -EBADF.
 * */
WHARF_API int wharf_tls_get_facts(wharf_sock sock, wharf_tls_facts *ret_facts);

/* ---- certificates for development -------------------------------------------------------------------- */

/** What there is to know about a certificate that was made. */
typedef struct wharf_tls_made {
    char certificate[512]; /**< path of the certificate with its chain */
    char key[512];         /**< path of its key, readable by the owner alone */
    char ca[512];          /**< path of the authority's certificate: what clients trust */
    char fingerprint[65];  /**< SHA-256 of the certificate, in hexadecimal */
    char ca_fingerprint[65];
} wharf_tls_made;

/** Makes a certificate for development: for servers and clients, 90 days, signed by an authority of this user's own,
 * which is made at the first call. What exists already and is still good for at least 30 days is taken as it is.
 * folder: where the files are; NULL: $XDG_DATA_HOME/wharf, or ~/.local/share/wharf. name: of the files, without an
 * ending. hosts: names and addresses that it is for, ended by NULL; NULL: localhost, 127.0.0.1, ::1. ret_made may be
 * NULL. Blocks for the files; does not suspend. Errors: -EACCES and others of open(2), -WHARF_ETLS, -EINVAL, -ENOMEM.
 * */
WHARF_API int wharf_tls_make(const char *folder, const char *name, const char *const *hosts,
                             wharf_tls_made *ret_made);

WHARF_END

#endif

/* wharf/client.h - an HTTP/1.1 client, with and without TLS.
 *
 *     wharf_response *r = wharf_get("http://example.com/");
 *     if (wharf_response_error(r)) {
 *         fprintf(stderr, "%s\n", wharf_response_why(r));
 *     } else {
 *         wharf_str body = wharf_response_body(r);
 *         fwrite(body.ptr, 1, body.len, stdout);
 *     }
 *     wharf_response_free(r);
 *
 * More than that, in one call:
 *
 *     wharf_response *r = wharf_fetch(NULL, WHARF_OPTIONS(wharf_fetch_options,
 *         .method = "PUT", .url = "http://localhost:8000/notes/1",
 *         .headers = (const char *[]){"Accept: text/plain", NULL},
 *         .body = note, .body_bytes = strlen(note)));
 *
 * A response is never NULL: what went wrong travels inside it. By default the whole body has been received
 * when the call returns; with .stream it is left on the wire for wharf_response_read(). Nothing waits for
 * ever: see the limits below.
 */
#ifndef WHARF_CLIENT_H
#define WHARF_CLIENT_H

#include "wharf/base.h"
#include "wharf/cookies.h"
#include "wharf/credentials.h"
#include "wharf/http.h"
#include "wharf/tls.h"

WHARF_BEGIN

/** A client: settings and a pool of connections that are kept for the next request. */
typedef struct wharf_client wharf_client;
/** A response, or the error in its place. */
typedef struct wharf_response wharf_response;

/** Produces a request's body: fills at most `size` bytes and returns how many; 0 at the end; negative to give
 * up, which the response then carries. May suspend. */
typedef ssize_t (*wharf_body_fn)(void *arg, void *buffer, size_t size);

/** One line of a form. A value is a text, `value_bytes` bytes, or a file. */
typedef struct wharf_form_field {
    const char *name; /**< UTF-8 */
    const char *value;
    size_t value_bytes;       /**< 0: up to its NUL */
    const char *file;         /**< or: the contents of this regular file, streamed */
    const char *filename;     /**< what the file is called there; default: the last part of its path */
    const char *content_type; /**< default: by the file's name; none for a value */
} wharf_form_field;

/** Gives the trailers of a chunked body, after its last byte: lines as in wharf_fetch_options.headers, ended by NULL,
 * that live until the next call; NULL: none. Must not suspend. */
typedef const char *const *(*wharf_trailers_fn)(void *body_arg);

/** Gets what would have been sent. A negative result ends the fetch, which carries it. May suspend. */
typedef int (*wharf_print_fn)(void *arg, const void *bytes, size_t len);

/** How a request's body is compressed. */
typedef enum wharf_compress {
    WHARF_COMPRESS_NONE,
    WHARF_COMPRESS_GZIP,
    WHARF_COMPRESS_DEFLATE,
    WHARF_COMPRESS_ZSTD
} wharf_compress;

/** Every limit of the client. 0: the default; WHARF_OFF: none. */
typedef struct wharf_client_limits {
    int64_t connect_ms;      /**< names, connecting and TLS, per hop: 10,000 */
    int64_t pool_ms;         /**< waiting for a free connection: 10,000 */
    int64_t first_byte_ms;   /**< from the request's last byte to the response's head: 60,000 */
    int64_t idle_ms;         /**< between two pieces of a body, either way: 60,000 */
    int64_t total_ms;        /**< the whole of a fetch, redirects and body included: none */
    int64_t redirects;       /**< redirects followed: 20; WHARF_OFF: the redirect itself is the response */
    int64_t body_bytes;      /**< of a body received whole: 256 MiB; streams have no limit */
    int64_t decoded_ratio;   /**< decoded bytes for each coded one, beyond the first MiB: 1,000 */
    int64_t head_bytes;      /**< of a response head: 256 KiB */
    int64_t header_count;    /**< fields in a response head: 512 */
    int64_t informational;   /**< 1xx responses before the final one: 32 */
    int64_t connections;     /**< open at once, per core: 256 */
    int64_t per_origin;      /**< open at once to one origin: 64 */
    int64_t idle_per_origin; /**< kept idle per origin: 32 */
    int64_t keep_alive_ms;   /**< how long an idle connection is kept: 55,000 */
    int64_t lifetime_ms;     /**< age after which a connection is not used again: 600,000 */
    int64_t line_bytes;      /**< of a line that wharf_response_read_line() gives: 1 MiB */
    int64_t speed_bytes;     /**< a body has to bring this many bytes a second, over speed_ms: 10 */
    int64_t speed_ms;        /**< how long it may lag behind that: 60,000 */
    int64_t retries;         /**< how often a request is tried again, see below: none */
    int64_t retry_ms; /**< the first pause is up to this long, each further one up to twice as long: 500 */
    int64_t retry_max_ms; /**< no pause is longer: 30,000 */
    /** A server that asks for a longer pause (Retry-After) gets no further try: 60,000 */
    int64_t retry_after_ms;
    int64_t retry_budget; /**< tries again to one origin in a row, then one a second: 10 */
} wharf_client_limits;

/** What becomes of a request that is not idempotent (a POST) when the kept connection that it was sent on turns out
 * dead. An idempotent one is always sent again, once, on a fresh connection. */
typedef enum wharf_replay {
    WHARF_REPLAY_DEFAULT, /**< the client's word, else WHARF_REPLAY_PROVEN */
    WHARF_REPLAY_NEVER,   /**< an error: only the caller knows whether sending it twice does harm */
    /** It is sent again if the server provably has not had it: the system had taken none of it, or the connection was ended in
     *  an orderly way before any of it was acknowledged. A reset is no proof. */
    WHARF_REPLAY_PROVEN,
    WHARF_REPLAY_REUSED /**< it is sent again whenever no answer came, as other clients do: it may arrive twice */
} wharf_replay;

/** What a client does unless a fetch says otherwise. */
typedef struct wharf_client_options {
    size_t size;                /**< sizeof(wharf_client_options) */
    const char *const *headers; /**< sent with every request, as in wharf_fetch_options */
    wharf_client_limits limits;
    /** For https: whom to trust, certificates to show; default: the system's store. Kept until the client is freed */
    wharf_tls *tls;
    wharf_replay replay; /**< of requests that are not idempotent: see wharf_replay */
    /** Cookies are taken from and put into it; default: none. Kept until the client is freed */
    wharf_jar *jar;
    wharf_auth *auth;             /**< credentials, wharf/credentials.h; likewise */
    wharf_secret *const *secrets; /**< secret headers, ended by NULL; likewise */
    /** Proxies to try in this order, with blanks or commas between: "http://user:password@proxy:3128", https, socks5 (names are
     *  looked up here) or socks5h (there), or "direct". "": none. See wharf_client(3) */
    const char *proxy;
    /** Hosts that are reached without them: "localhost, .example.com, 10.0.0.0/8", "*" */
    const char *no_proxy;
    /** Where neither is set: take them from http_proxy, https_proxy, all_proxy and no_proxy in the environment */
    bool use_environment;
    wharf_tls *proxy_tls; /**< whom to trust as an https proxy; default: the system's store. Kept as tls is */
    /** Which addresses may be connected to, whatever a URL, a redirect or a name server says: "public" for those of the public
     *  internet, networks as "10.0.0.0/8", "!" before what is not, "any". Default: all. See wharf_client(3) */
    const char *networks;
} wharf_client_options;

/** One request. Only `url` is needed. */
typedef struct wharf_fetch_options {
    size_t size;        /**< sizeof(wharf_fetch_options) */
    const char *method; /**< any token; default GET, with a body POST */
    const char *url;    /**< absolute, http:// or https://; the host may be written beyond ASCII, in UTF-8 */
    /** "Name: value" lines in the order to send, ended by NULL. "Name:" leaves a default header out, "Name;" sends it
     *  empty. */
    const char *const *headers;
    const void *body; /**< body from memory: body_bytes of it, not copied */
    size_t body_bytes;
    const char *body_file; /**< or: the body is this file */
    wharf_body_fn body_fn; /**< or: the body is what this function produces */
    void *body_arg;
    wharf_trailers_fn trailers_fn; /**< trailers of a body_fn whose length is not known */
    const char *json;              /**< or: a JSON text, which is checked */
    /** Or: a form, ended by a field without a name. It is sent as multipart/form-data when it has a file, or .multipart is set, else
     *  as application/x-www-form-urlencoded. Files are streamed, and the length is known beforehand. */
    const wharf_form_field *form;
    bool multipart;
    /** compress a body from memory, a form or a file, of at most 64 MiB, unless that makes it longer */
    wharf_compress compress;
    /** "name=value" or "name", ended by NULL: percent-encoded and added to the URL's query */
    const char *const *query;
    /** Instead of sending it, give the request, byte for byte, to this function; secrets hidden */
    wharf_print_fn print;
    void *print_arg;
    int64_t body_fn_bytes;    /**< how many bytes it will produce; 0: unknown, sent chunked */
    const char *content_type; /**< of the body; default application/octet-stream */
    bool raw;                 /**< ask for no content coding and undo none: the body as it is on the wire */
    bool stream;              /**< leave the response's body for wharf_response_read() */
    bool idempotent;          /**< the method may be repeated safely although its name does not say so */
    /** send an Idempotency-Key of chance with a method that is not idempotent, the same at each try; one among the headers
     *  does the same: the request counts as idempotent */
    bool idempotency_key;
    bool keep_request;            /**< keep the request's head for wharf_response_request() */
    wharf_replay replay;          /**< if it is not idempotent */
    wharf_client_limits limits;   /**< fields that are not 0 win over the client's */
    wharf_jar *jar;               /**< instead of the client's */
    bool no_jar;                  /**< none, not even the client's */
    wharf_auth *auth;             /**< instead of what the URL holds, and of the client's */
    bool no_auth;                 /**< none, not even those */
    wharf_secret *const *secrets; /**< besides the client's, ended by NULL */
    const char *proxy;            /**< these three as in wharf_client_options, and they win */
    const char *no_proxy;
    const char *networks;
} wharf_fetch_options;

/* ---- fetching ---------------------------------------------------------------------------------------- */

/** GET a URL with the thread's default client. The caller frees the response. Suspends.
 *  Errors (in the response): as wharf_fetch(). */
WHARF_API WHARF_MUST_USE wharf_response *wharf_get(const char *url);

/** Sends a request and receives the response, following redirects: 303 becomes GET, 301 and 302 turn POST
 * into GET, 307 and 308 repeat method and body; Authorization, Cookie and Proxy-Authorization never go to
 * another origin. A kept connection that turns out dead is replaced once, where that is safe. client: NULL
 * for the thread's default one. What options points to must live until this returns. The caller frees the
 *  response. Suspends.
 *
 * With limits.retries a failure that may pass (refused, reset, cut short, timed out, no answer from name servers) and
 * the statuses 408, 425, 429, 500, 502, 503, 504, 522 and 524 are met by trying again, if the request is idempotent
 * or the server provably has not had it: after a pause by chance, or the one that Retry-After asks for, and never
 * past limits.total_ms or a deadline around the call: then what has been answered is the response.
 *  Errors (in the response): -WHARF_EADDRESS (URL), -WHARF_ENAME, -ECONNREFUSED and others of connect(2),
 * -ETIMEDOUT (the limit is named), -WHARF_EPROTOCOL (the rule is named), -WHARF_EEOF (the body was cut
 * short), -WHARF_ELIMIT, -WHARF_EREDIRECT, -WHARF_ETLS (the certificate; wharf/tls.h), -ECONNRESET, -EINVAL
 * (options), -WHARF_EDENIED (an address outside .networks), -WHARF_EPROXY (a proxy refused; status, headers
 * and body are those of its answer), -ENOMEM, -ECANCELED. Spec: RFC 9110, RFC 9112. */
WHARF_API WHARF_MUST_USE wharf_response *wharf_fetch(wharf_client *client,
                                                     const wharf_fetch_options *options);

/* ---- the response ------------------------------------------------------------------------------------ */

/** 0, or the error that came in place of (the rest of) the response. None of these accessors suspends. */
WHARF_API int wharf_response_error(const wharf_response *response);
/** That error as a sentence with phase, host and address; "" when there is none. Lives as long as the
 * response. */
WHARF_API const char *wharf_response_why(const wharf_response *response);
/** The status code, 100 to 999; 0 when no head arrived. */
WHARF_API int wharf_response_status(const wharf_response *response);
/** The reason phrase as it was sent. */
WHARF_API wharf_str wharf_response_reason(const wharf_response *response);
/** The value of a header (the first of several), names compared without case; ptr NULL when absent. */
WHARF_API wharf_str wharf_response_header(const wharf_response *response, const char *name);
/** The i-th header as sent, i from 0; false past the last. */
WHARF_API bool wharf_response_header_at(const wharf_response *response, size_t i, wharf_header *ret_header);
/** The i-th trailer, once the body has ended. */
WHARF_API bool wharf_response_trailer_at(const wharf_response *response, size_t i, wharf_header *ret_header);
/** The head of the request as it was sent last, request line to empty line; empty unless .keep_request asked
 * for it. What wharf/credentials.h and a URL's credentials add shows as "[hidden]". */
WHARF_API wharf_str wharf_response_request(const wharf_response *response);
/** The URL that answered, after redirects. */
WHARF_API const char *wharf_response_url(const wharf_response *response);
/** How many redirects were followed. */
WHARF_API int wharf_response_redirects(const wharf_response *response);
/** The address that answered ("127.0.0.1:8000"), "" when there was none. */
WHARF_API const char *wharf_response_address(const wharf_response *response);
/** Fills *ret_facts with what TLS has agreed on with whom answered: version, cipher, protocol, certificate, whether a
 *  session was taken up again. Errors: -EINVAL (it did not come over TLS). */
WHARF_API int wharf_response_tls(const wharf_response *response, wharf_tls_facts *ret_facts);
/** Fills *ret_certificate with the i-th that the server has sent, its own at 0. Errors: -ENOENT (past the last),
 * -EINVAL. */
WHARF_API int wharf_response_tls_certificate(const wharf_response *response, int i,
                                             wharf_tls_certificate *ret_certificate);
/** HTTP/1.x: the x. */
WHARF_API int wharf_response_version_minor(const wharf_response *response);
/** The length that the head announces, or -1 when it does not, or when it is that of a coded body which is decoded. */
WHARF_API int64_t wharf_response_content_length(const wharf_response *response);

/** One attempt to get an answer. A fetch makes several where it follows redirects, finds a kept connection dead, or
 * tries again. The texts live as long as the response. Times are in nanoseconds, 0 for what did not happen. */
typedef struct wharf_attempt {
    const char *why; /**< "first", "redirect", "challenge", "dead connection", "without Expect" or "retry" */
    const char *url; /**< without credentials */
    const char *address;    /**< whom it was sent to; "" when nobody was reached */
    const char *proxy;      /**< which proxy that is; "" when it is the server itself */
    const char *said;       /**< what went wrong, as a sentence; "" */
    int error;              /**< its code, or 0 */
    int status;             /**< 0 when no head came */
    bool reused;            /**< the connection was a kept one */
    int64_t began_ns;       /**< since the fetch began */
    int64_t pool_ns;        /**< waited for a free connection */
    int64_t resolve_ns;     /**< looked up the name */
    int64_t connect_ns;     /**< connected */
    int64_t tls_ns;         /**< shook hands */
    int64_t send_ns;        /**< sent the request */
    int64_t first_byte_ns;  /**< from then to the whole of the response's head */
    int64_t body_ns;        /**< from then to the end of the body, or so far */
    int64_t sent_bytes;     /**< bytes of the request that the system took */
    int64_t received_bytes; /**< bytes of the response: head and body, as they came */
} wharf_attempt;

/** The i-th attempt, i from 0, the last one being that of the response; at most 64 before it are kept. false past the
 * last. Does not suspend. */
WHARF_API bool wharf_response_attempt_at(const wharf_response *response, size_t i,
                                         wharf_attempt *ret_attempt);
/** Whether another try may end otherwise and does no harm: the same that limits.retries goes by. Does not suspend. */
WHARF_API bool wharf_response_may_retry(const wharf_response *response);

/** The body that has been received whole; empty for a stream. On an error, what arrived before it. Lives as
 * long as the response. */
WHARF_API wharf_str wharf_response_body(const wharf_response *response);

/** Reads the next piece of a stream's body. size: at least 1. Suspends. Returns 1 to `size`, or 0 at the
 * verified end. Errors: -WHARF_EEOF (cut short), -WHARF_EPROTOCOL, -ETIMEDOUT, -ECONNRESET, -ECANCELED; the
 * response then carries it too. */
WHARF_API WHARF_MUST_USE ssize_t wharf_response_read(wharf_response *response, void *buffer, size_t size);

/** The whole body as text in UTF-8, whatever its charset: the one that Content-Type names, else that of a byte order
 * mark, else UTF-8; U+FFFD stands for bytes that mean nothing. It lives as long as the response; the mark is left
 * out. Does not suspend. Errors: the response's, -EINVAL (nobody knows the charset), -ENOMEM; *ret_text is untouched
 * then. */
WHARF_API int wharf_response_text(wharf_response *response, wharf_str *ret_text);

/** The next line of the body, of a stream too, as bytes and without its LF or CR LF; the view lives until the next
 * call. Suspends. Returns 1, or 0 at the end. Errors: as wharf_response_read(), -WHARF_ELIMIT (limits.line_bytes),
 * -ENOMEM. */
WHARF_API WHARF_MUST_USE int wharf_response_read_line(wharf_response *response, wharf_str *ret_line);

/** Frees the response. What is unread of a short body is read (64 KiB and 50 ms at most) to keep the
 * connection, else the connection is closed. May suspend that long. NULL is fine. */
WHARF_API void wharf_response_free(wharf_response *response);

/* ---- clients ----------------------------------------------------------------------------------------- */

/** Makes a client of one's own. options: NULL for the defaults; copied. NULL when memory ran out or the
 * options are wrong (wharf_why()). A client may be used by any core; each core keeps its own connections.
 * Does not suspend. */
WHARF_API WHARF_MUST_USE wharf_client *wharf_client_new(const wharf_client_options *options);
/** Closes this core's idle connections and frees the client. Its responses must be freed before. NULL is
 * fine. */
WHARF_API void wharf_client_free(wharf_client *client);

/** What this core's connections of a client are doing, and have done. */
typedef struct wharf_client_counters {
    size_t size;          /**< sizeof(wharf_client_counters) */
    int64_t open;         /**< connections: in use, idle or being made */
    int64_t idle;         /**< of these, waiting for the next request */
    int64_t waiting;      /**< fetches that wait for one */
    int64_t origins;      /**< to which any of these belong */
    int64_t dialled;      /**< connections that were made */
    int64_t reused;       /**< requests that found one */
    int64_t waited;       /**< fetches that had to wait for one */
    int64_t gave_up;      /**< and did so in vain */
    int64_t evicted_end;  /**< idle ones that the server ended, or sent bytes on that nobody had asked for */
    int64_t evicted_age;  /**< idle ones whose time was up */
    int64_t evicted_room; /**< idle ones that made room for others */
    int64_t discarded;    /**< closed in the middle of something */
    int64_t replayed;     /**< requests sent again because a kept connection was dead */
    int64_t retried;      /**< requests tried again by limits.retries */
} wharf_client_counters;

/** Counts. client: NULL for the thread's default one. *ret_counters: only its first `size` bytes are written; what
 * this core has not used counts 0. Does not suspend. Errors: -EINVAL (no size). */
WHARF_API int wharf_client_stats(const wharf_client *client, wharf_client_counters *ret_counters);

WHARF_END

#endif

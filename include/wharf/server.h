/* wharf/server.h - an HTTP/1.1 server.
 *
 *     static int hello(wharf_request *req, void *arg) {
 *         return wharf_reply_text(req, 200, "Hello, World!");
 *     }
 *     int main(void) {
 *         wharf_server *server = wharf_server_new(NULL);
 *         wharf_route(server, "GET /", hello, NULL);
 *         return wharf_serve(server, "localhost:8000") < 0;
 *     }
 *
 * A handler is an ordinary function on a task of its own: it may block, sleep, fetch, query. The request and
 * everything got from it live until the handler returns. HEAD, OPTIONS, 404 and 405 are answered without a
 * handler's help. A handler that returns an error without having replied gives the client a 500. Files are in
 * wharf/files.h, groups of routes in wharf/route.h.
 */
#ifndef WHARF_SERVER_H
#define WHARF_SERVER_H

#include "wharf/access.h"
#include "wharf/base.h"
#include "wharf/http.h"
#include "wharf/net.h"
#include "wharf/tls.h"

WHARF_BEGIN

typedef struct wharf_server wharf_server;
/** A request and its reply: one handler's view of one exchange. */
typedef struct wharf_request wharf_request;

/** Answers a request. Returns >= 0, or a negative code for "it failed". Runs on its own task; may suspend. */
typedef int (*wharf_handler)(wharf_request *request, void *arg);

/** Every limit of the server. 0: the default; WHARF_OFF: none (where that makes sense). */
typedef struct wharf_server_limits {
    int64_t head_ms;       /**< from a request's first byte to the end of its head: 10,000 */
    int64_t idle_ms;       /**< a connection between requests: 60,000 */
    int64_t rate_bytes;    /**< bytes a second a body must move, either way, once the grace is over: 240 */
    int64_t rate_grace_ms; /**< that grace: 5,000 */
    int64_t stop_ms;       /**< a graceful stop waits so long for running requests: 30,000 */
    int64_t cancel_ms;     /**< then cancels them and waits so long: 5,000 */
    int64_t head_bytes;    /**< request line and headers: 32,768 */
    int64_t header_count;  /**< header lines: 100 */
    int64_t target_bytes;  /**< the request target: 8,192 */
    int64_t body_bytes;    /**< of a body taken whole by wharf_request_body(): 1 MiB; streams have no limit */
    int64_t parts;         /**< of a multipart form: 1,000 */
    int64_t part_head_bytes;         /**< of one part's head: 8,192 */
    int64_t drain_bytes;             /**< unread body taken off the wire to keep the connection: 262,144 */
    int64_t pipelined;               /**< requests read ahead: 16 */
    int64_t connections;             /**< open at once, all cores: 90 % of the file descriptors */
    int64_t connections_per_address; /**< of these, from one address or one /64 of IPv6: none */
    int64_t requests;                /**< on one connection: none */
    int64_t compressions; /**< replies that are compressed at once, each core; others go as they are: 64 */
} wharf_server_limits;

struct wharf_route_options; /* of wharf/route.h: what is set for all routes, or for some */

typedef struct wharf_server_options {
    size_t size;          /**< sizeof(wharf_server_options) */
    int threads;          /**< cores to use: default 1; WHARF_OFF (-1): all that wharf_cores() counts */
    wharf_log_format log; /**< default: no access log */
    int log_fd;           /**< where its lines go; default 2, standard error */
    const char *log_file; /**< or this file, at its end: made if need be, opened anew on SIGUSR1; copied */
    wharf_access_hook log_hook; /**< told of each request, with lines or without */
    void *log_arg;              /**< the hook's argument */
    bool no_signals;            /**< wharf_serve() leaves SIGINT, SIGTERM and SIGUSR1 alone */
    wharf_server_limits limits;
    const struct wharf_route_options *routes; /**< what every route begins with; NULL: the defaults; copied */
} wharf_server_options;

/* ---- the server -------------------------------------------------------------------------------------- */

/** Makes a server. options: NULL for the defaults; copied. The caller frees it. NULL when memory ran out or
 * the options are wrong (wharf_why()). Does not suspend. */
WHARF_API WHARF_MUST_USE wharf_server *wharf_server_new(const wharf_server_options *options);
/** Frees a server that is not running. NULL is fine. Does not suspend. */
WHARF_API void wharf_server_free(wharf_server *server);

/** Adds a route. pattern: "GET /users/{id}", "* /api/{rest...}" (any method, any rest), "/" (GET), and with a host
 * before the path "POST api.example.com/users" or "*.example.com/". A part in braces matches one path segment, with
 * dots the rest of the path, which may be empty. The most specific route wins, whatever the order: first by host,
 * then by path, then by method. Before the server runs; does not suspend. wharf_serve() repeats the first error.
 * Errors: -EINVAL (pattern, wharf_why() says where), -EEXIST (the same route, or one that neither wins over:
 * wharf_why() names both and where they stand in the program), -EBUSY (running), -ENOMEM. */
WHARF_API int wharf_route(wharf_server *server, const char *pattern, wharf_handler handler, void *arg);
/** The step behind the macro of the same name, which adds the place; not for direct use. */
WHARF_API int wharf_route_(const char *place, wharf_server *server, const char *pattern,
                           wharf_handler handler, void *arg);
#define wharf_route(...) wharf_route_(WHARF_PLACE, __VA_ARGS__)

/** Listens on an address, as wharf_serve_on(). Several calls, several addresses. Port 0: see
 *  wharf_server_address(). Errors: as wharf_serve_on(), -EBUSY (running). */
WHARF_API int wharf_server_listen(wharf_server *server, const char *address);

/** Likewise over TLS. tls: with certificates (wharf/tls.h), and kept until the server is freed; certificates whose
 * files change are read again by themselves, and those that expire within 14 days are reported (wharf_set_log()).
 * Unless `alpn` names protocols, it speaks "http/1.1": clients that offer only others are refused, clients without
 * ALPN are served (RFC 7301). Plain HTTP on that address is answered with a 400. A request for a host that no
 * certificate is for, or, where the name decides about clients or settings, for another than TLS was asked for, gets
 * a 421: see any_host. Handshakes that fail are told in the access log, else by wharf_set_log(), at most once a
 * second for each reason. Errors: also -WHARF_ETLS. */
WHARF_API int wharf_server_listen_tls(wharf_server *server, const char *address, wharf_tls *tls);

/** The i-th address listened on, as text ("127.0.0.1:8000"); "" past the last. Valid while the server lives.
 */
WHARF_API const char *wharf_server_address(const wharf_server *server, int i);

/** Runs until stopped. Suspends (or runs its threads). With SIGINT or SIGTERM it stops gracefully; a second
 * signal ends it at once. Returns 0, or the number of requests that had to be cut off. Errors: the first
 * error of wharf_route() and friends; -EINVAL (nothing listens), -EAGAIN (threads), -ENOMEM, -ECANCELED. */
WHARF_API int wharf_server_run(wharf_server *server);

/** Listens and runs. */
WHARF_API int wharf_serve(wharf_server *server, const char *address);

/** Reads the certificates of all listeners again, at once, whether their files have changed or not; what is wrong
 * leaves the old ones in use. The outcome is told by wharf_tls_options.reloaded. From any task, any thread or a
 * signal handler: for SIGHUP. A server that does not run yet does so when it begins. Does not suspend. Errors:
 * -EINVAL (no server). */
WHARF_API int wharf_server_reload(wharf_server *server);

/** Stops a running server gracefully: no new connections, idle ones closed after a quarter of a second in which
 * what is on its way is still answered, running requests finished within the limits. From any task, any thread
 * or a signal handler. Does not suspend. */
WHARF_API int wharf_server_stop(wharf_server *server);

/** Opens the log file anew, as SIGUSR1 does: for who has renamed it. When that fails the old one stays in use. From
 * any task, any thread or a signal handler. Does not suspend. Errors: -EINVAL (no log file). */
WHARF_API int wharf_server_reopen_log(wharf_server *server);

/* ---- the request ------------------------------------------------------------------------------------- */
/* None of these suspends. The views live until the handler returns. */

/** The method exactly as it was sent ("GET"). */
WHARF_API wharf_str wharf_request_method(const wharf_request *request);
/** The path, percent-decoded except for %2F, %5C and %00; dot segments resolved. */
WHARF_API wharf_str wharf_request_path(const wharf_request *request);
/** What follows the '?', as it was sent; ptr NULL without one. */
WHARF_API wharf_str wharf_request_query(const wharf_request *request);
/** The request target exactly as it was sent. */
WHARF_API wharf_str wharf_request_target(const wharf_request *request);
/** The Host; an absolute target's authority replaces it. Spec: RFC 9112 section 3.2.2. */
WHARF_API wharf_str wharf_request_host(const wharf_request *request);
/** HTTP/1.x: the x. */
WHARF_API int wharf_request_version_minor(const wharf_request *request);
/** A header's value (the first of several), names compared without case; ptr NULL when absent. */
WHARF_API wharf_str wharf_request_header(const wharf_request *request, const char *name);
/** The i-th header as sent, i from 0; false past the last. */
WHARF_API bool wharf_request_header_at(const wharf_request *request, size_t i, wharf_header *ret_header);
/** What a part in braces of the route's pattern matched, percent-decoded; ptr NULL when there is none. */
WHARF_API wharf_str wharf_request_param(const wharf_request *request, const char *name);
/** The peer's address as text. */
WHARF_API const char *wharf_request_peer(wharf_request *request);
/** The length that the request announces; 0 without a body; -1 when it is chunked. */
WHARF_API int64_t wharf_request_content_length(const wharf_request *request);

/** Fills *ret_facts with what TLS has agreed on with this client, and the client's certificate. Errors: -EINVAL (the
 * connection is not TLS). */
WHARF_API int wharf_request_tls(const wharf_request *request, wharf_tls_facts *ret_facts);

/** Reads the next piece of the request's body, at the handler's own pace: the client is held back meanwhile.
 * The first read answers "Expect: 100-continue". Suspends. Returns 1 to `size`; 0 at the verified end.
 *  Errors: -WHARF_EPROTOCOL (framing; the client gets a 400), -WHARF_EEOF, -ETIMEDOUT (too slow; the client
 *  gets a 408), -ECONNRESET, -ECANCELED. */
WHARF_API WHARF_MUST_USE ssize_t wharf_request_read(wharf_request *request, void *buffer, size_t size);

/** Takes the whole body, up to limits.body_bytes, into memory of the request. Suspends.
 *  Errors: as wharf_request_read(), and -WHARF_ELIMIT (the client gets a 413 unless the handler replies). */
WHARF_API int wharf_request_body(wharf_request *request, wharf_str *ret_body);

/* ---- what the request says --------------------------------------------------------------------------- */
/* The views live until the handler returns. Where a call fails because of what the client sent, and the handler
 * then returns without a reply, the client is told: 400, 413 or 415 with the reason. */

/** The first value of a name in the query, decoded; ptr NULL when the name is not there ("?a" has an empty value).
 *  Does not suspend. Spec: WHATWG URL Standard section 5. */
WHARF_API wharf_str wharf_request_query_value(wharf_request *request, const char *name);
/** The i-th pair of the query, decoded, i from 0; false past the last. Does not suspend. */
WHARF_API bool wharf_request_query_at(wharf_request *request, size_t i, wharf_header *ret_pair);

/** The value of a cookie that the client sent, as it was sent; ptr NULL without one. Does not suspend. */
WHARF_API wharf_str wharf_request_cookie(const wharf_request *request, const char *name);

/** Finds the first value of a name in a form (application/x-www-form-urlencoded). The first call takes the whole
 *  body, up to limits.body_bytes, and suspends. Returns 1, or 0 when the name is not there (ret_value->ptr is NULL
 *  then). Errors: -EINVAL (another Content-Type), and as wharf_request_body(). */
WHARF_API int wharf_request_form_value(wharf_request *request, const char *name, wharf_str *ret_value);
/** Likewise the i-th pair, i from 0; returns 0 past the last. */
WHARF_API int wharf_request_form_at(wharf_request *request, size_t i, wharf_header *ret_pair);

/** One part of a form with files. */
typedef struct wharf_part {
    wharf_str name;
    wharf_str filename;     /**< without folders, and still not to be trusted; ptr NULL: not a file */
    wharf_str content_type; /**< as the client says; ptr NULL: it does not */
} wharf_part;

/** Goes to the next part of a form with files (multipart/form-data), over what is unread of the one before:
 *
 *      wharf_part part;
 *      int more;
 *      while ((more = wharf_request_part(request, &part)) > 0) {
 *          ssize_t len;
 *          while ((len = wharf_request_part_read(request, buffer, sizeof buffer)) > 0) { ... }
 *      }
 *      return more;   // 0 when the form has ended as it should
 *
 *  Nothing but a buffer of it is ever in memory. Suspends. Returns 1, or 0 behind the last part. Errors: -EINVAL (another
 *  Content-Type, or no boundary), -WHARF_EPROTOCOL (malformed, or cut), -WHARF_ELIMIT (parts, part_head_bytes), -ENOMEM,
 *  and as wharf_request_read(). Spec: RFC 7578. */
WHARF_API WHARF_MUST_USE int wharf_request_part(wharf_request *request, wharf_part *ret_part);
/** Reads the next piece of the part's content. Suspends. Returns 1 to `size`, 0 at its end. Errors: as
 *  wharf_request_part(). */
WHARF_API WHARF_MUST_USE ssize_t wharf_request_part_read(wharf_request *request, void *buffer, size_t size);

struct json_t; /* of jansson: include <jansson.h> to use it */

/** Takes the whole body, up to limits.body_bytes, as JSON. The caller gives the value back with json_decref().
 *  Suspends. Errors: -EINVAL (another Content-Type), -WHARF_EPROTOCOL (broken; wharf_why() says where), and as
 *  wharf_request_body(). */
WHARF_API int wharf_request_json(wharf_request *request, struct json_t **ret_json);

/** The one of some media types that the client prefers by its Accept header, the first of equals; NULL when it wants
 *  none (what to do then is the handler's choice: 406, or answer anyway). types: up to 32, ended by NULL; one of them
 *  is returned. Adds "Vary: Accept" to the reply. Does not suspend. Spec: RFC 9110 section 12.5.1. */
WHARF_API const char *wharf_request_accepts(wharf_request *request, const char *const *types);
/** Likewise for languages ("en", "de-CH"), by Accept-Language. Spec: RFC 9110 section 12.5.4. */
WHARF_API const char *wharf_request_language(wharf_request *request, const char *const *tags);

/** Memory that lives until the handler returns. NULL when it ran out. Does not suspend. */
WHARF_API void *wharf_request_alloc(wharf_request *request, size_t size);

/* ---- the reply --------------------------------------------------------------------------------------- */
/* One reply a request. Once it has begun, another gives -EALREADY. They may suspend while the client is slow.
 */
/* Common errors: -EINVAL (a status outside 200 to 599, a header name or value that may not be sent: the
 * client gets a 500), -EALREADY, -EPIPE, -ECONNRESET, -ETIMEDOUT (client too slow), -ECANCELED, -ENOMEM. */

/** Adds a header to the reply; call it before replying. Name and value are copied. The same name twice gives
 * two lines. Content-Length, Transfer-Encoding, Connection and Date are the server's own. */
WHARF_API int wharf_reply_header(wharf_request *request, const char *name, const char *value);
/** Likewise with a value as printf(3) makes it, of less than 1,024 bytes. Errors: also -WHARF_ELIMIT. */
WHARF_API int wharf_reply_headerf(wharf_request *request, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Sets a cookie; call it before replying. Over TLS it is always secure. Does not suspend. Errors: -EINVAL (name, value
 * or attributes that browsers would drop or misread; wharf_why() says which), -EALREADY, -ENOMEM.
 *
 *      wharf_reply_cookie(request, WHARF_OPTIONS(wharf_cookie, .name = "session", .value = id));
 */
WHARF_API int wharf_reply_cookie(wharf_request *request, const wharf_cookie *cookie);

/** Replies with a JSON value, application/json. The value stays the caller's. Errors: also -EINVAL (a value that JSON
 * cannot say). */
WHARF_API int wharf_reply_json(wharf_request *request, int status, const struct json_t *json);
/** Replies with text/plain in UTF-8. */
WHARF_API int wharf_reply_text(wharf_request *request, int status, const char *text);
/** Replies with bytes. content_type: NULL for none. The bytes are copied or sent before this returns. */
WHARF_API int wharf_reply_bytes(wharf_request *request, int status, const char *content_type,
                                const void *bytes, size_t len);
/** Replies without a body. */
WHARF_API int wharf_reply_status(wharf_request *request, int status);
/** Replies with a regular file: type by its name, ETag, Last-Modified, conditional requests and ranges as
 *  wharf_files() does. Errors: also -ENOENT, -EACCES, -EISDIR; nothing has been sent then. */
WHARF_API int wharf_reply_file(wharf_request *request, const char *path);
/** Content in memory, and what tells whether a client has it already. */
typedef struct wharf_content {
    size_t size; /**< sizeof(wharf_content) */
    const void *bytes;
    size_t len;
    const char *content_type;
    const char *etag;   /**< "\"v7\"", or "W/\"v7\"" where only the meaning is the same; NULL: none */
    int64_t modified_s; /**< when it was changed last, in seconds since 1970; 0: unknown */
} wharf_content;

/** Replies with content: 304 where the client has it, 412 where it wants another, 206 for a range of it, else all of
 *  it. The bytes are copied or sent before this returns. Errors: also -EINVAL (an etag that is none). Spec: RFC 9110
 *  sections 13 and 14. */
WHARF_API int wharf_reply_content(wharf_request *request, const wharf_content *content);

/** Replies with a redirect. status: 301, 302, 303, 307 or 308. location: a URL or an absolute path; a path
 * that starts with "//" is -EINVAL. */
WHARF_API int wharf_reply_redirect(wharf_request *request, int status, const char *location);

/** Likewise to a path that a client has named ("?next=/cart"): it must begin with one '/' and cannot lead to another
 *  server. Errors: also -EINVAL for anything else; nothing has been sent then, and another reply may be. */
WHARF_API int wharf_reply_redirect_within(wharf_request *request, int status, const char *path);

/** Begins a reply whose body is written piece by piece. content_length: its length, or -1 when unknown
 * (chunked; to an HTTP/1.0 client, until close). The handler's return ends it; an error there cuts the
 * connection, so that the client does not take a part for the whole. */
WHARF_API int wharf_reply_begin(wharf_request *request, int status, const char *content_type,
                                int64_t content_length);
/** Writes the next piece: always all of it. Suspends while much is unsent. Errors: also -EMSGSIZE (beyond
 *  content_length). */
WHARF_API int wharf_reply_write(wharf_request *request, const void *bytes, size_t len);
/** Sends what has been written so far without waiting for more. */
WHARF_API int wharf_reply_flush(wharf_request *request);

/** Adds a field that goes behind the body; after wharf_reply_begun(), before the handler returns. Clients that get
 *  the body with a length, or until close, do not get it. Errors: -EINVAL (a field that may not stand there: framing,
 *  routing, authentication; no reply has begun), -EALREADY (the reply is complete), -WHARF_ELIMIT, -ENOMEM. Spec: RFC
 *  9110 section 6.5. */
WHARF_API int wharf_reply_trailer(wharf_request *request, const char *name, const char *value);

/** Sends links that the client can follow before the reply is there, each as in the Link header, ended by NULL; nothing
 *  where early_hints of the route is off (HTTP/1.1 clients may not understand it), nor to HTTP/1.0. Suspends. Spec: RFC
 *  8297. */
WHARF_API int wharf_reply_early_hints(wharf_request *request, const char *const *links);

/** Changes to another protocol, which the client has named in Upgrade: 101, and from there on wharf_request_read()
 *  gives whatever the client sends, first what has arrived already, and wharf_reply_write() and wharf_reply_flush()
 *  send to it, each from a task of its own where need be. The handler's return ends the connection; a server that
 *  stops waits for it as for any other. Suspends. Errors: also -EINVAL (the client has not asked for it, or its
 *  request has a body; another reply may follow). Spec: RFC 9110 section 7.8. */
WHARF_API int wharf_reply_upgrade(wharf_request *request, const char *protocol);

/** Whether a reply has begun. Does not suspend. */
WHARF_API bool wharf_reply_begun(const wharf_request *request);

WHARF_END

#endif

/* wharf/access.h - what a server writes down about each request.
 *
 *     wharf_server *server = wharf_server_new(WHARF_OPTIONS(wharf_server_options,
 *         .log = WHARF_LOG_JSON, .log_file = "/var/log/shop/access.log"));
 *
 * A line is written when the reply has ended, by a task that no request waits for. Whatever a client sent is escaped.
 * Cookies and credentials are never written, and secrets in a query ("?token=...") become "***". A refused request has a
 * reason code, whichever way it was refused; a connection that was refused before it had a request has a line, too.
 *
 * A program that wants the facts and no lines sets a hook.
 */
#ifndef WHARF_ACCESS_H
#define WHARF_ACCESS_H

#include "wharf/base.h"

WHARF_BEGIN

/** What a line looks like.
 *      COMMON    127.0.0.1 - - [22/Nov/2026:14:30:22 +0000] "GET /a HTTP/1.1" 200 5
 *      COMBINED  the same with Referer and User-Agent behind it
 *      JSON      {"time":"2026-11-22T14:30:22Z","peer":"127.0.0.1", ... "us":812,"queue_us":3, ... }
 *      LOGFMT    time=2026-11-22T14:30:22Z peer=127.0.0.1 ... us=812 queue_us=3 ...
 *  The last two say where the time went: see wharf_access_times. A reason code stands behind the others. */
typedef enum wharf_log_format {
    WHARF_LOG_OFF,
    WHARF_LOG_COMMON,
    WHARF_LOG_COMBINED,
    WHARF_LOG_JSON,
    WHARF_LOG_LOGFMT
} wharf_log_format;

/** Where the time went that a request took, in nanoseconds. What the handler's task did is the sum of `run` and of
 *  its waits: `wait`, `body`, `disk` and what of `write` fell into the handler. */
typedef struct wharf_access_times {
    int64_t total;  /**< from its first byte's arrival to this line */
    int64_t queue;  /**< arrived, and waiting for this core's attention */
    int64_t tls;    /**< the handshake, of a connection's first request */
    int64_t header; /**< waiting for the rest of the head, and reading it */
    int64_t first;  /**< from the end of the head to the beginning of the reply */
    int64_t run;    /**< the handler was running */
    int64_t wait;   /**< the handler waited for something of its own: a database, a lock, a sleep */
    int64_t body;   /**< waiting for the request's body */
    int64_t disk;   /**< waiting for files */
    int64_t write;  /**< waiting for the client to take the reply */
} wharf_access_times;

/** One request, or a connection that was refused: then there is neither method nor target. The views end with the
 * hook. */
typedef struct wharf_access {
    int64_t seconds;  /**< when it ended, since 1970 */
    const char *peer; /**< the address, without a port */
    wharf_str user;   /**< who the client is, once authenticated; ptr NULL: not known */
    wharf_str method, host;
    wharf_str target;   /**< as it was sent, but for secrets in its query */
    wharf_str referer;  /**< likewise */
    wharf_str agent;    /**< User-Agent */
    int version_minor;  /**< HTTP/1.x: the x */
    const char *tls;    /**< "TLSv1.3"; NULL: none */
    int status;         /**< of the reply; 0: there was none */
    int64_t bytes_in;   /**< body bytes that the handler read */
    int64_t bytes_out;  /**< body bytes of the reply */
    const char *reason; /**< why it was refused, a stable code ("h1.te.duplicate"); NULL: it was not */
    wharf_str request;  /**< its name, where wharf_request_id() was asked for; ptr NULL: none */
    /** Why a connection was refused, in a sentence; NULL: it was not, or there is no more to say */
    const char *error;
    int64_t more; /**< connections refused for the same reason at that time, which nothing else tells of */
    bool cut;     /**< the reply did not reach its end */
    wharf_access_times times;
} wharf_access;

/** Told of each request when it has ended, on the core that answered it. Must not suspend. */
typedef void (*wharf_access_hook)(const wharf_access *access, void *arg);

WHARF_END

#endif

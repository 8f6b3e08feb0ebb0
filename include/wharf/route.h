/* wharf/route.h - routes in groups, and what is set for them.
 *
 *     wharf_server *server = wharf_server_new(
 *         WHARF_OPTIONS(wharf_server_options, .routes = WHARF_OPTIONS(wharf_route_options, .compress = WHARF_ON)));
 *     wharf_group *api = wharf_group_new(wharf_server_group(server), "/api",
 *                                        WHARF_OPTIONS(wharf_route_options, .body_bytes = 10 << 20));
 *     wharf_group_use(api, only_with_a_key, &keys);                     // before every handler of the group
 *     wharf_group_route(api, "POST /documents/{id}", save, &store);     // POST /api/documents/{id}
 *
 * Every route stands in a group, and every group but the outermost in another one. What a group does not set it takes
 * from the one around it, and what none sets from wharf_server_limits. A route with settings of its own is a group of one.
 */
#ifndef WHARF_ROUTE_H
#define WHARF_ROUTE_H

#include "wharf/files.h"
#include "wharf/server.h"
#include "wharf/task.h"

WHARF_BEGIN

/** Routes that have a prefix and settings in common. It belongs to its server. */
typedef struct wharf_group wharf_group;

/** Settings of routes. 0 or NULL: as in the group around this one; WHARF_OFF: none, or off. */
typedef struct wharf_route_options {
    size_t size;           /**< sizeof(wharf_route_options) */
    int64_t body_bytes;    /**< of a body taken whole (beyond it: 413); wharf_server_limits.body_bytes */
    int64_t upload_bytes;  /**< of any body, also one that is read piece by piece (413); none */
    int64_t handler_ms;    /**< until the handler's calls time out (503 unless it has replied); none */
    int64_t concurrency;   /**< handlers of the group at once, all cores; more are a 503; none */
    int64_t rate_bytes;    /**< bytes a second a body must move; wharf_server_limits.rate_bytes */
    int64_t rate_grace_ms; /**< once that grace is over; wharf_server_limits.rate_grace_ms */
    /** WHARF_ON: a handler whose client is gone is cancelled; WHARF_OFF: it finishes; by default it is cancelled when
     *  its method is safe */
    int client_gone;
    int early_hints; /**< WHARF_ON: HTTP/1.1 clients get them, too, which some do not understand; off */
    int compress;    /**< WHARF_ON: replies are compressed for clients that take it; off */
    int64_t compress_bytes_min; /**< bodies shorter than that never are: 512 */
    /** Which are, in a list as in Accept: "text/html, image/svg+xml"; copied. By default texts, JSON, XML, scripts,
     *  and the images and fonts that gain by it */
    const char *compress_types;
} wharf_route_options;

/** The outermost group of a server: wharf_route() and wharf_files() add to it. Does not suspend. */
WHARF_API wharf_group *wharf_server_group(wharf_server *server);

/** Makes a group inside another one. prefix: goes before the paths of its routes: "", or a path that does not end
 *  with '/' ("/api"), or a host ("api.example.com", "*.example.com/v1") where no group around it has one. options:
 *  NULL for none of its own; copied. NULL on failure, which wharf_serve() repeats; all calls with that group then
 *  fail as well. Before the server runs; does not suspend. Errors, by wharf_why(): a prefix or a setting that makes
 *  no sense, a running server, no memory. */
WHARF_API wharf_group *wharf_group_new(wharf_group *outer, const char *prefix,
                                       const wharf_route_options *options);

/** As wharf_route(), in a group: "GET /users" in the group "/api" is GET /api/users. */
WHARF_API int wharf_group_route(wharf_group *group, const char *pattern, wharf_handler handler, void *arg);
/** The step behind the macro of the same name, which adds the place; not for direct use. */
WHARF_API int wharf_group_route_(const char *place, wharf_group *group, const char *pattern,
                                 wharf_handler handler, void *arg);
#define wharf_group_route(...) wharf_group_route_(WHARF_PLACE, __VA_ARGS__)

/** As wharf_files(), in a group. */
WHARF_API int wharf_group_files(wharf_group *group, const char *prefix, const char *directory,
                                const wharf_files_options *options);

/* ---- between a request and its handler --------------------------------------------------------------- */

/** Puts a step before the handlers of a group and of the groups inside it. It is a handler like any other, answers the
 *  request itself or lets it go on with wharf_next():
 *
 *      static int only_with_a_key(wharf_request *request, void *arg) {
 *          wharf_str key = wharf_request_header(request, "X-Key");
 *          return has_key(arg, key) ? wharf_next(request) : wharf_reply_problem(request, 403, "no such key");
 *      }
 *
 *  Steps of outer groups come first, those of a group in the order of adding. Requests for a path that no route has pass
 *  through those of the outermost group, and for a method that a path does not take (405, OPTIONS) through those of
 *  another route of that path. Before the server runs; does not suspend. Errors: -EINVAL, -EBUSY, -ENOMEM. */
WHARF_API int wharf_group_use(wharf_group *group, wharf_handler handler, void *arg);

/** Goes on with the next step, at last with the handler, and returns what that returned. Once in each step; suspends
 *  as they do. Errors: theirs, and -EALREADY (gone on before, or not within a step). */
WHARF_API int wharf_next(wharf_request *request);

/** What is called at a certain moment of a request. */
typedef void (*wharf_hook)(wharf_request *request, void *arg);

/** Calls hook(request, arg) right before the head of the reply is made, whoever replies: it may look at
 *  wharf_reply_code() and add headers, but not reply. Hooks added last are called first. Does not suspend, nor may
 *  the hook. Errors: -EALREADY (the reply has begun), -ENOMEM. */
WHARF_API int wharf_before_head(wharf_request *request, wharf_hook hook, void *arg);
/** Calls hook(request, arg) when the reply is complete or cannot be completed any more; its last bytes may still be
 *  on their way. The hook may suspend. Does not suspend. Errors: -ENOMEM. */
WHARF_API int wharf_after_reply(wharf_request *request, wharf_hook hook, void *arg);

/** The status of the reply, from the moment in which its head is made; 0 before. Does not suspend. */
WHARF_API int wharf_reply_code(const wharf_request *request);

/** A name of this request, 16 hexadecimal digits, made when it is first asked for and part of the log from then on. A
 *  500 because a handler failed shows it. Does not suspend. "" when memory ran out. */
WHARF_API const char *wharf_request_id(wharf_request *request);

/** A scope that belongs to the request: tasks started in it are cancelled, and waited for, when the handler has
 *  returned. The first call is the handler's own task's. Does not suspend. NULL when memory ran out. */
WHARF_API wharf_scope *wharf_request_scope(wharf_request *request);

/* ---- errors as replies ------------------------------------------------------------------------------- */

/** Why a request is answered with an error. The texts live as long as the request. */
typedef struct wharf_problem {
    int status;          /**< 400 to 599 */
    const char *reason;  /**< a stable code of docs/reasons.md; NULL: a handler's own problem */
    const char *detail;  /**< a sentence; NULL: none */
    const char *rfc;     /**< the rule, "RFC 9112 section 3.2"; NULL: none */
    const char *setting; /**< the limit that was exceeded; NULL: none */
    size_t offset;       /**< of the byte that was refused, where there is a rule */
} wharf_problem;

/** Answers with a problem: as application/problem+json (RFC 9457), HTML or text, whichever the client prefers by its
 *  Accept header. detail: NULL for none; it goes to the client. Suspends as other replies do. Errors: as those. */
WHARF_API int wharf_reply_problem(wharf_request *request, int status, const char *detail);

/** Replies to an error in the server's place; returns >= 0. Without a reply the server's own follows. */
typedef int (*wharf_problem_handler)(wharf_request *request, const wharf_problem *problem, void *arg);

/** Has a function make all error replies that no handler makes: of the router, of refused messages, of handlers that
 *  failed, and those of wharf_reply_problem(). Where a message could not be read, the request has no path and no
 *  headers. Headers that the status needs (Allow, Retry-After) are there already. Before the server runs; does not
 *  suspend. Errors: -EINVAL, -EBUSY. */
WHARF_API int wharf_server_on_problem(wharf_server *server, wharf_problem_handler handler, void *arg);

WHARF_END

#endif

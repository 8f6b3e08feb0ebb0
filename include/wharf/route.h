/* wharf/route.h - routes in groups, and what is set for them.
 *
 *     wharf_server *server = wharf_server_new(
 *         WHARF_OPTIONS(wharf_server_options, .routes = WHARF_OPTIONS(wharf_route_options, .compress = WHARF_ON)));
 *     wharf_group *api = wharf_group_new(wharf_server_group(server), "/api",
 *                                        WHARF_OPTIONS(wharf_route_options, .body_bytes = 10 << 20));
 *     wharf_group_route(api, "POST /documents/{id}", save, &store);     // POST /api/documents/{id}
 *
 * Every route stands in a group, and every group but the outermost in another one. What a group does not set it takes
 * from the one around it, and what none sets from wharf_server_limits. A route with settings of its own is a group of one.
 */
#ifndef WHARF_ROUTE_H
#define WHARF_ROUTE_H

#include "wharf/files.h"
#include "wharf/server.h"

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
    int client_gone;       /**< WHARF_ON: a handler whose client is gone is cancelled; WHARF_OFF: it finishes;
                                     by default it is cancelled when its method is safe */
    int compress;          /**< WHARF_ON: replies are compressed for clients that take it; off */
    int64_t compress_bytes_min; /**< bodies shorter than that never are: 512 */
    const char *
        compress_types; /**< which are, in a list as in Accept: "text/html, image/svg+xml"; copied. By default
                                     texts, JSON, XML, scripts, and the images and fonts that gain by it */
} wharf_route_options;

/** The outermost group of a server: wharf_route() and wharf_files() add to it. Does not suspend. */
WHARF_API wharf_group *wharf_server_group(wharf_server *server);

/** Makes a group inside another one. prefix: goes before the paths of its routes: "" or a path that starts with '/' and
 *  does not end with one ("/api"). options: NULL for none of its own; copied. NULL on failure, which wharf_serve() repeats;
 *  all calls with that group then fail as well. Before the server runs; does not suspend. Errors, by wharf_why(): a prefix
 *  or a setting that makes no sense, a running server, no memory. */
WHARF_API wharf_group *wharf_group_new(wharf_group *outer, const char *prefix,
                                       const wharf_route_options *options);

/** As wharf_route(), in a group: "GET /users" in the group "/api" is GET /api/users. */
WHARF_API int wharf_group_route(wharf_group *group, const char *pattern, wharf_handler handler, void *arg);

/** As wharf_files(), in a group. */
WHARF_API int wharf_group_files(wharf_group *group, const char *prefix, const char *directory,
                                const wharf_files_options *options);

WHARF_END

#endif

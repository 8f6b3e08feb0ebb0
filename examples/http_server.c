/* http_server [ADDRESS] - answers "Hello, World!" at /; localhost:8000 unless told otherwise.
 *
 * Shows: a route and its handler. Keep-alive, pipelining, HEAD, 404, limits, time-outs and a graceful end on
 * Ctrl-C come by themselves. A route that is wrong is reported by wharf_server_run().
 */
#include <stdio.h>

#include "wharf/server.h"

static int hello(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_text(request, 200, "Hello, World!");
}

int main(int argc, char **argv) {
    wharf_server *server = wharf_server_new(NULL);
    wharf_route(server, "GET /", hello, NULL);
    int result = wharf_server_listen(server, argc > 1 ? argv[1] : "localhost:8000");
    if (result == 0) {
        printf("serving on http://%s/\n", wharf_server_address(server, 0));
        fflush(stdout);
        result = wharf_server_run(server);
    }
    if (result < 0) {
        fprintf(stderr, "http_server: %s\n", wharf_why());
    }
    wharf_server_free(server);
    return result < 0;
}

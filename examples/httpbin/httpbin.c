/* httpbin [ADDR] - answers with what it was asked, on 127.0.0.1:8080 unless told otherwise. The first line that it
 * writes is where: http://127.0.0.1:8080
 *
 * Shows: routes with names in them, the request as data, streamed bodies both ways, cookies, JSON. What it lacks is in
 * httpbin.h.
 */
#include <stdio.h>
#include <string.h>

#include "httpbin.h"

static int add(wharf_server *server, const struct path *paths) {
    int rc = 0;
    for (; paths->pattern != NULL && rc == 0; paths++) {
        rc = wharf_route(server, paths->pattern, paths->handler, NULL);
    }
    return rc;
}

/* What there is, as a page of links: the paths that need no parts. */
static int handle_index(wharf_request *request, void *arg) {
    static const struct path *const all[] = {echo_paths, answer_paths, bytes_paths, page_paths, login_paths};
    (void)arg;
    int rc = wharf_reply_begin(request, 200, "text/html; charset=utf-8", -1);
    const char *text = "<!doctype html><title>httpbin</title><h1>httpbin</h1><ul>\n";
    rc = rc < 0 ? rc : wharf_reply_write(request, text, strlen(text));
    for (size_t i = 0; i < sizeof all / sizeof *all && rc >= 0; i++) {
        for (const struct path *path = all[i]; path->pattern != NULL && rc >= 0; path++) {
            char line[256];
            int len = snprintf(line, sizeof line, "<li><code>%s</code>\n", path->pattern);
            rc = wharf_reply_write(request, line, (size_t)len);
        }
    }
    return rc < 0 ? rc : wharf_reply_write(request, "</ul>\n", 6);
}

int main(int argc, char **argv) {
    wharf_server *server = wharf_server_new(
        WHARF_OPTIONS(wharf_server_options, .limits = {.body_bytes = 64 << 20}));
    int rc = wharf_route(server, "GET /", handle_index, NULL);
    static const struct path *const all[] = {echo_paths, answer_paths, bytes_paths, page_paths, login_paths};
    for (size_t i = 0; i < sizeof all / sizeof *all && rc == 0; i++) {
        rc = add(server, all[i]);
    }
    rc = rc < 0 ? rc : wharf_server_listen(server, argc > 1 ? argv[1] : "127.0.0.1:8080");
    if (rc == 0) {
        printf("http://%s\n", wharf_server_address(server, 0));
        rc = fflush(stdout) == 0 ? wharf_server_run(server) : 1;
    }
    if (rc < 0) {
        fprintf(stderr, "httpbin: %s\n", wharf_why());
    }
    wharf_server_free(server);
    return rc != 0;
}

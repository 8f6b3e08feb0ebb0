/* The HTTP client and server, against each other. */
#ifndef TESTS_SIM_CONFORMANCE_HTTP_H
#define TESTS_SIM_CONFORMANCE_HTTP_H

#include "conformance.h"

static int greet(wharf_request *request, void *arg) {
    (void)arg;
    (void)wharf_reply_header(request, "X-Name", "value");
    return wharf_reply_text(request, 200, "Hello, World!");
}

static int reverse(wharf_request *request, void *arg) {
    wharf_str body;
    (void)arg;
    int rc = wharf_request_body(request, &body);
    if (rc < 0) {
        return rc;
    }
    char *out = wharf_request_alloc(request, body.len + 1);
    for (size_t i = 0; out != NULL && i < body.len; i++) {
        out[i] = body.ptr[body.len - 1 - i];
    }
    return out != NULL ? wharf_reply_bytes(request, 201, "text/plain", out, body.len) : -ENOMEM;
}

static int in_pieces(wharf_request *request, void *arg) {
    (void)arg;
    int rc = wharf_reply_begin(request, 200, "text/plain", -1);
    for (int i = 0; i < 3 && rc >= 0; i++) {
        rc = wharf_reply_write(request, "piece ", 6);
        rc = rc < 0 ? rc : wharf_reply_flush(request);
        rc = rc < 0 ? rc : wharf_sleep(1);
    }
    return rc;
}

static int break_off(wharf_request *request, void *arg) {
    (void)arg;
    (void)wharf_reply_begin(request, 200, "text/plain", 100);
    (void)wharf_reply_write(request, "only this", 9);
    return -EIO;
}

static int fail_at_once(wharf_request *request, void *arg) {
    (void)request;
    (void)arg;
    return -EIO;
}

static int never(wharf_request *request, void *arg) {
    (void)arg;
    int rc = wharf_sleep(100000);
    return rc < 0 ? rc : wharf_reply_text(request, 200, "late");
}

static int go_elsewhere(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_redirect(request, 302, "/");
}

static int serve_it(void *arg) {
    return wharf_server_run(*(wharf_server **)arg);
}

static void fetch(const char *base, const char *method, const char *path, const char *body) {
    char url[256];
    (void)snprintf(url, sizeof url, "http://%s%s", base, path);
    wharf_response *response = wharf_fetch(
        NULL, WHARF_OPTIONS(wharf_fetch_options, .method = method, .url = url, .body = body,
                            .body_bytes = body != NULL ? strlen(body) : 0, .limits.first_byte_ms = 100));
    wharf_str text = wharf_response_body(response), name = wharf_response_header(response, "x-name");
    const char *id = text.len > 0 ? memmem(text.ptr, text.len, "request ", 8) : NULL; /* differs each time */
    text.len = id != NULL ? (size_t)(id - text.ptr) : text.len;
    say("%s %s: %s %d \"%.*s\" %.*s, %d redirects", method, path, result_of(wharf_response_error(response)),
        wharf_response_status(response), WHARF_STR_ARG(text), (int)name.len, name.ptr != NULL ? name.ptr : "",
        wharf_response_redirects(response));
    wharf_response_free(response);
}

static int http(void *arg) {
    static const struct {
        const char *method, *path, *body;
    } fetches[] = {
        {"GET", "/", NULL},       {"HEAD", "/", NULL},      {"POST", "/reverse", "abc"},
        {"PUT", "/", "x"},        {"GET", "/pieces", NULL}, {"GET", "/nowhere", NULL},
        {"GET", "/broken", NULL}, {"GET", "/fails", NULL},  {"GET", "/elsewhere", NULL},
        {"GET", "/never", NULL},  {"OPTIONS", "/", NULL},   {"GET", "/../..", NULL},
    };
    (void)arg;
    wharf_server *server = wharf_server_new(WHARF_OPTIONS(wharf_server_options, .no_signals = true));
    SAY(wharf_route(server, "GET /", greet, NULL));
    SAY(wharf_route(server, "GET /", greet, NULL));
    SAY(wharf_route(server, "POST /reverse", reverse, NULL));
    SAY(wharf_route(server, "GET /pieces", in_pieces, NULL));
    SAY(wharf_route(server, "GET /broken", break_off, NULL));
    SAY(wharf_route(server, "GET /fails", fail_at_once, NULL));
    SAY(wharf_route(server, "GET /never", never, NULL));
    SAY(wharf_route(server, "GET /elsewhere", go_elsewhere, NULL));
    wharf_server_free(server);
    server = wharf_server_new(WHARF_OPTIONS(wharf_server_options, .no_signals = true, .limits.cancel_ms = 50,
                                            .limits.stop_ms = 50));
    (void)wharf_route(server, "GET /", greet, NULL);
    (void)wharf_route(server, "POST /reverse", reverse, NULL);
    (void)wharf_route(server, "GET /pieces", in_pieces, NULL);
    (void)wharf_route(server, "GET /broken", break_off, NULL);
    (void)wharf_route(server, "GET /fails", fail_at_once, NULL);
    (void)wharf_route(server, "GET /never", never, NULL);
    (void)wharf_route(server, "GET /elsewhere", go_elsewhere, NULL);
    SAY(wharf_server_listen(server, "127.0.0.1:0"));
    int result = 1;
    WHARF_SCOPE (scope, &result) {
        SAY(wharf_go(scope, serve_it, server));
        for (size_t i = 0; i < sizeof fetches / sizeof *fetches; i++) {
            fetch(wharf_server_address(server, 0), fetches[i].method, fetches[i].path, fetches[i].body);
        }
        SAY(wharf_server_stop(server));
    }
    SAY(result);
    char address[WHARF_ADDRESS_SIZE];
    (void)snprintf(address, sizeof address, "%s", wharf_server_address(server, 0));
    wharf_server_free(server);
    fetch(address, "GET", "/", NULL);
    return 0;
}

static const struct program http_programs[] = {{"http", http}};
enum { HTTP_PROGRAMS = sizeof http_programs / sizeof *http_programs };

#endif

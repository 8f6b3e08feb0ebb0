/* The HTTP client and the HTTP server against each other, in virtual time. */
#include <errno.h>

#include "scenario.h"

#include "client/pool.h"

enum { UPLOAD_BYTES = 200000 };

static char upload[UPLOAD_BYTES];
static char base[160];

static int hello(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_text(request, 200, "Hello, World!");
}

/* Answers with what it gets, while it gets it. */
static int echo(wharf_request *request, void *arg) {
    char piece[5000];
    (void)arg;
    int rc = wharf_reply_begin(request, 200, "application/octet-stream", -1);
    while (rc >= 0) {
        ssize_t got = wharf_request_read(request, piece, sizeof(piece));
        if (got <= 0) {
            return (int)got;
        }
        rc = wharf_reply_write(request, piece, (size_t)got);
    }
    return rc;
}

/* Answers at once and leaves the body unread. */
static int refuse(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_text(request, 403, "no");
}

static int forward(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_redirect(request, 307, "/echo");
}

static int sleep_long(wharf_request *request, void *arg) {
    int *cancelled = arg;
    int rc = wharf_sleep(100000);
    *cancelled += rc == -ECANCELED ? 1 : 0;
    return rc < 0 ? rc : wharf_reply_text(request, 200, "late");
}

static int cancelled_handlers;

static int run_server(void *arg) {
    return wharf_server_run(*(wharf_server **)arg);
}

static wharf_response *request(wharf_client *client, const char *path, size_t body_bytes) {
    char url[256];
    (void)snprintf(url, sizeof(url), "%s%s", base, path);
    return wharf_fetch(client,
                       WHARF_OPTIONS(wharf_fetch_options, .url = url, .body = body_bytes > 0 ? upload : NULL,
                                     .body_bytes = body_bytes, .limits.total_ms = 30000));
}

static void use(wharf_client *client) {
    for (int i = 0; i < 3; i++) {
        wharf_response *response = request(client, "/", 0);
        EXPECT(wharf_str_is(wharf_response_body(response), "Hello, World!"));
        wharf_response_free(response);
    }
    EXPECT(client_pool_count(client).open == 1);
    for (int i = 0; i < 2; i++) {
        wharf_response *response = request(client, i == 0 ? "/echo" : "/forward", 30000);
        EXPECT(wharf_response_error(response) == 0);
        EXPECT(wharf_response_body(response).len == 30000);
        wharf_response_free(response);
    }
    wharf_response *response = request(client, "/refuse", UPLOAD_BYTES);
    EXPECT(wharf_response_error(response) == 0);
    EXPECT(wharf_response_status(response) == 403);
    wharf_response_free(response);
    response = request(client, "/nowhere", 0);
    EXPECT(wharf_response_status(response) == 404);
    wharf_response_free(response);
    WHARF_WITHIN (1000) {
        response = request(client, "/sleep", 0);
        EXPECT(wharf_response_error(response) == -ETIMEDOUT);
        wharf_response_free(response);
    }
    (void)wharf_sleep(100);
    EXPECT(cancelled_handlers == 1); /* a client that gives up is noticed at once */
}

static int scenario(void *arg) {
    wharf_scope scope;
    (void)arg;
    cancelled_handlers = 0;
    wharf_server *server = wharf_server_new(WHARF_OPTIONS(wharf_server_options, .no_signals = true));
    if (server == NULL) {
        return -ENOMEM;
    }
    (void)wharf_route(server, "GET /", hello, NULL);
    (void)wharf_route(server, "POST /echo", echo, NULL);
    (void)wharf_route(server, "POST /refuse", refuse, NULL);
    (void)wharf_route(server, "POST /forward", forward, NULL);
    (void)wharf_route(server, "GET /sleep", sleep_long, &cancelled_handlers);
    int rc = wharf_server_listen(server, "127.0.0.1:0");
    (void)snprintf(base, sizeof(base), "http://%s", wharf_server_address(server, 0));
    (void)wharf_scope_open(&scope, NULL);
    wharf_client *client = rc < 0 ? NULL : wharf_client_new(NULL);
    if (client != NULL && wharf_go(&scope, run_server, server) == 0) {
        use(client);
    }
    wharf_client_free(client);
    (void)wharf_server_stop(server);
    (void)wharf_scope_close(&scope);
    wharf_server_free(server);
    return client != NULL ? 0 : -ENOMEM;
}

static void understand_each_other(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .piece_bytes_max = seed % 5 * 300),
                           scenario);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(understand_each_other)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

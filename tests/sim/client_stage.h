/* A stage for the HTTP client in virtual time: a scripted server that serves each connection with a function of the test,
 * and a client that is used against it. */
#ifndef TESTS_SIM_CLIENT_STAGE_H
#define TESTS_SIM_CLIENT_STAGE_H

#include <errno.h>

#include "scenario.h"

#include "client/pool.h"

/* ---- the server's side ---- */

struct stage {
    wharf_sock listener;
    char base[160];                /* "http://127.0.0.1:41234" */
    int (*serve)(wharf_sock sock); /* one connection, which is closed afterwards */
    int connections;
    int requests;
    char head[65536]; /* of the last request */
};

static struct stage stage;

static int serve_one(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    (void)stage.serve(sock);
    (void)wharf_close(sock);
    return 0;
}

static int serve_all(void *arg) {
    wharf_scope *scope = *(wharf_scope **)arg;
    for (;;) {
        wharf_sock sock = wharf_accept(stage.listener);
        if (wharf_failed(sock)) {
            return 0;
        }
        stage.connections++;
        if (wharf_go(scope, serve_one, sock) < 0) {
            (void)wharf_close(sock);
        }
    }
}

/* Receives a request's head into stage.head; its length, or <= 0. */
static inline ssize_t take_head(wharf_sock sock) {
    ssize_t len = wharf_recv_until(sock, stage.head, sizeof(stage.head) - 1, "\r\n\r\n");
    if (len > 0) {
        stage.head[len] = '\0';
        stage.requests++;
    }
    return len;
}

static inline bool head_has(const char *text) {
    return strstr(stage.head, text) != NULL;
}

static inline int answer(wharf_sock sock, const char *text) {
    return wharf_send(sock, text, strlen(text)) < 0 ? -1 : 0;
}

/* ---- the client's side ---- */

typedef void (*play_fn)(wharf_client *client);

static play_fn play;

static inline const char *url_of(const char *path) {
    static char url[512];
    (void)snprintf(url, sizeof(url), "%s%s", stage.base, path);
    return url;
}

static inline wharf_response *get(wharf_client *client, const char *path) {
    return wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = url_of(path)));
}

static inline bool why_has(const wharf_response *response, const char *text) {
    bool has = strstr(wharf_response_why(response), text) != NULL;
    if (!has) {
        fprintf(stderr, "why: %s\n", wharf_response_why(response));
    }
    return has;
}

static int perform_inside(wharf_scope *scope) {
    char address[WHARF_ADDRESS_SIZE];
    stage.listener = wharf_serve_on("127.0.0.1:0");
    if (wharf_failed(stage.listener)) {
        return wharf_error(stage.listener);
    }
    int rc = wharf_local_address(stage.listener, address, sizeof(address));
    (void)snprintf(stage.base, sizeof(stage.base), "http://%s", address);
    rc = rc < 0 ? rc : wharf_go(scope, serve_all, scope);
    wharf_client *client = rc < 0 ? NULL : wharf_client_new(NULL);
    if (client != NULL) {
        play(client);
        wharf_client_free(client);
    }
    (void)wharf_close(stage.listener);
    return client != NULL ? 0 : -ENOMEM;
}

static int perform(void *arg) {
    wharf_scope scope;
    (void)arg;
    stage.connections = 0;
    stage.requests = 0;
    (void)wharf_scope_open(&scope, NULL);
    int rc = perform_inside(&scope);
    (void)wharf_scope_cancel(&scope);
    (void)wharf_scope_close(&scope);
    return rc;
}

static inline void run(int (*serve)(wharf_sock), play_fn act) {
    stage.serve = serve;
    play = act;
    scenario_run_seeds(perform);
}

#endif

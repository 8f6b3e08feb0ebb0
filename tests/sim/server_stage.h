/* A server and a client in virtual time, for what is asked in a table and answered as it says. */
#ifndef TESTS_SIM_SERVER_STAGE_H
#define TESTS_SIM_SERVER_STAGE_H

#include <errno.h>
#include <stdlib.h>

#include "scenario.h"

/* What a program is made of: settings, routes, and what is done with it. */
struct staged {
    const wharf_server_options *options;
    int (*add)(wharf_server *server);
    void (*play)(wharf_client *client);
};

static struct staged staged;
static char stage_base[160];
/* Faults are injected: anything but a wrong answer may come. */
static bool stage_is_struck;

static int stage_serve(void *arg) {
    return wharf_server_run(*(wharf_server **)arg);
}

static inline int stage_perform(void *arg) {
    (void)arg;
    wharf_scope scope;
    wharf_server *server = wharf_server_new(staged.options);
    if (server == NULL) {
        return -ENOMEM;
    }
    int rc = staged.add(server);
    rc = rc < 0 ? rc : wharf_server_listen(server, "127.0.0.1:0");
    (void)wharf_scope_open(&scope, NULL);
    if (rc >= 0) {
        (void)snprintf(stage_base, sizeof(stage_base), "http://%s", wharf_server_address(server, 0));
        rc = wharf_go(&scope, stage_serve, server);
    }
    wharf_client *client = rc >= 0 ? wharf_client_new(NULL) : NULL;
    if (client != NULL) {
        staged.play(client);
    }
    if (rc >= 0) {
        (void)wharf_server_stop(server);
    }
    wharf_client_free(client);
    int closed = wharf_scope_close(&scope);
    wharf_server_free(server);
    return rc < 0 ? rc : closed;
}

static inline void stage_run(const struct staged *program) {
    staged = *program;
    stage_is_struck = false;
    scenario_run_seeds(stage_perform);
}

/* Struck wherever it can be, it leaves nothing. */
static inline void stage_strike(const struct staged *program) {
    staged = *program;
    stage_is_struck = true;
    (void)scenario_sweep(WHARF_TEST_ALLOCATION, NULL, stage_perform);
    (void)scenario_sweep(WHARF_TEST_CANCEL, NULL, stage_perform);
    (void)scenario_sweep(WHARF_TEST_RESET, NULL, stage_perform);
    stage_is_struck = false;
}

/* ---- asking ---- */

struct asked {
    const char *path;
    const char *method; /* NULL: GET */
    const char *headers[4];
    const char *type; /* with a body; NULL: none */
    const char *body;
    int status;
    const char *answer;    /* a part of it; NULL: anything */
    const char *fields[6]; /* "Name: value" is there, "!Name" is not */
};

static inline bool stage_has_field(const wharf_response *response, const char *field) {
    char name[64];
    const char *colon = strchr(field, ':');
    bool absent = field[0] == '!';
    (void)snprintf(name, sizeof(name), "%.*s", (int)(colon != NULL ? colon - field : 63), field + absent);
    wharf_header header;
    for (size_t i = 0; wharf_response_header_at(response, i, &header); i++) {
        bool is_same = header.name.len == strlen(name) &&
                       strncasecmp(header.name.ptr, name, header.name.len) == 0;
        if (is_same && (absent || wharf_str_is(header.value, colon + 2))) {
            return !absent;
        }
    }
    return absent;
}

static inline bool stage_is_right(const struct asked *asked, const wharf_response *response) {
    wharf_str body = wharf_response_body(response);
    bool is_right =
        wharf_response_status(response) == asked->status &&
        (asked->answer == NULL || (body.len == 0 && asked->answer[0] == '\0') ||
         (body.len > 0 && memmem(body.ptr, body.len, asked->answer, strlen(asked->answer)) != NULL));
    for (size_t i = 0; i < 6 && asked->fields[i] != NULL; i++) {
        bool has = stage_has_field(response, asked->fields[i]);
        if (!has && !stage_is_struck) {
            fprintf(stderr, "%s: not %s\n", asked->path, asked->fields[i]);
        }
        is_right = is_right && has;
    }
    return is_right;
}

static inline void stage_ask(wharf_client *client, const struct asked *asked) {
    char url[512];
    (void)snprintf(url, sizeof(url), "%s%s", asked->path[0] == '/' ? stage_base : "", asked->path);
    wharf_response *response = wharf_fetch(
        client,
        WHARF_OPTIONS(wharf_fetch_options, .url = url, .method = asked->method, .headers = asked->headers,
                      .body = asked->body, .body_bytes = asked->body != NULL ? strlen(asked->body) : 0,
                      .content_type = asked->type, .limits.redirects = WHARF_OFF, .limits.total_ms = 60000));
    bool is_right = stage_is_right(asked, response);
    if (!is_right && !stage_is_struck) {
        wharf_str body = wharf_response_body(response);
        wharf_header header;
        fprintf(stderr, "%s: %d %s\n", asked->path, wharf_response_status(response),
                wharf_response_why(response));
        for (size_t i = 0; wharf_response_header_at(response, i, &header); i++) {
            fprintf(stderr, "%.*s: %.*s\n", WHARF_STR_ARG(header.name), WHARF_STR_ARG(header.value));
        }
        fprintf(stderr, "%.*s\n", (int)(body.len < 500 ? body.len : 500), body.ptr);
    }
    EXPECT(is_right || stage_is_struck);
    wharf_response_free(response);
}

static inline void stage_ask_all(wharf_client *client, const struct asked *table, size_t count) {
    for (size_t i = 0; i < count; i++) {
        stage_ask(client, &table[i]);
    }
}

/* ---- byte by byte ---- */

/* Sends a request as it is, ends the sending side, and reads all that comes, with a NUL behind it. Returns its length. */
static inline size_t stage_talk(const char *request, char *out, size_t size) {
    wharf_sock sock = wharf_dial(stage_base + strlen("http://"));
    size_t len = 0;
    ssize_t count = wharf_send(sock, request, strlen(request)) < 0 ? -1 : wharf_shutdown_write(sock);
    count = count < 0 ? count : 1;
    while (count > 0 && len < size - 1) {
        count = wharf_recv(sock, out + len, size - 1 - len);
        len += count > 0 ? (size_t)count : 0;
    }
    out[len] = '\0';
    (void)wharf_close(sock);
    return len;
}

#endif

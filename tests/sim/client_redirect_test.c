/* The HTTP client and redirects, in virtual time: which are followed, with what method and body, and that secrets never
 * reach another origin. */
#include "client_stage.h"

/* ---- two servers that redirect as the path says: /STATUS/LOCATION ---- */

static char other_base[160]; /* a second origin, served by the same function */
static char body_seen[64];

static int redirect_to(wharf_sock sock, const char *path) {
    char text[1024];
    const char *end = strchr(path, ' ');
    (void)snprintf(text, sizeof(text),
                   "HTTP/1.1 %.3s Moved\r\nLocation: %.*s\r\nContent-Length: 5\r\n\r\nmoved", path + 1,
                   (int)(end - path - 5), path + 5);
    return answer(sock, text);
}

static int serve_redirects(wharf_sock sock) {
    while (take_head(sock) > 0) {
        body_seen[0] = '\0';
        if (head_has("Content-Length: 4\r\n")) {
            if (wharf_recv_exact(sock, body_seen, 4) != 4) {
                return -1;
            }
            body_seen[4] = '\0';
        }
        const char *path = strchr(stage.head, '/');
        bool redirects = path[1] == '3' && path[4] == '/';
        int rc = redirects ? redirect_to(sock, path)
                           : answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static wharf_sock other_listener;

static int serve_other(void *arg) {
    wharf_scope *scope = *(wharf_scope **)arg;
    for (;;) {
        wharf_sock sock = wharf_accept(other_listener);
        if (wharf_failed(sock)) {
            return 0;
        }
        if (wharf_go(scope, serve_one, sock) < 0) {
            (void)wharf_close(sock);
        }
    }
}

static play_fn play_with_other;

static void play_two_origins(wharf_client *client) {
    char address[WHARF_ADDRESS_SIZE];
    wharf_scope scope;
    (void)wharf_scope_open(&scope, NULL);
    other_listener = wharf_serve_on("127.0.0.1:0");
    EXPECT(wharf_local_address(other_listener, address, sizeof(address)) > 0);
    (void)snprintf(other_base, sizeof(other_base), "http://%s", address);
    EXPECT(wharf_go(&scope, serve_other, &scope) == 0);
    play_with_other(client);
    (void)wharf_close(other_listener);
    (void)wharf_scope_cancel(&scope);
    (void)wharf_scope_close(&scope);
}

static void run_two_origins(play_fn act) {
    play_with_other = act;
    run(serve_redirects, play_two_origins);
}

/* ---- methods ---- */

static const struct {
    int status;
    const char *method;
    const char *line; /* of the request that follows */
    bool has_body;
} method_table[] = {
    {301, "GET", "GET /end ", false},   {302, "GET", "GET /end ", false},
    {303, "GET", "GET /end ", false},   {307, "GET", "GET /end ", false},
    {308, "GET", "GET /end ", false},   {303, "HEAD", "HEAD /end ", false},
    {301, "HEAD", "HEAD /end ", false}, {301, "POST", "GET /end ", false},
    {302, "POST", "GET /end ", false},  {303, "POST", "GET /end ", false},
    {307, "POST", "POST /end ", true},  {308, "POST", "POST /end ", true},
    {301, "PUT", "PUT /end ", true},    {302, "PATCH", "PATCH /end ", true},
    {303, "PUT", "GET /end ", false},   {302, "QUERY", "QUERY /end ", true},
};

static void play_methods(wharf_client *client) {
    static const char *const headers[] = {"Content-Language: en", "X-Kept: yes", NULL};
    for (size_t i = 0; i < sizeof(method_table) / sizeof(method_table[0]); i++) {
        char path[64];
        bool sends = strcmp(method_table[i].method, "GET") != 0 &&
                     strcmp(method_table[i].method, "HEAD") != 0;
        (void)snprintf(path, sizeof(path), "/%d//end", method_table[i].status);
        wharf_response *response = wharf_fetch(
            client,
            WHARF_OPTIONS(wharf_fetch_options, .url = url_of(path), .method = method_table[i].method,
                          .body = sends ? "body" : NULL, .body_bytes = sends ? 4 : 0, .headers = headers));
        EXPECT(wharf_response_error(response) == 0);
        EXPECT(wharf_response_redirects(response) == 1);
        EXPECT(strcmp(wharf_response_url(response), url_of("/end")) == 0);
        EXPECT(strncmp(stage.head, method_table[i].line, strlen(method_table[i].line)) == 0);
        EXPECT(strcmp(body_seen, method_table[i].has_body ? "body" : "") == 0);
        EXPECT(head_has("X-Kept: yes"));
        EXPECT(head_has("Content-Language") == (method_table[i].has_body || !sends) ||
               method_table[i].status == 303);
        wharf_response_free(response);
    }
    EXPECT(client_pool_count(client).open <= 2); /* HEAD's "moved" spoils a connection */
}

static int serve_head_aware(wharf_sock sock) {
    while (take_head(sock) > 0) {
        if (strncmp(stage.head, "HEAD", 4) == 0) {
            char text[128];
            bool first = strncmp(stage.head, "HEAD /3", 7) == 0;
            (void)snprintf(text, sizeof(text), "HTTP/1.1 %.3s Any\r\n%sContent-Length: 5\r\n\r\n",
                           first ? stage.head + 6 : "200", first ? "Location: /end\r\n" : "");
            (void)answer(sock, text);
            continue;
        }
        body_seen[0] = '\0';
        if (head_has("Content-Length: 4\r\n")) {
            if (wharf_recv_exact(sock, body_seen, 4) != 4) {
                return -1;
            }
            body_seen[4] = '\0';
        }
        const char *path = strchr(stage.head, '/');
        int rc = path[1] == '3' ? redirect_to(sock, path)
                                : answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static void rewrites_methods_as_the_status_says(void **state) {
    (void)state;
    run(serve_head_aware, play_methods);
}

/* ---- targets ---- */

static const struct {
    const char *path;
    int error;
    const char *result; /* URL behind the origin, or part of the sentence */
} target_table[] = {
    {"/a/302/x", 0, "/a/302/x"}, /* no redirect at all */
    {"/302//x?y=1#z", 0, "/x?y=1#z"},
    {"/302//e#frag", 0, "/e#frag"},
    {"/302//%2F%3a", 0, "/%2F%3a"},
    {"/302/ftp://x/", -WHARF_EREDIRECT, "no http URL"},
    {"/302/ws://x/", -WHARF_EREDIRECT, "no http URL"},
    {"/302/javascript:alert(1)", -WHARF_EREDIRECT, "no http URL"},
    {"/302/http://[::1/", -WHARF_EREDIRECT, "cannot be understood"},
    {"/304//e", 0, "/304//e"},
    {"/300//e", 0, "/300//e"},
};

static void play_targets(wharf_client *client) {
    for (size_t i = 0; i < sizeof(target_table) / sizeof(target_table[0]); i++) {
        wharf_response *response = get(client, target_table[i].path);
        EXPECT(wharf_response_error(response) == target_table[i].error);
        if (target_table[i].error == 0) {
            const char *url = wharf_response_url(response);
            EXPECT(strcmp(url + strlen(stage.base), target_table[i].result) == 0);
        } else {
            EXPECT(why_has(response, target_table[i].result));
            EXPECT(why_has(response, "follow redirect of http://127.0.0.1:"));
            EXPECT(wharf_response_status(response) == 302);
        }
        wharf_response_free(response);
    }
}

static void follows_only_what_leads_to_http(void **state) {
    (void)state;
    run(serve_redirects, play_targets);
}

static void play_fragment(wharf_client *client) {
    wharf_response *response = get(client, "/302//end#top");
    EXPECT(strcmp(wharf_response_url(response), url_of("/end#top")) == 0);
    wharf_response_free(response);
}

static int serve_without_fragment(wharf_sock sock) {
    while (take_head(sock) > 0) {
        EXPECT(!head_has("#"));
        const char *path = strchr(stage.head, '/');
        int rc = path[1] == '3' ? redirect_to(sock, path)
                                : answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static void hands_the_fragment_on(void **state) {
    (void)state;
    run(serve_without_fragment, play_fragment);
}

/* ---- limits ---- */

static int hop;

static int serve_endless(wharf_sock sock) {
    char text[128];
    while (take_head(sock) > 0) {
        (void)snprintf(text, sizeof(text), "HTTP/1.1 302 Found\r\nLocation: /%d\r\nContent-Length: 0\r\n\r\n",
                       hop++);
        if (answer(sock, text) < 0) {
            return -1;
        }
    }
    return 0;
}

static void play_endless(wharf_client *client) {
    wharf_response *response = get(client, "/");
    EXPECT(wharf_response_error(response) == -WHARF_ELIMIT);
    EXPECT(why_has(response, "limits.redirects is 20"));
    EXPECT(wharf_response_redirects(response) == 20);
    EXPECT(stage.requests == 21);
    EXPECT(stage.connections == 1);
    wharf_response_free(response);
    response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits.redirects = WHARF_OFF));
    EXPECT(wharf_response_error(response) == 0);
    EXPECT(wharf_response_status(response) == 302);
    EXPECT(wharf_response_header(response, "Location").len > 0);
    wharf_response_free(response);
}

static void follows_at_most_twenty(void **state) {
    (void)state;
    run(serve_endless, play_endless);
}

static int serve_circle(wharf_sock sock) {
    while (take_head(sock) > 0) {
        const char *to = strncmp(stage.head, "GET /a ", 7) == 0 ? "b" : "a";
        char text[128];
        (void)snprintf(text, sizeof(text), "HTTP/1.1 302 Found\r\nLocation: /%s\r\nContent-Length: 0\r\n\r\n",
                       to);
        if (answer(sock, text) < 0) {
            return -1;
        }
    }
    return 0;
}

static void play_circle(wharf_client *client) {
    wharf_response *response = get(client, "/a");
    EXPECT(wharf_response_error(response) == -WHARF_EREDIRECT);
    EXPECT(why_has(response, "circle"));
    EXPECT(stage.requests == 4);
    wharf_response_free(response);
}

static void notices_a_circle(void **state) {
    (void)state;
    run(serve_circle, play_circle);
}

/* ---- secrets ---- */

static const char *const secrets[] = {
    "Authorization: Bearer canary", "Cookie: id=canary",    "X-Other: 1", "Proxy-Authorization: Basic canary",
    "cookie: second=canary",        "Host: canary.example", NULL};

static void expect_hop(const char *url, bool canary) {
    EXPECT(head_has("canary") == canary);
    EXPECT(head_has("X-Other: 1"));
    EXPECT(!canary || head_has("Host: canary.example\r\n"));
    EXPECT(canary || head_has("Host: 127.0.0.1:"));
    EXPECT(url != NULL);
}

static void play_secrets(wharf_client *client) {
    char url[1024];
    for (int way = 0; way < 4; way++) {
        const char *same = stage.base;
        const char *other = other_base;
        if (way == 0) {
            (void)snprintf(url, sizeof(url), "%s/302/%s/end", same, same);
        } else if (way == 1) {
            (void)snprintf(url, sizeof(url), "%s/302/%s/end", same, other);
        } else if (way == 2) { /* there and back again */
            (void)snprintf(url, sizeof(url), "%s/302/%s/302/%s/end", same, other, same);
        } else {
            (void)snprintf(url, sizeof(url), "%s/302/http://localhost%s/end", same, strrchr(same, ':'));
        }
        wharf_response *response = wharf_fetch(
            client, WHARF_OPTIONS(wharf_fetch_options, .url = url, .headers = secrets));
        EXPECT(wharf_response_error(response) == 0);
        EXPECT(way == 3 || wharf_response_status(response) == 200);
        if (way < 3) {
            expect_hop(url, way == 0);
        } else {
            EXPECT(!head_has("canary"));
        }
        wharf_response_free(response);
    }
}

static void sends_no_secret_to_another_origin(void **state) {
    (void)state;
    run_two_origins(play_secrets);
}

static void play_userinfo(wharf_client *client) {
    char url[1024];
    (void)snprintf(url, sizeof(url), "http://us%%65r:pa%%3Ass@%.150s/302/%.150s/end", stage.base + 7,
                   stage.base);
    wharf_response *response = wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = url));
    EXPECT(wharf_response_error(response) == 0);
    EXPECT(head_has("\r\nAuthorization: Basic dXNlcjpwYTpzcw==\r\n")); /* user:pa:ss */
    EXPECT(strstr(wharf_response_url(response), "ss") == NULL);
    wharf_response_free(response);
    (void)snprintf(url, sizeof(url), "http://user:pass@%.150s/302/%.150s/end", stage.base + 7, other_base);
    response = wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = url));
    EXPECT(!head_has("Authorization"));
    wharf_response_free(response);
    (void)snprintf(url, sizeof(url), "http://user:pass@%.150s/302/ftp://x", stage.base + 7);
    response = wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = url));
    EXPECT(strstr(wharf_response_why(response), "pass") == NULL);
    wharf_response_free(response);
}

static void sends_credentials_of_the_url_to_its_origin_only(void **state) {
    (void)state;
    run_two_origins(play_userinfo);
}

/* ---- bodies that cannot be repeated ---- */

static ssize_t produce_once(void *arg, void *buffer, size_t size) {
    int *left = arg;
    if (*left == 0) {
        return 0;
    }
    EXPECT(size == 4);
    memcpy(buffer, "body", size);
    (*left)--;
    return (ssize_t)size;
}

static void play_unrepeatable(wharf_client *client) {
    int left = 1;
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = url_of("/307//end"), .body_fn = produce_once,
                              .body_arg = &left, .body_fn_bytes = 4));
    EXPECT(wharf_response_error(response) == -WHARF_EREDIRECT);
    EXPECT(why_has(response, "body_fn cannot repeat it"));
    EXPECT(wharf_response_status(response) == 307);
    wharf_response_free(response);
    left = 1;
    response = wharf_fetch(client,
                           WHARF_OPTIONS(wharf_fetch_options, .url = url_of("/303//end"),
                                         .body_fn = produce_once, .body_arg = &left, .body_fn_bytes = 4));
    EXPECT(wharf_response_error(response) == 0);
    EXPECT(head_has("GET /end"));
    wharf_response_free(response);
}

static void never_sends_an_empty_body_instead(void **state) {
    (void)state;
    run(serve_redirects, play_unrepeatable);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rewrites_methods_as_the_status_says),
        cmocka_unit_test(follows_only_what_leads_to_http),
        cmocka_unit_test(hands_the_fragment_on),
        cmocka_unit_test(follows_at_most_twenty),
        cmocka_unit_test(notices_a_circle),
        cmocka_unit_test(sends_no_secret_to_another_origin),
        cmocka_unit_test(sends_credentials_of_the_url_to_its_origin_only),
        cmocka_unit_test(never_sends_an_empty_body_instead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

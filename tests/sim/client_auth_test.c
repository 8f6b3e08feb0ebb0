/* Credentials, in virtual time: whom they are shown to, that challenges are answered as often as makes sense, that a token is
 * refreshed once for all who need it, and that secrets stay where they belong. */
#include "client_stage.h"

/* ---- a server that asks ---- */

static const char *challenge; /* the fields of a 401 */
static const char *expected;  /* what has to be in the head for a 200; NULL: nothing will do */
static int refusals;          /* heads without it */
static char seen[16][1024];   /* the Authorization fields, in order */
static int seen_count;

static void note_authorization(void) {
    const char *field = strstr(stage.head, "\r\nAuthorization: ");
    if (field != NULL && seen_count < 16) {
        size_t len = strcspn(field + 2, "\r");
        (void)snprintf(seen[seen_count++], sizeof(seen[0]), "%.*s", (int)len, field + 2);
    }
}

static int serve_guarded(wharf_sock sock) {
    while (take_head(sock) > 0) {
        char text[1024];
        note_authorization();
        bool good = expected != NULL && head_has(expected);
        refusals += good ? 0 : 1;
        (void)snprintf(text, sizeof(text), "HTTP/1.1 %s\r\n%sContent-Length: 2\r\n\r\nok",
                       good ? "200 OK" : "401 Unauthorized", good ? "" : challenge);
        if (answer(sock, text) < 0) {
            return -1;
        }
    }
    return 0;
}

static void reset_guard(const char *fields, const char *text) {
    challenge = fields;
    expected = text;
    refusals = 0;
    seen_count = 0;
}

static wharf_response *fetch_as(wharf_auth *auth, const char *path) {
    return wharf_fetch(NULL, WHARF_OPTIONS(wharf_fetch_options, .url = url_of(path), .auth = auth));
}

static wharf_auth *user(wharf_auth_scheme scheme) {
    return wharf_auth_new(
        WHARF_OPTIONS(wharf_auth_options, .scheme = scheme, .user = "Aladdin", .password = "open sesame"));
}

static const char basic_line[] = "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";

static void play_basic(wharf_client *client) {
    (void)client;
    reset_guard("WWW-Authenticate: Basic realm=\"x\"\r\n", basic_line);
    wharf_auth *auth = user(WHARF_AUTH_BASIC);
    wharf_response *response = fetch_as(auth, "/");
    EXPECT(wharf_response_status(response) == 200 && refusals == 0);
    wharf_response_free(response);
    wharf_auth_free(auth);
    auth = user(WHARF_AUTH_ANY); /* asked first */
    response = fetch_as(auth, "/");
    EXPECT(wharf_response_status(response) == 200 && refusals == 1);
    wharf_response_free(response);
    wharf_auth_free(auth);
    auth = user(WHARF_AUTH_DIGEST); /* which is not offered */
    response = fetch_as(auth, "/");
    EXPECT(wharf_response_status(response) == 401 && refusals == 2);
    wharf_response_free(response);
    wharf_auth_free(auth);
}

static void shows_basic_at_once_or_when_asked(void **state) {
    (void)state;
    run(serve_guarded, play_basic);
}

static void play_digest(wharf_client *client) {
    (void)client;
    reset_guard("WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256, "
                "Basic realm=\"r\"\r\n",
                "algorithm=SHA-256");
    wharf_auth *auth = user(WHARF_AUTH_ANY);
    for (int i = 0; i < 3; i++) {
        wharf_response *response = fetch_as(auth, "/a?b");
        EXPECT(wharf_response_status(response) == 200);
        wharf_response_free(response);
    }
    EXPECT(refusals == 1 && seen_count == 3);
    EXPECT(strstr(seen[0], "uri=\"/a?b\"") != NULL && strstr(seen[0], "nc=00000001") != NULL);
    EXPECT(strstr(seen[1], "nc=00000002") != NULL && strstr(seen[2], "nc=00000003") != NULL);
    wharf_auth_free(auth);
}

static void counts_the_answers_to_one_nonce(void **state) {
    (void)state;
    run(serve_guarded, play_digest);
}

static void play_refused(wharf_client *client) {
    (void)client;
    reset_guard("WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\"\r\n", NULL);
    wharf_auth *auth = user(WHARF_AUTH_DIGEST);
    wharf_response *response = fetch_as(auth, "/");
    EXPECT(wharf_response_status(response) == 401 && stage.requests == 2 && seen_count == 1);
    wharf_response_free(response);
    wharf_auth_free(auth);
    stage.requests = 0;
    reset_guard("WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", stale=true\r\n", NULL);
    auth = user(WHARF_AUTH_DIGEST);
    response = fetch_as(auth, "/");
    EXPECT(wharf_response_status(response) == 401 && stage.requests == 3 && seen_count == 2);
    wharf_response_free(response);
    wharf_auth_free(auth);
}

static void gives_up_when_refused_again(void **state) {
    (void)state;
    run(serve_guarded, play_refused);
}

static void play_precedence(wharf_client *client) {
    reset_guard("", "X");
    wharf_auth *auth = user(WHARF_AUTH_BASIC);
    wharf_client *mine = auth == NULL ? NULL
                                      : wharf_client_new(WHARF_OPTIONS(wharf_client_options, .auth = auth));
    char url[512];
    (void)snprintf(url, sizeof(url), "http://u:p@%.150s/", stage.base + 7);
    const char *const own[] = {"Authorization: mine", NULL};
    wharf_response_free(
        wharf_fetch(mine, WHARF_OPTIONS(wharf_fetch_options, .url = url_of("/"), .keep_request = true)));
    wharf_response_free(wharf_fetch(mine, WHARF_OPTIONS(wharf_fetch_options, .url = url)));
    wharf_response_free(wharf_fetch(mine, WHARF_OPTIONS(wharf_fetch_options, .url = url, .auth = auth)));
    wharf_response_free(wharf_fetch(mine, WHARF_OPTIONS(wharf_fetch_options, .url = url, .headers = own)));
    EXPECT(seen_count == 4 && strncmp(seen[0], basic_line, 30) == 0);
    EXPECT(strcmp(seen[1], "Authorization: Basic dTpw") == 0);
    EXPECT(strncmp(seen[2], basic_line, 30) == 0 && strcmp(seen[3], "Authorization: mine") == 0);
    wharf_response *response = wharf_fetch(
        mine, WHARF_OPTIONS(wharf_fetch_options, .url = url, .no_auth = true, .keep_request = true));
    EXPECT(seen_count == 4);
    wharf_response_free(response);
    wharf_client_free(mine);
    wharf_auth_free(auth);
    (void)client;
}

static void obeys_the_nearest_word(void **state) {
    (void)state;
    run(serve_guarded, play_precedence);
}

/* ---- tokens ---- */

static int refreshes;

static ssize_t refresh(void *arg, char *out, size_t size) {
    (void)arg;
    refreshes++;
    int rc = wharf_sleep(20); /* others come in the meantime */
    return rc < 0 ? rc : snprintf(out, size, "token-%d", refreshes);
}

static ssize_t refuse_refresh(void *arg, char *out, size_t size) {
    refreshes++;
    int rc = wharf_sleep(20);
    (void)arg;
    (void)out;
    (void)size;
    return rc < 0 ? rc : -EACCES;
}

struct asker {
    wharf_auth *auth;
    int *good;
    int error;
};

static int ask(void *arg) {
    struct asker *asker = *(struct asker **)arg;
    wharf_response *response = fetch_as(asker->auth, "/");
    *asker->good += wharf_response_status(response) == 200 ? 1 : 0;
    asker->error = wharf_response_error(response);
    wharf_response_free(response);
    return 0;
}

static void ask_together(struct asker *asker) {
    int rc = 0;
    WHARF_SCOPE (scope, &rc) {
        for (int i = 0; i < 5; i++) {
            (void)wharf_go(scope, ask, asker);
        }
    }
}

static void play_tokens(wharf_client *client) {
    int good = 0;
    (void)client;
    reset_guard("WWW-Authenticate: Bearer\r\n", "Bearer token-2\r\n");
    refreshes = 0;
    wharf_auth *auth = wharf_auth_new(WHARF_OPTIONS(wharf_auth_options, .refresh = refresh));
    struct asker asker = {auth, &good, 0};
    ask_together(&asker); /* the first token is refused: a second one is got, by one of them */
    EXPECT(good == 5 && refreshes == 2);
    wharf_auth_free(auth);
    refreshes = 0;
    auth = wharf_auth_new(WHARF_OPTIONS(wharf_auth_options, .token = "old", .refresh = refuse_refresh));
    asker.auth = auth;
    ask_together(&asker);
    EXPECT(good == 5 && refreshes == 1 && asker.error == -EACCES);
    wharf_auth_free(auth);
}

static void one_refresh_serves_all(void **state) {
    (void)state;
    run(serve_guarded, play_tokens);
}

/* ---- secrets and redirects ---- */

static char other[160];
static int other_saw; /* heads with the canary */
static wharf_sock other_listener;

static int serve_other_one(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    char head[4096];
    ssize_t len = wharf_recv_until(sock, head, sizeof(head) - 1, "\r\n\r\n");
    while (len > 0) {
        char text[512];
        head[len] = '\0';
        other_saw += strstr(head, "canary") != NULL || strstr(head, "Authorization") != NULL ? 1 : 0;
        (void)snprintf(text, sizeof(text),
                       "HTTP/1.1 302 Found\r\nLocation: %s/end\r\nContent-Length: 0\r\n\r\n", stage.base);
        if (wharf_send(sock, text, strlen(text)) < 0) {
            break;
        }
        len = wharf_recv_until(sock, head, sizeof(head) - 1, "\r\n\r\n");
    }
    (void)wharf_close(sock);
    return 0;
}

static int serve_other(void *arg) {
    wharf_scope *scope = *(wharf_scope **)arg;
    for (;;) {
        wharf_sock sock = wharf_accept(other_listener);
        if (wharf_failed(sock)) {
            return 0;
        }
        if (wharf_go(scope, serve_other_one, sock) < 0) {
            (void)wharf_close(sock);
        }
    }
}

/* "/away" leads to the other origin, which leads back to "/end"; "/near" to "/end". */
static int serve_graph(wharf_sock sock) {
    while (take_head(sock) > 0) {
        char text[512];
        const char *to = head_has("GET /away") ? other : head_has("GET /near") ? stage.base : "";
        (void)snprintf(text, sizeof(text), "HTTP/1.1 %s\r\n%s%s%sContent-Length: 0\r\n\r\n",
                       to[0] != '\0' ? "307 Go" : "200 OK", to[0] != '\0' ? "Location: " : "", to,
                       to[0] != '\0' ? "/end\r\n" : "");
        if (answer(sock, text) < 0) {
            return -1;
        }
    }
    return 0;
}

static void play_graph(void) {
    wharf_secret *free_one = wharf_secret_new("X-Key", "canary1", 7, NULL);
    wharf_secret *bound = wharf_secret_new("X-Bound", "canary2", 7, stage.base);
    wharf_secret *elsewhere = wharf_secret_new("X-Else", "canary3", 7, "http://elsewhere.example");
    wharf_secret *const all[] = {free_one, bound, elsewhere, NULL};
    wharf_auth *auth = user(WHARF_AUTH_BASIC);
    static const char *const paths[] = {"/near", "/away"};
    for (int i = 0; i < 2; i++) {
        other_saw = 0;
        wharf_response *response = wharf_fetch(NULL, WHARF_OPTIONS(wharf_fetch_options,
                                                                   .url = url_of(paths[i]), .secrets = all,
                                                                   .auth = auth, .keep_request = true));
        EXPECT(wharf_response_error(response) == 0 && head_has("GET /end") && other_saw == 0);
        /* What is for the first origin does not come back; what is for this origin is for it. */
        EXPECT(head_has("X-Key: canary1") == (i == 0) && head_has("Authorization: ") == (i == 0));
        EXPECT(head_has("X-Bound: canary2") && !head_has("canary3"));
        wharf_str shown = wharf_response_request(response);
        EXPECT(memmem(shown.ptr, shown.len, "X-Bound: [hidden]\r\n", 19) != NULL);
        EXPECT(memmem(shown.ptr, shown.len, "canary", 6) == NULL);
        wharf_response_free(response);
    }
    wharf_auth_free(auth);
    wharf_secret_free(free_one);
    wharf_secret_free(bound);
    wharf_secret_free(elsewhere);
}

static void play_two_origins(wharf_client *client) {
    char address[WHARF_ADDRESS_SIZE];
    wharf_scope scope;
    (void)client;
    (void)wharf_scope_open(&scope, NULL);
    other_listener = wharf_serve_on("127.0.0.1:0");
    EXPECT(wharf_local_address(other_listener, address, sizeof(address)) > 0);
    (void)snprintf(other, sizeof(other), "http://%s", address);
    EXPECT(wharf_go(&scope, serve_other, &scope) == 0);
    play_graph();
    (void)wharf_close(other_listener);
    (void)wharf_scope_cancel(&scope);
    (void)wharf_scope_close(&scope);
}

static void secrets_stay_at_their_origin(void **state) {
    (void)state;
    run(serve_graph, play_two_origins);
}

/* ---- sweeps ---- */

static void play_all(wharf_client *client) {
    wharf_auth *auth = user(WHARF_AUTH_DIGEST);
    wharf_auth *bearer = wharf_auth_new(WHARF_OPTIONS(wharf_auth_options, .refresh = refresh));
    wharf_secret *secret = wharf_secret_new("X-Key", "canary", 6, stage.base);
    reset_guard("WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"\r\n", "never");
    if (auth != NULL && bearer != NULL && secret != NULL) {
        wharf_secret *const secrets[] = {secret, NULL};
        wharf_response_free(wharf_fetch(
            client, WHARF_OPTIONS(wharf_fetch_options, .method = "PUT", .url = url_of("/"), .auth = auth)));
        wharf_response_free(wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = url_of("/"),
                                                              .auth = bearer, .secrets = secrets)));
    }
    wharf_secret_free(secret);
    wharf_auth_free(auth);
    wharf_auth_free(bearer);
}

static void leaves_nothing_however_it_ends(void **state) {
    (void)state;
    stage.serve = serve_guarded;
    play = play_all;
    refreshes = 0;
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 1);
    assert_true(scenario_sweep(WHARF_TEST_CANCEL, options, perform) > 10);
    assert_true(scenario_sweep(WHARF_TEST_EXPIRE, options, perform) > 10);
    assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, options, perform) > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_basic_at_once_or_when_asked),
        cmocka_unit_test(counts_the_answers_to_one_nonce),
        cmocka_unit_test(gives_up_when_refused_again),
        cmocka_unit_test(obeys_the_nearest_word),
        cmocka_unit_test(one_refresh_serves_all),
        cmocka_unit_test(secrets_stay_at_their_origin),
        cmocka_unit_test(leaves_nothing_however_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

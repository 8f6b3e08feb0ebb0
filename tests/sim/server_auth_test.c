/* Who a client is: credentials as they are sent, well and badly, and what the server answers. */
#include "scenario.h"

#include <errno.h>

#include "wharf/wharf.h"

enum { REPLY_SIZE = 4096, PATIENCE_MS = 1000000 };

struct stage {
    wharf_server *server;
    char reply[REPLY_SIZE];
};

static struct stage stage;

/* ---- a server and one client ---- */

static int run_server(void *arg) {
    return wharf_server_run(*(wharf_server **)arg);
}

/* Runs play() against the stage's server, then stops it. */
static int perform(void (*play)(void)) {
    int rc = stage.server == NULL ? -ENOMEM : wharf_server_listen(stage.server, "127.0.0.1:0");
    if (rc == 0) {
        WHARF_SCOPE (scope, &rc) {
            if (wharf_go(scope, run_server, stage.server) == 0) {
                play();
                (void)wharf_server_stop(stage.server);
            }
        }
    }
    wharf_server_free(stage.server);
    return rc;
}

/* Asks for a path with some header lines; what came is in stage.reply. */
static const char *ask(const char *path, const char *lines) {
    char request[1024];
    size_t len = 0;
    ssize_t count = 1;
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n%s\r\n",
             path, lines);
    wharf_sock sock = wharf_dial(wharf_server_address(stage.server, 0));
    (void)wharf_send(sock, request, strlen(request));
    WHARF_WITHIN (PATIENCE_MS) { /* a fault may have ended the server's acceptor */
        while (count > 0 && len < sizeof stage.reply - 1) {
            count = wharf_recv(sock, stage.reply + len, sizeof stage.reply - 1 - len);
            len += count > 0 ? (size_t)count : 0;
        }
    }
    stage.reply[len] = '\0';
    (void)wharf_close(sock);
    return stage.reply;
}

static bool says(const char *reply, const char *part) {
    if (strstr(reply, part) == NULL) {
        fprintf(stderr, "no %s in\n%s\n", part, reply);
        return false;
    }
    return true;
}

/* ---- credentials ---- */

static int handle_basic(wharf_request *request, void *arg) {
    (void)arg;
    wharf_str user, password;
    char text[256];
    int rc = wharf_request_basic(request, &user, &password);
    if (rc < 0) {
        snprintf(text, sizeof text, "Basic realm=\"%s\"", rc == -ENOENT ? "none" : "malformed");
        return wharf_reply_challenge(request, text);
    }
    snprintf(text, sizeof text, "[%.*s|%.*s]", WHARF_STR_ARG(user), WHARF_STR_ARG(password));
    return wharf_reply_text(request, 200, text);
}

static int handle_bearer(wharf_request *request, void *arg) {
    (void)arg;
    wharf_str token = wharf_request_bearer(request);
    char text[256];
    snprintf(text, sizeof text, "[%.*s]", WHARF_STR_ARG(token));
    return token.ptr != NULL ? wharf_reply_text(request, 200, text)
                             : wharf_reply_challenge(request, "Bearer");
}

static const struct {
    const char *path, *lines, *part;
} CREDENTIALS[] = {
    {"/basic", "Authorization: Basic dXNlcjpwYXNz\r\n", "[user|pass]"},
    {"/basic", "authorization: bAsIc   dXNlcjpwYXNz  \r\n", "[user|pass]"},
    {"/basic", "Authorization: Basic dXNlcjpwYTpzczo=\r\n", "[user|pa:ss:]"},
    {"/basic", "Authorization: Basic Og==\r\n", "[|]"},
    {"/basic", "", "401 Unauthorized\r\n"},
    {"/basic", "", "WWW-Authenticate: Basic realm=\"none\"\r\n"},
    {"/basic", "Authorization: Bearer dXNlcjpwYXNz\r\n", "realm=\"none\""},
    {"/basic", "Authorization: Basic\r\n", "realm=\"none\""},
    {"/basic", "Authorization: Basic \r\n", "realm=\"none\""},
    {"/basic", "Authorization: Basicx dXNlcjpwYXNz\r\n", "realm=\"none\""},
    {"/basic", "Authorization: Basic dXNlcjpwYXNz\r\nAuthorization: Basic dXNlcjpwYXNz\r\n",
     "realm=\"none\""},
    {"/basic", "Authorization: Basic dXNlcg==\r\n", "realm=\"malformed\""},
    {"/basic", "Authorization: Basic dXNlcjpwYXNz=\r\n", "realm=\"malformed\""},
    {"/basic", "Authorization: Basic dXNl cjpwYXNz\r\n", "realm=\"malformed\""},
    {"/bearer", "Authorization: Bearer abc.DEF-123_~+/==\r\n", "[abc.DEF-123_~+/==]"},
    {"/bearer", "Authorization: bearer a\r\n", "[a]"},
    {"/bearer", "Authorization: Bearer a b\r\n", "WWW-Authenticate: Bearer\r\n"},
    {"/bearer", "Authorization: Bearer =\r\n", "401 "},
    {"/bearer", "Authorization: Bearer a=b\r\n", "401 "},
    {"/bearer", "Authorization: Bearer \"a\"\r\n", "401 "},
    {"/bearer", "Authorization: Basic dXNlcjpwYXNz\r\n", "401 "},
};

static void play_credentials(void) {
    for (size_t i = 0; i < sizeof CREDENTIALS / sizeof *CREDENTIALS; i++) {
        EXPECT(says(ask(CREDENTIALS[i].path, CREDENTIALS[i].lines), CREDENTIALS[i].part));
    }
}

static int credentials(void *arg) {
    (void)arg;
    stage.server = wharf_server_new(NULL);
    (void)wharf_route(stage.server, "GET /basic", handle_basic, NULL);
    (void)wharf_route(stage.server, "GET /bearer", handle_bearer, NULL);
    return perform(play_credentials);
}

static void credentials_are_read_or_refused(void **state) {
    (void)state;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), credentials);
}

static void secrets_are_equal_when_all_of_them_is(void **state) {
    (void)state;
    wharf_str secret = wharf_str_of("secret");
    assert_true(wharf_secret_equal(secret, wharf_str_of("secret")));
    assert_true(wharf_secret_equal(wharf_str_of(""), wharf_str_of("")));
    assert_false(wharf_secret_equal(secret, wharf_str_of("")));
    assert_false(wharf_secret_equal(wharf_str_of(""), secret));
    assert_false(wharf_secret_equal(secret, wharf_str_of("secre")));
    assert_false(wharf_secret_equal(wharf_str_of("secre"), secret));
    assert_false(wharf_secret_equal(secret, wharf_str_of("secres")));
    assert_false(wharf_secret_equal(wharf_str_of("aa"), wharf_str_of("aaaa")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_are_read_or_refused),
        cmocka_unit_test(secrets_are_equal_when_all_of_them_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Who a client is: credentials as they are sent, well and badly, and what the server answers. */
#include "scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

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

/* ---- groups ---- */

/* What `htpasswd -nbB` and `mkpasswd` write, with the cheapest of costs. */
static const char USERS[] =
    "# staff\n"
    "ann:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n"
    "\n"
    "bob:$6$rounds=1000$wharf$vc1LFK.kPtinPdr2DkCdfzYrmWW2B5jKIhDi7KeQWy4JEupksal6H7bXG6OY9H1iDQwFPH9chwL9OrUgGm4rZ/\r\n";

static char users_path[] = P_tmpdir "/wharf-users-XXXXXX";

static int write_users(const char *text) {
    FILE *file = fopen(users_path, "w");
    if (file == NULL) {
        return -1;
    }
    fputs(text, file);
    return fclose(file);
}

static int handle_whoami(wharf_request *request, void *arg) {
    (void)arg;
    char text[256];
    snprintf(text, sizeof text, "[%.*s]", WHARF_STR_ARG(wharf_request_user(request)));
    return wharf_reply_text(request, 200, text);
}

static int token_of_carol(wharf_request *request, wharf_str token, wharf_str *ret_user, void *arg) {
    (void)request;
    (void)arg;
    if (wharf_str_is(token, "broken")) {
        return -EIO;
    }
    *ret_user = wharf_str_of("carol");
    return wharf_str_equal_secret(token, wharf_str_of("carols-token"));
}

static bool permit_all_but_bob(wharf_request *request, wharf_str user, void *arg) {
    (void)request;
    (void)arg;
    return !wharf_str_is(user, "bob");
}

static int make_groups(void) {
    stage.server = wharf_server_new(NULL);
    wharf_group *staff = wharf_group_new(wharf_server_group(stage.server), "/staff", NULL);
    wharf_group *lobby = wharf_group_new(staff, "/lobby", NULL);
    wharf_group *office = wharf_group_new(staff, "/office", NULL);
    int rc = wharf_group_guard(staff,
                               WHARF_OPTIONS(wharf_guard_options, .realm = "the \"staff\"",
                                             .users_file = users_path, .user = "root", .password = "toor",
                                             .token = token_of_carol, .permit = permit_all_but_bob));
    rc = rc < 0 ? rc : wharf_group_guard(lobby, NULL);
    rc = rc < 0 ? rc : wharf_group_route(staff, "GET /", handle_whoami, NULL);
    rc = rc < 0 ? rc : wharf_group_route(lobby, "GET /", handle_whoami, NULL);
    return rc < 0 ? rc : wharf_group_route(office, "GET /", handle_whoami, NULL);
}

#define ANN       "Authorization: Basic YW5uOnNlY3JldA==\r\n"     /* ann:secret */
#define ANN_WRONG "Authorization: Basic YW5uOndyb25n\r\n"         /* ann:wrong */
#define BOB       "Authorization: Basic Ym9iOnNlY3JldA==\r\n"     /* bob:secret */
#define NOBODY    "Authorization: Basic bm9ib2R5OnNlY3JldA==\r\n" /* nobody:secret */
#define ROOT      "Authorization: Basic cm9vdDp0b29y\r\n"         /* root:toor */

static const struct {
    const char *path, *lines, *part;
    int64_t at_least_ms;
} KNOWN[] = {
    {"/staff/", "", "401 Unauthorized\r\n", 0},
    {"/staff/", "", "WWW-Authenticate: Basic realm=\"the \\\"staff\\\"\", charset=\"UTF-8\"\r\n", 0},
    {"/staff/", "", "WWW-Authenticate: Bearer realm=\"the \\\"staff\\\"\"\r\n", 0},
    {"/staff/", "", "auth.missing", 0},
    {"/staff/", ANN, "[ann]", 0},
    {"/staff/", ANN, "[ann]", 0},
    {"/staff/office/", ANN, "[ann]", 0},
    {"/staff/", ROOT, "[root]", 0},
    {"/staff/", ANN_WRONG, "auth.wrong", 1000},
    {"/staff/office/", NOBODY, "auth.wrong", 1000},
    {"/staff/", "Authorization: Basic !\r\n", "auth.wrong", 1000},
    {"/staff/", BOB, "403 Forbidden", 0},
    {"/staff/", BOB, "auth.denied", 0},
    {"/staff/", "Authorization: Bearer carols-token\r\n", "[carol]", 0},
    {"/staff/", "Authorization: Bearer carols-tokem\r\n", ", error=\"invalid_token\"", 1000},
    {"/staff/", "Authorization: Bearer broken\r\n", "500 ", 0},
    {"/staff/lobby/", "", "[]", 0},
    {"/staff/none", "", "404 ", 0},
};

static void play_known(void) {
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        int64_t start = wharf_now_ns();
        EXPECT(says(ask(KNOWN[i].path, KNOWN[i].lines), KNOWN[i].part));
        EXPECT(wharf_now_ns() - start >= KNOWN[i].at_least_ms * 1000000);
    }
}

static int known(void *arg) {
    (void)arg;
    int rc = make_groups();
    return rc < 0 ? rc : perform(play_known);
}

static void only_known_clients_reach_a_group(void **state) {
    (void)state;
    assert_int_equal(write_users(USERS), 0);
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), known);
}

static void play_change(void) {
    EXPECT(says(ask("/staff/", ANN), "[ann]"));
    EXPECT(
        write_users(
            "bob:$6$rounds=1000$wharf$vc1LFK.kPtinPdr2DkCdfzYrmWW2B5jKIhDi7KeQWy4JEupksal6H7bXG6OY9H1iDQwFPH9chwL9OrUgGm4rZ/\n") ==
        0);
    EXPECT(says(ask("/staff/", ANN), "[ann]"));
    (void)wharf_sleep(31000);
    EXPECT(says(ask("/staff/", ANN), "401 "));
    EXPECT(remove(users_path) == 0);
    EXPECT(says(ask("/staff/", ANN), "500 "));
    EXPECT(says(ask("/staff/", ROOT), "[root]"));
}

static int change(void *arg) {
    (void)arg;
    int rc = make_groups();
    return rc < 0 ? rc : perform(play_change);
}

static void who_is_removed_is_out_within_half_a_minute(void **state) {
    (void)state;
    assert_int_equal(write_users(USERS), 0);
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), change);
}

static void options_that_make_no_sense_are_refused(void **state) {
    (void)state;
    static const wharf_guard_options WRONG[] = {
        {.size = sizeof *WRONG},
        {.size = sizeof *WRONG, .user = "ann"},
        {.size = sizeof *WRONG, .password = "secret"},
        {.size = sizeof *WRONG, .user = "a:b", .password = "secret"},
        {.size = sizeof *WRONG, .user = "a", .password = "b", .realm = "a\nb"},
        {.size = sizeof *WRONG, .user = "a", .password = "b", .failure_ms = 100000},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        wharf_server *server = wharf_server_new(NULL);
        assert_int_equal(wharf_group_guard(wharf_server_group(server), &WRONG[i]), -EINVAL);
        wharf_server_free(server);
    }
    assert_int_equal(wharf_group_guard(NULL, NULL), -EINVAL);
}

static void files_are_read_through_at_the_start(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } WRONG[] = {
        {"", "no users"},
        {"# nobody\n", "no users"},
        {"ann\n", "line 1"},
        {"\nann:secret\n", "line 2"},
        {"ann:$apr1$abc$def\n", "line 1"},
        {"ann:{SHA}abc\n", "line 1"},
        {"ann:$2b$99$abc\n", "line 1"},
        {":$6$a$b\n", "line 1"},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        wharf_server *server = wharf_server_new(NULL);
        assert_int_equal(write_users(WRONG[i].text), 0);
        assert_int_equal(wharf_group_guard(wharf_server_group(server),
                                           WHARF_OPTIONS(wharf_guard_options, .users_file = users_path)),
                         -EINVAL);
        assert_true(says(wharf_why(), WRONG[i].part));
        wharf_server_free(server);
    }
    wharf_server *server = wharf_server_new(NULL);
    assert_int_equal(wharf_group_guard(wharf_server_group(server),
                                       WHARF_OPTIONS(wharf_guard_options, .users_file = "/no/such/file")),
                     -ENOENT);
    wharf_server_free(server);
}

/* ---- whatever happens ---- */

static void play_once(void) {
    (void)ask("/staff/", ANN);
    (void)ask("/staff/", ANN_WRONG);
    (void)ask("/staff/", "");
}

static int once(void *arg) {
    (void)arg;
    int rc = make_groups();
    if (rc < 0) {
        wharf_server_free(stage.server);
        return rc;
    }
    return perform(play_once);
}

static void nothing_is_left_whatever_fails(void **state) {
    (void)state;
    assert_int_equal(write_users(USERS), 0);
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 3);
    assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, options, once) > 0);
    assert_true(scenario_sweep(WHARF_TEST_CANCEL, options, once) > 0);
    assert_true(scenario_sweep(WHARF_TEST_EXPIRE, options, once) > 0);
}

static void secrets_are_equal_when_all_of_them_is(void **state) {
    (void)state;
    wharf_str secret = wharf_str_of("secret");
    assert_true(wharf_str_equal_secret(secret, wharf_str_of("secret")));
    assert_true(wharf_str_equal_secret(wharf_str_of(""), wharf_str_of("")));
    assert_false(wharf_str_equal_secret(secret, wharf_str_of("")));
    assert_false(wharf_str_equal_secret(wharf_str_of(""), secret));
    assert_false(wharf_str_equal_secret(secret, wharf_str_of("secre")));
    assert_false(wharf_str_equal_secret(wharf_str_of("secre"), secret));
    assert_false(wharf_str_equal_secret(secret, wharf_str_of("secres")));
    assert_false(wharf_str_equal_secret(wharf_str_of("aa"), wharf_str_of("aaaa")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_are_read_or_refused),
        cmocka_unit_test(only_known_clients_reach_a_group),
        cmocka_unit_test(who_is_removed_is_out_within_half_a_minute),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(files_are_read_through_at_the_start),
        cmocka_unit_test(nothing_is_left_whatever_fails),
        cmocka_unit_test(secrets_are_equal_when_all_of_them_is),
    };
    int file = mkstemp(users_path);
    if (file < 0 || close(file) < 0) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)remove(users_path);
    return failed;
}

/* The client and its jar, in virtual time: what a server sets comes back to it, on redirects too, and the caller's own
 * cookies never go elsewhere. */
#include "client_stage.h"

static wharf_jar *jar;

/* "/set" sets two cookies, "/go" leads to "/" and sets one. */
static int serve(wharf_sock sock) {
    while (take_head(sock) > 0) {
        const char *fields = head_has("GET /set ")  ? "Set-Cookie: a=1\r\nSet-Cookie: b=\"2\"; Path=/deep\r\n"
                             : head_has("GET /go ") ? "Location: /\r\nSet-Cookie: hop=1\r\n"
                                                    : "";
        char text[256];
        (void)snprintf(text, sizeof(text), "HTTP/1.1 %s\r\n%sContent-Length: 0\r\n\r\n",
                       head_has("GET /go ") ? "302 Found" : "200 OK", fields);
        if (answer(sock, text) < 0) {
            return -1;
        }
    }
    return 0;
}

static wharf_response *fetch_with(const char *path, const char *header, bool no_jar) {
    const char *const lines[] = {header, NULL};
    return wharf_fetch(NULL, WHARF_OPTIONS(wharf_fetch_options, .url = url_of(path), .headers = lines,
                                           .jar = jar, .no_jar = no_jar));
}

static void play_cookies(wharf_client *client) {
    (void)client;
    jar = wharf_jar_new(WHARF_OPTIONS(wharf_jar_options, .suffix_file = ""));
    if (jar == NULL) {
        return;
    }
    wharf_response_free(fetch_with("/set", NULL, false));
    EXPECT(!head_has("Cookie:"));
    wharf_response_free(fetch_with("/", NULL, false));
    EXPECT(head_has("\r\nCookie: a=1\r\n"));
    wharf_response_free(fetch_with("/deep", NULL, false));
    EXPECT(head_has("\r\nCookie: b=\"2\"; a=1\r\n"));
    wharf_response_free(fetch_with("/deep", "Cookie: a=mine; c=3", false));
    EXPECT(head_has("\r\nCookie: a=mine; c=3; b=\"2\"\r\n"));
    wharf_response_free(fetch_with("/", "Cookie:", false));
    EXPECT(!head_has("Cookie:"));
    wharf_response_free(fetch_with("/", "Cookie: x=1", true));
    EXPECT(head_has("\r\nCookie: x=1\r\n"));
    wharf_response_free(fetch_with("/go", NULL, false));
    EXPECT(head_has("GET / ") && head_has("\r\nCookie: a=1; hop=1\r\n"));
    wharf_jar_free(jar);
}

static void returns_what_was_set(void **state) {
    (void)state;
    run(serve, play_cookies);
}

static void play_with_client(wharf_client *unused) {
    (void)unused;
    jar = wharf_jar_new(WHARF_OPTIONS(wharf_jar_options, .suffix_file = ""));
    wharf_client *client = NULL;
    if (jar != NULL) {
        client = wharf_client_new(WHARF_OPTIONS(wharf_client_options, .jar = jar));
    }
    wharf_jar_free(jar); /* the client keeps it */
    if (client == NULL) {
        return;
    }
    wharf_response *first = get(client, "/set");
    wharf_response *second = get(client, "/");
    EXPECT(wharf_response_error(first) < 0 || wharf_response_error(second) < 0 ||
           head_has("\r\nCookie: a=1\r\n"));
    wharf_response_free(first);
    wharf_response_free(second);
    wharf_client_free(client);
}

static void belongs_to_a_client(void **state) {
    (void)state;
    run(serve, play_with_client);
}

static void leaves_nothing_however_it_ends(void **state) {
    (void)state;
    stage.serve = serve;
    play = play_with_client;
    assert_true(scenario_sweep(WHARF_TEST_CANCEL, WHARF_OPTIONS(wharf_sim_options, .seed = 1), perform) > 10);
    assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, WHARF_OPTIONS(wharf_sim_options, .seed = 1), perform) >
                10);
}

/* ---- a jar's file, on the simulated disk ---- */

static int keep(void *arg) {
    (void)arg;
    wharf_jar *one = wharf_jar_new(WHARF_OPTIONS(wharf_jar_options, .suffix_file = ""));
    wharf_jar *two = wharf_jar_new(WHARF_OPTIONS(wharf_jar_options, .suffix_file = ""));
    int rc = one == NULL || two == NULL ? -ENOMEM
                                        : wharf_jar_set(one, "http://a.example/", "a=1; Max-Age=60");
    rc = rc < 0 ? rc : wharf_jar_save(one, "jar", WHARF_JAR_NETSCAPE);
    rc = rc < 0 ? rc : wharf_jar_load(two, "jar");
    if (rc == 0) {
        char text[32];
        ssize_t before = wharf_jar_get(two, "http://a.example/", text, sizeof(text));
        rc = wharf_sleep(60000);
        ssize_t after = wharf_jar_get(two, "http://a.example/", text, sizeof(text));
        EXPECT(before == 3 || before == -ENOMEM);
        EXPECT(rc < 0 || after == 0 || after == -ENOMEM);
    }
    wharf_jar_free(one);
    wharf_jar_free(two);
    return rc < 0 ? rc : 0;
}

static void keeps_a_file(void **state) {
    (void)state;
    scenario_run_seeds(keep);
    assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, WHARF_OPTIONS(wharf_sim_options, .seed = 1), keep) > 5);
    assert_true(scenario_sweep(WHARF_TEST_CANCEL, WHARF_OPTIONS(wharf_sim_options, .seed = 1), keep) > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(returns_what_was_set),
        cmocka_unit_test(belongs_to_a_client),
        cmocka_unit_test(leaves_nothing_however_it_ends),
        cmocka_unit_test(keeps_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

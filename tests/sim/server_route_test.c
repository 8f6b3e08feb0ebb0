/* What stands between a request and its handler: virtual hosts, steps, hooks, tasks that end with the request, and errors as
 * replies. */
#include "server_stage.h"

/* ---- handlers ---- */

static char trace[256];

static void note(const char *text) {
    size_t len = strlen(trace);
    (void)snprintf(trace + len, sizeof(trace) - len, "%s", text);
}

static int say(wharf_request *request, void *arg) {
    note("handler ");
    return wharf_reply_text(request, 200, arg);
}

static void on_head(wharf_request *request, void *arg) {
    char code[16];
    note(arg);
    (void)snprintf(code, sizeof(code), "%d", wharf_reply_code(request));
    EXPECT(wharf_reply_text(request, 200, "too early") == -EALREADY);
    (void)wharf_reply_header(request, "X-Code", code);
}

static void on_end(wharf_request *request, void *arg) {
    EXPECT(wharf_reply_code(request) >= 200);
    note(arg);
}

static int outer(wharf_request *request, void *arg) {
    note("outer ");
    int rc = wharf_before_head(request, on_head, "outer-head ");
    rc = rc < 0 ? rc : wharf_after_reply(request, on_end, "outer-end ");
    rc = rc < 0 ? rc : wharf_next(request);
    note(arg);
    return rc;
}

static int inner(wharf_request *request, void *arg) {
    (void)arg;
    note("inner ");
    if (wharf_request_header(request, "X-Stop").ptr != NULL) {
        return wharf_reply_problem(request, 403, "no \"way\" <in>");
    }
    int rc = wharf_before_head(request, on_head, "inner-head ");
    rc = rc < 0 ? rc : wharf_next(request);
    EXPECT(wharf_next(request) == -EALREADY);
    return rc;
}

static int options(wharf_request *request, void *arg) {
    (void)arg;
    bool asks = wharf_str_is(wharf_request_method(request), "OPTIONS");
    return asks ? wharf_reply_text(request, 200, "preflight") : wharf_next(request);
}

static int fails(wharf_request *request, void *arg) {
    (void)request;
    (void)arg;
    return -EIO;
}

static int next_without_steps(wharf_request *request, void *arg) {
    (void)arg;
    EXPECT(wharf_next(request) == -EALREADY);
    return wharf_reply_text(request, 200, "fine");
}

static int streams(wharf_request *request, void *arg) {
    (void)arg;
    int rc = wharf_reply_begin(request, 200, "text/plain", -1);
    return rc < 0 ? rc : wharf_reply_write(request, "streamed", 8);
}

static int redirects(wharf_request *request, void *arg) {
    (void)arg;
    char next[64];
    wharf_str value = wharf_request_query_value(request, "next");
    (void)snprintf(next, sizeof(next), "%.*s", WHARF_STR_ARG(value));
    int rc = wharf_reply_redirect_within(request, 303, next);
    return rc == -EINVAL ? wharf_reply_redirect_within(request, 303, "/") : rc;
}

/* ---- tasks of a request ---- */

static int64_t sleepers, sleepers_ended;

static int sleeper(void *arg) {
    (void)arg;
    sleepers++;
    int rc = wharf_sleep(3600 * 1000);
    EXPECT(rc == -ECANCELED);
    sleepers_ended++;
    return rc;
}

static int starts(wharf_request *request, void *arg) {
    (void)arg;
    int rc = 0;
    WHARF_WITHIN (60000) { /* however deep it is, they are the request's */
        wharf_scope *scope = wharf_request_scope(request);
        rc = scope == NULL ? -ENOMEM : wharf_go(scope, sleeper, NULL);
        rc = rc < 0 ? rc : wharf_go(wharf_request_scope(request), sleeper, NULL);
        rc = rc < 0 ? rc : wharf_sleep(1);
    }
    return rc < 0 ? rc : wharf_reply_text(request, 200, "started");
}

/* ---- the program ---- */

static int add(wharf_server *server) {
    wharf_group *top = wharf_server_group(server);
    wharf_group *site = wharf_group_new(top, "site.example", NULL);
    wharf_group *shop = wharf_group_new(site, "/shop", NULL);
    wharf_group *other = wharf_group_new(top, "*.example/v1", NULL);
    wharf_group *steps = wharf_group_new(top, "/steps", NULL);
    wharf_group *deep = wharf_group_new(steps, "/deep", NULL);
    wharf_group *asked = wharf_group_new(top, "/asked", NULL);
    const struct {
        wharf_group *group;
        const char *pattern;
        wharf_handler handler;
        const char *arg;
    } routes[] = {
        {top, "/", say, "any"},           {top, "ten.example/", say, "ten"},
        {site, "/", say, "site"},         {shop, "/{item}", say, "item"},
        {other, "/", say, "v1"},          {steps, "/", say, "steps"},
        {deep, "/", say, "deep"},         {asked, "POST /", say, "posted"},
        {top, "/fails", fails, NULL},     {top, "/next", next_without_steps, NULL},
        {deep, "/stream", streams, NULL}, {top, "/redirect", redirects, NULL},
        {top, "/starts", starts, NULL},
    };
    int rc = wharf_group_use(steps, outer, "outer-done ");
    rc = rc < 0 ? rc : wharf_group_use(deep, inner, NULL);
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]) && rc >= 0; i++) {
        rc = wharf_group_route(routes[i].group, routes[i].pattern, routes[i].handler,
                               (void *)(uintptr_t)routes[i].arg);
    }
    return rc < 0 ? rc : wharf_group_use(asked, options, NULL);
}

static const wharf_server_options quiet = {.size = sizeof(quiet), .no_signals = true};

static const struct asked table[] = {
    {.path = "/", .status = 200, .answer = "any"},
    {.path = "/", .headers = {"Host: site.example"}, .status = 200, .answer = "site"},
    {.path = "/", .headers = {"Host: TEN.example:80"}, .status = 200, .answer = "ten"},
    {.path = "/shop/hat", .headers = {"Host: site.example"}, .status = 200, .answer = "item"},
    {.path = "/shop/hat", .status = 404, .answer = "http.path.unknown"},
    {.path = "/v1/", .headers = {"Host: a.b.example"}, .status = 200, .answer = "v1"},
    {.path = "/", .headers = {"Host: a.b.example"}, .status = 200, .answer = "any"},
    {.path = "/asked/", .method = "OPTIONS", .status = 200, .answer = "preflight"},
    {.path = "/asked/", .method = "POST", .status = 200, .answer = "posted"},
    {.path = "/asked/", .status = 405, .fields = {"Allow: POST, OPTIONS"}},
    {.path = "/fails", .status = 500, .answer = "request "},
    {.path = "/fails",
     .headers = {"Accept: text/html"},
     .status = 500,
     .answer = "<p>request ",
     .fields = {"Content-Type: text/html; charset=utf-8", "Vary: Accept"}},
    {.path = "/fails",
     .headers = {"Accept: application/json"},
     .status = 500,
     .answer = "\"reason\":\"handler.failed\",\"request\":\"",
     .fields = {"Content-Type: application/problem+json"}},
    {.path = "/none",
     .headers = {"Accept: application/problem+json, */*;q=0.1"},
     .status = 404,
     .answer =
         "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"reason\":\"http.path.unknown\"}"},
    {.path = "/steps/deep/",
     .headers = {"X-Stop: 1", "Accept: application/json"},
     .status = 403,
     .answer = "\"detail\":\"no \\\"way\\\" <in>\"",
     .fields = {"X-Code: 403"}},
    {.path = "/steps/deep/",
     .headers = {"X-Stop: 1", "Accept: text/html,*/*;q=0.8"},
     .status = 403,
     .answer = "no &quot;way&quot; &lt;in&gt;"},
    {.path = "/steps/deep/stream", .status = 200, .answer = "streamed", .fields = {"X-Code: 200"}},
    {.path = "/next", .status = 200, .answer = "fine"},
    {.path = "/redirect?next=/cart?a=1", .status = 303, .fields = {"Location: /cart?a=1"}},
    {.path = "/redirect?next=//evil.example", .status = 303, .fields = {"Location: /"}},
    {.path = "/redirect?next=/%5cevil.example", .status = 303, .fields = {"Location: /"}},
    {.path = "/redirect?next=/%09/evil.example", .status = 303, .fields = {"Location: /"}},
    {.path = "/redirect?next=http://evil.example/", .status = 303, .fields = {"Location: /"}},
    {.path = "/starts", .status = 200, .answer = "started"},
};

static void play_table(wharf_client *client) {
    sleepers = 0;
    sleepers_ended = 0;
    stage_ask_all(client, table, sizeof(table) / sizeof(table[0]));
    EXPECT(stage_is_struck || (sleepers == 2 && sleepers_ended == 2));
}

static void requests_are_led_and_answered(void **state) {
    (void)state;
    stage_run(&(struct staged){&quiet, add, play_table});
}

static void nothing_is_left_wherever_it_is_struck(void **state) {
    (void)state;
    stage_strike(&(struct staged){&quiet, add, play_table});
}

/* ---- the order of things ---- */

static void expect_trace(wharf_client *client, const struct asked *asked, const char *expected) {
    trace[0] = '\0';
    stage_ask(client, asked);
    if (strcmp(trace, expected) != 0) {
        fprintf(stderr, "%s: %s\n", asked->path, trace);
    }
    EXPECT(strcmp(trace, expected) == 0);
}

static void play_order(wharf_client *client) {
    expect_trace(client, &(struct asked){.path = "/steps/deep/", .status = 200},
                 "outer inner handler inner-head outer-head outer-done outer-end ");
    expect_trace(client, &(struct asked){.path = "/steps/", .status = 200},
                 "outer handler outer-head outer-done outer-end ");
    expect_trace(client, &(struct asked){.path = "/steps/deep/", .headers = {"X-Stop: 1"}, .status = 403},
                 "outer inner outer-head outer-done outer-end ");
    expect_trace(
        client, &(struct asked){.path = "/steps/", .method = "PUT", .status = 405, .fields = {"X-Code: 405"}},
        "outer outer-head outer-done outer-end ");
    expect_trace(client, &(struct asked){.path = "/steps/none", .status = 404, .fields = {"!X-Code"}}, "");
}

static void steps_and_hooks_come_in_order(void **state) {
    (void)state;
    stage_run(&(struct staged){&quiet, add, play_order});
}

/* ---- errors in the program's own way ---- */

static int own_problem(wharf_request *request, const wharf_problem *problem, void *arg) {
    (void)arg;
    char text[128];
    (void)snprintf(text, sizeof(text), "own %d %s %s", problem->status,
                   problem->reason != NULL ? problem->reason : "-",
                   problem->rfc != NULL ? problem->rfc : "-");
    if (problem->status == 501) {
        return 0; /* the server's own way will do */
    }
    if (problem->status == 403) {
        int rc = wharf_reply_begin(request, 403, "text/plain", -1);
        return rc < 0 ? rc : wharf_reply_write(request, text, strlen(text));
    }
    return problem->status == 404 ? wharf_reply_problem(request, 410, "gone")
                                  : wharf_reply_text(request, problem->status, text);
}

static int add_own(wharf_server *server) {
    int rc = wharf_server_on_problem(server, own_problem, NULL);
    return rc < 0 ? rc : add(server);
}

static const struct asked own_table[] = {
    {.path = "/asked/",
     .status = 405,
     .answer = "own 405 http.method.not_allowed -",
     .fields = {"Allow: POST, OPTIONS"}},
    {.path = "/fails", .status = 500, .answer = "own 500 handler.failed -"},
    {.path = "/none", .status = 410, .answer = "gone"},
    {.path = "/", .method = "BREW", .status = 501, .answer = "http.method.unknown"},
    {.path = "/steps/deep/", .headers = {"X-Stop: 1"}, .status = 403, .answer = "own 403 - -"},
};

static void play_own(wharf_client *client) {
    char reply[2048];
    stage_ask_all(client, own_table, sizeof(own_table) / sizeof(own_table[0]));
    (void)stage_talk("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", reply, sizeof(reply));
    EXPECT(stage_is_struck || strstr(reply, "own 400 h1.host.duplicate RFC 9112 section 3.2") != NULL);
    EXPECT(stage_is_struck || strstr(reply, "Connection: close") != NULL);
}

static void one_function_makes_all_error_replies(void **state) {
    (void)state;
    stage_run(&(struct staged){&quiet, add_own, play_own});
    stage_strike(&(struct staged){&quiet, add_own, play_own});
}

/* ---- only for some hosts ---- */

static int add_hosted(wharf_server *server) {
    return wharf_route(server, "site.example/", say, "site");
}

static void play_hosted(wharf_client *client) {
    stage_ask(client, &(struct asked){.path = "/", .status = 404, .answer = "http.host.unknown"});
    stage_ask(client, &(struct asked){.path = "/x",
                                      .headers = {"Host: site.example"},
                                      .status = 404,
                                      .answer = "http.path.unknown"});
    stage_ask(client, &(struct asked){.path = "/", .headers = {"Host: site.example"}, .status = 200});
}

static void unknown_hosts_are_told_so(void **state) {
    (void)state;
    stage_run(&(struct staged){&quiet, add_hosted, play_hosted});
}

static void a_conflict_names_both_places(void **state) {
    (void)state;
    char place[64];
    wharf_server *server = wharf_server_new(NULL);
    wharf_group *group = wharf_group_new(wharf_server_group(server), "h.example/a", NULL);
    assert_int_equal(wharf_route(server, "h.example/a/{b}/c", say, NULL), 0);
    (void)snprintf(place, sizeof(place), "server_route_test.c:%d", __LINE__ - 1);
    assert_int_equal(wharf_group_route(group, "/b/{c}", say, NULL), -EEXIST);
    assert_non_null(strstr(wharf_why(), place));
    (void)snprintf(place, sizeof(place), "server_route_test.c:%d", __LINE__ - 2);
    assert_non_null(strstr(wharf_why(), place));
    assert_int_equal((wharf_route)(server, "/", say, NULL), 0);
    assert_int_equal((wharf_group_route)(group, "/", say, NULL), 0);
    assert_null(wharf_group_new(group, "other.example", NULL));
    assert_int_equal(wharf_group_use(group, NULL, NULL), -EINVAL);
    wharf_server_free(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_led_and_answered),
        cmocka_unit_test(nothing_is_left_wherever_it_is_struck),
        cmocka_unit_test(steps_and_hooks_come_in_order),
        cmocka_unit_test(one_function_makes_all_error_replies),
        cmocka_unit_test(unknown_hosts_are_told_so),
        cmocka_unit_test(a_conflict_names_both_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

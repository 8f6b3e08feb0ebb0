/* Groups of routes: prefixes, and settings that routes inherit. */
#include "server_stage.h"

enum { SECOND = 1000 };

/* ---- handlers ---- */

static int where(wharf_request *request, void *arg) {
    return wharf_reply_text(request, 200, arg);
}

static int whole(wharf_request *request, void *arg) {
    (void)arg;
    wharf_str body;
    int rc = wharf_request_body(request, &body);
    return rc < 0 ? rc : wharf_reply_bytes(request, 200, "text/plain", body.ptr, body.len);
}

static int streamed(wharf_request *request, void *arg) {
    (void)arg;
    char text[64];
    char buffer[16];
    ssize_t count = 1;
    int64_t total = 0;
    while (count > 0) {
        count = wharf_request_read(request, buffer, sizeof(buffer));
        total += count > 0 ? count : 0;
    }
    (void)snprintf(text, sizeof(text), "%lld bytes", (long long)total);
    return count < 0 ? (int)count : wharf_reply_text(request, 200, text);
}

static int slow(wharf_request *request, void *arg) {
    (void)arg;
    int rc = wharf_sleep(20 * SECOND);
    return rc < 0 ? rc : wharf_reply_text(request, 200, "slept");
}

/* Replies before its time is up, and overstays. */
static int late(wharf_request *request, void *arg) {
    (void)arg;
    int rc = wharf_reply_text(request, 200, "early");
    (void)wharf_sleep(20 * SECOND);
    return rc;
}

static int64_t finished;

static int counting(wharf_request *request, void *arg) {
    (void)arg;
    int rc = wharf_sleep(SECOND);
    finished += rc == 0;
    return rc < 0 ? rc : wharf_reply_text(request, 200, "done");
}

static int add(wharf_server *server) {
    wharf_group *top = wharf_server_group(server);
    wharf_group *api = wharf_group_new(top, "/api", WHARF_OPTIONS(wharf_route_options, .body_bytes = 10));
    wharf_group *wide = wharf_group_new(api, "/wide",
                                        WHARF_OPTIONS(wharf_route_options, .body_bytes = WHARF_OFF));
    wharf_group *narrow = wharf_group_new(api, "", WHARF_OPTIONS(wharf_route_options, .upload_bytes = 100));
    wharf_group *brief = wharf_group_new(top, "/brief",
                                         WHARF_OPTIONS(wharf_route_options, .handler_ms = 500));
    wharf_group *few = wharf_group_new(top, "/few", WHARF_OPTIONS(wharf_route_options, .concurrency = 2));
    wharf_group *one = wharf_group_new(few, "/one", WHARF_OPTIONS(wharf_route_options, .concurrency = 1));
    wharf_group *finish = wharf_group_new(top, "/finish",
                                          WHARF_OPTIONS(wharf_route_options, .client_gone = WHARF_OFF));
    wharf_group *cancel = wharf_group_new(top, "/cancel",
                                          WHARF_OPTIONS(wharf_route_options, .client_gone = WHARF_ON));
    const struct {
        wharf_group *group;
        const char *pattern;
        wharf_handler handler;
        const char *arg;
    } routes[] = {
        {top, "/", where, "top"},
        {api, "/", where, "api"},
        {api, "/{name}", where, "named"},
        {api, "* /any", where, "any"},
        {api, "POST /whole", whole, NULL},
        {wide, "POST /whole", whole, NULL},
        {narrow, "POST /read", streamed, NULL},
        {brief, "/slow", slow, NULL},
        {brief, "/late", late, NULL},
        {few, "/slow", slow, NULL},
        {one, "/slow", slow, NULL},
        {finish, "/it", counting, NULL},
        {cancel, "POST /it", counting, NULL},
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]) && rc >= 0; i++) {
        rc = wharf_group_route(routes[i].group, routes[i].pattern, routes[i].handler,
                               (void *)(uintptr_t)routes[i].arg);
    }
    return rc < 0 ? rc : wharf_group_files(api, "/files/", WHARF_SOURCE_ROOT "/examples", NULL);
}

static const wharf_server_options quiet = {.size = sizeof(quiet), .no_signals = true};

/* ---- what is inherited ---- */

static const struct asked table[] = {
    {.path = "/", .status = 200, .answer = "top"},
    {.path = "/api/", .status = 200, .answer = "api"},
    {.path = "/api", .status = 404},
    {.path = "/api/x", .status = 200, .answer = "named"},
    {.path = "/api/any", .method = "PATCH", .status = 200, .answer = "any"},
    {.path = "/api/files/chat_server.c", .status = 200, .answer = "main"},
    {.path = "/api/files", .status = 200, .answer = "named"},
    {.path = "/api/whole", .type = "text/plain", .body = "0123456789", .status = 200, .answer = "0123456789"},
    {.path = "/api/whole", .type = "text/plain", .body = "0123456789a", .status = 413},
    {.path = "/api/wide/whole",
     .type = "text/plain",
     .body = "0123456789abcdef",
     .status = 200,
     .answer = "abcdef"},
    {.path = "/api/read",
     .type = "text/plain",
     .body = "0123456789abcdef",
     .status = 200,
     .answer = "16 bytes"},
    {.path = "/api/read",
     .type = "text/plain",
     .body =
         "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789!",
     .status = 413},
    {.path = "/brief/slow", .status = 503, .answer = "handler.slow"},
    {.path = "/brief/late", .status = 200, .answer = "early"},
};

static void play_table(wharf_client *client) {
    stage_ask_all(client, table, sizeof(table) / sizeof(table[0]));
}

static void settings_are_inherited(void **state) {
    (void)state;
    stage_run(&(struct staged){&quiet, add, play_table});
}

static void nothing_is_left_wherever_it_is_struck(void **state) {
    (void)state;
    stage_strike(&(struct staged){&quiet, add, play_table});
}

static void play_chunked(wharf_client *client) {
    (void)client;
    char reply[2048];
    static const char head[] = "POST /api/read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    char request[512];
    (void)snprintf(request, sizeof(request), "%s64\r\n%0100d\r\n0\r\n\r\n", head, 7);
    (void)stage_talk(request, reply, sizeof(reply));
    EXPECT(strstr(reply, "100 bytes") != NULL);
    (void)snprintf(request, sizeof(request), "%s64\r\n%0100d\r\n1\r\nx\r\n0\r\n\r\n", head, 7);
    (void)stage_talk(request, reply, sizeof(reply));
    EXPECT(strstr(reply, " 413 ") != NULL);
}

static void a_chunked_body_may_be_as_long_as_the_limit(void **state) {
    (void)state;
    stage_run(&(struct staged){&quiet, add, play_chunked});
}

/* ---- how many at once ---- */

static int ask_slowly(void *arg) {
    stage_ask(NULL, *(const struct asked **)arg);
    return 0;
}

static void play_crowd(wharf_client *client) {
    static const struct asked waits = {.path = "/few/one/slow", .status = 200, .answer = "slept"};
    static const struct asked waits_too = {.path = "/few/slow", .status = 200, .answer = "slept"};
    static const struct asked full = {
        .path = "/few/slow", .status = 503, .answer = "route.busy", .fields = {"Retry-After: 1"}};
    static const struct asked full_inside = {.path = "/few/one/slow", .status = 503, .answer = "route.busy"};
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, ask_slowly, &waits);
        (void)wharf_sleep(SECOND);
        stage_ask(client, &full_inside);
        (void)wharf_go(scope, ask_slowly, &waits_too);
        (void)wharf_sleep(SECOND);
        stage_ask(client, &full);
        stage_ask(client, &(const struct asked){.path = "/", .status = 200});
    }
    stage_ask(client, &waits);
}

static void handlers_of_a_group_are_limited(void **state) {
    (void)state;
    stage_run(&(struct staged){&quiet, add, play_crowd});
}

/* ---- clients that are gone ---- */

static void leave(const char *request) {
    wharf_sock sock = wharf_dial(stage_base + strlen("http://"));
    (void)wharf_send(sock, request, strlen(request));
    (void)wharf_sleep(100);
    (void)wharf_abort(sock);
    (void)wharf_sleep(2 * SECOND);
}

static void play_leaving(wharf_client *client) {
    (void)client;
    finished = 0;
    leave("GET /finish/it HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT(finished == 1);
    leave("POST /cancel/it HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    EXPECT(finished == 1);
}

static void a_route_says_what_becomes_of_handlers_without_clients(void **state) {
    (void)state;
    stage_run(&(struct staged){&quiet, add, play_leaving});
}

/* ---- mistakes ---- */

static void nonsense_is_refused(void **state) {
    (void)state;
    wharf_server *server = wharf_server_new(NULL);
    wharf_group *top = wharf_server_group(server);
    assert_null(wharf_group_new(top, "a:80/api", NULL));
    assert_null(wharf_group_new(top, "/", NULL));
    assert_null(wharf_group_new(top, "/api/", NULL));
    assert_null(wharf_group_new(top, NULL, NULL));
    assert_null(wharf_group_new(NULL, "/api", NULL));
    assert_null(wharf_group_new(top, "", WHARF_OPTIONS(wharf_route_options, .handler_ms = -5)));
    assert_non_null(strstr(wharf_why(), "handler_ms"));
    assert_null(wharf_group_new(top, "", WHARF_OPTIONS(wharf_route_options, .compress = 2)));
    assert_non_null(strstr(wharf_why(), "compress"));
    assert_null(wharf_group_new(top, "", WHARF_OPTIONS(wharf_route_options, .compress_types = "a\r\nb")));
    assert_int_equal(wharf_group_route(NULL, "/", where, NULL), -EINVAL);
    assert_int_equal(wharf_serve(server, "127.0.0.1:0"), -EINVAL);
    wharf_server_free(server);
    assert_null(wharf_server_new(
        WHARF_OPTIONS(wharf_server_options, .routes = WHARF_OPTIONS(wharf_route_options, .rate_bytes = -2))));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_inherited),
        cmocka_unit_test(nothing_is_left_wherever_it_is_struck),
        cmocka_unit_test(a_chunked_body_may_be_as_long_as_the_limit),
        cmocka_unit_test(handlers_of_a_group_are_limited),
        cmocka_unit_test(a_route_says_what_becomes_of_handlers_without_clients),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

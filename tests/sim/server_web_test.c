/* What other sites may do, and replies beside the usual ones: content with validators, hints, fields behind a body, another
 * protocol. */
#include "server_stage.h"

/* ---- handlers ---- */

static int64_t handled;

static int say(wharf_request *request, void *arg) {
    handled++;
    return wharf_reply_text(request, 200, arg);
}

static int own_frame(wharf_request *request, void *arg) {
    (void)arg;
    int rc = wharf_reply_headerf(request, "X-Frame-Options", "%s%d", "SAME", 7);
    return rc < 0 ? rc : wharf_reply_text(request, 200, "framed");
}

static int fails(wharf_request *request, void *arg) {
    (void)request;
    (void)arg;
    return -EIO;
}

static int long_header(wharf_request *request, void *arg) {
    (void)arg;
    EXPECT(wharf_reply_headerf(request, "X-Long", "%02000d", 7) == -WHARF_ELIMIT);
    return wharf_reply_text(request, 200, "never");
}

static int content(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_content(request, WHARF_OPTIONS(wharf_content, .bytes = "0123456789", .len = 10,
                                                      .content_type = "text/plain", .etag = "\"v1\"",
                                                      .modified_s = 784111777));
}

static int bad_content(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_content(request, WHARF_OPTIONS(wharf_content, .bytes = "x", .len = 1, .etag = "v1"));
}

static int hints(wharf_request *request, void *arg) {
    int rc = wharf_reply_early_hints(
        request, (const char *const[]){"</a.css>; rel=preload; as=style", "</b.js>; rel=preload", NULL});
    return rc < 0 ? rc : wharf_reply_text(request, 200, arg);
}

static int trailers(wharf_request *request, void *arg) {
    (void)arg;
    EXPECT(wharf_reply_trailer(request, "X-Sum", "1") == -EINVAL);
    int rc = wharf_reply_begin(request, 200, "text/plain", -1);
    rc = rc < 0 ? rc : wharf_reply_write(request, "body", 4);
    rc = rc < 0 ? rc : wharf_reply_trailer(request, "X-Sum", "42");
    rc = rc < 0 ? rc : wharf_reply_trailer(request, "Server-Timing", "db;dur=5");
    EXPECT(wharf_reply_trailer(request, "Content-Length", "4") == -EINVAL);
    EXPECT(wharf_reply_trailer(request, "X", "a\r\nb") == -EINVAL);
    return rc;
}

/* Gives back all that comes, in capital letters, until "." */
static int shout(wharf_request *request, void *arg) {
    (void)arg;
    char buffer[64];
    int rc = wharf_reply_upgrade(request, "shout");
    if (rc == -EINVAL) {
        return wharf_reply_text(request, 426, "Upgrade: shout");
    }
    ssize_t count = 1;
    while (rc >= 0 && count > 0) {
        count = wharf_request_read(request, buffer, sizeof(buffer));
        for (ssize_t i = 0; i < count; i++) {
            buffer[i] = (char)(buffer[i] >= 'a' && buffer[i] <= 'z' ? buffer[i] - 32 : buffer[i]);
        }
        rc = count > 0 ? wharf_reply_write(request, buffer, (size_t)count) : 0;
        rc = rc < 0 ? rc : wharf_reply_flush(request);
        count = count > 0 && buffer[count - 1] == '.' ? 0 : count;
    }
    return rc < 0 ? rc : count < 0 ? (int)count : 0;
}

static int add(wharf_server *server) {
    wharf_group *top = wharf_server_group(server);
    wharf_group *open = wharf_group_new(top, "/open", NULL);
    wharf_group *some = wharf_group_new(top, "/some", NULL);
    wharf_group *own = wharf_group_new(top, "/own", NULL);
    wharf_group *safe = wharf_group_new(top, "/safe", NULL);
    wharf_group *hinted = wharf_group_new(top, "/hinted",
                                          WHARF_OPTIONS(wharf_route_options, .early_hints = WHARF_ON));
    const struct {
        wharf_group *group;
        const char *pattern;
        wharf_handler handler;
    } routes[] = {
        {open, "/", say},
        {some, "PUT /", say},
        {some, "/fails", fails},
        {own, "* /", say},
        {safe, "/", say},
        {safe, "/frame", own_frame},
        {top, "/long", long_header},
        {top, "/content", content},
        {top, "/bad", bad_content},
        {hinted, "/", hints},
        {top, "/unhinted", hints},
        {top, "/trailers", trailers},
        {top, "/shout", shout},
    };
    int rc = wharf_group_cors(open, WHARF_OPTIONS(wharf_cors, .origins = "*", .max_age_s = WHARF_OFF));
    rc = rc < 0 ? rc
                : wharf_group_cors(some, WHARF_OPTIONS(wharf_cors,
                                                       .origins = "https://a.example, http://b.example:81",
                                                       .methods = "PUT", .headers = "Authorization",
                                                       .expose = "X-Name", .credentials = true));
    rc = rc < 0 ? rc : wharf_group_same_origin(own, "https://friend.example");
    rc = rc < 0 ? rc : wharf_group_secure(safe, WHARF_OPTIONS(wharf_secure, .referrer_policy = ""));
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]) && rc >= 0; i++) {
        rc = wharf_group_route(routes[i].group, routes[i].pattern, routes[i].handler, "said");
    }
    return rc;
}

static const wharf_server_options quiet = {.size = sizeof(quiet), .no_signals = true};

#define ASKS "Access-Control-Request-Method: PUT"

static const struct asked table[] = {
    {.path = "/open/",
     .headers = {"Origin: https://x"},
     .status = 200,
     .answer = "said",
     .fields = {"Access-Control-Allow-Origin: *", "!Vary", "!Access-Control-Allow-Credentials"}},
    {.path = "/open/",
     .method = "OPTIONS",
     .headers = {"Origin: https://x", ASKS},
     .status = 204,
     .fields = {"Access-Control-Allow-Origin: *", "!Access-Control-Max-Age"}},
    {.path = "/open/", .method = "OPTIONS", .status = 204, .fields = {"Allow: GET, HEAD, OPTIONS"}},
    {.path = "/some/",
     .method = "OPTIONS",
     .headers = {"Origin: https://a.example", ASKS},
     .status = 204,
     .fields = {"Access-Control-Allow-Origin: https://a.example", "Access-Control-Allow-Methods: PUT",
                "Access-Control-Allow-Headers: Authorization", "Access-Control-Max-Age: 600",
                "Access-Control-Allow-Credentials: true"}},
    {.path = "/some/",
     .method = "OPTIONS",
     .headers = {"Origin: https://evil.example", ASKS},
     .status = 204,
     .fields = {"!Access-Control-Allow-Origin", "!Access-Control-Allow-Methods"}},
    {.path = "/some/",
     .method = "PUT",
     .headers = {"Origin: http://b.example:81"},
     .status = 200,
     .fields = {"Access-Control-Allow-Origin: http://b.example:81", "Vary: Origin",
                "Access-Control-Expose-Headers: X-Name"}},
    {.path = "/some/",
     .method = "PUT",
     .status = 200,
     .fields = {"!Access-Control-Allow-Origin", "Vary: Origin"}},
    {.path = "/some/fails",
     .headers = {"Origin: https://a.example"},
     .status = 500,
     .fields = {"Access-Control-Allow-Origin: https://a.example"}},
    {.path = "/own/", .method = "POST", .headers = {"Sec-Fetch-Site: same-origin"}, .status = 200},
    {.path = "/own/", .method = "POST", .headers = {"Sec-Fetch-Site: none"}, .status = 200},
    {.path = "/own/",
     .method = "POST",
     .headers = {"Sec-Fetch-Site: cross-site"},
     .status = 403,
     .answer = "http.cross_site"},
    {.path = "/own/", .method = "POST", .headers = {"Sec-Fetch-Site: same-site"}, .status = 403},
    {.path = "/own/", .headers = {"Sec-Fetch-Site: cross-site"}, .status = 200},
    {.path = "/own/",
     .method = "POST",
     .headers = {"Sec-Fetch-Site: cross-site", "Origin: https://friend.example"},
     .status = 200},
    {.path = "/own/", .method = "DELETE", .headers = {"Origin: https://evil.example"}, .status = 403},
    {.path = "/own/",
     .method = "DELETE",
     .headers = {"Host: Own.example", "Origin: https://own.example"},
     .status = 200},
    {.path = "/own/", .method = "DELETE", .headers = {"Origin: null"}, .status = 403},
    {.path = "/own/", .method = "DELETE", .status = 200},
    {.path = "/safe/",
     .status = 200,
     .fields = {"X-Content-Type-Options: nosniff", "X-Frame-Options: DENY", "!Referrer-Policy",
                "!Strict-Transport-Security"}},
    {.path = "/safe/frame", .status = 200, .fields = {"X-Frame-Options: SAME7"}},
    {.path = "/long", .status = 500, .answer = "handler.misuse"},
    {.path = "/content",
     .status = 200,
     .answer = "0123456789",
     .fields = {"ETag: \"v1\"", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT", "Accept-Ranges: bytes"}},
    {.path = "/content",
     .headers = {"If-None-Match: \"v0\", W/\"v1\""},
     .status = 304,
     .answer = "",
     .fields = {"ETag: \"v1\""}},
    {.path = "/content", .headers = {"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"}, .status = 304},
    {.path = "/content", .headers = {"If-Match: \"v2\""}, .status = 412},
    {.path = "/content",
     .headers = {"Range: bytes=2-4"},
     .status = 206,
     .answer = "234",
     .fields = {"Content-Range: bytes 2-4/10", "Content-Length: 3"}},
    {.path = "/content",
     .headers = {"Range: bytes=2-4", "If-Range: \"v0\""},
     .status = 200,
     .answer = "0123456789"},
    {.path = "/content",
     .headers = {"Range: bytes=20-"},
     .status = 416,
     .fields = {"Content-Range: bytes */10"}},
    {.path = "/content", .headers = {"Range: bytes=0-1,4-5"}, .status = 200},
    {.path = "/bad", .status = 500, .answer = "handler.misuse"},
    {.path = "/hinted/", .status = 200, .answer = "said"},
    {.path = "/shout", .status = 426},
};

static void play_table(wharf_client *client) {
    stage_ask_all(client, table, sizeof(table) / sizeof(table[0]));
}

static void other_sites_may_do_what_they_may(void **state) {
    (void)state;
    stage_run(&(struct staged){&quiet, add, play_table});
}

static void nothing_is_left_wherever_it_is_struck(void **state) {
    (void)state;
    stage_strike(&(struct staged){&quiet, add, play_table});
}

static void play_preflight(wharf_client *client) {
    handled = 0;
    stage_ask(client, &table[1]);
    stage_ask(client, &table[3]);
    EXPECT(handled == 0);
}

static void preflights_reach_no_handler(void **state) {
    (void)state;
    stage_run(&(struct staged){&quiet, add, play_preflight});
}

/* ---- byte by byte ---- */

static char reply[4096];

static void expect_talk(const char *request, const char *const *parts) {
    (void)stage_talk(request, reply, sizeof(reply));
    for (size_t i = 0; parts[i] != NULL; i++) {
        if (strstr(reply, parts[i]) == NULL && !stage_is_struck) {
            fprintf(stderr, "%s\ngave\n%s\nwithout %s\n", request, reply, parts[i]);
        }
        EXPECT(stage_is_struck || strstr(reply, parts[i]) != NULL);
    }
}

#define TALK(request, ...) expect_talk(request, (const char *const[]){__VA_ARGS__, NULL})

static void play_bytes(wharf_client *client) {
    (void)client;
    TALK(
        "GET /hinted/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style\r\nLink: </b.js>; rel=preload\r\n\r\n"
        "HTTP/1.1 200 OK\r\n");
    TALK("GET /hinted/ HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n");
    EXPECT(strstr(reply, "103") == NULL);
    TALK("GET /unhinted HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n");
    EXPECT(strstr(reply, "103") == NULL);
    TALK("GET /trailers HTTP/1.1\r\nHost: x\r\n\r\n",
         "\r\n4\r\nbody\r\n0\r\nX-Sum: 42\r\nServer-Timing: db;dur=5\r\n\r\n");
    TALK("GET /trailers HTTP/1.0\r\n\r\n", "\r\n\r\nbody");
    EXPECT(strstr(reply, "X-Sum") == NULL);
    TALK(
        "GET /shout HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: other, Shout\r\n\r\nabc\r\n\r\ndef",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\nABC\r\n\r\nDEF");
    TALK("GET /shout HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\nend.and more",
         "101 Switching Protocols", "\r\n\r\nEND.");
    TALK("GET /shout HTTP/1.1\r\nHost: x\r\nUpgrade: shout\r\n\r\n", "426 Upgrade Required");
    TALK(
        "GET /shout HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: shout\r\nContent-Length: 1\r\n\r\nx",
        "426 Upgrade Required");
}

static void what_is_on_the_wire_is_right(void **state) {
    (void)state;
    stage_run(&(struct staged){&quiet, add, play_bytes});
    stage_strike(&(struct staged){&quiet, add, play_bytes});
}

/* A tunnel that is silent for long lives, and a graceful stop waits for it. */
static void play_tunnel(wharf_client *client) {
    (void)client;
    static const char request[] =
        "GET /shout HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n";
    char answer[8];
    wharf_sock sock = wharf_dial(stage_base + strlen("http://"));
    EXPECT(wharf_send(sock, request, sizeof(request) - 1) >= 0);
    size_t len = 0;
    while (len < sizeof(reply) && (len < 4 || memcmp(reply + len - 4, "\r\n\r\n", 4) != 0)) {
        EXPECT(wharf_recv_exact(sock, reply + len, 1) >= 0);
        len++;
    }
    EXPECT(wharf_sleep(600 * 1000) == 0);
    EXPECT(wharf_send(sock, "late", 4) >= 0);
    EXPECT(wharf_recv_exact(sock, answer, 4) >= 0 && memcmp(answer, "LATE", 4) == 0);
    EXPECT(wharf_send(sock, "bye.", 4) >= 0);
    EXPECT(wharf_recv_exact(sock, answer, 4) >= 0 && memcmp(answer, "BYE.", 4) == 0);
    (void)wharf_close(sock);
}

static void a_silent_tunnel_lives(void **state) {
    (void)state;
    stage_run(&(struct staged){&quiet, add, play_tunnel});
}

static void nonsense_is_refused(void **state) {
    (void)state;
    wharf_server *server = wharf_server_new(NULL);
    wharf_group *top = wharf_server_group(server);
    assert_int_equal(wharf_group_cors(top, NULL), -EINVAL);
    assert_int_equal(wharf_group_cors(top, WHARF_OPTIONS(wharf_cors, .origins = "*", .credentials = true)),
                     -EINVAL);
    assert_int_equal(wharf_group_cors(top, WHARF_OPTIONS(wharf_cors, .origins = "a\r\nb")), -EINVAL);
    assert_int_equal(wharf_group_cors(NULL, WHARF_OPTIONS(wharf_cors, .origins = "*")), -EINVAL);
    assert_int_equal(wharf_group_secure(top, WHARF_OPTIONS(wharf_secure, .hsts_s = -3)), -EINVAL);
    assert_int_equal(wharf_group_same_origin(top, "a\nb"), -EINVAL);
    assert_int_equal(wharf_group_same_origin(NULL, NULL), -EINVAL);
    wharf_server_free(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_sites_may_do_what_they_may),
        cmocka_unit_test(nothing_is_left_wherever_it_is_struck),
        cmocka_unit_test(preflights_reach_no_handler),
        cmocka_unit_test(what_is_on_the_wire_is_right),
        cmocka_unit_test(a_silent_tunnel_lives),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

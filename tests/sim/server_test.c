/* The HTTP server as a whole, in virtual time: what it answers to well-formed and malformed requests, how long it waits,
 * how it stops, and that nothing is left behind whatever happens on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wharf/wharf.h"

enum { SECOND = 1000, REPLY_SIZE = 64 * 1024 };

struct stage {
    wharf_server *server;
    const wharf_server_limits *limits;
    void (*play)(struct stage *stage);
    char address[WHARF_ADDRESS_SIZE];
    int run_result;
    int handler_result; /* what the last blocking call of a handler gave */
    int64_t handler_ms; /* how long it took */
    int handlers_run;
    bool tolerant; /* faults are being injected: failing is fine, leaking is not */
    char reply[REPLY_SIZE];
    size_t reply_len;
};

static int64_t now_ms(void) {
    return wharf_now_ns() / 1000000;
}

/* ---- handlers ---- */

static int handle_hello(wharf_request *request, void *arg) {
    ((struct stage *)arg)->handlers_run++;
    return wharf_reply_text(request, 200, "hello");
}

static int handle_echo(wharf_request *request, void *arg) {
    (void)arg;
    wharf_str body;
    int rc = wharf_request_body(request, &body);
    return rc < 0 ? rc : wharf_reply_bytes(request, 200, "application/octet-stream", body.ptr, body.len);
}

static int handle_unread(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_text(request, 200, "unread");
}

static int handle_sleep(wharf_request *request, void *arg) {
    struct stage *stage = arg;
    int64_t start = now_ms();
    stage->handler_result = wharf_sleep(20 * SECOND);
    stage->handler_ms = now_ms() - start;
    return stage->handler_result < 0 ? stage->handler_result : wharf_reply_text(request, 200, "slept");
}

static int handle_stuck(wharf_request *request, void *arg) {
    struct stage *stage = arg;
    (void)request;
    stage->handler_result = wharf_sleep(WHARF_OFF);
    return stage->handler_result;
}

static int handle_stream(wharf_request *request, void *arg) {
    (void)arg;
    char piece[1000];
    memset(piece, 'p', sizeof(piece));
    int rc = wharf_reply_begin(request, 200, "text/plain", -1);
    for (int i = 0; i < 3 && rc >= 0; i++) {
        rc = wharf_reply_write(request, piece, sizeof(piece));
    }
    return rc;
}

static int handle_torrent(wharf_request *request, void *arg) {
    struct stage *stage = arg;
    static const char PIECE[16000];
    int64_t start = now_ms();
    int rc = wharf_reply_begin(request, 200, "text/plain", 100 * (int64_t)sizeof(PIECE));
    for (int i = 0; i < 100 && rc >= 0; i++) {
        rc = wharf_reply_write(request, PIECE, sizeof(PIECE));
    }
    stage->handler_result = rc;
    stage->handler_ms = now_ms() - start;
    return rc;
}

static int handle_broken(wharf_request *request, void *arg) {
    (void)arg;
    int rc = wharf_reply_begin(request, 200, "text/plain", -1);
    rc = rc < 0 ? rc : wharf_reply_write(request, "half", 4);
    rc = rc < 0 ? rc : wharf_reply_flush(request);
    return rc < 0 ? rc : -EIO;
}

static int handle_short(wharf_request *request, void *arg) {
    (void)arg;
    int rc = wharf_reply_begin(request, 200, "text/plain", 100);
    return rc < 0 ? rc : wharf_reply_write(request, "half", 4);
}

static int handle_error(wharf_request *request, void *arg) {
    (void)request;
    (void)arg;
    return -EIO;
}

static int handle_silent(wharf_request *request, void *arg) {
    (void)request;
    (void)arg;
    return 0;
}

static int handle_split(wharf_request *request, void *arg) {
    (void)arg;
    (void)wharf_reply_header(request, "X-Name", "a\r\nSet-Cookie: evil=1");
    return wharf_reply_text(request, 200, "never");
}

static int handle_redirect(wharf_request *request, void *arg) {
    (void)arg;
    int rc = wharf_reply_redirect(request, 302, "//evil.example/");
    return rc == -EINVAL && wharf_reply_begun(request) ? 0 : rc;
}

static int handle_file(wharf_request *request, void *arg) {
    (void)arg;
    int rc = wharf_reply_file(request, "/no/such/file");
    if (rc != -ENOENT || wharf_reply_begun(request)) {
        return wharf_reply_text(request, 500, "found");
    }
    rc = wharf_reply_header(request, "Content-Type", "text/x-license");
    return rc < 0 ? rc : wharf_reply_file(request, WHARF_SOURCE_ROOT "/LICENSE");
}

static int handle_not_allowed(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_text(request, 405, "no");
}

static int handle_facts(wharf_request *request, void *arg) {
    (void)arg;
    char text[512];
    wharf_str query = wharf_request_query(request);
    wharf_str host = wharf_request_host(request);
    wharf_str path = wharf_request_path(request);
    wharf_str rest = wharf_request_param(request, "rest");
    wharf_str agent = wharf_request_header(request, "user-agent");
    (void)snprintf(text, sizeof(text),
                   "path=%.*s query=%.*s host=%.*s rest=%.*s agent=%.*s minor=%d length=%lld",
                   WHARF_STR_ARG(path), WHARF_STR_ARG(query), WHARF_STR_ARG(host), WHARF_STR_ARG(rest),
                   WHARF_STR_ARG(agent), wharf_request_version_minor(request),
                   (long long)wharf_request_content_length(request));
    return wharf_reply_text(request, 200, text);
}

static int add_routes(struct stage *stage) {
    static const struct {
        const char *pattern;
        wharf_handler handler;
    } ROUTES[] = {
        {"GET /", handle_hello},          {"POST /echo", handle_echo},
        {"GET /unread", handle_unread},   {"POST /unread", handle_unread},
        {"GET /sleep", handle_sleep},     {"POST /sleep", handle_sleep},
        {"POST /stuck", handle_stuck},    {"GET /stream", handle_stream},
        {"GET /torrent", handle_torrent}, {"GET /broken", handle_broken},
        {"GET /short", handle_short},     {"GET /error", handle_error},
        {"GET /silent", handle_silent},   {"GET /split", handle_split},
        {"GET /open", handle_redirect},   {"GET /facts/{rest...}", handle_facts},
        {"GET /license", handle_file},    {"PUT /no", handle_not_allowed},
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]) && rc == 0; i++) {
        rc = wharf_route(stage->server, ROUTES[i].pattern, ROUTES[i].handler, stage);
    }
    return rc < 0 ? rc
                  : wharf_files(stage->server, "/files/", WHARF_SOURCE_ROOT,
                                WHARF_OPTIONS(wharf_files_options, .listing = true, .precompressed = true,
                                              .clean_urls = true, .fallback = "LICENSE", .immutable = true));
}

/* ---- the stage ---- */

static int run_server(void *arg) {
    struct stage *stage = *(struct stage **)arg;
    stage->run_result = wharf_server_run(stage->server);
    return 0;
}

static int perform(void *arg) {
    struct stage *stage = arg;
    wharf_server_options options = {.size = sizeof(options)};
    if (stage->limits != NULL) {
        options.limits = *stage->limits;
    }
    stage->server = wharf_server_new(&options);
    if (stage->server == NULL) {
        return -ENOMEM;
    }
    int rc = add_routes(stage);
    rc = rc == 0 ? wharf_server_listen(stage->server, "127.0.0.1:0") : rc;
    if (rc == 0) {
        (void)snprintf(stage->address, sizeof(stage->address), "%s", wharf_server_address(stage->server, 0));
        WHARF_SCOPE (scope, NULL) {
            rc = wharf_go(scope, run_server, stage);
            if (rc == 0) {
                stage->play(stage);
                (void)wharf_server_stop(stage->server);
            }
        }
    }
    wharf_server_free(stage->server);
    return rc;
}

static struct stage stage;

static wharf_sim_report perform_on(const wharf_sim_options *options, void (*play)(struct stage *),
                                   const wharf_server_limits *limits) {
    wharf_sim_report report = {0};
    bool tolerant = options->fail_allocation != 0 || options->cancel_checkpoint != 0 ||
                    options->expire_checkpoint != 0 || options->reset_at_byte != 0;
    stage = (struct stage){.play = play, .limits = limits, .tolerant = tolerant};
    int rc = wharf_sim_run_report(options, perform, &stage, &report);
    if (!tolerant) {
        assert_int_equal(rc, 0);
    }
    assert_int_equal(report.tasks_left, 0);
    assert_int_equal(report.sockets_left, 0);
    assert_int_equal(report.blocks_left, 0);
    return report;
}

static void perform_simply(void (*play)(struct stage *)) {
    (void)perform_on(WHARF_OPTIONS(wharf_sim_options, .seed = 1), play, NULL);
}

/* ---- a client without opinions ---- */

static wharf_sock client_open(struct stage *at) {
    wharf_sock sock = wharf_dial(at->address);
    if (!at->tolerant) {
        assert_false(wharf_failed(sock));
    }
    return sock;
}

/* Receives until the end, an error, or `len` bytes. Returns what ended it. */
static ssize_t client_read(struct stage *at, wharf_sock sock, size_t len) {
    ssize_t count = 1;
    at->reply_len = 0;
    while (at->reply_len < len && count > 0) {
        count = wharf_recv(sock, at->reply + at->reply_len, len - at->reply_len);
        at->reply_len += count > 0 ? (size_t)count : 0;
    }
    at->reply[at->reply_len] = '\0';
    return count;
}

/* Sends a request, ends the sending side, and reads all that comes. */
static const char *client_talk(struct stage *at, const char *request) {
    wharf_sock sock = client_open(at);
    (void)wharf_send(sock, request, strlen(request));
    (void)wharf_shutdown_write(sock);
    (void)client_read(at, sock, sizeof(at->reply) - 1);
    (void)wharf_close(sock);
    return at->reply;
}

static bool has(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

static size_t count_of(const char *text, const char *part) {
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

static void expect(struct stage *at, const char *request, const char *const *parts) {
    const char *reply = client_talk(at, request);
    for (size_t i = 0; parts[i] != NULL; i++) {
        if (!at->tolerant && !has(reply, parts[i])) {
            print_error("%s\ngave\n%s\nwithout %s\n", request, reply, parts[i]);
            assert_true(false);
        }
    }
}

#define EXPECT(request, ...) expect(at, request, (const char *const[]){__VA_ARGS__, NULL})
#define HOST                 "Host: x\r\n"

/* ---- what is answered ---- */

static void play_answers(struct stage *at) {
    EXPECT("GET / HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200 OK\r\nDate: ", "Content-Length: 5\r\n\r\nhello");
    EXPECT("HEAD / HTTP/1.1\r\n" HOST "\r\n", "200 OK", "Content-Length: 5\r\n\r\n");
    assert_false(has(at->reply, "hello"));
    EXPECT("OPTIONS / HTTP/1.1\r\n" HOST "\r\n", "204 No Content", "Allow: GET, HEAD, OPTIONS\r\n");
    assert_false(has(at->reply, "Content-Length"));
    EXPECT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "204 No Content", "Allow: ");
    EXPECT("PUT / HTTP/1.1\r\n" HOST "\r\n", "405 Method Not Allowed", "Allow: GET, HEAD, OPTIONS\r\n");
    EXPECT("PUT /no HTTP/1.1\r\n" HOST "\r\n", "405 ", "Allow: PUT, OPTIONS\r\n");
    EXPECT("TRACE / HTTP/1.1\r\n" HOST "\r\n", "405 ", "Allow: ");
    EXPECT("CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", "405 ", "Allow: ");
    EXPECT("GET /none HTTP/1.1\r\n" HOST "\r\n", "404 Not Found");
    EXPECT("PUT /none HTTP/1.1\r\n" HOST "\r\n", "404 Not Found");
    EXPECT("GET //none?q HTTP/1.1\r\n" HOST "\r\n", "308 Permanent Redirect", "Location: /none?q\r\n");
    EXPECT("GET /stream HTTP/1.1\r\n" HOST "\r\n", "Transfer-Encoding: chunked", "3e8\r\nppp",
           "\r\n0\r\n\r\n");
    EXPECT("GET /stream HTTP/1.0\r\n\r\n", "Connection: close", "\r\n\r\nppp");
    assert_false(has(at->reply, "chunked"));
    EXPECT("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200 OK", "Connection: keep-alive");
    EXPECT("GET / HTTP/1.0\r\n\r\n", "200 OK", "Connection: close");
    EXPECT("GET / HTTP/1.7\r\n" HOST "\r\n", "HTTP/1.1 200 OK");
    EXPECT("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
           "Connection: close");
    assert_int_equal(count_of(at->reply, "HTTP/1.1"), 1);
    EXPECT("GET /facts/a%20b/../c%2Fd?x=%20 HTTP/1.1\r\nHost: h:1\r\nUser-Agent: me \r\n\r\n",
           "path=/facts/c%2Fd ", "query=x=%20 ", "host=h:1 ", "rest=c%2Fd ", "agent=me ", "minor=1 length=0");
    EXPECT("GET http://other:8/facts/ HTTP/1.1\r\nHost: h:1\r\n\r\n", "path=/facts/ ", "host=other:8 ",
           "rest= ");
}

static void answers_by_the_rules(void **state) {
    (void)state;
    perform_simply(play_answers);
}

static void play_handler_faults(struct stage *at) {
    EXPECT("GET /error HTTP/1.1\r\n" HOST "\r\n", "500 Internal Server Error");
    EXPECT("GET /silent HTTP/1.1\r\n" HOST "\r\n", "500 Internal Server Error");
    EXPECT("GET /split HTTP/1.1\r\n" HOST "\r\n", "500 Internal Server Error");
    assert_false(has(at->reply, "evil"));
    EXPECT("GET /open HTTP/1.1\r\n" HOST "\r\n", "500 Internal Server Error");
    assert_false(has(at->reply, "evil"));
    EXPECT("GET /broken HTTP/1.1\r\n" HOST "\r\n", "half");
    assert_false(has(at->reply, "\r\n0\r\n"));
    EXPECT("GET /short HTTP/1.1\r\n" HOST "\r\n", "");
    assert_false(has(at->reply, "HTTP/1.1 500"));
}

static void a_failed_handler_is_a_500_or_a_cut(void **state) {
    (void)state;
    perform_simply(play_handler_faults);
}

static const struct {
    const char *request, *status, *reason;
} MALFORMED[] = {
    {"GET / HTTP/1.1\r\n\r\n", "400", "h1.host.missing"},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400", "h1.host.duplicate"},
    {"GET / HTTP/1.1\nHost: a\n\n", "400", "h1.line.bare_lf"},
    {"G@T / HTTP/1.1\r\n" HOST "\r\n", "400", "h1.method.invalid"},
    {"BREW / HTTP/1.1\r\n" HOST "\r\n", "501", "http.method.unknown"},
    {"GET / HTTP/2.0\r\n" HOST "\r\n", "505", "h1."},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505", "h1."},
    {"GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", "400", "h1.field"},
    {"GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", "400", "h1.field"},
    {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", "400",
     "h1.content_length"},
    {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 01\r\n\r\na", "400", "h1.content_length"},
    {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400",
     "h1."},
    {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501", "h1."},
    {"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", "h1."},
    {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", "400",
     "h1.chunk_"},
    {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", "400",
     "h1.chunk_"},
    {"GET / HTTP/1.1\r\n" HOST "Expect: magic\r\n\r\n", "417", "h1.expect."},
    {"GET /a b HTTP/1.1\r\n" HOST "\r\n", "400", "h1."},
    {"GET /%zz HTTP/1.1\r\n" HOST "\r\n", "400", "h1.target."},
    {"GET x HTTP/1.1\r\n" HOST "\r\n", "400", "h1.target."},
};

static void play_malformed(struct stage *at) {
    for (size_t i = 0; i < sizeof(MALFORMED) / sizeof(MALFORMED[0]); i++) {
        char status[32];
        (void)snprintf(status, sizeof(status), "HTTP/1.1 %s ", MALFORMED[i].status);
        EXPECT(MALFORMED[i].request, status, MALFORMED[i].reason);
        if (strncmp(MALFORMED[i].reason, "h1.", 3) == 0) {
            EXPECT(MALFORMED[i].request, "Connection: close\r\n", "; RFC ");
        }
    }
}

static void malformed_requests_get_a_reason(void **state) {
    (void)state;
    perform_simply(play_malformed);
}

static void play_limits(struct stage *at) {
    static char request[80000];
    size_t len = (size_t)snprintf(request, sizeof(request), "GET /");
    memset(request + len, 'a', 9000);
    (void)snprintf(request + len + 9000, 100, " HTTP/1.1\r\n" HOST "\r\n");
    EXPECT(request, "HTTP/1.1 414 ", "Connection: close");
    len = (size_t)snprintf(request, sizeof(request), "GET / HTTP/1.1\r\n" HOST "A: ");
    memset(request + len, 'a', 40000);
    (void)snprintf(request + len + 40000, 100, "\r\n\r\n");
    EXPECT(request, "HTTP/1.1 431 ", "head_bytes");
    /* The largest head that is still fine needs more than a block. */
    memset(request + len, 'a', 30000);
    (void)snprintf(request + len + 30000, 100, "\r\n\r\n");
    EXPECT(request, "HTTP/1.1 200 ");
    len = (size_t)snprintf(request, sizeof(request), "GET / HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 100; i++) {
        len += (size_t)snprintf(request + len, sizeof(request) - len, "A: b\r\n");
    }
    (void)snprintf(request + len, 10, "\r\n");
    EXPECT(request, "HTTP/1.1 431 ");
}

static void heads_have_limits(void **state) {
    (void)state;
    perform_simply(play_limits);
}

static void play_body_limit(struct stage *at) {
    EXPECT("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\nhello", "413 ", "Connection: close");
    EXPECT("POST /echo HTTP/1.1\r\n" HOST
           "Transfer-Encoding: chunked\r\n\r\n6\r\nhello-\r\n6\r\nworld-\r\n0\r\n\r\n",
           "413 ");
    EXPECT("POST /echo HTTP/1.1\r\n" HOST
           "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5;a=b\r\nworld\r\n0\r\nT: x\r\n\r\n",
           "200 OK", "helloworld");
    EXPECT("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nhelloworld", "200 OK", "helloworld");
    EXPECT("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nhello", "");
    assert_int_equal(at->reply_len, 0); /* it never came whole */
}

static void whole_bodies_have_a_limit(void **state) {
    (void)state;
    static const wharf_server_limits LIMITS = {.body_bytes = 10};
    (void)perform_on(WHARF_OPTIONS(wharf_sim_options, .seed = 1), play_body_limit, &LIMITS);
}

static void play_files(struct stage *at) {
    EXPECT("GET /files/LICENSE HTTP/1.1\r\n" HOST "\r\n", "200 OK",
           "ETag: ", "Last-Modified: ", "MIT License");
    EXPECT("GET /files/LICENSE HTTP/1.1\r\n" HOST "Range: bytes=0-2\r\n\r\n", "206 ",
           "Content-Range: bytes 0-2/", "\r\n\r\nMIT");
    EXPECT("GET /files/LICENSE HTTP/1.1\r\n" HOST "Range: bytes=0-2, -1\r\n\r\n", "206 ",
           "multipart/byteranges; boundary=", "Content-Range: bytes 0-2/", "--\r\n");
    EXPECT("GET /files/LICENSE HTTP/1.1\r\n" HOST "Range: bytes=0-2,1-3\r\n\r\n", "200 OK");
    EXPECT("GET /files/LICENSE HTTP/1.1\r\n" HOST "If-None-Match: *\r\n\r\n", "304 ");
    EXPECT("GET /files?q HTTP/1.1\r\n" HOST "\r\n", "308 ", "Location: /files/?q\r\n");
    EXPECT("GET /files/ HTTP/1.1\r\n" HOST "\r\n", "200 OK", ">LICENSE<", ">src/<", "</html>");
    EXPECT("GET /files/?sort=size&order=desc HTTP/1.1\r\n" HOST "Accept: application/json\r\n\r\n", "200 OK",
           "Vary: Accept\r\n", "\"truncated\":false", "\"url\":\"src/\",\"type\":\"directory\"", "]}");
    EXPECT("GET /files/?sort=time HTTP/1.1\r\n" HOST "Accept: text/plain\r\n\r\n", "200 OK", "src/\n");
    EXPECT("GET /files/none HTTP/1.1\r\n" HOST "Accept: text/html\r\n\r\n", "200 OK", "Vary: Accept\r\n");
    EXPECT("GET /files/none HTTP/1.1\r\n" HOST "\r\n", "404 ");
    EXPECT("GET /files/src/server/server.c HTTP/1.1\r\n" HOST "\r\n", "200 OK", "wharf_server_free");
    EXPECT("GET /license HTTP/1.1\r\n" HOST "\r\n", "200 OK", "Content-Type: text/x-license\r\n",
           "MIT License");
    assert_int_equal(at->tolerant ? 1 : count_of(at->reply, "\r\nContent-Type: "), 1);
}

static void files_are_replies_too(void **state) {
    (void)state;
    perform_simply(play_files);
}

/* ---- several requests on a connection ---- */

static void play_pipeline(struct stage *at) {
    EXPECT("GET / HTTP/1.1\r\n" HOST "\r\nGET /facts/1 HTTP/1.1\r\n" HOST "\r\nPOST /echo HTTP/1.1\r\n" HOST
           "Content-Length: 3\r\n\r\nabcGET /facts/2 HTTP/1.1\r\n" HOST "\r\n",
           "hello", "rest=1", "abc", "rest=2");
    assert_true(strstr(at->reply, "rest=1") < strstr(at->reply, "abc"));
    assert_true(strstr(at->reply, "abc") < strstr(at->reply, "rest=2"));
    EXPECT("GET / HTTP/1.1\r\n" HOST "\r\nGARBAGE\r\n\r\n", "200 OK", "hello", "HTTP/1.1 400 ");
    /* The body of a request is never taken for a request, whatever the method. */
    EXPECT("GET /unread HTTP/1.1\r\n" HOST
           "Content-Length: 37\r\n\r\nGET /facts/smuggled HTTP/1.1\r\nHost: x\r\n"
           "GET / HTTP/1.1\r\n" HOST "\r\n",
           "unread", "hello");
    assert_false(has(at->reply, "smuggled"));
    static const char ONE[] = "GET / HTTP/1.1\r\n" HOST "\r\n";
    char batch[100 * sizeof(ONE)];
    size_t len = 0;
    for (int i = 0; i < 100; i++) {
        len += (size_t)snprintf(batch + len, sizeof(batch) - len, "%s", ONE);
    }
    EXPECT(batch, "hello");
    assert_int_equal(count_of(at->reply, "hello"), 100);
}

static void pipelined_requests_are_answered_in_order(void **state) {
    (void)state;
    perform_simply(play_pipeline);
}

/* An answer does not wait for the next request's handler. */
static void play_ready_answer(struct stage *at) {
    static const char BOTH[] = "GET / HTTP/1.1\r\n" HOST "\r\nGET /sleep HTTP/1.1\r\n" HOST "\r\n";
    wharf_sock sock = client_open(at);
    int64_t start = now_ms();
    (void)wharf_send(sock, BOTH, sizeof(BOTH) - 1);
    (void)client_read(at, sock, 1);
    assert_true(now_ms() - start < SECOND);
    (void)wharf_shutdown_write(sock);
    (void)client_read(at, sock, sizeof(at->reply) - 1);
    assert_true(has(at->reply, "slept"));
    assert_true(now_ms() - start >= 20 * SECOND);
    (void)wharf_close(sock);
}

static void a_ready_answer_does_not_wait_for_the_next_handler(void **state) {
    (void)state;
    perform_simply(play_ready_answer);
}

static void play_continue(struct stage *at) {
    static const char HEAD[] = "POST /echo HTTP/1.1\r\n" HOST
                               "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    wharf_sock sock = client_open(at);
    (void)wharf_send(sock, HEAD, sizeof(HEAD) - 1);
    (void)client_read(at, sock, strlen("HTTP/1.1 100 Continue\r\n\r\n"));
    assert_string_equal(at->reply, "HTTP/1.1 100 Continue\r\n\r\n");
    (void)wharf_send(sock, "abc", 3);
    (void)wharf_shutdown_write(sock);
    (void)client_read(at, sock, sizeof(at->reply) - 1);
    assert_true(has(at->reply, "200 OK") && has(at->reply, "abc"));
    (void)wharf_close(sock);
    EXPECT("POST /unread HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n", "200 OK",
           "Connection: close");
    assert_false(has(at->reply, "100 Continue"));
    EXPECT("POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", "200 OK", "abc");
    assert_false(has(at->reply, "100 Continue"));
}

static void continue_is_sent_by_the_first_read(void **state) {
    (void)state;
    perform_simply(play_continue);
}

static void play_drain(struct stage *at) {
    static char request[400000];
    int len = snprintf(request, sizeof(request),
                       "POST /unread HTTP/1.1\r\n" HOST "Content-Length: 200000\r\n\r\n");
    memset(request + len, 'x', 200000);
    (void)snprintf(request + len + 200000, 100, "GET / HTTP/1.1\r\n" HOST "\r\n");
    EXPECT(request, "unread", "hello");
    len = snprintf(request, sizeof(request),
                   "POST /unread HTTP/1.1\r\n" HOST "Content-Length: 300000\r\n\r\n");
    memset(request + len, 'x', 300000);
    request[len + 300000] = '\0';
    EXPECT(request, "unread", "Connection: close"); /* and the answer is not lost to a reset */
}

static void an_unread_body_is_drained_or_the_connection_ends(void **state) {
    (void)state;
    perform_simply(play_drain);
}

/* ---- waiting ---- */

/* Sends, then nothing; how long until the server ends it. */
static int64_t wait_for_end(struct stage *at, const char *request) {
    wharf_sock sock = client_open(at);
    int64_t start = now_ms();
    (void)wharf_send(sock, request, strlen(request));
    (void)client_read(at, sock, sizeof(at->reply) - 1);
    int64_t took = now_ms() - start;
    (void)wharf_close(sock);
    return took;
}

static bool near(int64_t ms, int64_t wanted) {
    return ms >= wanted - 10 && ms < wanted + 100;
}

static void play_patience(struct stage *at) {
    assert_true(near(wait_for_end(at, ""), 60 * SECOND));
    assert_int_equal(at->reply_len, 0);
    assert_true(near(wait_for_end(at, "GET / HTTP/1.1\r\nHos"), 10 * SECOND));
    assert_true(has(at->reply, "408 Request Timeout") && has(at->reply, "Connection: close"));
    assert_true(near(wait_for_end(at, "GET / HTTP/1.1\r\n" HOST "\r\n"), 60 * SECOND));
    assert_true(has(at->reply, "hello"));
    assert_true(
        near(wait_for_end(at, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nab"), 5 * SECOND));
    assert_true(has(at->reply, "408 Request Timeout"));
    assert_true(
        near(wait_for_end(at, "POST /unread HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nab"), 5 * SECOND));
    assert_true(has(at->reply, "200 OK"));
}

static void waits_as_long_as_the_limits_say(void **state) {
    (void)state;
    perform_simply(play_patience);
}

/* A head that comes byte by byte has one deadline, not one for each byte. */
static void play_dripping_head(struct stage *at) {
    wharf_sock sock = client_open(at);
    int64_t start = now_ms();
    for (int i = 0; i < 100 && wharf_send(sock, "G", 1) > 0; i++) {
        (void)wharf_sleep(900);
        if (i == 30) {
            assert_true(false);
        }
        WHARF_WITHIN (1) {
            (void)client_read(at, sock, sizeof(at->reply) - 1);
        }
        if (at->reply_len > 0) {
            break;
        }
    }
    assert_true(has(at->reply, "HTTP/1.1 4"));
    assert_true(now_ms() - start < 12 * SECOND);
    (void)wharf_close(sock);
}

static void a_dripping_head_has_one_deadline(void **state) {
    (void)state;
    perform_simply(play_dripping_head);
}

static void play_steady_body(struct stage *at) {
    static const char HEAD[] = "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 36000\r\n\r\n";
    static const char SECOND_OF_IT[300];
    wharf_sock sock = client_open(at);
    (void)wharf_send(sock, HEAD, sizeof(HEAD) - 1);
    for (int i = 0; i < 120; i++) {
        assert_true(wharf_send(sock, SECOND_OF_IT, sizeof(SECOND_OF_IT)) > 0);
        (void)wharf_sleep(SECOND);
    }
    (void)wharf_shutdown_write(sock);
    (void)client_read(at, sock, sizeof(at->reply) - 1);
    assert_true(has(at->reply, "HTTP/1.1 200 OK"));
    (void)wharf_close(sock);
}

static void a_body_that_keeps_the_rate_is_never_cut(void **state) {
    (void)state;
    perform_simply(play_steady_body);
}

static void play_slow_reader(struct stage *at) {
    static const char REQUEST[] = "GET /torrent HTTP/1.1\r\n" HOST "\r\n";
    wharf_sock sock = client_open(at);
    (void)wharf_send(sock, REQUEST, sizeof(REQUEST) - 1);
    (void)wharf_sleep(200 * SECOND);
    assert_int_equal(at->handler_result, -ETIMEDOUT);
    assert_true(at->handler_ms >= 5 * SECOND && at->handler_ms < 70 * SECOND);
    (void)client_read(at, sock, sizeof(at->reply) - 1);
    (void)wharf_close(sock);
}

static void a_reader_that_stops_is_cut_off(void **state) {
    (void)state;
    perform_simply(play_slow_reader);
}

/* ---- clients that go ---- */

static void vanish(struct stage *at, const char *request) {
    wharf_sock sock = client_open(at);
    at->handler_result = 1;
    (void)wharf_send(sock, request, strlen(request));
    (void)wharf_sleep(SECOND);
    (void)wharf_abort(sock);
    (void)wharf_sleep(60 * SECOND);
}

static void play_vanish(struct stage *at) {
    vanish(at, "GET /sleep HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(at->handler_result, -ECANCELED);
    assert_true(at->handler_ms < 2 * SECOND);
    vanish(at, "POST /sleep HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(at->handler_result, 0);
    assert_true(at->handler_ms >= 20 * SECOND);
    /* A client that has merely finished sending is still there. */
    EXPECT("GET /sleep HTTP/1.1\r\n" HOST "\r\n", "slept");
}

static void a_reset_cancels_the_handler_of_a_safe_method(void **state) {
    (void)state;
    perform_simply(play_vanish);
}

/* ---- stopping ---- */

static int talk_sleep(void *arg) {
    struct stage *at = *(struct stage **)arg;
    EXPECT("GET /sleep HTTP/1.1\r\n" HOST "\r\n", "slept", "Connection: close");
    return 0;
}

static void play_stop(struct stage *at) {
    wharf_sock idle = client_open(at);
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, talk_sleep, at);
        (void)wharf_sleep(SECOND);
        (void)wharf_server_stop(at->server);
        (void)wharf_sleep(SECOND);
        char byte;
        int64_t start = now_ms();
        assert_true(wharf_recv(idle, &byte, 1) <= 0); /* closed already */
        assert_true(now_ms() - start < SECOND);
        wharf_sock late = wharf_dial(at->address);
        assert_true(wharf_failed(late));
    }
    (void)wharf_close(idle);
    (void)wharf_sleep(SECOND);
    assert_int_equal(at->run_result, 0);
}

static void a_stop_lets_running_requests_finish(void **state) {
    (void)state;
    perform_simply(play_stop);
}

/* What has reached the server in the moment of the stop is answered, on a connection that is kept, on one that is new,
 * and on one that has not been accepted; so is what comes a little later. */
static void play_stop_in_flight(struct stage *at) {
    static const char REQUEST[] = "GET /hello HTTP/1.1\r\n" HOST "\r\n";
    enum { KEPT, NEW, QUEUED, LATE_KEPT, LATE_NEW, SOCKS };
    wharf_sock socks[SOCKS];
    for (int i = 0; i < SOCKS; i++) {
        socks[i] = i != QUEUED ? client_open(at) : (wharf_sock){0};
    }
    (void)wharf_send(socks[KEPT], REQUEST, strlen(REQUEST));
    (void)wharf_send(socks[LATE_KEPT], REQUEST, strlen(REQUEST));
    (void)wharf_sleep(SECOND);
    socks[QUEUED] = client_open(at);
    for (int i = KEPT; i <= QUEUED; i++) {
        (void)wharf_send(socks[i], REQUEST, strlen(REQUEST));
    }
    (void)wharf_server_stop(at->server);
    (void)wharf_sleep(100);
    (void)wharf_send(socks[LATE_KEPT], REQUEST, strlen(REQUEST));
    (void)wharf_send(socks[LATE_NEW], REQUEST, strlen(REQUEST));
    for (int i = 0; i < SOCKS; i++) {
        assert_int_equal(client_read(at, socks[i], sizeof(at->reply) - 1), 0);
        assert_true(has(at->reply, "Connection: close"));
        (void)wharf_close(socks[i]);
    }
}

static void a_stop_answers_what_has_arrived(void **state) {
    (void)state;
    /* Without latency what is sent has arrived. */
    (void)perform_on(WHARF_OPTIONS(wharf_sim_options, .seed = 1, .latency_ns = WHARF_OFF),
                     play_stop_in_flight, NULL);
}

/* A client that connects and says nothing does not delay the stop by much. */
static void play_stop_silent(struct stage *at) {
    wharf_sock silent = client_open(at);
    char byte;
    (void)wharf_sleep(SECOND);
    int64_t start = now_ms();
    (void)wharf_server_stop(at->server);
    assert_true(wharf_recv(silent, &byte, 1) <= 0);
    assert_true(now_ms() - start < SECOND);
    (void)wharf_close(silent);
}

static void a_stop_does_not_wait_for_the_silent(void **state) {
    (void)state;
    perform_simply(play_stop_silent);
}

static int talk_stuck(void *arg) {
    (void)client_talk(*(struct stage **)arg, "POST /stuck HTTP/1.1\r\n" HOST "\r\n");
    return 0;
}

static void play_stuck_stop(struct stage *at) {
    int64_t start = now_ms();
    at->run_result = -1;
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, talk_stuck, at);
        (void)wharf_sleep(SECOND);
        (void)wharf_server_stop(at->server);
    }
    (void)wharf_sleep(SECOND);
    assert_int_equal(at->run_result, 1); /* one request was cut off */
    assert_int_equal(at->handler_result, -ECANCELED);
    assert_true(near(now_ms() - start, 32 * SECOND));
}

static void a_stop_cuts_what_does_not_finish(void **state) {
    (void)state;
    perform_simply(play_stuck_stop);
}

/* A connection that a handler keeps. */
static wharf_sock client_occupy(struct stage *at) {
    wharf_sock sock = client_open(at);
    (void)wharf_send(sock, "GET /sleep HTTP/1.1\r\n" HOST "\r\n",
                     strlen("GET /sleep HTTP/1.1\r\n" HOST "\r\n"));
    (void)wharf_sleep(SECOND);
    return sock;
}

static void play_crowd(struct stage *at) {
    wharf_sock first = client_occupy(at);
    wharf_sock second = client_occupy(at);
    EXPECT("GET / HTTP/1.1\r\n" HOST "\r\n", "503 Service Unavailable", "Retry-After: ");
    (void)wharf_close(first);
    (void)wharf_sleep(25 * SECOND); /* a client that sends no more still gets its answer */
    EXPECT("GET / HTTP/1.1\r\n" HOST "\r\n", "hello");
    (void)wharf_close(second);
}

static void over_its_limit_it_says_503(void **state) {
    (void)state;
    static const wharf_server_limits LIMITS = {.connections = 2};
    (void)perform_on(WHARF_OPTIONS(wharf_sim_options, .seed = 1), play_crowd, &LIMITS);
}

static void play_idlers(struct stage *at) {
    wharf_sock busy = client_occupy(at);
    wharf_sock first = client_open(at);
    (void)wharf_sleep(SECOND);
    wharf_sock second = client_open(at);
    (void)wharf_sleep(SECOND);
    EXPECT("GET / HTTP/1.1\r\n" HOST "\r\n", "hello");
    WHARF_WITHIN (1) {
        assert_int_equal(client_read(at, first, 1), 0);
        assert_int_equal(client_read(at, second, 1), -ETIMEDOUT);
    }
    (void)client_read(at, busy, 17);
    assert_true(has(at->reply, "HTTP/1.1 200 OK"));
    (void)wharf_close(busy);
    (void)wharf_close(first);
    (void)wharf_close(second);
}

static void over_its_limit_the_longest_idle_makes_room(void **state) {
    (void)state;
    static const wharf_server_limits LIMITS = {.connections = 3};
    (void)perform_on(WHARF_OPTIONS(wharf_sim_options, .seed = 1), play_idlers, &LIMITS);
}

static void play_one_address(struct stage *at) {
    wharf_sock first = client_open(at);
    wharf_sock second = client_open(at);
    (void)wharf_sleep(SECOND);
    EXPECT("GET / HTTP/1.1\r\n" HOST "\r\n", "503 Service Unavailable", "Retry-After: ");
    (void)wharf_close(first);
    (void)wharf_sleep(SECOND);
    EXPECT("GET / HTTP/1.1\r\n" HOST "\r\n", "hello");
    (void)wharf_close(second);
}

static void an_address_has_a_number_of_connections(void **state) {
    (void)state;
    static const wharf_server_limits LIMITS = {.connections_per_address = 2};
    (void)perform_on(WHARF_OPTIONS(wharf_sim_options, .seed = 1), play_one_address, &LIMITS);
}

static void play_quota(struct stage *at) {
    EXPECT("GET / HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
           "hello", "Connection: close");
    assert_int_equal(count_of(at->reply, "hello"), 2);
}

static void a_connection_has_a_number_of_requests(void **state) {
    (void)state;
    static const wharf_server_limits LIMITS = {.requests = 2};
    (void)perform_on(WHARF_OPTIONS(wharf_sim_options, .seed = 1), play_quota, &LIMITS);
}

/* ---- whatever happens ---- */

static void play_mixture(struct stage *at) {
    EXPECT("GET / HTTP/1.1\r\n" HOST "\r\nGET /stream HTTP/1.1\r\n" HOST "\r\n", "hello", "\r\n0\r\n\r\n");
    EXPECT("POST /echo HTTP/1.1\r\n" HOST
           "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"
           "POST /unread HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabcGET /none HTTP/1.1\r\n" HOST "\r\n",
           "helloworld", "unread", "404 ");
    EXPECT("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400 ");
}

static void any_split_of_the_bytes_gives_the_same(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        (void)perform_on(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .piece_bytes_max = 1 + seed % 7),
                         play_mixture, NULL);
    }
}

static void the_same_seed_gives_the_same_run(void **state) {
    (void)state;
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 5, .piece_bytes_max = 9);
    uint64_t trace = perform_on(options, play_mixture, NULL).trace;
    assert_true(perform_on(options, play_mixture, NULL).trace == trace);
}

static size_t open_descriptors(void) {
    size_t count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void fail_every_allocation(void (*play)(struct stage *)) {
    uint64_t count = perform_on(WHARF_OPTIONS(wharf_sim_options, .seed = 1), play, NULL).allocations;
    size_t descriptors = open_descriptors();
    assert_true(count > 0);
    for (uint64_t n = 1; n <= count; n++) {
        (void)perform_on(WHARF_OPTIONS(wharf_sim_options, .seed = 1, .fail_allocation = n), play, NULL);
    }
    assert_int_equal(open_descriptors(), descriptors);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    fail_every_allocation(play_mixture);
    fail_every_allocation(play_files);
}

static void end_every_wait(void (*play)(struct stage *)) {
    uint64_t count = perform_on(WHARF_OPTIONS(wharf_sim_options, .seed = 1), play, NULL).checkpoints;
    size_t descriptors = open_descriptors();
    assert_true(count > 0);
    for (uint64_t n = 1; n <= count; n++) {
        (void)perform_on(WHARF_OPTIONS(wharf_sim_options, .seed = 1, .cancel_checkpoint = n), play, NULL);
        (void)perform_on(WHARF_OPTIONS(wharf_sim_options, .seed = 1, .expire_checkpoint = n), play, NULL);
    }
    assert_int_equal(open_descriptors(), descriptors);
}

static void every_wait_may_be_cancelled_or_expire(void **state) {
    (void)state;
    end_every_wait(play_mixture);
    end_every_wait(play_files);
}

static void a_reset_may_come_at_any_byte(void **state) {
    (void)state;
    for (uint64_t n = 1; n <= 700; n += 3) {
        (void)perform_on(WHARF_OPTIONS(wharf_sim_options, .seed = 1, .reset_at_byte = n), play_mixture, NULL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_by_the_rules),
        cmocka_unit_test(a_failed_handler_is_a_500_or_a_cut),
        cmocka_unit_test(malformed_requests_get_a_reason),
        cmocka_unit_test(heads_have_limits),
        cmocka_unit_test(whole_bodies_have_a_limit),
        cmocka_unit_test(files_are_replies_too),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_ready_answer_does_not_wait_for_the_next_handler),
        cmocka_unit_test(continue_is_sent_by_the_first_read),
        cmocka_unit_test(an_unread_body_is_drained_or_the_connection_ends),
        cmocka_unit_test(waits_as_long_as_the_limits_say),
        cmocka_unit_test(a_dripping_head_has_one_deadline),
        cmocka_unit_test(a_body_that_keeps_the_rate_is_never_cut),
        cmocka_unit_test(a_reader_that_stops_is_cut_off),
        cmocka_unit_test(a_reset_cancels_the_handler_of_a_safe_method),
        cmocka_unit_test(a_stop_lets_running_requests_finish),
        cmocka_unit_test(a_stop_answers_what_has_arrived),
        cmocka_unit_test(a_stop_does_not_wait_for_the_silent),
        cmocka_unit_test(a_stop_cuts_what_does_not_finish),
        cmocka_unit_test(over_its_limit_it_says_503),
        cmocka_unit_test(over_its_limit_the_longest_idle_makes_room),
        cmocka_unit_test(an_address_has_a_number_of_connections),
        cmocka_unit_test(a_connection_has_a_number_of_requests),
        cmocka_unit_test(any_split_of_the_bytes_gives_the_same),
        cmocka_unit_test(the_same_seed_gives_the_same_run),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(every_wait_may_be_cancelled_or_expire),
        cmocka_unit_test(a_reset_may_come_at_any_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Heads of requests and responses: what is accepted and how it is understood, what is refused with which
 * status, reason and offset, and that neither depends on how the bytes were split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "http/codec/head.h"

#define END  "\r\n\r\n"
#define HOST "\r\nHost: a"
#define GET  "GET / HTTP/1.1"

static struct header storage[512];

struct outcome {
    ssize_t result;
    struct h1_request request;
    struct h1_error error;
};

/* Parses a copy that is exactly as long, so that the sanitizer sees any byte read behind it. The views of the
 * result are moved to `text`, whose life is longer. */
static struct outcome parse(wharf_str text, struct h1_progress *progress, const struct h1_limits *limits) {
    struct outcome outcome = {0};
    char *copy = mem_alloc(text.len);
    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    headers_init(&outcome.request.headers, storage, 512);
    outcome.result = h1_parse_request((wharf_str){copy, text.len}, progress, limits, &outcome.request,
                                      &outcome.error);
    wharf_str *views[] = {&outcome.request.method_text, &outcome.request.target, &outcome.request.path,
                          &outcome.request.query, &outcome.request.host};
    for (size_t i = 0; outcome.result > 0 && i < 5; i++) {
        bool inside = views[i]->ptr >= copy && views[i]->ptr <= copy + text.len;
        views[i]->ptr = inside ? text.ptr + (views[i]->ptr - copy) : views[i]->ptr;
    }
    mem_free(copy);
    return outcome;
}

static struct outcome parse_whole(wharf_str text) {
    struct h1_progress progress = {0};
    return parse(text, &progress, &h1_limits_server);
}

/* One byte more each time, until there is an answer. */
static struct outcome parse_by_bytes(wharf_str text, const struct h1_limits *limits) {
    struct h1_progress progress = {0};
    struct outcome outcome = {0};
    for (size_t len = 1; len <= text.len && outcome.result == 0; len++) {
        outcome = parse(str_slice(text, 0, len), &progress, limits);
    }
    return outcome;
}

static void assert_view(wharf_str view, const char *expected) {
    if (!wharf_str_is(view, expected)) {
        fail_msg("got \"%.*s\", expected \"%s\"", WHARF_STR_ARG(view), expected);
    }
}

/* ---- requests that are accepted ---- */

struct accepted {
    const char *text;
    const char *method, *target, *path, *query, *host;
    enum h1_target_form form;
    enum h1_framing framing;
    uint64_t content_length;
    unsigned minor;
    bool keep_alive, expect_continue, upgrade;
};

#define ORIGIN(...) "GET", "/", "/", "", "a", H1_FORM_ORIGIN, __VA_ARGS__

static const struct accepted accepted_rows[] = {
    {GET HOST END, ORIGIN(H1_BODY_NONE, 0, 1, true, false, false)},
    {"\r\n" GET HOST END, ORIGIN(H1_BODY_NONE, 0, 1, true, false, false)},
    {"GET / HTTP/1.0" END, "GET", "/", "/", "", "", H1_FORM_ORIGIN, H1_BODY_NONE, 0, 0, false, false, false},
    {"GET / HTTP/1.0" HOST "\r\nConnection: keep-alive" END, ORIGIN(H1_BODY_NONE, 0, 0, true, false, false)},
    {"GET / HTTP/1.0" HOST "\r\nConnection: keep-alive, close" END,
     ORIGIN(H1_BODY_NONE, 0, 0, false, false, false)},
    {"GET / HTTP/1.2" HOST END, ORIGIN(H1_BODY_NONE, 0, 1, true, false, false)},
    {"GET / HTTP/1.9" HOST END, ORIGIN(H1_BODY_NONE, 0, 1, true, false, false)},
    {GET HOST "\r\nConnection: close" END, ORIGIN(H1_BODY_NONE, 0, 1, false, false, false)},
    {GET HOST "\r\nconnection: x ,\tCLOSE" END, ORIGIN(H1_BODY_NONE, 0, 1, false, false, false)},
    {GET HOST "\r\nConnection: x\r\nConnection: close" END, ORIGIN(H1_BODY_NONE, 0, 1, false, false, false)},
    {GET HOST "\r\nContent-Length: 0" END, ORIGIN(H1_BODY_NONE, 0, 1, true, false, false)},
    {GET HOST "\r\nContent-Length:\t 17 \t" END, ORIGIN(H1_BODY_LENGTH, 17, 1, true, false, false)},
    {GET HOST "\r\nContent-Length: 9223372036854775807" END,
     ORIGIN(H1_BODY_LENGTH, INT64_MAX, 1, true, false, false)},
    {GET HOST "\r\nTransfer-Encoding: chunked" END, ORIGIN(H1_BODY_CHUNKED, 0, 1, true, false, false)},
    {GET HOST "\r\ntransfer-ENCODING:ChunKED" END, ORIGIN(H1_BODY_CHUNKED, 0, 1, true, false, false)},
    {GET HOST "\r\nExpect: 100-Continue" END, ORIGIN(H1_BODY_NONE, 0, 1, true, true, false)},
    {"GET / HTTP/1.0" HOST "\r\nExpect: 100-continue" END, ORIGIN(H1_BODY_NONE, 0, 0, false, false, false)},
    {"GET / HTTP/1.0" HOST "\r\nExpect: magic" END, ORIGIN(H1_BODY_NONE, 0, 0, false, false, false)},
    {GET HOST "\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade" END,
     ORIGIN(H1_BODY_NONE, 0, 1, true, false, true)},
    {GET HOST "\r\nUpgrade: websocket" END, ORIGIN(H1_BODY_NONE, 0, 1, true, false, false)},
    {GET HOST "\r\nConnection: upgrade" END, ORIGIN(H1_BODY_NONE, 0, 1, true, false, false)},
    {"GET / HTTP/1.0" HOST "\r\nUpgrade: x\r\nConnection: upgrade" END,
     ORIGIN(H1_BODY_NONE, 0, 0, false, false, false)},
    {GET HOST "\r\nX: \x80\xff\t caf\xc3\xa9" END, ORIGIN(H1_BODY_NONE, 0, 1, true, false, false)},
    {GET HOST "\r\nTransfer_Encoding: x\r\nContent_Length: y" END,
     ORIGIN(H1_BODY_NONE, 0, 1, true, false, false)},
    {GET HOST "\r\nX:\r\nY: " END, ORIGIN(H1_BODY_NONE, 0, 1, true, false, false)},
    {"PATCH /a/b%2Fc?x=%41&y=?/ HTTP/1.1" HOST END, "PATCH", "/a/b%2Fc?x=%41&y=?/", "/a/b%2Fc", "x=%41&y=?/",
     "a", H1_FORM_ORIGIN, H1_BODY_NONE, 0, 1, true, false, false},
    {"M!#$%&'*+-.^_`|~9 //x//../? HTTP/1.1" HOST END, "M!#$%&'*+-.^_`|~9", "//x//../?", "//x//../", "", "a",
     H1_FORM_ORIGIN, H1_BODY_NONE, 0, 1, true, false, false},
    {"GET /{a}|\"b\"<c>^`d HTTP/1.1" HOST END, "GET", "/{a}|\"b\"<c>^`d", "/{a}|\"b\"<c>^`d", "", "a",
     H1_FORM_ORIGIN, H1_BODY_NONE, 0, 1, true, false, false},
    {"GET http://b.example:81/p?q HTTP/1.1" HOST END, "GET", "http://b.example:81/p?q", "/p", "q",
     "b.example:81", H1_FORM_ABSOLUTE, H1_BODY_NONE, 0, 1, true, false, false},
    {"GET HTTPS://b HTTP/1.1" HOST END, "GET", "HTTPS://b", "/", "", "b", H1_FORM_ABSOLUTE, H1_BODY_NONE, 0,
     1, true, false, false},
    {"GET http://b?q=/ HTTP/1.0" END, "GET", "http://b?q=/", "/", "q=/", "b", H1_FORM_ABSOLUTE, H1_BODY_NONE,
     0, 0, false, false, false},
    {"OPTIONS * HTTP/1.1" HOST END, "OPTIONS", "*", "*", "", "a", H1_FORM_ASTERISK, H1_BODY_NONE, 0, 1, true,
     false, false},
    {"CONNECT b:443 HTTP/1.1" HOST END, "CONNECT", "b:443", "", "", "b:443", H1_FORM_AUTHORITY, H1_BODY_NONE,
     0, 1, true, false, false},
    {"CONNECT [::1]:443 HTTP/1.1" HOST END, "CONNECT", "[::1]:443", "", "", "[::1]:443", H1_FORM_AUTHORITY,
     H1_BODY_NONE, 0, 1, true, false, false},
};

static void understands_valid_requests(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepted_rows / sizeof *accepted_rows; i++) {
        const struct accepted *row = &accepted_rows[i];
        struct outcome got = parse_whole(wharf_str_of(row->text));
        if (got.result != (ssize_t)strlen(row->text)) {
            fail_msg("row %zu: %zd, %s: %s", i, got.result, got.error.reason, row->text);
        }
        assert_view(got.request.method_text, row->method);
        assert_view(got.request.target, row->target);
        assert_view(got.request.path, row->path);
        assert_view(got.request.query, row->query);
        assert_view(got.request.host, row->host);
        assert_int_equal(got.request.has_query, strchr(row->target, '?') != NULL);
        assert_int_equal(got.request.path_encoded, strchr(row->path, '%') != NULL);
        assert_int_equal(got.request.method, h1_method_of(wharf_str_of(row->method)));
        assert_int_equal(got.request.form, row->form);
        assert_int_equal(got.request.framing, row->framing);
        assert_int_equal(got.request.content_length, row->content_length);
        assert_int_equal(got.request.minor, row->minor);
        assert_int_equal(got.request.keep_alive, row->keep_alive);
        assert_int_equal(got.request.expect_continue, row->expect_continue);
        assert_int_equal(got.request.upgrade, row->upgrade);
    }
}

static void every_strict_prefix_of_a_request_is_incomplete(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepted_rows / sizeof *accepted_rows; i++) {
        wharf_str text = wharf_str_of(accepted_rows[i].text);
        for (size_t len = 0; len < text.len; len++) {
            struct outcome got = parse_whole(str_slice(text, 0, len));
            if (got.result != 0) {
                fail_msg("row %zu, %zu bytes: %zd, %s", i, len, got.result, got.error.reason);
            }
        }
        assert_int_equal(parse_by_bytes(text, &h1_limits_server).result, text.len);
    }
}

static void stops_at_the_end_of_the_first_request(void **state) {
    (void)state;
    struct outcome got = parse_whole(STR(GET HOST END "GET /2 HTTP/1.1\nX" END));
    assert_int_equal(got.result, sizeof(GET HOST END) - 1);
}

static void accepts_valid_hosts(void **state) {
    (void)state;
    static const char *const hosts[] = {
        "example.com",
        "example.com:",
        "example.com:0",
        "EXAMPLE.com:65535",
        "127.0.0.1:8080",
        "a_b.example",
        "r3---sn-x",
        "%41.example",
        "a!$&'()*+;=~b",
        "[::]",
        "[::1]:80",
        "[1:2:3:4:5:6:7:8]",
        "[1::8]",
        "[::ffff:1.2.3.4]",
        "[1:2:3:4:5:6:1.2.3.4]",
        "[fe80::1:2]:65535",
        "[1:2:3:4:5:6:7::]",
        "example.com:00080",
    };
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        char text[200];
        int len = snprintf(text, sizeof text, GET "\r\nHost: %s" END, hosts[i]);
        struct outcome got = parse_whole((wharf_str){text, (size_t)len});
        if (got.result != len) {
            fail_msg("%s: %s", hosts[i], got.error.reason);
        }
        assert_view(got.request.host, hosts[i]);
    }
}

/* ---- requests that are refused ---- */

struct refused {
    wharf_str text;
    int status;
    const char *reason;
    size_t offset;
};

#define LINE(line)   STR(line HOST END)
#define FIELD(field) STR(GET HOST "\r\n" field END)
enum { FIELD_AT = sizeof(GET HOST "\r\n") - 1 };
#define HOST_IS(host) STR(GET "\r\nHost: " host END)
enum { HOST_AT = sizeof(GET "\r\nHost: ") - 1 };

static const struct refused refused_rows[] = {
    /* line endings */
    {STR("\n" GET HOST END), 400, "h1.line.bare_lf", 0},
    {STR("\r" GET HOST END), 400, "h1.line.bare_cr", 0},
    {STR("\r\n\r\n" GET HOST END), 400, "h1.line.empty", 2},
    {STR("\r\n\n" GET HOST END), 400, "h1.line.bare_lf", 2},
    {STR("\r\n\r" GET HOST END), 400, "h1.line.bare_cr", 2},
    {STR(GET "\nHost: a" END), 400, "h1.line.bare_lf", 14},
    {STR(GET "\nHost: a\n\n"), 400, "h1.line.bare_lf", 14},
    {STR(GET HOST "\n\n"), 400, "h1.line.bare_lf", 23},
    {STR(GET HOST "\nX: y" END), 400, "h1.line.bare_lf", 23},
    {STR(GET HOST "\r\n\nX" END), 400, "h1.line.bare_lf", 25},
    {STR(GET "\rHost: a" END), 400, "h1.line.bare_cr", 14},
    {STR(GET HOST "\rX: y" END), 400, "h1.line.bare_cr", 23},
    {STR(GET HOST "\r\n\rX" END), 400, "h1.line.bare_cr", 25},
    {FIELD("X\rY: z"), 400, "h1.line.bare_cr", FIELD_AT + 1},
    {FIELD("X\n: z"), 400, "h1.line.bare_lf", FIELD_AT + 1},
    {STR("GET\n/ HTTP/1.1" END), 400, "h1.line.bare_lf", 3},
    {STR("GET\r/ HTTP/1.1" END), 400, "h1.line.bare_cr", 3},
    {STR("GET /\n" END), 400, "h1.line.bare_lf", 5},
    {STR("GET /\r HTTP/1.1" END), 400, "h1.line.bare_cr", 5},
    /* other protocols */
    {STR("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400, "h1.preface.tls", 0},
    {STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, "h1.preface.h2", 11},
    {STR("hello\n"), 400, "h1.line.bare_lf", 5},
    {STR("hello\r\n"), 400, "h1.target.missing", 5},
    {STR("SSH-2.0-OpenSSH_9.2 Debian\r\n"), 400, "h1.version.missing", 26},
    /* method */
    {LINE(" GET / HTTP/1.1"), 400, "h1.method.missing", 0},
    {LINE("\tGET / HTTP/1.1"), 400, "h1.method.missing", 0},
    {LINE("G\x01T / HTTP/1.1"), 400, "h1.method.invalid", 1},
    {LINE("G(T / HTTP/1.1"), 400, "h1.method.invalid", 1},
    {LINE("G\xc3\x89T / HTTP/1.1"), 400, "h1.method.invalid", 1},
    {STR("G\0T / HTTP/1.1" END), 400, "h1.method.invalid", 1},
    {LINE("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1"), 400, "h1.method.long", 32},
    {STR("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG"), 400, "h1.method.long", 32},
    {STR("GET\r\n" END), 400, "h1.target.missing", 3},
    /* white space in the request line */
    {LINE("GET\t/ HTTP/1.1"), 400, "h1.line.whitespace", 3},
    {LINE("GET  / HTTP/1.1"), 400, "h1.line.whitespace", 4},
    {LINE("GET \t/ HTTP/1.1"), 400, "h1.line.whitespace", 4},
    {LINE("GET /\tHTTP/1.1"), 400, "h1.line.whitespace", 5},
    {LINE("GET /  HTTP/1.1"), 400, "h1.line.whitespace", 6},
    {LINE("GET / \tHTTP/1.1"), 400, "h1.line.whitespace", 6},
    {LINE("GET / HTTP/1.1 "), 400, "h1.version.whitespace", 11},
    {LINE("GET / HTTP/1.1\t"), 400, "h1.version.whitespace", 11},
    {LINE("GET / HTTP/ 1.1"), 400, "h1.version.whitespace", 11},
    {LINE("GET / HTTP/1.1 HTTP/1.1"), 400, "h1.version.whitespace", 11},
    /* target */
    {STR("GET \r\n" END), 400, "h1.target.missing", 4},
    {LINE("GET  HTTP/1.1"), 400, "h1.line.whitespace", 4},
    {LINE("GET /a b HTTP/1.1"), 400, "h1.target.space", 6},
    {LINE("GET /a\x01 HTTP/1.1"), 400, "h1.target.control", 6},
    {LINE("GET /a\x7f HTTP/1.1"), 400, "h1.target.control", 6},
    {STR("GET /a\0 HTTP/1.1" HOST END), 400, "h1.target.control", 6},
    {LINE("GET /a\x0b HTTP/1.1"), 400, "h1.target.control", 6},
    {LINE("GET /\xc3\xa9 HTTP/1.1"), 400, "h1.target.non_ascii", 5},
    {LINE("GET /a#b HTTP/1.1"), 400, "h1.target.fragment", 6},
    {LINE("GET /?q#b HTTP/1.1"), 400, "h1.target.fragment", 7},
    {LINE("GET /a\\b HTTP/1.1"), 400, "h1.target.backslash", 6},
    {LINE("GET /% HTTP/1.1"), 400, "h1.target.percent", 5},
    {LINE("GET /%1 HTTP/1.1"), 400, "h1.target.percent", 5},
    {LINE("GET /%zz HTTP/1.1"), 400, "h1.target.percent", 5},
    {LINE("GET /%4g HTTP/1.1"), 400, "h1.target.percent", 5},
    {LINE("GET /a?%0 HTTP/1.1"), 400, "h1.target.percent", 7},
    {LINE("GET ../a HTTP/1.1"), 400, "h1.target.form", 4},
    {LINE("GET a HTTP/1.1"), 400, "h1.target.form", 4},
    {LINE("GET ?a HTTP/1.1"), 400, "h1.target.form", 4},
    {LINE("GET b:80 HTTP/1.1"), 400, "h1.target.form", 4},
    {LINE("GET http:/b HTTP/1.1"), 400, "h1.target.form", 4},
    {LINE("GET :///b HTTP/1.1"), 400, "h1.target.form", 4},
    {LINE("GET ** HTTP/1.1"), 400, "h1.target.form", 4},
    {LINE("OPTIONS *a HTTP/1.1"), 400, "h1.target.form", 8},
    {LINE("GET * HTTP/1.1"), 400, "h1.target.asterisk", 4},
    {LINE("GET ftp://b/ HTTP/1.1"), 400, "h1.target.scheme", 4},
    {LINE("GET http:///b HTTP/1.1"), 400, "h1.target.authority", 11},
    {LINE("GET http://b,c/ HTTP/1.1"), 400, "h1.target.authority", 12},
    {LINE("GET http://u@b/ HTTP/1.1"), 400, "h1.target.userinfo", 12},
    {LINE("GET http://u:p@b/ HTTP/1.1"), 400, "h1.target.userinfo", 14},
    {LINE("GET http://b:65536/ HTTP/1.1"), 400, "h1.target.port", 13},
    {LINE("GET http://b:x/ HTTP/1.1"), 400, "h1.target.port", 13},
    {LINE("CONNECT b HTTP/1.1"), 400, "h1.target.authority", 9},
    {LINE("CONNECT b: HTTP/1.1"), 400, "h1.target.authority", 9},
    {LINE("CONNECT :80 HTTP/1.1"), 400, "h1.target.authority", 8},
    {LINE("CONNECT / HTTP/1.1"), 400, "h1.target.authority", 8},
    {LINE("CONNECT http://b:80/ HTTP/1.1"), 400, "h1.target.authority", 13},
    {LINE("CONNECT b:80/ HTTP/1.1"), 400, "h1.target.authority", 12},
    /* version */
    {STR("GET /\r\n" END), 400, "h1.version.missing", 5},
    {LINE("GET / "), 400, "h1.version.missing", 6},
    {LINE("GET / http/1.1"), 400, "h1.version.case", 6},
    {LINE("GET / Http/1.1"), 400, "h1.version.case", 6},
    {LINE("GET / HTTP/01.1"), 400, "h1.version.digits", 11},
    {LINE("GET / HTTP/1.01"), 400, "h1.version.digits", 11},
    {LINE("GET / HTTP/1"), 400, "h1.version.digits", 11},
    {LINE("GET / HTTP/1."), 400, "h1.version.digits", 11},
    {LINE("GET / HTTP/11"), 400, "h1.version.digits", 11},
    {LINE("GET / HTTP/1.10"), 400, "h1.version.digits", 11},
    {LINE("GET / HTTP/10.1"), 400, "h1.version.digits", 11},
    {LINE("GET / HTTP/2"), 400, "h1.version.digits", 11},
    {LINE("GET / HTTP/x.y"), 400, "h1.version.digits", 11},
    {LINE("GET / HTTP/"), 400, "h1.version.digits", 11},
    {LINE("GET / HTTP/0.9"), 400, "h1.version.zero", 11},
    {LINE("GET / HTTP/2.0"), 505, "h1.version.unsupported", 11},
    {LINE("GET / HTTP/3.1"), 505, "h1.version.unsupported", 11},
    {LINE("GET / HTTPS/1.1"), 400, "h1.version.invalid", 6},
    {LINE("GET / ICY/1.1"), 400, "h1.version.invalid", 6},
    {LINE("GET / HTTP"), 400, "h1.version.invalid", 6},
    /* field lines */
    {STR(GET "\r\n Host: a" END), 400, "h1.field.leading_whitespace", 16},
    {STR(GET "\r\n\tHost: a" END), 400, "h1.field.leading_whitespace", 16},
    {STR(GET "\r\n \r\nHost: a" END), 400, "h1.field.leading_whitespace", 16},
    {FIELD(" X: y"), 400, "h1.field.folded", FIELD_AT},
    {FIELD("X: y\r\n\tz"), 400, "h1.field.folded", FIELD_AT + 6},
    {FIELD("X: y\r\n "), 400, "h1.field.folded", FIELD_AT + 6},
    {FIELD("X"), 400, "h1.field.colon_missing", FIELD_AT + 1},
    {FIELD(": y"), 400, "h1.field_name.empty", FIELD_AT},
    {FIELD("X : y"), 400, "h1.field_name.whitespace", FIELD_AT + 1},
    {FIELD("X\t: y"), 400, "h1.field_name.whitespace", FIELD_AT + 1},
    {FIELD("Transfer-Encoding : chunked"), 400, "h1.field_name.whitespace", FIELD_AT + 17},
    {FIELD("X Y: z"), 400, "h1.field_name.invalid", FIELD_AT + 1},
    {FIELD("X(Y): z"), 400, "h1.field_name.invalid", FIELD_AT + 1},
    {FIELD("X\x0bY: z"), 400, "h1.field_name.invalid", FIELD_AT + 1},
    {STR(GET HOST "\r\nX\0Y: z" END), 400, "h1.field_name.invalid", FIELD_AT + 1},
    {FIELD("X\xc3\xa9: y"), 400, "h1.field_name.non_ascii", FIELD_AT + 1},
    {STR(GET HOST "\r\nX: \0" END), 400, "h1.field_value.nul", FIELD_AT + 3},
    {FIELD("X: \x01"), 400, "h1.field_value.control", FIELD_AT + 3},
    {FIELD("X: y\x0b"), 400, "h1.field_value.control", FIELD_AT + 4},
    {FIELD("X: y\x0c"), 400, "h1.field_value.control", FIELD_AT + 4},
    {FIELD("X: y\x7f"), 400, "h1.field_value.control", FIELD_AT + 4},
    {FIELD("X: y\x1b[0m"), 400, "h1.field_value.control", FIELD_AT + 4},
    /* Host */
    {STR(GET END), 400, "h1.host.missing", 16},
    {STR(GET "\r\nX: y" END), 400, "h1.host.missing", 22},
    {STR("GET http://a/ HTTP/1.1" END), 400, "h1.host.missing", 24},
    {STR(GET "\r\nHost: a\r\nHost: a" END), 400, "h1.host.duplicate", 25},
    {STR(GET "\r\nHost: a\r\nHOST: b" END), 400, "h1.host.duplicate", 25},
    {STR("GET / HTTP/1.0\r\nHost: a\r\nHost: a" END), 400, "h1.host.duplicate", 25},
    {HOST_IS(""), 400, "h1.host.empty", HOST_AT},
    {HOST_IS(":80"), 400, "h1.host.empty", HOST_AT},
    {HOST_IS("a,b"), 400, "h1.host.list", HOST_AT + 1},
    {HOST_IS("a:80, b"), 400, "h1.host.list", HOST_AT + 4},
    {HOST_IS("u@a"), 400, "h1.host.userinfo", HOST_AT + 1},
    {HOST_IS("u:p@a"), 400, "h1.host.userinfo", HOST_AT + 3},
    {HOST_IS("a/b"), 400, "h1.host.path", HOST_AT + 1},
    {HOST_IS("http://a"), 400, "h1.host.path", HOST_AT + 5},
    {HOST_IS("a?b"), 400, "h1.host.path", HOST_AT + 1},
    {HOST_IS("a#b"), 400, "h1.host.path", HOST_AT + 1},
    {HOST_IS("a:65536"), 400, "h1.host.port", HOST_AT + 2},
    {HOST_IS("a:99999999999999999999999"), 400, "h1.host.port", HOST_AT + 2},
    {HOST_IS("a:x"), 400, "h1.host.port", HOST_AT + 2},
    {HOST_IS("a:8 0"), 400, "h1.host.port", HOST_AT + 3},
    {HOST_IS("a:80:80"), 400, "h1.host.port", HOST_AT + 4},
    {HOST_IS("::1"), 400, "h1.host.empty", HOST_AT},
    {HOST_IS("a b"), 400, "h1.host.invalid", HOST_AT + 1},
    {HOST_IS("a\\b"), 400, "h1.host.invalid", HOST_AT + 1},
    {HOST_IS("\xc3\xa9"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("a%"), 400, "h1.host.invalid", HOST_AT + 1},
    {HOST_IS("a%4"), 400, "h1.host.invalid", HOST_AT + 1},
    {HOST_IS("[::1"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("[]"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("[:]"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("[:::]"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("[1::2::3]"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("[1:2:3:4:5:6:7]"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("[1:2:3:4:5:6:7:8:9]"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("[1:2:3:4:5:6:7:8::]"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("[12345::]"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("[::1.2.3]"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("[::1.2.3.256]"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("[::1.2.3.04]"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("[1:2:3:4:5:6:7:1.2.3.4]"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("[fe80::1%25eth0]"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("[v1.a]"), 400, "h1.host.invalid", HOST_AT},
    {HOST_IS("[::1]a"), 400, "h1.host.invalid", HOST_AT + 5},
    {STR("GET / HTTP/1.0\r\nHost:" END), 400, "h1.host.empty", 21},
    /* Content-Length */
    {FIELD("Content-Length:"), 400, "h1.content_length.empty", FIELD_AT + 15},
    {FIELD("Content-Length: +1"), 400, "h1.content_length.invalid", FIELD_AT + 16},
    {FIELD("Content-Length: -1"), 400, "h1.content_length.invalid", FIELD_AT + 16},
    {FIELD("Content-Length: 0x1"), 400, "h1.content_length.invalid", FIELD_AT + 17},
    {FIELD("Content-Length: 1_0"), 400, "h1.content_length.invalid", FIELD_AT + 17},
    {FIELD("Content-Length: 1 0"), 400, "h1.content_length.invalid", FIELD_AT + 17},
    {FIELD("Content-Length: 1.0"), 400, "h1.content_length.invalid", FIELD_AT + 17},
    {FIELD("Content-Length: \"1\""), 400, "h1.content_length.invalid", FIELD_AT + 16},
    {FIELD("Content-Length: \xb2"), 400, "h1.content_length.invalid", FIELD_AT + 16},
    {FIELD("Content-Length: 1,1"), 400, "h1.content_length.list", FIELD_AT + 17},
    {FIELD("Content-Length: ,1"), 400, "h1.content_length.list", FIELD_AT + 16},
    {FIELD("Content-Length: 01"), 400, "h1.content_length.leading_zero", FIELD_AT + 16},
    {FIELD("Content-Length: 00"), 400, "h1.content_length.leading_zero", FIELD_AT + 16},
    {FIELD("Content-Length: 9223372036854775808"), 400, "h1.content_length.range", FIELD_AT + 16},
    {FIELD("Content-Length: 18446744073709551617"), 400, "h1.content_length.range", FIELD_AT + 16},
    {FIELD("Content-Length: 1\r\nContent-Length: 1"), 400, "h1.content_length.duplicate", FIELD_AT + 19},
    {FIELD("Content-Length: 1\r\nContent-Length: 2"), 400, "h1.content_length.duplicate", FIELD_AT + 19},
    /* Transfer-Encoding */
    {FIELD("Content-Length: 1\r\nTransfer-Encoding: chunked"), 400, "h1.framing.conflict", FIELD_AT + 19},
    {FIELD("Transfer-Encoding: chunked\r\nContent-Length: 1"), 400, "h1.framing.conflict", FIELD_AT},
    {FIELD("Transfer-Encoding: gzip\r\nContent-Length: 1"), 400, "h1.framing.conflict", FIELD_AT},
    {STR("GET / HTTP/1.0" HOST "\r\nTransfer-Encoding: chunked" END), 400, "h1.transfer_encoding.version",
     FIELD_AT},
    {FIELD("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400, "h1.transfer_encoding.duplicate",
     FIELD_AT + 28},
    {FIELD("Transfer-Encoding: chunked, chunked"), 400, "h1.transfer_encoding.duplicate", FIELD_AT + 28},
    {FIELD("Transfer-Encoding:"), 400, "h1.transfer_encoding.invalid", FIELD_AT + 18},
    {FIELD("Transfer-Encoding: ,chunked"), 400, "h1.transfer_encoding.invalid", FIELD_AT + 19},
    {FIELD("Transfer-Encoding: chunked,"), 400, "h1.transfer_encoding.invalid", FIELD_AT + 27},
    {FIELD("Transfer-Encoding: chunked ,"), 400, "h1.transfer_encoding.invalid", FIELD_AT + 28},
    {FIELD("Transfer-Encoding: chun ked"), 400, "h1.transfer_encoding.invalid", FIELD_AT + 19},
    {FIELD("Transfer-Encoding: \"chunked\""), 400, "h1.transfer_encoding.invalid", FIELD_AT + 19},
    {FIELD("Transfer-Encoding: chunked\xa0"), 400, "h1.transfer_encoding.invalid", FIELD_AT + 19},
    {FIELD("Transfer-Encoding: \x85"
           "chunked"),
     400, "h1.transfer_encoding.invalid", FIELD_AT + 19},
    {FIELD("Transfer-Encoding: \x0b"
           "chunked"),
     400, "h1.field_value.control", FIELD_AT + 19},
    {FIELD("Transfer-Encoding: chunked\x0c"), 400, "h1.field_value.control", FIELD_AT + 26},
    {STR(GET HOST "\r\nTransfer-Encoding: chunked\0" END), 400, "h1.field_value.nul", FIELD_AT + 26},
    {FIELD("Transfer-Encoding: chunked;q=1"), 400, "h1.transfer_encoding.parameter", FIELD_AT + 19},
    {FIELD("Transfer-Encoding: identity"), 400, "h1.transfer_encoding.identity", FIELD_AT + 19},
    {FIELD("Transfer-Encoding: identity, chunked"), 400, "h1.transfer_encoding.identity", FIELD_AT + 19},
    {FIELD("Transfer-Encoding: chunked, gzip"), 400, "h1.transfer_encoding.not_final", FIELD_AT + 28},
    {FIELD("Transfer-Encoding: xchunked"), 400, "h1.transfer_encoding.lookalike", FIELD_AT + 19},
    {FIELD("Transfer-Encoding: Chunked-x"), 400, "h1.transfer_encoding.lookalike", FIELD_AT + 19},
    {FIELD("Transfer-Encoding: gzip, xchunked"), 400, "h1.transfer_encoding.lookalike", FIELD_AT + 25},
    {FIELD("Transfer-Encoding: gzip"), 501, "h1.transfer_encoding.unknown", FIELD_AT + 19},
    {FIELD("Transfer-Encoding: gzip, chunked"), 501, "h1.transfer_encoding.unknown", FIELD_AT + 19},
    {FIELD("Transfer-Encoding: cow"), 501, "h1.transfer_encoding.unknown", FIELD_AT + 19},
    /* Expect */
    {FIELD("Expect: 200-ok"), 417, "h1.expect.unknown", FIELD_AT + 8},
    {FIELD("Expect:"), 417, "h1.expect.unknown", FIELD_AT + 7},
    {FIELD("Expect: 100-continue\r\nExpect: magic"), 417, "h1.expect.unknown", FIELD_AT + 30},
};

static void assert_refused(const struct refused *row, size_t index, struct outcome got) {
    if (got.result >= 0) {
        fail_msg("row %zu: %zd instead of %s", index, got.result, row->reason);
    }
    if (strcmp(got.error.reason, row->reason) != 0) {
        fail_msg("row %zu: %s instead of %s", index, got.error.reason, row->reason);
    }
    if (got.error.offset != row->offset) {
        fail_msg("row %zu (%s): offset %zu instead of %zu", index, row->reason, got.error.offset,
                 row->offset);
    }
    assert_int_equal(got.error.status, row->status);
    assert_int_equal(got.result, got.error.limit != NULL ? -WHARF_ELIMIT : -WHARF_EPROTOCOL);
    assert_non_null(strstr(got.error.rfc, "RFC "));
}

static void refuses_malformed_requests(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused_rows / sizeof *refused_rows; i++) {
        assert_refused(&refused_rows[i], i, parse_whole(refused_rows[i].text));
    }
}

static void refuses_the_same_however_the_bytes_are_split(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused_rows / sizeof *refused_rows; i++) {
        assert_refused(&refused_rows[i], i, parse_by_bytes(refused_rows[i].text, &h1_limits_server));
    }
}

/* ---- limits ---- */

/* A text made of parts, for heads near their limits. */
static char text_bytes[40000];
static size_t text_len;

static void text_add(const char *part, size_t times) {
    size_t len = strlen(part);
    for (size_t i = 0; i < times; i++) {
        memcpy(text_bytes + text_len, part, len);
        text_len += len;
    }
}

static wharf_str text_view(void) {
    return (wharf_str){text_bytes, text_len};
}

static void assert_limit(struct outcome got, int status, const char *reason, size_t offset) {
    assert_int_equal(got.result, -WHARF_ELIMIT);
    assert_string_equal(got.error.reason, reason);
    assert_int_equal(got.error.status, status);
    assert_int_equal(got.error.offset, offset);
}

static void holds_the_target_limit_exactly(void **state) {
    (void)state;
    text_len = 0;
    text_add("GET /", 1);
    text_add("a", 8191);
    text_add(" HTTP/1.1" HOST END, 1);
    assert_int_equal(parse_whole(text_view()).result, text_len);
    text_len = 0;
    text_add("GET /", 1);
    text_add("a", 8192);
    text_add(" HTTP/1.1" HOST END, 1);
    struct outcome got = parse_whole(text_view());
    assert_limit(got, 414, "h1.target.long", 4 + 8192);
    assert_string_equal(got.error.limit, "target_bytes");
}

static void refuses_a_long_target_before_its_line_ends(void **state) {
    (void)state;
    text_len = 0;
    text_add("GET /", 1);
    text_add("a", 8192);
    assert_limit(parse_whole(text_view()), 414, "h1.target.long", 4 + 8192);
    text_len--;
    assert_int_equal(parse_whole(text_view()).result, 0);
}

static void holds_the_head_limit_exactly(void **state) {
    (void)state;
    text_len = 0;
    text_add(GET HOST "\r\nX: ", 1);
    text_add("y", 32768 - text_len - 4);
    text_add(END, 1);
    assert_int_equal(parse_whole(text_view()).result, 32768);
    assert_int_equal(parse_by_bytes(text_view(), &h1_limits_server).result, 32768);
    text_len -= 4;
    text_add("y" END, 1);
    struct outcome got = parse_whole(text_view());
    assert_limit(got, 431, "h1.head.long", 32768);
    assert_string_equal(got.error.limit, "head_bytes");
    assert_limit(parse_by_bytes(text_view(), &h1_limits_server), 431, "h1.head.long", 32768);
    text_len -= 5;
    text_add("yyyyyyyyyy", 1);
    assert_limit(parse_whole(text_view()), 431, "h1.head.long", 32768);
}

static void a_line_without_cr_counts_more_than_a_long_head(void **state) {
    (void)state;
    text_len = 0;
    text_add(GET "\nX: ", 1);
    text_add("y", 33000);
    text_add(END, 1);
    struct outcome got = parse_whole(text_view());
    assert_string_equal(got.error.reason, "h1.line.bare_lf");
    got = parse_by_bytes(text_view(), &h1_limits_server);
    assert_string_equal(got.error.reason, "h1.line.bare_lf");
}

static void holds_the_line_limit_exactly(void **state) {
    (void)state;
    text_len = 0;
    text_add(GET HOST, 1);
    text_add("\r\nX: y", 99);
    text_add(END, 1);
    assert_int_equal(parse_whole(text_view()).result, text_len);
    text_len -= 4;
    size_t offset = text_len + 2;
    text_add("\r\nX: y" END, 1);
    struct outcome got = parse_whole(text_view());
    assert_limit(got, 431, "h1.head.lines", offset);
    assert_string_equal(got.error.limit, "header_lines");
}

static void holds_the_field_limit_exactly(void **state) {
    (void)state;
    struct h1_limits limits = h1_limits_server;
    limits.field_bytes = 7;
    struct h1_progress progress = {0};
    assert_int_equal(parse(STR(GET HOST END), &progress, &limits).result, 27);
    progress = (struct h1_progress){0};
    struct outcome got = parse(STR(GET HOST "b" END), &progress, &limits);
    assert_limit(got, 431, "h1.field.long", 16 + 7);
}

static void strict_names_refuses_lookalikes(void **state) {
    (void)state;
    struct h1_limits limits = h1_limits_server;
    limits.strict_names = true;
    static const struct refused row = {FIELD("Content_Length: 1"), 400, "h1.field_name.alias", FIELD_AT};
    struct h1_progress progress = {0};
    assert_refused(&row, 0, parse(row.text, &progress, &limits));
    progress = (struct h1_progress){0};
    assert_true(parse(FIELD("My_Field: 1"), &progress, &limits).result > 0);
}

/* ---- responses ---- */

static ssize_t parse_response(wharf_str text, enum h1_method method, struct h1_response *response,
                              struct h1_error *error) {
    struct h1_progress progress = {0};
    struct h1_response_options options = {method, &h1_limits_client};
    headers_init(&response->headers, storage, 512);
    char *copy = mem_alloc(text.len);
    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    ssize_t result = h1_parse_response((wharf_str){copy, text.len}, &progress, &options, response, error);
    if (result > 0) {
        response->reason.ptr = text.ptr + (response->reason.ptr - copy);
    }
    mem_free(copy);
    return result;
}

struct answered {
    const char *text;
    enum h1_method method;
    int status;
    const char *reason;
    enum h1_framing framing;
    uint64_t content_length;
    bool keep_alive, tunnel;
};

static const struct answered answered_rows[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5" END, H1_METHOD_GET, 200, "OK", H1_BODY_LENGTH, 5, true, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0" END, H1_METHOD_GET, 200, "OK", H1_BODY_NONE, 0, true, false},
    {"HTTP/1.1 200 " END, H1_METHOD_GET, 200, "", H1_BODY_UNTIL_CLOSE, 0, false, false},
    {"HTTP/1.1 200" END, H1_METHOD_GET, 200, "", H1_BODY_UNTIL_CLOSE, 0, false, false},
    {"HTTP/1.1 999 \xe9 all\tright" END, H1_METHOD_GET, 999, "\xe9 all\tright", H1_BODY_UNTIL_CLOSE, 0, false,
     false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 5" END, H1_METHOD_GET, 200, "OK", H1_BODY_LENGTH, 5, false, false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive" END, H1_METHOD_GET, 200, "OK",
     H1_BODY_LENGTH, 5, true, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close" END, H1_METHOD_GET, 200, "OK",
     H1_BODY_LENGTH, 5, false, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\nContent-Length: 05" END, H1_METHOD_GET, 200, "OK",
     H1_BODY_LENGTH, 5, true, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked" END, H1_METHOD_GET, 200, "OK", H1_BODY_CHUNKED, 0, true,
     false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked" END, H1_METHOD_HEAD, 200, "OK", H1_BODY_NONE, 0,
     true, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5" END, H1_METHOD_HEAD, 200, "OK", H1_BODY_NONE, 5, true, false},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5" END, H1_METHOD_GET, 304, "Not Modified", H1_BODY_NONE,
     5, true, false},
    {"HTTP/1.1 204 No Content" END, H1_METHOD_DELETE, 204, "No Content", H1_BODY_NONE, 0, true, false},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 5" END, H1_METHOD_GET, 204, "No Content", H1_BODY_NONE, 0,
     true, false},
    {"HTTP/1.1 100 Continue" END, H1_METHOD_POST, 100, "Continue", H1_BODY_NONE, 0, true, false},
    {"HTTP/1.1 103 Early Hints\r\nLink: <a>" END, H1_METHOD_GET, 103, "Early Hints", H1_BODY_NONE, 0, true,
     false},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade" END, H1_METHOD_GET, 101,
     "Switching Protocols", H1_BODY_NONE, 0, false, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked" END, H1_METHOD_CONNECT, 200, "OK", H1_BODY_NONE, 0,
     false, true},
    {"HTTP/1.1 407 Who\r\nContent-Length: 3" END, H1_METHOD_CONNECT, 407, "Who", H1_BODY_LENGTH, 3, true,
     false},
};

static void understands_valid_responses(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof answered_rows / sizeof *answered_rows; i++) {
        const struct answered *row = &answered_rows[i];
        wharf_str text = wharf_str_of(row->text);
        struct h1_response response;
        struct h1_error error = {0};
        ssize_t result = parse_response(text, row->method, &response, &error);
        if (result != (ssize_t)text.len) {
            fail_msg("row %zu: %zd, %s", i, result, error.reason);
        }
        assert_int_equal(response.status, row->status);
        assert_view(response.reason, row->reason);
        assert_int_equal(response.framing, row->framing);
        assert_int_equal(response.content_length, row->content_length);
        assert_int_equal(response.keep_alive, row->keep_alive);
        assert_int_equal(response.tunnel, row->tunnel);
        for (size_t len = 0; len < text.len; len++) {
            assert_int_equal(parse_response(str_slice(text, 0, len), row->method, &response, &error), 0);
        }
    }
}

#define OK "HTTP/1.1 200 OK\r\n"

static const struct refused refused_answers[] = {
    {STR("hello, I am older than heads\r\n"), 502, "h1.status_line.invalid", 0},
    {STR("hello"), 502, "h1.status_line.invalid", 0},
    {STR("\r\n" OK "\r\n"), 502, "h1.status_line.invalid", 0},
    {STR("ICY 200 OK" END), 502, "h1.status_line.invalid", 0},
    {STR("HTTP/2.0 200 OK" END), 505, "h1.version.unsupported", 5},
    {STR("HTTP/0.9 200 OK" END), 400, "h1.version.zero", 5},
    {STR("HTTP/1 200 OK" END), 400, "h1.version.invalid", 5},
    {STR("HTTP/1.1\r\n" END), 400, "h1.version.invalid", 5},
    {STR("HTTP/1.1  200 OK" END), 502, "h1.status_code.invalid", 9},
    {STR("HTTP/1.1 20 OK" END), 502, "h1.status_code.invalid", 9},
    {STR("HTTP/1.1 2000 OK" END), 502, "h1.status_code.invalid", 9},
    {STR("HTTP/1.1 099 OK" END), 502, "h1.status_code.invalid", 9},
    {STR("HTTP/1.1 \r\n" END), 502, "h1.status_code.invalid", 9},
    {STR("HTTP/1.1 200OK" END), 502, "h1.status_reason.invalid", 12},
    {STR("HTTP/1.1 200\tOK" END), 502, "h1.status_reason.invalid", 12},
    {STR("HTTP/1.1 200 O\0K" END), 502, "h1.status_reason.invalid", 14},
    {STR("HTTP/1.1 200 OK\n\n"), 400, "h1.line.bare_lf", 15},
    {STR("HTTP/1.1 200\n\n"), 400, "h1.line.bare_lf", 12},
    {STR("HTTP/1.1 200 O\rK" END), 400, "h1.line.bare_cr", 14},
    {STR(OK "X : y" END), 400, "h1.field_name.whitespace", 18},
    {STR(OK "X: y\r\n z" END), 400, "h1.field.folded", 23},
    {STR(OK "X: \0" END), 400, "h1.field_value.nul", 20},
    {STR(OK "Content-Length: 5\r\nContent-Length: 6" END), 400, "h1.content_length.duplicate", 52},
    {STR(OK "Content-Length: 5, 6" END), 400, "h1.content_length.duplicate", 36},
    {STR(OK "Content-Length: ," END), 400, "h1.content_length.empty", 33},
    {STR(OK "Content-Length:" END), 400, "h1.content_length.empty", 32},
    {STR(OK "Content-Length: 5 6" END), 400, "h1.content_length.invalid", 34},
    {STR(OK "Content-Length: 5\r\nTransfer-Encoding: chunked" END), 400, "h1.framing.conflict", 36},
    {STR(OK "Transfer-Encoding: gzip, chunked" END), 501, "h1.transfer_encoding.unknown", 36},
    {STR("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked" END), 400, "h1.transfer_encoding.version", 17},
};

static void refuses_malformed_responses(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused_answers / sizeof *refused_answers; i++) {
        struct h1_response response;
        struct outcome got = {0};
        got.result = parse_response(refused_answers[i].text, H1_METHOD_GET, &response, &got.error);
        assert_refused(&refused_answers[i], i, got);
    }
}

static void no_bytes_are_incomplete(void **state) {
    (void)state;
    struct h1_progress progress = {0};
    struct h1_response_options options = {H1_METHOD_GET, &h1_limits_client};
    struct h1_request request;
    struct h1_response response;
    struct h1_error error;
    wharf_str nothing = {NULL, 0};
    headers_init(&request.headers, storage, 512);
    headers_init(&response.headers, storage, 512);
    assert_int_equal(h1_parse_request(nothing, &progress, &h1_limits_server, &request, &error), 0);
    assert_int_equal(h1_parse_response(nothing, &progress, &options, &response, &error), 0);
}

/* ---- methods ---- */

static void knows_methods_by_exact_case(void **state) {
    (void)state;
    for (int method = H1_METHOD_GET; method < H1_METHOD_COUNT; method++) {
        assert_int_equal(h1_method_of(h1_method_name((enum h1_method)method)), method);
    }
    assert_int_equal(h1_method_of(STR("get")), H1_METHOD_OTHER);
    assert_int_equal(h1_method_of(STR("")), H1_METHOD_OTHER);
    assert_int_equal(h1_method_of(STR("QUERY")), H1_METHOD_OTHER);
    assert_true(h1_method_is_safe(H1_METHOD_HEAD));
    assert_false(h1_method_is_safe(H1_METHOD_PUT));
    assert_true(h1_method_is_idempotent(H1_METHOD_PUT));
    assert_false(h1_method_is_idempotent(H1_METHOD_POST));
    assert_false(h1_method_is_idempotent(H1_METHOD_OTHER));
}

/* A known Host is one that was found valid; any other is looked through as ever. */
static void a_known_host_vouches_for_itself_alone(void **state) {
    (void)state;
    static const struct {
        const char *host;
        bool fine;
    } rows[] = {
        {"a.example:80", true}, {"b.example", true}, {"a.example:80x", false}, {"a.example:8 0", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[128];
        int len = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", rows[i].host);
        struct header fields[8];
        struct h1_request request;
        struct h1_error error;
        wharf_str known = wharf_str_of("a.example:80");
        struct h1_progress progress = {.known_host = &known};
        headers_init(&request.headers, fields, 8);
        ssize_t got = h1_parse_request((wharf_str){text, (size_t)len}, &progress, &h1_limits_server, &request,
                                       &error);
        assert_int_equal(got > 0, rows[i].fine);
        if (got > 0) {
            assert_true(wharf_str_is(request.host, rows[i].host));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_host_vouches_for_itself_alone),
        cmocka_unit_test(understands_valid_requests),
        cmocka_unit_test(every_strict_prefix_of_a_request_is_incomplete),
        cmocka_unit_test(stops_at_the_end_of_the_first_request),
        cmocka_unit_test(accepts_valid_hosts),
        cmocka_unit_test(refuses_malformed_requests),
        cmocka_unit_test(refuses_the_same_however_the_bytes_are_split),
        cmocka_unit_test(holds_the_target_limit_exactly),
        cmocka_unit_test(refuses_a_long_target_before_its_line_ends),
        cmocka_unit_test(holds_the_head_limit_exactly),
        cmocka_unit_test(a_line_without_cr_counts_more_than_a_long_head),
        cmocka_unit_test(holds_the_line_limit_exactly),
        cmocka_unit_test(holds_the_field_limit_exactly),
        cmocka_unit_test(strict_names_refuses_lookalikes),
        cmocka_unit_test(understands_valid_responses),
        cmocka_unit_test(refuses_malformed_responses),
        cmocka_unit_test(no_bytes_are_incomplete),
        cmocka_unit_test(knows_methods_by_exact_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

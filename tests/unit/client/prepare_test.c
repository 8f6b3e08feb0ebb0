/* Request heads, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "client/prepare.h" /* before cmocka, whose fail() is a macro */

#include <cmocka.h>

#include <errno.h>
#include <string.h>

struct row {
    const char *method;
    const char *url;
    const char *client_headers[6];
    const char *headers[6];
    struct source body;
    bool other_origin;
    bool content_dropped;
    const char *head; /* with '|' for CR LF */
};

#define CODINGS  "Accept-Encoding: gzip, deflate, br, zstd"
#define DEFAULTS "Host: h|User-Agent: wharf/" WHARF_VERSION "|Accept: */*|" CODINGS "|"

static const struct row table[] = {
    {.method = "GET", .url = "http://h", .head = "GET / HTTP/1.1|" DEFAULTS "|"},
    {.method = "GET",
     .url = "http://h:8080/a%2Fb?c=%20d#e",
     .head = "GET /a%2Fb?c=%20d HTTP/1.1|Host: h:8080|User-Agent: wharf/" WHARF_VERSION
             "|Accept: */*|" CODINGS "||"},
    {.method = "GET",
     .url = "http://[::1]:80/",
     .head = "GET / HTTP/1.1|Host: [::1]|User-Agent: wharf/" WHARF_VERSION "|Accept: */*|" CODINGS "||"},
    /* order, case and duplicates are kept */
    {.method = "GET",
     .url = "http://h/",
     .headers = {"x-B: 1", "X-A: 2", "X-b: 3"},
     .head = "GET / HTTP/1.1|" DEFAULTS "x-B: 1|X-A: 2|X-b: 3||"},
    /* defaults: replaced, removed, empty */
    {.method = "GET",
     .url = "http://h/",
     .headers = {"accept: text/plain", "User-Agent:", "Host;"},
     .head = "GET / HTTP/1.1|" CODINGS "|accept: text/plain|Host: ||"},
    {.method = "GET",
     .url = "http://h/",
     .headers = {"accept:", "User-Agent:", "Accept-Encoding: br"},
     .head = "GET / HTTP/1.1|Host: h|Accept-Encoding: br||"},
    /* a part could not be decoded, so no coding is asked for */
    {.method = "GET",
     .url = "http://h/",
     .headers = {"accept:", "User-Agent:", "Range: bytes=5-"},
     .head = "GET / HTTP/1.1|Host: h|Range: bytes=5-||"},
    /* the request's headers replace the client's by name, all of them */
    {.method = "GET",
     .url = "http://h/",
     .client_headers = {"X-A: c1", "X-A: c2", "X-C: c", "User-Agent: mine"},
     .headers = {"x-a: r", "X-C:"},
     .head = "GET / HTTP/1.1|Host: h|Accept: */*|" CODINGS "|User-Agent: mine|x-a: r||"},
    {.method = "GET",
     .url = "http://h/",
     .client_headers = {"User-Agent:"},
     .headers = {"User-Agent: back"},
     .head = "GET / HTTP/1.1|Host: h|Accept: */*|" CODINGS "|User-Agent: back||"},
    /* bodies */
    {.method = "POST", .url = "http://h/", .head = "POST / HTTP/1.1|" DEFAULTS "Content-Length: 0||"},
    {.method = "DELETE", .url = "http://h/", .head = "DELETE / HTTP/1.1|" DEFAULTS "|"},
    {.method = "PUT",
     .url = "http://h/",
     .body = {.kind = SOURCE_MEMORY, .length = 12},
     .head = "PUT / HTTP/1.1|" DEFAULTS "Content-Type: application/octet-stream|Content-Length: 12||"},
    {.method = "PUT",
     .url = "http://h/",
     .body = {.kind = SOURCE_FUNCTION, .length = -1},
     .headers = {"content-type: a/b"},
     .head = "PUT / HTTP/1.1|" DEFAULTS "content-type: a/b|Transfer-Encoding: chunked||"},
    {.method = "PUT",
     .url = "http://h/",
     .body = {.kind = SOURCE_MEMORY, .length = 1 << 20},
     .head = "PUT / HTTP/1.1|" DEFAULTS "Content-Type: application/octet-stream|Content-Length: 1048576||"},
    {.method = "PUT",
     .url = "http://h/",
     .body = {.kind = SOURCE_FILE, .length = (1 << 20) + 1},
     .head = "PUT / HTTP/1.1|" DEFAULTS
             "Content-Type: application/octet-stream|Content-Length: 1048577|Expect: 100-continue||"},
    {.method = "PUT",
     .url = "http://h/",
     .body = {.kind = SOURCE_FILE, .length = 5LL << 30},
     .headers = {"Expect:"},
     .head = "PUT / HTTP/1.1|" DEFAULTS
             "Content-Type: application/octet-stream|Content-Length: 5368709120||"},
    {.method = "PUT",
     .url = "http://h/",
     .body = {.kind = SOURCE_MEMORY, .length = 1},
     .headers = {"expect: 100-continue"},
     .head = "PUT / HTTP/1.1|" DEFAULTS
             "Content-Type: application/octet-stream|Content-Length: 1|Expect: 100-continue||"},
    {.method = "GET",
     .url = "http://h/",
     .headers = {"Expect: 100-continue"},
     .head = "GET / HTTP/1.1|" DEFAULTS "|"},
    /* after redirects */
    {.method = "GET",
     .url = "http://h/",
     .other_origin = true,
     .client_headers = {"Cookie: c", "AUTHORIZATION: x"},
     .headers = {"Host: other", "Proxy-Authorization: y", "X: z"},
     .head = "GET / HTTP/1.1|" DEFAULTS "X: z||"},
    {.method = "GET",
     .url = "http://h/",
     .content_dropped = true,
     .headers = {"Content-Type: a/b", "content-language: en", "X: z"},
     .head = "GET / HTTP/1.1|" DEFAULTS "X: z||"},
};

static void assert_head(wharf_str head, const char *expected) {
    size_t at = 0;
    for (const char *byte = expected; *byte != '\0'; byte++) {
        assert_true(at < head.len);
        if (*byte == '|') {
            assert_true(at + 1 < head.len && head.ptr[at] == '\r' && head.ptr[at + 1] == '\n');
            at += 2;
        } else {
            assert_int_equal(head.ptr[at], *byte);
            at++;
        }
    }
    assert_int_equal(at, head.len);
}

static void makes_these_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct row *row = &table[i];
        struct wharf_client client = {.limits = {0}};
        struct fetch fetch = {
            .client = &client, .method = wharf_str_of(row->method), .public_url = "http://h/"};
        struct url_error error;
        struct prepared prepared;
        arena_init(&fetch.arena, NULL, 0, 1 << 20);
        assert_int_equal(url_parse(&fetch.arena, wharf_str_of(row->url), &fetch.url, &error), 0);
        assert_int_equal(fields_parse(&fetch.arena, row->client_headers, &client.headers), 0);
        assert_int_equal(fields_parse(&fetch.arena, row->headers, &fetch.headers), 0);
        fetch.method_id = h1_method_of(fetch.method);
        fetch.body = row->body;
        fetch.other_origin = row->other_origin;
        fetch.content_dropped = row->content_dropped;
        assert_int_equal(prepare_head(&fetch, true, &prepared), 0);
        assert_head(buffer_view(&prepared.head), row->head);
        assert_int_equal(prepared.expect, strstr(row->head, "Expect") != NULL);
        buffer_deinit(&prepared.head);
        arena_deinit(&fetch.arena);
    }
}

static void notices_that_the_caller_closes(void **state) {
    (void)state;
    static const struct {
        const char *line;
        bool close;
    } lines[] = {{"Connection: close", true}, {"Connection: x, Close", true}, {"Connection: closed", false}};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *headers[] = {lines[i].line, NULL};
        struct wharf_client client = {.limits = {0}};
        struct fetch fetch = {.client = &client, .method = wharf_str_of("GET"), .public_url = "http://h/"};
        struct url_error error;
        struct prepared prepared;
        arena_init(&fetch.arena, NULL, 0, 1 << 20);
        assert_int_equal(url_parse(&fetch.arena, wharf_str_of("http://h/"), &fetch.url, &error), 0);
        assert_int_equal(fields_parse(&fetch.arena, headers, &fetch.headers), 0);
        assert_int_equal(prepare_head(&fetch, true, &prepared), 0);
        assert_int_equal(prepared.close, lines[i].close);
        buffer_deinit(&prepared.head);
        arena_deinit(&fetch.arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_these_bytes),
        cmocka_unit_test(notices_that_the_caller_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

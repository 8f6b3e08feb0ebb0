/* The URL parser: accept rows with the whole normal form, reject rows with code and offset, and the parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/memory.h"
#include "base/text.h"
#include "http/codec/url.h"

struct accept_row {
    const char *input;
    const char *base; /* NULL: none */
    const char *href;
};

static const struct accept_row accept_rows[] = {
    /* scheme and slashes */
    {"http://example.com", NULL, "http://example.com/"},
    {"HTTPS://Example.COM/", NULL, "https://example.com/"},
    {"ws://h/chat", NULL, "ws://h/chat"},
    {"WsS://h", NULL, "wss://h/"},
    {"http:example.com", NULL, "http://example.com/"},
    {"http:/example.com/a", NULL, "http://example.com/a"},
    {"http:////example.com/a", NULL, "http://example.com/a"},
    {"http:\\\\example.com\\a\\b", NULL, "http://example.com/a/b"},
    {"  http://h/a \t\n", NULL, "http://h/a"},
    {"ht\ntp:/\t/h/a\r\nb", NULL, "http://h/ab"},
    {"\x01\x1fhttp://h/\x02", NULL, "http://h/"},
    /* user names and passwords */
    {"http://u@h/", NULL, "http://u@h/"},
    {"http://u:p@h/", NULL, "http://u:p@h/"},
    {"http://:p@h/", NULL, "http://:p@h/"},
    {"http://u:@h/", NULL, "http://u@h/"},
    {"http://@h/", NULL, "http://h/"},
    {"http://:@h/", NULL, "http://h/"},
    {"http://a@b@h/", NULL, "http://a%40b@h/"},
    {"http://a:b:c@h/", NULL, "http://a:b%3Ac@h/"},
    {"http://u p|[]^=;:x{y@h", NULL, "http://u%20p%7C%5B%5D%5E%3D%3B:x%7By@h/"},
    {"http://%41%zz:p%40@h/", NULL, "http://%41%zz:p%40@h/"},
    /* domains */
    {"http://EXAMPLE%2Ecom/", NULL, "http://example.com/"},
    {"http://%65xample.com/", NULL, "http://example.com/"},
    {"http://a_b.c-d/", NULL, "http://a_b.c-d/"},
    {"http://r3---sn-x.example/", NULL, "http://r3---sn-x.example/"},
    {"http://example.com./", NULL, "http://example.com./"},
    {"http://./", NULL, "http://./"},
    {"http://a..b/", NULL, "http://a..b/"},
    {"http://xn--bcher-kva.example/", NULL, "http://xn--bcher-kva.example/"},
    {"http://b\xc3\xbc"
     "cher.example/",
     NULL, "http://xn--bcher-kva.example/"},
    {"http://B%C3%9Ccher.example/", NULL, "http://xn--bcher-kva.example/"},
    {"http://fa\xc3\x9f.de/", NULL, "http://xn--fa-hia.de/"},
    {"http://\xef\xbc\x91\xe3\x80\x82\x32/", NULL, "http://1.0.0.2/"},
    {"http://!\"$&'()*+,-.;=_`{}~/", NULL, "http://!\"$&'()*+,-.;=_`{}~/"},
    {"http://1.2.3.4x/", NULL, "http://1.2.3.4x/"},
    /* IPv4 */
    {"http://127.0.0.1/", NULL, "http://127.0.0.1/"},
    {"http://127.1/", NULL, "http://127.0.0.1/"},
    {"http://2130706433/", NULL, "http://127.0.0.1/"},
    {"http://0x7f.0.0.1/", NULL, "http://127.0.0.1/"},
    {"http://0X7F000001", NULL, "http://127.0.0.1/"},
    {"http://017700000001/", NULL, "http://127.0.0.1/"},
    {"http://0300.168.0xF0/", NULL, "http://192.168.0.240/"},
    {"http://1.2.3.4./", NULL, "http://1.2.3.4/"},
    {"http://0x/", NULL, "http://0.0.0.0/"},
    {"http://1.2.0x.4/", NULL, "http://1.2.0.4/"},
    {"http://4294967295/", NULL, "http://255.255.255.255/"},
    {"http://1.65536/", NULL, "http://1.1.0.0/"},
    {"http://%31%2e2.3.4/", NULL, "http://1.2.3.4/"},
    /* IPv6 */
    {"http://[::1]/", NULL, "http://[::1]/"},
    {"http://[::]:80/", NULL, "http://[::]/"},
    {"http://[0:0:0:0:0:0:0:1]:8080/", NULL, "http://[::1]:8080/"},
    {"http://[2001:DB8:0:0:1:0:0:1]/", NULL, "http://[2001:db8::1:0:0:1]/"},
    {"http://[1:0:0:2:0:0:0:3]/", NULL, "http://[1:0:0:2::3]/"},
    {"http://[1:2:3:4:5:6:7::]/", NULL, "http://[1:2:3:4:5:6:7:0]/"},
    {"http://[::2:3:4:5:6:7:8]/", NULL, "http://[0:2:3:4:5:6:7:8]/"},
    {"http://[1::]/", NULL, "http://[1::]/"},
    {"http://[::ffff:1.2.3.4]/", NULL, "http://[::ffff:102:304]/"},
    {"http://[1:2:3:4:5:6:255.255.0.1]/", NULL, "http://[1:2:3:4:5:6:ffff:1]/"},
    {"http://u@[::1]:1/", NULL, "http://u@[::1]:1/"},
    /* ports */
    {"http://h:80/", NULL, "http://h/"},
    {"https://h:443/", NULL, "https://h/"},
    {"http://h:443/", NULL, "http://h:443/"},
    {"wss://h:443", NULL, "wss://h/"},
    {"ws://h:81", NULL, "ws://h:81/"},
    {"http://h:/", NULL, "http://h/"},
    {"http://h:000080/", NULL, "http://h/"},
    {"http://h:0/", NULL, "http://h:0/"},
    {"http://h:65535/", NULL, "http://h:65535/"},
    /* paths */
    {"http://h/a/./b", NULL, "http://h/a/b"},
    {"http://h/a/../b", NULL, "http://h/b"},
    {"http://h/../../b", NULL, "http://h/b"},
    {"http://h/a/b/..", NULL, "http://h/a/"},
    {"http://h/a/.", NULL, "http://h/a/"},
    {"http://h/a/%2e%2E/b/%2e", NULL, "http://h/b/"},
    {"http://h/a/.%2e/b/..%2e", NULL, "http://h/b/..%2e"},
    {"http://h//a//b/", NULL, "http://h//a//b/"},
    {"http://h/a//../b", NULL, "http://h/a/b"},
    {"http://h/...", NULL, "http://h/..."},
    {"http://h/%2F%3A%28%40%7e%7E", NULL, "http://h/%2F%3A%28%40%7e%7E"},
    {"http://h/%zz%", NULL, "http://h/%zz%"},
    {"http://h/a b\"<>`{}^", NULL, "http://h/a%20b%22%3C%3E%60%7B%7D%5E"},
    {"http://h/|[]':@!$&()*+,;=", NULL, "http://h/|[]':@!$&()*+,;="},
    {"http://h/\xc3\xa9", NULL, "http://h/%C3%A9"},
    {"http://h/\xe9\x7f", NULL, "http://h/%E9%7F"},
    /* queries and fragments */
    {"http://h?q", NULL, "http://h/?q"},
    {"http://h/?", NULL, "http://h/?"},
    {"http://h/#", NULL, "http://h/#"},
    {"http://h/?#", NULL, "http://h/?#"},
    {"http://h?a=1&b=%2f'\" <>#x", NULL, "http://h/?a=1&b=%2f%27%22%20%3C%3E#x"},
    {"http://h/?a?b\\c/../d`{}", NULL, "http://h/?a?b\\c/../d`{}"},
    {"http://h/#a#b?c`' \"<>", NULL, "http://h/#a#b?c%60'%20%22%3C%3E"},
    {"http://h#f/../?", NULL, "http://h/#f/../?"},
    {"http://u:p@h:1/p?q#f", NULL, "http://u:p@h:1/p?q#f"},
    /* references */
    {"", "http://h/a/b?q#f", "http://h/a/b?q"},
    {"#x", "http://h/a/b?q#f", "http://h/a/b?q#x"},
    {"?x", "http://h/a/b?q#f", "http://h/a/b?x"},
    {"?", "http://h/a/b?q#f", "http://h/a/b?"},
    {"c", "http://h/a/b?q#f", "http://h/a/c"},
    {"./c", "http://h/a/b", "http://h/a/c"},
    {"../c", "http://h/a/b/d", "http://h/a/c"},
    {"..", "http://h/a/b/d", "http://h/a/"},
    {".", "http://h/a/b", "http://h/a/"},
    {"../../../c", "http://h/a/b", "http://h/c"},
    {"/c", "http://u:p@h:81/a/b", "http://u:p@h:81/c"},
    {"\\c\\d", "http://h/a/b", "http://h/c/d"},
    {"//g/c", "https://h/a/b", "https://g/c"},
    {"/\\g", "http://h/a", "http://g/"},
    {"///g", "http://h/a", "http://g/"},
    {"http:c", "http://h/a/b", "http://h/a/c"},
    {"http:/c", "http://h/a/b", "http://h/c"},
    {"http://g", "http://h/a/b", "http://g/"},
    {"https:c", "http://h/a/b", "https://c/"},
    {"a:b", "http://h/", NULL},
    {"a/b:c", "http://h/", "http://h/a/b:c"},
    {"1a:b", "http://h/", "http://h/1a:b"},
    {"c?x#y", "http://u@[::1]:81/a/b?q", "http://u@[::1]:81/a/c?x#y"},
    {"c d", "http://h/a%2fb/", "http://h/a%2fb/c%20d"},
};

static int resolve(struct arena *arena, const char *input, const char *base, struct url *ret_url,
                   struct url_error *ret_error) {
    struct url base_url;
    if (base == NULL) {
        return url_parse(arena, wharf_str_of(input), ret_url, ret_error);
    }
    assert_int_equal(url_parse(arena, wharf_str_of(base), &base_url, ret_error), 0);
    return url_resolve(arena, &base_url, wharf_str_of(input), ret_url, ret_error);
}

static void accepts_and_brings_into_normal_form(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(accept_rows) / sizeof(accept_rows[0]); i++) {
        const struct accept_row *row = &accept_rows[i];
        struct arena arena;
        struct url url;
        struct url_error error;
        arena_init(&arena, NULL, 0, 1 << 16);
        int status = resolve(&arena, row->input, row->base, &url, &error);
        if (status < 0 && row->href != NULL) {
            print_error("%s: %s at %zu\n", row->input, error.reason, error.offset);
        }
        if (row->href == NULL) {
            assert_int_equal(status, -WHARF_EADDRESS);
        } else {
            assert_int_equal(status, 0);
            assert_string_equal(arena_cstr(&arena, url.href), row->href);
        }
        arena_deinit(&arena);
    }
}

static void the_normal_form_parses_to_itself(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(accept_rows) / sizeof(accept_rows[0]); i++) {
        struct arena arena;
        struct url url;
        struct url_error error;
        if (accept_rows[i].href == NULL) {
            continue;
        }
        arena_init(&arena, NULL, 0, 1 << 16);
        assert_int_equal(url_parse(&arena, wharf_str_of(accept_rows[i].href), &url, &error), 0);
        assert_string_equal(arena_cstr(&arena, url.href), accept_rows[i].href);
        arena_deinit(&arena);
    }
}

struct reject_row {
    const char *input;
    enum url_error_code code;
    size_t offset;
};

static const struct reject_row reject_rows[] = {
    {"", URL_NO_SCHEME, 0},
    {"example.com", URL_NO_SCHEME, 0},
    {"  /path", URL_NO_SCHEME, 2},
    {"//example.com/", URL_NO_SCHEME, 0},
    {"://h", URL_NO_SCHEME, 0},
    {"1http://h", URL_NO_SCHEME, 0},
    {"?q", URL_NO_SCHEME, 0},
    {"ht tp://h", URL_NO_SCHEME, 0},
    {"ftp://h/", URL_OTHER_SCHEME, 0},
    {" file:///etc", URL_OTHER_SCHEME, 1},
    {"mailto:a@b", URL_OTHER_SCHEME, 0},
    {"javascript:alert(1)", URL_OTHER_SCHEME, 0},
    {"localhost:8000", URL_OTHER_SCHEME, 0},
    {"httpss://h", URL_OTHER_SCHEME, 0},
    {"http:", URL_NO_HOST, 5},
    {"http://", URL_NO_HOST, 7},
    {"http:///", URL_NO_HOST, 8},
    {"http://?q", URL_NO_HOST, 7},
    {"http://#f", URL_NO_HOST, 7},
    {"http://:80/", URL_NO_HOST, 7},
    {"http://u@/", URL_NO_HOST, 9},
    {"http://u:p@", URL_NO_HOST, 11},
    {"http://@:80/", URL_NO_HOST, 8},
    {"http://a b/", URL_BAD_HOST, 8},
    {"http://a%20b/", URL_BAD_HOST, 8},
    {"http://a<b/", URL_BAD_HOST, 8},
    {"http://a^/", URL_BAD_HOST, 8},
    {"http://a|b/", URL_BAD_HOST, 8},
    {"http://a%/", URL_BAD_HOST, 8},
    {"http://a%4/", URL_BAD_HOST, 8},
    {"http://a%zz/", URL_BAD_HOST, 8},
    {"http://a%00b/", URL_BAD_HOST, 8},
    {"http://a%2fb/", URL_BAD_HOST, 8},
    {"http://a%25b/", URL_BAD_HOST, 8},
    {"http://a%3Ab/", URL_BAD_HOST, 8},
    {"http://a]b/", URL_BAD_HOST, 8},
    {"http://a\x7f/", URL_BAD_HOST, 8},
    {"h\nttp://a\tb c/", URL_BAD_HOST, 11},
    {"http://b\xc3(cher.example/", URL_BAD_HOST, 8},
    {"http://b\xe2\x80\xaex/", URL_BAD_HOST, 8},
    {"http://xn--a.\xc3\x9f/", URL_BAD_HOST, 7},
    {"http://\xc2\xad/", URL_BAD_HOST, 7},
    {"http://a\xef\xbc\x85\x62/", URL_BAD_HOST, 7},
    {"http://256.1.1.1/", URL_BAD_IPV4, 7},
    {"http://1.2.3.4.5/", URL_BAD_IPV4, 7},
    {"http://1.2.3.256/", URL_BAD_IPV4, 7},
    {"http://4294967296/", URL_BAD_IPV4, 7},
    {"http://99999999999999999999/", URL_BAD_IPV4, 7},
    {"http://1..2/", URL_BAD_IPV4, 7},
    {"http://a.1/", URL_BAD_IPV4, 7},
    {"http://1.09/", URL_BAD_IPV4, 7},
    {"http://a.0x1/", URL_BAD_IPV4, 7},
    {"http://0777777777777777777777777777/", URL_BAD_IPV4, 7},
    {"http://[::1/", URL_BAD_IPV6, 10},
    {"http://[]/", URL_BAD_IPV6, 8},
    {"http://[:]/", URL_BAD_IPV6, 8},
    {"http://[1:2]/", URL_BAD_IPV6, 11},
    {"http://[1:2:3:4:5:6:7:8:9]/", URL_BAD_IPV6, 24},
    {"http://[1:2:3:4:5:6:7:8::]/", URL_BAD_IPV6, 25},
    {"http://[1::2::3]/", URL_BAD_IPV6, 13},
    {"http://[:::1]/", URL_BAD_IPV6, 10},
    {"http://[12345::]/", URL_BAD_IPV6, 12},
    {"http://[g::]/", URL_BAD_IPV6, 8},
    {"http://[::1.2.3]/", URL_BAD_IPV6, 10},
    {"http://[::1.2.3.256]/", URL_BAD_IPV6, 10},
    {"http://[::01.2.3.4]/", URL_BAD_IPV6, 10},
    {"http://[::1.2.3.4.5]/", URL_BAD_IPV6, 10},
    {"http://[1:2:3:4:5:6:7:1.2.3.4]/", URL_BAD_IPV6, 22},
    {"http://[fe80::1%25eth0]/", URL_BAD_IPV6, 15},
    {"http://[::1]x/", URL_BAD_IPV6, 12},
    {"http://h:65536/", URL_BAD_PORT, 9},
    {"http://h:99999999999999999999/", URL_BAD_PORT, 9},
    {"http://h:8a/", URL_BAD_PORT, 10},
    {"http://h:-1/", URL_BAD_PORT, 9},
    {"http://h: 80/", URL_BAD_PORT, 9},
    {"http://h:80:80/", URL_BAD_PORT, 11},
};

static void rejects_with_code_and_offset(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(reject_rows) / sizeof(reject_rows[0]); i++) {
        struct arena arena;
        struct url url = {.port = 4711};
        struct url_error error = {0};
        arena_init(&arena, NULL, 0, 1 << 16);
        int status = url_parse(&arena, wharf_str_of(reject_rows[i].input), &url, &error);
        if (status != -WHARF_EADDRESS || error.code != reject_rows[i].code ||
            error.offset != reject_rows[i].offset) {
            print_error("%s: status %d, code %d, offset %zu\n", reject_rows[i].input, status, (int)error.code,
                        error.offset);
        }
        assert_int_equal(status, -WHARF_EADDRESS);
        assert_int_equal(error.code, reject_rows[i].code);
        assert_int_equal(error.offset, reject_rows[i].offset);
        assert_non_null(error.reason);
        assert_int_equal(url.port, 4711);
        arena_deinit(&arena);
    }
}

static void splits_into_parts(void **state) {
    (void)state;
    struct arena arena;
    struct url url;
    struct url_error error;
    arena_init(&arena, NULL, 0, 1 << 16);
    assert_int_equal(url_parse(&arena, STR("https://me:s%40c@Ex.org:8443/a/b?x=1&x#top"), &url, &error), 0);
    assert_true(wharf_str_is(url.scheme, "https"));
    assert_true(wharf_str_is(url.username, "me"));
    assert_true(wharf_str_is(url.password, "s%40c"));
    assert_true(wharf_str_is(url.host, "ex.org"));
    assert_true(wharf_str_is(url.authority, "ex.org:8443"));
    assert_true(wharf_str_is(url.path, "/a/b"));
    assert_true(wharf_str_is(url.query, "x=1&x"));
    assert_true(wharf_str_is(url.fragment, "top"));
    assert_true(wharf_str_is(url.origin_form, "/a/b?x=1&x"));
    assert_int_equal(url.port, 8443);
    assert_int_equal(url.host_kind, URL_HOST_DOMAIN);
    assert_true(url.is_secure && url.has_port && url.has_query && url.has_fragment);
    assert_true(wharf_str_is(url_format_public(&arena, &url), "https://ex.org:8443/a/b?x=1&x"));

    assert_int_equal(url_parse(&arena, STR("ws://[::1]:80"), &url, &error), 0);
    assert_int_equal(url.host_kind, URL_HOST_IPV6);
    assert_true(wharf_str_is(url.authority, "[::1]"));
    assert_true(wharf_str_is(url.origin_form, "/"));
    assert_int_equal(url.port, 80);
    assert_false(url.is_secure || url.has_port || url.has_query || url.has_fragment);
    assert_int_equal(url.username.len + url.password.len + url.query.len + url.fragment.len, 0);
    assert_int_equal(url_parse(&arena, STR("http://0x7f.1"), &url, &error), 0);
    assert_int_equal(url.host_kind, URL_HOST_IPV4);
    arena_deinit(&arena);
}

static void a_resolved_url_has_the_parts_of_its_base(void **state) {
    (void)state;
    struct arena arena;
    struct url base;
    struct url url;
    struct url_error error;
    arena_init(&arena, NULL, 0, 1 << 16);
    assert_int_equal(url_parse(&arena, STR("https://u:p@[::1]:81/a?q#f"), &base, &error), 0);
    assert_int_equal(url_resolve(&arena, &base, STR("/b"), &url, &error), 0);
    assert_true(wharf_str_is(url.username, "u"));
    assert_true(wharf_str_is(url.password, "p"));
    assert_true(wharf_str_is(url.host, "[::1]"));
    assert_true(wharf_str_is(url.authority, "[::1]:81"));
    assert_true(wharf_str_is(url.origin_form, "/b"));
    assert_int_equal(url.port, 81);
    assert_true(url.has_port && url.is_secure);
    assert_int_equal(url.host_kind, URL_HOST_IPV6);
    arena_deinit(&arena);
}

static void a_redirect_inherits_the_fragment(void **state) {
    (void)state;
    static const struct {
        const char *base, *location, *href;
    } rows[] = {
        {"http://h/a#f", "/b", "http://h/b#f"},           {"http://h/a#f", "/b#", "http://h/b#"},
        {"http://h/a#f", "https://g/#x", "https://g/#x"}, {"http://h/a", "/b", "http://h/b"},
        {"http://h/a#f", "http://g", "http://g/#f"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena;
        struct url base;
        struct url url;
        struct url_error error;
        arena_init(&arena, NULL, 0, 1 << 16);
        assert_int_equal(url_parse(&arena, wharf_str_of(rows[i].base), &base, &error), 0);
        assert_int_equal(url_redirect(&arena, &base, wharf_str_of(rows[i].location), &url, &error), 0);
        assert_string_equal(arena_cstr(&arena, url.href), rows[i].href);
        arena_deinit(&arena);
    }
}

static void origins_are_scheme_host_and_effective_port(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"http://h/a", "http://H:80/b?c", true},      {"http://h", "https://h", false},
        {"http://h", "http://h:81", false},           {"http://h", "http://h.", false},
        {"http://127.1", "http://127.0.0.1/", true},  {"http://u:p@h", "http://h", true},
        {"http://[::1]", "http://[0:0::1]:80", true}, {"http://h", "ws://h", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena;
        struct url a;
        struct url b;
        struct url_error error;
        arena_init(&arena, NULL, 0, 1 << 16);
        assert_int_equal(url_parse(&arena, wharf_str_of(rows[i].a), &a, &error), 0);
        assert_int_equal(url_parse(&arena, wharf_str_of(rows[i].b), &b, &error), 0);
        assert_int_equal(url_same_origin(&a, &b), rows[i].same);
        arena_deinit(&arena);
    }
    assert_true(url_is_default_port(STR("http"), 80));
    assert_true(url_is_default_port(STR("WSS"), 443));
    assert_false(url_is_default_port(STR("https"), 80));
    assert_true(url_is_default_port(STR("ftp"), 21));
    assert_false(url_is_default_port(STR("file"), 80));
    assert_false(url_is_default_port(STR("gopher"), 70));
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    (void)state;
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct arena arena;
        struct url url;
        struct url_error error;
        int64_t live = mem_live();
        arena_init(&arena, NULL, 0, 1 << 16);
        (void)mem_fail_at(n);
        int status = url_parse(&arena, STR("http://h/a\tb"), &url, &error);
        failed = mem_did_fail();
        (void)mem_fail_at(0);
        assert_int_equal(status, failed ? -ENOMEM : 0);
        if (failed) {
            assert_int_equal(error.code, URL_NO_MEMORY);
        }
        arena_deinit(&arena);
        assert_int_equal(mem_live(), live);
    }
}

static void over_long_input_meets_the_arenas_maximum(void **state) {
    (void)state;
    static char text[100000] = "http://h/";
    struct arena arena;
    struct url url;
    struct url_error error;
    memset(text + 9, ' ', sizeof(text) - 10);
    text[sizeof(text) - 2] = 'x';
    arena_init(&arena, NULL, 0, 200000);
    assert_int_equal(url_parse(&arena, wharf_str_of(text), &url, &error), -ENOMEM);
    arena_deinit(&arena);
    arena_init(&arena, NULL, 0, 400000);
    assert_int_equal(url_parse(&arena, wharf_str_of(text), &url, &error), 0);
    assert_int_equal(url.path.len, 1 + 3 * (sizeof(text) - 11) + 1);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_and_brings_into_normal_form),
        cmocka_unit_test(the_normal_form_parses_to_itself),
        cmocka_unit_test(rejects_with_code_and_offset),
        cmocka_unit_test(splits_into_parts),
        cmocka_unit_test(a_resolved_url_has_the_parts_of_its_base),
        cmocka_unit_test(a_redirect_inherits_the_fragment),
        cmocka_unit_test(origins_are_scheme_host_and_effective_port),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
        cmocka_unit_test(over_long_input_meets_the_arenas_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

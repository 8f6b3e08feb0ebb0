/* How proxies are written, and who is reached without one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "dial/proxy.h"

static const struct {
    const char *list, *host;
    uint16_t port;
    bool has;
} table[] = {
    {"", "example.com", 80, false},
    {"*", "example.com", 80, true},
    {"*", "10.0.0.1", 80, true},
    {"example.com", "example.com", 80, true},
    {"example.com", "EXAMPLE.com", 80, true},
    {"example.com", "www.example.com", 80, true},
    {"example.com", "a.b.example.com", 80, true},
    {"example.com", "notexample.com", 80, false},
    {"example.com", "example.com.evil.test", 80, false},
    {"example.com", "example.org", 80, false},
    {".example.com", "example.com", 80, true},
    {".example.com", "www.example.com", 80, true},
    {".example.com", "notexample.com", 80, false},
    {"*.example.com", "example.com", 80, true},
    {"*.example.com", "www.example.com", 80, true},
    {"*.example.com", "notexample.com", 80, false},
    {"example.com.", "example.com", 80, true},
    {"example.com", "example.com.", 80, true},
    {"com", "example.com", 80, true},
    {"localhost", "localhost", 80, true},
    {"a.test,b.test", "b.test", 80, true},
    {"a.test b.test", "b.test", 80, true},
    {" a.test ,, b.test ", "b.test", 80, true},
    {"a.test\tb.test", "b.test", 80, true},
    {"a.test;b.test", "b.test", 80, false},
    {"example.com:8080", "example.com", 8080, true},
    {"example.com:8080", "www.example.com", 8080, true},
    {"example.com:8080", "example.com", 80, false},
    {"10.0.0.1", "10.0.0.1", 80, true},
    {"10.0.0.1", "10.0.0.10", 80, false},
    {"10.0.0.1:80", "10.0.0.1", 80, true},
    {"10.0.0.1:80", "10.0.0.1", 81, false},
    {"0.1", "10.0.0.1", 80, false},
    {"10.0.0.0/8", "10.255.1.2", 80, true},
    {"10.0.0.0/8", "11.0.0.1", 80, false},
    {"10.0.0.0/8", "example.com", 80, false},
    {"192.168.0.0/16,10.0.0.0/8", "10.1.1.1", 80, true},
    {"10.0.0.0/99", "10.0.0.0", 80, false},
    {"::1", "::1", 80, true},
    {"[::1]", "::1", 80, true},
    {"[::1]:80", "::1", 80, true},
    {"[::1]:80", "::1", 81, false},
    {"0:0:0:0:0:0:0:1", "::1", 80, true},
    {"fd00::/8", "fd12::1", 80, true},
    {"fd00::/8", "fe00::1", 80, false},
    {"public", "8.8.8.8", 80, false},
    {"!10.0.0.0/8", "11.0.0.1", 80, false},
    {".", "example.com", 80, false},
    {"*.", "example.com", 80, false},
    {":80", "example.com", 80, false},
};

static void excepts_whom_the_list_names(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (no_proxy_has(wharf_str_of(table[i].list), wharf_str_of(table[i].host), table[i].port) !=
            table[i].has) {
            fail_msg("\"%s\": %s:%u", table[i].list, table[i].host, table[i].port);
        }
    }
}

/* ---- proxies ---- */

static const struct {
    const char *text;
    enum proxy_kind kind;
    const char *host;
    uint16_t port;
    const char *username, *password, *shown;
} good[] = {
    {"proxy", PROXY_HTTP, "proxy", 80, "", "", "http://proxy:80"},
    {"proxy:3128", PROXY_HTTP, "proxy", 3128, "", "", "http://proxy:3128"},
    {"http://proxy:3128/", PROXY_HTTP, "proxy", 3128, "", "", "http://proxy:3128"},
    {"https://proxy", PROXY_HTTPS, "proxy", 443, "", "", "https://proxy:443"},
    {"socks5://proxy", PROXY_SOCKS5, "proxy", 1080, "", "", "socks5://proxy:1080"},
    {"socks5h://proxy:80", PROXY_SOCKS5H, "proxy", 80, "", "", "socks5h://proxy:80"},
    {"http://ada:s%40crat@proxy:1", PROXY_HTTP, "proxy", 1, "ada", "s@crat", "http://proxy:1"},
    {"socks5://ada:secret@127.0.0.1:9", PROXY_SOCKS5, "127.0.0.1", 9, "ada", "secret",
     "socks5://127.0.0.1:9"},
    {"[::1]:3128", PROXY_HTTP, "::1", 3128, "", "", "http://[::1]:3128"},
    {"socks5://[::1]", PROXY_SOCKS5, "::1", 1080, "", "", "socks5://[::1]:1080"},
};

static void reads_proxies(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct arena arena;
        struct proxy_list list;
        const char *wrong = "";
        arena_init(&arena, NULL, 0, 1 << 20);
        assert_int_equal(proxies_parse(&arena, wharf_str_of(good[i].text), &list, &wrong), 0);
        assert_int_equal(list.count, 1);
        assert_int_equal(list.at[0].kind, good[i].kind);
        assert_true(wharf_str_is(list.at[0].address.host, good[i].host));
        assert_int_equal(list.at[0].address.port, good[i].port);
        assert_int_equal(list.at[0].address.is_literal, strcmp(good[i].host, "proxy") != 0);
        assert_true(wharf_str_is(list.at[0].username, good[i].username));
        assert_true(wharf_str_is(list.at[0].password, good[i].password));
        assert_string_equal(list.at[0].text, good[i].shown);
        arena_deinit(&arena);
    }
}

static void reads_several_in_order(void **state) {
    (void)state;
    struct arena arena;
    struct proxy_list list;
    const char *wrong = "";
    arena_init(&arena, NULL, 0, 1 << 20);
    assert_int_equal(proxies_parse(&arena, wharf_str_of("a:1, socks5://b direct"), &list, &wrong), 0);
    assert_int_equal(list.count, 3);
    assert_int_equal(list.at[0].kind, PROXY_HTTP);
    assert_int_equal(list.at[1].kind, PROXY_SOCKS5);
    assert_int_equal(list.at[2].kind, PROXY_DIRECT);
    arena_deinit(&arena);
}

static void refuses_what_is_no_proxy(void **state) {
    (void)state;
    static const char *const bad[] = {"ftp://proxy",    "http://",     "http://proxy:99999",
                                      "socks4://proxy", "http://[::1", "a b c d e f g h i"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct arena arena;
        struct proxy_list list;
        const char *wrong = "";
        arena_init(&arena, NULL, 0, 1 << 20);
        assert_int_equal(proxies_parse(&arena, wharf_str_of(bad[i]), &list, &wrong), -EINVAL);
        assert_true(wrong[0] != '\0');
        arena_deinit(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(excepts_whom_the_list_names),
        cmocka_unit_test(reads_proxies),
        cmocka_unit_test(reads_several_in_order),
        cmocka_unit_test(refuses_what_is_no_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Address texts: what is accepted and as what, what is refused and where; socket addresses and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/text.h"
#include "net/address.h"

static void accepts_addresses(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum address_kind kind;
        const char *host;
        uint16_t port;
        bool literal;
    } rows[] = {
        {"localhost:8888", ADDRESS_TCP, "localhost", 8888, false},
        {"tcp://localhost:8888", ADDRESS_TCP, "localhost", 8888, false},
        {"TCP://h:0", ADDRESS_TCP, "h", 0, false},
        {"127.0.0.1:80", ADDRESS_TCP, "127.0.0.1", 80, true},
        {"[::1]:80", ADDRESS_TCP, "::1", 80, true},
        {"[fe80::1%1]:80", ADDRESS_TCP, "fe80::1%1", 80, true},
        {"[fe80::1%eth0]:80", ADDRESS_TCP, "fe80::1%eth0", 80, true},
        {"[::ffff:1.2.3.4]:65535", ADDRESS_TCP, "::ffff:1.2.3.4", 65535, true},
        {":8000", ADDRESS_TCP, "", 8000, false},
        {"tcp://:0", ADDRESS_TCP, "", 0, false},
        {"a-b.c_d.example.:1", ADDRESS_TCP, "a-b.c_d.example.", 1, false},
        {"1a:00080", ADDRESS_TCP, "1a", 80, false},
        {"unix:/run/x.sock", ADDRESS_UNIX, "/run/x.sock", 0, false},
        {"unix:relative:7", ADDRESS_UNIX, "relative:7", 0, false},
        {"unix:@name", ADDRESS_UNIX, "@name", 0, false},
        {"localhost:http", ADDRESS_TCP, "localhost", 80, false},
        {"udp://[::1]:Domain", ADDRESS_UDP, "::1", 53, true},
        {"udp://:53", ADDRESS_UDP, "", 53, false},
        {"UDP://[::1]:53", ADDRESS_UDP, "::1", 53, true},
        {"unix-datagram:/run/log", ADDRESS_UNIX_DATAGRAM, "/run/log", 0, false},
        {"unix-seqpacket:@q", ADDRESS_UNIX_SEQPACKET, "@q", 0, false},
        {"fd:3", ADDRESS_FD, "", 0, false},
        {"tcp://fd:3", ADDRESS_TCP, "fd", 3, false},
        {"systemd:http", ADDRESS_SYSTEMD, "http", 0, false},
        {"tcp://systemd:80", ADDRESS_TCP, "systemd", 80, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address_text parts;
        size_t offset = 0;
        const char *problem = NULL;
        print_message("%s\n", rows[i].text);
        assert_int_equal(address_parse(wharf_str_of(rows[i].text), &parts, &offset, &problem), 0);
        assert_int_equal(parts.kind, rows[i].kind);
        assert_true(wharf_str_is(parts.host, rows[i].host));
        assert_int_equal(parts.port, rows[i].port);
        assert_int_equal(parts.is_literal, rows[i].literal);
    }
}

static void names_beyond_ascii_have_two_forms(void **state) {
    (void)state;
    static const struct {
        const char *text, *host, *ascii, *formatted, *described;
        bool literal;
    } rows[] = {
        {"Bücher.example:80", "Bücher.example", "xn--bcher-kva.example", "Bücher.example:80",
         "Bücher.example:80 (xn--bcher-kva.example)", false},
        {"udp://☃:53", "☃", "xn--n3h", "udp://☃:53", "udp://☃:53 (xn--n3h)", false},
        {"１２７.0.0.1:1", "１２７.0.0.1", "127.0.0.1", "１２７.0.0.1:1", "１２７.0.0.1:1 (127.0.0.1)", true},
        {"example.com:80", "example.com", "example.com", "example.com:80", "example.com:80", false},
        {"unix:/run/ü", "/run/ü", "/run/ü", "unix:/run/ü", "unix:/run/ü", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address_text parts;
        char text[256];
        size_t offset = 0;
        const char *problem = NULL;
        assert_int_equal(address_parse(wharf_str_of(rows[i].text), &parts, &offset, &problem), 0);
        struct address_text copy = parts;
        memset(&parts, 'x', sizeof(parts));
        assert_true(wharf_str_is(copy.host, rows[i].host));
        assert_true(wharf_str_is(address_host(&copy), rows[i].ascii));
        assert_int_equal(copy.is_literal, rows[i].literal);
        (void)address_text_format(&copy, text, sizeof(text));
        assert_string_equal(text, rows[i].formatted);
        (void)address_text_describe(&copy, text, sizeof(text));
        assert_string_equal(text, rows[i].described);
    }
}

#define NINES "9999999999"
#define TEN   "a123456789"

static const struct {
    const char *text;
    size_t offset;
} rejected[] = {
    {"", 0},
    {"tcp://", 6},
    {"localhost", 9},
    {"localhost:", 10},
    {"localhost:x", 10},
    {"localhost:80x", 12},
    {"localhost:-1", 10},
    {"localhost: 80", 10},
    {"localhost:65536", 10},
    {"h:" NINES NINES NINES, 2},
    {":", 1},
    {"::1", 1},
    {"::1:80", 1},
    {"1:2:3", 3},
    {"[::1]", 5},
    {"[::1]80", 5},
    {"[::1]:80:80", 8},
    {"[::1", 4},
    {"[]:80", 1},
    {"[1.2.3.4]:80", 1},
    {"[host]:80", 1},
    {"[::1%]:80", 4},
    {"[::1%averyveryverylongname]:80", 4},
    {"[::1%a b]:80", 6},
    {"1.2.3:80", 0},
    {"1.2.3.4.5:80", 0},
    {"256.1.1.1:80", 0},
    {"010.0.0.01:80", 0},
    {"127:80", 0},
    {"8000", 0},
    {"a..b:80", 2},
    {".a:80", 0},
    {"h h:80", 1},
    {"h\xc3:80", 1},
    {"\xc3\xa4\xe2\x98\x83\xf0:80", 5},
    {"tcp://\xe2\x84\x80.com:80", 6},
    {"\xc2\xad:80", 0},
    {"\xef\xbc\x91.2.3:80", 0},
    {"user@h:80", 4},
    {"h/path:80", 1},
    {"http://h:80", 0},
    {"tcp:/h:80", 4},
    {TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
     ":1",
     253},
    {"unix:", 5},
    {"unix:@", 6},
    {"unix-datagram:", 14},
    {"udp://", 6},
    {"fd:", 3},
    {"fd:x", 3},
    {"fd:-1", 3},
    {"fd:2147483648", 3},
    {"systemd:", 8},
    {"systemd:a b", 9},
    {"systemd:a:b", 9},
    {"unix:/" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN, 112},
};

static void rejects_addresses_and_says_where(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rejected) / sizeof(rejected[0]); i++) {
        struct address_text parts;
        size_t offset = 999;
        const char *problem = NULL;
        print_message("%s\n", rejected[i].text);
        assert_int_equal(address_parse(wharf_str_of(rejected[i].text), &parts, &offset, &problem),
                         -WHARF_EADDRESS);
        assert_int_equal(offset, rejected[i].offset);
        assert_non_null(problem);
    }
    struct address_text parts;
    size_t offset = 0;
    const char *problem = NULL;
    assert_int_equal(address_parse(STR("8000"), &parts, &offset, &problem), -WHARF_EADDRESS);
    assert_string_equal(problem, "a port alone has a colon before it, as in :8000");
    assert_int_equal(address_parse(STR("unix:/a\0b"), &parts, &offset, &problem), -WHARF_EADDRESS);
    assert_int_equal(offset, 7);
}

static void every_strict_prefix_is_incomplete(void **state) {
    (void)state;
    static const char *const texts[] = {"localhost:8", "[::1]:8",   "tcp://h:8",
                                        "unix:@n",     "udp://h:8", "unix-datagram:@n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (size_t len = 0; len < strlen(texts[i]); len++) {
            struct address_text parts;
            size_t offset = 0;
            const char *problem = NULL;
            wharf_str text = {texts[i], len};
            assert_int_equal(address_parse(text, &parts, &offset, &problem), -WHARF_EADDRESS);
            assert_true(offset <= len);
        }
    }
}

static struct address_text parse(const char *text) {
    struct address_text parts = {0};
    size_t offset = 0;
    const char *problem = NULL;
    assert_int_equal(address_parse(wharf_str_of(text), &parts, &offset, &problem), 0);
    return parts;
}

static void literals_and_localhost_need_no_look_up(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int family;
        int count;
        const char *formatted[2];
    } rows[] = {
        {"1.2.3.4:5", AF_UNSPEC, 1, {"1.2.3.4:5"}},
        {"1.2.3.4:5", AF_INET6, -WHARF_EADDRESS, {NULL}},
        {"[1::2]:5", AF_UNSPEC, 1, {"[1::2]:5"}},
        {"[1::2]:5", AF_INET, -WHARF_EADDRESS, {NULL}},
        {"[fe80::1%7]:5", AF_UNSPEC, 1, {"[fe80::1%7]:5"}},
        {"[fe80::1%lo]:5", AF_UNSPEC, 1, {"[fe80::1%1]:5"}},
        {"[::ffff:1.2.3.4]:5", AF_UNSPEC, 1, {"1.2.3.4:5"}},
        {"localhost:7", AF_UNSPEC, 2, {"[::1]:7", "127.0.0.1:7"}},
        {"udp://localhost:7", AF_UNSPEC, 2, {"127.0.0.1:7", "[::1]:7"}},
        {"unix-datagram:@a", AF_UNIX, 1, {"unix:@a"}},
        {"fd:3", AF_UNSPEC, -WHARF_EADDRESS, {NULL}},
        {"systemd:a", AF_UNSPEC, -WHARF_EADDRESS, {NULL}},
        {"LocalHost.:7", AF_INET, 1, {"127.0.0.1:7"}},
        {"a.localhost:7", AF_INET6, 1, {"[::1]:7"}},
        {"notlocalhost:7", AF_UNSPEC, 0, {NULL}},
        {"example.com:7", AF_UNSPEC, 0, {NULL}},
        {"ｌocalhost:7", AF_UNSPEC, 2, {"[::1]:7", "127.0.0.1:7"}},
        {"１.2.3.4:7", AF_UNSPEC, 1, {"1.2.3.4:7"}},
        {":7", AF_UNSPEC, 1, {"[::]:7"}},
        {":7", AF_INET, 1, {"0.0.0.0:7"}},
        {"unix:/a b", AF_UNSPEC, 1, {"unix:/a b"}},
        {"unix:@a", AF_UNIX, 1, {"unix:@a"}},
        {"unix:@a", AF_INET, -WHARF_EADDRESS, {NULL}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address_text parts = parse(rows[i].text);
        struct address addresses[2];
        char text[WHARF_ADDRESS_SIZE];
        int count = address_of_text(&parts, rows[i].family, addresses, 2);
        print_message("%s\n", rows[i].text);
        assert_int_equal(count, rows[i].count);
        for (int j = 0; j < count; j++) {
            size_t len = address_format(&addresses[j].any, addresses[j].len, text);
            assert_string_equal(text, rows[i].formatted[j]);
            assert_int_equal(len, strlen(text));
        }
    }
}

static void formats_what_is_odd(void **state) {
    (void)state;
    char text[WHARF_ADDRESS_SIZE];
    struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
    assert_int_equal(address_format((const struct sockaddr *)&unnamed, sizeof(sa_family_t), text), 5);
    assert_string_equal(text, "unix:");
    struct sockaddr_un full = {.sun_family = AF_UNIX};
    memset(full.sun_path, 'p', sizeof(full.sun_path));
    assert_int_equal(address_format((const struct sockaddr *)&full, sizeof(full), text), 5 + 108);
    struct sockaddr_in cut = {.sin_family = AF_INET};
    assert_int_equal(address_format((const struct sockaddr *)&cut, 4, text), 0);
    assert_string_equal(text, "");
    struct sockaddr_storage other = {.ss_family = AF_PACKET};
    assert_int_equal(address_format((const struct sockaddr *)&other, sizeof(other), text), 0);
}

static void knows_this_machine(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool loopback;
    } rows[] = {
        {"127.0.0.1:1", true},
        {"127.9.9.9:1", true},
        {"128.0.0.1:1", false},
        {"[::1]:1", true},
        {"[::2]:1", false},
        {"[::ffff:127.0.0.1]:1", true},
        {"[::ffff:10.0.0.1]:1", false},
        {"unix:/x", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address_text parts = parse(rows[i].text);
        struct address address;
        assert_int_equal(address_of_text(&parts, AF_UNSPEC, &address, 1), 1);
        assert_int_equal(address_is_loopback(&address.any), rows[i].loopback);
    }
}

static void ports_are_read_and_set(void **state) {
    (void)state;
    static const char *const texts[] = {"1.2.3.4:5", "[1::2]:5"};
    for (size_t i = 0; i < 2; i++) {
        struct address_text parts = parse(texts[i]);
        struct address address;
        assert_int_equal(address_of_text(&parts, AF_UNSPEC, &address, 1), 1);
        assert_int_equal(address_port(&address), 5);
        address_set_port(&address, 65535);
        assert_int_equal(address_port(&address), 65535);
    }
}

static void texts_are_cut_to_fit(void **state) {
    (void)state;
    struct address_text parts = parse("[1::2]:65535");
    char text[32];
    for (size_t size = 1; size < sizeof(text); size++) {
        size_t len = address_text_format(&parts, text, size);
        assert_true(len < size);
        assert_int_equal(len, strlen(text));
        assert_int_equal(strncmp(text, "[1::2]:65535", len), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_addresses),
        cmocka_unit_test(names_beyond_ascii_have_two_forms),
        cmocka_unit_test(rejects_addresses_and_says_where),
        cmocka_unit_test(every_strict_prefix_is_incomplete),
        cmocka_unit_test(literals_and_localhost_need_no_look_up),
        cmocka_unit_test(formats_what_is_odd),
        cmocka_unit_test(knows_this_machine),
        cmocka_unit_test(ports_are_read_and_set),
        cmocka_unit_test(texts_are_cut_to_fit),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}

/* Which addresses are public, and rules about networks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "net/networks.h"

static struct address address_from(const char *text) {
    struct address_text parsed = {
        .kind = ADDRESS_TCP, .host = wharf_str_of(text), .port = 80, .is_literal = true};
    struct address address = {.len = 0};
    assert_int_equal(address_of_text(&parsed, AF_UNSPEC, &address, 1), 1);
    return address;
}

static const struct {
    const char *address;
    bool is_public;
} public_table[] = {
    {"0.0.0.0", false},
    {"0.1.2.3", false},
    {"1.0.0.1", true},
    {"8.8.8.8", true},
    {"9.255.255.255", true},
    {"10.0.0.0", false},
    {"10.255.255.255", false},
    {"11.0.0.0", true},
    {"100.63.255.255", true},
    {"100.64.0.0", false},
    {"100.100.100.200", false},
    {"100.127.255.255", false},
    {"100.128.0.0", true},
    {"126.255.255.255", true},
    {"127.0.0.1", false},
    {"127.255.255.254", false},
    {"128.0.0.1", true},
    {"168.63.129.15", true},
    {"168.63.129.16", false},
    {"169.253.255.255", true},
    {"169.254.169.254", false},
    {"169.254.170.2", false},
    {"172.15.255.255", true},
    {"172.16.0.1", false},
    {"172.31.255.255", false},
    {"172.32.0.0", true},
    {"192.0.0.192", false},
    {"192.0.1.1", true},
    {"192.0.2.1", false},
    {"192.88.99.1", false},
    {"192.167.255.255", true},
    {"192.168.0.1", false},
    {"192.169.0.0", true},
    {"198.17.255.255", true},
    {"198.18.0.1", false},
    {"198.19.255.255", false},
    {"198.51.100.7", false},
    {"203.0.113.7", false},
    {"223.255.255.255", true},
    {"224.0.0.1", false},
    {"239.255.255.250", false},
    {"240.0.0.1", false},
    {"255.255.255.255", false},
    {"::", false},
    {"::1", false},
    {"::127.0.0.1", false},
    {"::8.8.8.8", false},
    {"::ffff:127.0.0.1", false},
    {"::ffff:10.0.0.1", false},
    {"::ffff:8.8.8.8", true},
    {"64:ff9b::8.8.8.8", true},
    {"64:ff9b::169.254.169.254", false},
    {"64:ff9b:1::1", false},
    {"100::1", false},
    {"2001::1", false},
    {"2001:20::1", false},
    {"2001:200::1", true},
    {"2001:db8::1", false},
    {"2002:7f00:1::", false},
    {"2606:4700::1111", true},
    {"2a00:1450::1", true},
    {"3fff:fff::1", false},
    {"3fff:1000::1", true},
    {"5f00::1", false},
    {"fc00::1", false},
    {"fd00:ec2::254", false},
    {"fe80::1", false},
    {"febf::1", false},
    {"fec0::1", false},
    {"ff02::1", false},
};

static void knows_what_is_public(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(public_table) / sizeof(public_table[0]); i++) {
        struct address address = address_from(public_table[i].address);
        if (address_is_public(&address.any) != public_table[i].is_public) {
            fail_msg("%s", public_table[i].address);
        }
    }
}

static const struct {
    const char *rules, *address;
    bool is_allowed;
} rule_table[] = {
    {"public", "8.8.8.8", true},
    {"public", "::ffff:10.1.2.3", false},
    {"public 10.1.2.0/24", "10.1.2.255", true},
    {"public 10.1.2.0/24", "::ffff:10.1.2.3", true},
    {"public,10.1.2.0/24", "10.1.3.0", false},
    {"any !169.254.0.0/16", "169.254.169.254", false},
    {"any !169.254.0.0/16", "64:ff9b::169.254.169.254", false},
    {"any !169.254.0.0/16", "10.0.0.1", true},
    {"!10.0.0.0/8", "10.0.0.1", false},
    {"!10.0.0.0/8", "127.0.0.1", true},
    {"127.0.0.1", "127.0.0.1", true},
    {"127.0.0.1", "127.0.0.2", false},
    {"127.0.0.1", "::1", false},
    {"::1/128", "::1", true},
    {"fd00::/8 !fd12::/16", "fd13::1", true},
    {"fd00::/8 !fd12::/16", "fd12::1", false},
    {"10.0.0.0/9", "10.127.0.1", true},
    {"10.0.0.0/9", "10.128.0.1", false},
    {"0.0.0.0/0", "1.2.3.4", true},
    {"0.0.0.0/0", "2606:4700::1111", false},
    {"::/0", "1.2.3.4", true},
};

static void applies_rules(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rule_table) / sizeof(rule_table[0]); i++) {
        struct networks networks;
        wharf_str wrong = {NULL, 0};
        struct address address = address_from(rule_table[i].address);
        assert_int_equal(networks_parse(wharf_str_of(rule_table[i].rules), &networks, &wrong), 0);
        if (networks_allow(&networks, &address.any) != rule_table[i].is_allowed) {
            fail_msg("%s: %s", rule_table[i].rules, rule_table[i].address);
        }
    }
    assert_true(networks_allow(NULL, &(struct sockaddr){.sa_family = AF_UNIX}));
}

static void allows_no_unix_socket_under_a_rule(void **state) {
    (void)state;
    struct networks networks;
    wharf_str wrong = {NULL, 0};
    assert_int_equal(networks_parse(wharf_str_of("any"), &networks, &wrong), 0);
    assert_false(networks_allow(&networks, &(struct sockaddr){.sa_family = AF_UNIX}));
}

static void names_the_rule_that_is_wrong(void **state) {
    (void)state;
    static const char *const table[][2] = {
        {"", ""},
        {" , ", " , "},
        {"public private", "private"},
        {"10.0.0.0/33", "10.0.0.0/33"},
        {"::1/129", "::1/129"},
        {"10.0.0/8", "10.0.0/8"},
        {"10.0.0.0/", "10.0.0.0/"},
        {"10.0.0.0/-1", "10.0.0.0/-1"},
        {"!", "!"},
        {"example.com", "example.com"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct networks networks;
        wharf_str wrong = {NULL, 0};
        assert_int_equal(networks_parse(wharf_str_of(table[i][0]), &networks, &wrong), -EINVAL);
        assert_true(wharf_str_is(wrong, table[i][1]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_is_public),
        cmocka_unit_test(applies_rules),
        cmocka_unit_test(allows_no_unix_socket_under_a_rule),
        cmocka_unit_test(names_the_rule_that_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

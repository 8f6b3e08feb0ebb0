/* The order of RFC 6724, by the examples of its section 10.2 and a few of daily life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "net/names/order.h"

/* "" gives no address. */
static struct address parse(const char *literal) {
    struct address address = {.len = 0};
    struct address_text text = {.kind = ADDRESS_TCP, .host = wharf_str_of(literal), .is_literal = true};
    if (literal[0] != '\0') {
        assert_int_equal(address_of_text(&text, AF_UNSPEC, &address, 1), 1);
    }
    return address;
}

enum { PAIRS_MAX = 4 };

/* Destinations in the order that is expected, each with the source that would be used. */
static const struct {
    const char *why;
    const char *pairs[PAIRS_MAX][2];
    bool as_they_came; /* the order of arrival counts, too (rule 10); else they arrive the other way round */
} rows[] = {
    {"section 10.2: matching scope",
     {{"2001:db8:1::1", "2001:db8:1::2"}, {"198.51.100.121", "169.254.13.78"}},
     false},
    {"section 10.2: matching scope",
     {{"198.51.100.121", "198.51.100.117"}, {"2001:db8:1::1", "fe80::1%1"}},
     false},
    {"section 10.2: higher precedence",
     {{"2001:db8:1::1", "2001:db8:1::2"}, {"10.1.2.3", "10.1.2.4"}},
     false},
    {"section 10.2: smaller scope", {{"fe80::1%1", "fe80::2%1"}, {"2001:db8:1::1", "2001:db8:1::2"}}, false},
    {"section 10.2: matching label",
     {{"2002:c633:6401::1", "2002:c633:6401::2"}, {"2001:db8:1::1", "2002:c633:6401::2"}},
     false},
    {"section 10.2: higher precedence",
     {{"2001:db8:1::1", "2001:db8:1::2"}, {"2002:c633:6401::1", "2002:c633:6401::2"}},
     false},
    {"rule 1: what cannot be reached comes last", {{"10.0.0.1", "10.0.0.2"}, {"2001:db8::1", ""}}, false},
    {"rule 6: IPv4 before unique local IPv6", {{"10.0.0.1", "10.0.0.2"}, {"fd00::1", "fd00::2"}}, false},
    {"rule 9: the longer common prefix",
     {{"2001:db8:1::9", "2001:db8:1::1"}, {"2001:db8:ffff::9", "2001:db8:1::1"}},
     false},
    {"rule 9 is not for IPv4", {{"192.0.2.1", "10.0.0.2"}, {"10.0.0.3", "10.0.0.2"}}, true},
    {"loopback of both kinds", {{"::1", "::1"}, {"127.0.0.1", "127.0.0.1"}}, false},
    {"four of them",
     {{"2001:db8::1", "2001:db8::5"},
      {"192.0.2.1", "10.0.0.2"},
      {"192.0.2.2", "10.0.0.2"},
      {"2001:db8::2", ""}},
     true},
};

static int pair_count(size_t row) {
    int count = 0;
    while (count < PAIRS_MAX && rows[row].pairs[count][0] != NULL) {
        count++;
    }
    return count;
}

static void puts_destinations_into_the_order_of_rfc_6724(void **state) {
    (void)state;
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        struct candidate candidates[PAIRS_MAX];
        int count = pair_count(row);
        for (int i = 0; i < count; i++) {
            int from = rows[row].as_they_came ? i : count - 1 - i;
            candidates[i] = (struct candidate){.address = parse(rows[row].pairs[from][0]),
                                               .source = parse(rows[row].pairs[from][1]),
                                               .number = i};
        }
        candidates_sort(candidates, count);
        for (int i = 0; i < count; i++) {
            struct address expected = parse(rows[row].pairs[i][0]);
            if (memcmp(&candidates[i].address.storage, &expected.storage, expected.len) != 0) {
                fail_msg("%s: number %d", rows[row].why, i);
            }
        }
    }
}

static void equal_ones_stay_as_they_came(void **state) {
    (void)state;
    static const char *const addresses[] = {"192.0.2.3", "192.0.2.1", "192.0.2.2"};
    struct candidate candidates[3];
    for (int i = 0; i < 3; i++) {
        candidates[i] = (struct candidate){
            .address = parse(addresses[i]), .source = parse("10.0.0.1"), .number = i};
    }
    candidates_sort(candidates, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(candidates[i].number, i);
    }
}

static void the_kernel_tells_the_source(void **state) {
    (void)state;
    char text[WHARF_ADDRESS_SIZE];
    struct candidate candidate = {.address = parse("127.0.0.1")};
    candidate_find_source(&candidate);
    address_set_port(&candidate.source, 0);
    address_format(&candidate.source.any, candidate.source.len, text);
    assert_string_equal(text, "127.0.0.1:0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_destinations_into_the_order_of_rfc_6724),
        cmocka_unit_test(equal_ones_stay_as_they_came),
        cmocka_unit_test(the_kernel_tells_the_source),
    };
    return cmocka_run_group_tests_name("names order", tests, NULL, NULL);
}

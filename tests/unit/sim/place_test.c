/* Addresses of the simulated world: conversion there and back, and which listener takes a call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "sim/place.h"

static struct place place_of(const char *text, uint16_t port) {
    struct place place;
    if (strchr(text, ':') != NULL) {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        assert_int_equal(place_of_address(AF_INET6, (struct sockaddr *)&v6, sizeof(v6), &place), 0);
    } else {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
        assert_int_equal(inet_pton(AF_INET, text, &v4.sin_addr), 1);
        assert_int_equal(place_of_address(AF_INET, (struct sockaddr *)&v4, sizeof(v4), &place), 0);
    }
    return place;
}

static void a_call_goes_to_the_address_or_to_any(void **state) {
    (void)state;
    static const struct {
        const char *bound;
        bool v6_only;
        const char *wanted;
        int match;
    } rows[] = {
        {"127.0.0.1", false, "127.0.0.1", 2},
        {"127.0.0.1", false, "127.0.0.2", 0},
        {"0.0.0.0", false, "127.0.0.1", 1},
        {"0.0.0.0", false, "::1", 0},
        {"::", false, "::1", 1},
        {"::", false, "127.0.0.1", 1},
        {"::", true, "127.0.0.1", 0},
        {"::", true, "::1", 1},
        {"::1", false, "127.0.0.1", 0},
        {"::ffff:127.0.0.1", false, "127.0.0.1", 2},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct place bound = place_of(rows[i].bound, 80);
        struct place wanted = place_of(rows[i].wanted, 80);
        struct place other_port = place_of(rows[i].wanted, 81);
        assert_int_equal(place_accepts(&bound, rows[i].v6_only, &wanted), rows[i].match);
        assert_int_equal(place_accepts(&bound, rows[i].v6_only, &other_port), 0);
    }
}

static void ip_addresses_come_back_as_they_went_in(void **state) {
    (void)state;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(4711)};
    v4.sin_addr.s_addr = htonl(0x0a010203);
    struct place place;
    assert_int_equal(place_of_address(AF_INET, (struct sockaddr *)&v4, sizeof(v4), &place), 0);
    struct sockaddr_storage out;
    socklen_t len = 0;
    place_to_address(&place, AF_INET, &out, &len);
    assert_int_equal(len, sizeof(v4));
    assert_memory_equal(&out, &v4, sizeof(v4));

    place_to_address(&place, AF_INET6, &out, &len);
    struct sockaddr_in6 mapped;
    memcpy(&mapped, &out, sizeof(mapped));
    assert_true(IN6_IS_ADDR_V4MAPPED(&mapped.sin6_addr));
    assert_int_equal(ntohs(mapped.sin6_port), 4711);
}

static void unix_names_come_back_as_they_went_in(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t len;
    } rows[] = {{"/run/x", 7}, {"\0abstract", 9}, {"\0a\0b", 4}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sockaddr_un from = {.sun_family = AF_UNIX};
        memcpy(from.sun_path, rows[i].name, rows[i].len);
        socklen_t from_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + rows[i].len);
        struct place place;
        assert_int_equal(place_of_address(AF_UNIX, (struct sockaddr *)&from, from_len, &place), 0);
        struct sockaddr_storage out;
        socklen_t len = 0;
        place_to_address(&place, AF_UNIX, &out, &len);
        assert_int_equal(len, from_len);
        assert_memory_equal(&out, &from, from_len);
        assert_int_equal(place_accepts(&place, false, &place), 2);
    }
}

static void refuses_addresses_that_are_none(void **state) {
    (void)state;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct place place = {.port = 7};
    struct sockaddr *any = (struct sockaddr *)&v4;
    assert_int_equal(place_of_address(AF_INET6, any, sizeof(v4), &place), -EAFNOSUPPORT);
    assert_int_equal(place_of_address(AF_INET, any, sizeof(v4) - 1, &place), -EINVAL);
    assert_int_equal(place_of_address(AF_INET, any, 1, &place), -EINVAL);
    struct sockaddr_un named = {.sun_family = AF_UNIX};
    assert_int_equal(place_of_address(AF_UNIX, (struct sockaddr *)&named, sizeof(sa_family_t), &place),
                     -EINVAL);
    assert_int_equal(place.port, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_goes_to_the_address_or_to_any),
        cmocka_unit_test(ip_addresses_come_back_as_they_went_in),
        cmocka_unit_test(unix_names_come_back_as_they_went_in),
        cmocka_unit_test(refuses_addresses_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

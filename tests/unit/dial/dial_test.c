/* Dialling on the loopback interface: every address is tried, the error names each of them, a deadline ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "base/text.h"
#include "dial/dial.h"
#include "wharf/net.h"
#include "wharf/task.h"

static struct address_text parse(const char *text) {
    struct address_text parts;
    size_t offset = 0;
    const char *problem = NULL;
    assert_int_equal(address_parse(wharf_str_of(text), &parts, &offset, &problem), 0);
    return parts;
}

/* A port on which nobody listens: one that was free a moment ago. */
static void refused_address(const char *host, char *out) {
    char address[WHARF_ADDRESS_SIZE];
    wharf_sock listener = wharf_serve_on("localhost:0");
    assert_false(wharf_failed(listener));
    assert_true(wharf_local_address(listener, address, sizeof(address)) > 0);
    assert_int_equal(wharf_close(listener), 0);
    snprintf(out, WHARF_ADDRESS_SIZE, "%s%s", host, strrchr(address, ':'));
}

static void tries_every_address_and_names_each(void **state) {
    (void)state;
    char address[WHARF_ADDRESS_SIZE];
    char expected[256];
    refused_address("localhost", address);
    assert_int_equal(wharf_dial(address).id, -ECONNREFUSED);
    snprintf(expected, sizeof(expected), "connect %s (127.0.0.1%s): connection refused (ECONNREFUSED)",
             address, strchr(address, ':'));
    assert_int_equal(strncmp(wharf_why(), expected, strlen(expected)), 0);
    assert_non_null(strstr(wharf_why(), ": tried [::1]:"));
}

static void one_address_says_so_once(void **state) {
    (void)state;
    char address[WHARF_ADDRESS_SIZE];
    char expected[256];
    refused_address("127.0.0.1", address);
    assert_int_equal(wharf_dial(address).id, -ECONNREFUSED);
    snprintf(expected, sizeof(expected), "connect %s: connection refused (ECONNREFUSED)", address);
    assert_string_equal(wharf_why(), expected);
}

static void falls_back_to_the_second_address(void **state) {
    (void)state;
    char address[WHARF_ADDRESS_SIZE];
    char local[WHARF_ADDRESS_SIZE];
    wharf_sock listener = wharf_serve_on("127.0.0.1:0"); /* and nobody on ::1 */
    assert_true(wharf_local_address(listener, local, sizeof(local)) > 0);
    snprintf(address, sizeof(address), "localhost%s", strchr(local, ':'));
    struct address_text to = parse(address);
    struct stream stream;
    struct dial_report report;
    assert_int_equal(dial_stream(&to, NULL, &stream, &report), 0);
    address_format(&report.peer.any, report.peer.len, address);
    assert_string_equal(address, local);
    assert_true(report.connect_ns > 0 && report.resolve_ns >= 0);
    stream_close_now(&stream);
    assert_int_equal(wharf_close(listener), 0);
}

static void unknown_names_and_bad_addresses_have_their_own_codes(void **state) {
    (void)state;
    static const struct {
        const char *address;
        int code;
        const char *why;
    } rows[] = {
        {"host:port", -WHARF_EADDRESS, "at byte 5"},
        {"ftp://host:1", -WHARF_EADDRESS, "only tcp://"},
        {"unix:/nowhere/at/all", -ENOENT, "connect unix:/nowhere/at/all"},
        {"unix:@nobody-listens-at-this-name", -ECONNREFUSED, "unix:@nobody-listens-at-this-name"},
        {NULL, -WHARF_EADDRESS, "NULL"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(wharf_dial(rows[i].address).id, rows[i].code);
        assert_non_null(strstr(wharf_why(), rows[i].why));
    }
}

static void names_that_cannot_exist_are_refused_at_once(void **state) {
    (void)state;
    wharf_sock sock = wharf_dial("no-such-host.invalid:1"); /* RFC 6761: never exists */
    assert_int_equal(sock.id, -WHARF_ENAME);
    assert_int_equal(strncmp(wharf_why(), "resolve no-such-host.invalid:1: ", 32), 0);
    assert_int_equal(wharf_dial("hidden.onion:1").id, -WHARF_ENAME);
    assert_non_null(strstr(wharf_why(), "RFC 7686"));
}

static void a_cancelled_look_up_says_so(void **state) {
    (void)state;
    wharf_sock sock = {0};
    WHARF_SCOPE (scope, NULL) {
        wharf_scope_cancel(scope);
        sock = wharf_dial("no-such-host.invalid:1");
    }
    assert_int_equal(sock.id, -ECANCELED);
}

/* Fills the listener's queue, so that a further connection has to wait. */
static void a_deadline_ends_a_connection_attempt(void **state) {
    (void)state;
    enum { CLIENTS = 16 };
    char address[WHARF_ADDRESS_SIZE];
    wharf_sock clients[CLIENTS];
    wharf_sock listener = wharf_socket("tcp");
    assert_int_equal(wharf_bind(listener, "127.0.0.1:0"), 0);
    assert_int_equal(wharf_listen(listener, 1), 0);
    assert_true(wharf_local_address(listener, address, sizeof(address)) > 0);
    int timed_out = 0;
    for (int i = 0; i < CLIENTS; i++) {
        WHARF_WITHIN (20) {
            clients[i] = wharf_dial(address);
        }
        timed_out += clients[i].id == -ETIMEDOUT;
    }
    assert_true(timed_out > 0);
    assert_non_null(strstr(wharf_why(), address));
    for (int i = 0; i < CLIENTS; i++) {
        (void)wharf_abort(clients[i]);
    }
    assert_int_equal(wharf_close(listener), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tries_every_address_and_names_each),
        cmocka_unit_test(one_address_says_so_once),
        cmocka_unit_test(falls_back_to_the_second_address),
        cmocka_unit_test(unknown_names_and_bad_addresses_have_their_own_codes),
        cmocka_unit_test(names_that_cannot_exist_are_refused_at_once),
        cmocka_unit_test(a_cancelled_look_up_says_so),
        cmocka_unit_test(a_deadline_ends_a_connection_attempt),
    };
    return cmocka_run_group_tests_name("dial", tests, NULL, NULL);
}

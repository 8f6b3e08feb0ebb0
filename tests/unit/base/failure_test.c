/* Failures as sentences, error names and words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* here it is the function under test */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/failure.h"
#include "base/text.h"

static void nothing_has_failed_at_first(void **state) {
    (void)state;
    assert_string_equal(wharf_why(), "no failure");
}

static void sentences_hold_the_parts_that_are_there(void **state) {
    (void)state;
    static const struct {
        int code;
        const char *phase, *subject, *detail, *sentence;
    } rows[] = {
        {-ECONNREFUSED, "connect", "localhost:1", NULL,
         "connect localhost:1: connection refused (ECONNREFUSED)"},
        {-ECONNREFUSED, "connect", NULL, "no more", "connect: connection refused (ECONNREFUSED): no more"},
        {-EPIPE, NULL, NULL, NULL, "broken pipe (EPIPE)"},
        {-EPIPE, NULL, "./file", NULL, "./file: broken pipe (EPIPE)"},
        {-EPIPE, "", "", "", "broken pipe (EPIPE)"},
        {-WHARF_EEOF, "read body", "http://a/", "got 3 of 10 bytes",
         "read body http://a/: the stream ended too early (EEOF): got 3 of 10 bytes"},
        {-ETIMEDOUT, "resolve", NULL, "a\r\nb\x1b", "resolve: timed out (ETIMEDOUT): a??b?"},
        {-99999, "x", NULL, NULL, "x: unknown error (EUNKNOWN)"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int code = rows[i].detail != NULL
                       ? fail(rows[i].code, rows[i].phase, rows[i].subject, "%s", rows[i].detail)
                       : fail(rows[i].code, rows[i].phase, rows[i].subject, NULL);
        assert_int_equal(code, rows[i].code);
        assert_string_equal(wharf_why(), rows[i].sentence);
    }
}

static void addresses_are_shown_as_people_write_them(void **state) {
    (void)state;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
    v4.sin_addr.s_addr = htonl(0x01020304);
    v6.sin6_addr = in6addr_loopback;
    assert_int_equal(fail_at(-ECONNRESET, "send", (struct sockaddr *)&v4, sizeof(v4)), -ECONNRESET);
    assert_string_equal(wharf_why(), "send 1.2.3.4:80: connection reset by peer (ECONNRESET)");
    str_copy_to(failure_current()->subject, FAILURE_SUBJECT_SIZE, STR("host:80"));
    assert_string_equal(wharf_why(), "send host:80 (1.2.3.4:80): connection reset by peer (ECONNRESET)");
    str_copy_to(failure_current()->subject, FAILURE_SUBJECT_SIZE, STR("1.2.3.4:80"));
    assert_string_equal(wharf_why(), "send 1.2.3.4:80: connection reset by peer (ECONNRESET)");
    fail_at(-EPIPE, NULL, (struct sockaddr *)&v6, sizeof(v6));
    assert_string_equal(wharf_why(), "[::1]:443: broken pipe (EPIPE)");
    v6.sin6_scope_id = 2;
    fail_at(-EPIPE, NULL, (struct sockaddr *)&v6, sizeof(v6));
    assert_string_equal(wharf_why(), "[::1%2]:443: broken pipe (EPIPE)");
    v6.sin6_scope_id = 0;
    assert_int_equal(inet_pton(AF_INET6, "::ffff:9.8.7.6", &v6.sin6_addr), 1);
    fail_at(-EPIPE, NULL, (struct sockaddr *)&v6, sizeof(v6));
    assert_string_equal(wharf_why(), "9.8.7.6:443: broken pipe (EPIPE)");
    fail_at(-EPIPE, "send", NULL, 0);
    assert_string_equal(wharf_why(), "send: broken pipe (EPIPE)");
    fail_at(-EPIPE, "send", (struct sockaddr *)&v6, 2);
    assert_string_equal(wharf_why(), "send: broken pipe (EPIPE)");
}

static void a_new_failure_may_quote_the_old_one(void **state) {
    (void)state;
    fail(-EPIPE, "send", "host:1", "%s", "first");
    fail(-WHARF_ELIMIT, "fetch", failure_current()->subject, "after %s", failure_current()->detail);
    assert_string_equal(wharf_why(), "fetch host:1: a limit was reached (ELIMIT): after first");
}

static void long_parts_and_small_outputs_are_cut(void **state) {
    (void)state;
    char long_text[1000];
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    fail(-EPIPE, "send", long_text, "%s", long_text);
    assert_int_equal(strlen(failure_current()->subject), FAILURE_SUBJECT_SIZE - 1);
    assert_int_equal(strlen(failure_current()->detail), FAILURE_DETAIL_SIZE - 1);
    assert_true(strlen(wharf_why()) > FAILURE_SUBJECT_SIZE + FAILURE_DETAIL_SIZE);
    char out[10];
    assert_int_equal(failure_format(failure_current(), out, sizeof(out)), 9);
    assert_string_equal(out, "send xxxx");
    assert_int_equal(failure_format(failure_current(), out, 1), 0);
    assert_string_equal(out, "");
    assert_int_equal(failure_format(failure_current(), NULL, 0), 0);
}

static void failures_go_to_the_redirected_record(void **state) {
    (void)state;
    struct failure record = {0};
    fail(-EPIPE, NULL, NULL, NULL);
    struct failure *where = &record;
    failure_redirect(&where);
    assert_string_equal(wharf_why(), "no failure");
    fail(-EIO, NULL, NULL, NULL);
    failure_redirect(NULL);
    assert_int_equal(record.code, -EIO);
    assert_string_equal(wharf_why(), "broken pipe (EPIPE)");
}

static void every_code_has_words_and_a_name(void **state) {
    (void)state;
    static const struct {
        int code;
        const char *words, *name;
    } rows[] = {
        {0, "success", "SUCCESS"},
        {17, "success", "SUCCESS"},
        {-ECONNREFUSED, "connection refused", "ECONNREFUSED"},
        {-ECANCELED, "cancelled", "ECANCELED"},
        {-EAGAIN, "resource temporarily unavailable", "EAGAIN"},
        {-EBADRQC, "invalid request code", "EBADRQC"},
        {-EDOTDOT, "RFS specific error", "EDOTDOT"},
        {-ENOTNAM, "not a XENIX named type file", "ENOTNAM"},
        {-WHARF_EPROTOCOL, "the peer broke its protocol", "EPROTOCOL"},
        {-EPROTO, "protocol error", "EPROTO"},
        {-133, "memory page has hardware error", "EHWPOISON"},
        {-134, "unknown error", "EUNKNOWN"},
        {-5000, "unknown error", "EUNKNOWN"},
        {INT32_MIN, "unknown error", "EUNKNOWN"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(wharf_strerror(rows[i].code), rows[i].words);
        assert_string_equal(wharf_error_name(rows[i].code), rows[i].name);
    }
    for (int code = WHARF_EPROTOCOL; code <= WHARF_EDEADLOCK; code++) {
        assert_string_not_equal(wharf_strerror(-code), "unknown error");
        assert_string_not_equal(wharf_error_name(-code), "EUNKNOWN");
    }
    assert_string_equal(wharf_version(), WHARF_VERSION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_has_failed_at_first),
        cmocka_unit_test(sentences_hold_the_parts_that_are_there),
        cmocka_unit_test(addresses_are_shown_as_people_write_them),
        cmocka_unit_test(a_new_failure_may_quote_the_old_one),
        cmocka_unit_test(long_parts_and_small_outputs_are_cut),
        cmocka_unit_test(failures_go_to_the_redirected_record),
        cmocka_unit_test(every_code_has_words_and_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

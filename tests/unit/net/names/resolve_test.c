/* Names on the machine itself: files of our own in place of its own, getaddrinfo where nsswitch.conf asks for it, and the
 * settings. No name server is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/names/state.h"
#include "wharf/names.h"
#include "wharf/task.h"

static char folder[200];
static char hosts[256];
static char nsswitch[256];

static void write_file(const char *path, const char *text) {
    char temporary[264];
    snprintf(temporary, sizeof(temporary), "%s.new", path);
    FILE *file = fopen(temporary, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(temporary, path), 0); /* another file: seen however fast it goes */
}

static int make_folder(void **state) {
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/wharf-names-XXXXXX", base != NULL ? base : P_tmpdir);
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(hosts, sizeof(hosts), "%s/hosts", folder);
    snprintf(nsswitch, sizeof(nsswitch), "%s/nsswitch.conf", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    (void)unlink(hosts);
    (void)unlink(nsswitch);
    (void)wharf_names_set(NULL);
    return rmdir(folder);
}

/* Resolves to one address, as text. */
static void assert_resolves(const char *name, const char *expected) {
    wharf_address found[4];
    char text[WHARF_ADDRESS_SIZE];
    int count = wharf_resolve(name, found, 4);
    if (count != 1) {
        fail_msg("%s: %d, %s", name, count, wharf_why());
    }
    assert_true(wharf_address_text(&found[0], text, sizeof(text)) > 0);
    assert_string_equal(text, expected);
}

static void files_are_read_again_when_they_change(void **state) {
    (void)state;
    wharf_address found[4];
    write_file(nsswitch, "hosts: files\n");
    write_file(hosts, "192.0.2.1 one.test\n");
    assert_int_equal(
        wharf_names_set(WHARF_OPTIONS(wharf_names_options, .hosts = hosts, .nsswitch = nsswitch)), 0);
    assert_resolves("one.test:80", "192.0.2.1:80");
    assert_int_equal(wharf_resolve("two.test:80", found, 4), -WHARF_ENAME);
    assert_non_null(strstr(wharf_why(), "resolve two.test:80: "));
    assert_non_null(strstr(wharf_why(), "nsswitch.conf"));
    write_file(hosts, "192.0.2.2 one.test two.test\n");
    names_state_expire();
    assert_resolves("one.test:80", "192.0.2.2:80");
    assert_resolves("two.test:80", "192.0.2.2:80");
}

/* Only getaddrinfo takes a hexadecimal number for an address. */
static void getaddrinfo_is_asked_where_nsswitch_wants_more(void **state) {
    (void)state;
    wharf_address found[4];
    write_file(nsswitch, "hosts: files ldap dns\n");
    assert_int_equal(wharf_names_set(WHARF_OPTIONS(wharf_names_options, .hosts = hosts, .nsswitch = nsswitch,
                                                   .family = 4)),
                     0);
    assert_resolves("0x7f000001:80", "127.0.0.1:80");
    write_file(nsswitch, "hosts: files\n");
    names_state_expire();
    assert_int_equal(wharf_resolve("0x7f000001:80", found, 4), -WHARF_ENAME);
}

static void a_cancelled_look_up_says_so(void **state) {
    (void)state;
    wharf_address found[4];
    int rc = 0;
    WHARF_SCOPE (scope, NULL) {
        wharf_scope_cancel(scope);
        rc = wharf_resolve("one.test:80", found, 4);
    }
    assert_int_equal(rc, -ECANCELED);
}

static void a_setting_out_of_range_is_named(void **state) {
    (void)state;
    static char long_text[5000];
    memset(long_text, 'a', sizeof(long_text) - 1);
    const struct {
        wharf_names_options options;
        int error;
        const char *why;
    } rows[] = {
        {{.timeout_ms = 30001}, -EINVAL, "timeout_ms is 1 to 30000"},
        {{.timeout_ms = -1}, -EINVAL, "timeout_ms"},
        {{.attempts = 6}, -EINVAL, "attempts is 1 to 5"},
        {{.ndots = 16}, -EINVAL, "ndots is 1 to 15, or WHARF_OFF"},
        {{.family = 5}, -EINVAL, "family is 4 or 6"},
        {{.cache_entries = 65537}, -EINVAL, "cache_entries"},
        {{.attempt_delay_ms = 9}, -EINVAL, "attempt_delay_ms is 10 to 2000"},
        {{.resolution_delay_ms = 2001}, -EINVAL, "resolution_delay_ms"},
        {{.servers = "example.com"}, -WHARF_EADDRESS, "\"example.com\" is not the address of one"},
        {{.servers = "1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1"},
         -EINVAL,
         "at most 8"},
        {{.search = long_text}, -ENAMETOOLONG, "search is too long"},
        {{.hosts = long_text}, -ENAMETOOLONG, "hosts is too long"},
        {{.overrides = long_text}, -ENAMETOOLONG, "overrides is too long"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wharf_names_options options = rows[i].options;
        options.size = sizeof(options);
        assert_int_equal(wharf_names_set(&options), rows[i].error);
        assert_non_null(strstr(wharf_why(), rows[i].why));
    }
    assert_int_equal(wharf_names_set(&(wharf_names_options){.size = 0}), -EINVAL);
}

static void a_question_must_make_sense(void **state) {
    (void)state;
    static const struct {
        const char *name, *type, *why;
    } rows[] = {
        {NULL, "A", "a name and a type are needed"},
        {"a.test", NULL, "a name and a type are needed"},
        {"a.test", "B", "\"B\" is no type of record"},
        {"", "A", "1 to 253 bytes"},
        {"b\xc3\xbc.\xe2\x84\x80", "A", "at byte 0: a character that stands for one"},
        {"ab\xff", "A", "at byte 2: a host name that is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wharf_answer *answer = wharf_look_up(rows[i].name, rows[i].type);
        assert_int_equal(wharf_answer_error(answer), -WHARF_EADDRESS);
        assert_non_null(strstr(wharf_answer_why(answer), rows[i].why));
        assert_int_equal(wharf_answer_count(answer), 0);
        assert_null(wharf_answer_record(answer, 0));
        assert_string_equal(wharf_answer_status(answer), "");
        assert_string_equal(wharf_answer_server(answer), "");
        wharf_answer_free(answer);
    }
    wharf_answer_free(NULL);
    assert_int_equal(wharf_resolve("a.test:80", NULL, 4), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_again_when_they_change),
        cmocka_unit_test(getaddrinfo_is_asked_where_nsswitch_wants_more),
        cmocka_unit_test(a_cancelled_look_up_says_so),
        cmocka_unit_test(a_setting_out_of_range_is_named),
        cmocka_unit_test(a_question_must_make_sense),
    };
    return cmocka_run_group_tests_name("names resolve", tests, make_folder, remove_folder);
}

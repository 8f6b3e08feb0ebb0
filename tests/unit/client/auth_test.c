/* Credentials: what they may be, what a netrc file says, and that what is secret leaves the memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/number.h" /* before cmocka, whose fail() is a macro */
#include "base/secret.h"
#include "base/text.h"
#include "client/netrc.h"
#include "wharf/wharf.h"

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* ---- netrc ---- */

static const char netrc_text[] = "# a comment\n"
                                 "machine a.example login ada password \"two words\"\n"
                                 "machine b.example\n\tlogin \"b\\\"ob\" account x\n\tpassword p\\ q\n"
                                 "macdef init\ncd /pub\nmachine c.example login no password no\n\n"
                                 "machine a.example login second password second\n"
                                 "machine d.example password only\n"
                                 "default login guest password #1\n"
                                 "machine late.example login late password late\n";

static const struct {
    const char *host, *login, *password;
} netrc_rows[] = {
    {"a.example", "ada", "two words"}, {"A.EXAMPLE", "ada", "two words"}, {"b.example", "b\"ob", "p q"},
    {"c.example", "guest", "#1"},      {"d.example", "", "only"},         {"xa.example", "guest", "#1"},
    {"a.example.org", "guest", "#1"},
};

static void netrc_gives_each_host_its_own(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(netrc_rows) / sizeof(netrc_rows[0]); i++) {
        wharf_str login = {NULL, 0};
        wharf_str password = {NULL, 0};
        char plain[64];
        assert_true(
            netrc_find(wharf_str_of(netrc_text), wharf_str_of(netrc_rows[i].host), &login, &password));
        assert_true(wharf_str_is((wharf_str){plain, netrc_token(login, plain)}, netrc_rows[i].login));
        assert_true(wharf_str_is((wharf_str){plain, netrc_token(password, plain)}, netrc_rows[i].password));
    }
}

static const char *const netrc_without[] = {"",
                                            "machine",
                                            "machine b.example login x",
                                            "login a password b",
                                            "machine \"a.example",
                                            "default_ login x",
                                            "macdef x\ndefault\n"};

static void netrc_without_an_entry_has_none(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(netrc_without) / sizeof(netrc_without[0]); i++) {
        wharf_str login = {NULL, 0};
        wharf_str password = {NULL, 0};
        assert_false(netrc_find(wharf_str_of(netrc_without[i]), STR("a.example"), &login, &password));
    }
}

/* ---- credentials ---- */

static ssize_t no_token(void *arg, char *out, size_t size) {
    (void)arg;
    (void)out;
    (void)size;
    return -1;
}

static const struct {
    wharf_auth_options options;
    bool good;
} auth_rows[] = {
    {{.user = "a", .password = "b"}, true},
    {{.user = "a"}, true},
    {{.user = "a:b", .scheme = WHARF_AUTH_DIGEST}, true},
    {{.user = "a:b"}, false},
    {{.user = "a:b", .scheme = WHARF_AUTH_ANY}, false},
    {{.token = "t"}, true},
    {{.token = "t", .refresh = no_token}, true},
    {{.refresh = no_token}, true},
    {{.token = "t\n"}, false},
    {{.user = "a", .token = "t"}, false},
    {{.user = NULL}, false},
    {{.user = "a", .scheme = (wharf_auth_scheme)7}, false},
    {{.user = "a", .origin = "https://example.com"}, true},
    {{.user = "a", .origin = "example.com"}, false},
    {{.netrc = "/nonexistent/netrc"}, false},
};

static void takes_what_can_be_shown(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(auth_rows) / sizeof(auth_rows[0]); i++) {
        wharf_auth_options options = auth_rows[i].options;
        options.size = sizeof(options);
        wharf_auth *auth = wharf_auth_new(&options);
        assert_int_equal(auth != NULL, auth_rows[i].good);
        wharf_auth_free(auth);
    }
    assert_null(wharf_auth_new(NULL));
    wharf_auth_free(NULL);
}

static void takes_what_can_be_a_header(void **state) {
    (void)state;
    wharf_secret *secret = wharf_secret_new("X-Key", "value", 5, NULL);
    assert_non_null(secret);
    wharf_secret_free(secret);
    wharf_secret_free(NULL);
    assert_null(wharf_secret_new("X Key", "value", 5, NULL));
    assert_null(wharf_secret_new("X-Key", "val\nue", 6, NULL));
    assert_null(wharf_secret_new("X-Key", "value", 5, "nonsense"));
}

/* ---- memory ---- */

/* Whether a page of /proc/self/smaps that holds this address is left out of core dumps. */
static bool is_left_out_of_dumps(const void *address) {
    char line[512];
    bool inside = false;
    bool left_out = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps) != NULL) {
        uint64_t from = 0;
        uint64_t to = 0;
        size_t dash = strcspn(line, "-");
        size_t blank = strcspn(line, " ");
        if (number_parse_hex((wharf_str){line, dash}, UINT64_MAX, &from) == 0 && blank > dash &&
            number_parse_hex((wharf_str){line + dash + 1, blank - dash - 1}, UINT64_MAX, &to) == 0) {
            inside = (uintptr_t)address >= from && (uintptr_t)address < to;
        } else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            left_out = strstr(line, " dd") != NULL;
        }
    }
    (void)fclose(maps);
    return left_out;
}

static void is_not_in_dumps(void **state) {
    (void)state;
    struct secret secret = {NULL, 0};
    assert_int_equal(secret_init(&secret, STR("hush")), 0);
    assert_true(wharf_str_is(secret_view(&secret), "hush"));
    assert_true(is_left_out_of_dumps(secret.bytes));
    secret_deinit(&secret);
    secret_deinit(&secret);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(netrc_gives_each_host_its_own),
        cmocka_unit_test(netrc_without_an_entry_has_none),
        cmocka_unit_test(takes_what_can_be_shown),
        cmocka_unit_test(takes_what_can_be_a_header),
        cmocka_unit_test(is_not_in_dumps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

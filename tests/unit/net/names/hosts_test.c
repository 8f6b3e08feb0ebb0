/* The hosts file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "net/names/hosts.h"

static const char text[] = "# names of this machine\n"
                           "127.0.0.1\tlocalhost\n"
                           "192.0.2.1  a.test alias # the first\r\n"
                           "2001:db8::1 a.test\n"
                           "192.0.2.1 a.test again\n"
                           "nonsense b.test\n"
                           "192.0.2.2\n"
                           "192.0.2.3 c.test#not-a-name\n"
                           "fe80::1%1 scoped.test\n"
                           "192.0.2.4 last.test";

static int find(const char *name, int family, struct address *out, int max) {
    return hosts_find(STR(text), wharf_str_of(name), family, out, max);
}

static void finds_every_address_of_a_name_once(void **state) {
    (void)state;
    struct address found[4];
    char shown[WHARF_ADDRESS_SIZE];
    assert_int_equal(find("A.test", AF_UNSPEC, found, 4), 2);
    address_format(&found[0].any, found[0].len, shown);
    assert_string_equal(shown, "192.0.2.1:0");
    address_format(&found[1].any, found[1].len, shown);
    assert_string_equal(shown, "[2001:db8::1]:0");
    assert_int_equal(find("a.test.", AF_INET6, found, 4), 1);
    assert_int_equal(find("a.test", AF_UNSPEC, found, 1), 1);
    assert_int_equal(find("alias", AF_INET, found, 4), 1);
    assert_int_equal(find("again", AF_INET, found, 4), 1);
    assert_int_equal(find("c.test", AF_INET, found, 4), 1);
    assert_int_equal(find("scoped.test", AF_UNSPEC, found, 4), 1);
    assert_int_equal(find("last.test", AF_UNSPEC, found, 4), 1);
}

static void does_not_find_what_is_not_there(void **state) {
    (void)state;
    static const char *const rows[] = {"b.test", "not-a-name", "the", "192.0.2.2", "", ".", "test", "a"};
    struct address found[4];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(find(rows[i], AF_UNSPEC, found, 4), 0);
    }
    assert_int_equal(find("alias", AF_INET6, found, 4), 0);
    assert_int_equal(hosts_find((wharf_str){NULL, 0}, STR("a"), AF_UNSPEC, found, 4), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_address_of_a_name_once),
        cmocka_unit_test(does_not_find_what_is_not_there),
    };
    return cmocka_run_group_tests_name("names hosts", tests, NULL, NULL);
}

/* Questions that no server is asked: which they are, and what their answer is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "net/names/local.h"
#include "net/names/message.h"

static void what_every_machine_knows_is_answered_here(void **state) {
    (void)state;
    static const struct {
        const char *name;
        unsigned type;
        const char *data; /* NULL: no such record */
    } rows[] = {
        {"localhost", DNS_A, "127.0.0.1"},
        {"LocalHost", DNS_AAAA, "::1"},
        {"a.b.localhost", DNS_A, "127.0.0.1"},
        {"localhost", DNS_MX, NULL},
        {"localhost", DNS_CNAME, NULL},
        {"192.0.2.1", DNS_A, "192.0.2.1"},
        {"192.0.2.1", DNS_AAAA, NULL},
        {"2001:db8::1", DNS_AAAA, "2001:db8::1"},
        {"2001:db8::1", DNS_TXT, NULL},
        {"1.0.0.127.in-addr.arpa", DNS_PTR, "localhost"},
        {"1.0.0.127.in-ADDR.arpa", DNS_A, NULL},
        {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", DNS_PTR, "localhost"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *data = "untouched";
        print_message("%s\n", rows[i].name);
        assert_true(local_answers(rows[i].name, rows[i].type, &data));
        if (rows[i].data == NULL) {
            assert_null(data);
        } else {
            assert_string_equal(data, rows[i].data);
        }
    }
}

static void all_else_is_asked_of_servers(void **state) {
    (void)state;
    static const char *const names[] = {
        "example.com", "localhost.example", "alocalhost", "1.2.3.4.5", "1.2.0.192.in-addr.arpa", "127.0.0",
        "com",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *data = "untouched";
        assert_false(local_answers(names[i], DNS_A, &data));
        assert_string_equal(data, "untouched");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_every_machine_knows_is_answered_here),
        cmocka_unit_test(all_else_is_asked_of_servers),
    };
    return cmocka_run_group_tests_name("names local", tests, NULL, NULL);
}

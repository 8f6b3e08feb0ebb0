/* resolv.conf as machines have it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "net/names/resolv_conf.h"

static struct resolv_conf parse(const char *text) {
    struct resolv_conf conf;
    resolv_conf_init(&conf);
    resolv_conf_parse(&conf, wharf_str_of(text));
    return conf;
}

static void reads_servers_search_and_options(void **state) {
    (void)state;
    struct resolv_conf conf = parse("# written by hand\n"
                                    "nameserver 192.0.2.53\r\n"
                                    "nameserver\t2001:db8::53\n"
                                    ";nameserver 10.0.0.1\n"
                                    "search example.test. corp.example.test\n"
                                    "options ndots:3 timeout:2 attempts:4 rotate use-vc edns0 trust-ad\n");
    char text[WHARF_ADDRESS_SIZE];
    assert_int_equal(conf.server_count, 2);
    address_format(&conf.servers[0].any, conf.servers[0].len, text);
    assert_string_equal(text, "192.0.2.53:53");
    address_format(&conf.servers[1].any, conf.servers[1].len, text);
    assert_string_equal(text, "[2001:db8::53]:53");
    assert_int_equal(conf.search_count, 2);
    assert_string_equal(conf.search[0], "example.test");
    assert_string_equal(conf.search[1], "corp.example.test");
    assert_int_equal(conf.ndots, 3);
    assert_int_equal(conf.timeout_s, 2);
    assert_int_equal(conf.attempts, 4);
    assert_true(conf.rotate && conf.use_tcp && !conf.plain);
}

static void the_last_search_or_domain_counts(void **state) {
    (void)state;
    struct resolv_conf conf = parse("search a.test b.test\ndomain c.test\n");
    assert_int_equal(conf.search_count, 1);
    assert_string_equal(conf.search[0], "c.test");
    assert_int_equal(parse("search a.test\nsearch\n").search_count, 0);
}

static void numbers_are_cut_to_what_the_manual_says(void **state) {
    (void)state;
    struct resolv_conf conf = parse("options ndots:99 timeout:999 attempts:99\n");
    assert_int_equal(conf.ndots, RESOLV_NDOTS_MAX);
    assert_int_equal(conf.timeout_s, RESOLV_TIMEOUT_MAX);
    assert_int_equal(conf.attempts, RESOLV_ATTEMPTS_MAX);
    conf = parse("options ndots:-1 timeout:0 attempts:0 ndots:x\n");
    assert_int_equal(conf.ndots, 1);
    assert_int_equal(conf.timeout_s, 1);
    assert_int_equal(conf.attempts, 1);
    assert_int_equal(parse("options ndots:0\n").ndots, 0);
}

static void nonsense_changes_nothing(void **state) {
    (void)state;
    static const char *const rows[] = {"",
                                       "nameserver",
                                       "nameserver example.com",
                                       "nameserver 1.2.3",
                                       "nameserver 1.2.3.4:0",
                                       "nameserver []:53",
                                       "nameserver ]",
                                       "nameserver [",
                                       "nameserver unix:/x",
                                       "server 1.2.3.4",
                                       "nameserver1.2.3.4",
                                       "\t \n \n"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct resolv_conf conf = parse(rows[i]);
        assert_int_equal(conf.server_count, 0);
        assert_int_equal(conf.search_count, 0);
        assert_int_equal(conf.ndots, 1);
    }
}

static void a_server_may_have_a_port(void **state) {
    (void)state;
    static const struct {
        const char *text, *address;
    } rows[] = {
        {"127.0.0.1:5353", "127.0.0.1:5353"},
        {"[::1]:5353", "[::1]:5353"},
        {"::1", "[::1]:53"},
        {"[::1]", "[::1]:53"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct resolv_conf conf;
        char text[WHARF_ADDRESS_SIZE];
        resolv_conf_init(&conf);
        assert_int_equal(resolv_conf_server(&conf, wharf_str_of(rows[i].text)), 0);
        address_format(&conf.servers[0].any, conf.servers[0].len, text);
        assert_string_equal(text, rows[i].address);
    }
}

static void servers_and_domains_have_a_maximum(void **state) {
    (void)state;
    struct resolv_conf conf;
    resolv_conf_init(&conf);
    for (int i = 0; i < RESOLV_SERVERS_MAX; i++) {
        assert_int_equal(resolv_conf_server(&conf, STR("127.0.0.1")), 0);
    }
    assert_int_equal(resolv_conf_server(&conf, STR("127.0.0.1")), -WHARF_ELIMIT);
    conf = parse("search a b c d e f g h i j k l m n o p q r s t\n");
    assert_int_equal(conf.search_count, RESOLV_SEARCH_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_servers_search_and_options),
        cmocka_unit_test(the_last_search_or_domain_counts),
        cmocka_unit_test(numbers_are_cut_to_what_the_manual_says),
        cmocka_unit_test(nonsense_changes_nothing),
        cmocka_unit_test(a_server_may_have_a_port),
        cmocka_unit_test(servers_and_domains_have_a_maximum),
    };
    return cmocka_run_group_tests_name("names resolv_conf", tests, NULL, NULL);
}

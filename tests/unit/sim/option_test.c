/* Socket options of simulated sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "sim/option.h"

static void gives_back_what_was_set(void **state) {
    (void)state;
    struct option_values options;
    option_init(&options);
    static const struct {
        int level, option;
        int64_t initial;
    } rows[] = {{IPPROTO_TCP, TCP_NODELAY, 0},
                {SOL_SOCKET, SO_KEEPALIVE, 0},
                {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0},
                {IPPROTO_IP, IP_TTL, 64}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t value = -7;
        assert_int_equal(option_get(&options, rows[i].level, rows[i].option, &value), 0);
        assert_int_equal(value, rows[i].initial);
        assert_int_equal(option_set(&options, rows[i].level, rows[i].option, 5), 0);
        assert_int_equal(option_get(&options, rows[i].level, rows[i].option, &value), 0);
        assert_int_equal(value, 5);
    }
}

static void refuses_unknown_options(void **state) {
    (void)state;
    struct option_values options;
    option_init(&options);
    int64_t value = 42;
    assert_int_equal(option_set(&options, IPPROTO_TCP, 9999, 1), -ENOPROTOOPT);
    assert_int_equal(option_get(&options, 12345, TCP_NODELAY, &value), -ENOPROTOOPT);
    assert_int_equal(value, 42);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_set),
        cmocka_unit_test(refuses_unknown_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Socket options on the kernel's sockets: every name, ours and Python's, can be set to what was read, or says why not. */
#include "../../sim/scenario.h"

#include <errno.h>
#include <sys/socket.h>

enum kind { TCP, UDP, TCP6, UNIX, KINDS };

static wharf_sock socks[KINDS];

static int open_all(void **state) {
    static const char *const names[KINDS] = {"tcp", "udp", "tcp6", "unix"};
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        socks[i] = wharf_socket(names[i]);
    }
    return wharf_failed(socks[TCP]) || wharf_failed(socks[UDP]) ? -1 : 0;
}

static int close_all(void **state) {
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        (void)wharf_close(socks[i]);
    }
    return 0;
}

static void every_option_is_set_and_read_by_either_name(void **state) {
    (void)state;
    static const struct {
        enum kind kind;
        const char *name, *python_name;
        int64_t value;
    } rows[] = {
        {TCP, "reuse_address", "SO_REUSEADDR", 1},
        {TCP, "reuse_port", "SO_REUSEPORT", 1},
        {TCP, "keepalive", "SO_KEEPALIVE", 1},
        {TCP, "keepalive_idle", "TCP_KEEPIDLE", 77},
        {TCP, "keepalive_interval", "TCP_KEEPINTVL", 7},
        {TCP, "keepalive_count", "TCP_KEEPCNT", 3},
        {TCP, "user_timeout", "TCP_USER_TIMEOUT", 12345},
        {TCP, "syn_count", "TCP_SYNCNT", 2},
        {TCP, "fin_timeout", "TCP_LINGER2", 5},
        {TCP, "linger", "SO_LINGER", 4},
        {TCP, "nodelay", "TCP_NODELAY", 0},
        {TCP, "cork", "TCP_CORK", 1},
        {TCP, "not_sent_low_water", "TCP_NOTSENT_LOWAT", 4096},
        {TCP, "fast_open_connect", "TCP_FASTOPEN_CONNECT", 1},
        {TCP, "defer_accept", "TCP_DEFER_ACCEPT", 1},
        {TCP, "receive_low_water", "SO_RCVLOWAT", 2},
        {TCP, "out_of_band_inline", "SO_OOBINLINE", 1},
        {TCP, "dont_route", "SO_DONTROUTE", 1},
        {TCP, "priority", "SO_PRIORITY", 3},
        {TCP, "type_of_service", "IP_TOS", 16},
        {TCP, "time_to_live", "IP_TTL", 9},
        {TCP, "bind_without_port", "IP_BIND_ADDRESS_NO_PORT", 1},
        {TCP6, "type_of_service", "IP_TOS", 16},
        {TCP6, "time_to_live", "IP_TTL", 9},
        {TCP6, "hop_limit", "IPV6_UNICAST_HOPS", 8},
        {TCP6, "v6_only", "IPV6_V6ONLY", 1},
        {UDP, "broadcast", "SO_BROADCAST", 1},
        {UDP, "packet_info", "IP_PKTINFO", 1},
        {UDP, "receive_errors", "IP_RECVERR", 1},
        {UDP, "coalesce", "UDP_GRO", 1},
        {UDP, "path_mtu_discovery", "IP_MTU_DISCOVER", 2},
        {UNIX, "pass_credentials", "SO_PASSCRED", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wharf_sock sock = socks[rows[i].kind];
        int64_t value = -99;
        if (wharf_failed(sock)) {
            continue; /* a machine without IPv6 */
        }
        print_message("%s\n", rows[i].name);
        assert_int_equal(wharf_set_option(sock, rows[i].name, rows[i].value), 0);
        assert_int_equal(wharf_get_option(sock, rows[i].python_name, &value), 0);
        assert_int_equal(value, rows[i].value);
        assert_int_equal(wharf_set_option(sock, rows[i].python_name, rows[i].value), 0);
    }
}

static void some_can_only_be_read(void **state) {
    (void)state;
    int64_t value = -1;
    assert_int_equal(wharf_get_option(socks[UDP], "SO_TYPE", &value), 0);
    assert_int_equal(value, SOCK_DGRAM);
    assert_int_equal(wharf_get_option(socks[TCP], "listening", &value), 0);
    assert_int_equal(value, 0);
    assert_int_equal(wharf_get_option(socks[TCP], "error", &value), 0);
    assert_int_equal(wharf_set_option(socks[UDP], "type", 1), -EINVAL);
    assert_non_null(strstr(wharf_why(), "only be read"));
}

static void an_unknown_one_names_the_nearest(void **state) {
    (void)state;
    static const struct {
        const char *name, *nearest;
    } rows[] = {
        {"no_delay", "the nearest is nodelay"},
        {"keep_alive", "the nearest is keepalive"},
        {"TCP_NO_DELAY", "the nearest is TCP_NODELAY"},
        {"so_reuseaddr", "the nearest is SO_REUSEADDR"},
        {"congestion", "there is no such option"},
        {"xyzzy", "there is no such option"},
        {"SO_RCVTIMEO", "WHARF_WITHIN()"},
        {"SO_PEERCRED", "wharf_peer_credentials()"},
    };
    int64_t value = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(wharf_set_option(socks[TCP], rows[i].name, 1), -ENOPROTOOPT);
        assert_non_null(strstr(wharf_why(), rows[i].nearest));
        assert_int_equal(wharf_get_option(socks[TCP], rows[i].name, &value), -ENOPROTOOPT);
        assert_int_equal(wharf_set_option_text(socks[TCP], rows[i].name, "x"), -ENOPROTOOPT);
    }
}

static void what_is_not_for_this_socket_is_refused(void **state) {
    (void)state;
    assert_int_equal(wharf_set_option(socks[UNIX], "nodelay", 1), -ENOPROTOOPT);
    assert_int_equal(wharf_set_option(socks[TCP], "v6_only", 1), -ENOPROTOOPT);
    assert_int_equal(wharf_set_option(socks[UDP], "cork", 2), -EINVAL);
    assert_int_equal(wharf_set_option(socks[TCP], "congestion_control", 1), -EINVAL);
    assert_int_equal(wharf_set_option_text(socks[TCP], "nodelay", "1"), -EINVAL);
}

static void texts_are_read_and_set(void **state) {
    (void)state;
    char text[32] = "", small[2];
    int len = wharf_get_option_text(socks[TCP], "congestion_control", text, sizeof text);
    assert_true(len > 0 && (size_t)len == strlen(text));
    assert_int_equal(wharf_set_option_text(socks[TCP], "TCP_CONGESTION", text), 0);
    assert_int_equal(wharf_get_option_text(socks[TCP], "congestion_control", small, sizeof small), -ENOBUFS);
    assert_true(wharf_set_option_text(socks[TCP], "congestion_control", "no-such-thing") < 0);
    assert_int_equal(wharf_get_option_text(socks[TCP], "bind_to_device", text, sizeof text), 0);
}

/* Where the system allows it the first bytes go with the first packet, and where it does not they go after it. */
static void fast_open_connects_either_way(void **state) {
    (void)state;
    char address[WHARF_ADDRESS_SIZE], bytes[8];
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    assert_int_equal(wharf_set_option(listener, "fast_open", 16), 0);
    assert_true(wharf_local_address(listener, address, sizeof address) > 0);
    for (int i = 0; i < 3; i++) { /* the first call gets the cookie that the next ones use */
        wharf_sock near = wharf_socket("tcp");
        assert_int_equal(wharf_set_option(near, "fast_open_connect", 1), 0);
        assert_int_equal(wharf_connect(near, address), 0);
        assert_int_equal(wharf_send(near, "hello", 5), 5);
        wharf_sock far = wharf_accept(listener);
        assert_int_equal(wharf_recv_exact(far, bytes, 5), 5);
        assert_int_equal(wharf_send(far, "back", 4), 4);
        assert_int_equal(wharf_recv_exact(near, bytes, 4), 4);
        assert_int_equal(wharf_close(near), 0);
        assert_int_equal(wharf_close(far), 0);
    }
    assert_int_equal(wharf_close(listener), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_set_and_read_by_either_name),
        cmocka_unit_test(some_can_only_be_read),
        cmocka_unit_test(an_unknown_one_names_the_nearest),
        cmocka_unit_test(what_is_not_for_this_socket_is_refused),
        cmocka_unit_test(texts_are_read_and_set),
        cmocka_unit_test(fast_open_connects_either_way),
    };
    return cmocka_run_group_tests_name("option", tests, open_all, close_all);
}

/* Datagrams in the simulation: UDP between hosts, with all that may befall a packet, and the Unix kinds. */
#include "scenario.h"

#include <errno.h>

#include "wharf/datagram.h"
#include "wharf/sim.h"

enum { PACKETS = 2000 };

#define MILLISECOND INT64_C(1000000)

/* ---- on one host ---- */

static int question_and_answer(void *arg) {
    (void)arg;
    char bytes[16] = "", where[WHARF_ADDRESS_SIZE], there[WHARF_ADDRESS_SIZE + 8];
    wharf_address from;
    wharf_sock server = wharf_serve_on("udp://127.0.0.1:0");
    EXPECT(wharf_local_address(server, where, sizeof(where)) > 0);
    (void)snprintf(there, sizeof(there), "%s", where);
    wharf_sock client = wharf_dial(there);
    EXPECT(!wharf_failed(server) && !wharf_failed(client));
    EXPECT(wharf_send(client, "who?", 4) == 4);
    EXPECT(wharf_recv_from(server, bytes, sizeof(bytes), &from) == 4 && memcmp(bytes, "who?", 4) == 0);
    EXPECT(wharf_send_to(server, "", 0, &from) == 0);
    EXPECT(wharf_send_to(server, "it is me", 8, &from) == 8);
    EXPECT(wharf_recv(client, bytes, sizeof(bytes)) == 0); /* empty, and no end */
    EXPECT(wharf_recv(client, bytes, 2) == -EMSGSIZE && memcmp(bytes, "it", 2) == 0);
    static const char large[65508];
    EXPECT(wharf_send_to(server, large, sizeof(large), &from) == -EMSGSIZE);
    EXPECT(wharf_send_to(server, large, sizeof(large) - 1, &from) == sizeof(large) - 1);
    WHARF_WITHIN (1000) {
        EXPECT(wharf_recv(server, bytes, sizeof(bytes)) == -ETIMEDOUT);
    }
    EXPECT(wharf_close(server) == 0);
    /* What is sent to nobody is answered by the host: the next call says so, once. */
    EXPECT(wharf_send(client, "still?", 6) == 6);
    EXPECT(wharf_recv(client, bytes, sizeof(bytes)) == -EMSGSIZE);
    EXPECT(wharf_recv(client, bytes, sizeof(bytes)) == -ECONNREFUSED);
    EXPECT(wharf_send(client, "still?", 6) == 6);
    EXPECT(wharf_close(client) == 0);
    return 0;
}

static void datagrams_are_whole_and_refused_by_the_host(void **state) {
    (void)state;
    scenario_run_seeds(question_and_answer);
}

static int without_connection(void *arg) {
    (void)arg;
    char bytes[8], text[WHARF_ADDRESS_SIZE];
    wharf_address to = {0}, from;
    wharf_sock all = wharf_serve_on("udp://:5000");
    wharf_sock sender = wharf_socket("udp");
    EXPECT(wharf_send_to(sender, "x", 1, NULL) == -EDESTADDRREQ);
    EXPECT(wharf_address_of("255.255.255.255:5000", &to) == 0);
    EXPECT(wharf_send_to(sender, "x", 1, &to) == -EACCES);
    EXPECT(wharf_set_option(sender, "broadcast", 1) == 0);
    EXPECT(wharf_send_to(sender, "x", 1, &to) == 1);
    EXPECT(wharf_recv_from(all, bytes, sizeof(bytes), &from) == 1);
    EXPECT(wharf_address_of("192.0.2.9:5000", &to) == 0);
    EXPECT(wharf_send_to(sender, "yz", 2, &to) == 2);
    wharf_datagram datagram = {.data = bytes, .size = sizeof(bytes)};
    EXPECT(wharf_recv_datagrams(all, &datagram, 1) == 1 && datagram.len == 2);
    EXPECT(wharf_address_text(&datagram.local, text, sizeof(text)) > 0);
    EXPECT(strstr(text, "192.0.2.9") != NULL);
    wharf_sock second = wharf_serve_on("udp://:5000");
    EXPECT(wharf_error(second) == -EADDRINUSE);
    wharf_sock stream = wharf_serve_on("tcp://:5000"); /* another world of ports */
    EXPECT(wharf_close(stream) == 0 && wharf_close(sender) == 0 && wharf_close(all) == 0);
    return 0;
}

static void a_socket_may_send_to_anybody(void **state) {
    (void)state;
    scenario_run_seeds(without_connection);
}

/* ---- between hosts ---- */

static int seen[PACKETS], seen_in_order;

static int counter(void *arg) {
    (void)arg;
    int number = 0, last = -1;
    memset(seen, 0, sizeof(seen));
    seen_in_order = 0;
    wharf_sock sock = wharf_serve_on("udp://:9");
    ssize_t got = wharf_recv_from(sock, &number, sizeof(number), NULL);
    while (got == sizeof(number)) {
        seen[number]++;
        seen_in_order += number > last ? 1 : 0;
        last = number;
        got = wharf_recv_from(sock, &number, sizeof(number), NULL);
    }
    (void)wharf_close(sock);
    return 0;
}

static const wharf_sim_link *link_under_test;

static int send_many(void *arg) {
    (void)arg;
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "counter", .addresses = "192.0.2.7",
                                         .program = counter)) == 0);
    EXPECT(wharf_sim_set_link("local", "counter", link_under_test) == 0);
    EXPECT(wharf_sleep(1) == 0);
    wharf_sock sock = wharf_dial("udp://192.0.2.7:9");
    for (int i = 0; i < PACKETS; i++) {
        EXPECT(wharf_send(sock, &i, sizeof(i)) == sizeof(i));
        EXPECT(i % 10 != 0 || wharf_sleep(1) == 0);
    }
    EXPECT(wharf_sleep(1000) == 0);
    EXPECT(wharf_close(sock) == 0);
    return 0;
}

struct tally {
    int lost, twice, overtaken;
};

static struct tally tally_of(uint64_t seed, const wharf_sim_link *link) {
    struct tally tally = {0};
    link_under_test = link;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed), send_many);
    int arrived = 0;
    for (int i = 0; i < PACKETS; i++) {
        tally.lost += seen[i] == 0;
        tally.twice += seen[i] == 2;
        arrived += seen[i];
    }
    tally.overtaken = arrived - seen_in_order - tally.twice;
    return tally;
}

static void packets_are_lost_doubled_and_overtaken_as_the_link_says(void **state) {
    (void)state;
    struct tally plain = tally_of(0, WHARF_OPTIONS(wharf_sim_link, .latency_ns = MILLISECOND));
    assert_true(plain.lost == 0 && plain.twice == 0 && plain.overtaken == 0);
    struct tally lossy = tally_of(1, WHARF_OPTIONS(wharf_sim_link, .loss_ppm = 250000));
    assert_in_range(lossy.lost, PACKETS / 5, PACKETS / 10 * 3);
    assert_int_equal(lossy.twice, 0);
    struct tally doubled = tally_of(2, WHARF_OPTIONS(wharf_sim_link, .duplicate_ppm = 250000));
    assert_int_equal(doubled.lost, 0);
    assert_in_range(doubled.twice, PACKETS / 5, PACKETS / 10 * 3);
    struct tally mixed = tally_of(3, WHARF_OPTIONS(wharf_sim_link, .reorder_ppm = 100000));
    assert_int_equal(mixed.lost, 0);
    assert_true(mixed.overtaken > PACKETS / 20);
    struct tally none = tally_of(4, WHARF_OPTIONS(wharf_sim_link, .loss_ppm = 1000000));
    assert_int_equal(none.lost, PACKETS);
}

/* One socket, several peers, and some of them are not there: whom an error is about is told, whoever's call it fails. */
static int refused_by_some(void *arg) {
    (void)arg;
    char byte, text[WHARF_ADDRESS_SIZE];
    bool told[3] = {false, false, false};
    wharf_address to[3];
    wharf_network_error error;
    static const char *const peers[] = {"192.0.2.7:10", "192.0.2.7:11", "192.0.2.8:10"};
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "empty", .addresses = "192.0.2.7 192.0.2.8",
                                         .program = counter)) == 0);
    wharf_sock sock = wharf_serve_on("udp://:0");
    EXPECT(wharf_set_option(sock, "receive_errors", 1) == 0);
    EXPECT(wharf_get_network_error(sock, &error) == -ENODATA);
    for (int i = 0; i < 3; i++) {
        EXPECT(wharf_address_of(peers[i], &to[i]) == 0);
        EXPECT(wharf_send_to(sock, "x", 1, &to[i]) == 1);
    }
    EXPECT(wharf_sleep(1000) == 0); /* all have come back */
    for (int i = 0; i < 3; i++) {
        EXPECT(wharf_recv(sock, &byte, 1) == -ECONNREFUSED);
        EXPECT(wharf_get_network_error(sock, &error) == 0 && error.error == -ECONNREFUSED);
        EXPECT(wharf_address_text(&error.peer, text, sizeof(text)) > 0);
        EXPECT(strstr(wharf_why(), text) != NULL);
        for (int k = 0; k < 3; k++) {
            told[k] = told[k] || strcmp(text, peers[k]) == 0;
        }
    }
    EXPECT(told[0] && told[1] && told[2]);
    WHARF_WITHIN (1000) {
        EXPECT(wharf_recv(sock, &byte, 1) == -ETIMEDOUT);
    }
    EXPECT(wharf_get_network_error(sock, &error) == -ENODATA);
    EXPECT(wharf_send_to(sock, "x", 1, &to[0]) == 1); /* an error that nobody asks for goes with the socket */
    EXPECT(wharf_sleep(1000) == 0);
    EXPECT(wharf_close(sock) == 0);
    return 0;
}

static void an_error_names_the_peer_it_is_about(void **state) {
    (void)state;
    scenario_run_seeds(refused_by_some);
}

static int cut_off(void *arg) {
    (void)arg;
    char byte;
    EXPECT(wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "counter", .addresses = "192.0.2.7",
                                         .program = counter)) == 0);
    EXPECT(wharf_sleep(1) == 0);
    wharf_sock nobody = wharf_dial("udp://192.0.2.7:10");
    EXPECT(wharf_send(nobody, "x", 1) == 1);
    EXPECT(wharf_recv(nobody, &byte, 1) == -ECONNREFUSED);
    EXPECT(wharf_sim_inject(&(wharf_sim_fault){.kind = WHARF_SIM_CRASH, .host = "counter"}) == 0);
    EXPECT(wharf_send(nobody, "x", 1) == 1);
    WHARF_WITHIN (1000) {
        EXPECT(wharf_recv(nobody, &byte, 1) == -ETIMEDOUT);
    }
    EXPECT(wharf_close(nobody) == 0);
    return 0;
}

static void a_host_that_has_crashed_refuses_nothing(void **state) {
    (void)state;
    scenario_run_seeds(cut_off);
}

/* ---- Unix ---- */

static int unix_datagrams(void *arg) {
    (void)arg;
    char bytes[8];
    wharf_address from;
    EXPECT(wharf_error(wharf_dial("unix-datagram:/run/log")) == -ENOENT);
    wharf_sock server = wharf_serve_on("unix-datagram:/run/log");
    wharf_sock client = wharf_dial("unix-datagram:/run/log");
    EXPECT(!wharf_failed(server) && !wharf_failed(client));
    EXPECT(wharf_send(client, "one", 3) == 3);
    EXPECT(wharf_send(client, "two!", 4) == 4);
    EXPECT(wharf_recv_from(server, bytes, sizeof(bytes), &from) == 3);
    EXPECT(wharf_recv_from(server, bytes, sizeof(bytes), NULL) == 4);
    EXPECT(wharf_send_to(server, "back", 4, &from) == 4);
    EXPECT(wharf_recv(client, bytes, sizeof(bytes)) == 4);
    int sent = 0;
    WHARF_WITHIN (1000) {
        while (wharf_send(client, "x", 1) == 1) {
            sent++;
        }
    }
    EXPECT(sent == 256); /* then the sender waits */
    EXPECT(wharf_close(server) == 0);
    EXPECT(wharf_send(client, "x", 1) == -ECONNREFUSED);
    EXPECT(wharf_close(client) == 0);
    return 0;
}

static int unix_seqpackets(void *arg) {
    (void)arg;
    char bytes[8];
    wharf_sock listener = wharf_serve_on("unix-seqpacket:@sim");
    wharf_sock client = wharf_dial("unix-seqpacket:@sim");
    wharf_sock server = wharf_accept(listener);
    EXPECT(!wharf_failed(server));
    EXPECT(wharf_send(client, "one", 3) == 3);
    EXPECT(wharf_send(client, "two!", 4) == 4);
    EXPECT(wharf_recv(server, bytes, sizeof(bytes)) == 3);
    EXPECT(wharf_recv(server, bytes, 2) == -EMSGSIZE);
    EXPECT(wharf_shutdown_write(client) == 0);
    EXPECT(wharf_recv(server, bytes, sizeof(bytes)) == 0);
    EXPECT(wharf_send(server, "still", 5) == 5);
    EXPECT(wharf_recv(client, bytes, sizeof(bytes)) == 5);
    EXPECT(wharf_close(server) == 0 && wharf_close(client) == 0 && wharf_close(listener) == 0);
    return 0;
}

static int pairs(void *arg) {
    (void)arg;
    static const char *const kinds[] = {"unix", "unix-datagram", "unix-seqpacket"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        wharf_sock pair[2];
        char bytes[8];
        EXPECT(wharf_socket_pair(kinds[i], pair) == 0);
        EXPECT(wharf_send(pair[0], "ping", 4) == 4);
        ssize_t got = i == 0 ? wharf_recv_exact(pair[1], bytes, 4)
                             : wharf_recv(pair[1], bytes, sizeof(bytes));
        EXPECT(got == 4);
        EXPECT(wharf_send(pair[1], "pong", 4) == 4);
        got = i == 0 ? wharf_recv_exact(pair[0], bytes, 4) : wharf_recv(pair[0], bytes, sizeof(bytes));
        EXPECT(got == 4);
        int fd = 0;
        EXPECT(wharf_send_fds(pair[0], "x", 1, &fd, 1) == -EOPNOTSUPP);
        EXPECT(wharf_close(pair[0]) == 0 && wharf_close(pair[1]) == 0);
    }
    return 0;
}

static void unix_sockets_keep_borders(void **state) {
    (void)state;
    scenario_run_seeds(unix_datagrams);
    scenario_run_seeds(unix_seqpackets);
    scenario_run_seeds(pairs);
}

/* ---- whatever fails ---- */

static int struck(void *arg) {
    (void)arg;
    char bytes[8];
    wharf_sock server = wharf_serve_on("udp://127.0.0.1:99");
    wharf_sock client = wharf_dial("udp://127.0.0.1:99");
    wharf_sock pair[2] = {{-1}, {-1}};
    (void)wharf_socket_pair("unix-datagram", pair);
    (void)wharf_send(client, "x", 1);
    (void)wharf_send(pair[0], "x", 1);
    WHARF_WITHIN (100) {
        (void)!wharf_recv_from(server, bytes, sizeof(bytes), NULL);
        (void)!wharf_recv(pair[1], bytes, sizeof(bytes));
    }
    (void)wharf_close(server);
    (void)wharf_close(client);
    (void)wharf_close(pair[0]);
    (void)wharf_close(pair[1]);
    return 0;
}

static void struck_anywhere_nothing_is_left(void **state) {
    (void)state;
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 2);
    assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, options, struck) > 6);
    assert_true(scenario_sweep(WHARF_TEST_CANCEL, options, struck) > 3);
    assert_true(scenario_sweep(WHARF_TEST_EXPIRE, options, struck) > 3);
    assert_true(scenario_sweep(WHARF_TEST_DESCRIPTOR, options, struck) == 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_are_whole_and_refused_by_the_host),
        cmocka_unit_test(a_socket_may_send_to_anybody),
        cmocka_unit_test(packets_are_lost_doubled_and_overtaken_as_the_link_says),
        cmocka_unit_test(an_error_names_the_peer_it_is_about),
        cmocka_unit_test(a_host_that_has_crashed_refuses_nothing),
        cmocka_unit_test(unix_sockets_keep_borders),
        cmocka_unit_test(struck_anywhere_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

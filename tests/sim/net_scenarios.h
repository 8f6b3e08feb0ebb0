/* Sockets through the public calls: each scenario runs unchanged on the simulated network (many seeds, streams cut into
 * pieces of any size) and on the loopback interface of the real one. */
#ifndef TESTS_SIM_NET_SCENARIOS_H
#define TESTS_SIM_NET_SCENARIOS_H

#include <errno.h>
#include <sys/uio.h>

#include "scenario.h"

/* Where the scenarios listen. */
static const char *net_address = "127.0.0.1:0";

enum { BULK = 300000, REPLY = 50000 /* fits into a stream that nobody reads */ };
static unsigned char net_bulk[BULK];
static unsigned char net_got[BULK];

static void net_fill(void) {
    for (size_t i = 0; i < BULK; i++) {
        net_bulk[i] = (unsigned char)(i * 7 + i / 251);
    }
}

/* Two ends of one connection. */
struct pair {
    wharf_sock near, far;
};

static struct pair net_pair(void) {
    char address[WHARF_ADDRESS_SIZE] = "";
    wharf_sock listener = wharf_serve_on(net_address);
    EXPECT(!wharf_failed(listener));
    EXPECT(wharf_local_address(listener, address, sizeof(address)) > 0);
    struct pair pair;
    pair.near = wharf_dial(address);
    pair.far = wharf_accept(listener);
    EXPECT(!wharf_failed(pair.near) && !wharf_failed(pair.far));
    EXPECT(wharf_close(listener) == 0);
    return pair;
}

static void net_end(struct pair pair) {
    (void)wharf_close(pair.near);
    (void)wharf_close(pair.far);
}

/* All bytes until the end of the stream; the count, or an error. */
static ssize_t net_drain(wharf_sock sock, unsigned char *out, size_t size) {
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < size) {
        got = wharf_recv(sock, out + len, size - len);
        len += got > 0 ? (size_t)got : 0;
    }
    return got < 0 ? got : (ssize_t)len;
}

/* ---- whole programs ---- */

static int net_echo_one(void *arg) {
    wharf_sock client = *(wharf_sock *)arg;
    char buffer[4096];
    ssize_t got = wharf_recv(client, buffer, sizeof(buffer));
    while (got > 0) {
        EXPECT(wharf_send(client, buffer, (size_t)got) == got);
        got = wharf_recv(client, buffer, sizeof(buffer));
    }
    EXPECT(got == 0);
    EXPECT(wharf_close(client) == 0);
    return 0;
}

static int net_echo_server(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    for (int i = 0; i < 2; i++) {
        wharf_sock client = wharf_accept(listener);
        EXPECT(!wharf_failed(client));
        EXPECT(wharf_go(NULL, net_echo_one, client) == 0);
    }
    return wharf_close(listener);
}

static int net_send_bulk(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    EXPECT(wharf_send(sock, net_bulk, BULK) == BULK);
    EXPECT(wharf_sent(sock) == BULK);
    EXPECT(wharf_shutdown_write(sock) == 0);
    return 0;
}

static int echoes_what_was_sent(void *arg) {
    (void)arg;
    net_fill();
    char address[WHARF_ADDRESS_SIZE] = "";
    wharf_sock listener = wharf_serve_on(net_address);
    EXPECT(wharf_local_address(listener, address, sizeof(address)) > 0);
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, net_echo_server, listener) == 0);
        for (int i = 0; i < 2; i++) {
            wharf_sock sock = wharf_dial(address);
            EXPECT(!wharf_failed(sock));
            WHARF_SCOPE (sender, NULL) {
                EXPECT(wharf_go(sender, net_send_bulk, sock) == 0);
                EXPECT(net_drain(sock, net_got, BULK) == BULK);
                EXPECT(memcmp(net_got, net_bulk, BULK) == 0);
                EXPECT(wharf_recv(sock, net_got, 1) == 0);
                EXPECT(wharf_recv(sock, net_got, 1) == 0);
            }
            EXPECT(wharf_close(sock) == 0);
        }
    }
    return 0;
}

static int step_by_step_calls_make_the_same_connection(void *arg) {
    (void)arg;
    bool is_unix = strncmp(net_address, "unix:", 5) == 0;
    const char *kind = is_unix ? "unix" : net_address[0] == '[' ? "tcp6" : "tcp";
    char address[WHARF_ADDRESS_SIZE] = "", peer[WHARF_ADDRESS_SIZE] = "", local[WHARF_ADDRESS_SIZE] = "";
    wharf_sock listener = wharf_socket(kind);
    wharf_sock client = wharf_socket(kind);
    EXPECT(wharf_bind(listener, net_address) == 0);
    EXPECT(wharf_failed(wharf_accept(listener)));
    EXPECT(wharf_listen(listener, 5) == 0);
    EXPECT(wharf_local_address(listener, address, sizeof(address)) > 0);
    EXPECT(wharf_recv(client, peer, 1) == -ENOTCONN);
    EXPECT(wharf_send(client, peer, 1) == -ENOTCONN);
    EXPECT(wharf_shutdown_write(client) == -ENOTCONN);
    EXPECT(wharf_connect(client, address) == 0);
    EXPECT(wharf_connect(client, address) == -EISCONN);
    wharf_sock server = wharf_accept(listener);
    EXPECT(!wharf_failed(server));
    EXPECT(wharf_peer_address(client, peer, sizeof(peer)) > 0);
    EXPECT(strcmp(peer, address) == 0);
    EXPECT(wharf_local_address(server, local, sizeof(local)) > 0);
    EXPECT(strcmp(local, address) == 0);
    EXPECT(wharf_local_address(server, local, 5) == -ENOBUFS);
    EXPECT(wharf_peer_address(listener, local, sizeof(local)) == -ENOTCONN);
    EXPECT(wharf_close(listener) == 0 && wharf_close(client) == 0 && wharf_close(server) == 0);
    return 0;
}

/* ---- half-close ---- */

static int a_half_closed_peer_still_gets_its_answer(void *arg) {
    (void)arg;
    net_fill();
    for (int sent_first = 0; sent_first < 3; sent_first++) {
        struct pair pair = net_pair();
        char buffer[8];
        EXPECT(sent_first == 0 || wharf_send(pair.near, "request", 7) == 7);
        EXPECT(sent_first != 2 || wharf_recv_exact(pair.far, buffer, 7) == 7);
        EXPECT(wharf_shutdown_write(pair.near) == 0);
        EXPECT(wharf_send(pair.near, "x", 1) == -EPIPE);
        EXPECT(sent_first != 1 || wharf_recv_exact(pair.far, buffer, 7) == 7);
        EXPECT(wharf_recv(pair.far, buffer, sizeof(buffer)) == 0);
        EXPECT(wharf_recv_exact(pair.far, buffer, 3) == 0);
        EXPECT(wharf_recv_until(pair.far, buffer, 3, "\n") == 0);
        EXPECT(wharf_send(pair.far, net_bulk, 1000) == 1000);
        EXPECT(wharf_close(pair.far) == 0);
        EXPECT(net_drain(pair.near, net_got, BULK) == 1000);
        EXPECT(memcmp(net_got, net_bulk, 1000) == 0);
        EXPECT(wharf_close(pair.near) == 0);
    }
    return 0;
}

/* ---- receiving ---- */

static int bytes_before_a_time_out_stay_readable(void *arg) {
    (void)arg;
    struct pair pair = net_pair();
    char buffer[64];
    EXPECT(wharf_send(pair.near, "abc", 3) == 3);
    WHARF_WITHIN (20) {
        EXPECT(wharf_recv_exact(pair.far, buffer, 10) == -ETIMEDOUT);
    }
    WHARF_WITHIN (20) {
        EXPECT(wharf_recv_until(pair.far, buffer, 10, "\n") == -ETIMEDOUT);
    }
    EXPECT(wharf_send(pair.near, "defgh", 5) == 5);
    WHARF_WITHIN (20) {
        EXPECT(wharf_recv_exact(pair.far, buffer, 10) == -ETIMEDOUT);
    }
    EXPECT(wharf_send(pair.near, "i\nj", 3) == 3);
    EXPECT(wharf_recv(pair.far, buffer, 1) == 1 && buffer[0] == 'a');
    EXPECT(wharf_recv_until(pair.far, buffer, sizeof(buffer), "\n") == 9);
    EXPECT(memcmp(buffer, "bcdefghi\n", 9) == 0);
    EXPECT(wharf_recv_exact(pair.far, buffer, 1) == 1 && buffer[0] == 'j');
    net_end(pair);
    return 0;
}

static int bytes_before_the_end_stay_readable(void *arg) {
    (void)arg;
    struct pair pair = net_pair();
    char buffer[64];
    EXPECT(wharf_send(pair.near, "abcdef", 6) == 6);
    EXPECT(wharf_close(pair.near) == 0);
    EXPECT(wharf_recv_exact(pair.far, buffer, 10) == -WHARF_EEOF);
    EXPECT(wharf_recv_until(pair.far, buffer, 10, "\n") == -WHARF_EEOF);
    EXPECT(wharf_recv_until(pair.far, buffer, 3, "\n") == -EMSGSIZE);
    EXPECT(wharf_recv_exact(pair.far, buffer, 6) == 6 && memcmp(buffer, "abcdef", 6) == 0);
    EXPECT(wharf_recv_exact(pair.far, buffer, 1) == 0);
    EXPECT(wharf_close(pair.far) == 0);
    return 0;
}

static int delimiters_are_found_wherever_they_are_cut(void *arg) {
    (void)arg;
    struct pair pair = net_pair();
    char buffer[64];
    const char *text = "one\r\n.\r\ntwo\r\r\n.\r\n\r\n.\r\n";
    for (size_t i = 0; i < strlen(text); i++) {
        EXPECT(wharf_send(pair.near, text + i, 1) == 1);
    }
    EXPECT(wharf_recv_until(pair.far, buffer, 64, "\r\n.\r\n") == 8);
    EXPECT(wharf_recv_until(pair.far, buffer, 3, "\r\n.\r\n") == -EMSGSIZE);
    EXPECT(wharf_recv_until(pair.far, buffer, 8, "\r\n.\r\n") == -EMSGSIZE);
    EXPECT(wharf_recv_until(pair.far, buffer, 9, "\r\n.\r\n") == 9);
    EXPECT(memcmp(buffer, "two\r\r\n.\r\n", 9) == 0);
    EXPECT(wharf_recv_until(pair.far, buffer, 64, "\r\n.\r\n") == 5);
    EXPECT(wharf_recv_until(pair.far, buffer, 0, "x") == -EINVAL);
    EXPECT(wharf_recv_until(pair.far, buffer, 9, "") == -EINVAL);
    EXPECT(wharf_recv(pair.far, buffer, 0) == -EINVAL);
    net_end(pair);
    return 0;
}

static int one_item_may_be_longer_than_a_block(void *arg) {
    (void)arg;
    net_fill();
    for (size_t i = 0; i < BULK; i++) {
        net_bulk[i] = net_bulk[i] == '\n' ? 'n' : net_bulk[i];
    }
    net_bulk[BULK - 1] = '\n';
    struct pair pair = net_pair();
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, net_send_bulk, pair.near) == 0);
        EXPECT(wharf_recv_until(pair.far, net_got, BULK - 1, "\n") == -EMSGSIZE);
        EXPECT(wharf_recv_exact(pair.far, net_got, 1) == 1);
        EXPECT(wharf_recv_until(pair.far, net_got + 1, BULK, "\n") == BULK - 1);
        EXPECT(memcmp(net_got, net_bulk, BULK) == 0);
    }
    net_end(pair);
    return 0;
}

/* ---- sending ---- */

static int a_send_that_timed_out_says_how_far_it_got(void *arg) {
    (void)arg;
    net_fill();
    struct pair pair = net_pair();
    int64_t total = 0;
    ssize_t result = 0;
    WHARF_WITHIN (50) {
        while (result >= 0) { /* until nothing fits any more */
            result = wharf_send(pair.near, net_bulk, BULK);
            total += wharf_sent(pair.near);
        }
    }
    EXPECT(result == -ETIMEDOUT);
    EXPECT(wharf_shutdown_write(pair.near) == 0);
    int64_t got = 0;
    ssize_t len = 1;
    while (len > 0) {
        len = wharf_recv(pair.far, net_got, BULK);
        for (ssize_t i = 0; i < len; i++) {
            EXPECT(net_got[i] == net_bulk[(got + i) % BULK]);
        }
        got += len > 0 ? len : 0;
    }
    EXPECT(len == 0 && got == total);
    net_end(pair);
    return 0;
}

struct net_writer {
    wharf_sock sock;
    unsigned char letter;
};

enum { LETTERS = 50000 };

static int net_send_letters(void *arg) {
    const struct net_writer *writer = arg;
    unsigned char letters[4][LETTERS / 4];
    struct iovec pieces[4];
    memset(letters, writer->letter, sizeof(letters));
    for (int i = 0; i < 4; i++) {
        pieces[i] = (struct iovec){letters[i], sizeof(letters[i])};
    }
    EXPECT(wharf_sendv(writer->sock, pieces, 4) == LETTERS);
    return 0;
}

static int senders_take_turns_call_by_call(void *arg) {
    (void)arg;
    enum { WRITERS = 4 };
    struct pair pair = net_pair();
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < WRITERS; i++) {
            struct net_writer writer = {pair.near, (unsigned char)('a' + i)};
            EXPECT(wharf_go(scope, net_send_letters, writer) == 0);
        }
        for (int i = 0; i < WRITERS; i++) {
            EXPECT(wharf_recv_exact(pair.far, net_got, LETTERS) == LETTERS);
            for (int j = 1; j < LETTERS; j++) {
                EXPECT(net_got[j] == net_got[0]);
            }
        }
    }
    EXPECT(wharf_sendv(pair.near, NULL, 0) == -EINVAL);
    EXPECT(wharf_send(pair.near, "", 0) == 0);
    net_end(pair);
    return 0;
}

static int net_fill_up(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    ssize_t result = 0;
    while (result >= 0) {
        result = wharf_send(sock, net_bulk, BULK);
    }
    return result == -ECANCELED ? 0 : (int)result;
}

static int net_send_short(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    ssize_t result = 0;
    WHARF_WITHIN (10) {
        result = wharf_send(sock, "x", 1);
    }
    EXPECT(result == -ETIMEDOUT);
    return 0;
}

static int a_queued_sender_can_give_up_and_closing_ends_the_rest(void *arg) {
    (void)arg;
    struct pair pair = net_pair();
    int result = -1;
    WHARF_SCOPE (scope, &result) {
        EXPECT(wharf_go(scope, net_fill_up, pair.near) == 0);
        wharf_sleep(10);
        EXPECT(wharf_go(scope, net_send_short, pair.near) == 0);
        EXPECT(wharf_go(scope, net_fill_up, pair.near) == 0);
        wharf_sleep(50);
        EXPECT(wharf_close(pair.near) == 0);
    }
    EXPECT(result == 0);
    EXPECT(wharf_close(pair.far) == 0);
    return 0;
}

/* ---- handles ---- */

static int net_recv_until_closed(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    char byte;
    EXPECT(wharf_recv(sock, &byte, 1) == -ECANCELED);
    EXPECT(wharf_recv(sock, &byte, 1) == -EBADF);
    return 0;
}

static int net_accept_until_closed(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    wharf_sock client = wharf_accept(listener);
    EXPECT(client.id == -ECANCELED);
    return 0;
}

static int closing_wakes_whoever_waits(void *arg) {
    (void)arg;
    char byte;
    for (int abort = 0; abort < 2; abort++) {
        struct pair pair = net_pair();
        wharf_sock listener = wharf_serve_on(net_address);
        WHARF_SCOPE (scope, NULL) {
            EXPECT(wharf_go(scope, net_recv_until_closed, pair.near) == 0);
            EXPECT(wharf_go(scope, net_accept_until_closed, listener) == 0);
            EXPECT(wharf_go(scope, net_accept_until_closed, listener) == 0);
            wharf_sleep(10);
            EXPECT(wharf_recv(pair.near, &byte, 1) == -EBUSY);
            EXPECT((abort ? wharf_abort(pair.near) : wharf_close(pair.near)) == 0);
            EXPECT(wharf_close(listener) == 0);
        }
        EXPECT(wharf_close(pair.near) == -EBADF);
        EXPECT(wharf_close(pair.far) == 0);
    }
    return 0;
}

static int stale_handles_find_nothing(void *arg) {
    (void)arg;
    char buffer[WHARF_ADDRESS_SIZE];
    int64_t value = 0;
    struct pair old = net_pair();
    EXPECT(wharf_close(old.near) == 0 && wharf_close(old.far) == 0);
    struct pair fresh = net_pair();
    EXPECT(wharf_send(fresh.near, "secret", 6) == 6 && wharf_send(fresh.far, "secret", 6) == 6);
    wharf_sock handles[] = {old.near, old.far};
    for (size_t i = 0; i < 2; i++) {
        wharf_sock stale = handles[i];
        EXPECT(wharf_recv(stale, buffer, 1) == -EBADF);
        EXPECT(wharf_recv_exact(stale, buffer, 1) == -EBADF);
        EXPECT(wharf_recv_until(stale, buffer, 9, "e") == -EBADF);
        EXPECT(wharf_send(stale, "x", 1) == -EBADF && wharf_sent(stale) == -EBADF);
        EXPECT(wharf_shutdown_write(stale) == -EBADF);
        EXPECT(wharf_local_address(stale, buffer, sizeof(buffer)) == -EBADF);
        EXPECT(wharf_peer_address(stale, buffer, sizeof(buffer)) == -EBADF);
        EXPECT(wharf_set_option(stale, "nodelay", 1) == -EBADF);
        EXPECT(wharf_get_option(stale, "nodelay", &value) == -EBADF);
        EXPECT(wharf_detach(stale) == -EBADF && wharf_accept(stale).id == -EBADF);
        EXPECT(wharf_close(stale) == -EBADF && wharf_abort(stale) == -EBADF);
    }
    wharf_sock failed = {-ECONNREFUSED};
    EXPECT(wharf_recv(failed, buffer, 1) == -ECONNREFUSED && wharf_close(failed) == -ECONNREFUSED);
    net_end(fresh);
    return 0;
}

/* ---- ending ---- */

static int closing_with_unread_input_loses_nothing(void *arg) {
    (void)arg;
    net_fill();
    struct pair pair = net_pair();
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_send(pair.far, net_bulk, REPLY) == REPLY);
        EXPECT(wharf_send(pair.near, net_bulk, 5000) == 5000);
        EXPECT(wharf_close(pair.far) == 0);
        EXPECT(wharf_go(scope, net_send_bulk, pair.near) == 0);
        wharf_sleep(20);
        EXPECT(net_drain(pair.near, net_got, BULK) == REPLY);
        EXPECT(memcmp(net_got, net_bulk, REPLY) == 0);
    }
    EXPECT(wharf_close(pair.near) == 0);
    return 0;
}

static int aborting_resets_the_peer(void *arg) {
    (void)arg;
    struct pair pair = net_pair();
    char byte;
    bool is_unix = strncmp(net_address, "unix:", 5) == 0;
    EXPECT(wharf_abort(pair.near) == 0);
    ssize_t got = wharf_recv(pair.far, &byte, 1);
    EXPECT(is_unix ? got == 0 || got == -ECONNRESET : got == -ECONNRESET);
    EXPECT(wharf_close(pair.far) == 0);
    return 0;
}

static int refused_connections_say_who_refused(void *arg) {
    (void)arg;
    char address[WHARF_ADDRESS_SIZE] = "";
    wharf_sock listener = wharf_serve_on(net_address);
    EXPECT(wharf_local_address(listener, address, sizeof(address)) > 0);
    EXPECT(wharf_close(listener) == 0);
    wharf_sock sock = wharf_dial(address);
    EXPECT(sock.id == -ECONNREFUSED || sock.id == -ENOENT);
    EXPECT(strncmp(wharf_why(), "connect ", 8) == 0);
    EXPECT(strstr(wharf_why(), address) != NULL);
    sock = wharf_dial("nonsense");
    EXPECT(sock.id == -WHARF_EADDRESS);
    sock = wharf_serve_on("127.0.0.1:99999");
    EXPECT(sock.id == -WHARF_EADDRESS);
    EXPECT(strstr(wharf_why(), "at byte 10") != NULL);
    return 0;
}

/* ---- facts ---- */

static int a_detached_connection_can_be_adopted(void *arg) {
    (void)arg;
    struct pair pair = net_pair();
    char buffer[16];
    EXPECT(wharf_send(pair.near, "one\ntwo\n", 8) == 8);
    EXPECT(wharf_recv_until(pair.far, buffer, 16, "\n") == 4);
    wharf_sock again = pair.far;
    int fd = wharf_detach(pair.far);
    if (fd == -EBUSY) { /* the second line was read ahead */
        EXPECT(wharf_recv_exact(pair.far, buffer, 4) == 4);
        fd = wharf_detach(pair.far);
        EXPECT(wharf_send(pair.near, "two\n", 4) == 4);
    }
    EXPECT(fd >= 0);
    EXPECT(wharf_recv(again, buffer, 1) == -EBADF);
    again = wharf_adopt(fd);
    EXPECT(!wharf_failed(again));
    EXPECT(wharf_recv_until(again, buffer, 16, "\n") == 4 && memcmp(buffer, "two\n", 4) == 0);
    EXPECT(wharf_send(again, "ok", 2) == 2);
    EXPECT(wharf_recv_exact(pair.near, buffer, 2) == 2);
    EXPECT(wharf_close(again) == 0 && wharf_close(pair.near) == 0);
    EXPECT(wharf_adopt(-1).id == -EBADF);
    return 0;
}

static int a_detached_listener_can_be_adopted(void *arg) {
    (void)arg;
    char address[WHARF_ADDRESS_SIZE] = "";
    wharf_sock listener = wharf_serve_on(net_address);
    EXPECT(wharf_local_address(listener, address, sizeof(address)) > 0);
    int fd = wharf_detach(listener);
    EXPECT(fd >= 0);
    listener = wharf_adopt(fd);
    EXPECT(!wharf_failed(listener));
    wharf_sock client = wharf_dial(address);
    wharf_sock server = wharf_accept(listener);
    EXPECT(!wharf_failed(client) && !wharf_failed(server));
    EXPECT(wharf_close(listener) == 0 && wharf_close(client) == 0 && wharf_close(server) == 0);
    return 0;
}

static int options_are_checked_by_name_and_range(void *arg) {
    (void)arg;
    bool is_unix = strncmp(net_address, "unix:", 5) == 0;
    static const struct {
        const char *name;
        int64_t value, refused;
        bool tcp_only;
    } rows[] = {
        {"nodelay", 0, 2, true},
        {"keepalive", 1, -1, false},
        {"keepalive_idle", 30, 0, true},
        {"keepalive_interval", 5, 40000, true},
        {"keepalive_count", 3, 128, true},
        {"user_timeout", 5000, -1, true},
        {"not_sent_low_water", 16384, -1, true},
        {"type_of_service", 16, 256, true},
        {"cork", 0, 2, true},
    };
    struct pair pair = net_pair();
    int64_t value = -1;
    EXPECT(is_unix || (wharf_get_option(pair.near, "nodelay", &value) == 0 && value == 1));
    EXPECT(is_unix || (wharf_get_option(pair.far, "nodelay", &value) == 0 && value == 1));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int expected = is_unix && rows[i].tcp_only ? -ENOPROTOOPT : 0;
        EXPECT(wharf_set_option(pair.near, rows[i].name, rows[i].value) == expected);
        EXPECT(wharf_set_option(pair.near, rows[i].name, rows[i].refused) == -EINVAL);
        EXPECT(wharf_get_option(pair.near, rows[i].name, &value) == expected);
        EXPECT(expected != 0 || value == rows[i].value);
    }
    EXPECT(wharf_set_option(pair.near, "no such option", 1) == -ENOPROTOOPT);
    EXPECT(wharf_get_option(pair.near, "NODELAY", &value) == -ENOPROTOOPT);
    EXPECT(wharf_set_option(pair.near, "send_buffer", 20000) == 0);
    net_end(pair);
    return 0;
}

static int looking_takes_nothing(void *arg) {
    (void)arg;
    struct pair pair = net_pair();
    char bytes[16];
    EXPECT(wharf_send(pair.near, "hello", 5) == 5);
    ssize_t got = wharf_peek(pair.far, bytes, sizeof(bytes));
    EXPECT(got >= 1 && got <= 5 && bytes[0] == 'h');
    EXPECT(wharf_peek(pair.far, bytes, 1) == 1);
    EXPECT(wharf_peek(pair.far, bytes, 0) == -EINVAL);
    EXPECT(wharf_recv_exact(pair.far, bytes, 5) == 5 && memcmp(bytes, "hello", 5) == 0);
    EXPECT(wharf_shutdown_write(pair.near) == 0);
    EXPECT(wharf_peek(pair.far, bytes, sizeof(bytes)) == 0);
    EXPECT(wharf_recv(pair.far, bytes, sizeof(bytes)) == 0);
    net_end(pair);
    return 0;
}

static int pieces_are_filled_one_after_the_other(void *arg) {
    (void)arg;
    struct pair pair = net_pair();
    char a[4] = "", b[3] = "", all[16] = "";
    struct iovec pieces[] = {{NULL, 0}, {a, 3}, {NULL, 0}, {b, 2}};
    size_t len = 0;
    EXPECT(wharf_recvv(pair.far, pieces, 0) == -EINVAL && wharf_recvv(pair.far, pieces, 1) == -EINVAL);
    EXPECT(wharf_send(pair.near, "abcdefghij\nxy", 13) == 13);
    EXPECT(wharf_shutdown_write(pair.near) == 0);
    ssize_t got = wharf_recvv(pair.far, pieces, 4);
    while (got > 0) {
        EXPECT(got <= 5 && len + (size_t)got <= sizeof(all));
        size_t first = got < 3 ? (size_t)got : 3;
        memcpy(all + len, a, first);
        memcpy(all + len + first, b, (size_t)got - first);
        len += (size_t)got;
        got = wharf_recvv(pair.far, pieces, 4);
    }
    EXPECT(got == 0 && len == 13 && memcmp(all, "abcdefghij\nxy", 13) == 0);
    net_end(pair);
    return 0;
}

static const struct {
    const char *name;
    wharf_fn run;
} net_scenarios[] = {
    {"echoes_what_was_sent", echoes_what_was_sent},
    {"step_by_step_calls_make_the_same_connection", step_by_step_calls_make_the_same_connection},
    {"a_half_closed_peer_still_gets_its_answer", a_half_closed_peer_still_gets_its_answer},
    {"bytes_before_a_time_out_stay_readable", bytes_before_a_time_out_stay_readable},
    {"bytes_before_the_end_stay_readable", bytes_before_the_end_stay_readable},
    {"delimiters_are_found_wherever_they_are_cut", delimiters_are_found_wherever_they_are_cut},
    {"one_item_may_be_longer_than_a_block", one_item_may_be_longer_than_a_block},
    {"a_send_that_timed_out_says_how_far_it_got", a_send_that_timed_out_says_how_far_it_got},
    {"senders_take_turns_call_by_call", senders_take_turns_call_by_call},
    {"a_queued_sender_can_give_up_and_closing_ends_the_rest",
     a_queued_sender_can_give_up_and_closing_ends_the_rest},
    {"closing_wakes_whoever_waits", closing_wakes_whoever_waits},
    {"stale_handles_find_nothing", stale_handles_find_nothing},
    {"closing_with_unread_input_loses_nothing", closing_with_unread_input_loses_nothing},
    {"aborting_resets_the_peer", aborting_resets_the_peer},
    {"refused_connections_say_who_refused", refused_connections_say_who_refused},
    {"a_detached_connection_can_be_adopted", a_detached_connection_can_be_adopted},
    {"a_detached_listener_can_be_adopted", a_detached_listener_can_be_adopted},
    {"looking_takes_nothing", looking_takes_nothing},
    {"pieces_are_filled_one_after_the_other", pieces_are_filled_one_after_the_other},
    {"options_are_checked_by_name_and_range", options_are_checked_by_name_and_range},
};

enum { NET_SCENARIOS = sizeof(net_scenarios) / sizeof(net_scenarios[0]) };

#endif

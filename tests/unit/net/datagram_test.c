/* Sockets of datagrams through the public calls, on the loopback interface: what arrives, from whom and where; what is cut;
 * errors that pass; batches; descriptors and credentials. Ports are the kernel's choice. */
#include "../../sim/scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream.h"

static void address_of(wharf_sock sock, char text[WHARF_ADDRESS_SIZE]) {
    assert_true(wharf_local_address(sock, text, WHARF_ADDRESS_SIZE) > 0);
}

struct ends {
    wharf_sock server, client;
};

static struct ends udp_ends(const char *address) {
    char text[WHARF_ADDRESS_SIZE];
    struct ends ends = {.server = wharf_serve_on(address)};
    assert_false(wharf_failed(ends.server));
    address_of(ends.server, text);
    ends.client = wharf_dial(text);
    assert_false(wharf_failed(ends.client));
    return ends;
}

/* The server at every address of the machine, the client at 127.0.0.1. */
static struct ends udp_ends_on_every_interface(void) {
    char text[WHARF_ADDRESS_SIZE], to[WHARF_ADDRESS_SIZE];
    struct ends ends = {.server = wharf_serve_on("udp://:0")};
    address_of(ends.server, text);
    snprintf(to, sizeof to, "udp://127.0.0.1%s", strrchr(text, ':'));
    ends.client = wharf_dial(to);
    assert_false(wharf_failed(ends.server) || wharf_failed(ends.client));
    return ends;
}

static void ends_close(struct ends ends) {
    assert_int_equal(wharf_close(ends.server), 0);
    assert_int_equal(wharf_close(ends.client), 0);
}

static void an_answer_goes_to_whom_it_came_from(void **state) {
    (void)state;
    static const char *const addresses[] = {"udp://127.0.0.1:0", "udp://localhost:0", "udp://:0"};
    for (size_t i = 0; i < 3; i++) {
        struct ends ends = udp_ends(addresses[i]);
        char buffer[16], mine[WHARF_ADDRESS_SIZE], its[WHARF_ADDRESS_SIZE];
        wharf_address from;
        assert_int_equal(wharf_send(ends.client, "ping", 4), 4);
        assert_int_equal(wharf_recv_from(ends.server, buffer, sizeof buffer, &from), 4);
        assert_memory_equal(buffer, "ping", 4);
        address_of(ends.client, mine);
        assert_true(wharf_address_text(&from, its, sizeof its) > 0);
        assert_string_equal(mine + strlen("udp://"), its);
        assert_int_equal(wharf_send_to(ends.server, "pong!", 5, &from), 5);
        assert_int_equal(wharf_recv(ends.client, buffer, sizeof buffer), 5);
        assert_memory_equal(buffer, "pong!", 5);
        ends_close(ends);
    }
}

static void step_by_step_as_in_python(void **state) {
    (void)state;
    char text[WHARF_ADDRESS_SIZE], buffer[8];
    wharf_address to;
    wharf_sock receiver = wharf_socket("udp");
    wharf_sock sender = wharf_socket("udp");
    assert_int_equal(wharf_bind(receiver, "127.0.0.1:0"), 0);
    address_of(receiver, text);
    assert_int_equal(strncmp(text, "udp://127.0.0.1:", 16), 0);
    assert_int_equal(wharf_address_of(text, &to), 0);
    assert_int_equal(wharf_send_to(sender, "a", 1, &to), 1);
    assert_int_equal(wharf_recv(receiver, buffer, sizeof buffer), 1);
    assert_int_equal(wharf_connect(sender, text), 0);
    assert_int_equal(wharf_connect(sender, text + strlen("udp://")), 0); /* and again, to wherever */
    struct iovec pieces[20];
    for (int i = 0; i < 20; i++) {
        pieces[i] = (struct iovec){"0123", i % 2 == 0 ? 0 : 1};
    }
    char all[64];
    assert_int_equal(wharf_sendv(sender, pieces, 20), 10); /* pieces are one datagram, however many */
    assert_int_equal(wharf_recv(receiver, all, sizeof all), 10);
    assert_int_equal(wharf_connect(sender, "tcp://127.0.0.1:1"), -EPROTOTYPE);
    assert_int_equal(wharf_connect(sender, "unix:/x"), -EAFNOSUPPORT);
    assert_int_equal(wharf_listen(receiver, 0), -EOPNOTSUPP);
    assert_int_equal(wharf_recv_exact(receiver, all, 1), -EOPNOTSUPP);
    assert_int_equal(wharf_recv_until(receiver, all, 1, "\n"), -EOPNOTSUPP);
    assert_int_equal(wharf_send_file(sender, 0, 0, 1), -EOPNOTSUPP);
    assert_int_equal(wharf_close(receiver), 0);
    assert_int_equal(wharf_close(sender), 0);
    assert_int_equal(wharf_recv(receiver, all, 1), -EBADF);
}

static void a_datagram_that_does_not_fit_is_an_error(void **state) {
    (void)state;
    struct ends ends = udp_ends("udp://127.0.0.1:0");
    char buffer[4];
    assert_int_equal(wharf_send(ends.client, "too long", 8), 8);
    assert_int_equal(wharf_recv_from(ends.server, buffer, sizeof buffer, NULL), -EMSGSIZE);
    assert_memory_equal(buffer, "too ", 4);
    assert_non_null(strstr(wharf_why(), "the datagram has 8 bytes, the buffer 4"));
    assert_int_equal(wharf_send(ends.client, "", 0), 0); /* an empty one is no end */
    assert_int_equal(wharf_recv_from(ends.server, buffer, sizeof buffer, NULL), 0);
    assert_int_equal(wharf_send(ends.client, "next", 4), 4);
    assert_int_equal(wharf_recv_from(ends.server, buffer, sizeof buffer, NULL), 4);
    static char huge[70000];
    assert_int_equal(wharf_send(ends.client, huge, sizeof huge), -EMSGSIZE);
    ends_close(ends);
}

static void a_refusal_is_an_error_of_one_call(void **state) {
    (void)state;
    struct ends ends = udp_ends("udp://127.0.0.1:0");
    char text[WHARF_ADDRESS_SIZE], buffer[8];
    address_of(ends.server, text);
    assert_int_equal(wharf_close(ends.server), 0);
    assert_int_equal(wharf_send(ends.client, "x", 1), 1);
    assert_int_equal(wharf_recv(ends.client, buffer, sizeof buffer), -ECONNREFUSED);
    ends.server = wharf_serve_on(text);
    assert_false(wharf_failed(ends.server));
    assert_int_equal(wharf_send(ends.client, "y", 1), 1);
    assert_int_equal(wharf_recv(ends.server, buffer, sizeof buffer), 1);
    ends_close(ends);
}

/* Nobody is connected, and yet the option tells of it. */
static void refusals_reach_whoever_asks_for_them(void **state) {
    (void)state;
    char buffer[8], text[WHARF_ADDRESS_SIZE];
    wharf_address to;
    wharf_sock gone = wharf_serve_on("udp://127.0.0.1:0");
    address_of(gone, text);
    assert_int_equal(wharf_address_of(text, &to), 0);
    assert_int_equal(wharf_close(gone), 0);
    wharf_sock sock = wharf_serve_on("udp://127.0.0.1:0");
    assert_int_equal(wharf_set_option(sock, "receive_errors", 1), 0);
    assert_int_equal(wharf_send_to(sock, "x", 1, &to), 1);
    assert_int_equal(wharf_recv(sock, buffer, sizeof buffer), -ECONNREFUSED);
    assert_int_equal(wharf_close(sock), 0);
}

/* An address of a port that nobody has any more. */
static void address_of_nobody(const char *address, wharf_address *ret_address,
                              char text[WHARF_ADDRESS_SIZE]) {
    wharf_sock gone = wharf_serve_on(address);
    address_of(gone, text);
    assert_int_equal(wharf_address_of(text, ret_address), 0);
    assert_int_equal(wharf_close(gone), 0);
    memmove(text, text + strlen("udp://"), strlen(text) - strlen("udp://") + 1);
}

/* Several errors at once: each failed call tells of one, and whom it was about. */
static void errors_of_the_network_name_the_peer(void **state) {
    (void)state;
    static const char *const servers[] = {"udp://127.0.0.1:0", "udp://:0"};
    for (size_t i = 0; i < 2; i++) {
        wharf_address nobody[2];
        char names[2][WHARF_ADDRESS_SIZE], text[WHARF_ADDRESS_SIZE], buffer[8];
        wharf_network_error error;
        bool told[2] = {false, false};
        wharf_sock sock = wharf_serve_on(servers[i]);
        assert_int_equal(wharf_set_option(sock, "receive_errors", 1), 0);
        assert_int_equal(wharf_get_network_error(sock, &error), -ENODATA);
        address_of_nobody("udp://127.0.0.1:0", &nobody[0], names[0]);
        address_of_nobody("udp://127.0.0.1:0", &nobody[1], names[1]);
        for (size_t k = 0; k < 2; k++) {
            int64_t sent = wharf_send_to(sock, "x", 1, &nobody[k]);
            assert_true(sent == 1 || sent == -ECONNREFUSED); /* the second may be told of the first */
            if (sent < 0) {
                assert_int_equal(wharf_get_network_error(sock, &error), 0);
                assert_true(wharf_address_text(&error.peer, text, sizeof text) > 0);
                assert_string_equal(text, names[0]);
                told[0] = true;
                assert_int_equal(wharf_send_to(sock, "x", 1, &nobody[k]), 1);
            }
        }
        while (!told[0] || !told[1]) {
            assert_int_equal(wharf_recv(sock, buffer, sizeof buffer), -ECONNREFUSED);
            assert_int_equal(wharf_get_network_error(sock, &error), 0);
            assert_int_equal(error.error, -ECONNREFUSED);
            assert_true(wharf_address_text(&error.peer, text, sizeof text) > 0);
            assert_true(strcmp(text, names[0]) == 0 || strcmp(text, names[1]) == 0);
            assert_non_null(strstr(wharf_why(), text));
            told[strcmp(text, names[1]) == 0] = true;
            assert_true(wharf_address_text(&error.reporter, text, sizeof text) > 0);
            assert_string_equal(text, "127.0.0.1:0");
        }
        WHARF_WITHIN (1) { /* no more: and a failure of another kind is not the network's */
            assert_int_equal(wharf_recv(sock, buffer, sizeof buffer), -ETIMEDOUT);
        }
        assert_int_equal(wharf_get_network_error(sock, &error), -ENODATA);
        assert_int_equal(wharf_close(sock), 0);
    }
}

/* What does not fit on the way is refused here, with the size that would. */
static void a_datagram_too_large_for_the_path_says_what_fits(void **state) {
    (void)state;
    static char bytes[65507];
    wharf_network_error error;
    struct ends ends = udp_ends("udp://127.0.0.1:0");
    assert_int_equal(wharf_set_option(ends.client, "receive_errors", 1), 0);
    assert_int_equal(wharf_set_option(ends.client, "path_mtu_discovery", 2), 0); /* IP_PMTUDISC_DO */
    int64_t sent = wharf_send(ends.client, bytes, sizeof bytes);
    if (sent == -EMSGSIZE) { /* unless the loopback interface carries it whole */
        assert_int_equal(wharf_get_network_error(ends.client, &error), 0);
        assert_int_equal(error.error, -EMSGSIZE);
        assert_true(error.mtu > 0 && error.mtu <= 65536);
        assert_non_null(strstr(wharf_why(), "the path carries packets of up to"));
    }
    ends_close(ends);
}

/* A Unix socket has no such queue: a failure takes no datagram from it. */
static void a_failed_unix_datagram_takes_nothing(void **state) {
    (void)state;
    wharf_sock pair[2];
    char buffer[8];
    wharf_address nobody;
    wharf_network_error error;
    assert_int_equal(wharf_socket_pair("unix-datagram", pair), 0);
    assert_int_equal(wharf_send(pair[0], "kept", 4), 4);
    assert_int_equal(wharf_address_of("unix-datagram:@wharf-nobody-is-here", &nobody), 0);
    assert_true(wharf_send_to(pair[1], "x", 1, &nobody) < 0);
    assert_int_equal(wharf_get_network_error(pair[1], &error), -ENODATA);
    assert_int_equal(wharf_recv(pair[1], buffer, sizeof buffer), 4);
    assert_int_equal(wharf_close(pair[0]), 0);
    assert_int_equal(wharf_close(pair[1]), 0);
}

static void a_deadline_leaves_the_socket_as_it_was(void **state) {
    (void)state;
    struct ends ends = udp_ends("udp://127.0.0.1:0");
    char buffer[8];
    int64_t rc = 0;
    WHARF_WITHIN (1) {
        rc = wharf_recv(ends.server, buffer, sizeof buffer);
    }
    assert_int_equal(rc, -ETIMEDOUT);
    assert_int_equal(wharf_send(ends.client, "x", 1), 1);
    assert_int_equal(wharf_recv(ends.server, buffer, sizeof buffer), 1);
    ends_close(ends);
}

enum { MANY = 100 };

static void a_batch_says_of_each_from_where_to_where(void **state) {
    (void)state;
    struct ends ends = udp_ends_on_every_interface();
    static char bytes[MANY][8];
    static wharf_datagram out[MANY], in[MANY];
    for (int i = 0; i < MANY; i++) {
        out[i] = (wharf_datagram){.data = bytes[i], .len = (size_t)(i % 5)};
        in[i] = (wharf_datagram){.data = bytes[i], .size = i == 4 ? 2 : 8};
    }
    assert_int_equal(wharf_send_datagrams(ends.client, out, MANY), MANY);
    assert_int_equal(wharf_sent(ends.client), 200);
    int got = 0;
    while (got < MANY) {
        int rc = wharf_recv_datagrams(ends.server, in + got, MANY - got);
        assert_true(rc > 0);
        got += rc;
    }
    char text[WHARF_ADDRESS_SIZE], mine[WHARF_ADDRESS_SIZE];
    address_of(ends.client, mine);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(in[i].whole, i % 5);
        assert_int_equal(in[i].len, i == 4 ? 2 : i % 5);
        assert_true(wharf_address_text(&in[i].peer, text, sizeof text) > 0);
        assert_string_equal(text, mine + strlen("udp://"));
        assert_true(wharf_address_text(&in[i].local, text, sizeof text) > 0);
        assert_int_equal(strncmp(text, "127.0.0.1:", 10), 0);
        assert_string_not_equal(text, "127.0.0.1:0");
        assert_int_equal(in[i].interface, if_nametoindex("lo"));
    }
    /* The answer leaves from where the question came to. */
    wharf_datagram answer = {.data = "ok", .len = 2, .peer = in[0].peer, .local = in[0].local};
    answer.interface = in[0].interface;
    assert_int_equal(wharf_send_datagrams(ends.server, &answer, 1), 1);
    assert_int_equal(wharf_recv(ends.client, bytes[0], 8), 2);
    ends_close(ends);
}

static void a_batch_ends_before_the_one_that_fails(void **state) {
    (void)state;
    struct ends ends = udp_ends("udp://127.0.0.1:0");
    static char huge[70000];
    wharf_datagram out[3] = {
        {.data = huge, .len = 1}, {.data = huge, .len = sizeof huge}, {.data = huge, .len = 1}};
    assert_int_equal(wharf_send_datagrams(ends.client, out, 3), 1);
    assert_int_equal(wharf_send_datagrams(ends.client, out + 1, 2), -EMSGSIZE);
    assert_int_equal(wharf_send_datagrams(ends.client, out, 0), -EINVAL);
    assert_int_equal(wharf_recv_datagrams(ends.client, out, 0), -EINVAL);
    ends_close(ends);
}

static void segments_arrive_as_datagrams(void **state) {
    (void)state;
    struct ends ends = udp_ends("udp://127.0.0.1:0");
    static char bytes[2500], got[4000];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(i / 1000);
    }
    wharf_datagram out = {.data = bytes, .len = sizeof bytes, .segment = 1000};
    assert_int_equal(wharf_send_datagrams(ends.client, &out, 1), 1);
    assert_int_equal(wharf_recv(ends.server, got, sizeof got), 1000);
    assert_int_equal(got[0], 0);
    assert_int_equal(wharf_recv(ends.server, got, sizeof got), 1000);
    assert_int_equal(got[0], 1);
    assert_int_equal(wharf_recv(ends.server, got, sizeof got), 500);
    assert_int_equal(got[0], 2);
    /* More than the system cuts at once is cut here. */
    out.segment = 10;
    assert_int_equal(wharf_send_datagrams(ends.client, &out, 1), 1);
    for (int i = 0; i < 250; i++) {
        assert_int_equal(wharf_recv(ends.server, got, sizeof got), 10);
    }
    ends_close(ends);
}

static int receive_one(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    char byte = 0;
    ssize_t got = wharf_recv(sock, &byte, 1);
    return got == 1 ? byte : (int)got;
}

static void several_tasks_receive_on_one_socket(void **state) {
    (void)state;
    struct ends ends = udp_ends("udp://127.0.0.1:0");
    wharf_task tasks[3];
    int sum = 0;
    for (int i = 0; i < 3; i++) {
        tasks[i] = wharf_spawn(NULL, receive_one, &ends.server, sizeof ends.server, NULL);
    }
    wharf_yield();
    assert_int_equal(wharf_send(ends.client, "\1", 1), 1);
    assert_int_equal(wharf_send(ends.client, "\2", 1), 1);
    for (int i = 0; i < 2; i++) {
        wharf_yield();
    }
    (void)wharf_sleep(1);
    assert_int_equal(wharf_close(ends.server), 0);
    for (int i = 0; i < 3; i++) {
        int result = 0;
        assert_int_equal(wharf_join(tasks[i], &result), 0);
        sum += result;
    }
    assert_int_equal(sum, 3 - ECANCELED);
    assert_int_equal(wharf_close(ends.client), 0);
}

static void a_broadcast_must_be_asked_for(void **state) {
    (void)state;
    char text[WHARF_ADDRESS_SIZE], to_text[WHARF_ADDRESS_SIZE], buffer[8];
    wharf_address to;
    wharf_sock receiver = wharf_serve_on("udp://0.0.0.0:0");
    wharf_sock sender = wharf_socket("udp");
    address_of(receiver, text);
    snprintf(to_text, sizeof to_text, "127.255.255.255%s", strrchr(text, ':'));
    assert_int_equal(wharf_address_of(to_text, &to), 0);
    assert_int_equal(wharf_send_to(sender, "x", 1, &to), -EACCES);
    assert_int_equal(wharf_set_option(sender, "broadcast", 1), 0);
    assert_int_equal(wharf_send_to(sender, "x", 1, &to), 1);
    assert_int_equal(wharf_recv(receiver, buffer, sizeof buffer), 1);
    assert_int_equal(wharf_close(receiver), 0);
    assert_int_equal(wharf_close(sender), 0);
}

static void a_scope_belongs_to_an_address(void **state) {
    (void)state;
    wharf_address address;
    char text[WHARF_ADDRESS_SIZE], expected[64];
    assert_int_equal(wharf_address_of("udp://[fe80::1%lo]:53", &address), 0);
    snprintf(expected, sizeof expected, "[fe80::1%%%u]:53", if_nametoindex("lo"));
    assert_true(wharf_address_text(&address, text, sizeof text) > 0);
    assert_string_equal(text, expected);
    assert_int_equal(wharf_address_of("[fe80::1%no-such-if]:53", &address), -WHARF_EADDRESS);
    address.len = 0;
    assert_int_equal(wharf_address_text(&address, text, sizeof text), 0);
    assert_string_equal(text, "");
    assert_int_equal(wharf_address_text(&address, text, 1), -ENOBUFS);
}

/* Each core has a socket of its own at the one address. */
static int serve_here(void *arg) {
    wharf_sock sock = wharf_serve_on(arg);
    return wharf_failed(sock) ? wharf_error(sock) : wharf_close(sock);
}

static void every_core_can_serve_one_address(void **state) {
    (void)state;
    char text[WHARF_ADDRESS_SIZE];
    wharf_sock first = wharf_socket("udp"); /* holds the port meanwhile */
    assert_int_equal(wharf_set_option(first, "reuse_port", 1), 0);
    assert_int_equal(wharf_bind(first, "127.0.0.1:0"), 0);
    address_of(first, text);
    assert_int_equal(wharf_run(2, serve_here, text), 0);
    assert_int_equal(wharf_close(first), 0);
}

/* ---- Unix ---- */

static void unix_datagrams_are_answered(void **state) {
    (void)state;
    char name[64], buffer[8], text[WHARF_ADDRESS_SIZE];
    snprintf(name, sizeof name, "unix-datagram:@wharf-datagram-%d", (int)getpid());
    wharf_sock server = wharf_serve_on(name);
    wharf_sock client = wharf_dial(name); /* the kernel gives it a name */
    wharf_address from;
    assert_false(wharf_failed(server) || wharf_failed(client));
    assert_true(wharf_local_address(server, text, sizeof text) > 0);
    assert_string_equal(text, name);
    assert_int_equal(wharf_set_option(server, "pass_credentials", 1), 0);
    assert_int_equal(wharf_send(client, "q", 1), 1);
    wharf_datagram question = {.data = buffer, .size = sizeof buffer};
    assert_int_equal(wharf_recv_datagrams(server, &question, 1), 1);
    assert_int_equal(question.sender_pid, getpid());
    assert_int_equal(question.sender_uid, geteuid());
    from = question.peer;
    assert_int_equal(wharf_send_to(server, "a", 1, &from), 1);
    assert_int_equal(wharf_recv(client, buffer, sizeof buffer), 1);
    assert_int_equal(wharf_close(server), 0);
    assert_int_equal(wharf_send(client, "q", 1), -ECONNREFUSED);
    assert_int_equal(wharf_close(client), 0);
}

static void a_stale_path_of_datagrams_is_taken_over(void **state) {
    (void)state;
    char directory[64], name[96];
    snprintf(directory, sizeof directory, "%s/wharf-datagram-XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(directory));
    snprintf(name, sizeof name, "unix-datagram:%s/s", directory);
    wharf_sock first = wharf_serve_on(name);
    assert_false(wharf_failed(first));
    wharf_sock second = wharf_serve_on(name);
    assert_int_equal(wharf_error(second), -EADDRINUSE); /* somebody is there */
    int fd = wharf_detach(first);
    assert_true(fd >= 0);
    close(fd); /* the file stays, and nobody is behind it */
    second = wharf_serve_on(name);
    assert_false(wharf_failed(second));
    assert_int_equal(wharf_close(second), 0);
    assert_int_equal(rmdir(directory), 0);
}

static void seqpackets_keep_their_borders_and_end(void **state) {
    (void)state;
    char name[64], buffer[8];
    snprintf(name, sizeof name, "unix-seqpacket:@wharf-seqpacket-%d", (int)getpid());
    wharf_sock listener = wharf_serve_on(name);
    wharf_sock client = wharf_dial(name);
    assert_false(wharf_failed(listener) || wharf_failed(client));
    wharf_sock server = wharf_accept(listener);
    assert_false(wharf_failed(server));
    assert_int_equal(wharf_send(client, "one", 3), 3);
    assert_int_equal(wharf_send(client, "two!", 4), 4);
    assert_int_equal(wharf_send(client, "", 0), -EINVAL);
    assert_int_equal(wharf_recv(server, buffer, sizeof buffer), 3);
    assert_int_equal(wharf_recv(server, buffer, sizeof buffer), 4);
    assert_int_equal(wharf_shutdown_write(client), 0);
    wharf_datagram batch[4] = {{.data = buffer, .size = 8}, {.data = buffer, .size = 8}};
    assert_int_equal(wharf_recv_datagrams(server, batch, 2), 0);
    assert_int_equal(wharf_send(server, "still", 5), 5);
    assert_int_equal(wharf_recv(client, buffer, sizeof buffer), 5);
    assert_int_equal(wharf_close(server), 0);
    assert_int_equal(wharf_recv(client, buffer, sizeof buffer), 0);
    assert_int_equal(wharf_close(client), 0);
    assert_int_equal(wharf_close(listener), 0);
}

static const char *const pair_kinds[] = {"unix", "unix-datagram", "unix-seqpacket"};

static void descriptors_travel(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        wharf_sock pair[2];
        char buffer[8];
        int pipe_ends[2], fds[4], count = 4;
        assert_int_equal(wharf_socket_pair(pair_kinds[i], pair), 0);
        assert_int_equal(pipe(pipe_ends), 0);
        assert_int_equal(wharf_send_fds(pair[0], "2", 1, pipe_ends, 2), 1);
        assert_int_equal(wharf_recv_fds(pair[1], buffer, sizeof buffer, fds, &count), 1);
        assert_int_equal(count, 2);
        assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
        close(pipe_ends[0]);
        assert_int_equal(write(fds[1], "x", 1), 1);
        assert_int_equal(read(fds[0], buffer, 1), 1);
        close(pipe_ends[1]);
        close(fds[0]);
        close(fds[1]);
        wharf_credentials peer;
        assert_int_equal(wharf_peer_credentials(pair[0], &peer), 0);
        assert_int_equal(peer.pid, getpid());
        assert_int_equal(wharf_close(pair[0]), 0);
        assert_int_equal(wharf_close(pair[1]), 0);
    }
    wharf_sock pair[2];
    assert_int_equal(wharf_socket_pair("tcp", pair), -EPROTONOSUPPORT);
    assert_int_equal(wharf_socket_pair("pigeon", pair), -EPROTONOSUPPORT);
}

/* Descriptors in use, once no closed connection lingers. */
static int count_open(void) {
    WHARF_WITHIN (5000) {
        while (stream_lingering() > 0 && wharf_sleep(1) == 0) {
        }
    }
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void too_many_descriptors_are_closed_and_the_bytes_kept(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        wharf_sock pair[2];
        char buffer[8];
        int fds[3] = {0, 1, 2}, room[2], count = 2;
        assert_int_equal(wharf_socket_pair(pair_kinds[i], pair), 0);
        int before = count_open();
        assert_int_equal(wharf_send_fds(pair[0], "three", 5, fds, 3), 5);
        assert_int_equal(wharf_recv_fds(pair[1], buffer, sizeof buffer, room, &count), -EMSGSIZE);
        assert_int_equal(count, 2);
        assert_int_equal(count_open(), before);
        if (i == 0) {
            assert_int_equal(wharf_recv(pair[1], buffer, sizeof buffer), 5);
        }
        /* Bytes that are received as bytes lose theirs. */
        assert_int_equal(wharf_send_fds(pair[0], "three", 5, fds, 3), 5);
        assert_int_equal(wharf_recv(pair[1], buffer, sizeof buffer), 5);
        assert_int_equal(count_open(), before);
        assert_int_equal(wharf_close(pair[0]), 0);
        assert_int_equal(wharf_close(pair[1]), 0);
    }
}

static void a_long_message_takes_its_descriptors_with_the_first_byte(void **state) {
    (void)state;
    static char bulk[1 << 20];
    wharf_sock pair[2];
    int fds[1] = {0}, count = 1;
    char byte;
    assert_int_equal(wharf_socket_pair("unix", pair), 0);
    int64_t sent = 0;
    WHARF_WITHIN (20) {
        sent = wharf_send_fds(pair[0], bulk, sizeof bulk, fds, 1);
    }
    assert_int_equal(sent, -ETIMEDOUT);
    assert_true(wharf_sent(pair[0]) > 0);
    assert_int_equal(wharf_recv_fds(pair[1], &byte, 1, fds, &count), 1);
    assert_int_equal(count, 1);
    close(fds[0]);
    assert_int_equal(wharf_close(pair[0]), 0);
    assert_int_equal(wharf_close(pair[1]), 0);
}

static void only_unix_sockets_carry_descriptors(void **state) {
    (void)state;
    struct ends ends = udp_ends("udp://127.0.0.1:0");
    int fds[1] = {0}, count = 1;
    char byte;
    wharf_credentials peer;
    assert_int_equal(wharf_send_fds(ends.client, "x", 1, fds, 1), -EOPNOTSUPP);
    assert_int_equal(wharf_recv_fds(ends.client, &byte, 1, fds, &count), -EOPNOTSUPP);
    assert_int_equal(wharf_peer_credentials(ends.client, &peer), -EOPNOTSUPP);
    assert_int_equal(wharf_recv_from((wharf_sock){-EBADF}, &byte, 1, NULL), -EBADF);
    ends_close(ends);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_goes_to_whom_it_came_from),
        cmocka_unit_test(step_by_step_as_in_python),
        cmocka_unit_test(a_datagram_that_does_not_fit_is_an_error),
        cmocka_unit_test(a_refusal_is_an_error_of_one_call),
        cmocka_unit_test(refusals_reach_whoever_asks_for_them),
        cmocka_unit_test(errors_of_the_network_name_the_peer),
        cmocka_unit_test(a_datagram_too_large_for_the_path_says_what_fits),
        cmocka_unit_test(a_failed_unix_datagram_takes_nothing),
        cmocka_unit_test(a_deadline_leaves_the_socket_as_it_was),
        cmocka_unit_test(a_batch_says_of_each_from_where_to_where),
        cmocka_unit_test(a_batch_ends_before_the_one_that_fails),
        cmocka_unit_test(segments_arrive_as_datagrams),
        cmocka_unit_test(several_tasks_receive_on_one_socket),
        cmocka_unit_test(a_broadcast_must_be_asked_for),
        cmocka_unit_test(a_scope_belongs_to_an_address),
        cmocka_unit_test(every_core_can_serve_one_address),
        cmocka_unit_test(unix_datagrams_are_answered),
        cmocka_unit_test(a_stale_path_of_datagrams_is_taken_over),
        cmocka_unit_test(seqpackets_keep_their_borders_and_end),
        cmocka_unit_test(descriptors_travel),
        cmocka_unit_test(too_many_descriptors_are_closed_and_the_bytes_kept),
        cmocka_unit_test(a_long_message_takes_its_descriptors_with_the_first_byte),
        cmocka_unit_test(only_unix_sockets_carry_descriptors),
    };
    return cmocka_run_group_tests_name("datagram", tests, NULL, NULL);
}

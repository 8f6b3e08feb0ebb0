/* Sockets: what every call answers in every state of a connection. */
#ifndef TESTS_SIM_CONFORMANCE_NET_H
#define TESTS_SIM_CONFORMANCE_NET_H

#include "conformance.h"

/* Where the programs listen. */
static const char *where = "127.0.0.1:0";

struct ends {
    wharf_sock near, far;
};

static inline struct ends connect_ends(void) {
    char address[WHARF_ADDRESS_SIZE] = "";
    wharf_sock listener = wharf_serve_on(where);
    (void)wharf_local_address(listener, address, sizeof address);
    struct ends ends = {.near = wharf_dial(address)};
    ends.far = wharf_accept(listener);
    say("connected: %s", result_of(wharf_error(ends.near) + wharf_error(ends.far) + wharf_close(listener)));
    return ends;
}

static inline void say_bytes(const char *what, const char *bytes, ssize_t len) {
    say("%s: %s \"%.*s\"", what, result_of(len), len > 0 ? (int)len : 0, bytes);
}

static int half_close(void *arg) {
    char bytes[32];
    (void)arg;
    struct ends ends = connect_ends();
    SAY(wharf_send(ends.near, "question", 8));
    SAY(wharf_shutdown_write(ends.near));
    SAY(wharf_shutdown_write(ends.near));
    SAY(wharf_send(ends.near, "more", 4));
    say_bytes("question", bytes, wharf_recv_exact(ends.far, bytes, 8));
    SAY(wharf_recv(ends.far, bytes, sizeof bytes));
    SAY(wharf_recv(ends.far, bytes, sizeof bytes));
    SAY(wharf_send(ends.far, "answer", 6));
    SAY(wharf_close(ends.far));
    say_bytes("answer", bytes, wharf_recv_exact(ends.near, bytes, 6));
    SAY(wharf_recv(ends.near, bytes, sizeof bytes));
    SAY(wharf_close(ends.near));
    SAY(wharf_close(ends.near));
    SAY(wharf_recv(ends.near, bytes, sizeof bytes));
    SAY(wharf_send(ends.near, bytes, 1));
    return 0;
}

static int reset_after_bytes(void *arg) {
    char bytes[32];
    (void)arg;
    struct ends ends = connect_ends();
    SAY(wharf_send(ends.near, "last words", 10));
    say_bytes("first", bytes, wharf_recv_exact(ends.far, bytes, 4));
    SAY(wharf_abort(ends.near));
    SAY(wharf_abort(ends.near));
    say_bytes("rest", bytes, wharf_recv_exact(ends.far, bytes, 6));
    SAY(wharf_recv(ends.far, bytes, sizeof bytes));
    SAY(wharf_recv(ends.far, bytes, sizeof bytes));
    SAY(wharf_send(ends.far, "x", 1));
    SAY(wharf_close(ends.far));
    return 0;
}

static int refused(void *arg) {
    char address[WHARF_ADDRESS_SIZE] = "";
    (void)arg;
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    (void)wharf_local_address(listener, address, sizeof address);
    SAY(wharf_close(listener));
    wharf_sock sock = wharf_dial(address);
    say("dial: %s, %s", result_of(wharf_error(sock)),
        strstr(wharf_why(), "refused") != NULL ? "refused" : wharf_why());
    char byte = 0;
    SAY(wharf_recv(sock, &byte, 1));
    SAY(wharf_close(sock));
    sock = wharf_socket("tcp");
    SAY(wharf_connect(sock, address));
    SAY(wharf_close(sock));
    return 0;
}

static int no_such_path(void *arg) {
    (void)arg;
    SAY(wharf_error(wharf_dial("unix:/nowhere/at/all")));
    SAY(wharf_error(wharf_dial("unix:@wharf-conformance-nobody")));
    SAY(wharf_error(wharf_dial("127.0.0.1")));
    SAY(wharf_error(wharf_dial("[::1]:99999")));
    SAY(wharf_error(wharf_serve_on("nonsense://x")));
    SAY(wharf_error(wharf_socket("carrier pigeon")));
    return 0;
}

static int states(void *arg) {
    char address[WHARF_ADDRESS_SIZE] = "", byte = 0;
    (void)arg;
    wharf_sock sock = wharf_socket("tcp");
    SAY(wharf_recv(sock, &byte, 1));
    SAY(wharf_shutdown_write(sock));
    SAY(wharf_peer_address(sock, address, sizeof address));
    SAY(wharf_error(wharf_accept(sock)));
    SAY(wharf_bind(sock, "127.0.0.1:0"));
    SAY(wharf_bind(sock, "127.0.0.1:0"));
    SAY(wharf_listen(sock, 0));
    (void)wharf_local_address(sock, address, sizeof address);
    wharf_sock other = wharf_socket("tcp");
    SAY(wharf_bind(other, address));
    SAY(wharf_close(other));
    SAY(wharf_error(wharf_serve_on(address)));
    wharf_sock client = wharf_dial(address);
    SAY(wharf_connect(client, address));
    SAY(wharf_close(client));
    SAY(wharf_close(sock));
    SAY(wharf_error(wharf_accept(sock)));
    SAY(wharf_error(wharf_dial(address)));
    return 0;
}

static int options(void *arg) {
    (void)arg;
    struct ends ends = connect_ends();
    int64_t value = -1;
    SAY(wharf_get_option(ends.near, "nodelay", &value));
    SAY(value);
    SAY(wharf_set_option(ends.far, "nodelay", 0));
    SAY(wharf_get_option(ends.far, "nodelay", &value));
    SAY(value);
    SAY(wharf_set_option(ends.near, "keepalive", 1));
    SAY(wharf_set_option(ends.near, "keepalive_idle", 7));
    SAY(wharf_get_option(ends.near, "keepalive_idle", &value));
    SAY(value);
    SAY(wharf_set_option(ends.near, "no_such_option", 1));
    SAY(wharf_get_option(ends.near, "", &value));
    SAY(wharf_close(ends.near));
    SAY(wharf_get_option(ends.near, "nodelay", &value));
    SAY(wharf_close(ends.far));
    return 0;
}

static int partial_receives(void *arg) {
    char bytes[32];
    (void)arg;
    struct ends ends = connect_ends();
    SAY(wharf_send(ends.near, "one\ntwo\nthr", 11));
    say_bytes("line", bytes, wharf_recv_until(ends.far, bytes, sizeof bytes, "\n"));
    say_bytes("line", bytes, wharf_recv_until(ends.far, bytes, sizeof bytes, "\n"));
    WHARF_WITHIN (20) {
        SAY(wharf_recv_until(ends.far, bytes, sizeof bytes, "\n"));
        SAY(wharf_recv_exact(ends.far, bytes, 5));
        SAY(wharf_recv(ends.far, bytes, 1));
    }
    SAY(wharf_send(ends.near, "ee\n0123456789", 13));
    say_bytes("line", bytes, wharf_recv_until(ends.far, bytes, sizeof bytes, "\n"));
    SAY(wharf_recv_until(ends.far, bytes, 5, "\n"));
    say_bytes("exact", bytes, wharf_recv_exact(ends.far, bytes, 4));
    SAY(wharf_shutdown_write(ends.near));
    SAY(wharf_recv_until(ends.far, bytes, sizeof bytes, "\n"));
    SAY(wharf_recv_exact(ends.far, bytes, 20));
    say_bytes("the rest", bytes, wharf_recv_exact(ends.far, bytes, 6));
    SAY(wharf_recv_exact(ends.far, bytes, 1));
    SAY(wharf_recv_until(ends.far, bytes, sizeof bytes, "\n"));
    SAY(wharf_close(ends.near));
    SAY(wharf_close(ends.far));
    return 0;
}

enum { MUCH = 8 * 1024 * 1024 };
static char much[MUCH];

static int64_t receive_all(wharf_sock sock) {
    static char bytes[65536];
    int64_t total = 0;
    ssize_t got = wharf_recv(sock, bytes, sizeof bytes);
    while (got > 0) {
        total += got;
        got = wharf_recv(sock, bytes, sizeof bytes);
    }
    return got < 0 ? got : total;
}

/* More than any buffer holds: the sender is stopped, and what has gone out arrives. */
static int back_pressure(void *arg) {
    (void)arg;
    struct ends ends = connect_ends();
    WHARF_WITHIN (50) {
        SAY(wharf_send(ends.near, much, MUCH));
    }
    int64_t sent = wharf_sent(ends.near);
    say("some went out: %d", sent > 0 && sent < MUCH);
    SAY(wharf_shutdown_write(ends.near));
    say("all of that arrived: %d", receive_all(ends.far) == sent);
    SAY(wharf_close(ends.near));
    SAY(wharf_close(ends.far));
    return 0;
}

static int send_much(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    SAY(wharf_send(sock, much, MUCH));
    return wharf_close(sock);
}

static int bulk(void *arg) {
    (void)arg;
    struct ends ends = connect_ends();
    WHARF_SCOPE (scope, NULL) {
        SAY(wharf_go(scope, send_much, ends.near));
        int64_t got = receive_all(ends.far);
        SAY(wharf_scope_wait(scope));
        SAY(got);
    }
    SAY(wharf_close(ends.far));
    return 0;
}

struct waiting {
    wharf_sock sock;
    int64_t result;
};

static int receive_into(void *arg) {
    struct waiting *waiting = *(struct waiting **)arg;
    char byte;
    waiting->result = wharf_recv(waiting->sock, &byte, 1);
    return 0;
}

static int accept_into(void *arg) {
    struct waiting *waiting = *(struct waiting **)arg;
    waiting->result = wharf_error(wharf_accept(waiting->sock));
    return 0;
}

static int send_into(void *arg) {
    struct waiting *waiting = *(struct waiting **)arg;
    waiting->result = wharf_send(waiting->sock, much, MUCH);
    return 0;
}

static int closing_wakes(void *arg) {
    (void)arg;
    struct ends ends = connect_ends();
    struct waiting receiver = {ends.near, 1}, acceptor = {wharf_serve_on(where), 1}, sender = {ends.far, 1};
    struct waiting *receiver_at = &receiver, *acceptor_at = &acceptor, *sender_at = &sender;
    char byte;
    WHARF_SCOPE (scope, NULL) {
        SAY(wharf_go(scope, receive_into, receiver_at));
        SAY(wharf_go(scope, accept_into, acceptor_at));
        SAY(wharf_sleep(5));
        SAY(wharf_recv(ends.near, &byte, 1));
        SAY(wharf_close(ends.near));
        SAY(wharf_close(acceptor.sock));
        SAY(wharf_scope_wait(scope));
    }
    say("receiver: %s, acceptor: %s", result_of(receiver.result), result_of(acceptor.result));
    SAY(wharf_close(ends.far));
    ends = connect_ends();
    sender.sock = ends.far;
    WHARF_SCOPE (scope, NULL) {
        SAY(wharf_go(scope, send_into, sender_at));
        SAY(wharf_sleep(5));
        SAY(wharf_close(ends.far));
    }
    say("sender: %s", result_of(sender.result));
    SAY(wharf_abort(ends.near));
    return 0;
}

static int cancelling_wakes(void *arg) {
    (void)arg;
    struct ends ends = connect_ends();
    struct waiting receiver = {ends.near, 1}, *receiver_at = &receiver;
    char bytes[8];
    WHARF_SCOPE (scope, NULL) {
        SAY(wharf_go(scope, receive_into, receiver_at));
        SAY(wharf_sleep(5));
        SAY(wharf_scope_cancel(scope));
        SAY(wharf_recv(ends.far, bytes, 1));
    }
    say("receiver: %s", result_of(receiver.result));
    SAY(wharf_send(ends.far, "still", 5));
    say_bytes("after it", bytes, wharf_recv_exact(ends.near, bytes, 5));
    SAY(wharf_close(ends.near));
    SAY(wharf_close(ends.far));
    return 0;
}

/* What was sent before a close arrives, though the closing side has bytes that it never read. */
static int close_loses_nothing(void *arg) {
    char bytes[32];
    (void)arg;
    struct ends ends = connect_ends();
    SAY(wharf_send(ends.far, "never read", 10));
    SAY(wharf_send(ends.near, "the answer", 10));
    SAY(wharf_close(ends.near));
    say_bytes("answer", bytes, wharf_recv_exact(ends.far, bytes, 10));
    SAY(wharf_recv(ends.far, bytes, sizeof bytes));
    SAY(wharf_close(ends.far));
    return 0;
}

static int sender_of_letters(void *arg) {
    struct waiting *waiting = *(struct waiting **)arg;
    static char letters[2][100000];
    char *mine = letters[waiting->result];
    memset(mine, waiting->result == 0 ? 'a' : 'b', sizeof letters[0]);
    return wharf_send(waiting->sock, mine, sizeof letters[0]) < 0 ? -EIO : 0;
}

/* Two tasks send on one socket: one message after the other. */
static int senders_queue(void *arg) {
    static char got[200000];
    (void)arg;
    struct ends ends = connect_ends();
    struct waiting a = {ends.near, 0}, b = {ends.near, 1}, *a_at = &a, *b_at = &b;
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        SAY(wharf_go(scope, sender_of_letters, a_at));
        SAY(wharf_go(scope, sender_of_letters, b_at));
        SAY(wharf_recv_exact(ends.far, got, sizeof got));
    }
    int changes = 0;
    for (size_t i = 1; i < sizeof got; i++) {
        changes += got[i] != got[i - 1];
    }
    say("result %d, changes of the letter: %d", result, changes);
    SAY(wharf_close(ends.near));
    SAY(wharf_close(ends.far));
    return 0;
}

static int selecting(void *arg) {
    (void)arg;
    struct ends ends = connect_ends();
    wharf_sock listener = wharf_serve_on(where);
    wharf_case cases[3] = {wharf_case_readable(ends.far), wharf_case_readable(listener),
                           wharf_case_after(10)};
    SAY(wharf_select_now(cases, 2));
    SAY(wharf_select(cases, 3));
    SAY(wharf_send(ends.near, "x", 1));
    SAY(wharf_select(cases, 2));
    char address[WHARF_ADDRESS_SIZE] = "", byte;
    SAY(wharf_recv(ends.far, &byte, 1));
    (void)wharf_local_address(listener, address, sizeof address);
    wharf_sock caller = wharf_dial(address);
    SAY(wharf_select(cases, 2));
    SAY(wharf_close(listener));
    SAY(wharf_select(cases, 2));
    say("%s", result_of(cases[1].result));
    SAY(wharf_close(caller));
    cases[0] = wharf_case_writable(ends.near);
    SAY(wharf_select(cases, 1));
    SAY(wharf_close(ends.far));
    cases[0] = wharf_case_readable(ends.near);
    SAY(wharf_select(cases, 1));
    SAY(wharf_recv(ends.near, &byte, 1));
    SAY(wharf_close(ends.near));
    return 0;
}

static int echo_each(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    char bytes[64];
    for (int i = 0; i < 3; i++) {
        wharf_sock sock = wharf_accept(listener);
        ssize_t got = wharf_recv_until(sock, bytes, sizeof bytes, "\n");
        if (got > 0) {
            (void)wharf_send(sock, bytes, (size_t)got);
        }
        (void)wharf_close(sock);
    }
    return 0;
}

static int ask(const char *address, const char *line) {
    char bytes[64];
    wharf_sock sock = wharf_dial(address);
    (void)wharf_send(sock, line, strlen(line));
    say_bytes("echo", bytes, wharf_recv_until(sock, bytes, sizeof bytes, "\n"));
    SAY(wharf_recv(sock, bytes, sizeof bytes));
    return wharf_close(sock);
}

static int both_families(void *arg) {
    char address[WHARF_ADDRESS_SIZE] = "", v4[WHARF_ADDRESS_SIZE + 16] = "";
    (void)arg;
    wharf_sock listener = wharf_serve_on("localhost:0");
    (void)wharf_local_address(listener, address, sizeof address);
    const char *port = strrchr(address, ':');
    WHARF_SCOPE (scope, NULL) {
        SAY(wharf_go(scope, echo_each, listener));
        (void)snprintf(v4, sizeof v4, "127.0.0.1%s", port);
        SAY(ask(v4, "by IPv4\n"));
        (void)snprintf(v4, sizeof v4, "[::1]%s", port);
        SAY(ask(v4, "by IPv6\n"));
        (void)snprintf(v4, sizeof v4, "tcp://localhost%s", port);
        SAY(ask(v4, "by name\n"));
    }
    SAY(wharf_close(listener));
    return 0;
}

static const struct program net_programs[] = {
    {"half_close", half_close},
    {"reset_after_bytes", reset_after_bytes},
    {"refused", refused},
    {"no_such_path", no_such_path},
    {"states", states},
    {"options", options},
    {"partial_receives", partial_receives},
    {"back_pressure", back_pressure},
    {"bulk", bulk},
    {"closing_wakes", closing_wakes},
    {"cancelling_wakes", cancelling_wakes},
    {"close_loses_nothing", close_loses_nothing},
    {"senders_queue", senders_queue},
    {"selecting", selecting},
    {"both_families", both_families},
};
enum { NET_PROGRAMS = sizeof net_programs / sizeof *net_programs };

#endif

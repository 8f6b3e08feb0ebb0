/* Copying and relaying through the public calls: each scenario runs on the simulated network and on sockets of the kernel. */
#ifndef TESTS_SIM_COPY_SCENARIOS_H
#define TESTS_SIM_COPY_SCENARIOS_H

#include <errno.h>

#include "scenario.h"

enum { COPY_BULK = 1500000 }; /* enough for a pipe, more than any buffer */

static unsigned char copy_bulk[COPY_BULK];

static void copy_fill(void) {
    for (size_t i = 0; i < COPY_BULK; i++) {
        copy_bulk[i] = (unsigned char)(i * 11 + i / 253);
    }
}

/* left --- (a, b) --- right: the relay has a and b. */
struct copy_line {
    wharf_sock left, a, b, right;
};

static struct copy_line copy_line(void) {
    wharf_sock first[2] = {{-EBADF}, {-EBADF}}, second[2] = {{-EBADF}, {-EBADF}};
    copy_fill();
    EXPECT(wharf_socket_pair("unix", first) == 0);
    EXPECT(wharf_socket_pair("unix", second) == 0);
    return (struct copy_line){first[0], first[1], second[0], second[1]};
}

static void copy_close(struct copy_line line) {
    (void)wharf_abort(line.left);
    (void)wharf_abort(line.a);
    (void)wharf_abort(line.b);
    (void)wharf_abort(line.right);
}

static int copy_send_bulk(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    EXPECT(wharf_send(sock, copy_bulk, COPY_BULK) == COPY_BULK);
    return wharf_shutdown_write(sock);
}

/* Everything that was sent, in order, and then the end. */
static int copy_expect_bulk(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    static unsigned char piece[30000];
    size_t len = 0;
    ssize_t got = wharf_recv(sock, piece, sizeof(piece));
    while (got > 0) {
        EXPECT(len + (size_t)got <= COPY_BULK && memcmp(copy_bulk + len, piece, (size_t)got) == 0);
        len += (size_t)got;
        got = wharf_recv(sock, piece, sizeof(piece));
    }
    EXPECT(got == 0 && len == COPY_BULK);
    return 0;
}

struct copy_relay {
    struct copy_line line;
    int64_t bytes[2];
    int rc;
};

static int copy_run_relay(void *arg) {
    struct copy_relay *relay = *(struct copy_relay **)arg;
    relay->rc = wharf_relay(relay->line.a, relay->line.b, NULL, relay->bytes);
    return 0;
}

static int much_goes_both_ways_at_once(void *arg) {
    (void)arg;
    struct copy_relay relay = {.line = copy_line(), .rc = 1};
    struct copy_relay *shared = &relay;
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, copy_run_relay, shared) == 0);
        EXPECT(wharf_go(scope, copy_send_bulk, relay.line.left) == 0);
        EXPECT(wharf_go(scope, copy_send_bulk, relay.line.right) == 0);
        EXPECT(wharf_go(scope, copy_expect_bulk, relay.line.left) == 0);
        EXPECT(copy_expect_bulk(&relay.line.right) == 0);
    }
    EXPECT(relay.rc == 0 && relay.bytes[0] == COPY_BULK && relay.bytes[1] == COPY_BULK);
    copy_close(relay.line);
    return 0;
}

static int each_way_ends_on_its_own(void *arg) {
    (void)arg;
    char buffer[16];
    struct copy_relay relay = {.line = copy_line(), .rc = 1};
    struct copy_relay *shared = &relay;
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, copy_run_relay, shared) == 0);
        EXPECT(wharf_send(relay.line.left, "ask", 3) == 3);
        EXPECT(wharf_shutdown_write(relay.line.left) == 0);
        EXPECT(wharf_recv_exact(relay.line.right, buffer, 3) == 3);
        EXPECT(wharf_recv(relay.line.right, buffer, sizeof(buffer)) ==
               0); /* told, and the other way is open */
        EXPECT(relay.rc == 1);
        EXPECT(wharf_send(relay.line.right, "answer", 6) == 6);
        EXPECT(wharf_recv_exact(relay.line.left, buffer, 6) == 6);
        EXPECT(wharf_shutdown_write(relay.line.right) == 0);
        EXPECT(wharf_recv(relay.line.left, buffer, sizeof(buffer)) == 0);
    }
    EXPECT(relay.rc == 0 && relay.bytes[0] == 3 && relay.bytes[1] == 6);
    copy_close(relay.line);
    return 0;
}

/* A copy that was cut short goes on where it stopped. */
static int nothing_is_lost_to_a_deadline(void *arg) {
    (void)arg;
    struct copy_line line = copy_line();
    int64_t first = 0, second = 0, rc = 0;
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, copy_send_bulk, line.left) == 0);
        WHARF_WITHIN (50) {
            rc = wharf_copy(line.a, line.b, &first); /* nobody reads yet */
        }
        EXPECT(rc == -ETIMEDOUT && first > 0 && first < COPY_BULK);
        EXPECT(wharf_go(scope, copy_expect_bulk, line.right) == 0);
        EXPECT(wharf_copy(line.a, line.b, &second) == second);
        EXPECT(first + second == COPY_BULK);
        EXPECT(wharf_shutdown_write(line.b) == 0);
    }
    copy_close(line);
    return 0;
}

static int silence_ends_a_relay_that_asks_for_it(void *arg) {
    (void)arg;
    struct copy_line line = copy_line();
    int64_t bytes[2] = {-1, -1};
    char buffer[8];
    EXPECT(wharf_send(line.left, "hello", 5) == 5);
    int rc = wharf_relay(line.a, line.b, WHARF_OPTIONS(wharf_relay_options, .idle_ms = 20), bytes);
    EXPECT(rc == -ETIMEDOUT && bytes[0] == 5 && bytes[1] == 0);
    EXPECT(strstr(wharf_why(), "idle_ms") != NULL);
    EXPECT(wharf_recv_exact(line.right, buffer, 5) == 5);
    copy_close(line);
    return 0;
}

static int a_peer_that_is_gone_ends_the_relay(void *arg) {
    (void)arg;
    struct copy_relay relay = {.line = copy_line(), .rc = 1};
    struct copy_relay *shared = &relay;
    WHARF_SCOPE (scope, NULL) {
        EXPECT(wharf_go(scope, copy_run_relay, shared) == 0);
        EXPECT(wharf_abort(relay.line.right) == 0);
        (void)wharf_send(relay.line.left, "anyone?", 7);
        EXPECT(wharf_shutdown_write(relay.line.left) == 0);
    }
    EXPECT(relay.rc <= 0); /* an end, or an error: no hang */
    EXPECT(wharf_copy((wharf_sock){-EBADF}, relay.line.a, NULL) == -EBADF);
    copy_close(relay.line);
    return 0;
}

static const struct {
    const char *name;
    wharf_fn run;
} copy_scenarios[] = {
    {"much_goes_both_ways_at_once", much_goes_both_ways_at_once},
    {"each_way_ends_on_its_own", each_way_ends_on_its_own},
    {"nothing_is_lost_to_a_deadline", nothing_is_lost_to_a_deadline},
    {"silence_ends_a_relay_that_asks_for_it", silence_ends_a_relay_that_asks_for_it},
    {"a_peer_that_is_gone_ends_the_relay", a_peer_that_is_gone_ends_the_relay},
};

enum { COPY_SCENARIOS = sizeof(copy_scenarios) / sizeof(copy_scenarios[0]) };

#endif

/* A socket's own deadline, on the simulated network and on the real one. */
#include "scenario.h"

#include <errno.h>

enum { EVERY_MS = 10, LIMIT_MS = 55 };

static const char *listen_address = "127.0.0.1:0";

/* A peer that keeps sending a byte now and then, to stretch any limit that counts from call to call. */
static int drip(void *arg) {
    wharf_sock sock = *(wharf_sock *)arg;
    int rc = 0;
    while (rc >= 0) {
        rc = (int)wharf_send(sock, "x", 1);
        rc = rc < 0 ? rc : wharf_sleep(EVERY_MS);
    }
    wharf_close(sock);
    return 0;
}

static int drip_one(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    wharf_sock sock = wharf_accept(listener);
    return wharf_failed(sock) ? (int)wharf_error(sock) : drip(&sock);
}

static int read_slowly(wharf_sock sock) {
    char byte = 0;
    ssize_t n = 1;
    while (n > 0) {
        n = wharf_recv(sock, &byte, 1);
    }
    return (int)n;
}

/* No cancellation, no fault: what the deadline promises. */
static int obeys(wharf_sock sock) {
    char bytes[64];
    int64_t begin = wharf_now_ns();
    EXPECT(wharf_set_deadline(sock, LIMIT_MS) == 0);
    EXPECT(read_slowly(sock) == -ETIMEDOUT);
    EXPECT(wharf_now_ns() - begin >= (LIMIT_MS - 1) * INT64_C(1000000));
    EXPECT(wharf_recv(sock, bytes, 1) == -ETIMEDOUT); /* bytes have come meanwhile or not */
    EXPECT(wharf_send(sock, "y", 1) == -ETIMEDOUT);
    EXPECT(wharf_check() == 0);
    EXPECT(wharf_set_deadline(sock, WHARF_OFF) == 0);
    EXPECT(wharf_recv_exact(sock, bytes, 5) == 5);
    EXPECT(wharf_recv_until(sock, bytes, 3, "z") == -EMSGSIZE);
    EXPECT(wharf_set_deadline(sock, 0) == 0);
    EXPECT(wharf_recv(sock, bytes, 1) == -ETIMEDOUT); /* buffered or not */
    EXPECT(wharf_recv_until(sock, bytes, 3, "x") == -ETIMEDOUT);
    EXPECT(wharf_set_deadline(sock, 60000) == 0);
    EXPECT(wharf_recv_until(sock, bytes, 3, "x") == 1);
    WHARF_WITHIN (EVERY_MS * 2) {
        EXPECT(read_slowly(sock) == -ETIMEDOUT); /* the nearer one */
    }
    return 0;
}

static int dripped(void *arg) {
    bool strict = *(const bool *)arg;
    wharf_sock listener = wharf_serve_on(listen_address);
    char address[WHARF_ADDRESS_SIZE] = "";
    int rc = wharf_local_address(listener, address, sizeof address);
    WHARF_SCOPE (scope, NULL) {
        wharf_go(scope, drip_one, listener);
        wharf_sock sock = wharf_dial(rc < 0 ? "" : address);
        if (strict) {
            EXPECT(wharf_set_deadline(listener, 1) == -EOPNOTSUPP);
            (void)obeys(sock);
        } else if (wharf_set_deadline(sock, LIMIT_MS) == 0) {
            EXPECT(read_slowly(sock) <= 0); /* 0: a fault ended the peer */
        }
        wharf_close(sock);
        EXPECT(wharf_set_deadline(sock, 1) < 0);
        wharf_scope_cancel(scope);
    }
    wharf_close(listener);
    return 0;
}

static int strictly(void *arg) {
    (void)arg;
    bool strict = true;
    return dripped(&strict);
}

static int loosely(void *arg) {
    (void)arg;
    bool strict = false;
    return dripped(&strict);
}

static void a_deadline_is_a_moment_that_drops_of_data_do_not_move(void **state) {
    (void)state;
    scenario_run_seeds(strictly);
    scenario_broken_line = 0;
    EXPECT(strictly(NULL) == 0);
    assert_int_equal(scenario_broken_line, 0);
}

/* A select finds such a socket ready, and the call that follows says why. */
static int selected(void *arg) {
    (void)arg;
    wharf_sock listener = wharf_serve_on(listen_address);
    char address[WHARF_ADDRESS_SIZE] = "", byte = 0;
    EXPECT(wharf_local_address(listener, address, sizeof address) > 0);
    wharf_sock sock = wharf_dial(address), peer = wharf_accept(listener);
    EXPECT(wharf_set_deadline(sock, 5) == 0);
    wharf_case cases[] = {wharf_case_after(60000), wharf_case_readable(sock)};
    EXPECT(wharf_select(cases, 2) == 1);
    EXPECT(wharf_recv(sock, &byte, 1) == -ETIMEDOUT);
    wharf_close(sock);
    wharf_close(peer);
    wharf_close(listener);
    return 0;
}

static void a_select_wakes_at_the_deadline(void **state) {
    (void)state;
    scenario_run_seeds(selected);
    scenario_broken_line = 0;
    EXPECT(selected(NULL) == 0);
    assert_int_equal(scenario_broken_line, 0);
}

static void no_fault_leaves_anything(void **state) {
    (void)state;
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 3);
    assert_true(scenario_sweep(WHARF_TEST_CANCEL, options, loosely) > 5);
    assert_true(scenario_sweep(WHARF_TEST_EXPIRE, options, loosely) > 5);
    assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, options, loosely) > 5);
    assert_true(scenario_sweep(WHARF_TEST_RESET, options, loosely) > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deadline_is_a_moment_that_drops_of_data_do_not_move),
        cmocka_unit_test(a_select_wakes_at_the_deadline),
        cmocka_unit_test(no_fault_leaves_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Select on real descriptors and the real clock, fair by chance, and the report of a lock that an ended task held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "sched/internal.h"
#include "wharf/wharf.h"

static int write_soon(void *arg) {
    int fd = *(int *)arg;
    (void)wharf_sleep(10);
    return write(fd, "x", 1) == 1 ? 0 : -errno;
}

static void a_descriptor_of_others_is_a_case(void **state) {
    (void)state;
    int ends[2], value = 0;
    assert_int_equal(pipe(ends), 0);
    wharf_chan chan = wharf_chan_new(sizeof value, 0);
    uint32_t ios = sched_current()->ios.used;
    wharf_case cases[] = {wharf_case_fd_readable(ends[0]), wharf_case_take(chan, &value),
                          wharf_case_after(5)};
    assert_int_equal(wharf_select(cases, 3), 2);
    cases[2] = wharf_case_after(WHARF_OFF);
    WHARF_SCOPE (scope, NULL) {
        assert_int_equal(wharf_go(scope, write_soon, ends[1]), 0);
        assert_int_equal(wharf_select(cases, 3), 0);
        assert_int_equal(cases[0].result, 1);
    }
    assert_int_equal(wharf_select_now(cases, 3), 0);
    wharf_case writable = wharf_case_fd_writable(ends[1]);
    assert_int_equal(wharf_select(&writable, 1), 0);
    close(ends[1]);
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(wharf_select(cases, 3), 0); /* its end counts as readable */
    close(ends[0]);
    assert_int_equal(wharf_select(cases, 3), 0);
    assert_int_equal(cases[0].result, -EBADF);
    /* Nothing is left behind of the waiting. */
    assert_int_equal(sched_current()->ios.used, ios);
    assert_int_equal(wharf_chan_free(chan), 0);
}

static int dial_and_talk(void *arg) {
    const char *address = *(const char **)arg;
    (void)wharf_sleep(5);
    wharf_sock sock = wharf_dial(address);
    if (wharf_failed(sock)) {
        return wharf_error(sock);
    }
    (void)wharf_sleep(5);
    (void)wharf_send(sock, "a\nb", 3);
    (void)wharf_sleep(5);
    return wharf_close(sock);
}

static void a_socket_and_its_listener_are_cases(void **state) {
    (void)state;
    char address[WHARF_ADDRESS_SIZE], text[8];
    const char *where = address;
    int result = 0;
    wharf_sock listener = wharf_serve_on("localhost:0");
    assert_false(wharf_failed(listener));
    assert_true(wharf_local_address(listener, address, sizeof address) > 0);
    WHARF_SCOPE (scope, &result) {
        assert_int_equal(wharf_go(scope, dial_and_talk, where), 0);
        wharf_case cases[] = {wharf_case_readable(listener), wharf_case_after(10000)};
        assert_int_equal(wharf_select(cases, 2), 0);
        wharf_sock sock = wharf_accept(listener);
        assert_false(wharf_failed(sock));
        cases[0] = wharf_case_readable(sock);
        assert_int_equal(wharf_select_now(cases, 1), -EAGAIN);
        assert_int_equal(wharf_select(cases, 2), 0);
        assert_int_equal(wharf_recv_until(sock, text, sizeof text, "\n"), 2);
        assert_int_equal(wharf_select(cases, 2), 0); /* read ahead */
        assert_int_equal(wharf_recv(sock, text, sizeof text), 1);
        assert_int_equal(wharf_select(cases, 2), 0); /* the end */
        assert_int_equal(wharf_recv(sock, text, sizeof text), 0);
        assert_int_equal(wharf_close(sock), 0);
        assert_int_equal(wharf_select(cases, 2), 0);
        assert_int_equal(cases[0].result, -EBADF);
    }
    assert_int_equal(result, 0);
    assert_int_equal(wharf_close(listener), 0);
}

/* Several tasks of which each selects on the same socket: one gets the bytes, and nobody spins or hangs. */
static int select_and_take(void *arg) {
    const int64_t *ids = *(const int64_t **)arg;
    char byte;
    wharf_sock sock = {ids[0]};
    wharf_case cases[] = {wharf_case_readable(sock), wharf_case_after(30)};
    while (wharf_select(cases, 2) == 0) {
        if (cases[0].result == 1 && wharf_recv(sock, &byte, 1) == 0) {
            break;
        }
    }
    return 0;
}

static void several_may_select_on_one_socket(void **state) {
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    wharf_sock a = wharf_adopt(pair[0]), b = wharf_adopt(pair[1]);
    const int64_t *ids = &a.id;
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 3; i++) {
            assert_int_equal(wharf_go(scope, select_and_take, ids), 0);
        }
        assert_int_equal(wharf_sleep(2), 0);
        assert_int_equal(wharf_send(b, "xyz", 3), 3);
        assert_int_equal(wharf_sleep(2), 0);
        assert_int_equal(wharf_shutdown_write(b), 0);
    }
    (void)wharf_close(a);
    (void)wharf_close(b);
}

static void ready_cases_are_chosen_fairly(void **state) {
    (void)state;
    int counts[3] = {0};
    for (int i = 0; i < 3000; i++) {
        wharf_case cases[] = {wharf_case_after(0), wharf_case_after(0), wharf_case_after(0)};
        int index = wharf_select(cases, 3);
        assert_in_range(index, 0, 2);
        counts[index]++;
    }
    for (int i = 0; i < 3; i++) {
        assert_in_range(counts[i], 800, 1200);
    }
}

static void a_time_out_is_never_early(void **state) {
    (void)state;
    for (int ms = 1; ms < 5; ms++) {
        wharf_ticker ticker;
        int64_t before = wharf_now_ns();
        wharf_case cases[] = {wharf_case_after(ms), {0}};
        assert_int_equal(wharf_select(cases, 2), 0);
        assert_true(wharf_now_ns() - before >= ms * 1000000);
        before = wharf_now_ns();
        assert_int_equal(wharf_ticker_init(&ticker, ms, WHARF_TICKS_BURST), 0);
        assert_int_equal(wharf_tick(&ticker), 1);
        cases[0] = wharf_case_tick(&ticker);
        assert_int_equal(wharf_select(cases, 2), 0);
        assert_true(wharf_now_ns() - before >= 2 * ms * 1000000);
    }
}

/* ---- what an ended task still held ---- */

static wharf_mutex mutex;

static int forget(void *arg) {
    (void)arg;
    return wharf_mutex_lock(&mutex);
}

static int forgetful(void) {
    int number = 0;
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, forget, number);
        (void)wharf_sleep(1);
        if (wharf_mutex_lock(&mutex) != 0) {
            return 1;
        }
    }
    return wharf_mutex_unlock(&mutex) == 0 ? 0 : 2;
}

static void a_forgotten_lock_is_reported_and_handed_on(void **state) {
    (void)state;
    struct child_end end = child_run("forgetful", NULL);
    assert_true(WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0);
    assert_non_null(strstr(end.errors, "task \"forget\" (started at "));
    assert_non_null(strstr(end.errors, "still held a mutex"));
    end = child_run("forgetful", "WHARF_REPORTS=off");
    assert_true(WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0);
    assert_null(strstr(end.errors, "still held"));
}

int main(int argc, char **argv) {
    const struct child_scenario scenarios[] = {{"forgetful", forgetful}};
    child_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_descriptor_of_others_is_a_case),
        cmocka_unit_test(a_socket_and_its_listener_are_cases),
        cmocka_unit_test(several_may_select_on_one_socket),
        cmocka_unit_test(ready_cases_are_chosen_fairly),
        cmocka_unit_test(a_time_out_is_never_early),
        cmocka_unit_test(a_forgotten_lock_is_reported_and_handed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

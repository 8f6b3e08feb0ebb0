/* wharf_test_every() finds what a program does wrong when it is struck, and says where. Each program here has one mistake,
 * which shows at some places and not at others. */
#include "scenario.h"

#include <errno.h>

#include "base/memory.h"
#include "base/report.h"

static char told[65536];

static void listen_in(enum report_level level, const char *text, size_t len, void *arg) {
    (void)level;
    (void)arg;
    size_t at = strlen(told);
    (void)snprintf(told + at, sizeof told - at, "%.*s\n", (int)len, text);
}

static int64_t sweep(wharf_test_fault fault, wharf_fn fn) {
    told[0] = '\0';
    report_redirect(listen_in, NULL);
    int64_t places = wharf_test_every(fault, NULL, fn, NULL);
    report_redirect(NULL, NULL);
    return places;
}

static void assert_told(const char *text) {
    if (strstr(told, text) == NULL) {
        fail_msg("not in the reports: %s\n%s", text, told);
    }
}

/* ---- programs with a mistake ---- */

static int forgets_a_socket_when_cut_short(void *arg) {
    (void)arg;
    wharf_sock sock = wharf_socket("tcp");
    if (wharf_failed(sock)) {
        return wharf_error(sock);
    }
    int rc = wharf_sleep(10);
    return rc < 0 ? rc : wharf_close(sock);
}

static int forgets_a_channel_without_memory(void *arg) {
    (void)arg;
    wharf_chan chan = wharf_chan_new(sizeof(int), 4);
    if (wharf_failed(chan)) {
        return wharf_error(chan);
    }
    void *block = mem_alloc(100);
    if (block == NULL) {
        return -ENOMEM;
    }
    mem_free(block);
    return wharf_chan_free(chan);
}

/* Where a leak checker finds what is left on purpose. */
static void *forgotten[8];
static int forgotten_count;

static int forgets_memory_when_timed_out(void *arg) {
    (void)arg;
    void *block = mem_alloc(123);
    if (block == NULL) {
        return -ENOMEM;
    }
    if (wharf_yield() == -ETIMEDOUT) {
        forgotten[forgotten_count++ % 8] = block;
        return -ETIMEDOUT;
    }
    mem_free(block);
    return 0;
}

static int sleeps(void *arg) {
    (void)arg;
    return wharf_sleep(1000);
}

static int leaves_a_task(void *arg) {
    (void)arg;
    int rc = wharf_go(NULL, sleeps, 0);
    return rc < 0 ? rc : wharf_sleep(5000);
}

static int sends_ten(void *arg) {
    return wharf_send(*(wharf_sock *)arg, "0123456789", 10) < 0 ? -EIO : 0;
}

/* A receive may give less than there is. */
static int expects_it_whole(void *arg) {
    (void)arg;
    char address[WHARF_ADDRESS_SIZE], bytes[10];
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    (void)wharf_local_address(listener, address, sizeof address);
    wharf_sock near = wharf_dial(address), far = wharf_accept(listener);
    ssize_t got = 0;
    WHARF_SCOPE (scope, NULL) {
        wharf_go(scope, sends_ten, near);
        got = wharf_recv(far, bytes, sizeof bytes);
    }
    WHARF_EXPECT(got < 0 || got == 10);
    (void)wharf_close(far);
    (void)wharf_close(near);
    (void)wharf_close(listener);
    return 0;
}

static int fails_by_itself(void *arg) {
    (void)arg;
    return wharf_yield() < 0 ? 0 : -EIO;
}

static int waits_for_nobody_when_refused(void *arg) {
    (void)arg;
    wharf_sock sock = wharf_socket("tcp");
    if (!wharf_failed(sock)) {
        return wharf_close(sock);
    }
    wharf_chan chan = wharf_chan_new(sizeof(int), 1);
    int got = 0, rc = wharf_take(chan, &got);
    (void)wharf_chan_free(chan);
    return rc;
}

static int does_all_well(void *arg) {
    (void)arg;
    wharf_sock sock = wharf_socket("tcp");
    int rc = wharf_sleep(10);
    rc = rc < 0 ? rc : wharf_sleep(20);
    (void)wharf_close(sock);
    return rc;
}

/* ---- what is found ---- */

static void finds_what_is_left_and_says_where_it_was_made(void **state) {
    (void)state;
    assert_int_equal(sweep(WHARF_TEST_CANCEL, forgets_a_socket_when_cut_short), -WHARF_ELEFT);
    assert_told("cancelled at blocking point 1, seed 0");
    assert_told("1 sockets");
    assert_told("the fault strikes sleep, number 1");
    assert_told("left at exit: socket with fd 3, made by\n    #0 ");
    assert_int_equal(sweep(WHARF_TEST_EXPIRE, forgets_a_socket_when_cut_short), -WHARF_ELEFT);
    assert_true(sweep(WHARF_TEST_ALLOCATION, forgets_a_socket_when_cut_short) > 0);

    assert_int_equal(sweep(WHARF_TEST_ALLOCATION, forgets_a_channel_without_memory), -WHARF_ELEFT);
    assert_told("the allocation that fails is made by\n    #0 ");
    assert_told("left at exit: channel, made by\n    #0 ");
    assert_true(sweep(WHARF_TEST_CANCEL, forgets_a_channel_without_memory) >= 0);

    assert_int_equal(sweep(WHARF_TEST_EXPIRE, forgets_memory_when_timed_out), -WHARF_ELEFT);
    assert_told("left at exit: 123 bytes, made by\n    #0 ");
    assert_true(sweep(WHARF_TEST_CANCEL, forgets_memory_when_timed_out) >= 1);

    assert_int_equal(sweep(WHARF_TEST_CANCEL, leaves_a_task), -WHARF_ELEFT);
    assert_told("left at exit: task \"sleeps\" (started at ");
    assert_non_null(strstr(wharf_why(), "cancelled at blocking point"));
}

static void finds_checks_that_do_not_hold(void **state) {
    (void)state;
    assert_int_equal(sweep(WHARF_TEST_SHORT, expects_it_whole), -WHARF_ECHECK);
    assert_told("sweep_test.c:");
    assert_told("got < 0 || got == 10");
    assert_true(sweep(WHARF_TEST_RESET, expects_it_whole) > 1);
    assert_true(sweep(WHARF_TEST_CANCEL, expects_it_whole) > 3);
}

static void finds_deadlocks(void **state) {
    (void)state;
    assert_int_equal(sweep(WHARF_TEST_DESCRIPTOR, waits_for_nobody_when_refused), -WHARF_EDEADLOCK);
    assert_int_equal(sweep(WHARF_TEST_ALLOCATION, does_all_well) > 0, true);
}

static void a_program_that_fails_by_itself_is_no_program_to_test(void **state) {
    (void)state;
    assert_int_equal(sweep(WHARF_TEST_CANCEL, fails_by_itself), -EIO);
    assert_int_equal(sweep(WHARF_TEST_CANCEL, NULL), -EINVAL);
    assert_int_equal(sweep((wharf_test_fault)99, does_all_well), -EINVAL);
}

static void counts_the_places_of_a_program_that_does_all_well(void **state) {
    (void)state;
    assert_true(wharf_test_every_checkpoint(does_all_well) >= 2);
    assert_true(wharf_test_every_timeout(does_all_well) >= 2);
    assert_true(wharf_test_every_allocation(does_all_well) > 0);
    assert_int_equal(wharf_test_every_short_call(does_all_well), 0);
    assert_int_equal(wharf_test_every_reset(does_all_well), 0);
    assert_int_equal(wharf_test_every(WHARF_TEST_DESCRIPTOR, NULL, does_all_well, NULL), 1);
}

static void a_check_outside_a_simulation_is_reported(void **state) {
    (void)state;
    told[0] = '\0';
    report_redirect(listen_in, NULL);
    assert_true(WHARF_EXPECT(2 > 1));
    assert_string_equal(told, "");
    assert_false(WHARF_EXPECT(1 > 2));
    report_redirect(NULL, NULL);
    assert_told("does not hold: 1 > 2");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_left_and_says_where_it_was_made),
        cmocka_unit_test(finds_checks_that_do_not_hold),
        cmocka_unit_test(finds_deadlocks),
        cmocka_unit_test(a_program_that_fails_by_itself_is_no_program_to_test),
        cmocka_unit_test(counts_the_places_of_a_program_that_does_all_well),
        cmocka_unit_test(a_check_outside_a_simulation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a program is told when it leaves something open, and that a clean one is told nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "child.h"
#include "wharf/debug.h"
#include "wharf/net.h"
#include "wharf/sync.h"
#include "wharf/task.h"

static int echo_once(void *arg) {
    wharf_sock client = wharf_accept(*(wharf_sock *)arg);
    char byte = 0;
    ssize_t n = wharf_recv(client, &byte, 1);
    n = n == 1 ? wharf_send(client, &byte, 1) : n;
    wharf_close(client);
    return (int)n;
}

static wharf_sock pair_with(wharf_sock listener) {
    char address[128];
    (void)wharf_local_address(listener, address, sizeof address);
    return wharf_dial(address);
}

/* Tasks that end when they are cancelled, connections that were closed and still wind down. */
static int scenario_clean(void) {
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    wharf_go(NULL, echo_once, listener);
    wharf_sock sock = pair_with(listener);
    char byte = 'x';
    int rc = (int)wharf_send(sock, &byte, 1);
    wharf_chan chan = wharf_chan_new(1, 1);
    wharf_go(NULL, echo_once, listener); /* ended by the end of the program */
    wharf_yield();
    wharf_close(sock);
    wharf_chan_free(chan);
    wharf_close(listener);
    return rc == 1 ? 0 : 1;
}

static int scenario_channel(void) {
    return wharf_failed(wharf_chan_new(4, 4)) ? 1 : 0;
}

static int scenario_socket(void) {
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    wharf_sock sock = pair_with(listener);
    wharf_close(listener);
    return wharf_failed(sock) ? 1 : 0;
}

static void *leave_channel(void *arg) {
    (void)arg;
    (void)!wharf_chan_new(4, 4).id;
    return NULL;
}

static int scenario_thread(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, leave_channel, NULL);
    return pthread_join(thread, NULL);
}

static void a_clean_program_is_told_nothing(void **state) {
    (void)state;
    struct child_end end = child_run("clean", "WHARF_EXIT_REPORT=1");
    assert_string_equal(end.errors, "");
    assert_int_equal(end.status, 0);
    assert_string_equal(child_run("channel", "WHARF_EXIT_REPORT=0").errors, "");
}

static void what_is_left_is_named_with_where_it_was_made(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"channel", "left at exit: channel, made by"},
        {"socket", "left at exit: socket with fd "},
        {"thread", "left at exit: channel, made by"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct child_end end = child_run(cases[i][0], "WHARF_EXIT_REPORT=1");
        assert_int_equal(end.status, 0);
        assert_non_null(strstr(end.errors, cases[i][1]));
        assert_non_null(strstr(end.errors, "\n    #0  "));
        assert_non_null(strstr(end.errors, "exit_report_test+0x"));
    }
}

int main(int argc, char **argv) {
    static const struct child_scenario scenarios[] = {
        {"clean", scenario_clean},
        {"channel", scenario_channel},
        {"socket", scenario_socket},
        {"thread", scenario_thread},
    };
    child_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_program_is_told_nothing),
        cmocka_unit_test(what_is_left_is_named_with_where_it_was_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

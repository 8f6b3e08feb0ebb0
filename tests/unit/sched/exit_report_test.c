/* What a program is told when it leaves something open, and that a clean one is told nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "sched/internal.h"
#include "wharf/debug.h"
#include "wharf/net.h"
#include "wharf/os.h"
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

static int scenario_file(void) {
    return wharf_failed(wharf_open("/dev/zero", O_RDONLY, 0)) ? 1 : 0;
}

static int scenario_pipe(void) {
    static const char *const argv[] = {"true", NULL};
    wharf_child child = wharf_child_start(
        NULL, WHARF_OPTIONS(wharf_child_options, .argv = argv, .output = WHARF_PIPE));
    return wharf_child_wait(child, NULL); /* its pipe stays open */
}

/* Ends when the program does: it waits for a signal that nobody sends. */
static int blocks(void *arg) {
    (void)arg;
    return pause();
}

static int scenario_offload(void) {
    WHARF_WITHIN (1) {
        (void)wharf_offload(blocks, NULL, 0);
    }
    return 0;
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
        {"file", "left at exit: file with fd "},
        {"pipe", "left at exit: file with fd "},
        {"offload", "left at exit: a call that runs on the offload pool, asked for by"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct child_end end = child_run(cases[i][0], "WHARF_EXIT_REPORT=1");
        assert_int_equal(end.status, 0);
        assert_non_null(strstr(end.errors, cases[i][1]));
        assert_non_null(strstr(end.errors, "\n    #0  "));
        assert_non_null(strstr(end.errors, "exit_report_test+0x"));
    }
}

/* ---- what would not end ---- */

static char reported[4096];

static void keep_report(wharf_log_level level, const char *text, size_t len, void *arg) {
    (void)level, (void)arg;
    size_t used = strlen(reported);
    (void)snprintf(reported + used, sizeof reported - used, "%.*s\n", (int)len, text);
}

static void a_child_process_is_named_by_its_number_and_who_started_it(void **state) {
    (void)state;
    static const char *const argv[] = {"sleep", "60", NULL};
    char number[64];
    assert_int_equal(wharf_debug(WHARF_OPTIONS(wharf_debug_options, .exit_report = 1)), 0);
    wharf_set_log(keep_report, NULL);
    WHARF_SCOPE (scope, NULL) {
        wharf_child child = wharf_child_start(scope, WHARF_OPTIONS(wharf_child_options, .argv = argv));
        assert_false(wharf_failed(child));
        (void)snprintf(number, sizeof number, "left: child process %d, started by\n    #0  ", (int)child.pid);
        exit_report_tasks(sched_current(), "left");
        wharf_scope_cancel(scope);
    }
    wharf_set_log(NULL, NULL);
    assert_int_equal(wharf_debug(WHARF_OPTIONS(wharf_debug_options, .exit_report = WHARF_OFF)), 0);
    assert_ptr_equal(strstr(reported, number), reported);
    assert_non_null(strstr(reported, "exit_report_test+0x"));
}

int main(int argc, char **argv) {
    static const struct child_scenario scenarios[] = {
        {"clean", scenario_clean},     {"channel", scenario_channel}, {"socket", scenario_socket},
        {"thread", scenario_thread},   {"file", scenario_file},       {"pipe", scenario_pipe},
        {"offload", scenario_offload},
    };
    child_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_program_is_told_nothing),
        cmocka_unit_test(what_is_left_is_named_with_where_it_was_made),
        cmocka_unit_test(a_child_process_is_named_by_its_number_and_who_started_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Signals and files in virtual time: every way to be cut short, every allocation that can fail. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- signals ---- */

static int raise_later(void *arg) {
    int number = *(int *)arg;
    int rc = wharf_sleep(number);
    return rc < 0 ? rc : wharf_sim_signal(number);
}

/* A server's main task: works until it is told to stop, reloads on SIGHUP. */
static int serve_until_told(void *arg) {
    (void)arg;
    int hang_up = SIGHUP, terminate = SIGTERM, other = SIGUSR1;
    int reloads = 0, number = 0, result = 0;
    WHARF_SCOPE (scope, &result) {
        wharf_chan signals = wharf_signal_open(WHARF_SIGNAL(SIGHUP) | WHARF_SIGNAL(SIGTERM));
        int rc = wharf_error(signals);
        rc = rc == 0 ? wharf_go(scope, raise_later, terminate) : rc;
        rc = rc == 0 ? wharf_go(scope, raise_later, hang_up) : rc;
        rc = rc == 0 ? wharf_go(scope, raise_later, other) : rc;
        while (rc == 0 && number != SIGTERM) {
            int taken = wharf_take(signals, &number);
            rc = taken < 0 ? taken : 0;
            reloads += taken == 1 && number == SIGHUP;
        }
        (void)wharf_signal_close(signals);
        if (rc < 0) {
            wharf_scope_cancel(scope);
        } else {
            EXPECT(reloads == 1);
        }
        result = rc;
    }
    return result;
}

static int wait_once(void *arg) {
    (void)arg;
    int number = SIGTERM, result = 0, got = 0;
    WHARF_SCOPE (scope, &result) {
        int rc = wharf_go(scope, raise_later, number);
        WHARF_WITHIN (5) {
            got = wharf_signal_wait(WHARF_SIGNAL(SIGTERM));
        }
        EXPECT(got < 0);
        got = rc == 0 ? wharf_signal_wait(WHARF_SIGNAL(SIGTERM)) : rc;
        if (got < 0) {
            wharf_scope_cancel(scope);
        }
    }
    return got < 0 ? got : (got == SIGTERM ? 0 : -EIO);
}

static void signals_reach_who_waits(void **state) {
    (void)state;
    scenario_run_seeds(serve_until_told);
    scenario_run_seeds(wait_once);
}

static int signal_nobody(void *arg) {
    (void)arg;
    EXPECT(wharf_sim_signal(SIGKILL) == 0); /* nobody can wait for it, so nothing happens */
    EXPECT(wharf_sim_signal(0) == -EINVAL);
    return wharf_signal_wait(WHARF_SIGNAL(SIGINT));
}

static void a_signal_that_never_comes_is_a_deadlock(void **state) {
    (void)state;
    wharf_sim_report report = {0};
    assert_int_equal(wharf_sim_run_report(NULL, signal_nobody, NULL, &report), -WHARF_EDEADLOCK);
    assert_int_equal(report.blocks_left, 0);
    assert_int_equal(wharf_sim_signal(SIGINT), -EINVAL);
}

/* ---- files ---- */

static int write_and_read(void *arg) {
    (void)arg;
    static const char *const path = "/file", *const moved = "/moved";
    char text[16] = "";
    wharf_file file = wharf_open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    ssize_t n = wharf_file_write(file, "some bytes", 10);
    n = n < 0 ? n : wharf_pread(file, text, sizeof text, 5);
    if (n >= 0) {
        EXPECT(n == 5 && strcmp(text, "bytes") == 0);
    }
    int rc = n < 0 ? (int)n : wharf_fsync(file);
    int closed = wharf_file_close(file);
    struct stat status;
    rc = rc == 0 ? wharf_rename(path, moved) : rc;
    rc = rc == 0 ? wharf_stat(moved, &status) : rc;
    rc = rc == 0 ? wharf_unlink(moved) : rc;
    return rc < 0 ? rc : closed;
}

static int two_writers(void *arg) {
    (void)arg;
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        (void)wharf_spawn_detached(scope, write_and_read, NULL, 0, NULL);
        int rc = write_and_read(NULL);
        if (rc < 0) {
            wharf_scope_cancel(scope);
        }
    }
    return 0;
}

static int files_only_real_things(void *arg) {
    (void)arg;
    EXPECT(wharf_open("/dev/null", O_RDONLY, 0).id == -EOPNOTSUPP);
    static const char *const argv[] = {"true", NULL};
    EXPECT(wharf_error(wharf_child_start(NULL, WHARF_OPTIONS(wharf_child_options, .argv = argv))) ==
           -EOPNOTSUPP);
    EXPECT(wharf_run_command(argv, NULL, 0, NULL) == -EOPNOTSUPP);
    return 0;
}

static void files_work_in_a_simulation_and_processes_do_not(void **state) {
    (void)state;
    scenario_run_seeds(write_and_read);
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), files_only_real_things);
}

/* ---- everything that can go wrong ---- */

static void nothing_is_left_however_it_ends(void **state) {
    (void)state;
    static const wharf_fn scenarios[] = {serve_until_told, wait_once, write_and_read, two_writers};
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        wharf_sim_options options = {.size = sizeof options, .seed = i};
        (void)scenario_sweep(WHARF_TEST_CANCEL, &options, scenarios[i]);
        (void)scenario_sweep(WHARF_TEST_EXPIRE, &options, scenarios[i]);
        assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, &options, scenarios[i]) > 3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_reach_who_waits),
        cmocka_unit_test(a_signal_that_never_comes_is_a_deadlock),
        cmocka_unit_test(files_work_in_a_simulation_and_processes_do_not),
        cmocka_unit_test(nothing_is_left_however_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* wharf_dump() and the signal that asks for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/failure.h"
#include "child.h"
#include "sched/internal.h"
#include "wharf/debug.h"
#include "wharf/net.h"
#include "wharf/os.h"
#include "wharf/sim.h"
#include "wharf/sync.h"
#include "wharf/task.h"

static char text[65536];

/* What wharf_dump() writes. */
static const char *dumped(void) {
    int fd = memfd_create("dump", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(wharf_dump(fd), 0);
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    assert_true(len > 0);
    text[len] = '\0';
    close(fd);
    return text;
}

/* The line that begins so; the next line, a frame, comes with it. */
static const char *line_of(const char *begin) {
    static char line[1024];
    const char *at = strstr(text, begin);
    assert_non_null(at);
    const char *end = strchr(at, '\n');
    end = end != NULL && end[1] == ' ' ? strchr(end + 1, '\n') : end;
    (void)snprintf(line, sizeof line, "%.*s", (int)(end - at), at);
    return line;
}

static int sleeper(void *arg) {
    (void)arg;
    return wharf_sleep(WHARF_OFF) == -ECANCELED ? 0 : -EIO;
}

static int taker(void *arg) {
    int value = 0;
    return wharf_take(*(wharf_chan *)arg, &value) == -ECANCELED ? 0 : -EIO;
}

static int acceptor(void *arg) {
    wharf_sock client = wharf_accept(*(wharf_sock *)arg);
    char byte = 0;
    int rc = (int)wharf_recv(client, &byte, 1);
    wharf_close(client);
    return rc == -ECANCELED ? 0 : -EIO;
}

static void shows_every_task_and_what_it_waits_for(void **state) {
    (void)state;
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    assert_false(wharf_failed(listener));
    wharf_chan chan = wharf_chan_new(sizeof(int), 0);
    wharf_scope scope;
    wharf_scope_open_within(&scope, 60000);
    assert_int_equal(wharf_go(&scope, sleeper, 0), 0);
    assert_int_equal(wharf_go(&scope, taker, chan), 0);
    assert_int_equal(wharf_go(&scope, acceptor, listener), 0);
    wharf_yield();
    assert_int_equal(wharf_go(&scope, sleeper, 0), 0);
    dumped();
    assert_non_null(strstr(line_of("wharf: core 0"), "(epoll): 5 tasks"));
    assert_non_null(strstr(line_of("task \"main\""), " runs, "));
    assert_non_null(strstr(line_of("task \"sleeper\" (started at "), "dump_test.c:"));
    assert_non_null(strstr(text, "sleeper\" (started at"));
    assert_non_null(strstr(text, ": sleep, "));
    assert_non_null(strstr(text, " ms to its deadline"));
    assert_non_null(strstr(text, " is ready to begin"));
    assert_non_null(strstr(line_of("task \"taker\""), ": take"));
    assert_non_null(strstr(line_of("task \"acceptor\""), ": accept on fd "));
    assert_non_null(strstr(line_of("task \"acceptor\""), "(127.0.0.1:"));
    assert_non_null(strstr(line_of("task \"acceptor\""), "\n    #0  "));
    wharf_scope_cancel(&scope);
    dumped();
    assert_non_null(strstr(line_of("task \"taker\""), ", cancelled"));
    assert_int_equal(wharf_scope_close(&scope), 0);
    wharf_chan_free(chan);
    wharf_close(listener);
}

static int fails_late(void *arg) {
    int code = *(int *)arg;
    if (code == -EIO) {
        return fail(-EIO, "unit", "first", NULL);
    }
    (void)wharf_sleep(WHARF_OFF);
    return code;
}

static void shows_the_later_failures_of_a_scope(void **state) {
    (void)state;
    enum { MORE = 20 };
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    for (int i = 0; i < MORE; i++) {
        wharf_go(&scope, fails_late, -EPIPE);
    }
    wharf_go(&scope, fails_late, -ECANCELED);
    wharf_yield();
    wharf_go(&scope, fails_late, -EIO);
    assert_int_equal(wharf_scope_wait(&scope), -EIO);
    dumped();
    assert_non_null(strstr(text, "    first failure of its scope: task \"fails_late\" (started at "));
    assert_non_null(strstr(text, "): unit first: input/output error (EIO)\n"));
    assert_non_null(strstr(text, "    later failure of its scope: task \"fails_late\" (started at "));
    assert_non_null(strstr(text, "): task fails_late: broken pipe (EPIPE)\n"));
    assert_non_null(strstr(text, "    and 5 more\n"));
    assert_null(strstr(text, "ECANCELED"));
    assert_int_equal(wharf_scope_close(&scope), -EIO);
    assert_null(strstr(dumped(), "of its scope"));
}

static void says_when_it_cannot_be_written(void **state) {
    (void)state;
    assert_int_equal(wharf_dump(-1), -EBADF);
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(wharf_dump(fd), -ENOSPC);
    close(fd);
}

static void a_large_dump_is_whole(void **state) {
    (void)state;
    enum { TASKS = 300 };
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    for (int i = 0; i < TASKS; i++) {
        assert_int_equal(wharf_go(&scope, sleeper, i), 0);
    }
    wharf_yield();
    int fd = memfd_create("dump", MFD_CLOEXEC);
    assert_int_equal(wharf_dump(fd), 0);
    static char whole[1 << 20];
    ssize_t len = pread(fd, whole, sizeof whole - 1, 0);
    assert_in_range(len, TASKS * 50, sizeof whole - 2);
    whole[len] = '\0';
    int seen = 0;
    for (const char *at = strstr(whole, "task \"sleeper\""); at != NULL;
         at = strstr(at + 1, "task \"sleeper\"")) {
        seen++;
    }
    assert_int_equal(seen, TASKS);
    close(fd);
    wharf_scope_cancel(&scope);
    wharf_scope_close(&scope);
}

static int in_simulation(void *arg) {
    (void)arg;
    wharf_go(NULL, sleeper, 0);
    wharf_sleep(1500);
    dumped();
    return 0;
}

static void a_simulation_shows_itself_alone(void **state) {
    (void)state;
    wharf_yield(); /* so that this thread has a scheduler of its own, too */
    assert_int_equal(wharf_sim_run(NULL, in_simulation, NULL), 0);
    assert_non_null(strstr(text, "core 0 (sim"));
    assert_null(strstr(text, "(epoll)"));
    assert_non_null(strstr(text, "waits 1.500 s: sleep"));
}

/* ---- other cores ---- */

static _Atomic int other_ready, dump_done;

static int one_dumps(void *arg) {
    bool stubborn = *(bool *)arg;
    if (wharf_core() == 0) {
        while (atomic_load(&other_ready) == 0) {
            wharf_yield();
        }
        dumped();
        atomic_store(&dump_done, 1);
        return 0;
    }
    wharf_go(NULL, sleeper, 0);
    wharf_yield();
    atomic_store(&other_ready, 1);
    while (atomic_load(&dump_done) == 0) {
        if (!stubborn) {
            wharf_sleep(1);
        }
    }
    return 0;
}

static void the_other_cores_are_shown(void **state) {
    (void)state;
    bool stubborn = false;
    atomic_store(&other_ready, 0);
    atomic_store(&dump_done, 0);
    assert_int_equal(wharf_run(2, one_dumps, &stubborn), 0);
    assert_non_null(strstr(text, "wharf: core 0"));
    assert_non_null(strstr(line_of("wharf: core 1"), ": 2 tasks"));
    assert_non_null(strstr(line_of("task \"sleeper\""), ": sleep"));
}

static int scenario_stubborn(void) {
    bool stubborn = true;
    int rc = wharf_run(2, one_dumps, &stubborn);
    return rc == 0 && strstr(text, "core 1 does not answer: task \"main\" runs") != NULL ? 0 : 1;
}

static void a_core_that_does_not_answer_is_named(void **state) {
    (void)state;
    assert_int_equal(child_run("stubborn", "WHARF_WATCHDOG=10").status, 0);
}

/* ---- the signal ---- */

/* Standard error is a pipe to this process, so that the end of the dump is seen. */
static int scenario_signal(void) {
    int ends[2];
    if (pipe(ends) < 0 || dup2(ends[1], STDERR_FILENO) < 0) {
        return 1;
    }
    wharf_go(NULL, sleeper, 0);
    wharf_yield();
    size_t len = 0;
    while (strstr(text, "task \"sleeper\"") == NULL) {
        raise(SIGQUIT); /* again, where the machine was too busy for an answer in time */
        ssize_t n = 0;
        WHARF_WITHIN (2000) {
            n = wharf_read(ends[0], text + len, sizeof text - 1 - len);
        }
        if (n <= 0 && n != -ETIMEDOUT) {
            return 2;
        }
        len += n > 0 ? (size_t)n : 0;
        text[len] = '\0';
    }
    return strstr(text, "task \"main\"") != NULL ? 0 : 3;
}

static void the_signal_shows_every_task_and_the_program_goes_on(void **state) {
    (void)state;
    assert_int_equal(child_run("signal", "WHARF_DUMP=1").status, 0);
}

static void own_handler(int signal) {
    (void)signal;
}

static int scenario_switches(void) {
    struct sigaction own = {.sa_handler = own_handler};
    sigaction(SIGUSR1, &own, NULL);
    bool ok = wharf_debug(WHARF_OPTIONS(wharf_debug_options, .dump_signal = SIGUSR1)) == -EBUSY;
    ok = ok && wharf_debug(WHARF_OPTIONS(wharf_debug_options, .dump_signal = SIGUSR2)) == 0;
    struct sigaction action;
    ok = ok && sigaction(SIGUSR2, NULL, &action) == 0 && action.sa_handler != SIG_DFL;
    ok = ok && wharf_debug(WHARF_OPTIONS(wharf_debug_options, .dump_signal = WHARF_OFF)) == 0;
    ok = ok && sigaction(SIGUSR2, NULL, &action) == 0 && action.sa_handler == SIG_DFL;
    ok = ok && wharf_debug(NULL) == -EINVAL && wharf_debug(&(wharf_debug_options){.size = 1}) == -EINVAL;
    ok = ok && wharf_debug(WHARF_OPTIONS(wharf_debug_options, .watchdog_ms = 60001)) == -EINVAL;
    ok = ok && wharf_debug(WHARF_OPTIONS(wharf_debug_options, .dump_signal = SIGKILL)) == -EINVAL;
    return ok ? 0 : 1;
}

static void a_signal_that_the_program_handles_is_left_alone(void **state) {
    (void)state;
    assert_int_equal(child_run("switches", NULL).status, 0);
}

int main(int argc, char **argv) {
    static const struct child_scenario scenarios[] = {
        {"stubborn", scenario_stubborn},
        {"signal", scenario_signal},
        {"switches", scenario_switches},
    };
    child_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_every_task_and_what_it_waits_for),
        cmocka_unit_test(shows_the_later_failures_of_a_scope),
        cmocka_unit_test(says_when_it_cannot_be_written),
        cmocka_unit_test(a_large_dump_is_whole),
        cmocka_unit_test(a_simulation_shows_itself_alone),
        cmocka_unit_test(the_other_cores_are_shown),
        cmocka_unit_test(a_core_that_does_not_answer_is_named),
        cmocka_unit_test(the_signal_shows_every_task_and_the_program_goes_on),
        cmocka_unit_test(a_signal_that_the_program_handles_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

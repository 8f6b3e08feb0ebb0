/* Child processes: how they start, what they get, how they end, and that nothing is left of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "child.h"
#include "sched/internal.h"
#include "wharf/os.h"
#include "wharf/task.h"

#define SHELL(script) ((const char *const[]){"sh", "-c", (script), NULL})

static int open_descriptors(void) {
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

/* Memory, descriptors and processes are as they were. */
struct before {
    int64_t blocks;
    int descriptors;
};

static int nothing(void *arg) {
    (void)arg;
    return 0;
}

/* The scheduler, its tables and the first stack of each size are there from then on. */
static struct before look_before(void) {
    (void)wharf_join(wharf_spawn(NULL, nothing, NULL, 0, NULL), NULL);
    wharf_child child = wharf_child_start(
        NULL, WHARF_OPTIONS(wharf_child_options, .argv = SHELL(":"), .output = WHARF_PIPE));
    (void)wharf_child_wait(child, NULL);
    (void)wharf_file_close(child.output);
    return (struct before){mem_live(), open_descriptors()};
}

static void assert_nothing_left(struct before before) {
    assert_int_equal(mem_live(), before.blocks);
    assert_int_equal(open_descriptors(), before.descriptors);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static wharf_child start(const char *script, int output) {
    return wharf_child_start(NULL,
                             WHARF_OPTIONS(wharf_child_options, .argv = SHELL(script), .output = output));
}

/* ---- statuses ---- */

static void the_exit_status_comes_back(void **state) {
    (void)state;
    static const struct {
        const char *script;
        int status, signal;
    } rows[] = {
        {":", 0, 0},
        {"exit 1", 1, 0},
        {"exit 255", 255, 0},
        {"exit 137", 137, 0},
        {"kill -KILL $$", 137, SIGKILL},
        {"kill -TERM $$", 143, SIGTERM},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int signal = -1;
        wharf_child child = start(rows[i].script, WHARF_INHERIT);
        assert_false(wharf_failed(child));
        assert_true(child.pid > 0);
        assert_int_equal(wharf_child_wait(child, &signal), rows[i].status);
        assert_int_equal(signal, rows[i].signal);
        assert_int_equal(wharf_child_wait(child, &signal), -EINVAL);
        assert_int_equal(wharf_child_kill(child, SIGTERM), -ESRCH);
        assert_int_equal(wharf_file_close(child.output), -EBADF);
    }
}

static void what_cannot_start_says_why(void **state) {
    (void)state;
    struct before before = look_before();
    static const char *const missing[] = {"/nonexistent/program", NULL};
    static const char *const directory[] = {"/", NULL};
    static const char *const none[] = {NULL};
    static const char *const fine[] = {"true", NULL};
    const struct {
        wharf_child_options options;
        int error;
    } rows[] = {
        {{.argv = missing}, -ENOENT},
        {{.argv = directory}, -EACCES},
        {{.argv = none}, -EINVAL},
        {{.argv = NULL}, -EINVAL},
        {{.argv = fine, .directory = "/nonexistent"}, -ENOENT},
        {{.argv = fine, .grace_ms = -5}, -EINVAL},
        {{.argv = fine, .input = WHARF_MERGE}, -EINVAL},
        {{.argv = fine, .output = -9}, -EINVAL},
        {{.argv = fine, .input = WHARF_PIPE, .errors = WHARF_FD(4000)}, -EBADF},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wharf_child_options options = rows[i].options;
        options.size = sizeof options;
        wharf_child child = wharf_child_start(NULL, &options);
        assert_int_equal(wharf_error(child), rows[i].error);
        assert_int_equal(wharf_error(child.input), rows[i].error);
        assert_int_equal(wharf_child_wait(child, NULL), rows[i].error);
    }
    (void)wharf_child_start(NULL, WHARF_OPTIONS(wharf_child_options, .argv = missing)).id;
    assert_non_null(strstr(wharf_why(), "/nonexistent/program"));
    assert_nothing_left(before);
}

/* ---- what a child gets ---- */

/* The output of a script, NUL-terminated. */
static const char *output_of(const wharf_child_options *options) {
    static char text[4096];
    wharf_child_options with_pipe = *options;
    with_pipe.size = sizeof with_pipe;
    with_pipe.output = WHARF_PIPE;
    wharf_child child = wharf_child_start(NULL, &with_pipe);
    size_t len = 0;
    for (;;) {
        ssize_t n = wharf_file_read(child.output, text + len, sizeof text - 1 - len);
        if (n <= 0) {
            assert_int_equal(n, 0);
            break;
        }
        len += (size_t)n;
    }
    text[len] = '\0';
    assert_int_equal(wharf_file_close(child.output), 0);
    assert_int_equal(wharf_child_wait(child, NULL), 0);
    return text;
}

static void the_surroundings_are_as_asked(void **state) {
    (void)state;
    static const char *const environment[] = {"GREETING=hello", "PATH=/bin:/usr/bin", NULL};
    assert_string_equal(output_of(&(wharf_child_options){.argv = SHELL("pwd"), .directory = "/usr"}),
                        "/usr\n");
    assert_string_equal(
        output_of(&(wharf_child_options){.argv = SHELL("echo $GREETING"), .env = environment}), "hello\n");
    assert_string_equal(output_of(&(wharf_child_options){.argv = SHELL("cat"), .input = WHARF_NULL}), "");
    assert_string_equal(
        output_of(&(wharf_child_options){.argv = SHELL("echo out; echo err >&2"), .errors = WHARF_MERGE}),
        "out\nerr\n");
    const char *group = output_of(&(wharf_child_options){
        .argv = SHELL("read _ _ _ _ g _ < /proc/self/stat; test $g = $$ && echo leads"), .group = true});
    assert_string_equal(group, "leads\n");
}

static void no_other_descriptor_is_passed_on(void **state) {
    (void)state;
    int leaky = dup2(open("/dev/null", O_RDONLY), 77); /* without FD_CLOEXEC */
    assert_int_equal(leaky, 77);
    const char *found = output_of(
        &(wharf_child_options){.argv = SHELL("for f in 3 4 5 6 7 8 9 10 11 12 77; do test -e "
                                             "/proc/$$/fd/$f && echo $f; done; :")});
    assert_string_equal(found, "");
    close(leaky);
}

/* Lines of /proc/self/status are hexadecimal sets; SIGPIPE is bit 12. */
static void sigpipe_is_the_default_and_not_blocked(void **state) {
    (void)state;
    const char *status = output_of(
        &(wharf_child_options){.argv = SHELL("grep -E '^Sig(Blk|Ign)' /proc/self/status")});
    assert_non_null(strstr(status, "SigBlk:\t0000000000000000"));
    assert_non_null(strstr(status, "SigIgn:\t"));
    unsigned long long ignored = 0;
    for (const char *at = strstr(status, "SigIgn:\t") + 8; *at != '\n'; at++) {
        ignored = ignored * 16 + (unsigned)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
    }
    assert_int_equal(ignored & WHARF_SIGNAL(SIGPIPE), 0);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGPIPE), 1);
}

static void standard_streams_may_be_swapped_descriptors(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    wharf_child child = wharf_child_start(
        NULL, WHARF_OPTIONS(wharf_child_options, .argv = SHELL("echo one; echo two >&2"),
                            .output = WHARF_FD(ends[1]), .errors = WHARF_FD(ends[1])));
    close(ends[1]);
    assert_int_equal(wharf_child_wait(child, NULL), 0);
    char text[32] = "";
    assert_int_equal(wharf_read(ends[0], text, sizeof text), 8);
    assert_string_equal(text, "one\ntwo\n");
    close(ends[0]);
}

/* ---- pipes ---- */

enum { MUCH = 1 << 20 };

static char much[MUCH], back[MUCH];

static int feed(void *arg) {
    wharf_file input = *(wharf_file *)arg;
    ssize_t n = wharf_file_write(input, much, MUCH);
    int rc = wharf_file_close(input);
    return n == MUCH ? rc : -EIO;
}

static void much_goes_both_ways_at_once(void **state) {
    (void)state;
    struct before before = look_before();
    for (size_t i = 0; i < MUCH; i++) {
        much[i] = (char)(i * 31 >> 3);
    }
    wharf_child child = wharf_child_start(NULL, WHARF_OPTIONS(wharf_child_options, .argv = SHELL("cat"),
                                                              .input = WHARF_PIPE, .output = WHARF_PIPE));
    int result = -1;
    WHARF_SCOPE (scope, &result) {
        wharf_go(scope, feed, child.input);
        size_t len = 0;
        while (len < MUCH) {
            ssize_t n = wharf_file_read(child.output, back + len, MUCH - len);
            assert_true(n > 0);
            len += (size_t)n;
        }
        assert_int_equal(wharf_file_read(child.output, back, 1), 0);
    }
    assert_int_equal(result, 0);
    assert_memory_equal(much + 1, back + 1, MUCH - 1);
    assert_int_equal(wharf_child_wait(child, NULL), 0);
    assert_int_equal(wharf_file_close(child.output), 0);
    assert_int_equal(wharf_file_close(child.output), -EBADF);
    assert_nothing_left(before);
}

static void a_pipe_has_deadlines_and_no_sigpipe(void **state) {
    (void)state;
    wharf_child child = wharf_child_start(NULL, WHARF_OPTIONS(wharf_child_options,
                                                              .argv = SHELL("read line; exec 0<&-; echo x"),
                                                              .input = WHARF_PIPE, .output = WHARF_PIPE));
    char byte = 0;
    ssize_t n = 0;
    WHARF_WITHIN (5) {
        n = wharf_file_read(child.output, &byte, 1);
    }
    assert_int_equal(n, -ETIMEDOUT);
    assert_int_equal(wharf_pread(child.output, &byte, 1, 0), -ESPIPE);
    assert_int_equal(wharf_file_write(child.input, "go\n", 3), 3);
    assert_int_equal(wharf_file_read(child.output, &byte, 1), 1); /* it has closed its input before */
    assert_int_equal(wharf_file_write(child.input, "more", 4), -EPIPE);
    assert_int_equal(wharf_child_wait(child, NULL), 0);
    assert_int_equal(wharf_file_close(child.input), 0);
    assert_int_equal(wharf_file_close(child.output), 0);
}

static int read_one(void *arg) {
    char byte = 0;
    return (int)wharf_file_read(*(wharf_file *)arg, &byte, 1);
}

static void closing_wakes_the_reader(void **state) {
    (void)state;
    wharf_child child = start("exec sleep 1000", WHARF_PIPE);
    wharf_task task = wharf_spawn(NULL, read_one, &child.output, sizeof child.output, NULL);
    wharf_yield();
    assert_int_equal(wharf_file_close(child.output), 0);
    int result = 0;
    assert_int_equal(wharf_join(task, &result), 0);
    assert_int_equal(result, -ECANCELED);
    assert_int_equal(wharf_child_kill(child, SIGKILL), 0);
    assert_int_equal(wharf_child_wait(child, NULL), 128 + SIGKILL);
}

/* ---- being ended ---- */

/* Until the script has said that it is ready. */
static void await_ready(wharf_child child) {
    char byte = 0;
    assert_int_equal(wharf_file_read(child.output, &byte, 1), 1);
}

static bool is_gone(pid_t pid) {
    return kill(pid, 0) < 0 && errno == ESRCH;
}

static void a_wait_cut_short_ends_the_child(void **state) {
    (void)state;
    struct before before = look_before();
    static const struct {
        const char *script;
        int64_t grace_ms;
    } rows[] = {
        {"echo; exec sleep 1000", 0},
        {"trap 'exit 3' TERM; echo; while :; do sleep 0.01; done", 0},
        {"trap '' TERM; echo; while :; do sleep 0.01; done", 30},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wharf_child child = wharf_child_start(
            NULL, WHARF_OPTIONS(wharf_child_options, .argv = SHELL(rows[i].script), .output = WHARF_PIPE,
                                .group = true, .grace_ms = rows[i].grace_ms));
        await_ready(child);
        int rc = 0;
        WHARF_WITHIN (10) {
            rc = wharf_child_wait(child, NULL);
        }
        assert_int_equal(rc, -ETIMEDOUT);
        assert_true(is_gone(child.pid));
        assert_int_equal(wharf_child_wait(child, NULL), -EINVAL);
        wharf_file_close(child.output);
    }
    assert_nothing_left(before);
}

static void leaving_its_scope_ends_a_child(void **state) {
    (void)state;
    struct before before = look_before();
    wharf_child child = {0};
    int result = -1;
    WHARF_SCOPE (scope, &result) {
        child = wharf_child_start(
            scope,
            WHARF_OPTIONS(wharf_child_options, .argv = SHELL("echo; exec sleep 1000"), .output = WHARF_PIPE));
        await_ready(child);
        wharf_scope_cancel(scope);
    }
    assert_true(is_gone(child.pid));
    assert_int_equal(result, 0); /* a program that is ended is no failure of the scope */
    wharf_file_close(child.output);
    assert_nothing_left(before);
}

static void a_cancelled_scope_starts_nothing(void **state) {
    (void)state;
    WHARF_SCOPE (scope, NULL) {
        wharf_scope_cancel(scope);
        wharf_child child = wharf_child_start(scope,
                                              WHARF_OPTIONS(wharf_child_options, .argv = SHELL("exit 9")));
        assert_int_equal(wharf_error(child), -ECANCELED);
    }
}

static void a_child_that_nobody_waits_for_is_no_zombie(void **state) {
    (void)state;
    wharf_child child = start(":", WHARF_INHERIT);
    while (!is_gone(child.pid)) {
        assert_int_equal(wharf_sleep(1), 0);
    }
}

static void *leave_a_child(void *arg) {
    wharf_child child = start("echo; exec sleep 1000", WHARF_PIPE);
    char byte = 0;
    (void)!wharf_file_read(child.output, &byte, 1);
    *(pid_t *)arg = child.pid;
    return NULL;
}

static void the_end_of_a_thread_ends_its_children(void **state) {
    (void)state;
    struct before before = look_before();
    pthread_t thread;
    pid_t pid = 0;
    assert_int_equal(pthread_create(&thread, NULL, leave_a_child, &pid), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(is_gone(pid));
    assert_nothing_left(before);
}

static void a_status_taken_elsewhere_is_an_error(void **state) {
    (void)state;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGCHLD, &ignore, &before);
    wharf_child child = start("exit 4", WHARF_INHERIT);
    assert_int_equal(wharf_child_wait(child, NULL), -ECHILD);
    sigaction(SIGCHLD, &before, NULL);
}

/* ---- whole commands ---- */

static void a_command_runs_to_its_end(void **state) {
    (void)state;
    struct before before = look_before();
    char text[64] = "";
    size_t len = 0;
    assert_int_equal(wharf_run_command(SHELL("echo hello; exit 5"), text, sizeof text, &len), 5);
    assert_int_equal(len, 6);
    assert_memory_equal(text, "hello\n", 6);
    assert_int_equal(wharf_run_command(SHELL("printf 123"), text, 3, &len), 0);
    assert_int_equal(len, 3);
    assert_int_equal(wharf_run_command(SHELL(":"), NULL, 0, NULL), 0);
    len = 99;
    assert_int_equal(wharf_run_command(SHELL("printf 1234; exec sleep 1000"), text, 3, &len), -WHARF_ELIMIT);
    assert_int_equal(wharf_run_command(SHELL("yes"), text, sizeof text, &len), -WHARF_ELIMIT);
    int rc = 0;
    WHARF_WITHIN (20) {
        rc = wharf_run_command(SHELL("exec sleep 1000"), text, sizeof text, &len);
    }
    assert_int_equal(rc, -ETIMEDOUT);
    assert_int_equal(len, 99);
    assert_nothing_left(before);
}

static void without_memory_nothing_is_left(void **state) {
    (void)state;
    struct before before = look_before();
    char text[16];
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        mem_fail_at(n);
        int rc = wharf_run_command(SHELL(":"), text, sizeof text, NULL);
        failed = mem_did_fail();
        mem_fail_at(0);
        assert_true(failed ? rc == -ENOMEM || rc == 0 : rc == 0);
        assert_nothing_left(before);
    }
}

/* ---- without a pidfd ---- */

static int scenario_fallback(void) {
    int signal = 0;
    wharf_child child = start("kill -TERM $$", WHARF_INHERIT);
    if (wharf_child_wait(child, &signal) != 128 + SIGTERM || signal != SIGTERM) {
        return 1;
    }
    child = start("echo; exec sleep 1000", WHARF_PIPE);
    char byte = 0;
    int rc = wharf_file_read(child.output, &byte, 1) == 1 ? 0 : -EIO;
    WHARF_WITHIN (5) {
        rc = wharf_child_wait(child, NULL);
    }
    return rc == -ETIMEDOUT && is_gone(child.pid) ? 0 : 2;
}

static int scenario_exit_with_child(void) {
    wharf_child child = start("trap 'echo bye >&2; exit' TERM; echo; while :; do sleep 0.01; done",
                              WHARF_PIPE);
    char byte = 0;
    return wharf_file_read(child.output, &byte, 1) == 1 ? 0 : 1;
}

static void older_kernels_are_served_by_a_thread(void **state) {
    (void)state;
    struct child_end end = child_run("fallback", "WHARF_FALLBACKS=1");
    assert_true(WIFEXITED(end.status));
    assert_int_equal(WEXITSTATUS(end.status), 0);
}

static void the_end_of_the_program_ends_its_children(void **state) {
    (void)state;
    struct child_end end = child_run("exit_with_child", NULL);
    assert_true(WIFEXITED(end.status));
    assert_int_equal(WEXITSTATUS(end.status), 0);
    assert_string_equal(end.errors, "bye\n");
}

int main(int argc, char **argv) {
    static const struct child_scenario scenarios[] = {
        {"fallback", scenario_fallback},
        {"exit_with_child", scenario_exit_with_child},
    };
    child_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_status_comes_back),
        cmocka_unit_test(what_cannot_start_says_why),
        cmocka_unit_test(the_surroundings_are_as_asked),
        cmocka_unit_test(no_other_descriptor_is_passed_on),
        cmocka_unit_test(sigpipe_is_the_default_and_not_blocked),
        cmocka_unit_test(standard_streams_may_be_swapped_descriptors),
        cmocka_unit_test(much_goes_both_ways_at_once),
        cmocka_unit_test(a_pipe_has_deadlines_and_no_sigpipe),
        cmocka_unit_test(closing_wakes_the_reader),
        cmocka_unit_test(a_wait_cut_short_ends_the_child),
        cmocka_unit_test(leaving_its_scope_ends_a_child),
        cmocka_unit_test(a_cancelled_scope_starts_nothing),
        cmocka_unit_test(a_child_that_nobody_waits_for_is_no_zombie),
        cmocka_unit_test(the_end_of_a_thread_ends_its_children),
        cmocka_unit_test(a_status_taken_elsewhere_is_an_error),
        cmocka_unit_test(a_command_runs_to_its_end),
        cmocka_unit_test(without_memory_nothing_is_left),
        cmocka_unit_test(older_kernels_are_served_by_a_thread),
        cmocka_unit_test(the_end_of_the_program_ends_its_children),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

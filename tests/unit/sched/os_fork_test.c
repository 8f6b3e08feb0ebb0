/* fork(): a child starts again, a daemon forks before it begins, and the parent never notices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "sched/internal.h"
#include "wharf/os.h"
#include "wharf/sync.h"
#include "wharf/task.h"

enum { BAD = 50 };

/* Each scenario's processes tell what went wrong by the line in their exit status. */
#define CHECK(condition)                 \
    do {                                 \
        if (!(condition)) {              \
            _exit(BAD + __LINE__ % 100); \
        }                                \
    } while (0)

static int add_one(void *arg) {
    (*(int *)arg)++;
    return 0;
}

static int return_seven(void *arg) {
    (void)arg;
    return wharf_sleep(1) < 0 ? -EIO : 7;
}

/* A little of everything. */
static int use_runtime(void) {
    int result = 0, value = 1;
    wharf_task task = wharf_spawn(NULL, return_seven, NULL, 0, NULL);
    if (wharf_join(task, &result) != 0 || result != 7) {
        return -1;
    }
    if (wharf_offload(add_one, &value, sizeof value) != 0 || value != 2) {
        return -2;
    }
    int ends[2];
    char byte = 0;
    if (pipe2(ends, O_CLOEXEC) < 0 || wharf_write(ends[1], "x", 1) != 1 ||
        wharf_read(ends[0], &byte, 1) != 1) {
        return -3;
    }
    close(ends[0]);
    close(ends[1]);
    static const char *const argv[] = {"true", NULL};
    return wharf_run_command(argv, NULL, 0, NULL);
}

static int open_descriptors(void) {
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

static int status_of(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return -errno;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- the child starts again ---- */

static bool is_sigpipe_blocked(void) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    return sigismember(&mask, SIGPIPE) == 1;
}

static int scenario_restart(void) {
    int before = open_descriptors();
    CHECK(use_runtime() == 0);
    CHECK(wharf_after_fork() == -EINVAL);
    wharf_chan parents = wharf_chan_new(sizeof(int), 1);
    wharf_chan signals = wharf_signal_open(WHARF_SIGNAL(SIGUSR1));
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(wharf_sleep(1) == -EPERM);
        CHECK(!is_sigpipe_blocked());
        CHECK(wharf_after_fork() == 0);
        CHECK(open_descriptors() == before);
        CHECK(use_runtime() == 0);
        int value = 1;
        CHECK(wharf_put(parents, &value) == -EXDEV);
        CHECK(wharf_after_fork() == -EINVAL);
        CHECK(is_sigpipe_blocked());
        exit(0);
    }
    CHECK(status_of(pid) == 0);
    CHECK(use_runtime() == 0);
    int value = 3;
    CHECK(wharf_put(parents, &value) == 0);
    raise(SIGUSR1);
    CHECK(wharf_take(signals, &value) == 1 && value == SIGUSR1);
    return 0;
}

static int fork_here(void *arg) {
    (void)arg;
    static int where = 1;
    pid_t pid = fork();
    if (pid == 0) {
        where = 2; /* this stack is the child's own */
        CHECK(wharf_after_fork() == 0);
        CHECK(use_runtime() == 0);
        return 23; /* there is nobody to return to: the end of the process */
    }
    CHECK(status_of(pid) == 23);
    CHECK(where == 1);
    return 5;
}

static int scenario_in_task(void) {
    int result = 0;
    wharf_task task = wharf_spawn(NULL, fork_here, NULL, 0, NULL);
    CHECK(wharf_join(task, &result) == 0 && result == 5);
    return use_runtime();
}

static int fork_and_return(void *arg) {
    (void)arg;
    pid_t pid = fork();
    if (pid == 0) {
        return -EIO;
    }
    CHECK(status_of(pid) == 1);
    return 0;
}

static int scenario_return_in_child(void) {
    int result = -1;
    CHECK(wharf_join(wharf_spawn(NULL, fork_and_return, NULL, 0, NULL), &result) == 0);
    return result;
}

/* What a connection means to its peer: the parent closes, and a child that started again does not keep it open. */
static int scenario_descriptors(void) {
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    struct io *io = NULL;
    CHECK(io_open(ends[1], IO_WRITE, &io) == 0);
    int go[2];
    CHECK(pipe2(go, O_CLOEXEC) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(wharf_after_fork() == 0);
        close(go[1]);
        char byte = 0;
        CHECK(wharf_read(go[0], &byte, 1) == 0); /* until the parent has seen the end */
        exit(0);
    }
    io_close(io, false);
    char byte = 0;
    CHECK(wharf_wait_fd(ends[0], WHARF_READABLE) == WHARF_READABLE);
    CHECK(read(ends[0], &byte, 1) == 0);
    close(go[1]);
    return status_of(pid);
}

/* ---- a daemon ---- */

static int scenario_daemon(void) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(setsid() > 0);
        if (fork() != 0) {
            _exit(0);
        }
        CHECK(use_runtime() == 0);
        CHECK(wharf_write(ends[1], "up", 2) == 2);
        exit(0);
    }
    CHECK(status_of(pid) == 0);
    close(ends[1]);
    char text[4] = "";
    CHECK(wharf_read(ends[0], text, sizeof text) == 2);
    CHECK(wharf_read(ends[0], text, sizeof text) == 0);
    return 0;
}

static void every_scenario_ends_well(void **state) {
    (void)state;
    static const char *const names[] = {"restart", "in_task", "return_in_child", "descriptors", "daemon"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct child_end end = child_run(names[i], "TSAN_OPTIONS=die_after_fork=0");
        if (!WIFEXITED(end.status) || WEXITSTATUS(end.status) != 0) {
            print_message("%s: status %x\n%s", names[i], (unsigned)end.status, end.errors);
        }
        assert_true(WIFEXITED(end.status));
        assert_int_equal(WEXITSTATUS(end.status), 0);
    }
}

int main(int argc, char **argv) {
    static const struct child_scenario scenarios[] = {
        {"restart", scenario_restart},
        {"in_task", scenario_in_task},
        {"return_in_child", scenario_return_in_child},
        {"descriptors", scenario_descriptors},
        {"daemon", scenario_daemon},
    };
    child_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scenario_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

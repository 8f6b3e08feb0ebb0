/* The life of a scheduler: no ceremony at its beginning, nothing left at its end, whichever way that comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <dirent.h>
#include <errno.h>
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
#include "sched/sanitizer.h"
#include "wharf/os.h"
#include "wharf/sync.h"
#include "wharf/task.h"

static int open_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

/* ---- threads ---- */

static int until_cancelled(void *arg) {
    int *ended = *(int **)arg;
    int rc = wharf_sleep(WHARF_OFF);
    *ended += rc == -ECANCELED ? 1 : 0;
    return rc;
}

static void drop_value(void *value) {
    *(int *)value += 1;
    wharf_yield(); /* it may suspend */
}

struct thread_work {
    int ended, dropped, rc;
};

/* Uses what a thread can use, and leaves all of it to the thread's end. */
static void *use_everything(void *arg) {
    struct thread_work *work = arg;
    static const char key;
    int *ended = &work->ended;
    for (int i = 0; i < 5 && work->rc == 0; i++) {
        work->rc = wharf_spawn_detached(NULL, until_cancelled, &ended, sizeof ended, NULL);
    }
    wharf_task joinable = wharf_spawn(NULL, until_cancelled, &ended, sizeof ended, NULL);
    wharf_chan chan = wharf_chan_new(8, 8);
    work->rc = work->rc != 0 ? work->rc : wharf_error(joinable) + wharf_error(chan);
    work->rc = work->rc != 0 ? work->rc : sched_local_set(&key, &work->dropped, drop_value);
    void *block = block_get();
    block_put(block);
    wharf_sleep(1);
    return NULL;
}

static void any_thread_may_begin_and_its_end_leaves_nothing(void **state) {
    (void)state;
    int64_t memory = mem_live();
    int descriptors = open_descriptors();
    for (int round = 0; round < 3; round++) {
        struct thread_work work[4] = {{0}};
        pthread_t threads[4];
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, use_everything, &work[i]), 0);
        }
        for (size_t i = 0; i < 4; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(work[i].rc, 0);
            assert_int_equal(work[i].ended, 6);
            assert_int_equal(work[i].dropped, 1);
        }
    }
    assert_int_equal(mem_live(), memory);
    assert_int_equal(open_descriptors(), descriptors);
}

static void *begin_with_failures(void *arg) {
    (void)arg;
    for (uint64_t n = 1; n < 100; n++) {
        (void)mem_fail_at(n);
        int rc = wharf_yield();
        bool failed = mem_did_fail();
        (void)mem_fail_at(0);
        sched_end_current();
        if (rc != (failed ? -ENOMEM : 0)) {
            return "a wrong result";
        }
        if (!failed) {
            return n > 2 ? NULL : "nothing was allocated";
        }
    }
    return "no end of allocations";
}

static void without_memory_nothing_begins(void **state) {
    (void)state;
    int64_t memory = mem_live();
    int descriptors = open_descriptors();
    pthread_t thread;
    void *trouble = NULL;
    assert_int_equal(pthread_create(&thread, NULL, begin_with_failures, NULL), 0);
    pthread_join(thread, &trouble);
    assert_null(trouble);
    assert_int_equal(mem_live(), memory);
    assert_int_equal(open_descriptors(), descriptors);
}

/* A thread that ends inside its scopes: their tasks are cancelled and joined like those of the background. */
static void *end_inside_scopes(void *arg) {
    struct thread_work *work = arg;
    int *ended = &work->ended;
    static __thread wharf_scope outer, inner;
    wharf_scope_open(&outer, NULL);
    wharf_scope_open(&inner, NULL);
    wharf_spawn_detached(&outer, until_cancelled, &ended, sizeof ended, NULL);
    wharf_spawn_detached(&inner, until_cancelled, &ended, sizeof ended, NULL);
    wharf_yield();
    return NULL;
}

static void a_thread_may_end_inside_its_scopes(void **state) {
    (void)state;
    int64_t memory = mem_live();
    struct thread_work work = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, end_inside_scopes, &work), 0);
    pthread_join(thread, NULL);
    assert_int_equal(work.ended, 2);
    assert_int_equal(mem_live(), memory);
}

/* ---- the process ---- */

static int say_and_sleep(void *arg) {
    (void)arg;
    int rc = wharf_sleep(WHARF_OFF);
    fprintf(stderr, "%s ", wharf_error_name(rc));
    return 0;
}

static int scenario_main_returns(void) {
    for (int i = 0; i < 2; i++) {
        wharf_spawn_detached(NULL, say_and_sleep, NULL, 0, NULL);
    }
    wharf_yield();
    return 7;
}

static int scenario_exit_in_scope(void) {
    WHARF_SCOPE (scope, NULL) {
        wharf_spawn_detached(scope, say_and_sleep, NULL, 0, NULL);
        wharf_yield();
        exit(7);
    }
    return 0;
}

static int exit_here(void *arg) {
    (void)arg;
    exit(7);
}

static int scenario_exit_in_task(void) {
    wharf_spawn_detached(NULL, say_and_sleep, NULL, 0, NULL);
    WHARF_SCOPE (scope, NULL) {
        wharf_spawn_detached(scope, exit_here, NULL, 0, NULL);
    }
    return 0;
}

static int scenario_exit_in_start(void) {
    task_start(NULL, exit_here, NULL, "start");
    return wharf_sleep(WHARF_OFF);
}

static int exit_on_the_last_core(void *arg) {
    (void)arg;
    if (wharf_core() == 2) {
        exit(7);
    }
    return wharf_sleep(WHARF_OFF);
}

static int scenario_exit_on_a_core(void) {
    return wharf_run(3, exit_on_the_last_core, NULL);
}

static void exit_is_clean_wherever_it_is_called(void **state) {
    (void)state;
    static const struct {
        const char *scenario, *errors;
    } rows[] = {
        {"main returns", "ECANCELED ECANCELED "},
        {"exit in scope", "ECANCELED "},
        {"exit in task", ""},
        {"exit in start", ""},
        {"exit on a core", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct child_end end = child_run(rows[i].scenario, NULL);
        assert_true(WIFEXITED(end.status));
        assert_int_equal(WEXITSTATUS(end.status), 7);
        assert_string_equal(end.errors, rows[i].errors);
    }
}

static int exit_thread_here(void *arg) {
    (void)arg;
    pthread_exit(NULL);
}

static void *exit_on_a_task(void *arg) {
    (void)arg;
    WHARF_SCOPE (scope, NULL) {
        wharf_spawn_detached(scope, exit_thread_here, NULL, 0, NULL);
    }
    return NULL;
}

static int scenario_thread_exits_on_a_task(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, exit_on_a_task, NULL) != 0) {
        return 1;
    }
    pthread_join(thread, NULL);
    return wharf_sleep(1) == 0 ? 7 : 2;
}

static void pthread_exit_on_a_task_ends_the_thread(void **state) {
    (void)state;
    if (SANITIZER_ANY) {
        skip(); /* the C library changes stacks behind their backs */
    }
    struct child_end end = child_run("thread exits on a task", NULL);
    assert_true(WIFEXITED(end.status));
    assert_int_equal(WEXITSTATUS(end.status), 7);
}

/* ---- fork ---- */

static int wait_for_child(pid_t child) {
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

/* The first call of the child's runtime that does anything else than refuse; 0: none. */
static int use_after_fork(void) {
    wharf_scope scope;
    char byte = 0;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    wharf_scope_open(&scope, NULL);
    int rows[] = {
        wharf_yield(),
        wharf_sleep(1),
        wharf_check(),
        wharf_spawn_detached(NULL, exit_here, NULL, 0, NULL),
        wharf_spawn_detached(&scope, exit_here, NULL, 0, NULL),
        wharf_join((wharf_task){1}, NULL),
        wharf_error(wharf_chan_new(1, 1)),
        wharf_wait_fd(0, WHARF_READABLE),
        wharf_offload(exit_here, &byte, 1),
        wharf_run(1, exit_here, NULL),
        wharf_scope_close(&scope),
        task_start(NULL, exit_here, NULL, "start"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i] != -EPERM && !(i == 10 && rows[i] == 0)) {
            return (int)i + 1;
        }
    }
    if (sigismember(&mask, SIGPIPE) == 1) {
        return 50;
    }
    struct sigaction action;
    sigaction(SIGTERM, NULL, &action);
    return action.sa_handler == SIG_DFL ? 0 : 51;
}

static void ignore_signal(struct signal_watch *watch) {
    (void)watch;
}

static int fork_in_task(void *arg) {
    (void)arg;
    pid_t child = fork();
    if (child == 0) {
        exit(use_after_fork()); /* with its exit hooks */
    }
    return wait_for_child(child);
}

static int scenario_fork(void) {
    struct signal_watch watch;
    if (signal_watch(&watch, SIGTERM, ignore_signal) != 0) {
        return 60;
    }
    wharf_spawn_detached(NULL, say_and_sleep, NULL, 0, NULL);
    wharf_yield();
    pid_t child = fork();
    if (child == 0) {
        exit(use_after_fork());
    }
    int first = wait_for_child(child), second = -1;
    wharf_task task = wharf_spawn(NULL, fork_in_task, NULL, 0, NULL);
    if (wharf_join(task, &second) != 0 || wharf_sleep(1) != 0) {
        return 61;
    }
    signal_unwatch(&watch);
    return first != 0 ? first : second;
}

static void after_fork_the_child_has_no_runtime_and_the_parent_goes_on(void **state) {
    (void)state;
    struct child_end end = child_run("fork", NULL);
    assert_true(WIFEXITED(end.status));
    assert_int_equal(WEXITSTATUS(end.status), 0);
    assert_string_equal(end.errors, "ECANCELED "); /* the parent's own, once */
}

static int return_three(void *arg) {
    (void)arg;
    return 3;
}

static void *offload_once(void *arg) {
    (void)arg;
    wharf_offload(return_three, NULL, 0);
    return NULL;
}

/* A thread that is no scheduler forks while others use the library: its child may begin anew, pools and all. */
static int scenario_fork_elsewhere(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, offload_once, NULL) != 0) {
        return 1;
    }
    pthread_join(thread, NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        exit(wharf_offload(return_three, NULL, 0) == 3 && wharf_sleep(1) == 0 ? 7 : 2);
    }
    return wait_for_child(child);
}

static void the_child_of_a_plain_thread_may_begin_anew(void **state) {
    (void)state;
    if (SANITIZER_THREAD) {
        skip(); /* it forbids new threads in such a child */
    }
    struct child_end end = child_run("fork elsewhere", NULL);
    assert_true(WIFEXITED(end.status));
    assert_int_equal(WEXITSTATUS(end.status), 7);
}

int main(int argc, char **argv) {
    static const struct child_scenario scenarios[] = {
        {"main returns", scenario_main_returns},
        {"exit in scope", scenario_exit_in_scope},
        {"exit in task", scenario_exit_in_task},
        {"exit in start", scenario_exit_in_start},
        {"exit on a core", scenario_exit_on_a_core},
        {"thread exits on a task", scenario_thread_exits_on_a_task},
        {"fork", scenario_fork},
        {"fork elsewhere", scenario_fork_elsewhere},
    };
    child_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_thread_may_begin_and_its_end_leaves_nothing),
        cmocka_unit_test(without_memory_nothing_begins),
        cmocka_unit_test(a_thread_may_end_inside_its_scopes),
        cmocka_unit_test(exit_is_clean_wherever_it_is_called),
        cmocka_unit_test(pthread_exit_on_a_task_ends_the_thread),
        cmocka_unit_test(after_fork_the_child_has_no_runtime_and_the_parent_goes_on),
        cmocka_unit_test(the_child_of_a_plain_thread_may_begin_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

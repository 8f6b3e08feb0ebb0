/* The deadlock report: given when nothing can ever happen, with everybody's name, and never when something may. Each
 * scenario is a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "sched/internal.h"
#include "wharf/wharf.h"

static wharf_mutex first, second;
static wharf_chan chan;
static wharf_shared_chan *shared;
static struct sched *waiting; /* the scheduler that is to be woken */

/* ---- where it is one ---- */

static int lock_both(void *arg) {
    bool turned = *(bool *)arg;
    if (wharf_mutex_lock(turned ? &second : &first) != 0) {
        return 1;
    }
    (void)wharf_sleep(1);
    return wharf_mutex_lock(turned ? &first : &second);
}

static int embrace(void) {
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, lock_both, false);
        (void)wharf_go(scope, lock_both, true);
    }
    return 0;
}

static int lonely_take(void) {
    int value = 0;
    wharf_case take = wharf_case_take(wharf_chan_new(sizeof value, 1), &value);
    return wharf_select(&take, 1);
}

/* A socket that nobody waits for wakes nobody. */
static int idle_socket(void) {
    wharf_sock sock = wharf_serve_on("127.0.0.1:0");
    return wharf_failed(sock) ? 1 : lonely_take();
}

/* The one who could be woken from outside has ended; it is found after that, too. */
static int offload_nothing(void *arg) {
    (void)arg;
    return 0;
}

static int late(void) {
    (void)wharf_sleep(5);
    if (wharf_offload(offload_nothing, NULL, 0) != 0) {
        return 1;
    }
    return lonely_take();
}

static int by_api(void) {
    if (wharf_deadlock((wharf_deadlock_action)7) != -EINVAL || wharf_deadlock(WHARF_DEADLOCK_REPORT) != 0) {
        return 1;
    }
    alarm(1); /* it waits for ever now */
    return lonely_take();
}

struct row {
    const char *scenario, *environment;
    int signal; /* how it ends; 0: by itself */
    const char *says[4];
};

static const struct row deadlocks[] = {
    {"embrace",
     NULL,
     SIGABRT,
     {"deadlock: 3 task(s)", "\"main\" waits for", "\"lock_both\" (started at ",
      ": mutex, held by \"lock_both\"\n"}},
    {"lonely_take", NULL, SIGABRT, {"deadlock: 1 task(s)", ": select\n", NULL, NULL}},
    {"idle_socket", NULL, SIGABRT, {"deadlock", NULL, NULL, NULL}},
    {"late", NULL, SIGABRT, {"deadlock", NULL, NULL, NULL}},
    {"by_api", NULL, SIGALRM, {"deadlock: 1 task(s)", NULL, NULL, NULL}},
    {"by_api", "WHARF_DEADLOCK=abort", SIGABRT, {"deadlock: 1 task(s)", NULL, NULL, NULL}},
};

static void a_deadlock_is_reported_with_everybodys_name(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof deadlocks / sizeof *deadlocks; i++) {
        const struct row *row = &deadlocks[i];
        struct child_end end = child_run(row->scenario, row->environment);
        bool as_expected = WIFSIGNALED(end.status) && WTERMSIG(end.status) == row->signal;
        for (int k = 0; k < 4 && row->says[k] != NULL; k++) {
            as_expected = as_expected && strstr(end.errors, row->says[k]) != NULL;
        }
        if (!as_expected) {
            print_error("%s: status %x\n%s\n", row->scenario, (unsigned)end.status, end.errors);
        }
        assert_true(as_expected);
    }
}

static void a_deadlock_may_be_left_alone(void **state) {
    (void)state;
    struct child_end end = child_run("by_api", "WHARF_DEADLOCK=off");
    assert_true(WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGALRM);
    assert_string_equal(end.errors, "");
}

/* ---- where it is none ---- */

static int take_one(void *arg) {
    int value = 0;
    (void)arg;
    return wharf_take(chan, &value) == 1 ? 0 : -EIO;
}

/* A task waits for another one, and that for something outside. */
static int while_one_waits(int (*outside)(void)) {
    int result = 0, value = 1;
    waiting = sched_current();
    chan = wharf_chan_new(sizeof value, 0);
    WHARF_SCOPE (scope, &result) {
        (void)wharf_go(scope, take_one, value);
        (void)wharf_yield();
        int rc = outside();
        if (rc < 0) {
            return 1;
        }
        (void)wharf_put(chan, &value);
    }
    return result == 0 ? 0 : 2;
}

/* Until the scheduler sleeps, which it does after the look for a deadlock. */
static void await_sleep(void) {
    while (!atomic_load(&waiting->sleeping)) {
        sched_yield();
    }
}

static int slow(void *arg) {
    (void)arg;
    await_sleep();
    return 0;
}

static int outside_offload(void) {
    return wharf_offload(slow, NULL, 0);
}

static int pipe_ends[2];

static void *write_later(void *arg) {
    await_sleep();
    return write(pipe_ends[1], "x", 1) == 1 ? arg : NULL;
}

static int outside_descriptor(void) {
    pthread_t thread;
    if (pipe(pipe_ends) < 0 || pthread_create(&thread, NULL, write_later, NULL) != 0) {
        return -EIO;
    }
    int rc = wharf_wait_fd(pipe_ends[0], WHARF_READABLE);
    pthread_join(thread, NULL);
    return rc;
}

static int outside_select(void) {
    pthread_t thread;
    if (pipe(pipe_ends) < 0 || pthread_create(&thread, NULL, write_later, NULL) != 0) {
        return -EIO;
    }
    int value = 0;
    wharf_case cases[] = {wharf_case_take(wharf_chan_new(sizeof value, 0), &value),
                          wharf_case_fd_readable(pipe_ends[0])};
    int rc = wharf_select(cases, 2);
    pthread_join(thread, NULL);
    return rc == 1 ? 0 : -EIO;
}

static void *put_later(void *arg) {
    int value = 1;
    await_sleep();
    (void)wharf_shared_put(shared, &value);
    return arg;
}

static int outside_shared(void) {
    pthread_t thread;
    int value = 0;
    shared = wharf_shared_chan_new(sizeof value, 1);
    if (pthread_create(&thread, NULL, put_later, NULL) != 0) {
        return -EIO;
    }
    int rc = wharf_shared_take(shared, &value);
    pthread_join(thread, NULL);
    wharf_shared_chan_unref(shared);
    return rc;
}

static int outside_time(void) {
    return wharf_sleep(150);
}

static int with_offload(void) {
    return while_one_waits(outside_offload);
}

static int with_descriptor(void) {
    return while_one_waits(outside_descriptor);
}

static int with_select(void) {
    return while_one_waits(outside_select);
}

static int with_shared(void) {
    return while_one_waits(outside_shared);
}

static int with_time(void) {
    return while_one_waits(outside_time);
}

static int with_deadline(void) {
    int value = 0, rc = 0;
    WHARF_WITHIN (150) {
        rc = wharf_take(wharf_chan_new(sizeof value, 0), &value);
    }
    return rc == -ETIMEDOUT ? 0 : 1;
}

/* Waiting for ever is a way to wait for a signal. */
static void exit_at_signal(int signal) {
    (void)signal;
    _exit(0);
}

static int with_pause(void) {
    struct sigaction action = {.sa_handler = exit_at_signal};
    (void)sigaction(SIGALRM, &action, NULL);
    alarm(1);
    return wharf_sleep(WHARF_OFF);
}

/* The other core may still cancel, or send a connection. */
static int one_of_two(void *arg) {
    (void)arg;
    if (wharf_core() == 0) {
        (void)wharf_sleep(150);
        return -EIO;
    }
    int value = 0;
    return wharf_take(wharf_chan_new(sizeof value, 0), &value);
}

static int with_other_core(void) {
    return wharf_run(2, one_of_two, NULL) == -EIO ? 0 : 1;
}

static const char *const live[] = {"with_offload", "with_descriptor", "with_select", "with_shared",
                                   "with_time",    "with_deadline",   "with_pause",  "with_other_core"};

static void what_may_still_go_on_is_left_in_peace(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof live / sizeof *live; i++) {
        struct child_end end = child_run(live[i], NULL);
        bool well = WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0 && end.errors[0] == '\0';
        if (!well) {
            print_error("%s: status %x\n%s\n", live[i], (unsigned)end.status, end.errors);
        }
        assert_true(well);
    }
}

int main(int argc, char **argv) {
    const struct child_scenario scenarios[] = {
        {"embrace", embrace},
        {"lonely_take", lonely_take},
        {"idle_socket", idle_socket},
        {"late", late},
        {"by_api", by_api},
        {"with_offload", with_offload},
        {"with_descriptor", with_descriptor},
        {"with_select", with_select},
        {"with_shared", with_shared},
        {"with_time", with_time},
        {"with_deadline", with_deadline},
        {"with_pause", with_pause},
        {"with_other_core", with_other_core},
    };
    child_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deadlock_is_reported_with_everybodys_name),
        cmocka_unit_test(a_deadlock_may_be_left_alone),
        cmocka_unit_test(what_may_still_go_on_is_left_in_peace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

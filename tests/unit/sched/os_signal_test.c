/* Signals as numbers that tasks wait for and take from channels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "child.h"
#include "sched/internal.h"
#include "wharf/os.h"
#include "wharf/sync.h"
#include "wharf/task.h"

static void *action_of(int number) {
    struct sigaction action;
    sigaction(number, NULL, &action);
    return (void *)action.sa_handler;
}

static int send_signal(void *arg) {
    return kill(getpid(), *(int *)arg) < 0 ? -errno : 0;
}

static void the_next_of_a_set_is_waited_for(void **state) {
    (void)state;
    static const int numbers[] = {SIGUSR1, SIGUSR2, SIGHUP, SIGINT, SIGTERM, SIGWINCH};
    uint64_t set = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        set |= WHARF_SIGNAL(numbers[i]);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int number = numbers[i];
        wharf_go(NULL, send_signal, number);
        assert_int_equal(wharf_signal_wait(set), number);
        assert_ptr_equal(action_of(number), SIG_DFL);
    }
}

static void bad_sets_are_refused(void **state) {
    (void)state;
    static const uint64_t sets[] = {
        0,
        WHARF_SIGNAL(SIGKILL),
        WHARF_SIGNAL(SIGSTOP) | WHARF_SIGNAL(SIGUSR1),
        WHARF_SIGNAL(SIGPIPE),
        WHARF_SIGNAL(SIGSEGV),
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        assert_int_equal(wharf_signal_wait(sets[i]), -EINVAL);
        assert_int_equal(wharf_signal_open(sets[i]).id, -EINVAL);
    }
    assert_int_equal(wharf_signal_close((wharf_chan){-EINVAL}), -EINVAL);
    assert_int_equal(wharf_signal_close((wharf_chan){77}), -EBADF);
}

static void a_wait_that_ends_early_restores_the_default(void **state) {
    (void)state;
    int rc = 0;
    WHARF_WITHIN (2) {
        rc = wharf_signal_wait(WHARF_SIGNAL(SIGUSR1));
    }
    assert_int_equal(rc, -ETIMEDOUT);
    assert_ptr_equal(action_of(SIGUSR1), SIG_DFL);
}

static void a_channel_keeps_what_nobody_has_taken_yet(void **state) {
    (void)state;
    wharf_chan signals = wharf_signal_open(WHARF_SIGNAL(SIGUSR1) | WHARF_SIGNAL(SIGUSR2));
    wharf_chan others = wharf_signal_open(WHARF_SIGNAL(SIGUSR1));
    assert_int_equal(wharf_error(signals), 0);
    raise(SIGUSR1);
    assert_int_equal(wharf_sleep(1), 0);
    raise(SIGUSR2);
    assert_int_equal(wharf_sleep(1), 0);
    raise(SIGUSR1);
    int number = 0;
    static const int expected[] = {SIGUSR1, SIGUSR2, SIGUSR1};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(wharf_take(signals, &number), 1);
        assert_int_equal(number, expected[i]);
    }
    assert_int_equal(wharf_take(others, &number), 1);
    assert_int_equal(wharf_signal_close(signals), 0);
    assert_ptr_equal(action_of(SIGUSR2), SIG_DFL);
    assert_ptr_not_equal(action_of(SIGUSR1), SIG_DFL);
    assert_int_equal(wharf_signal_close(others), 0);
    assert_ptr_equal(action_of(SIGUSR1), SIG_DFL);
    assert_int_equal(wharf_signal_close(others), -EBADF);
    assert_int_equal(wharf_take(signals, &number), -EBADF);
}

static void a_flood_loses_nothing_but_repetitions(void **state) {
    (void)state;
    wharf_chan signals = wharf_signal_open(WHARF_SIGNAL(SIGUSR1));
    for (int i = 0; i < 200; i++) {
        raise(SIGUSR1);
        assert_int_equal(wharf_yield(), 0);
    }
    int number = 0;
    assert_int_equal(wharf_take(signals, &number), 1);
    assert_int_equal(wharf_signal_close(signals), 0);
}

static void own_action(int number) {
    (void)number;
}

static void the_programs_own_choice_stays(void **state) {
    (void)state;
    struct sigaction own = {.sa_handler = own_action}, before;
    sigaction(SIGUSR2, &own, &before);
    assert_int_equal(wharf_signal_wait(WHARF_SIGNAL(SIGUSR1) | WHARF_SIGNAL(SIGUSR2)), -EBUSY);
    assert_ptr_equal(action_of(SIGUSR1), SIG_DFL);
    assert_ptr_equal(action_of(SIGUSR2), (void *)own_action);
    own.sa_handler = SIG_IGN;
    sigaction(SIGUSR2, &own, NULL);
    wharf_chan signals = wharf_signal_open(WHARF_SIGNAL(SIGUSR1) | WHARF_SIGNAL(SIGUSR2));
    raise(SIGUSR2);
    raise(SIGUSR1);
    int number = 0;
    assert_int_equal(wharf_take(signals, &number), 1);
    assert_int_equal(number, SIGUSR1);
    assert_int_equal(wharf_signal_close(signals), 0);
    assert_ptr_equal(action_of(SIGUSR2), SIG_IGN);
    sigaction(SIGUSR2, &before, NULL);
}

static void without_memory_nothing_is_left(void **state) {
    (void)state;
    int number = SIGUSR1;
    wharf_go(NULL, send_signal, number);
    assert_int_equal(wharf_signal_wait(WHARF_SIGNAL(SIGUSR1)), SIGUSR1);
    int64_t blocks = mem_live();
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        mem_fail_at(n);
        wharf_chan signals = wharf_signal_open(WHARF_SIGNAL(SIGUSR1) | WHARF_SIGNAL(SIGUSR2));
        failed = mem_did_fail();
        mem_fail_at(0);
        assert_int_equal(wharf_error(signals), failed ? -ENOMEM : 0);
        assert_int_equal(wharf_signal_close(signals), failed ? -ENOMEM : 0);
        assert_ptr_equal(action_of(SIGUSR1), SIG_DFL);
        assert_int_equal(mem_live(), blocks);
    }
}

/* ---- what ends the process ---- */

static int scenario_two_interrupts(void) {
    int number = SIGINT;
    wharf_go(NULL, send_signal, number);
    if (wharf_signal_wait(WHARF_SIGNAL(SIGINT) | WHARF_SIGNAL(SIGTERM)) != SIGINT) {
        return 1;
    }
    /* Winding up takes long, and the user is in a hurry. */
    raise(SIGINT);
    return 2;
}

static int scenario_left_open(void) {
    wharf_chan signals = wharf_signal_open(WHARF_SIGNAL(SIGTERM));
    raise(SIGTERM);
    int number = 0;
    return wharf_take(signals, &number) == 1 && number == SIGTERM ? 0 : 1;
}

static void a_second_interrupt_ends_the_program(void **state) {
    (void)state;
    struct child_end end = child_run("two_interrupts", NULL);
    assert_true(WIFSIGNALED(end.status));
    assert_int_equal(WTERMSIG(end.status), SIGINT);
}

static void an_open_channel_is_no_obstacle_at_the_end(void **state) {
    (void)state;
    struct child_end end = child_run("left_open", NULL);
    assert_true(WIFEXITED(end.status));
    assert_int_equal(WEXITSTATUS(end.status), 0);
}

int main(int argc, char **argv) {
    static const struct child_scenario scenarios[] = {
        {"two_interrupts", scenario_two_interrupts},
        {"left_open", scenario_left_open},
    };
    child_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_of_a_set_is_waited_for),
        cmocka_unit_test(bad_sets_are_refused),
        cmocka_unit_test(a_wait_that_ends_early_restores_the_default),
        cmocka_unit_test(a_channel_keeps_what_nobody_has_taken_yet),
        cmocka_unit_test(a_flood_loses_nothing_but_repetitions),
        cmocka_unit_test(the_programs_own_choice_stays),
        cmocka_unit_test(without_memory_nothing_is_left),
        cmocka_unit_test(a_second_interrupt_ends_the_program),
        cmocka_unit_test(an_open_channel_is_no_obstacle_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

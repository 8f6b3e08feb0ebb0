/* Unwinding by call frame information at every instruction of a switch: what perf, gdb and a crash handler do that stop a
 * thread anywhere. The processor is made to trap after each instruction, and the C library's unwinder must find the outermost
 * frame from there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <execinfo.h>
#include <signal.h>
#include <ucontext.h>

#include "sched/internal.h"
#include "sched/sanitizer.h"
#include "wharf/task.h"

#if __has_include(<valgrind/valgrind.h>)
#    include <valgrind/valgrind.h>
#else
#    define RUNNING_ON_VALGRIND 0
#endif

#if defined(__x86_64__) && !SANITIZER_ANY

enum { ENTRY_BYTES = 64, FRAMES_MAX = 64, TRAP_FLAG = 0x100, YIELDS = 4 };

static void *outermost;        /* frame of this thread's own stack */
static volatile bool stepping; /* until it is false */
static volatile int steps_in_switch, steps_in_entry, steps_lost;

static bool is_entry(uintptr_t pc) {
    return pc - (uintptr_t)context_entry < ENTRY_BYTES;
}

/* The two stand one behind the other. */
static bool is_switch(uintptr_t pc) {
    return pc >= (uintptr_t)context_switch && pc < (uintptr_t)context_entry;
}

static void look(uintptr_t pc) {
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX);
    void *last = count > 0 ? frames[count - 1] : NULL;
    if (count == FRAMES_MAX || (last != outermost && !is_entry((uintptr_t)last))) {
        steps_lost++;
    }
    if (is_entry(pc)) {
        steps_in_entry++;
    } else {
        steps_in_switch++;
    }
}

static void trapped(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    uintptr_t pc = (uintptr_t)registers[REG_RIP];
    if (!stepping) {
        registers[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    } else if (is_entry(pc) || is_switch(pc)) {
        look(pc);
    }
}

static void step_from_here(void) {
    stepping = true;
    __asm__ volatile("pushfq\n\torl %0, (%%rsp)\n\tpopfq" : : "i"(TRAP_FLAG) : "memory", "cc");
}

/* From one place in every task, and from another. One of them rounds otherwise, so that the switch loads the control words. */
static int give_way_twice(void *arg) {
    uint64_t float_before = context_float_get();
    if (*(int *)arg == 2) {
        context_float_load(float_before ^ UINT64_C(0x6000) ^ UINT64_C(0x0c00) << 32);
    }
    for (int i = 0; i < YIELDS; i++) {
        wharf_yield();
    }
    wharf_yield();
    context_float_load(float_before);
    return 0;
}

static void every_instruction_of_a_switch_can_be_unwound(void **state) {
    (void)state;
    if (RUNNING_ON_VALGRIND) {
        skip(); /* it knows no trap flag */
    }
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX); /* which loads what the unwinder needs */
    assert_in_range(count, 2, FRAMES_MAX - 1);
    outermost = frames[count - 1];
    struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO}, before;
    sigaction(SIGTRAP, &action, &before);
    for (int round = 0; round < 2; round++) { /* on new stacks, then on used ones */
        int result = -1;
        steps_in_switch = steps_in_entry = steps_lost = 0;
        WHARF_SCOPE (scope, &result) {
            wharf_go(scope, give_way_twice, 1);
            wharf_go(scope, give_way_twice, 2);
            step_from_here();
            wharf_scope_wait(scope);
            stepping = false;
        }
        assert_int_equal(result, 0);
        assert_true(steps_in_switch > 2 * YIELDS * 20);
        assert_true(round > 0 || steps_in_entry >= 2 * 3);
        assert_int_equal(steps_lost, 0);
    }
    sigaction(SIGTRAP, &before, NULL);
}

#else

static void every_instruction_of_a_switch_can_be_unwound(void **state) {
    (void)state;
    skip(); /* it is the processor that is made to trap, and sanitizers have handlers of their own */
}

#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_instruction_of_a_switch_can_be_unwound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The context switch: what a task keeps of the processor's state while others run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <fenv.h>
#include <math.h>
#include <stdlib.h>

#include "sched/task.h"
#include "wharf/task.h"

enum { REGISTERS = 6, TASKS = 8, ROUNDS = 50 };

#if defined(__x86_64__)

/* Loads values[0..5] into the registers that a callee must keep, calls, and stores what they hold then to values[6..11]. */
__attribute__((noinline)) static void registers_through(uint64_t values[2 * REGISTERS], void (*call)(void)) {
    __asm__ volatile(
        "leaq -128(%%rsp), %%rsp\n\t" /* past the red zone */
        "pushq %%rbx\n\tpushq %%rbp\n\tpushq %%r12\n\tpushq %%r13\n\tpushq %%r14\n\tpushq %%r15\n\t"
        "movq %%rsp, %%rax\n\tandq $-16, %%rsp\n\tpushq %%rax\n\tpushq %%rdi\n\t"
        "movq (%%rdi), %%rbx\n\tmovq 8(%%rdi), %%rbp\n\tmovq 16(%%rdi), %%r12\n\t"
        "movq 24(%%rdi), %%r13\n\tmovq 32(%%rdi), %%r14\n\tmovq 40(%%rdi), %%r15\n\t"
        "call *%%rsi\n\t"
        "popq %%rdi\n\t"
        "movq %%rbx, 48(%%rdi)\n\tmovq %%rbp, 56(%%rdi)\n\tmovq %%r12, 64(%%rdi)\n\t"
        "movq %%r13, 72(%%rdi)\n\tmovq %%r14, 80(%%rdi)\n\tmovq %%r15, 88(%%rdi)\n\t"
        "popq %%rsp\n\t"
        "popq %%r15\n\tpopq %%r14\n\tpopq %%r13\n\tpopq %%r12\n\tpopq %%rbp\n\tpopq %%rbx\n\t"
        "leaq 128(%%rsp), %%rsp"
        : "+D"(values), "+S"(call)
        :
        : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
          "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "memory",
          "cc");
}

static void give_way(void) {
    wharf_yield();
}

static int check_registers(void *arg) {
    uint64_t seed = *(uint64_t *)arg;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t values[2 * REGISTERS] = {0};
        for (uint64_t i = 0; i < REGISTERS; i++) {
            values[i] = seed * 1000003 + round * 17 + i;
        }
        registers_through(values, give_way);
        for (size_t i = 0; i < REGISTERS; i++) {
            if (values[i] != values[REGISTERS + i]) {
                return -EIO;
            }
        }
    }
    return 0;
}

static void callee_saved_registers_survive(void **state) {
    (void)state;
    int result = -1;
    WHARF_SCOPE (scope, &result) {
        for (uint64_t i = 0; i < TASKS; i++) {
            wharf_go(scope, check_registers, i);
        }
    }
    assert_int_equal(result, 0);
}

#else

static void callee_saved_registers_survive(void **state) {
    (void)state;
    skip();
}

#endif

/* ---- floating-point control ---- */

static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO, FE_TONEAREST};
static volatile double one = 1, three = 3;

static double third_in(int mode) {
    fesetround(mode);
    return one / three;
}

static int keep_mode(void *arg) {
    int mode = *(int *)arg;
    double expected = third_in(mode);
    for (int i = 0; i < ROUNDS; i++) {
        wharf_yield();
        if (fegetround() != mode || one / three != expected) {
            return -EIO;
        }
    }
    return 0;
}

static void rounding_belongs_to_the_task(void **state) {
    (void)state;
    int result = -1;
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < TASKS; i++) {
            wharf_go(scope, keep_mode, modes[i % 4]);
        }
    }
    assert_int_equal(result, 0);
    assert_int_equal(fegetround(), FE_TONEAREST);
}

static int seen_mode;

static int see_mode(void *arg) {
    (void)arg;
    seen_mode = fegetround();
    return 0;
}

static void a_task_begins_with_its_makers_rounding(void **state) {
    (void)state;
    fesetround(FE_UPWARD);
    wharf_task task = wharf_spawn(NULL, see_mode, NULL, 0, NULL);
    fesetround(FE_TONEAREST);
    assert_int_equal(wharf_join(task, NULL), 0);
    assert_int_equal(seen_mode, FE_UPWARD);
}

static int leave_mode_behind(void *arg) {
    (void)arg;
    fesetround(FE_DOWNWARD);
    return 0;
}

static void a_start_on_a_used_stack_begins_with_the_default(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        seen_mode = -1;
        assert_int_equal(task_start(NULL, leave_mode_behind, NULL, "first"), 0);
        assert_int_equal(task_start(NULL, see_mode, NULL, "second"), 0);
        assert_int_equal(wharf_sleep(1), 0);
        assert_int_equal(seen_mode, FE_TONEAREST);
    }
}

/* ---- errno ---- */

static int keep_errno(void *arg) {
    int mine = *(int *)arg;
    for (int i = 0; i < ROUNDS; i++) {
        errno = mine;
        wharf_yield();
        if (errno != mine) {
            return -EIO;
        }
    }
    return 0;
}

static void errno_belongs_to_the_task(void **state) {
    (void)state;
    int result = -1;
    WHARF_SCOPE (scope, &result) {
        for (int i = 1; i <= TASKS; i++) {
            wharf_go(scope, keep_errno, i);
        }
    }
    assert_int_equal(result, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callee_saved_registers_survive),
        cmocka_unit_test(rounding_belongs_to_the_task),
        cmocka_unit_test(a_task_begins_with_its_makers_rounding),
        cmocka_unit_test(a_start_on_a_used_stack_begins_with_the_default),
        cmocka_unit_test(errno_belongs_to_the_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

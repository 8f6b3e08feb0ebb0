/* Backtraces: our own walk along frame pointers, the C library's unwinder inside a task, and what gdb makes of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <execinfo.h>
#include <string.h>

#include "sched/internal.h"
#include "wharf/task.h"

enum { ENTRY_BYTES = 64 };

static bool is_entry(uintptr_t pc) {
    return pc - (uintptr_t)context_entry < ENTRY_BYTES;
}

/* ---- frames made by hand ---- */

struct chain {
    const char *name;
    uintptr_t words[6]; /* frame records; a caller is given as its index + 1, 0: none */
    int expected;       /* the first pc included */
};

static void a_broken_chain_ends_the_walk(void **state) {
    (void)state;
    static const struct chain chains[] = {
        {"whole", {3, 0x11, 5, 0x22, 0, 0x33}, 4},
        {"no callers", {0, 0x11, 0, 0, 0, 0}, 2},
        {"a loop", {1, 0x11, 0, 0, 0, 0}, 2},
        {"downwards", {3, 0x11, 1, 0x22, 0, 0}, 3},
        {"off the end", {6, 0x11, 0, 0, 0, 0x99}, 2},
        {"far away", {9000, 0x11, 0, 0, 0, 0}, 2},
        {"no return address", {3, 0x11, 5, 0, 0, 0x33}, 2},
    };
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        uintptr_t stack[6];
        for (size_t word = 0; word < 6; word += 2) {
            uintptr_t caller = chains[i].words[word];
            stack[word] = caller == 0 ? 0 : (uintptr_t)stack + (caller - 1) * sizeof(uintptr_t);
            stack[word + 1] = chains[i].words[word + 1];
        }
        struct backtrace trace;
        struct stack_range range = {(uintptr_t)stack, (uintptr_t)(stack + 6)};
        backtrace_walk(&trace, 0x1, (uintptr_t)stack, range);
        assert_int_equal(trace.count, chains[i].expected);
        backtrace_walk(&trace, 0x1, (uintptr_t)stack + 1, range); /* misaligned */
        assert_int_equal(trace.count, 1);
        backtrace_walk(&trace, 0x1, 0, range);
        assert_int_equal(trace.count, 1);
    }
}

/* ---- real ones ---- */

enum { DEPTH = 5 };
static uintptr_t callers[DEPTH];
static struct backtrace here;
static void *libc_frames[200];
static int libc_count;

__attribute__((noinline)) static int descend(int depth) {
    callers[depth] = (uintptr_t)__builtin_return_address(0);
    if (depth > 0) {
        int rc = descend(depth - 1);
        __asm__ volatile("" : : : "memory"); /* no loop is made of this */
        return rc;
    }
    backtrace_here(sched_peek(), &here);
    libc_count = backtrace(libc_frames, 200);
    return wharf_sleep(WHARF_OFF) == -ECANCELED ? 0 : -1;
}

static int descend_in_task(void *arg) {
    (void)arg;
    return descend(DEPTH - 1) >= 0 ? 0 : -EIO;
}

static int frame_of(const struct backtrace *trace, uintptr_t pc) {
    for (int i = 0; i < trace->count; i++) {
        if (trace->pc[i] == pc) {
            return i;
        }
    }
    return -1;
}

static void check_callers(const struct backtrace *trace) {
    int last = -1;
    for (int depth = 0; depth < DEPTH; depth++) {
        int at = frame_of(trace, callers[depth]);
        assert_true(at >= 0 && at >= last);
        last = at;
    }
    assert_true(is_entry(trace->pc[trace->count - 1]));
}

static void every_caller_is_seen_and_the_walk_ends_where_the_task_begins(void **state) {
    (void)state;
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    assert_int_equal(wharf_go(&scope, descend_in_task, 0), 0);
    wharf_yield();
    check_callers(&here); /* of itself */
    const struct sched *sched = sched_peek();
    const struct task *task = task_next(sched, &sched->main);
    assert_non_null(task);
    struct backtrace parked;
    backtrace_of_context(&parked, task->context, task_stack(sched, task).high);
    check_callers(&parked);
    wharf_scope_cancel(&scope);
    wharf_scope_close(&scope);
    /* The C library's, by unwinding tables. */
    assert_in_range(libc_count, DEPTH + 2, 60);
    assert_true(is_entry((uintptr_t)libc_frames[libc_count - 1]));
}

static void frames_are_named_by_module_and_offset(void **state) {
    (void)state;
    struct backtrace trace = {.count = 2, .pc = {(uintptr_t)frame_of, 16}};
    char text[512], small[8];
    size_t len = backtrace_format(&trace, 0, text, sizeof text);
    assert_int_equal(len, strlen(text));
    assert_non_null(strstr(text, "backtrace_test+0x"));
    (void)backtrace_format(&trace, 1, text, sizeof text);
    assert_string_equal(text, "0x10");
    assert_int_equal(backtrace_format(&trace, 0, small, sizeof small), 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_chain_ends_the_walk),
        cmocka_unit_test(every_caller_is_seen_and_the_walk_ends_where_the_task_begins),
        cmocka_unit_test(frames_are_named_by_module_and_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

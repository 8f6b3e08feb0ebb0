/* Stacks: room, guards, the report of an overflow, and what happens when there are no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "child.h"
#include "sched/sanitizer.h"
#include "sched/sched.h"
#include "sched/stack.h"
#include "sched/task.h"
#include "wharf/debug.h"
#include "wharf/task.h"

/* Sanitizers have handlers and address spaces of their own. */
#define SKIP_UNDER_SANITIZERS() \
    do {                        \
        if (SANITIZER_ANY) {    \
            skip();             \
        }                       \
    } while (0)

/* An emulator has words of its own for a crash, and an address space of its own. */
#define SKIP_UNDER_EMULATION()                     \
    do {                                           \
        if (getenv("MESON_EXE_WRAPPER") != NULL) { \
            skip();                                \
        }                                          \
    } while (0)

/* ---- room ---- */

__attribute__((noinline)) static int fill(char *bytes, size_t size, int value) {
    memset(bytes, value, size);
    __asm__ volatile("" : : "r"(bytes) : "memory");
    return bytes[0] == (char)value && bytes[size - 1] == (char)value ? 0 : -EIO;
}

static int large_array(void *arg) {
    char bytes[65536];
    int value = *(int *)arg;
    int rc = fill(bytes, sizeof bytes, value);
    wharf_yield();
    return rc == 0 && bytes[1000] == (char)value ? 0 : -EIO;
}

static int largest_array(void *arg) {
    (void)arg;
    char bytes[200 * 1024];
    return fill(bytes, sizeof bytes, 7);
}

static int small_array(void *arg) {
    (void)arg;
    char bytes[32 * 1024];
    return fill(bytes, sizeof bytes, 7);
}

static void a_task_has_room_for_large_arrays(void **state) {
    (void)state;
    int result = -1;
    wharf_task_options small = {.size = sizeof small, .stack_bytes = 64 * 1024};
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < 20; i++) {
            wharf_go(scope, large_array, i);
        }
        assert_int_equal(wharf_spawn_detached(scope, largest_array, NULL, 0, NULL), 0);
        assert_int_equal(wharf_spawn_detached(scope, small_array, NULL, 0, &small), 0);
    }
    assert_int_equal(result, 0);
}

static void refuses_a_stack_that_is_too_large(void **state) {
    (void)state;
    wharf_task_options options = {.size = sizeof options, .stack_bytes = STACK_LARGE + 1};
    assert_int_equal(wharf_spawn_detached(NULL, small_array, NULL, 0, &options), -EINVAL);
    assert_int_equal(wharf_spawn(NULL, small_array, NULL, 0, &options).id, -EINVAL);
}

/* ---- the pool ---- */

static void guards_lie_below_every_stack(void **state) {
    (void)state;
    for (int forced = 0; forced < 2; forced++) {
        struct stack_pool pool;
        stack_pool_init(&pool, forced == 1);
        for (int i = 0; i < 300; i++) {
            struct stack *stack = NULL;
            assert_int_equal(stack_get(&pool, i % 3 == 0 ? STACK_SMALL : STACK_LARGE, &stack), 0);
            assert_ptr_equal(stack_of_guard(&pool, stack->bottom - 1), stack);
            assert_ptr_equal(stack_of_guard(&pool, stack->bottom - 4096), stack);
            assert_null(stack_of_guard(&pool, stack->bottom));
            assert_null(stack_of_guard(&pool, stack->top));
            assert_true((size_t)(stack->top - stack->bottom) >= (i % 3 == 0 ? 58 : 236) * 1024);
            stack->bottom[0] = 1; /* to be touched, like its highest byte */
            stack->top[-1] = 1;
        }
        assert_null(stack_of_guard(&pool, &pool));
        assert_null(stack_of_guard(&pool, NULL));
        stack_pool_deinit(&pool);
    }
}

static void the_last_one_put_is_the_first_one_got(void **state) {
    (void)state;
    struct stack_pool pool;
    struct stack *stacks[200], *again = NULL;
    stack_pool_init(&pool, false);
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(stack_get(&pool, STACK_LARGE, &stacks[i]), 0);
        memset(stacks[i]->bottom, 1, 4096);
    }
    for (size_t i = 0; i < 200; i++) {
        stack_put(&pool, stacks[i]); /* most of them give their pages back */
    }
    for (size_t i = 200; i-- > 0;) {
        assert_int_equal(stack_get(&pool, 100 * 1024, &again), 0);
        assert_ptr_equal(again, stacks[i]);
    }
    stack_pool_deinit(&pool);
}

static int mappings(void) {
    FILE *file = fopen("/proc/self/maps", "re");
    int lines = 0;
    for (int c = fgetc(file); c != EOF; c = fgetc(file)) {
        lines += c == '\n' ? 1 : 0;
    }
    fclose(file);
    return lines;
}

static void many_stacks_need_few_mappings(void **state) {
    (void)state;
    SKIP_UNDER_SANITIZERS();
    struct stack_pool pool;
    stack_pool_init(&pool, false);
    int before = mappings();
    for (int i = 0; i < 10000 && !pool.use_mprotect; i++) {
        struct stack *stack = NULL;
        assert_int_equal(stack_get(&pool, STACK_SMALL, &stack), 0);
    }
    int after = mappings();
    bool old_kernel = pool.use_mprotect;
    stack_pool_deinit(&pool);
    if (old_kernel) {
        skip();
    }
    assert_true(after - before < 100);
}

/* ---- overflow ---- */

__attribute__((noinline)) static int descend(int depth) {
    volatile char frame[512];
    frame[depth % 512] = (char)depth;
    return depth > 0 ? descend(depth + 1) + frame[depth % 512] : 0;
}

static int overflow_here(void *arg) {
    return descend(*(int *)arg);
}

static int scenario_overflow(void) {
    wharf_task_options options = {sizeof options, "bottomless", "depths.c", 4711, 0};
    int depth = 1;
    wharf_task task = wharf_spawn(NULL, overflow_here, &depth, sizeof depth, &options);
    return wharf_join(task, NULL);
}

static int one_large_frame(void *arg) {
    (void)arg;
    char bytes[400 * 1024];
    return fill(bytes, sizeof bytes, 7);
}

static int scenario_large_frame(void) {
    wharf_task_options options = {sizeof options, "bottomless", "depths.c", 4711, 0};
    return wharf_join(wharf_spawn(NULL, one_large_frame, NULL, 0, &options), NULL);
}

static void an_overflow_names_the_task_and_where_it_was_started(void **state) {
    (void)state;
    SKIP_UNDER_SANITIZERS();
    static const char *const environments[] = {NULL, "WHARF_FALLBACKS=1"};
    static const char *const scenarios[] = {"overflow", "large frame"};
    for (size_t i = 0; i < 4; i++) {
        struct child_end end = child_run(scenarios[i % 2], environments[i / 2]);
        assert_true(WIFSIGNALED(end.status));
        assert_int_equal(WTERMSIG(end.status), SIGSEGV);
        assert_non_null(strstr(end.errors, "stack overflow"));
        assert_non_null(strstr(end.errors, "\"bottomless\""));
        assert_non_null(strstr(end.errors, "depths.c:4711"));
        assert_non_null(strstr(end.errors, "\n    #1  "));
    }
}

static int crash_here(void *arg) {
    int kind = *(int *)arg;
    volatile char *forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (kind == SIGSEGV) {
        return *forbidden;
    }
    if (kind == SIGILL) {
        __builtin_trap();
    }
    if (kind == SIGFPE) {
        volatile int zero = 0;
        return kind / zero;
    }
    abort();
}

static int crash_by(int kind) {
    wharf_task_options options = {sizeof options, "clumsy", "depths.c", 4712, 0};
    return wharf_join(wharf_spawn(NULL, crash_here, &kind, sizeof kind, &options), NULL);
}

static int scenario_access(void) {
    return crash_by(SIGSEGV);
}

static int scenario_illegal(void) {
    return crash_by(SIGILL);
}

static int scenario_division(void) {
    return crash_by(SIGFPE);
}

static int scenario_abort(void) {
    return crash_by(SIGABRT);
}

static int scenario_sent_signal(void) {
    wharf_yield();
    raise(SIGSEGV);
    return 0;
}

/* Without a task in it: nothing to add to what the system says. */
static void *crash_thread(void *arg) {
    (void)arg;
    int kind = SIGSEGV;
    return crash_here(&kind) == 0 ? NULL : arg;
}

static int scenario_foreign_thread(void) {
    wharf_yield();
    pthread_t thread;
    pthread_create(&thread, NULL, crash_thread, NULL);
    return pthread_join(thread, NULL);
}

static void a_crash_names_the_task_its_stack_and_the_functions(void **state) {
    (void)state;
    SKIP_UNDER_SANITIZERS();
    SKIP_UNDER_EMULATION();
    static const struct {
        const char *scenario, *words;
        int signal;
    } cases[] = {
        {"access", "crashed: SIGSEGV at address 0x", SIGSEGV},
        {"illegal", "crashed: SIGILL at address 0x", SIGILL},
        {"division", "crashed: SIGFPE at address 0x", SIGFPE},
        {"abort", "crashed: SIGABRT; its stack is 0x", SIGABRT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct child_end end = child_run(cases[i].scenario, NULL);
        assert_true(WIFSIGNALED(end.status));
        assert_int_equal(WTERMSIG(end.status), cases[i].signal);
        assert_non_null(strstr(end.errors, cases[i].words));
        assert_non_null(strstr(end.errors, "wharf: task \"clumsy\" (started at depths.c:4712)"));
        assert_non_null(strstr(end.errors, "its stack is 0x"));
        assert_null(strstr(end.errors, "overflow"));
        assert_non_null(strstr(end.errors, "\n    #0  "));
        /* abort() kills from functions that keep no frame pointer. */
        bool has_callers = strstr(end.errors, "\n    #1  ") != NULL &&
                           strstr(end.errors, "stack_test+0x") != NULL;
        assert_true(has_callers || cases[i].signal == SIGABRT);
        assert_string_equal(child_run(cases[i].scenario, "WHARF_REPORTS=off").errors, "");
    }
}

static void what_is_no_crash_of_a_task_is_not_reported(void **state) {
    (void)state;
    SKIP_UNDER_SANITIZERS();
    SKIP_UNDER_EMULATION();
    static const char *const scenarios[] = {"sent signal", "foreign thread"};
    for (size_t i = 0; i < 2; i++) {
        struct child_end end = child_run(scenarios[i], NULL);
        assert_true(WIFSIGNALED(end.status));
        assert_int_equal(WTERMSIG(end.status), SIGSEGV);
        assert_string_equal(end.errors, "");
    }
}

/* ---- none left ---- */

static int wait_until_cancelled(void *arg) {
    (void)arg;
    return wharf_sleep(WHARF_OFF) == -ECANCELED ? 0 : -EIO;
}

static int started;

static int count_start(void *arg) {
    (void)arg;
    started++;
    return 0;
}

static int64_t cpu_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Fills the address space with parked tasks, then starts more: they wait without using the processor, and run when the
 * others have ended. */
static int scenario_no_stacks(void) {
    enum { STARTS = 10, HALF_GIBIBYTE = 512 << 20 };
    wharf_yield();
    struct rlimit limit = {HALF_GIBIBYTE, HALF_GIBIBYTE};
    setrlimit(RLIMIT_AS, &limit);
    wharf_scope scope;
    int spawned = 0, rc = 0;
    wharf_scope_open(&scope, NULL);
    while (rc == 0 && spawned < 10000) {
        rc = wharf_spawn_detached(&scope, wait_until_cancelled, NULL, 0, NULL);
        spawned += rc == 0 ? 1 : 0;
    }
    if (rc != -EAGAIN || spawned < 100) {
        return 1;
    }
    for (int i = 0; i < STARTS; i++) {
        if (task_start(NULL, count_start, NULL, "late") != 0) {
            return 2;
        }
    }
    int64_t before = cpu_ms();
    wharf_sleep(300);
    if (started != 0 || cpu_ms() - before > 150) {
        return 3;
    }
    wharf_scope_cancel(&scope);
    if (wharf_scope_close(&scope) != 0) {
        return 4;
    }
    while (started < STARTS) {
        wharf_sleep(1);
    }
    return 0;
}

static void starts_wait_for_a_stack_to_come_back(void **state) {
    (void)state;
    SKIP_UNDER_SANITIZERS();
    SKIP_UNDER_EMULATION();
    struct child_end end = child_run("no stacks", NULL);
    assert_true(WIFEXITED(end.status));
    assert_int_equal(WEXITSTATUS(end.status), 0);
}

/* ---- a great many ---- */

enum { PARKED = 100 * 1000, STATUS_SIZE = 4096 };

/* The number after `name` in /proc/self/status, in bytes. */
static size_t status_bytes(const char *name) {
    char text[STATUS_SIZE];
    FILE *file = fopen("/proc/self/status", "re");
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    const char *at = strstr(text, name);
    size_t number = 0;
    for (at += strcspn(at, "0123456789"); *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (size_t)(*at - '0');
    }
    return number * 1024;
}

/* 0: all were parked, within what a parked task may cost. */
static int scenario_parked(void) {
    wharf_yield();
    size_t before = status_bytes("VmRSS:");
    int mapped = mappings();
    wharf_task_options small = {.size = sizeof small, .stack_bytes = STACK_SMALL};
    wharf_scope scope;
    wharf_scope_open(&scope, NULL);
    for (int i = 0; i < PARKED; i++) {
        if (wharf_spawn_detached(&scope, wait_until_cancelled, NULL, 0, &small) < 0) {
            fprintf(stderr, "%s", wharf_why());
            wharf_scope_abandon(&scope);
            return 1;
        }
    }
    wharf_yield();
    bool ok = (status_bytes("VmRSS:") - before) / PARKED <= 4600 && mappings() - mapped < 200;
    wharf_scope_cancel(&scope);
    wharf_scope_close(&scope);
    return ok ? 0 : 2;
}

static bool has_guard_regions(void) {
    struct stack_pool pool;
    struct stack *stack = NULL;
    stack_pool_init(&pool, sched_fallbacks());
    assert_int_equal(stack_get(&pool, STACK_SMALL, &stack), 0);
    bool has = !pool.use_mprotect;
    stack_pool_deinit(&pool);
    return has;
}

static void a_hundred_thousand_parked_tasks_cost_a_page_each(void **state) {
    (void)state;
    SKIP_UNDER_SANITIZERS();
    if (!has_guard_regions()) {
        skip();
    }
    assert_int_equal(child_run("parked", NULL).status, 0);
}

static void without_guard_regions_the_limit_is_named(void **state) {
    (void)state;
    SKIP_UNDER_SANITIZERS();
    SKIP_UNDER_EMULATION();
    struct child_end end = child_run("parked", "WHARF_FALLBACKS=1");
    assert_int_equal(WEXITSTATUS(end.status), 1);
    assert_non_null(strstr(end.errors, "EAGAIN"));
    assert_non_null(strstr(end.errors, "vm.max_map_count"));
}

/* ---- high-water marks ---- */

__attribute__((noinline)) static int use_stack(void *arg) {
    size_t size = *(size_t *)arg;
    char bytes[200 * 1024];
    memset(bytes + sizeof bytes - size, 7, size);
    __asm__ volatile("" : : "r"(bytes) : "memory");
    return bytes[sizeof bytes - 1] == 7 ? 0 : -EIO;
}

static int use_little(void *arg) {
    (void)arg;
    return 0;
}

static int run_named(wharf_fn fn, size_t size, const char *name) {
    wharf_task_options options = {sizeof options, name, "depths.c", 4711, 0};
    return wharf_join(wharf_spawn(NULL, fn, &size, sizeof size, &options), NULL);
}

static int scenario_high_water(void) {
    wharf_counters counters = {.size = sizeof counters};
    int rc = wharf_stats(&counters);
    bool ok = rc == 0 && counters.stack_large_peak == 0;
    ok = ok && run_named(use_stack, 190 * 1024, "greedy") == 0 && run_named(use_little, 0, "modest") == 0;
    rc = wharf_stats(&counters);
    return ok && rc == 0 && counters.stack_large_peak >= 190 * 1024 && counters.stack_small_peak == 0 ? 0 : 1;
}

static void a_task_that_used_most_of_its_stack_is_named(void **state) {
    (void)state;
    SKIP_UNDER_SANITIZERS();
    struct child_end end = child_run("high water", "WHARF_STACK_REPORT=1");
    assert_int_equal(end.status, 0);
    assert_non_null(strstr(end.errors, "\"greedy\" (started at depths.c:4711) used "));
    assert_null(strstr(end.errors, "modest"));
}

int main(int argc, char **argv) {
    static const struct child_scenario scenarios[] = {
        {"overflow", scenario_overflow},
        {"large frame", scenario_large_frame},
        {"access", scenario_access},
        {"illegal", scenario_illegal},
        {"division", scenario_division},
        {"abort", scenario_abort},
        {"foreign thread", scenario_foreign_thread},
        {"sent signal", scenario_sent_signal},
        {"no stacks", scenario_no_stacks},
        {"parked", scenario_parked},
        {"high water", scenario_high_water},
    };
    child_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_has_room_for_large_arrays),
        cmocka_unit_test(refuses_a_stack_that_is_too_large),
        cmocka_unit_test(guards_lie_below_every_stack),
        cmocka_unit_test(the_last_one_put_is_the_first_one_got),
        cmocka_unit_test(many_stacks_need_few_mappings),
        cmocka_unit_test(an_overflow_names_the_task_and_where_it_was_started),
        cmocka_unit_test(a_crash_names_the_task_its_stack_and_the_functions),
        cmocka_unit_test(what_is_no_crash_of_a_task_is_not_reported),
        cmocka_unit_test(starts_wait_for_a_stack_to_come_back),
        cmocka_unit_test(a_hundred_thousand_parked_tasks_cost_a_page_each),
        cmocka_unit_test(without_guard_regions_the_limit_is_named),
        cmocka_unit_test(a_task_that_used_most_of_its_stack_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

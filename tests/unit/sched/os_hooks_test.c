/* Where reports go and where memory comes from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/report.h"
#include "child.h"
#include "sched/sanitizer.h"
#include "wharf/os.h"
#include "wharf/task.h"

struct heard {
    wharf_log_level level;
    char text[128];
    int times;
};

static void listen_to(wharf_log_level level, const char *text, size_t len, void *arg) {
    struct heard *heard = arg;
    heard->level = level;
    memcpy(heard->text, text, len < sizeof heard->text - 1 ? len : sizeof heard->text - 1);
    heard->times++;
}

static void reports_go_where_they_are_sent(void **state) {
    (void)state;
    struct heard heard = {0};
    wharf_set_log(listen_to, &heard);
    report_write(REPORT_WARNING, "wharf: beware", 13);
    assert_int_equal(heard.level, WHARF_LOG_WARNING);
    assert_string_equal(heard.text, "wharf: beware");
    wharf_set_log(NULL, NULL);
    assert_int_equal(heard.times, 1);
}

static int scenario_default(void) {
    report_write(REPORT_ERROR, "one\ntwo", 7);
    return 0;
}

static volatile int sink, deepest = 1 << 30;

__attribute__((noinline)) static int overflow(int depth) {
    volatile char frame[1024];
    frame[0] = (char)depth;
    return depth < deepest ? overflow(depth + 1) + frame[sink] : 0;
}

static int overflow_task(void *arg) {
    (void)arg;
    return overflow(0);
}

static void say_less(wharf_log_level level, const char *text, size_t len, void *arg) {
    (void)len;
    (void)arg;
    const char *word = level == WHARF_LOG_CRASH && strstr(text, "stack overflow") != NULL ? "overflow heard"
                                                                                          : "?";
    ssize_t put = write(STDERR_FILENO, word, strlen(word));
    (void)put;
}

static int scenario_crash(void) {
    wharf_set_log(say_less, NULL);
    (void)wharf_join(wharf_spawn(NULL, overflow_task, NULL, 0, NULL), NULL);
    return 0;
}

static void without_a_function_reports_go_to_standard_error(void **state) {
    (void)state;
    assert_string_equal(child_run("default", NULL).errors, "one\ntwo\n");
    assert_string_equal(child_run("default", "WHARF_REPORTS=off").errors, "");
}

static void a_crash_is_reported_like_everything_else(void **state) {
    (void)state;
    if (SANITIZER_ANY) {
        skip(); /* the sanitizer has the handler */
    }
    struct child_end end = child_run("crash", NULL);
    assert_true(WIFSIGNALED(end.status));
    assert_string_equal(end.errors, "overflow heard");
}

/* ---- memory ---- */

static _Atomic int taken, given;

static void *take(size_t size) {
    taken++;
    void *block = malloc(size);
    if (block != NULL) {
        memset(block, 0xa5, size); /* not the zeros that mem_zalloc() must give */
    }
    return block;
}

static void *take_more(void *block, size_t size) {
    return realloc(block, size);
}

static void give(void *block) {
    given++;
    free(block);
}

static int add_one(void *arg) {
    (*(int *)arg)++;
    return 0;
}

static void *use_wharf(void *arg) {
    (void)wharf_offload(add_one, arg, sizeof(int));
    return wharf_sleep(1) == 0 ? arg : NULL;
}

static int scenario_allocator(void) {
    if (wharf_set_allocator(take, NULL, give) != -EINVAL || wharf_set_allocator(take, take_more, give) != 0) {
        return 1;
    }
    pthread_t thread;
    void *result = NULL;
    int value = 1;
    pthread_create(&thread, NULL, use_wharf, &value);
    pthread_join(thread, &result);
    if (result == NULL || value != 2 || taken == 0 || taken != given) {
        return 2;
    }
    (void)wharf_yield();
    return wharf_set_allocator(malloc, realloc, free) == -EBUSY ? 0 : 3;
}

static void memory_comes_from_where_the_program_says(void **state) {
    (void)state;
    struct child_end end = child_run("allocator", NULL);
    assert_true(WIFEXITED(end.status));
    assert_int_equal(WEXITSTATUS(end.status), 0);
}

int main(int argc, char **argv) {
    static const struct child_scenario scenarios[] = {
        {"default", scenario_default},
        {"crash", scenario_crash},
        {"allocator", scenario_allocator},
    };
    child_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_go_where_they_are_sent),
        cmocka_unit_test(without_a_function_reports_go_to_standard_error),
        cmocka_unit_test(a_crash_is_reported_like_everything_else),
        cmocka_unit_test(memory_comes_from_where_the_program_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

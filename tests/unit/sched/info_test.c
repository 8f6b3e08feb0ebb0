/* What wharf_info() says, and what WHARF_ENGINE does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "wharf/debug.h"
#include "wharf/os.h"
#include "wharf/sim.h"
#include "wharf/task.h"

static int nothing(void *arg) {
    (void)arg;
    return 0;
}

static int scenario_print(void) {
    wharf_facts facts = {.size = sizeof facts};
    WHARF_SCOPE (scope, NULL) {
        wharf_go(scope, nothing, 0);
    }
    int rc = wharf_info(&facts);
    fprintf(stderr, "%s: %s; %s; %d", facts.engine, facts.engine_reason, facts.stack_guards, facts.fallbacks);
    return rc < 0;
}

static void an_engine_that_is_not_there_is_no_error(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {NULL, "epoll: the default; "},
        {"WHARF_ENGINE=", "epoll: the default; "},
        {"WHARF_ENGINE=epoll", "epoll: WHARF_ENGINE=epoll; "},
        {"WHARF_ENGINE=uring", "epoll: WHARF_ENGINE=uring: this version has no io_uring engine"},
        {"WHARF_ENGINE=sim", "epoll: WHARF_ENGINE=sim: a simulation begins with wharf_sim_run()"},
        {"WHARF_ENGINE=kqueue", "epoll: WHARF_ENGINE names no engine"},
        {"WHARF_FALLBACKS=1", "epoll: the default; mprotect; 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct child_end end = child_run("print", cases[i][0]);
        assert_int_equal(end.status, 0);
        assert_ptr_equal(strstr(end.errors, cases[i][1]), end.errors);
    }
}

static void writes_no_more_than_the_caller_has(void **state) {
    (void)state;
    wharf_facts facts;
    memset(&facts, 0x55, sizeof facts);
    facts.size = offsetof(wharf_facts, engine);
    assert_int_equal(wharf_info(&facts), 0);
    assert_string_equal(facts.version, wharf_version());
    assert_int_equal((uintptr_t)facts.engine, 0x5555555555555555);
    facts.size = 0;
    assert_int_equal(wharf_info(&facts), -EINVAL);
    facts.size = sizeof facts;
    assert_int_equal(wharf_info(&facts), 0);
    assert_int_equal(facts.cores, wharf_cores());
}

static int in_simulation(void *arg) {
    wharf_facts facts = {.size = sizeof facts};
    int rc = wharf_info(&facts);
    wharf_random(arg, 32);
    return rc < 0 ? rc : strcmp(facts.engine, "sim") == 0 ? 0 : -EIO;
}

static void a_simulation_says_so_and_draws_from_its_seed(void **state) {
    (void)state;
    unsigned char bytes[3][32] = {{0}};
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(
            wharf_sim_run(WHARF_OPTIONS(wharf_sim_options, .seed = i / 2), in_simulation, bytes[i]), 0);
    }
    assert_memory_equal(bytes[0], bytes[1], 32);
    assert_memory_not_equal(bytes[0], bytes[2], 32);
}

int main(int argc, char **argv) {
    static const struct child_scenario scenarios[] = {{"print", scenario_print}};
    child_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_that_is_not_there_is_no_error),
        cmocka_unit_test(writes_no_more_than_the_caller_has),
        cmocka_unit_test(a_simulation_says_so_and_draws_from_its_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* One suite, two worlds: every program writes the same log on the kernel's network and clock as on the simulated ones, there
 * under any seed. */
#include <unistd.h>

#include "conformance_http.h"
#include "conformance_net.h"
#include "conformance_sync.h"

static struct logbook real, simulated;

static void run_both(const struct program *program, uint64_t seeds) {
    logbook = &real;
    real.len = 0;
    assert_int_equal(program->run(NULL), 0);
    real.text[real.len] = '\0';
    logbook = &simulated;
    for (uint64_t seed = 0; seed < seeds; seed++) {
        simulated.len = 0;
        (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .piece_bytes_max = seed % 3 * 5000),
                           program->run);
        simulated.text[simulated.len] = '\0';
        if (strcmp(real.text, simulated.text) != 0) {
            fail_msg("%s on %s, seed %llu\n---- on the kernel:\n%s\n---- simulated:\n%s", program->name,
                     where, (unsigned long long)seed, real.text, simulated.text);
        }
    }
}

static void sockets_answer_alike(void **state) {
    (void)state;
    char local[64];
    (void)snprintf(local, sizeof local, "unix:@wharf-conformance-%d", (int)getpid());
    const char *const addresses[] = {"127.0.0.1:0", "[::1]:0", local};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        where = addresses[i];
        for (size_t k = 0; k < NET_PROGRAMS; k++) {
            run_both(&net_programs[k], 10);
        }
    }
}

static void tasks_and_locks_answer_alike(void **state) {
    (void)state;
    for (size_t i = 0; i < SYNC_PROGRAMS; i++) {
        run_both(&sync_programs[i], 30);
    }
}

static void http_answers_alike(void **state) {
    (void)state;
    for (size_t i = 0; i < HTTP_PROGRAMS; i++) {
        run_both(&http_programs[i], 30);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_answer_alike),
        cmocka_unit_test(tasks_and_locks_answer_alike),
        cmocka_unit_test(http_answers_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

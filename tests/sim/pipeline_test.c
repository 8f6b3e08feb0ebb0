/* examples/pipeline.c in virtual time: in whatever order its tasks run, it finds the same number, and nothing of it is left. */
#include "scenario.h"

static char printed[128];

#define main        pipeline_main
#define printf(...) snprintf(printed, sizeof printed, __VA_ARGS__)
int main(void);
#include "../../examples/pipeline.c"
#undef main
#undef printf

static int run_pipeline(void *arg) {
    (void)arg;
    printed[0] = '\0';
    int status = pipeline_main();
    EXPECT(strcmp(printed, "17647: 278 steps\n") == 0);
    return status;
}

static void finds_the_same_in_any_order(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed), run_pipeline);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_the_same_in_any_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

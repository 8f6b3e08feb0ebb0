/* soak [TIME [STORM]] - runs the storms of tests/sim/storm/ in turn, each under new seeds, until the time is over or one fails.
 * The time is a number of seconds, or of minutes or hours with an m or h behind it; an hour unless told otherwise.
 *
 * A line about every ten seconds says how far it is. After a failure the seed and the shortest plan of faults stand on standard
 * error, and the command that runs it again on standard output. With WHARF_SEED set, that seed of the named storm runs alone.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/number.h"
#include "storm/storm.h"

enum { SECONDS_DEFAULT = 3600, PROGRESS_SECONDS = 10, STORMS_MAX = 16, SEEDS_AT_ONCE = 20 };

static time_t now(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

/* "90", "90s", "5m", "12h": seconds, or -1. */
static int64_t seconds_of(const char *text) {
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
    wharf_str number = wharf_str_of(text);
    int64_t factor = 1;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (number.len > 1 && number.ptr[number.len - 1] == units[i].unit) {
            number.len--;
            factor = units[i].seconds;
            break;
        }
    }
    uint64_t count;
    return number_parse(number, 1000000, &count) == 0 ? (int64_t)count * factor : -1;
}

static const struct storm *storm_named(const char *name) {
    for (int i = 0; storms[i] != NULL; i++) {
        if (strcmp(storms[i]->name, name) == 0) {
            return storms[i];
        }
    }
    return NULL;
}

static void tell_progress(time_t begun, const uint64_t *runs) {
    printf("soak: %lld s:", (long long)(now() - begun));
    for (int i = 0; storms[i] != NULL; i++) {
        printf(" %s %" PRIu64, storms[i]->name, runs[i]);
    }
    printf(", none failed\n");
    fflush(stdout);
}

/* Some seeds of one storm: 0, or what failed. */
static int run_some(const char *self, const struct storm *storm, uint64_t seed) {
    wharf_sim_options options = storm->options;
    int rc = 0;
    for (uint64_t end = seed + SEEDS_AT_ONCE; seed < end && rc == 0; seed++) {
        options.seed = seed;
        rc = wharf_sim_each_with(1, &options, storm->run, NULL, NULL);
    }
    if (rc != 0) {
        printf("soak: %s failed: %s\nsoak: again: WHARF_SEED=%" PRIu64 " %s 0 %s\n", storm->name, wharf_why(),
               seed - 1, self, storm->name);
    }
    return rc;
}

/* One seed of those that are asked for. */
static int replay(const struct storm *only) {
    int rc = 0;
    for (int i = 0; storms[i] != NULL && rc == 0; i++) {
        if (only == NULL || storms[i] == only) {
            rc = wharf_sim_each_with(1, &storms[i]->options, storms[i]->run, NULL, NULL);
        }
    }
    return rc;
}

static int soak(const char *self, const struct storm *only, int64_t seconds) {
    uint64_t runs[STORMS_MAX] = {0};
    time_t begun = now(), told = begun;
    uint64_t first = (uint64_t)time(NULL) * 1000;
    do {
        for (int i = 0; storms[i] != NULL; i++) {
            if (only != NULL && storms[i] != only) {
                continue;
            }
            int rc = run_some(self, storms[i], first + runs[i]);
            if (rc != 0) {
                return rc;
            }
            runs[i] += SEEDS_AT_ONCE;
        }
        if (now() - told >= PROGRESS_SECONDS) {
            told = now();
            tell_progress(begun, runs);
        }
    } while (now() - begun < seconds);
    tell_progress(begun, runs);
    return 0;
}

int main(int argc, char **argv) {
    int64_t seconds = argc > 1 ? seconds_of(argv[1]) : SECONDS_DEFAULT;
    const struct storm *only = argc > 2 ? storm_named(argv[2]) : NULL;
    if (seconds < 0 || (argc > 2 && only == NULL)) {
        fprintf(stderr, "usage: soak [TIME [STORM]]; storms:");
        for (int i = 0; storms[i] != NULL; i++) {
            fprintf(stderr, " %s", storms[i]->name);
        }
        return fprintf(stderr, "\n"), 2;
    }
    return (getenv("WHARF_SEED") != NULL ? replay(only) : soak(argv[0], only, seconds)) != 0;
}

/* A simulated program that asks the machine: run with the guard, it is stopped. argv[1]: for what. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "wharf/wharf.h"

static int ask(void *arg) {
    const char *what = arg;
    struct timespec now;
    char bytes[8];
    if (strcmp(what, "time") == 0) {
        return clock_gettime(CLOCK_MONOTONIC, &now);
    }
    if (strcmp(what, "chance") == 0) {
        return getrandom(bytes, sizeof(bytes), 0) > 0 ? 0 : 1;
    }
    if (strcmp(what, "pause") == 0) {
        return usleep(1);
    }
    /* What Wharf has instead is not refused. */
    return wharf_sleep(1000) == 0 && wharf_now_ns() > 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc < 2 || wharf_sim_is_running()) {
        return 2;
    }
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) { /* outside, the machine may be asked */
        return 3;
    }
    return wharf_sim_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), ask, argv[1]) == 0 ? 0 : 1;
}

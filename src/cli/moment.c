/* See moment.h. */
#include "cli/moment.h"

#include <stdio.h>
#include <time.h>

void moment_format(int64_t seconds, char out[MOMENT_SIZE]) {
    struct tm tm;
    time_t moment = (time_t)seconds;
    if (gmtime_r(&moment, &tm) == NULL || strftime(out, MOMENT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        snprintf(out, MOMENT_SIZE, "?");
    }
}

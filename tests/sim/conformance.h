/* Little programs that write down what happened to them. Each must write the same on the kernel's network and clock and on
 * the simulated ones, whatever the seed; so a log holds results and never times, and what may come in any order is sorted
 * out before it is written.
 *
 *      conformance_net.h    sockets
 *      conformance_sync.h   scopes, deadlines, channels, locks
 *      conformance_http.h   client and server
 */
#ifndef TESTS_SIM_CONFORMANCE_H
#define TESTS_SIM_CONFORMANCE_H

#include <errno.h>

#include "scenario.h"

enum { LOG_SIZE = 16384 };

struct logbook {
    char text[LOG_SIZE];
    size_t len;
};

/* Of the program that runs. */
static struct logbook *logbook;

__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(logbook->text + logbook->len, LOG_SIZE - logbook->len, format, arguments);
    va_end(arguments);
    if (len > 0 && (size_t)len + 1 < LOG_SIZE - logbook->len) {
        logbook->len += (size_t)len;
        logbook->text[logbook->len++] = '\n';
    }
}

/* A result by its name, or as a number. */
static inline const char *result_of(int64_t rc) {
    static char texts[4][24];
    static int next;
    char *text = texts[next++ % 4];
    if (rc < 0) {
        return wharf_error_name((int)rc);
    }
    (void)snprintf(text, sizeof texts[0], "%lld", (long long)rc);
    return text;
}

#define SAY(call) say("%s: %s", #call, result_of(call))

struct program {
    const char *name;
    wharf_fn run;
};

#endif

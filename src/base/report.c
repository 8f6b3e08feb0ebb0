/* See report.h. */
#include "base/report.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic(report_fn) redirected;
static _Atomic(void *) redirected_arg;

void report_redirect(report_fn fn, void *arg) {
    atomic_store(&redirected_arg, arg);
    atomic_store(&redirected, fn);
}

void report_write(enum report_level level, const char *text, size_t len) {
    report_fn fn = atomic_load(&redirected);
    if (fn != NULL) {
        fn(level, text, len, atomic_load(&redirected_arg));
        return;
    }
    const char *wanted = getenv("WHARF_REPORTS");
    if (wanted != NULL && strcmp(wanted, "off") == 0) {
        return;
    }
    char newline = '\n';
    struct iovec pieces[2] = {{(void *)(size_t)text, len}, {&newline, 1}};
    ssize_t put = writev(STDERR_FILENO, pieces, 2);
    (void)put;
}

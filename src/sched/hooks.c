/* What a program may replace: where reports go, where memory comes from. */
#include <errno.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/report.h"
#include "wharf/os.h"

_Static_assert((int)WHARF_LOG_CRASH == (int)REPORT_CRASH && (int)WHARF_LOG_ERROR == (int)REPORT_ERROR &&
                   (int)WHARF_LOG_WARNING == (int)REPORT_WARNING,
               "the public levels are those of the reports");

static wharf_log_fn log_fn;

static void log_forward(enum report_level level, const char *text, size_t len, void *arg) {
    log_fn((wharf_log_level)level, text, len, arg);
}

void wharf_set_log(wharf_log_fn fn, void *arg) {
    report_redirect(NULL, NULL);
    log_fn = fn;
    report_redirect(fn != NULL ? log_forward : NULL, arg);
}

int wharf_set_allocator(void *(*allocate)(size_t), void *(*reallocate)(void *, size_t),
                        void (*release)(void *)) {
    if (allocate == NULL || reallocate == NULL || release == NULL) {
        return fail(-EINVAL, "set allocator", NULL, "all three functions are needed");
    }
    int rc = mem_redirect(allocate, reallocate, release);
    return rc < 0 ? fail(rc, "set allocator", NULL, "memory is in use already") : 0;
}

/* The library's own reports - a crash, a deadlock, a bug of the program that was noticed - and where they go. Nothing
 * else in the library prints. */
#ifndef BASE_REPORT_H
#define BASE_REPORT_H

#include <stddef.h>

enum report_level { REPORT_CRASH = 1, REPORT_ERROR, REPORT_WARNING };

typedef void (*report_fn)(enum report_level level, const char *text, size_t len, void *arg);

/* text: one line or more, without the end of the last one. WHARF_REPORTS=off in the environment keeps standard error
 * silent. Async-signal-safe unless a function was set that is not. */
void report_write(enum report_level level, const char *text, size_t len);
/* NULL: standard error. */
void report_redirect(report_fn fn, void *arg);

#endif

/* See notice.h. */
#include "server/notice.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/failure.h"
#include "base/report.h"
#include "wharf/os.h"

struct notice {
    size_t len;
    char text[FAILURE_SENTENCE_SIZE + 128];
};

static int notice_write(void *arg) {
    const struct notice *notice = arg;
    report_write(REPORT_WARNING, notice->text, notice->len);
    return 0;
}

void notice(const char *format, ...) {
    struct notice notice;
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(notice.text, sizeof(notice.text), format, arguments);
    va_end(arguments);
    if (len > 0) {
        notice.len = (size_t)len < sizeof(notice.text) ? (size_t)len : sizeof(notice.text) - 1;
        (void)wharf_offload(notice_write, &notice, offsetof(struct notice, text) + notice.len);
    }
}

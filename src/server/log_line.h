/* A line of the access log, put together in the caller's memory: no clock, no sockets. */
#ifndef SERVER_LOG_LINE_H
#define SERVER_LOG_LINE_H

#include "base/arena.h"
#include "wharf/access.h"

/* The longest line there can be: every byte of every text in it, as far as it is written, an escape of six. */
enum { LOG_LINE_SIZE = 20 * 1024 };

/* Lines of one second have its texts in common. */
struct log_second {
    int64_t second;  /* since 1970 */
    char common[28]; /* [22/Nov/2026:14:30:22 +0000] */
    char iso[20];    /* 2026-11-22T14:30:22Z */
};

/* `second`: -1 before the first. */
void log_second_set(struct log_second *texts, int64_t second);

/* Write a line with its end at `out`, which holds LOG_LINE_SIZE bytes; return its length. format: not WHARF_LOG_OFF. */
size_t log_line_format(char *out, wharf_log_format format, const struct log_second *texts,
                       const wharf_access *access);
size_t log_line_format_dropped(char *out, wharf_log_format format, const struct log_second *texts,
                               uint64_t lines);

/* A URL or a request target without what nobody should read in a log: a password before its host, and in its query the
 * values of names like "token", "api_key", "code". As it is, not copied, when there is none of that. Without memory, what is
 * behind the '?' is left away. */
wharf_str log_redact(struct arena *arena, wharf_str url);

#endif

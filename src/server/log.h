/* The access log of one core: lines are put together in memory and written by a task of its own when the others wait.
 * When the reader is slower than the requests, lines are dropped and counted, never waited for. */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include "server/server.h"

/* Starts its task in `scope`. Suspends. 0, -ENOMEM, or why the file cannot be opened (recorded). */
int log_open(struct core *core, struct scope *scope, struct log **ret_log);
/* Tells the server's hook, and appends a line. Does not suspend. */
void log_access(struct log *log, const wharf_access *access);
/* Has the file opened anew. */
void log_reopen(struct log *log);
/* Lets its task write what is there and end. */
void log_close(struct log *log);
void log_free(struct log *log);

#endif

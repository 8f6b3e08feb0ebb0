/* The access log of one core: lines are put together in memory and written by a task of its own when the others wait.
 * When the reader is slower than the requests, lines are dropped and counted, never waited for. */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include "server/request.h"

/* Starts its task in `scope`. 0 or -ENOMEM. */
int log_open(struct core *core, struct scope *scope, struct log **ret_log);
/* Appends a request's line. cut: the reply did not reach its end. Does not suspend. */
void log_request(struct log *log, struct wharf_request *request, bool cut);
/* Handshakes that failed. */
struct log_handshake {
    const struct peer *peer;
    const char *reason, *why; /* its code, its sentence */
    uint64_t more;            /* for the same reason, of which there is no line */
};
void log_handshake(struct log *log, const struct log_handshake *handshake);
/* Lets its task write what is there and end. */
void log_close(struct log *log);
void log_free(struct log *log);

#endif

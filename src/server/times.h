/* Where the time of a request goes, for the access log. Nothing of this is done on a core that keeps none.
 *
 *      arrived ---> begun ---> head ---> handler ---> handler's end ---> the line
 *        queue, TLS     header       run, wait, body, disk, write
 */
#ifndef SERVER_TIMES_H
#define SERVER_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "sched/stopwatch.h"
#include "wharf/access.h"

struct route;
struct wharf_request;

struct request_times {
    int64_t arrived; /* its first byte */
    int64_t begun;   /* its first byte was looked at */
    int64_t head;    /* its head was complete */
    int64_t replied; /* the reply began; 0: it has not */
    int64_t queue_ns, tls_ns, run_ns, wait_ns;
    struct stopwatch watch; /* the handler's */
    bool awaited;           /* what made the connection's task start has not been received yet */
};

/* The connection's task has started at `started`, and a handshake was over at `greeted`. */
void times_start(struct wharf_request *request, int64_t started, int64_t greeted);
/* Bytes were received; none were there before when `fresh`. */
void times_received(struct wharf_request *request, bool fresh);
/* Its head is complete. */
void times_begin(struct wharf_request *request);
/* Around the handler. */
void times_handler_begin(struct wharf_request *request);
void times_handler_end(struct wharf_request *request);
/* All that is known when it has ended. */
void times_read(const struct wharf_request *request, wharf_access_times *ret_times);
/* The next request of the connection. */
void times_next(struct wharf_request *request);

#endif

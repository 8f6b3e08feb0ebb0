/* What the access log is told: of requests that have ended, and of connections that were refused. */
#ifndef SERVER_ACCESS_H
#define SERVER_ACCESS_H

#include "server/request.h"

/* cut: the reply did not reach its end. On a core that keeps a log. Do not suspend. */
void access_request(struct wharf_request *request, bool cut);
/* Connections without a request. */
struct access_refusal {
    const struct peer *peer;
    int status;               /* of the answer; 0: there was none */
    const char *reason, *why; /* its code; its sentence, or NULL */
    uint64_t more;            /* refused for the same reason, of which nothing else is told */
};
/* Nothing on a core that keeps no log. */
void access_refused(struct core *core, const struct access_refusal *refusal);

#endif

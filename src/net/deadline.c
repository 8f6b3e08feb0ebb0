/* A socket's own deadline: for connections that live longer than any one scope. */
#include <errno.h>

#include "base/failure.h"
#include "net/socket.h"
#include "sched/sched.h"
#include "sched/task.h"
#include "wharf/net.h"

int wharf_set_deadline(wharf_sock handle, int64_t ms) {
    int rc = 0;
    struct sock *sock = sock_find(handle, "set deadline", &rc);
    if (sock == NULL) {
        return rc;
    }
    if (sock->listener != NULL) {
        return fail(-EOPNOTSUPP, "set deadline", NULL,
                    "a listener has none: put WHARF_WITHIN around wharf_accept()");
    }
    rc = io_set_deadline(sock->stream.io, deadline_after(sched_clock(), ms));
    return rc < 0 ? sock_fail(sock, rc, "set deadline") : 0;
}

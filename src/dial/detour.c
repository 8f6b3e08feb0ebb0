/* A socket in the place of a stream: see proxy.h.
 *
 *      whoever had the stream -- near | far -- a task that relays -- the stream
 *
 * The task ends when either side does; what it closes, the other side hears of. */
#include <errno.h>

#include "base/failure.h"
#include "dial/proxy.h"
#include "net/socket.h"
#include "sched/engine.h"
#include "sched/sched.h"
#include "wharf/copy.h"
#include "wharf/task.h"

struct detour {
    wharf_sock far, stream;
};

static int detour_relay(void *arg) {
    const struct detour *detour = arg;
    (void)wharf_relay(detour->far, detour->stream, NULL, NULL);
    (void)wharf_close(detour->far);
    (void)wharf_close(detour->stream);
    return 0;
}

/* Two connected ios. 0 or an error; nothing is left open then. */
static int pair_open(struct io *ret_ios[2]) {
    const struct engine *engine = sched_engine();
    struct sched *sched = sched_current();
    int fds[2] = {-1, -1};
    int rc = engine->pair(sched, SOCK_STREAM, fds);
    if (rc < 0) {
        return rc;
    }
    rc = io_open(fds[0], IO_WRITE, &ret_ios[0]);
    if (rc < 0) {
        engine->close(sched, fds[0], true);
        engine->close(sched, fds[1], true);
        return rc;
    }
    rc = io_open(fds[1], IO_WRITE, &ret_ios[1]);
    if (rc < 0) {
        engine->close(sched, fds[1], true);
        io_close(ret_ios[0], true);
    }
    return rc;
}

int stream_detour(struct stream *stream) {
    struct io *ios[2] = {NULL, NULL};
    struct stream near;
    struct stream far;
    int rc = pair_open(ios);
    if (rc < 0) {
        stream_abort(stream);
        return fail(rc, "connect", "", "a pair of sockets for TLS within TLS");
    }
    stream_init_socket(&near, ios[0]);
    stream_init_socket(&far, ios[1]);
    const struct address unnamed = {.len = sizeof(sa_family_t), .any.sa_family = AF_UNIX};
    struct detour detour = {.far = sock_of_stream(&far, &unnamed),
                            .stream = sock_of_stream(stream, &unnamed)};
    rc = wharf_failed(detour.far) ? wharf_error(detour.far) : wharf_error(detour.stream);
    rc = rc < 0 ? rc : wharf_go(NULL, detour_relay, detour);
    if (rc < 0) {
        (void)wharf_abort(detour.far);
        (void)wharf_abort(detour.stream);
        stream_abort(&near);
        return rc;
    }
    *stream = near;
    return 0;
}

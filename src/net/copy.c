/* Copying between streams. Bytes go through a block of memory at first; a stream that fills several blocks in a row gets a pipe, and
 * from then on the kernel moves its pages (splice(2)), where both ends are sockets of the kernel's. What has been taken from one end
 * when the other fails goes back to where wharf_recv() finds it. */
#include "wharf/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/failure.h"
#include "net/socket.h"
#include "sched/engine.h"
#include "sched/sched.h"
#include "wharf/task.h"

enum {
    PIPE_AFTER = 4,          /* full blocks in a row */
    PIPE_BYTES = 256 * 1024, /* of the pipe; the system may give fewer */
};

/* One way. */
struct copying {
    wharf_sock from, to;
    int64_t sent;      /* bytes that `to` has taken */
    int64_t *progress; /* counts what moves; NULL: nobody looks */
    int full;          /* blocks in a row that were full */
    int pipe[2];       /* -1: none */
    size_t in_pipe;    /* bytes */
    bool sending_failed;
};

static void count_sent(struct copying *copying, int64_t bytes) {
    copying->sent += bytes > 0 ? bytes : 0;
    if (copying->progress != NULL) {
        *copying->progress += bytes > 0;
    }
}

/* ---- through memory ---- */

/* Puts back what could not be sent, before whatever has not been received. The socket may have been closed meanwhile. */
static void put_back(const struct copying *copying, const char *bytes, size_t len) {
    int error = 0;
    struct sock *from = len > 0 ? sock_find(copying->from, "recv", &error) : NULL;
    if (from != NULL) {
        sock_put_in_front(from, bytes, len);
    }
}

/* One block. The bytes moved, 0 at the end, or an error. */
static int64_t copy_block(struct copying *copying, char *block) {
    ssize_t got = wharf_recv(copying->from, block, BLOCK_SIZE);
    if (got <= 0) {
        return got;
    }
    copying->full = got == BLOCK_SIZE ? copying->full + 1 : 0;
    ssize_t rc = wharf_send(copying->to, block, (size_t)got);
    if (rc < 0) {
        int64_t sent = wharf_sent(copying->to);
        sent = sent < 0 ? 0 : sent;
        copying->sending_failed = true;
        count_sent(copying, sent);
        put_back(copying, block + sent, (size_t)(got - sent));
        return rc;
    }
    count_sent(copying, rc);
    return rc;
}

/* ---- through a pipe ---- */

static bool is_plain(wharf_sock handle) {
    int error = 0;
    const struct sock *sock = sock_find(handle, "copy", &error);
    return sock != NULL && sock->type == SOCK_STREAM && sock->listener == NULL &&
           stream_is_socket(&sock->stream) && sock_ahead(sock) == 0;
}

/* Whether the kernel can take over; makes the pipe. */
static bool open_pipe(struct copying *copying) {
    if (sched_engine()->splice == NULL || !is_plain(copying->from) || !is_plain(copying->to)) {
        return false;
    }
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        return false;
    }
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
    copying->pipe[0] = ends[0];
    copying->pipe[1] = ends[1];
    return true;
}

/* Reads the pipe empty: its bytes are still the sender's. */
static void empty_pipe(struct copying *copying) {
    char *block = copying->in_pipe > 0 ? block_get() : NULL;
    while (block != NULL && copying->in_pipe > 0) {
        ssize_t got = read(copying->pipe[0], block, BLOCK_SIZE);
        if (got <= 0) {
            break;
        }
        int error = 0;
        struct sock *from = sock_find(copying->from, "recv", &error);
        if (from != NULL) {
            sock_put_back(from, block, (size_t)got); /* nothing has been read ahead since there is the pipe */
        }
        copying->in_pipe -= (size_t)got;
    }
    if (block != NULL) {
        block_put(block);
    }
}

static void close_pipe(struct copying *copying) {
    if (copying->pipe[0] >= 0) {
        empty_pipe(copying);
        close(copying->pipe[0]);
        close(copying->pipe[1]);
        copying->pipe[0] = -1;
    }
}

/* From the socket into the pipe, which is empty. The bytes, 0 at the end, or an error (recorded). */
static int64_t fill_pipe(struct copying *copying) {
    int error = 0;
    struct sock *from = sock_find(copying->from, "recv", &error);
    error = from != NULL ? sock_recv_begin(from) : error;
    if (error < 0) {
        return error;
    }
    int64_t got = io_splice_from(from->stream.io, copying->pipe[1], PIPE_BYTES);
    got = from->stream.io == NULL ? -ECANCELED : got;
    copying->in_pipe = got > 0 ? (size_t)got : 0;
    return sock_recv_end(from, (ssize_t)got);
}

/* From the pipe into the socket. 0, or an error (recorded). */
static int64_t drain_pipe(struct copying *copying) {
    int error = 0;
    struct sock *to = sock_find(copying->to, "send", &error);
    error = to != NULL ? sock_send_begin(to) : error;
    if (error < 0) {
        copying->sending_failed = true;
        return error;
    }
    int64_t put = 1;
    int64_t total = 0;
    while (copying->in_pipe > 0 && put > 0) {
        put = to->stream.io == NULL
                  ? -ECANCELED
                  : io_splice_to(to->stream.io, copying->pipe[0], (int64_t)copying->in_pipe);
        if (put > 0) {
            total += put;
            copying->in_pipe -= (size_t)put;
            count_sent(copying, put);
        }
    }
    copying->sending_failed = put < 0;
    int64_t rc = sock_send_end(to, put < 0 ? put : total, total);
    return rc < 0 ? rc : 0;
}

/* Until the end or an error: 0 or the error. */
static int64_t copy_by_pipe(struct copying *copying) {
    int64_t got = fill_pipe(copying);
    while (got > 0) {
        int64_t rc = drain_pipe(copying);
        if (rc < 0) {
            return rc;
        }
        got = fill_pipe(copying);
    }
    return got;
}

/* ---- one way, both ways ---- */

/* Until the end or an error: 0 or the error. */
static int64_t copy_through_memory(struct copying *copying) {
    char *block = block_get();
    if (block == NULL) {
        return fail(-ENOMEM, "copy", NULL, NULL);
    }
    int64_t rc = copy_block(copying, block);
    while (rc > 0 && copying->full < PIPE_AFTER) {
        rc = copy_block(copying, block);
    }
    block_put(block);
    return rc;
}

static int64_t copy_all(struct copying *copying) {
    int64_t rc = 1;
    while (rc > 0) {
        copying->full = 0;
        rc = copy_through_memory(copying);
        if (rc > 0 && open_pipe(copying)) {
            rc = copy_by_pipe(copying);
            close_pipe(copying);
        }
    }
    return rc;
}

int64_t wharf_copy(wharf_sock from, wharf_sock to, int64_t *ret_sent) {
    struct copying copying = {.from = from, .to = to, .pipe = {-1, -1}};
    int64_t rc = copy_all(&copying);
    if (ret_sent != NULL) {
        *ret_sent = copying.sent;
    }
    return rc < 0 ? rc : copying.sent;
}

struct relay {
    struct copying forth, back;
    int64_t progress;
    int64_t idle_ms;
    int code; /* of the first failure */
    struct failure failure;
    int ended;
    wharf_scope *scope;
};

/* The first failure is the relay's, with its sentence, whichever task it was in. */
static void note(struct relay *relay, int code) {
    if (relay->code == 0) {
        relay->code = code;
        relay->failure = *failure_current();
    }
}

static int way_failed(struct relay *relay, const struct copying *way, int code) {
    note(relay, code);
    return way->sending_failed ? 0 : -ECANCELED; /* < 0 ends the other way, too */
}

static int run_way(struct relay *relay, struct copying *way) {
    int64_t rc = copy_all(way);
    if (rc == 0) {
        rc = wharf_shutdown_write(way->to);
        /* A peer that is gone both ways needs no telling, and the other way says so. */
        rc = rc == -ENOTCONN ? 0 : rc;
    }
    relay->ended++;
    int result = rc < 0 ? way_failed(relay, way, (int)rc) : 0;
    if (relay->ended == 2) {
        wharf_scope_cancel(relay->scope); /* whoever watches for idleness */
    }
    return result;
}

static int run_back(void *arg) {
    struct relay *relay = *(struct relay **)arg;
    return run_way(relay, &relay->back);
}

static int watch_idleness(void *arg) {
    struct relay *relay = *(struct relay **)arg;
    int64_t before = -1;
    int rc = 0;
    while (rc == 0 && before != relay->progress) {
        before = relay->progress;
        rc = wharf_sleep(relay->idle_ms);
    }
    if (rc == 0 && relay->ended < 2) {
        note(relay,
             fail(-ETIMEDOUT, "relay", NULL, "nothing moved for idle_ms, %lld", (long long)relay->idle_ms));
        return -ETIMEDOUT;
    }
    return 0;
}

int wharf_relay(wharf_sock a, wharf_sock b, const wharf_relay_options *options, int64_t ret_bytes[2]) {
    struct relay state = {.idle_ms = options != NULL ? options->idle_ms : 0};
    struct relay *relay = &state;
    state.forth = (struct copying){.from = a, .to = b, .pipe = {-1, -1}, .progress = &state.progress};
    state.back = (struct copying){.from = b, .to = a, .pipe = {-1, -1}, .progress = &state.progress};
    int rc = 0;
    WHARF_SCOPE (ways, NULL) {
        relay->scope = ways;
        rc = wharf_go(ways, run_back, relay);
        if (rc == 0 && relay->idle_ms > 0) {
            rc = wharf_go(ways, watch_idleness, relay);
        }
        rc = rc < 0 ? rc : run_way(relay, &relay->forth);
        if (rc < 0) {
            wharf_scope_cancel(ways);
        }
    }
    if (ret_bytes != NULL) {
        ret_bytes[0] = state.forth.sent;
        ret_bytes[1] = state.back.sent;
    }
    if (state.code < 0) {
        *failure_current() = state.failure;
    }
    return state.code < 0 ? state.code : rc < 0 ? rc : 0;
}

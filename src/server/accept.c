/* Accepting: one task per listener, all on the first core, which gives each connection to the core that has the
 * fewest. */
#include <errno.h>

#include "base/memory.h"
#include "base/text.h"
#include "sched/engine.h"
#include "server/access.h"
#include "server/addresses.h"
#include "server/connection.h"
#include "server/server.h"
#include "wharf/task.h"

enum { MEMORY_PAUSE_MS = 100, LAST_ACCEPTS_MAX = 4096 };

/* A connection on its way to another core. */
struct handed {
    struct message message;
    struct core *core;
    int fd;
    wharf_tls *tls; /* the server's, which holds it */
    struct address peer;
};

/* Over the limit: an answer at once where no handshake would have to come first, and nothing kept. */
static void accept_refuse(const struct acceptor *acceptor, struct io *io, const struct address *from,
                          const char *reason) {
    static const char BUSY[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
                               "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 24\r\n\r\n"
                               "503 Service Unavailable\n";
    struct stream stream;
    stream_init_socket(&stream, io);
    struct iovec piece = {.iov_base = (void *)(uintptr_t)BUSY, .iov_len = sizeof(BUSY) - 1};
    if (acceptor->tls == NULL) {
        (void)stream_try_send(&stream, &piece, 1, false);
    }
    stream_close(&stream);
    struct peer peer;
    peer_set(&peer, from);
    access_refused(acceptor->core, &(const struct access_refusal){.peer = &peer,
                                                                  .status = acceptor->tls == NULL ? 503 : 0,
                                                                  .reason = reason});
}

void server_leave(struct core *core, const struct peer *peer) {
    wharf_server *server = core->server;
    atomic_fetch_sub_explicit(&core->load, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&server->connections, 1, memory_order_relaxed);
    if (server->addresses != NULL) {
        addresses_leave(server->addresses, peer);
    }
}

static void accept_forget(struct core *core, const struct address *from) {
    struct peer peer;
    peer_set(&peer, from);
    server_leave(core, &peer);
}

/* On the receiving core. */
static void handed_arrives(struct message *message) {
    struct handed *handed = (struct handed *)(void *)message;
    struct core *core = handed->core;
    struct io *io = NULL;
    atomic_fetch_sub(&core->handing, 1);
    if (!atomic_load(&core->alive) || io_open(handed->fd, IO_READ | IO_WRITE, &io) < 0) {
        sched_engine()->close(core->sched, handed->fd, true);
        accept_forget(core, &handed->peer);
    } else {
        if (handed->peer.any.sa_family != AF_UNIX) {
            io_is_tcp(io);
        }
        connection_open(core, io, &handed->peer, handed->tls);
    }
    mem_free(handed);
}

/* Sends it to another core; false: keep it. */
static bool accept_hand(struct core *core, const struct acceptor *acceptor, struct io *io,
                        const struct address *peer) {
    struct handed *handed = mem_alloc(sizeof(*handed));
    if (handed == NULL) {
        return false;
    }
    *handed = (struct handed){
        .message.run = handed_arrives, .core = core, .tls = acceptor->tls, .peer = *peer};
    if (!core_enter(core)) {
        mem_free(handed);
        return false;
    }
    handed->fd = io_release(io);
    atomic_fetch_add(&core->load, 1);
    atomic_fetch_add(&core->handing, 1);
    sched_post(core->sched, &handed->message);
    core_leave(core);
    return true;
}

static struct core *accept_choose(struct core *own) {
    wharf_server *server = own->server;
    struct core *best = own;
    for (int i = 0; i < server->core_count; i++) {
        struct core *core = &server->cores[i];
        if (atomic_load(&core->alive) && atomic_load(&core->load) < atomic_load(&best->load)) {
            best = core;
        }
    }
    return best;
}

/* Counts one more connection; NULL, or why there may not be one. Where all are taken, one that idles makes room. */
static const char *accept_count(struct core *core, const struct address *from) {
    wharf_server *server = core->server;
    struct peer peer;
    peer_set(&peer, from);
    int64_t most = server->limits.connections_per_address;
    if (server->addresses != NULL && !addresses_enter(server->addresses, &peer, most)) {
        return "connections.address";
    }
    if (atomic_fetch_add(&server->connections, 1) < server->connections_max || connection_shed(core)) {
        return NULL;
    }
    atomic_fetch_sub(&server->connections, 1);
    if (server->addresses != NULL) {
        addresses_leave(server->addresses, &peer);
    }
    return "connections.limit";
}

static void accept_place(const struct acceptor *acceptor, struct io *io, const struct address *peer) {
    struct core *core = acceptor->core;
    wharf_server *server = core->server;
    const char *refusal = accept_count(core, peer);
    if (refusal != NULL) {
        accept_refuse(acceptor, io, peer, refusal);
        return;
    }
    /* Another core may have come to its end already. */
    bool stopping = atomic_load(&server->stop) != STOP_NONE;
    struct core *best = stopping ? core : accept_choose(core);
    if (best != core && accept_hand(best, acceptor, io, peer)) {
        return;
    }
    atomic_fetch_add(&core->load, 1);
    connection_open(core, io, peer, acceptor->tls);
}

static int acceptor_run(void *arg) {
    struct acceptor *acceptor = arg;
    int rc = 0;
    while (rc >= 0 && acceptor->listener != NULL) {
        struct io *io = NULL;
        struct address peer;
        rc = listener_accept(acceptor->listener, &io, &peer);
        if (rc == -ENOMEM) {
            rc = wharf_sleep(MEMORY_PAUSE_MS);
        } else if (rc >= 0) {
            accept_place(acceptor, io, &peer);
        }
    }
    return 0;
}

int acceptors_start(struct core *core, struct scope *scope) {
    wharf_server *server = core->server;
    int rc = 0;
    for (int i = 0; i < server->acceptor_count && rc == 0; i++) {
        struct acceptor *acceptor = &server->acceptors[i];
        acceptor->core = core;
        rc = acceptor->listener != NULL ? task_start(scope, acceptor_run, acceptor, "http acceptor") : 0;
    }
    return rc;
}

/* Whoever stands in the queue has been told by the kernel that we are here: they get their answer. */
static void acceptor_empty(const struct acceptor *acceptor) {
    struct io *io = NULL;
    struct address peer;
    for (int i = 0; i < LAST_ACCEPTS_MAX && listener_try_accept(acceptor->listener, &io, &peer) >= 0; i++) {
        accept_place(acceptor, io, &peer);
    }
}

void acceptors_stop(struct core *core) {
    wharf_server *server = core->server;
    bool hurried = atomic_load(&server->stop) >= STOP_NOW;
    for (int i = 0; i < server->acceptor_count; i++) {
        struct acceptor *acceptor = &server->acceptors[i];
        if (acceptor->core == core && acceptor->listener != NULL) {
            if (!hurried) {
                acceptor_empty(acceptor);
            }
            listener_close(acceptor->listener);
            acceptor->listener = NULL;
        }
    }
}

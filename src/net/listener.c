/* Listening and accepting. A task that accepts waits on all sockets of its listener at once: each socket is
 * watched as an idle descriptor is, and whichever becomes readable wakes the acceptor that has waited longest.
 *
 * Accepting fails for two kinds of reason that are not the caller's: a connection that was gone before it was
 * accepted (skipped), and a shortage of descriptors or memory (a rest of 10 ms, doubling to 1 s: trying at once
 * would spin, because the connection that cannot be accepted stays in the queue). */
#include "net/listener.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/probe.h"
#include "base/text.h"
#include "net/inherited.h"
#include "net/listener_internal.h"
#include "net/share.h"
#include "sched/engine.h"
#include "sched/sched.h"

#define REST_FIRST_NS (INT64_C(10) * 1000 * 1000)
#define REST_MAX_NS   (INT64_C(1000) * 1000 * 1000)

enum {
    SKIPS_MAX = 64,     /* vanished connections skipped before others get a turn */
    PORT_ATTEMPTS = 16, /* to find one port that is free on all addresses */
};

/* ---- accepting ---- */

static bool is_shortage(int code) {
    return code == -EMFILE || code == -ENFILE || code == -ENOBUFS || code == -ENOMEM;
}

/* The connection was gone, or a packet filter forbade it; the listener is fine. */
static bool is_passing(int code) {
    return code == -ECONNABORTED || code == -EPERM;
}

void listener_rest(struct listener *listener, int64_t ns) {
    timer_set(sched_current(), &listener->rest, sched_now() + ns);
}

static void rest_longer(struct listener *listener) {
    int64_t ns = listener->rest_ns == 0 ? REST_FIRST_NS : listener->rest_ns * 2;
    listener->rest_ns = ns < REST_MAX_NS ? ns : REST_MAX_NS;
    listener_rest(listener, listener->rest_ns);
}

static int take_from(struct listener *listener, struct io *io, struct address *ret_peer) {
    for (int skipped = 0; skipped < SKIPS_MAX; skipped++) {
        struct address peer = {.len = sizeof(peer.storage)};
        int fd = io_try_accept(io, &peer.storage, &peer.len);
        if (fd >= 0) {
            listener->rest_ns = 0;
            *ret_peer = peer;
            return fd;
        }
        if (is_shortage(fd)) {
            rest_longer(listener);
            return -EAGAIN;
        }
        if (!is_passing(fd)) {
            return fd;
        }
    }
    listener_rest(listener, 1);
    return -EAGAIN;
}

int listener_take(struct listener *listener, struct address *ret_peer) {
    for (int asked = 0; asked < listener->count; asked++) {
        if (listener->rest.deadline != TIMER_NEVER) {
            return -EAGAIN;
        }
        struct io *io = listener->sockets[listener->next];
        listener->next = (listener->next + 1) % listener->count;
        int fd = take_from(listener, io, ret_peer);
        if (fd != -EAGAIN) {
            return fd;
        }
    }
    return -EAGAIN;
}

void listener_wake(struct listener *listener) {
    if (listener->acceptors.first != NULL) {
        op_wake(listener->acceptors.first);
    }
}

static void readable(struct io *io, void *arg) {
    struct listener *listener = arg;
    (void)io;
    if (listener->share != NULL) {
        share_pump(listener);
    } else {
        listener_wake(listener);
    }
}

bool listener_watch(struct listener *listener) {
    bool all = true;
    for (int i = 0; i < listener->count; i++) {
        struct io *io = listener->sockets[i];
        all = (io->watch != NULL || io_watch(io, readable, listener)) && all;
    }
    return all;
}

static void rest_over(struct timer *timer) {
    struct listener *listener = (struct listener *)(void *)((char *)timer - offsetof(struct listener, rest));
    timer_clear(timer);
    readable(NULL, listener);
}

struct accept_op {
    struct op op;
    struct listener *listener;
    struct address *peer;
};

static int64_t accept_attempt(struct op *op) {
    const struct accept_op *accept = (struct accept_op *)(void *)op;
    struct listener *listener = accept->listener;
    if (listener->closed) {
        return -ECANCELED;
    }
    return listener->share != NULL ? share_take(listener, accept->peer)
                                   : listener_take(listener, accept->peer);
}

static int accept_start(struct op *op) {
    struct listener *listener = ((struct accept_op *)(void *)op)->listener;
    op->io = listener->count > 0 ? listener->sockets[0] : NULL;
    op_queue_push(&listener->acceptors, op);
    bool resting = listener->rest.deadline != TIMER_NEVER;
    if (listener->share == NULL && !resting && !listener_watch(listener)) {
        op_complete(op, -EAGAIN); /* something has come since the attempt */
    }
    return 0;
}

static void accept_cancel(struct op *op) {
    op_queue_remove(op);
}

static const struct op_kind accept_kind = {"accept", accept_attempt, accept_start, accept_cancel};

static void listener_free_if_done(struct listener *listener) {
    if (listener->closed && listener->users == 0) {
        mem_free(listener);
    }
}

/* An accepted descriptor becomes an io, or is closed again. */
static int accepted_open(struct listener *listener, int fd, const struct address *peer, struct io **ret_io) {
    int rc = io_open(fd, IO_READ | IO_WRITE, ret_io);
    if (rc < 0) {
        const struct engine *engine = sched_engine();
        engine->close(sched_current(), fd, true);
        return address_fail(rc, "accept", listener->address, peer);
    }
    if (peer->any.sa_family != AF_UNIX) {
        io_is_tcp(*ret_io);
    }
    PROBE3(accept, &listener->address[0], fd, &peer->any);
    return 0;
}

static bool has_more(const struct listener *listener) {
    bool more = listener->handed_first != NULL;
    for (int i = 0; i < listener->count && !more && listener->share == NULL; i++) {
        more = (listener->sockets[i]->ready & IO_READ) != 0;
    }
    return more;
}

int listener_accept(struct listener *listener, struct io **ret_io, struct address *ret_peer) {
    struct accept_op accept = {.op.kind = &accept_kind, .listener = listener, .peer = ret_peer};
    int64_t result = -EAGAIN;
    listener->users++;
    while (result == -EAGAIN) {
        result = op_await(&accept.op);
    }
    listener->users--;
    int rc = result < 0 ? fail((int)result, "accept", listener->address, NULL)
                        : accepted_open(listener, (int)result, ret_peer, ret_io);
    if (!listener->closed && has_more(listener)) {
        listener_wake(listener); /* one wake-up may have stood for several connections */
    }
    listener_free_if_done(listener);
    return rc;
}

int listener_try_accept(struct listener *listener, struct io **ret_io, struct address *ret_peer) {
    int fd = listener->share != NULL ? share_take(listener, ret_peer) : listener_take(listener, ret_peer);
    return fd < 0 ? fd : accepted_open(listener, fd, ret_peer, ret_io);
}

/* ---- opening ---- */

/* One socket of a listener: made, bound, listening. */
static int socket_open(struct listener *listener, const struct listener_plan *plan,
                       const struct address *address) {
    const struct engine *engine = sched_engine();
    struct sched *sched = sched_current();
    int family = address->any.sa_family;
    int fd = engine->socket(sched, family, listener->type);
    if (fd < 0) {
        return address_fail(fd, "listen", plan->text, address);
    }
    if (family != AF_UNIX) {
        (void)engine->set_option(sched, fd, SOL_SOCKET, SO_REUSEADDR, 1);
        (void)engine->set_option(sched, fd, IPPROTO_TCP, TCP_NODELAY, 1); /* accepted sockets inherit it */
    }
    if (family == AF_INET6) {
        bool both_families = plan->parts.host.len == 0 && names_state_family() == AF_UNSPEC;
        (void)engine->set_option(sched, fd, IPPROTO_IPV6, IPV6_V6ONLY, both_families ? 0 : 1);
    }
    int backlog = plan->backlog > 0 ? plan->backlog : LISTENER_BACKLOG_MAX;
    const char *phase = "bind";
    int rc = unix_path_bind(fd, address, &listener->path);
    if (rc == 0) {
        phase = "listen";
        rc = engine->listen(sched, fd, backlog);
    }
    if (rc == 0) {
        rc = io_open(fd, IO_READ, &listener->sockets[listener->count]);
    }
    if (rc < 0) {
        engine->close(sched, fd, false);
        unix_path_remove(&listener->path);
        return address_fail(rc, phase, plan->text, address);
    }
    listener->count++;
    return 0;
}

void listener_unbind(struct listener *listener) {
    for (int i = 0; i < listener->count; i++) {
        io_close(listener->sockets[i], false);
    }
    listener->count = 0;
    listener->next = 0;
    unix_path_remove(&listener->path);
}

/* Whether a listener does without this address: a family that this machine does not have. */
static bool is_missing_family(const struct listener_plan *plan, int code) {
    bool local = address_is_localhost(address_host(&plan->parts)) || plan->parts.host.len == 0;
    return code == -EAFNOSUPPORT || (code == -EADDRNOTAVAIL && local);
}

static int read_local_name(struct listener *listener) {
    const struct engine *engine = sched_engine();
    struct address local = {.len = sizeof(local.storage)};
    int rc = engine->local_name(sched_current(), listener->sockets[0]->fd, &local.storage, &local.len);
    if (rc == 0) {
        listener->local = local;
    }
    return rc;
}

/* All addresses of the plan, the first one's port for the others. */
static int bind_all(struct listener *listener, const struct listener_plan *plan) {
    int rc = 0;
    for (int i = 0; i < plan->count; i++) {
        struct address address = plan->addresses[i];
        if (listener->count > 0) {
            address_set_port(&address, address_port(&listener->local));
        }
        rc = socket_open(listener, plan, &address);
        if (rc == 0 && listener->count == 1) {
            rc = read_local_name(listener);
        }
        if (rc < 0 && !is_missing_family(plan, rc)) {
            break;
        }
        rc = listener->count > 0 ? 0 : rc;
    }
    if (rc < 0) {
        listener_unbind(listener);
    }
    return rc;
}

/* One socket that was bound before this process began. The io has it on success. */
static int inherit(struct listener *listener, const struct listener_plan *plan, int fd) {
    const struct engine *engine = sched_engine();
    struct sched *sched = sched_current();
    struct descriptor found = {0};
    int backlog = plan->backlog > 0 ? plan->backlog : LISTENER_BACKLOG_MAX;
    int rc = descriptor_inspect(fd, &found);
    rc = rc == 0 && found.type == SOCK_DGRAM ? -EOPNOTSUPP : rc;
    rc = rc == 0 && found.listening == 0 ? engine->listen(sched, fd, backlog) : rc;
    rc = rc == 0 ? io_open(fd, IO_READ, &listener->sockets[listener->count]) : rc;
    if (rc < 0) {
        return fail(rc, "listen", plan->text, "descriptor %d", fd);
    }
    if (found.family != AF_UNIX) {
        (void)engine->set_option(sched, fd, IPPROTO_TCP, TCP_NODELAY, 1);
    }
    listener->sockets[listener->count]->shared_fd = true;
    listener->type = (int)found.type;
    listener->count++;
    return 0;
}

static int inherit_all(struct listener *listener, const struct listener_plan *plan) {
    int fds[NAMES_ADDRESSES_MAX];
    int count = inherited_take(&plan->parts, "listen", fds, NAMES_ADDRESSES_MAX);
    int rc = count < 0 ? count : 0;
    for (int i = 0; i < count; i++) {
        rc = rc == 0 ? inherit(listener, plan, fds[i]) : rc;
        if (rc < 0) {
            sched_engine()->close(sched_current(), fds[i], false);
        }
    }
    rc = rc == 0 ? read_local_name(listener) : rc;
    if (rc < 0) {
        listener_unbind(listener);
        return rc;
    }
    address_format(&listener->local.any, listener->local.len, listener->address);
    return 0;
}

int listener_bind(struct listener *listener, const struct listener_plan *plan) {
    if (inherited_is_named(&plan->parts)) {
        return inherit_all(listener, plan);
    }
    int rc = bind_all(listener, plan);
    bool any_port = plan->parts.kind == ADDRESS_TCP && plan->parts.port == 0;
    for (int i = 1; i < PORT_ATTEMPTS && rc == -EADDRINUSE && any_port && plan->count > 1; i++) {
        rc = bind_all(listener, plan);
    }
    if (rc < 0) {
        return rc;
    }
    struct address_text named = plan->parts;
    if (named.kind == ADDRESS_TCP) {
        named.port = address_port(&listener->local);
    }
    address_text_format(&named, listener->address, sizeof(listener->address));
    return 0;
}

static struct listener *listener_new(void) {
    struct listener *listener = mem_zalloc(sizeof(*listener));
    if (listener == NULL || timer_init(sched_current(), &listener->rest, rest_over) != 0) {
        mem_free(listener);
        return NULL;
    }
    timer_clear(&listener->rest);
    listener->type = SOCK_STREAM;
    return listener;
}

static void listener_delete(struct listener *listener) {
    timer_deinit(sched_current(), &listener->rest);
    mem_free(listener);
}

/* The addresses to bind, in this order: IPv4 first for localhost, because its port is the more likely one to be
 * taken; IPv4 alone as the second choice for every interface. */
static int plan_resolve(struct listener_plan *plan) {
    if (inherited_is_named(&plan->parts)) {
        return 0;
    }
    plan->count = names_resolve(&plan->parts, AF_UNSPEC, plan->addresses, NAMES_ADDRESSES_MAX - 1);
    if (plan->count < 0) {
        return plan->count;
    }
    if (plan->parts.kind == ADDRESS_TCP && address_is_localhost(address_host(&plan->parts)) &&
        plan->count == 2) {
        struct address first = plan->addresses[0];
        plan->addresses[0] = plan->addresses[1];
        plan->addresses[1] = first;
    }
    return 0;
}

/* Every interface: one socket for both families, or one for IPv4 where there is no IPv6. */
static int open_planned(struct listener *listener, struct listener_plan *plan) {
    int rc = share_applies() ? share_open(listener, plan) : listener_bind(listener, plan);
    bool every_interface = plan->parts.kind == ADDRESS_TCP && plan->parts.host.len == 0;
    bool may_be_v4 = every_interface && names_state_family() != AF_INET6;
    if (rc == 0 || !may_be_v4 || !is_missing_family(plan, rc)) {
        return rc;
    }
    plan->count = address_of_text(&plan->parts, AF_INET, plan->addresses, NAMES_ADDRESSES_MAX);
    return share_applies() ? share_open(listener, plan) : listener_bind(listener, plan);
}

int listener_open(const char *address, int backlog, struct listener **ret_listener) {
    if (sched_current() == NULL) {
        return failure_current()->code;
    }
    struct listener_plan *plan = mem_zalloc(sizeof(*plan)); /* too large for a task's stack to spare */
    struct listener *listener = plan != NULL ? listener_new() : NULL;
    if (listener == NULL) {
        mem_free(plan);
        return fail(-ENOMEM, "listen", address, NULL);
    }
    plan->text = address;
    plan->backlog = backlog;
    int rc = address_parse_or_fail(address, "listen", &plan->parts);
    if (rc == 0) {
        listener->type = address_socket_type(&plan->parts);
        rc = plan_resolve(plan);
    }
    if (rc == 0) {
        rc = open_planned(listener, plan);
    }
    mem_free(plan);
    if (rc < 0) {
        listener_delete(listener);
        return rc;
    }
    *ret_listener = listener;
    return 0;
}

int listener_over(struct io *io, struct unix_path *path, struct listener **ret_listener) {
    struct listener *listener = listener_new();
    if (listener == NULL) {
        return fail(-ENOMEM, "listen", NULL, NULL);
    }
    listener->sockets[0] = io;
    listener->count = 1;
    int rc = read_local_name(listener);
    if (rc < 0) {
        listener_delete(listener);
        return fail(rc, "listen", NULL, NULL);
    }
    address_format(&listener->local.any, listener->local.len, listener->address);
    if (path != NULL) {
        listener->path = *path;
        path->made = false;
    }
    *ret_listener = listener;
    return 0;
}

/* ---- closing ---- */

void listener_close(struct listener *listener) {
    listener->closed = true;
    op_queue_complete_all(&listener->acceptors, -ECANCELED);
    if (listener->share != NULL) {
        share_leave(listener);
    }
    listener_unbind(listener);
    timer_deinit(sched_current(), &listener->rest);
    listener_free_if_done(listener);
}

int listener_release(struct listener *listener) {
    if (listener->share != NULL || listener->count != 1 || listener->users > 0) {
        return -EBUSY;
    }
    int fd = io_release(listener->sockets[0]);
    listener->count = 0;
    listener->path.made = false; /* whoever has the descriptor now still listens at it */
    listener_close(listener);
    return fd;
}

/* ---- facts ---- */

const char *listener_address(const struct listener *listener) {
    return listener->address;
}

int listener_local_name(const struct listener *listener, struct address *ret_address) {
    *ret_address = listener->local;
    return 0;
}

int listener_type(const struct listener *listener) {
    return listener->type;
}

struct io *listener_io(const struct listener *listener) {
    return listener->share == NULL && listener->count > 0 ? listener->sockets[0] : NULL;
}

int listener_set_option(const struct listener *listener, int level, int option, int64_t value) {
    const struct engine *engine = sched_engine();
    int rc = listener->count > 0 ? 0 : -EBUSY; /* another core has the sockets */
    for (int i = 0; i < listener->count && rc == 0; i++) {
        rc = engine->set_option(sched_current(), listener->sockets[i]->fd, level, option, value);
    }
    return rc;
}

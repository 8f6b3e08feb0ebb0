/* struct engine over a simulated world: finds the endpoint of a descriptor and hands the call on. */
#include "sim/engine.h"

#include <errno.h>

#include "sched/internal.h"
#include "sim/endpoint.h"
#include "sim/names.h"
#include "sim/program.h"

static struct host *host_of(const struct sched *sched) {
    return sched_engine_state(sched);
}

static struct world *world_of(const struct sched *sched) {
    return host_of(sched)->world;
}

static struct endpoint *endpoint_of(const struct sched *sched, int fd) {
    return host_endpoint(host_of(sched), fd);
}

/* ---- time, chance, blocking points ---- */

static int64_t sim_now(struct sched *sched) {
    return world_of(sched)->now;
}

static int64_t sim_wall(struct sched *sched) {
    return WORLD_WALL_NS + (world_of(sched)->now - WORLD_START_NS) + host_of(sched)->clock_skew_ns;
}

static void sim_random(struct sched *sched, void *out, size_t size) {
    world_random(world_of(sched), out, size);
}

static size_t sim_pick(struct sched *sched, size_t count) {
    return world_pick(world_of(sched), count);
}

static int sim_checkpoint(struct sched *sched, const struct op *op) {
    struct world *world = world_of(sched);
    program_step(world);
    world->checkpoints++;
    if (world->checkpoints == world->options.cancel_checkpoint && world->scenario != NULL) {
        world_strike(world, world->checkpoints, op->kind->name);
        /* The operation sees it by itself: it checks its scope next. */
        scope_cancel(world->scenario);
    }
    /* Whose every call fails is soon waited for. */
    if (host_of(sched)->state == HOST_DYING && op->kind != &scope_wait_kind) {
        return -ECANCELED;
    }
    if (world->checkpoints == world->options.expire_checkpoint) {
        world_strike(world, world->checkpoints, op->kind->name);
        return -ETIMEDOUT;
    }
    return 0;
}

static void sim_outcome(struct sched *sched, const struct op *op, int64_t result) {
    struct step step = {.host = host_of(sched),
                        .task = op->task->number,
                        .task_name = op->task->name,
                        .operation = op->kind->name,
                        .result = result};
    world_record(world_of(sched), &step);
}

/* ---- readiness ---- */

static int sim_attach(struct sched *sched, struct io *io) {
    struct endpoint *endpoint = endpoint_of(sched, io->fd);
    if (endpoint == NULL) {
        return -EBADF;
    }
    endpoint->io = io;
    endpoint_tell(endpoint, endpoint_ready(endpoint));
    return 0;
}

static void sim_detach(struct sched *sched, struct io *io) {
    struct endpoint *endpoint = endpoint_of(sched, io->fd);
    if (endpoint != NULL && endpoint->io == io) {
        endpoint->io = NULL;
    }
}

static int sim_wait(struct sched *sched, int64_t until) {
    return program_wait(host_of(sched), until);
}

static void sim_interrupt(struct sched *sched) {
    host_wake(host_of(sched));
}

/* ---- descriptors ---- */

static int sim_socket(struct sched *sched, int family, int type) {
    struct host *host = host_of(sched);
    return host->state == HOST_UP ? endpoint_open(host, family, type) : -ENETDOWN;
}

static int sim_pair(struct sched *sched, int type, int ret_fds[2]) {
    struct host *host = host_of(sched);
    return host->state == HOST_UP ? endpoint_pair(host, type, ret_fds) : -ENETDOWN;
}

static int sim_bind(struct sched *sched, int fd, const struct sockaddr *address, socklen_t len) {
    struct endpoint *endpoint = endpoint_of(sched, fd);
    return endpoint != NULL ? endpoint_bind(endpoint, address, len) : -EBADF;
}

static int sim_listen(struct sched *sched, int fd, int backlog) {
    struct endpoint *endpoint = endpoint_of(sched, fd);
    return endpoint != NULL ? endpoint_listen(endpoint, backlog) : -EBADF;
}

static int sim_accept(struct sched *sched, int fd, struct sockaddr_storage *ret_address, socklen_t *ret_len) {
    struct endpoint *endpoint = endpoint_of(sched, fd);
    if (endpoint == NULL) {
        return -EBADF;
    }
    struct place remote;
    int accepted = endpoint_accept(endpoint, &remote);
    if (accepted >= 0 && ret_address != NULL) {
        place_to_address(&remote, endpoint->family, ret_address, ret_len);
    }
    return accepted;
}

static int sim_connect(struct sched *sched, int fd, const struct sockaddr *address, socklen_t len) {
    struct endpoint *endpoint = endpoint_of(sched, fd);
    return endpoint != NULL ? endpoint_connect(endpoint, address, len) : -EBADF;
}

static int sim_connect_result(struct sched *sched, int fd) {
    struct endpoint *endpoint = endpoint_of(sched, fd);
    return endpoint != NULL ? endpoint_connect_result(endpoint) : -EBADF;
}

static ssize_t sim_recv(struct sched *sched, int fd, void *buffer, size_t size) {
    struct endpoint *endpoint = endpoint_of(sched, fd);
    return endpoint != NULL ? endpoint_recv(endpoint, buffer, size) : -EBADF;
}

/* more: bytes travel by themselves here, so there is no packet to wait for. */
static ssize_t sim_send(struct sched *sched, int fd, const struct iovec *pieces, int count, bool more) {
    (void)more;
    struct endpoint *endpoint = endpoint_of(sched, fd);
    return endpoint != NULL ? endpoint_send(endpoint, pieces, count) : -EBADF;
}

static int64_t sim_sendfile(struct sched *sched, int fd, int file, int64_t offset, int64_t size) {
    struct endpoint *endpoint = endpoint_of(sched, fd);
    return endpoint != NULL ? endpoint_sendfile(endpoint, file, offset, size) : -EBADF;
}

static int sim_recv_datagrams(struct sched *sched, int fd, struct datagram *datagrams, int count) {
    struct endpoint *endpoint = endpoint_of(sched, fd);
    return endpoint != NULL ? endpoint_recv_datagrams(endpoint, datagrams, count) : -EBADF;
}

static int sim_send_datagrams(struct sched *sched, int fd, struct datagram *datagrams, int count) {
    struct endpoint *endpoint = endpoint_of(sched, fd);
    return endpoint != NULL ? endpoint_send_datagrams(endpoint, datagrams, count) : -EBADF;
}

static int sim_recv_error(struct sched *sched, int fd, struct datagram_error *ret_error) {
    struct endpoint *endpoint = endpoint_of(sched, fd);
    return endpoint != NULL ? endpoint_recv_error(endpoint, ret_error) : -EBADF;
}

static int sim_shutdown(struct sched *sched, int fd) {
    struct endpoint *endpoint = endpoint_of(sched, fd);
    return endpoint != NULL ? endpoint_shutdown(endpoint) : -EBADF;
}

static void sim_close(struct sched *sched, int fd, bool reset) {
    struct endpoint *endpoint = endpoint_of(sched, fd);
    if (endpoint != NULL) {
        endpoint_close(endpoint, reset);
    }
}

static int sim_local_name(struct sched *sched, int fd, struct sockaddr_storage *ret_address,
                          socklen_t *ret_len) {
    const struct endpoint *endpoint = endpoint_of(sched, fd);
    if (endpoint == NULL) {
        return -EBADF;
    }
    struct place any = place_any(endpoint->family == AF_INET);
    const struct place *local = endpoint->local.kind == PLACE_NONE ? &any : &endpoint->local;
    place_to_address(local, endpoint->family, ret_address, ret_len);
    return 0;
}

static int sim_peer_name(struct sched *sched, int fd, struct sockaddr_storage *ret_address,
                         socklen_t *ret_len) {
    const struct endpoint *endpoint = endpoint_of(sched, fd);
    if (endpoint == NULL) {
        return -EBADF;
    }
    bool is_connected = endpoint->state == ENDPOINT_CONNECTED ||
                        (endpoint->type == SOCK_DGRAM && endpoint->remote.kind != PLACE_NONE);
    if (!is_connected || endpoint->was_reset) {
        return -ENOTCONN;
    }
    place_to_address(&endpoint->remote, endpoint->family, ret_address, ret_len);
    return 0;
}

static int sim_set_option(struct sched *sched, int fd, int level, int option, int64_t value) {
    struct endpoint *endpoint = endpoint_of(sched, fd);
    return endpoint != NULL ? option_set(&endpoint->options, level, option, value) : -EBADF;
}

static int sim_get_option(struct sched *sched, int fd, int level, int option, int64_t *ret_value) {
    struct endpoint *endpoint = endpoint_of(sched, fd);
    return endpoint != NULL ? endpoint_get_option(endpoint, level, option, ret_value) : -EBADF;
}

static int64_t sim_file_delay(struct sched *sched, const struct file_job *job) {
    return disk_delay(host_of(sched), job);
}

static int64_t sim_file_work(struct sched *sched, struct file_job *job) {
    return disk_work(host_of(sched), job);
}

static int sim_look_up(struct sched *sched, const struct engine_name *question, int64_t *ret_delay_ns) {
    return names_look_up(host_of(sched), question, ret_delay_ns);
}

static int sim_poll(struct sched *sched, int fd, int events) {
    const struct endpoint *endpoint = endpoint_of(sched, fd);
    return endpoint != NULL ? endpoint_ready(endpoint) & events : events;
}

static int64_t sim_unread(struct sched *sched, int fd) {
    const struct endpoint *endpoint = endpoint_of(sched, fd);
    if (endpoint == NULL) {
        return -EBADF;
    }
    bool is_datagrams = endpoint->type == SOCK_DGRAM;
    return (int64_t)(is_datagrams ? mailbox_unread(&endpoint->mailbox) : endpoint->inbox.ready);
}

static int64_t sim_unsent(struct sched *sched, int fd) {
    const struct endpoint *endpoint = endpoint_of(sched, fd);
    if (endpoint == NULL) {
        return -EBADF;
    }
    bool is_connected = endpoint->state == ENDPOINT_CONNECTED && endpoint->peer != NULL;
    return is_connected ? (int64_t)endpoint->peer->inbox.underway : 0;
}

const struct engine engine_sim = {
    .name = "sim",
    .short_means_empty = false,
    .now = sim_now,
    .wall = sim_wall,
    .random = sim_random,
    .pick = sim_pick,
    .checkpoint = sim_checkpoint,
    .outcome = sim_outcome,
    .attach = sim_attach,
    .detach = sim_detach,
    .wait = sim_wait,
    .interrupt = sim_interrupt,
    .socket = sim_socket,
    .pair = sim_pair,
    .bind = sim_bind,
    .listen = sim_listen,
    .accept = sim_accept,
    .connect = sim_connect,
    .connect_result = sim_connect_result,
    .recv = sim_recv,
    .send = sim_send,
    .sendfile = sim_sendfile,
    .recv_datagrams = sim_recv_datagrams,
    .send_datagrams = sim_send_datagrams,
    .recv_error = sim_recv_error,
    .shutdown = sim_shutdown,
    .close = sim_close,
    .local_name = sim_local_name,
    .peer_name = sim_peer_name,
    .set_option = sim_set_option,
    .get_option = sim_get_option,
    .file_delay = sim_file_delay,
    .file_work = sim_file_work,
    .look_up = sim_look_up,
    .poll = sim_poll,
    .unread = sim_unread,
    .unsent = sim_unsent,
};

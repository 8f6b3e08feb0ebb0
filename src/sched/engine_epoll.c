/* The kernel's engine: readiness by epoll, registered once per descriptor, edge-triggered. The socket calls themselves are
 * in kernel.c. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sched/internal.h"
#include "sched/kernel.h"

/* The event data of the descriptor that interrupts a wait; no slot has this generation. */
#define EVENT_INTERRUPT UINT64_MAX

enum { SECOND_NS = 1000 * 1000 * 1000, MILLISECOND_NS = 1000 * 1000 };

struct epoll_state {
    int epoll;
    int wake;          /* eventfd */
    bool milliseconds; /* no epoll_pwait2 */
    struct epoll_event events[EVENTS_MAX];
};

void *epoll_engine_new(void) {
    struct epoll_state *state = mem_zalloc(sizeof *state);
    if (state == NULL) {
        fail(-ENOMEM, "start", NULL, NULL);
        return NULL;
    }
    state->milliseconds = sched_fallbacks();
    state->epoll = epoll_create1(EPOLL_CLOEXEC);
    int rc = state->epoll < 0 ? -errno : 0;
    state->wake = rc == 0 ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (rc == 0 && state->wake < 0) {
        rc = -errno;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = EVENT_INTERRUPT};
    if (rc == 0 && epoll_ctl(state->epoll, EPOLL_CTL_ADD, state->wake, &event) < 0) {
        rc = -errno;
    }
    if (rc < 0) {
        epoll_engine_free(state);
        fail(rc, "start", NULL, "epoll is not available");
        return NULL;
    }
    return state;
}

void epoll_engine_free(void *engine_state) {
    struct epoll_state *state = engine_state;
    if (state->epoll >= 0) {
        close(state->epoll);
    }
    if (state->wake >= 0) {
        close(state->wake);
    }
    mem_free(state);
}

int epoll_engine_descriptor(const void *engine_state) {
    const struct epoll_state *state = engine_state;
    return state->epoll;
}

static int64_t clock_ns(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * SECOND_NS + time.tv_nsec;
}

static int64_t epoll_now(struct sched *sched) {
    (void)sched;
    return clock_ns(CLOCK_MONOTONIC);
}

static int64_t epoll_wall(struct sched *sched) {
    (void)sched;
    return clock_ns(CLOCK_REALTIME);
}

static void epoll_random(struct sched *sched, void *out, size_t size) {
    (void)sched;
    char *at = out;
    while (size > 0) {
        ssize_t n = getrandom(at, size, 0);
        if (n < 0 && errno != EINTR) {
            abort(); /* no entropy source at all: nothing safe can be done */
        }
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        }
    }
}

static int epoll_attach(struct sched *sched, struct io *io) {
    struct epoll_state *state = sched->engine_state;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    event.data.u64 = io_event(io);
    return epoll_ctl(state->epoll, EPOLL_CTL_ADD, io->fd, &event) < 0 ? -errno : 0;
}

static void epoll_detach(struct sched *sched, struct io *io) {
    struct epoll_state *state = sched->engine_state;
    (void)epoll_ctl(state->epoll, EPOLL_CTL_DEL, io->fd, NULL);
}

static int ready_of_events(uint32_t events) {
    int ready = 0;
    if ((events & EPOLLIN) != 0) {
        ready |= IO_READ;
    }
    if ((events & EPOLLOUT) != 0) {
        ready |= IO_WRITE;
    }
    if ((events & EPOLLRDHUP) != 0) {
        ready |= IO_HANGUP;
    }
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        ready |= IO_BROKEN;
    }
    return ready;
}

static int wait_milliseconds(struct epoll_state *state, int64_t span) {
    int ms = -1;
    if (span >= 0) {
        int64_t rounded = span / MILLISECOND_NS + (span % MILLISECOND_NS > 0 ? 1 : 0);
        ms = rounded > 1 << 30 ? 1 << 30 : (int)rounded;
    }
    return epoll_wait(state->epoll, state->events, EVENTS_MAX, ms);
}

/* span: ns to wait at most; negative: no limit. */
static int wait_events(struct epoll_state *state, int64_t span) {
    if (span == 0) {
        return epoll_wait(state->epoll, state->events, EVENTS_MAX, 0);
    }
    if (span < 0 || state->milliseconds) {
        return wait_milliseconds(state, span);
    }
    struct timespec limit = {.tv_sec = span / SECOND_NS, .tv_nsec = span % SECOND_NS};
    int n = epoll_pwait2(state->epoll, state->events, EVENTS_MAX, &limit, NULL);
    if (n < 0 && (errno == ENOSYS || errno == EPERM)) {
        state->milliseconds = true;
        return wait_milliseconds(state, span);
    }
    return n;
}

static int epoll_engine_wait(struct sched *sched, int64_t until) {
    struct epoll_state *state = sched->engine_state;
    int64_t span = -1;
    if (until == 0) {
        span = 0;
    } else if (until != TIMER_NEVER) {
        span = until - clock_ns(CLOCK_MONOTONIC);
        span = span < 0 ? 0 : span;
    }
    int n = wait_events(state, span);
    for (int i = 0; i < n; i++) {
        uint64_t event = state->events[i].data.u64;
        if (event == EVENT_INTERRUPT) {
            uint64_t count = 0;
            ssize_t got = read(state->wake, &count, sizeof count);
            (void)got;
            continue;
        }
        struct io *io = io_of_event(sched, event);
        if (io != NULL) {
            io_ready(io, ready_of_events(state->events[i].events));
        }
    }
    return 0;
}

static void epoll_interrupt(struct sched *sched) {
    struct epoll_state *state = sched->engine_state;
    uint64_t one = 1;
    ssize_t put = write(state->wake, &one, sizeof one);
    (void)put;
}

const struct engine engine_epoll = {
    .name = "epoll",
    .short_means_empty = true,
    .now = epoll_now,
    .wall = epoll_wall,
    .random = epoll_random,
    .attach = epoll_attach,
    .detach = epoll_detach,
    .wait = epoll_engine_wait,
    .interrupt = epoll_interrupt,
    .socket = kernel_socket,
    .pair = kernel_pair,
    .bind = kernel_bind,
    .listen = kernel_listen,
    .accept = kernel_accept,
    .connect = kernel_connect,
    .connect_result = kernel_connect_result,
    .recv = kernel_recv,
    .send = kernel_send,
    .sendfile = kernel_sendfile,
    .splice = kernel_splice,
    .recv_datagrams = kernel_recv_datagrams,
    .send_datagrams = kernel_send_datagrams,
    .recv_error = kernel_recv_error,
    .shutdown = kernel_shutdown,
    .close = kernel_close,
    .local_name = kernel_local_name,
    .peer_name = kernel_peer_name,
    .set_option = kernel_set_option,
    .get_option = kernel_get_option,
    .poll = kernel_poll,
    .unread = kernel_unread,
    .unsent = kernel_unsent,
};

/* The server on one scheduler: from its start to the end of its last connection.
 *
 *      run     accept, answer                                              until a stop
 *      drain   listeners closed, resting connections dropped, the busy     at most stop_ms
 *              ones finish what they are at
 *      cancel  what is left is cancelled wherever it waits, and reset      at most cancel_ms
 *      cut     clients of handlers that shield themselves see the end
 *
 * A second stop, or the cancellation of whoever runs the server, goes to the end of this list at once. */
#include <errno.h>
#include <sched.h>

#include "http/codec/date.h"
#include "sched/engine.h"
#include "sched/stopwatch.h"
#include "server/compress.h"
#include "server/connection.h"
#include "server/handshakes.h"
#include "server/log.h"
#include "server/renew.h"
#include "server/request.h"
#include "server/server.h"
#include "wharf/task.h"

enum { RETIRE_MS = 1000, FLUSH_AGAIN_NS = 20 * 1000 * 1000 };

void core_clock_set(struct core *core) {
    struct core_clock *clock = &core->clock;
    int64_t second = sched_wall_seconds();
    clock->until = sched_wall_second_end();
    if (clock->second != second) {
        static const char OK[] = "HTTP/1.1 200 OK\r\nDate: ";
        memcpy(clock->ok, OK, sizeof(OK) - 1);
        date_format(second, clock->ok + sizeof(OK) - 1);
        memcpy(clock->ok + sizeof(OK) - 1 + DATE_LEN, "\r\n", 2);
        clock->ok_len = sizeof(OK) - 1 + DATE_LEN + 2;
        clock->date = clock->ok + sizeof("HTTP/1.1 200 OK\r\n") - 1;
        clock->second = second;
    }
}

/* ---- callbacks ---- */

/* The end of a tick: answers that wait for a suspended handler leave. What a slow client does not take is offered again
 * soon, until the handler's task goes on and waits for the client itself. */
static void core_flush(struct timer *timer) {
    struct core *core = (struct core *)(void *)((char *)timer - offsetof(struct core, flush_timer));
    struct wharf_request *next = NULL;
    for (struct wharf_request *at = core->unflushed; at != NULL; at = next) {
        next = at->hurry_next;
        wire_try_flush(&at->wire);
        if (at->wire.output_len == 0 || at->wire.sending) {
            request_unhurry(at);
        }
    }
    if (core->unflushed != NULL) {
        timer_set(core->sched, &core->flush_timer, sched_now() + FLUSH_AGAIN_NS);
    }
}

/* Resting ones go, at once or when what has arrived is answered; busy ones have tasks that see to that. */
static void core_end_resting(struct core *core, bool at_once) {
    struct connection *next = NULL;
    for (struct connection *at = core->connections; at != NULL; at = next) {
        next = at->next;
        if (at->state != CONNECTION_RESTING) {
            continue;
        }
        if (at_once) {
            connection_drop(at, true);
        } else {
            connection_finish(at);
        }
    }
}

static void core_stop(struct message *message) {
    struct core *core = (struct core *)(void *)((char *)message - offsetof(struct core, stop));
    atomic_store(&core->stop.posted, false);
    core->stopping = true;
    event_announce(&core->changed);
}

static void core_reopen_log(struct message *message) {
    struct core *core = (struct core *)(void *)((char *)message - offsetof(struct core, reopen));
    atomic_store(&core->reopen.posted, false);
    if (core->log != NULL) {
        log_reopen(core->log);
    }
}

static void core_reload(struct message *message) {
    struct core *core = (struct core *)(void *)((char *)message - offsetof(struct core, reload));
    atomic_store(&core->reload.posted, false);
    event_announce(&core->renew);
}

/* ---- being posted to ---- */

bool core_enter(struct core *core) {
    atomic_fetch_add(&core->posters, 1);
    if (atomic_load(&core->alive)) {
        return true;
    }
    core_leave(core);
    return false;
}

void core_leave(struct core *core) {
    atomic_fetch_sub(&core->posters, 1);
}

/* Between core_enter() and core_leave(). */
static void core_notify(struct core *core, struct core_notice *notice) {
    if (!atomic_exchange(&notice->posted, true)) {
        sched_post(core->sched, &notice->message);
    }
}

void server_post_stop(wharf_server *server, enum stop_level level) {
    int before = atomic_load(&server->stop);
    while (before < (int)level && !atomic_compare_exchange_weak(&server->stop, &before, (int)level)) {
    }
    for (int i = 0; i < atomic_load(&server->core_count); i++) {
        struct core *core = &server->cores[i];
        if (!core_enter(core)) {
            continue;
        }
        core_notify(core, &core->stop);
        core_leave(core);
    }
}

int wharf_server_reopen_log(wharf_server *server) {
    if (server == NULL || server->log_file == NULL) {
        return -EINVAL;
    }
    for (int i = 0; i < atomic_load(&server->core_count); i++) {
        struct core *core = &server->cores[i];
        if (core_enter(core)) {
            core_notify(core, &core->reopen);
            core_leave(core);
        }
    }
    return 0;
}

int wharf_server_reload(wharf_server *server) {
    if (server == NULL) {
        return -EINVAL;
    }
    atomic_store(&server->reload, true);
    struct core *first = atomic_load(&server->core_count) > 0 ? &server->cores[0] : NULL; /* it looks */
    if (first != NULL && core_enter(first)) {
        core_notify(first, &first->reload);
        core_leave(first);
    }
    return 0;
}

/* Nobody posts to this core any more; what was posted arrives. */
static void core_retire(struct core *core) {
    atomic_store(&core->alive, false);
    while (atomic_load(&core->posters) > 0) {
        sched_yield();
    }
    wharf_scope storage;
    (void)wharf_scope_open_shield(&storage, RETIRE_MS);
    while (atomic_load(&core->handing) > 0 || atomic_load(&core->stop.posted) ||
           atomic_load(&core->reopen.posted) || atomic_load(&core->reload.posted)) {
        if (wharf_sleep(0) < 0) {
            break;
        }
    }
    (void)wharf_scope_close(&storage);
}

/* ---- the core's own task ---- */

static bool core_is_hurried(const struct core *core) {
    return atomic_load(&core->server->stop) >= STOP_NOW;
}

/* Until a stop. 0, or why it ends without one. */
static int core_wait(struct core *core) {
    int rc = 0;
    while (rc == 0 && !core->stopping && atomic_load(&core->server->stop) == STOP_NONE) {
        rc = event_wait(&core->changed);
    }
    core->stopping = true;
    return rc;
}

/* Until no connection is left, within the enclosing scope's deadline. */
static void core_await_end(struct core *core) {
    int rc = 0;
    while (rc == 0 && core->count > 0 && !core_is_hurried(core)) {
        rc = event_wait(&core->changed);
    }
}

/* Ends the connections of handlers that do not end: their clients, at least, need not wait. */
static void core_cut(struct core *core) {
    for (struct connection *at = core->connections; at != NULL; at = at->next) {
        (void)sched_engine()->shutdown(core->sched, at->stream.io->fd);
    }
}

/* Gives busy connections time to finish; then cancels what they are at. */
static void core_drain(struct core *core) {
    const wharf_server_limits *limits = &core->server->limits;
    core_end_resting(core, core_is_hurried(core));
    WHARF_WITHIN (limits->stop_ms == LIMIT_NONE ? WHARF_OFF : limits->stop_ms) {
        core_await_end(core);
    }
    core_end_resting(core, true);
    if (core->count == 0) {
        return;
    }
    core->cut += core->busy;
    scope_cancel(core->scope);
    WHARF_SHIELD (limits->cancel_ms) {
        core_await_end(core);
    }
    if (!core_is_hurried(core)) {
        core_cut(core);
    }
}

static int core_serve(struct core *core) {
    wharf_scope acceptors;
    (void)wharf_scope_open(&acceptors, NULL);
    bool first = wharf_core() == 0 || core->server->core_count == 1;
    int rc = first ? acceptors_start(core, scope_of(&acceptors)) : 0;
    rc = rc == 0 && first && server_is_secure(core->server) ? renew_start(core, scope_of(&acceptors)) : rc;
    rc = rc == 0 ? core_wait(core) : rc;
    core->stopping = true;
    acceptors_stop(core);
    scope_cancel(scope_of(&acceptors));
    (void)wharf_scope_close(&acceptors);
    core_drain(core);
    return rc;
}

/* Everything that its connections need; what is told of them outlives them. */
static int core_run(struct core *core) {
    wharf_scope telling;
    wharf_scope connections;
    (void)wharf_scope_open(&telling, NULL);
    int rc = 0;
    if (server_is_secure(core->server)) {
        rc = handshakes_open(core, scope_of(&telling), &core->handshakes);
    }
    core->scope = scope_of(wharf_scope_open(&connections, NULL));
    atomic_store(&core->alive, true);
    rc = rc == 0 ? core_serve(core) : rc;
    core_retire(core);
    core_end_resting(core, true);
    (void)wharf_scope_close(&connections);
    if (core->handshakes != NULL) {
        handshakes_close(core->handshakes);
    }
    (void)wharf_scope_close(&telling);
    if (core->handshakes != NULL) {
        handshakes_free(core->handshakes);
        core->handshakes = NULL;
    }
    return rc;
}

/* Around that a log, which outlives them. Without it the server does not go on, on any core. */
static int core_run_logged(struct core *core) {
    wharf_scope logging;
    (void)wharf_scope_open(&logging, NULL);
    int rc = log_open(core, scope_of(&logging), &core->log);
    if (rc < 0) {
        server_post_stop(core->server, STOP_NOW);
    } else {
        stopwatches_allow();
        rc = core_run(core);
        stopwatches_end();
        log_close(core->log);
    }
    (void)wharf_scope_close(&logging);
    if (core->log != NULL) {
        log_free(core->log);
        core->log = NULL;
    }
    return rc;
}

int core_main(void *arg) {
    wharf_server *server = arg;
    int index = atomic_load(&server->core_count) > 1 ? wharf_core() : 0;
    struct core *core = &server->cores[index];
    /* The other cores look at this record already: only what `alive` publishes is set. */
    core->server = server;
    core->sched = sched_current();
    core->memo.host.ptr = core->memo.host_bytes;
    core->clock.second = INT64_MIN;
    core->clock.until = INT64_MIN;
    wire_limit_set(&core->send_limit, server->limits.rate_grace_ms, server->limits.rate_bytes);
    core->idle_ns = server->limits.idle_ms == LIMIT_NONE ? TIMER_NEVER : server->limits.idle_ms * 1000000;
    core->stop.message.run = core_stop;
    core->reopen.message.run = core_reopen_log;
    core->reload.message.run = core_reload;
    int rc = timer_init(core->sched, &core->flush_timer, core_flush);
    if (rc < 0) {
        return fail(rc, "serve", NULL, NULL);
    }
    rc = server->log_format != WHARF_LOG_OFF || server->log_hook != NULL ? core_run_logged(core)
                                                                         : core_run(core);
    requests_free(core);
    compressors_free(core);
    timer_deinit(core->sched, &core->flush_timer);
    return rc;
}

/* The server: making, filling, running and stopping it. */
#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/memory.h"
#include "base/text.h"
#include "server/addresses.h"
#include "server/files.h"
#include "server/group.h"
#include "tls/settings.h"
#include "wharf/task.h"

enum { DESCRIPTORS_SIMULATED = 1024 };

/* ---- making ---- */

/* Whether a program's options make sense; the limits and the routes are looked at elsewhere. */
static bool options_are_good(const wharf_server_options *options) {
    if (options->threads < WHARF_OFF || options->threads > CORES_MAX || options->log < WHARF_LOG_OFF ||
        options->log > WHARF_LOG_LOGFMT) {
        (void)fail(-EINVAL, "server", NULL, "threads is -1 to %d, log a wharf_log_format", CORES_MAX);
        return false;
    }
    if (options->log_file != NULL && options->log == WHARF_LOG_OFF) {
        (void)fail(-EINVAL, "server", "log_file", "there is no format for its lines: set log, too");
        return false;
    }
    return true;
}

static int server_keep_texts(wharf_server *server, const wharf_server_options *options) {
    if (options->log_file == NULL) {
        return 0;
    }
    server->log_file = mem_strndup(options->log_file, strlen(options->log_file));
    return server->log_file != NULL ? 0 : fail(-ENOMEM, "server", NULL, NULL);
}

wharf_server *wharf_server_new(const wharf_server_options *options) {
    static const wharf_server_options DEFAULTS = {.size = sizeof(DEFAULTS)};
    wharf_server_options given = DEFAULTS;
    if (options != NULL) {
        memcpy(&given, options, options->size < sizeof(given) ? options->size : sizeof(given));
    }
    wharf_server_limits limits;
    if (limits_resolve(&given.limits, &limits) < 0 || !options_are_good(&given)) {
        return NULL;
    }
    wharf_server *server = mem_zalloc(sizeof(*server));
    if (server == NULL) {
        (void)fail(-ENOMEM, "server", NULL, NULL);
        return NULL;
    }
    server->limits = limits;
    server->codec_limits = limits_of_codec(&limits);
    server->threads = given.threads == 0 ? 1 : given.threads;
    server->log_format = given.log;
    server->log_fd = given.log_fd > 0 ? given.log_fd : 2;
    server->log_hook = given.log_hook;
    server->log_arg = given.log_arg;
    server->no_signals = given.no_signals;
    router_init(&server->router);
    server->outermost = group_new_outermost(server, given.routes);
    server->groups = server->outermost;
    if (server->outermost == NULL || server_keep_texts(server, &given) < 0) {
        wharf_server_free(server);
        return NULL;
    }
    return server;
}

static void server_close_listeners(wharf_server *server) {
    for (int i = 0; i < server->acceptor_count; i++) {
        if (server->acceptors[i].listener != NULL) {
            listener_close(server->acceptors[i].listener);
            server->acceptors[i].listener = NULL;
        }
    }
}

void wharf_server_free(wharf_server *server) {
    if (server == NULL) {
        return;
    }
    server_close_listeners(server);
    for (int i = 0; i < server->acceptor_count; i++) {
        mem_free(server->acceptors[i].address);
        tls_release(server->acceptors[i].tls);
    }
    router_deinit(&server->router);
    groups_free(server->groups);
    files_free(server->mounts);
    mem_free(server->cores);
    addresses_free(server->addresses);
    mem_free(server->log_file);
    mem_free(server);
}

/* ---- filling ---- */

int server_failed(wharf_server *server, int code) {
    if (server->first_error == 0) {
        server->first_error = code;
        server->first_failure = *failure_current();
    }
    return code;
}

int server_check(wharf_server *server, const char *phase, const char *subject) {
    if (server == NULL) {
        return fail(-EINVAL, phase, subject, "there is no server");
    }
    return server->running ? fail(-EBUSY, phase, subject, "the server runs") : 0;
}

bool server_is_secure(const wharf_server *server) {
    bool secure = false;
    for (int i = 0; i < server->acceptor_count; i++) {
        secure = secure || server->acceptors[i].tls != NULL;
    }
    return secure;
}

int(wharf_route)(wharf_server *server, const char *pattern, wharf_handler handler, void *arg) {
    return wharf_route_(NULL, server, pattern, handler, arg);
}

int wharf_route_(const char *place, wharf_server *server, const char *pattern, wharf_handler handler,
                 void *arg) {
    return wharf_group_route_(place, wharf_server_group(server), pattern, handler, arg);
}

static int server_listen(wharf_server *server, const char *address, wharf_tls *tls) {
    int rc = server_check(server, "listen", address);
    if (rc < 0) {
        return rc;
    }
    if (server->acceptor_count == ADDRESSES_MAX) {
        return fail(-WHARF_ELIMIT, "listen", address, "at most %d addresses", ADDRESSES_MAX);
    }
    if (server->acceptor_count > 0 && server->sched != sched_current()) {
        return fail(-EXDEV, "listen", address, "the server listens on another thread");
    }
    struct acceptor acceptor = {0};
    rc = listener_open(address, 0, &acceptor.listener);
    if (rc < 0) {
        return rc;
    }
    const char *text = listener_address(acceptor.listener);
    acceptor.address = mem_strndup(text, strlen(text));
    if (acceptor.address == NULL) {
        listener_close(acceptor.listener);
        return fail(-ENOMEM, "listen", address, NULL);
    }
    if (tls != NULL) {
        tls_hold(tls);
        acceptor.tls = tls;
    }
    server->sched = sched_current();
    server->acceptors[server->acceptor_count++] = acceptor;
    return 0;
}

int wharf_server_listen(wharf_server *server, const char *address) {
    return server_listen(server, address, NULL);
}

int wharf_server_listen_tls(wharf_server *server, const char *address, wharf_tls *tls) {
    int rc = tls_prepare_server(tls, "listen", address);
    return rc < 0 ? rc : server_listen(server, address, tls);
}

const char *wharf_server_address(const wharf_server *server, int i) {
    return server != NULL && i >= 0 && i < server->acceptor_count ? server->acceptors[i].address : "";
}

/* ---- running ---- */

/* Raises the soft limit of descriptors to the hard one. Returns how many there may be. */
static int64_t descriptors_raise(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return 1024;
    }
    struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (limit.rlim_cur < limit.rlim_max && setrlimit(RLIMIT_NOFILE, &raised) == 0) {
        limit = raised;
    }
    return limit.rlim_cur < INT32_MAX ? (int64_t)limit.rlim_cur : INT32_MAX;
}

static void server_signal_fire(struct signal_watch *watch) {
    wharf_server *server = ((struct server_signal *)(void *)watch)->server;
    if (watch->signal == SIGUSR1) {
        (void)wharf_server_reopen_log(server);
        return;
    }
    server_post_stop(server, atomic_load(&server->stop) == STOP_NONE ? STOP_GRACEFUL : STOP_NOW);
}

/* Signals that the program handles itself stay its own. */
static void server_watch_signals(wharf_server *server, bool on) {
    static const int SIGNALS[] = {SIGINT, SIGTERM, SIGUSR1};
    size_t count = sizeof(SIGNALS) / sizeof(SIGNALS[0]) - (server->log_file == NULL ? 1 : 0);
    for (size_t i = 0; i < count; i++) {
        struct server_signal *signal = &server->signals[i];
        if (!on) {
            if (signal->server != NULL) {
                signal_unwatch(&signal->watch);
            }
            signal->server = NULL;
        } else if (signal_watch(&signal->watch, SIGNALS[i], server_signal_fire) == 0) {
            signal->server = server;
        }
    }
}

static int server_check_run(wharf_server *server) {
    int rc = server_check(server, "serve", NULL);
    if (rc < 0) {
        return rc;
    }
    if (server->first_error < 0) {
        *failure_current() = server->first_failure;
        return server->first_error;
    }
    for (int i = 0; i < server->acceptor_count; i++) {
        if (server->acceptors[i].listener != NULL) {
            return server->sched == sched_current()
                       ? 0
                       : fail(-EXDEV, "serve", NULL, "listened on another thread");
        }
    }
    return fail(-EINVAL, "serve", NULL, "the server listens on no address");
}

static int server_run_cores(wharf_server *server, int cores) {
    /* They stay when the run is over: somebody may be about to stop it. */
    mem_free(server->cores);
    server->cores = mem_zalloc((size_t)cores * sizeof(*server->cores));
    if (server->cores == NULL) {
        return fail(-ENOMEM, "serve", NULL, NULL);
    }
    atomic_store(&server->core_count, cores);
    int rc = cores > 1 ? wharf_run(cores, core_main, server) : core_main(server);
    atomic_store(&server->core_count, 0);
    int64_t cut = 0;
    for (int i = 0; i < cores; i++) {
        cut += server->cores[i].cut;
    }
    return rc < 0 ? rc : (int)(cut < INT32_MAX ? cut : INT32_MAX);
}

/* Where they are limited. The table stays for the next run. */
static int server_count_addresses(wharf_server *server) {
    if (server->limits.connections_per_address == LIMIT_NONE || server->addresses != NULL) {
        return 0;
    }
    server->addresses = addresses_new();
    return server->addresses != NULL ? 0 : fail(-ENOMEM, "serve", NULL, NULL);
}

int wharf_server_run(wharf_server *server) {
    int rc = server_check_run(server);
    if (rc < 0) {
        return rc;
    }
    /* A simulated host has as many as a new process, whatever this one has. */
    int64_t descriptors = sched_is_simulated() ? DESCRIPTORS_SIMULATED : descriptors_raise();
    server->connections_max = server->limits.connections > 0 ? server->limits.connections
                                                             : descriptors * 9 / 10;
    rc = groups_prepare(server);
    rc = rc < 0 ? rc : server_count_addresses(server);
    if (rc < 0) {
        return rc;
    }
    server->running = true;
    if (!server->no_signals) {
        server_watch_signals(server, true);
    }
    rc = server_run_cores(server, server->threads == WHARF_OFF ? wharf_cores() : server->threads);
    if (!server->no_signals) {
        server_watch_signals(server, false);
    }
    server_close_listeners(server);
    server->running = false;
    atomic_store(&server->stop, STOP_NONE);
    return rc;
}

int wharf_serve(wharf_server *server, const char *address) {
    int rc = wharf_server_listen(server, address);
    return rc < 0 ? rc : wharf_server_run(server);
}

int wharf_server_stop(wharf_server *server) {
    if (server == NULL) {
        return -EINVAL;
    }
    server_post_stop(server, STOP_GRACEFUL);
    return 0;
}

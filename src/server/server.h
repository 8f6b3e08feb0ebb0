/* The server from the inside: what is shared by its cores, and what each core has.
 *
 *      wharf_server (settings, routes, listeners; immutable while it runs)
 *       |- core 0: acceptors, connections, clock texts, log        one scheduler each; nothing shared but
 *       `- core 1: connections, clock texts, log                   the count of connections and the stop flag
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdatomic.h>

#include "base/compiler.h"
#include "base/failure.h"
#include "http/codec/reason.h"
#include "http/coding/coding.h"
#include "http/wire.h"
#include "net/listener.h"
#include "sched/sched.h"
#include "sched/task.h"
#include "sched/timer.h"
#include "server/event.h"
#include "server/limits.h"
#include "server/router.h"
#include "wharf/route.h"
#include "wharf/server.h"

struct addresses;
struct connection;
struct peer;
struct files_mount;
struct handshakes;
struct log;
struct wharf_group;

enum { CORES_MAX = 256, ADDRESSES_MAX = 16 };

/* Texts that change once a second. */
struct core_clock {
    int64_t second;
    int64_t until; /* by sched_now() */
    char ok[64];   /* "HTTP/1.1 200 OK", CR LF and the Date line */
    char *date;    /* the Date line within it */
    size_t ok_len; /* both */
};

/* Something to be done on a core, asked for by whatever thread. */
struct core_notice {
    struct message message;
    _Atomic bool posted;
};

enum { COMPRESSORS_IDLE_MAX = 4, MEMO_SIZE = 48 };

/* What compresses replies on one core. */
struct compressors {
    struct encoder *idle[CODING_COUNT][COMPRESSORS_IDLE_MAX];
    int idle_count[CODING_COUNT];
    int64_t at_work;
};

/* What the last request on this core came to, for the next one that is like it. */
struct memo {
    char host_bytes[MEMO_SIZE];
    wharf_str host;       /* a valid Host value; empty: none yet */
    char path[MEMO_SIZE]; /* normalised, of `route` */
    size_t path_len;
    enum h1_method method;
    const struct route *route; /* without names in its pattern; NULL: none yet */
};

/* The server on one scheduler. */
struct core {
    wharf_server *server;
    struct sched *sched;
    struct scope *scope;            /* of the connections' tasks */
    struct connection *connections; /* all that are open, the newest first */
    struct connection *eldest;      /* the last of them */
    int64_t count, busy;            /* of them; of those, how many have a task */
    int64_t cut;                    /* requests that were cut off */
    struct core_clock clock;
    struct memo memo;
    struct wire_limit send_limit; /* that every reply begins with */
    int64_t idle_ns;              /* TIMER_NEVER: no limit */
    struct wharf_request *spare;  /* records that no connection works with, the last one first */
    int spare_count;
    struct compressors compressors;
    struct log *log;               /* NULL: nobody wants to know of requests */
    struct handshakes *handshakes; /* NULL: no TLS */
    struct timer flush_timer;      /* what pipelined answers wait for while a handler suspends */
    struct wharf_request *unflushed;
    struct event changed;    /* what the core's own task waits for */
    struct event renew;      /* certificates are to be read again */
    bool stopping;           /* graceful: no new requests on a connection */
    _Atomic bool alive;      /* may be posted to */
    _Atomic int posters;     /* who is posting at this moment */
    _Atomic int64_t load;    /* connections given to it and not yet closed */
    _Atomic int64_t handing; /* connections on their way to it */
    struct core_notice stop, reopen, reload;
};

/* A listener and its acceptor's argument. */
struct acceptor {
    struct core *core;
    struct listener *listener; /* NULL: closed */
    wharf_tls *tls;            /* counted; NULL: none */
    char *address;
};

struct server_signal {
    struct signal_watch watch;
    wharf_server *server;
};

struct wharf_server {
    wharf_server_limits limits;
    struct h1_limits codec_limits;
    int threads;
    wharf_log_format log_format;
    int log_fd;
    char *log_file; /* NULL: log_fd */
    wharf_access_hook log_hook;
    void *log_arg;
    bool no_signals;
    bool running;
    struct router router;
    struct wharf_group *outermost, *groups; /* all of them, newest first */
    wharf_problem_handler on_problem;       /* NULL: none */
    void *problem_arg;
    struct files_mount *mounts;
    struct acceptor acceptors[ADDRESSES_MAX];
    int acceptor_count;
    struct sched *sched; /* that the listeners belong to */
    int first_error;     /* of wharf_route() and friends */
    struct failure first_failure;
    struct core *cores;
    _Atomic int core_count;
    _Atomic int64_t connections; /* open, all cores */
    int64_t connections_max;
    struct addresses *addresses; /* NULL: connections are not counted by address */
    _Atomic int stop;            /* enum stop_level */
    _Atomic bool reload;         /* certificates are to be read again */
    struct server_signal signals[3];
};

enum stop_level { STOP_NONE, STOP_GRACEFUL, STOP_NOW };

/* Remembers the failure just recorded, if it is the first; returns its code. */
int server_failed(wharf_server *server, int code);
/* Whether settings can still be changed: 0, -EINVAL (no server) or -EBUSY (recorded). */
int server_check(wharf_server *server, const char *phase, const char *subject);
/* Whether one of its listeners speaks TLS. */
bool server_is_secure(const wharf_server *server);

/* ---- cores ---- */
/* Sets the clock texts to this second. */
void core_clock_set(struct core *core);
/* "HTTP/1.1 200 OK" and Date, as of this second. */
static inline const struct core_clock *core_clock(struct core *core) {
    if (UNLIKELY(sched_now() >= core->clock.until)) {
        core_clock_set(core);
    }
    return &core->clock;
}
/* From any thread or signal handler: whether the core can be posted to. If so, core_leave() follows at once. */
bool core_enter(struct core *core);
void core_leave(struct core *core);
/* Runs the server on the calling scheduler until it is stopped; arg: the server. */
int core_main(void *arg);
/* Sends `level` to every core; from any thread or signal handler. */
/* A connection of this core's, which accept_place() has counted, is no more. */
void server_leave(struct core *core, const struct peer *peer);
void server_post_stop(wharf_server *server, enum stop_level level);

/* ---- accepting ---- */
/* Starts the acceptors of all listeners, in this scope; they end when acceptors_stop closes the listeners. 0 or an
 * error. */
int acceptors_start(struct core *core, struct scope *scope);
void acceptors_stop(struct core *core);

#endif

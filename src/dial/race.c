/* See race.h. One task runs the whole race: its operation stands in the queue of every descriptor that is connecting, and
 * with the search for names, so that whatever comes first wakes it. */
#include "dial/race.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "sched/engine.h"
#include "sched/sched.h"
#include "wharf/task.h"

/* An attempt under way. */
struct runner {
    struct op op; /* in the queue of `io`; its leader is the race's */
    struct io *io;
    struct address address;
    int64_t began;
};

struct race {
    struct op op;
    struct names_search *search;
    struct race_report *report;
    int64_t delay_ns;
    int64_t next_at;    /* when the next may begin though none has failed */
    sa_family_t family; /* of the last one begun with */
    int running;        /* runners[0 .. running - 1] */
    int ended;          /* the runner that the operation found at its end */
    int result;         /* how that one ended */
    struct runner runners[NAMES_ADDRESSES_MAX];
};

/* What the operation gives when nobody has won or failed. */
enum { RACE_ENDED = 1, RACE_NEXT = 2, RACE_OVER = 3 };

static void note(struct race *race, const struct address *address, int64_t began, const char *word) {
    char place[WHARF_ADDRESS_SIZE];
    address_format(&address->any, address->len, place);
    failure_list_add(&race->report->tried, "%s %s %.1f ms", place, word,
                     (double)(sched_clock() - began) / 1e6);
}

/* ---- beginning ---- */

static int open_tcp(const struct address *address, struct io **ret_io) {
    const struct engine *engine = sched_engine();
    struct sched *sched = sched_current();
    int fd = engine->socket(sched, address->any.sa_family, SOCK_STREAM);
    if (fd < 0) {
        return fd;
    }
    (void)engine->set_option(sched, fd, IPPROTO_TCP, TCP_NODELAY, 1);
    int rc = io_open(fd, 0, ret_io);
    if (rc < 0) {
        engine->close(sched, fd, false);
        return rc;
    }
    io_is_tcp(*ret_io);
    return 0;
}

/* Begins with one address: 0 connected, with *ret_io; -EINPROGRESS; or its error, noted. */
static int begin(struct race *race, struct candidate *candidate, struct io **ret_io) {
    struct io *io = NULL;
    struct address address = candidate->address;
    int64_t began = sched_clock();
    candidate->tried = true;
    race->family = address.any.sa_family;
    race->report->peer = address;
    race->next_at = began + race->delay_ns;
    int rc = networks_allow(race->report->networks, &address.any) ? open_tcp(&address, &io) : -WHARF_EDENIED;
    if (rc == 0) {
        rc = io_try_connect(io, &address.any, address.len);
        if (rc < 0 && rc != -EINPROGRESS) {
            io_close(io, true);
        }
    }
    if (rc == 0) {
        *ret_io = io;
    } else if (rc == -EINPROGRESS) {
        struct runner *runner = &race->runners[race->running++];
        runner->io = io;
        runner->address = address;
        runner->began = began;
    } else {
        note(race, &address, began, wharf_error_name(rc));
        race->next_at = began; /* the next has not to wait */
    }
    return rc;
}

/* ---- waiting ---- */

static int64_t attempt_race(struct op *op) {
    struct race *race = (struct race *)op;
    for (int i = 0; i < race->running; i++) {
        int rc = io_try_connected(race->runners[i].io);
        if (rc != -EAGAIN) {
            race->ended = i;
            race->result = rc;
            return RACE_ENDED;
        }
    }
    bool has_next = names_next(race->search, race->family) != NULL;
    if (has_next && (race->running == 0 || sched_clock() >= race->next_at)) {
        return RACE_NEXT;
    }
    if (!has_next && race->running == 0 && race->search->pending == 0) {
        return RACE_OVER;
    }
    op->wake_at = has_next ? race->next_at : 0;
    return -EAGAIN;
}

static void cancel_race(struct op *op) {
    struct race *race = (struct race *)op;
    race->search->waiter = NULL;
    for (int i = 0; i < race->running; i++) {
        op_queue_remove(&race->runners[i].op);
    }
}

static const struct op_kind runner_kind = {.name = "connect"};

static int start_race(struct op *op) {
    struct race *race = (struct race *)op;
    for (int i = 0; i < race->running; i++) {
        race->runners[i].op = (struct op){.kind = &runner_kind, .task = op->task, .leader = op};
    }
    for (int i = 0; i < race->running; i++) {
        int rc = io_queue_descriptor(race->runners[i].io, &race->runners[i].op, IO_WRITE);
        if (rc < 0) {
            cancel_race(op);
            return rc;
        }
    }
    race->search->waiter = op;
    return 0;
}

static const struct op_kind race_kind = {"connect", attempt_race, start_race, cancel_race};

/* ---- the race ---- */

static void remove_runner(struct race *race, int number) {
    race->running--;
    for (int i = number; i < race->running; i++) {
        race->runners[i] = race->runners[i + 1];
    }
}

/* The runner that has ended: 0 it has won, else it is closed and noted. */
static int take_ended(struct race *race, struct io **ret_io) {
    struct runner ended = race->runners[race->ended];
    int rc = race->result;
    remove_runner(race, race->ended);
    if (rc == 0) {
        *ret_io = ended.io;
        race->report->peer = ended.address;
        return 0;
    }
    io_close(ended.io, true);
    race->report->peer = ended.address;
    note(race, &ended.address, ended.began, wharf_error_name(rc));
    race->next_at = sched_clock();
    return rc;
}

static void close_losers(struct race *race, bool lost) {
    for (int i = 0; i < race->running; i++) {
        if (lost) {
            note(race, &race->runners[i].address, race->runners[i].began, "no answer");
        }
        io_close(race->runners[i].io, true);
    }
    race->running = 0;
}

/* Errors of this process, after which another address would not help. */
static bool is_final(int code) {
    return code == -ECANCELED || code == -ENOMEM || code == -EMFILE || code == -ENFILE || wharf_check() < 0;
}

int race_connect(struct names_search *search, struct io **ret_io, struct race_report *report) {
    struct race race;
    int rc = -WHARF_ENAME;
    op_init(&race.op, &race_kind);
    race.search = search;
    race.report = report;
    race.delay_ns = names_state_attempt_delay_ns();
    race.next_at = 0;
    race.family = AF_UNSPEC;
    race.running = 0;
    report->tried = (struct failure_list){.len = 0};
    for (bool over = false; !over;) {
        int64_t event = op_await(&race.op);
        if (event == RACE_NEXT) {
            int begun = begin(&race, names_next(search, race.family), ret_io);
            rc = begun == -EINPROGRESS ? rc : begun;
            over = rc == 0 || (begun != -EINPROGRESS && race.running == 0 && is_final(begun));
        } else if (event == RACE_ENDED) {
            rc = take_ended(&race, ret_io);
            over = rc == 0;
        } else {
            rc = event < 0 ? (int)event : rc;
            over = true;
        }
    }
    close_losers(&race, rc < 0);
    return rc;
}

/* The dump: every scheduler and each of its tasks as text. A scheduler's section is written by its own thread, between two
 * turns of its tasks, so nothing it reads can change meanwhile; the others are asked by a message.
 *
 *      wharf: core 0 (epoll): 3 tasks, 1 socket, 1 timer ...
 *      task "main" waits 1.204 s: accept on fd 5 (127.0.0.1:8000)
 *          #0  ...
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sched/internal.h"
#include "wharf/debug.h"

enum {
    TEXT_SIZE = 16384,
    TEXT_FLUSH = TEXT_SIZE - 2048,
    PATIENCE_NS = 1000 * 1000 * 1000,
    LOOK_NS = 1000 * 1000,
    MILLISECOND_NS = 1000 * 1000,
};

/* ---- text ---- */

/* One writer at a time: sections are not mixed, and the buffer need not stand on some task's stack. */
static pthread_mutex_t text_lock = PTHREAD_MUTEX_INITIALIZER;
static char text[TEXT_SIZE];
static size_t text_len;
static int text_fd;
static int text_error; /* the first that write() gave */

static void text_flush(void) {
    for (size_t at = 0; at < text_len && text_error == 0;) {
        ssize_t n = write(text_fd, text + at, text_len - at);
        int rc = n < 0 ? -errno : 0;
        if (rc < 0 && rc != -EINTR) {
            text_error = rc;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    text_len = 0;
}

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text + text_len, sizeof text - text_len, format, arguments);
    va_end(arguments);
    size_t room = sizeof text - 1 - text_len;
    text_len += (size_t)len < room ? (size_t)len : room;
    if (text_len > TEXT_FLUSH) {
        text_flush();
    }
}

static void text_begin(int fd) {
    pthread_mutex_lock(&text_lock);
    text_fd = fd;
    text_len = 0;
    text_error = 0;
}

static int text_end(void) {
    text_flush();
    int rc = text_error;
    pthread_mutex_unlock(&text_lock);
    return rc;
}

/* ---- a task ---- */

static void put_site(const struct spawn_site *site) {
    if (site->file != NULL) {
        put(" (started at %s:%d)", site->file, site->line);
    }
}

static void put_trace(const struct backtrace *trace) {
    for (int i = 0; i < trace->count; i++) {
        char line[512];
        (void)backtrace_format(trace, i, line, sizeof line);
        put("    #%-2d %s\n", i, line);
    }
}

static void put_address(const struct sockaddr_storage *address, socklen_t len) {
    char host[INET6_ADDRSTRLEN] = "";
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        put(" (%s:%u)", inet_ntop(AF_INET, &in->sin_addr, host, sizeof host), ntohs(in->sin_port));
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        put(" ([%s]:%u)", inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host), ntohs(in6->sin6_port));
    } else if (address->ss_family == AF_UNIX && len > offsetof(struct sockaddr_un, sun_path)) {
        const struct sockaddr_un *local = (const struct sockaddr_un *)address;
        size_t size = len - offsetof(struct sockaddr_un, sun_path);
        bool abstract = local->sun_path[0] == '\0';
        put(" (unix:%s%.*s)", abstract ? "@" : "", (int)(abstract ? size - 1 : size),
            local->sun_path + (abstract ? 1 : 0));
    }
}

/* The peer's address, or a listener's own. */
static void put_io(struct sched *sched, const struct io *io) {
    put(" on fd %d", io->fd);
    struct sockaddr_storage address = {0};
    socklen_t len = 0;
    if (sched->engine->peer_name(sched, io->fd, &address, &len) == 0 ||
        sched->engine->local_name(sched, io->fd, &address, &len) == 0) {
        put_address(&address, len);
    }
}

/* Its registers are those of this very call. */
static void put_own_trace(const struct sched *sched) {
    struct backtrace trace;
    backtrace_here(sched, &trace);
    put_trace(&trace);
}

static void put_state(struct sched *sched, const struct task *task) {
    if (task->parked && task->waiting != NULL) {
        int64_t ms = (sched->now - task->parked_at) / MILLISECOND_NS;
        put(" waits %" PRId64 ".%03d s: %s", ms / 1000, (int)(ms % 1000), task->waiting->kind->name);
        if (task->waiting->io != NULL) {
            put_io(sched, task->waiting->io);
        }
    } else if (task == sched->running) {
        put(" runs");
    } else {
        put(task->begun ? " is ready" : " is ready to begin");
    }
    if (task->scope->cancelled) {
        put(", cancelled");
    } else if (task->scope->deadline != TIMER_NEVER) {
        put(", %" PRId64 " ms to its deadline", (task->scope->deadline - sched->now) / MILLISECOND_NS);
    }
    put("\n");
}

/* What has gone wrong in the scopes that it has open: the first failure is the result, later ones may be the cause. */
static void put_failures(const struct task *task) {
    for (const struct scope *scope = task->scope; scope != NULL; scope = scope->outer) {
        for (const struct scope_failure *kept = scope->failures; kept != NULL; kept = kept->next) {
            char sentence[FAILURE_SENTENCE_SIZE];
            (void)failure_format(&kept->failure, sentence, sizeof sentence);
            put("    %s of its scope: task \"%s\"",
                kept == scope->failures ? "first failure" : "later failure", kept->site.name);
            put_site(&kept->site);
            put(": %s\n", sentence);
        }
        if (scope->failures != NULL && scope->failures->left_out > 0) {
            put("    and %" PRIu64 " more\n", scope->failures->left_out);
        }
    }
}

static void put_task(struct sched *sched, const struct task *task) {
    struct backtrace trace = {0};
    bool is_own = task == sched->running;
    if (!is_own) {
        backtrace_of_context(&trace, task->context, task_stack(sched, task).high);
    }
    put("task \"%s\"", task->name);
    put_site(&(struct spawn_site){task->name, task->file, task->line});
    put_state(sched, task);
    put_failures(task);
    if (is_own) {
        put_own_trace(sched);
        return;
    }
    if (!task->begun) {
        trace = (struct backtrace){.count = 1, .pc = {(uintptr_t)task->fn}};
    }
    put_trace(&trace);
}

/* ---- a scheduler ---- */

static size_t starts_queued(const struct sched *sched) {
    size_t n = 0;
    for (const struct ready *ready = sched->ready_first; ready != NULL; ready = ready->next) {
        n += ready->is_start ? 1 : 0;
    }
    for (const struct ready *ready = sched->starved_first; ready != NULL; ready = ready->next) {
        n++;
    }
    return n;
}

size_t timers_armed(const struct sched *sched) {
    size_t n = 0;
    for (uint32_t i = 0; i < sched->timer_count; i++) {
        n += sched->timers[i].timer->deadline != TIMER_NEVER ? 1 : 0;
    }
    return n;
}

/* On its own thread, with the text begun. */
static void put_scheduler(struct sched *sched) {
    sched_tick(sched);
    put("wharf: core %d (%s): %" PRId64 " tasks, %zu queued starts, %" PRId64 " descriptors, %u channels",
        sched->core, sched->engine->name, sched->tasks_alive + 1, starts_queued(sched), sched_load(sched),
        sched->chans.used);
    put(", %zu timers, %zu offload jobs\n", timers_armed(sched), pool_jobs(sched, NULL));
    for (const struct task *task = task_next(sched, NULL); task != NULL; task = task_next(sched, task)) {
        put_task(sched, task);
    }
}

/* ---- the others ---- */

struct dump_part {
    struct message message;
    struct dump *dump;
    struct sched *sched; /* where it was posted; to be compared only */
    uint32_t number;
    _Atomic bool answered;
};

/* Heap memory, held by the asker and by each part that is on its way. */
struct dump {
    _Atomic int references;
    _Atomic int pending;
    bool closed; /* under text_lock: the asker has gone, and so may the descriptor */
    int fd;
    int error; /* under text_lock */
    int count;
    struct dump_part parts[];
};

static void dump_release(struct dump *dump) {
    if (atomic_fetch_sub(&dump->references, 1) == 1) {
        mem_free(dump);
    }
}

static void dump_answer(struct message *message) {
    struct dump_part *part = (struct dump_part *)(void *)message;
    struct dump *dump = part->dump;
    text_begin(dump->fd);
    if (!dump->closed) {
        put_scheduler(sched_peek());
        text_flush();
        dump->error = dump->error == 0 ? text_error : dump->error;
    }
    (void)text_end();
    atomic_store(&part->answered, true);
    atomic_fetch_sub(&dump->pending, 1);
    dump_release(dump);
}

/* Simulations are alone on their threads, and whose thread one has taken cannot answer. */
static bool is_asked(const struct sched *sched, const struct sched *asker) {
    return sched != asker && sched->engine == &engine_epoll;
}

/* Asks all but the asker. NULL: nobody is asked, or no memory. */
static struct dump *dump_ask(const struct sched *asker, int fd, int *ret_error) {
    int count = 0;
    for (struct sched *sched = registry_lock(); sched != NULL; sched = sched->pulse.next) {
        count += is_asked(sched, asker) ? 1 : 0;
    }
    registry_unlock();
    struct dump *dump = count > 0 ? mem_zalloc(sizeof *dump + (size_t)count * sizeof(struct dump_part))
                                  : NULL;
    if (dump == NULL) {
        *ret_error = count > 0 ? -ENOMEM : 0;
        return NULL;
    }
    dump->fd = fd;
    atomic_store(&dump->references, 1);
    for (struct sched *sched = registry_lock(); sched != NULL && dump->count < count;
         sched = sched->pulse.next) {
        if (is_asked(sched, asker)) {
            struct dump_part *part = &dump->parts[dump->count++];
            *part = (struct dump_part){
                .message.run = dump_answer, .dump = dump, .sched = sched, .number = sched->number};
            atomic_fetch_add(&dump->references, 1);
            atomic_fetch_add(&dump->pending, 1);
            sched_post(sched, &part->message);
        }
    }
    registry_unlock();
    return dump;
}

/* Who keeps a core that did not answer. */
static void put_silent(const struct dump_part *part) {
    struct sched *sched = registry_lock();
    while (sched != NULL && (sched != part->sched || sched->number != part->number)) {
        sched = sched->pulse.next;
    }
    struct sample sample = {0};
    if (sched != NULL && watchdog_sample(sched, &sample)) {
        put("wharf: core %d does not answer: task \"%s\" runs and lets no other\n", sched->core, sample.name);
        put_trace(&sample.trace);
    } else if (sched != NULL) {
        put("wharf: core %d does not answer: a task runs and lets no other\n", sched->core);
    }
    registry_unlock();
}

/* After the last look: what comes late is not written. Returns the first error. */
static int dump_close(struct dump *dump) {
    text_begin(dump->fd);
    dump->closed = true;
    for (int i = 0; i < dump->count; i++) {
        if (!atomic_load(&dump->parts[i].answered)) {
            put_silent(&dump->parts[i]);
        }
    }
    int rc = dump->error;
    int last = text_end();
    dump_release(dump);
    return rc < 0 ? rc : last;
}

/* ---- waiting for them ---- */

struct dump_op {
    struct op op;
    struct dump *dump;
    int64_t until;
};

/* Looked at each millisecond: an answer that had to find its asker would need both to outlive the other. */
static int64_t dump_attempt(struct op *op) {
    struct dump_op *waiting = (struct dump_op *)op;
    int64_t now = sched_clock();
    if (atomic_load(&waiting->dump->pending) == 0 || now >= waiting->until) {
        return 0;
    }
    op->wake_at = now + LOOK_NS;
    return -EAGAIN;
}

static const struct op_kind dump_kind = {.name = "dump", .attempt = dump_attempt};

int wharf_dump(int fd) {
    struct sched *sched = sched_current();
    if (sched == NULL) {
        return sched_missing();
    }
    text_begin(fd);
    put_scheduler(sched);
    int rc = text_end();
    if (rc < 0 || sched->engine != &engine_epoll) {
        return rc;
    }
    struct dump *dump = dump_ask(sched, fd, &rc);
    if (dump == NULL) {
        return rc;
    }
    struct dump_op op = {.op = {.kind = &dump_kind, .uninterruptible = true}, .dump = dump};
    op.until = sched_clock() + PATIENCE_NS;
    (void)op_await(&op.op);
    return dump_close(dump);
}

void dump_from_outside(int fd) {
    int rc = 0;
    struct dump *dump = dump_ask(NULL, fd, &rc);
    if (dump == NULL) {
        return;
    }
    for (int64_t waited = 0; waited < PATIENCE_NS && atomic_load(&dump->pending) > 0; waited += LOOK_NS) {
        struct timespec span = {.tv_nsec = LOOK_NS};
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
    }
    (void)dump_close(dump);
}

void dump_after_fork(void) {
    pthread_mutex_init(&text_lock, NULL);
}

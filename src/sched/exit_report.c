/* What a scheduler leaves behind when it ends: tasks that would not end when they were cancelled, sockets and channels that
 * nobody closed, calls still on the offload pool. Taken when everything that ends by itself has ended, so a clean program is
 * told nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/report.h"
#include "sched/internal.h"

enum { SITES_FIRST = 512, SITE_FRAMES = 8, SITE_SKIPPED = 1, LINE_SIZE = 2048, SHOWN_MAX = 100 };

struct site {
    int count;
    uintptr_t pc[SITE_FRAMES];
};

/* ---- where things are made ---- */

/* Mapped, and not allocated, so that a test which fails the n-th allocation counts the program's own. */
static struct site *sites_grow(struct site *sites, uint32_t from, uint32_t to) {
    size_t size = to * sizeof *sites;
    void *grown = sites == NULL ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                : mremap(sites, from * sizeof *sites, size, MREMAP_MAYMOVE);
    return grown != MAP_FAILED ? grown : NULL;
}

static struct site *site_at(struct sched *sched, enum site_kind kind, uint32_t slot) {
    struct site_list *list = &sched->sites[kind];
    if (slot >= list->capacity) {
        uint32_t capacity = slot < SITES_FIRST ? SITES_FIRST : slot * 2;
        struct site *sites = sites_grow(list->sites, list->capacity, capacity);
        if (sites == NULL) {
            return NULL;
        }
        *list = (struct site_list){sites, capacity};
    }
    return &list->sites[slot];
}

void site_record(struct sched *sched, enum site_kind kind, uint32_t slot) {
    struct site *site = site_at(sched, kind, slot);
    if (site == NULL) {
        return;
    }
    struct backtrace trace;
    backtrace_here(sched, &trace);
    int count = trace.count - SITE_SKIPPED;
    site->count = count < 0 ? 0 : count > SITE_FRAMES ? SITE_FRAMES : count;
    memcpy(site->pc, trace.pc + SITE_SKIPPED, (size_t)site->count * sizeof site->pc[0]);
}

void sites_free(struct sched *sched) {
    for (int kind = 0; kind < SITE_KINDS; kind++) {
        struct site_list *list = &sched->sites[kind];
        if (list->sites != NULL) {
            munmap(list->sites, list->capacity * sizeof *list->sites);
        }
        *list = (struct site_list){0};
    }
}

/* ---- lines ---- */

void exit_report_made(const char *what, const struct backtrace *trace) {
    char line[LINE_SIZE];
    int len = snprintf(line, sizeof line, "%s", what);
    size_t at = len < 0 ? 0 : (size_t)len < sizeof line ? (size_t)len : sizeof line - 1;
    for (int i = 0; i < trace->count && at + 16 < sizeof line; i++) {
        at += (size_t)snprintf(line + at, sizeof line - at, "\n    #%-2d ", i);
        at += backtrace_format(trace, i, line + at, sizeof line - at);
    }
    report_write(REPORT_WARNING, line, at);
}

static void report_thing(const struct sched *sched, enum site_kind kind, uint32_t slot, const char *what) {
    char line[128];
    const struct site_list *list = &sched->sites[kind];
    const struct site *site = slot < list->capacity ? &list->sites[slot] : NULL;
    struct backtrace trace = {.count = site != NULL ? site->count : 0};
    if (trace.count > 0) {
        memcpy(trace.pc, site->pc, (size_t)trace.count * sizeof trace.pc[0]);
    }
    (void)snprintf(line, sizeof line, "wharf: left at exit: %s%s", what, trace.count > 0 ? ", made by" : "");
    exit_report_made(line, &trace);
}

void exit_report_tasks(const struct sched *sched, const char *what) {
    int shown = 0;
    for (const struct task *task = task_next(sched, &sched->main); task != NULL && shown < SHOWN_MAX;
         task = task_next(sched, task)) {
        char line[LINE_SIZE], where[512] = "";
        if (task->file != NULL) {
            (void)snprintf(where, sizeof where, " (started at %s:%d)", task->file, task->line);
        }
        int len = snprintf(line, sizeof line, "%s: task \"%s\"%s: %s", what, task->name, where,
                           task->waiting != NULL ? task->waiting->kind->name : "ready");
        report_write(REPORT_WARNING, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
        shown++;
    }
}

/* A connection that nobody uses at the moment is watched, and nobody's. */
static bool is_left(const struct io *io) {
    return io->generation != 0 && io->fd >= 0 && !io->lingers && (io->owner != NULL || io->watch == NULL);
}

static void report_sockets(const struct sched *sched) {
    uint32_t slots = sched->ios.page_count * sched->ios.page_records;
    int shown = 0;
    for (uint32_t slot = 0; slot < slots && shown < SHOWN_MAX; slot++) {
        const struct io *io = table_at(&sched->ios, slot);
        if (is_left(io)) {
            char what[64];
            (void)snprintf(what, sizeof what, "socket with fd %d", io->fd);
            report_thing(sched, SITE_SOCKET, slot, what);
            shown++;
        }
    }
}

/* How many there are. */
static uint64_t report_channels(const struct sched *sched, bool names_them) {
    uint32_t slots = sched->chans.page_count * sched->chans.page_records;
    uint64_t found = 0;
    for (uint32_t slot = 0; slot < slots; slot++) {
        void *const *record = table_at(&sched->chans, slot); /* begins with the channel; NULL: free */
        if (*record == NULL) {
            continue;
        }
        found++;
        if (names_them && found <= SHOWN_MAX) {
            report_thing(sched, SITE_CHANNEL, slot, "channel");
        }
    }
    return found;
}

/* For a simulation: it knows its sockets itself. */
static void report_to(const struct sched *sched, struct left *left) {
    if (left->names_them) {
        report_sockets(sched);
    }
    left->channels += report_channels(sched, left->names_them);
}

void exit_report(const struct sched *sched) {
    if (sched->left != NULL) {
        report_to(sched, sched->left);
        return;
    }
    if (!atomic_load(&debug_switches.exit_report) || sched->engine != &engine_epoll) {
        return;
    }
    if (sched->tasks_alive > 0) {
        exit_report_tasks(sched, "wharf: left at exit, cancelled and not ended");
    }
    report_sockets(sched);
    (void)report_channels(sched, true);
    size_t jobs = pool_jobs(sched);
    if (jobs > 0) {
        char line[128];
        int len = snprintf(line, sizeof line, "wharf: left at exit: %zu calls on the offload pool", jobs);
        report_write(REPORT_WARNING, line, (size_t)len);
    }
}

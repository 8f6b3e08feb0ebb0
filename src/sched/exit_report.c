/* What a scheduler leaves behind when it ends: tasks and child processes that would not end when they were cancelled, sockets,
 * files and channels that nobody closed, calls still on the offload pool. Taken when everything that ends by itself has ended, so a clean program is
 * told nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/report.h"
#include "sched/file.h"
#include "sched/internal.h"

enum { SITES_FIRST = 512, SITE_SKIPPED = 1, LINE_SIZE = 2048, SHOWN_MAX = 100 };

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

__attribute__((noinline)) void site_take(const struct sched *sched, struct site *ret_site) {
    struct backtrace trace;
    backtrace_here(sched, &trace);
    int count = trace.count - SITE_SKIPPED;
    ret_site->count = count < 0 ? 0 : count > SITE_FRAMES ? SITE_FRAMES : count;
    memcpy(ret_site->pc, trace.pc + SITE_SKIPPED, (size_t)ret_site->count * sizeof ret_site->pc[0]);
}

void site_record(struct sched *sched, enum site_kind kind, uint32_t slot) {
    struct site *site = site_at(sched, kind, slot);
    if (site != NULL) {
        site_take(sched, site);
    }
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

/* site: may be NULL. */
static void report_made(const char *what, const struct site *site, const char *made) {
    char line[LINE_SIZE];
    struct backtrace trace = {.count = site != NULL ? site->count : 0};
    if (trace.count > 0) {
        memcpy(trace.pc, site->pc, (size_t)trace.count * sizeof trace.pc[0]);
    }
    (void)snprintf(line, sizeof line, "%s%s", what, trace.count > 0 ? made : "");
    exit_report_made(line, &trace);
}

static const struct site *site_of(const struct sched *sched, enum site_kind kind, uint32_t slot) {
    const struct site_list *list = &sched->sites[kind];
    return slot < list->capacity ? &list->sites[slot] : NULL;
}

static void report_thing(const struct sched *sched, enum site_kind kind, uint32_t slot, const char *what) {
    char line[128];
    (void)snprintf(line, sizeof line, "wharf: left at exit: %s", what);
    report_made(line, site_of(sched, kind, slot), ", made by");
}

/* Its name, where it was started, and what it waits for; a child process has a number and a site instead. */
static void report_task(const struct sched *sched, const struct task *task, const char *what) {
    char line[LINE_SIZE], where[512] = "";
    pid_t pid = child_of_task(task);
    if (pid > 0) {
        (void)snprintf(line, sizeof line, "%s: child process %d", what, (int)pid);
        report_made(line, task->join != NULL ? site_of(sched, SITE_CHILD, task->join->slot) : NULL,
                    ", started by");
        return;
    }
    if (task->file != NULL) {
        (void)snprintf(where, sizeof where, " (started at %s:%d)", task->file, task->line);
    }
    (void)snprintf(line, sizeof line, "%s: task \"%s\"%s: %s", what, task->name, where,
                   task->waiting != NULL ? task->waiting->kind->name : "ready");
    report_made(line, NULL, "");
}

void exit_report_tasks(const struct sched *sched, const char *what) {
    int shown = 0;
    for (const struct task *task = task_next(sched, &sched->main); task != NULL && shown < SHOWN_MAX;
         task = task_next(sched, task)) {
        report_task(sched, task, what);
        shown++;
    }
}

/* A connection that nobody uses at the moment is watched, and nobody's. */
static bool is_left(const struct io *io) {
    return io->generation != 0 && io->fd >= 0 && !io->lingers && !io->of_file &&
           (io->owner != NULL || io->watch == NULL);
}

/* Both count, and name the first ones when `names_them`. */
static uint64_t report_sockets(const struct sched *sched, bool names_them) {
    uint32_t slots = sched->ios.page_count * sched->ios.page_records;
    uint64_t found = 0;
    for (uint32_t slot = 0; slot < slots; slot++) {
        const struct io *io = table_at(&sched->ios, slot);
        if (!is_left(io)) {
            continue;
        }
        found++;
        if (names_them && found <= SHOWN_MAX) {
            char what[64];
            (void)snprintf(what, sizeof what, "socket with fd %d", io->fd);
            report_thing(sched, SITE_SOCKET, slot, what);
        }
    }
    return found;
}

static void report_files(const struct sched *sched) {
    int shown = 0, fd = -1;
    for (uint32_t slot = 0; shown < SHOWN_MAX && file_at(slot, &fd); slot++) {
        if (fd >= 0) {
            char what[64];
            (void)snprintf(what, sizeof what, "file with fd %d", fd);
            report_thing(sched, SITE_FILE, slot, what);
            shown++;
        }
    }
}

static void report_job(const struct job *job) {
    report_made("wharf: left at exit: a call that runs on the offload pool", &job->made, ", asked for by");
}

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

/* What a simulation leaves is its own business; it asks for the numbers. */
static void report_to(const struct sched *sched, struct left *left) {
    left->sockets += report_sockets(sched, left->names_them);
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
    (void)report_sockets(sched, true);
    report_files(sched);
    (void)report_channels(sched, true);
    (void)pool_jobs(sched, report_job);
}

/* See renew.h. A look costs a few stat(2) calls a second, on a thread of the pool like the reading itself: a certificate may lie
 * on a slow disk. Whatever is wrong with new files, the old ones stay in use, and there is another try when the files
 * change again: a pair whose halves are written one after the other settles by itself. */
#include "server/renew.h"

#include <errno.h>

#include "base/memory.h"
#include "base/text.h"
#include "server/notice.h"
#include "server/server.h"
#include "tls/settings.h"
#include "wharf/task.h"

enum { LOOK_MS = 1000, DAY = 24 * 3600, WARN_DAYS = 14 };

/* ---- looking ---- */

/* One look at the files of some settings. */
struct look {
    struct job job;
    wharf_tls *tls; /* counted */
    bool always;    /* read them even when they look unchanged */
    uint64_t failed_stamp;
    int result; /* 1: read; 0: nothing to do; or the error */
    char why[FAILURE_SENTENCE_SIZE];
};

static void look_run(struct job *job) {
    struct look *look = (struct look *)(void *)job;
    look->result = tls_reload_if_changed(look->tls, look->always, &look->failed_stamp);
    if (look->result < 0) {
        (void)str_copy_to(look->why, sizeof(look->why), wharf_str_of(wharf_why()));
    }
}

static void look_drop(struct job *job) {
    struct look *look = (struct look *)(void *)job;
    tls_release(look->tls);
    mem_free(look);
}

/* ---- certificates that end soon ---- */

static void warn(wharf_tls *tls) {
    struct tls_expiry expiry;
    for (size_t i = 0; tls_expiry_at(tls, i, &expiry); i++) {
        int64_t left = expiry.at - sched_wall_seconds();
        if (left < 0) {
            notice("wharf: tls.expiry: the certificate %s (%s) has expired on %s", expiry.source,
                   expiry.subject, expiry.date);
        } else if (left < WARN_DAYS * DAY) {
            notice("wharf: tls.expiry: the certificate %s (%s) expires on %s, %lld day%s from now",
                   expiry.source, expiry.subject, expiry.date, (long long)(left / DAY),
                   left / DAY == 1 ? "" : "s");
        }
    }
}

/* ---- the task ---- */

/* Listeners may share settings: the first one that has them looks. */
static bool is_first(const wharf_server *server, int index) {
    for (int i = 0; i < index; i++) {
        if (server->acceptors[i].tls == server->acceptors[index].tls) {
            return false;
        }
    }
    return server->acceptors[index].tls != NULL;
}

/* 0, or why there can be no more looks. */
static int look_at(wharf_tls *tls, bool always, uint64_t *failed_stamp) {
    struct look *look = mem_zalloc(sizeof(*look));
    if (look == NULL) {
        return 0; /* the next one may have more luck */
    }
    *look = (struct look){.job = {.run = look_run, .drop = look_drop},
                          .tls = tls,
                          .always = always,
                          .failed_stamp = *failed_stamp};
    tls_hold(tls);
    int rc = pool_run(POOL_GENERAL, &look->job);
    if (rc < 0) {
        return rc == -ECANCELED || rc == -ETIMEDOUT ? rc : 0;
    }
    *failed_stamp = look->failed_stamp;
    if (look->result != 0) {
        tls_tell_reloaded(tls, look->result < 0 ? look->result : 0, look->why);
    }
    if (look->result > 0) {
        warn(tls);
    }
    look_drop(&look->job);
    return 0;
}

/* 0: somebody has asked, or a second has passed; or an error. */
static int wait_for_reason(struct core *core) {
    int rc = 0;
    if (atomic_load(&core->server->reload)) {
        return 0; /* before there was anybody to ask */
    }
    WHARF_WITHIN (LOOK_MS) {
        rc = event_wait(&core->renew);
    }
    return rc == -ETIMEDOUT ? wharf_check() : rc;
}

static void warn_all(const wharf_server *server) {
    for (int i = 0; i < server->acceptor_count; i++) {
        if (is_first(server, i)) {
            warn(server->acceptors[i].tls);
        }
    }
}

static int renew_run(void *arg) {
    struct core *core = arg;
    const wharf_server *server = core->server;
    uint64_t failed[ADDRESSES_MAX] = {0};
    int64_t warned = sched_wall_seconds();
    warn_all(server);
    int rc = wait_for_reason(core);
    while (rc == 0) {
        bool asked = atomic_exchange(&core->server->reload, false);
        for (int i = 0; i < server->acceptor_count && rc == 0; i++) {
            rc = is_first(server, i) ? look_at(server->acceptors[i].tls, asked, &failed[i]) : rc;
        }
        if (sched_wall_seconds() - warned >= DAY) {
            warned = sched_wall_seconds();
            warn_all(server);
        }
        rc = rc < 0 ? rc : wait_for_reason(core);
    }
    return 0;
}

int renew_start(struct core *core, struct scope *scope) {
    return task_start(scope, renew_run, core, "http certificates");
}

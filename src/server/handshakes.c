/* See handshakes.h.
 *
 *      handshakes_note ---> a record for each reason ---(task, when a second has passed)---> log or report
 *
 * There are as many records as there are reasons, which are the library's own (docs/reasons.md). */
#include "server/handshakes.h"

#include <errno.h>

#include "base/memory.h"
#include "base/text.h"
#include "server/access.h"
#include "server/notice.h"
#include "tls/stream.h"
#include "wharf/task.h"

enum { REST_NS = 1000 * 1000 * 1000, NS_PER_MS = 1000000, LAST_MS = 1000 };

/* What has failed for one reason since it was told last: the first of them, and how many there are. */
struct failed {
    struct failed *next;
    const char *reason;
    int64_t again; /* sched_now() from which the next may be told */
    uint64_t count;
    struct peer peer;
    char why[FAILURE_SENTENCE_SIZE];
};

struct handshakes {
    struct core *core;
    struct event event;
    struct failed *first;
    bool closing;
};

/* ---- noting ---- */

static struct failed *find(struct handshakes *handshakes, const char *reason) {
    struct failed *at = handshakes->first;
    while (at != NULL && strcmp(at->reason, reason) != 0) {
        at = at->next;
    }
    if (at != NULL) {
        return at;
    }
    at = mem_alloc(sizeof(*at));
    if (at != NULL) {
        *at = (struct failed){.next = handshakes->first, .reason = reason, .again = INT64_MIN};
        handshakes->first = at;
    }
    return at;
}

void handshakes_note(struct handshakes *handshakes, const struct connection *connection) {
    struct failed *failed = find(handshakes, stream_handshake_reason(&connection->stream));
    if (failed == NULL) {
        return;
    }
    if (failed->count == 0) {
        failed->peer = connection->peer;
        (void)failure_format(failure_current(), failed->why, sizeof(failed->why));
    }
    failed->count++;
    event_announce(&handshakes->event);
}

/* ---- telling ---- */

static void tell(struct handshakes *handshakes, struct failed *failed) {
    uint64_t more = failed->count - 1;
    failed->count = 0;
    failed->again = sched_now() + REST_NS;
    if (handshakes->core->log != NULL) {
        access_refused(handshakes->core, &(const struct access_refusal){.peer = &failed->peer,
                                                                        .reason = failed->reason,
                                                                        .why = failed->why,
                                                                        .more = more});
        return;
    }
    if (more == 0) {
        notice("wharf: %s: %s", failed->reason, failed->why);
    } else {
        notice("wharf: %s: %s (and %llu more)", failed->reason, failed->why, (unsigned long long)more);
    }
}

/* Tells what may be told by now, or all. Returns when the next may be; INT64_MAX: there is none. */
static int64_t tell_due(struct handshakes *handshakes, bool all) {
    int64_t next = INT64_MAX;
    for (struct failed *at = handshakes->first; at != NULL; at = at->next) {
        if (at->count == 0) {
            continue;
        }
        if (all || at->again <= sched_now()) {
            tell(handshakes, at);
        } else {
            next = at->again < next ? at->again : next;
        }
    }
    return next;
}

/* Until there is something to tell. */
static int wait_until(struct handshakes *handshakes, int64_t when) {
    int rc = 0;
    int64_t left = when == INT64_MAX ? WHARF_OFF : (when - sched_now()) / NS_PER_MS + 1;
    WHARF_WITHIN (left) {
        rc = event_wait(&handshakes->event);
    }
    return rc == -ETIMEDOUT ? wharf_check() : rc;
}

static int handshakes_task(void *arg) {
    struct handshakes *handshakes = arg;
    int64_t next = INT64_MAX;
    while (wait_until(handshakes, next) == 0 && !handshakes->closing) {
        next = tell_due(handshakes, false);
    }
    WHARF_SHIELD (LAST_MS) {
        (void)tell_due(handshakes, true);
    }
    return 0;
}

/* ---- life ---- */

int handshakes_open(struct core *core, struct scope *scope, struct handshakes **ret_handshakes) {
    struct handshakes *handshakes = mem_zalloc(sizeof(*handshakes));
    if (handshakes == NULL) {
        return -ENOMEM;
    }
    handshakes->core = core;
    int rc = task_start(scope, handshakes_task, handshakes, "http handshakes");
    if (rc < 0) {
        mem_free(handshakes);
        return rc;
    }
    *ret_handshakes = handshakes;
    return 0;
}

void handshakes_close(struct handshakes *handshakes) {
    handshakes->closing = true;
    event_announce(&handshakes->event);
}

void handshakes_free(struct handshakes *handshakes) {
    while (handshakes->first != NULL) {
        struct failed *failed = handshakes->first;
        handshakes->first = failed->next;
        mem_free(failed);
    }
    mem_free(handshakes);
}

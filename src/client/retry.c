/* See retry.h. RFC 9110 sections 9.2.2 (idempotent methods) and 10.2.3 (Retry-After). */
#include "client/retry.h"

#include <errno.h>

#include "base/number.h"
#include "base/text.h"
#include "client/body.h"
#include "client/pool.h"
#include "client/response.h"
#include "http/codec/date.h"
#include "sched/engine.h"
#include "sched/sched.h"
#include "sched/task.h"
#include "wharf/http.h"
#include "wharf/task.h"

enum { NS_PER_MS = 1000000, MS_PER_SECOND = 1000, DOUBLINGS_MAX = 40 };

bool retry_is_passing(int code) {
    static const int passing[] = {ECONNREFUSED, ECONNRESET,    ECONNABORTED, EPIPE,
                                  ETIMEDOUT,    EHOSTUNREACH,  ENETUNREACH,  EHOSTDOWN,
                                  ENETDOWN,     EADDRNOTAVAIL, WHARF_EEOF,   WHARF_ENAMESERVER};
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
        if (passing[i] == -code) {
            return true;
        }
    }
    return false;
}

static bool is_passing_status(int status) {
    static const int passing[] = {408, 425, 429, 500, 502, 503, 504, 522, 524};
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
        if (passing[i] == status) {
            return true;
        }
    }
    return false;
}

static bool is_safe(const struct fetch *fetch) {
    return source_can_replay(&fetch->body) && (fetch->is_unsent || fetch_is_idempotent(fetch));
}

/* Milliseconds until the fetch as a whole must be over, by its own limit or one around it; INT64_MAX: there is no such time. */
static int64_t time_left_ms(const struct fetch *fetch) {
    const struct scope *around = task_scope();
    int64_t deadline = fetch->total.deadline;
    if (around != NULL && around->deadline < deadline) {
        deadline = around->deadline;
    }
    if (deadline == TIMER_NEVER) {
        return INT64_MAX;
    }
    int64_t left = deadline - sched_clock();
    return left > 0 ? left / NS_PER_MS : 0;
}

bool retry_could_help(const struct fetch *fetch, int failure) {
    return retry_is_passing(failure) && is_safe(fetch);
}

const char *retry_verdict(const struct fetch *fetch, int failure) {
    if (!retry_is_passing(failure)) {
        return "the same would happen again";
    }
    if (!source_can_replay(&fetch->body)) {
        return "the body cannot be produced again";
    }
    if (fetch->is_unsent) {
        return "the server has not had the request";
    }
    if (fetch_is_idempotent(fetch)) {
        return "repeating this request does no harm";
    }
    return "the server may have acted on the request already";
}

/* ---- how long to pause ---- */

/* What Retry-After asks for, in milliseconds; -1: nothing that can be understood. */
static int64_t pause_asked_for(const struct fetch *fetch) {
    wharf_str value = headers_value(&fetch->response->headers, HEADER_RETRY_AFTER);
    uint64_t seconds = 0;
    int64_t date = 0;
    if (value.len == 0) {
        return -1;
    }
    if (number_parse(value, INT32_MAX, &seconds) == 0) {
        return (int64_t)seconds * MS_PER_SECOND;
    }
    if (wharf_date_parse(value, &date) < 0) {
        return -1;
    }
    int64_t now = sched_wall_seconds();
    return date > now ? (date - now) * MS_PER_SECOND : 0;
}

/* Anywhere between nothing and the bound, so that those who failed together do not come back together. */
static int64_t pause_drawn(struct fetch *fetch) {
    uint64_t chance = 0;
    int64_t bound = fetch->limits.retry_ms > 0 ? fetch->limits.retry_ms : 0;
    int64_t most = fetch->limits.retry_max_ms > 0 ? fetch->limits.retry_max_ms : INT64_MAX;
    for (int i = 0; i < fetch->retry_doublings && bound < most; i++) {
        bound = bound < INT64_MAX / 2 ? bound * 2 : INT64_MAX;
    }
    bound = bound < most ? bound : most;
    sched_engine()->random(sched_current(), &chance, sizeof(chance));
    return (int64_t)(chance % ((uint64_t)bound + 1));
}

/* The pause in milliseconds, or -1: not to be waited for. */
static int64_t pause_of(struct fetch *fetch, int rc) {
    int64_t asked = rc == 0 ? pause_asked_for(fetch) : -1;
    if (asked < 0) {
        return pause_drawn(fetch);
    }
    int64_t most = fetch->limits.retry_after_ms;
    return most >= 0 && asked > most ? -1 : asked;
}

/* ---- the decision ---- */

/* Whether it is worth a try at all, be there time or not. */
static bool is_wanted(const struct fetch *fetch, int rc) {
    if (fetch->retries >= fetch->limits.retries || wharf_check() < 0) {
        return false;
    }
    if (rc < 0) {
        return retry_could_help(fetch, rc);
    }
    return is_passing_status(fetch->response->status) && is_safe(fetch);
}

/* A response that brought something, however little, shows that the server is not in trouble for good. */
static void note_progress(struct fetch *fetch, int rc) {
    bool has_progress = rc < 0 && fetch->response->trail.now.status != 0;
    fetch->retry_doublings = has_progress ? 0 : fetch->retry_doublings;
}

bool retry_again(struct fetch *fetch, int rc) {
    struct wharf_response *response = fetch->response;
    if (!is_wanted(fetch, rc)) {
        return false;
    }
    note_progress(fetch, rc);
    int64_t pause = pause_of(fetch, rc);
    if (pause < 0 || pause >= time_left_ms(fetch) || !client_pool_take_retry(fetch)) {
        return false;
    }
    struct failure failure = *failure_current();
    int code = response->error;
    if (wharf_sleep(pause) < 0) {
        *failure_current() = failure; /* what the attempt came to says more than that nobody waits any more */
        response->error = code;
        return false;
    }
    body_finish(response);
    *failure_current() = failure;
    response_close_attempt(response, rc);
    response_reset(response);
    fetch->retries++;
    fetch->retry_doublings += fetch->retry_doublings < DOUBLINGS_MAX ? 1 : 0;
    fetch->why = "retry";
    return true;
}

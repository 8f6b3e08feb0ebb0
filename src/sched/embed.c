/* A scheduler inside somebody else's loop. Between two calls it is asleep as far as other threads can tell, so that what
 * they send makes the engine's descriptor readable. */
#include <errno.h>
#include <limits.h>

#include "base/failure.h"
#include "sched/internal.h"
#include "sched/turn.h"
#include "wharf/os.h"

enum { TURN_NS = 1000 * 1000, MILLISECOND_NS = 1000 * 1000 };

/* 0 on the kernel's engine; a simulation has no descriptor. */
static int embed_check(const struct sched *sched) {
    if (sched == NULL) {
        return sched_missing();
    }
    if (sched->engine != &engine_epoll) {
        return fail(-EOPNOTSUPP, "poll", NULL, "a simulation has no descriptor");
    }
    return 0;
}

int wharf_poll_fd(void) {
    struct sched *sched = sched_current();
    int rc = embed_check(sched);
    return rc < 0 ? rc : epoll_engine_descriptor(sched->engine_state);
}

static const struct op_kind poll_kind = {.name = "poll run"};

/* Each turn runs all that was ready when it began: the caller goes to the end of the queue. */
int wharf_poll_run(void) {
    struct sched *sched = sched_current();
    int rc = embed_check(sched);
    rc = rc == 0 ? op_checkpoint(&poll_kind) : rc;
    if (rc < 0) {
        return rc;
    }
    sched_poll(sched, false);
    int64_t end = sched->now + TURN_NS;
    while (sched->ready_first != NULL && sched->now < end) {
        task_give_way(sched, sched->running);
        sched_poll(sched, false);
    }
    return 0;
}

int wharf_poll_timeout(void) {
    struct sched *sched = sched_current();
    if (embed_check(sched) < 0) {
        return 0; /* the next wharf_poll_run() says why */
    }
    atomic_store(&sched->sleeping, true);
    if (sched->ready_first != NULL || atomic_load(&sched->inbox) != NULL) {
        return 0;
    }
    int64_t next = timers_next(sched);
    if (next == TIMER_NEVER) {
        return -1;
    }
    int64_t span = next - sched_clock();
    int64_t ms = span <= 0 ? 0 : (span - 1) / MILLISECOND_NS + 1;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* What a task does about its own turn: giving way, sleeping, asking whether it is still wanted. */
#include <errno.h>

#include "sched/await.h"
#include "sched/internal.h"

int wharf_check(void) {
    struct sched *sched = sched_here();
    return sched != NULL ? task_check(sched, sched->running) : sched_missing();
}

static int64_t sleep_attempt(struct op *op) {
    return op->wake_at != 0 && op->wake_at <= op->task->sched->now ? 0 : -EAGAIN;
}

static const struct op_kind sleep_kind = {"sleep", sleep_attempt, NULL, NULL};

static const struct op_kind yield_kind = {.name = "yield"};

/* Never parks: the others have their turn, and this task is behind them in the queue. */
__attribute__((noinline)) static int yield_checked(void) {
    struct sched *sched = sched_here();
    if (sched == NULL) {
        return sched_missing();
    }
    if (sched->hooked) {
        int rc = op_checkpoint(&yield_kind);
        if (rc < 0) {
            return rc;
        }
    }
    int rc = task_check(sched, sched->running);
    return rc == 0 ? task_give_way(sched, sched->running) : rc;
}

int wharf_yield(void) {
    struct sched *sched = sched_of_thread;
    if (__builtin_expect(sched == NULL, 0)) {
        return yield_checked();
    }
    struct task *task = sched->running;
    const struct scope *scope = task->scope;
    uint64_t turn = turn_next(sched);
    bool plain = turn_is_plain(sched, sched->ready_first, turn) && !scope->cancelled &&
                 scope->deadline == TIMER_NEVER;
    return __builtin_expect(plain, 1) ? turn_pass(sched, task, turn) : yield_checked();
}

int wharf_sleep(int64_t ms) {
    if (ms <= 0 && ms != WHARF_OFF) {
        return wharf_yield();
    }
    struct sched *sched = sched_here();
    if (sched == NULL) {
        return sched_missing();
    }
    struct op op = {.kind = &sleep_kind};
    if (ms > 0) {
        int64_t ns = 0;
        bool far = __builtin_mul_overflow(ms, 1000000, &ns);
        sched_tick(sched);
        op.wake_at = far || ns > TIMER_NEVER - 1 - sched->now ? TIMER_NEVER - 1 : sched->now + ns;
    }
    return (int)op_await(&op);
}

int64_t wharf_now_ns(void) {
    return sched_clock();
}

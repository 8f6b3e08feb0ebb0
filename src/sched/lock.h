/* What all locks have in common.
 *
 * A lock is memory of the caller and belongs to no core while it is free. Whoever takes it, or waits for it, claims it for
 * its scheduler first, and the last to leave gives it up. So a lock that another core uses is an error (-EXDEV) and never
 * a race, a static lock serves one thread after the other, and there is nothing to initialise.
 *
 * A hand-off is one step: unlocking makes the longest waiter the holder before it runs, so nobody can come between.
 */
#ifndef SCHED_LOCK_H
#define SCHED_LOCK_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/failure.h"
#include "sched/internal.h"
#include "wharf/sync.h"

struct gate {
    _Atomic uint32_t number; /* of the scheduler that uses it; 0: none */
};

/* 0, or -EXDEV. */
static inline int gate_enter(struct gate *gate, const struct sched *sched) {
    uint32_t number = atomic_load_explicit(&gate->number, memory_order_acquire);
    if (number == 0 && atomic_compare_exchange_strong(&gate->number, &number, sched->number)) {
        return 0;
    }
    return number == sched->number ? 0 : fail(-EXDEV, "lock", NULL, "another core is using it");
}

/* After every entry, and by whoever stops waiting. in_use: held, or waited for. */
static inline void gate_leave(struct gate *gate, bool in_use) {
    if (!in_use) {
        atomic_store_explicit(&gate->number, 0, memory_order_release);
    }
}

/* For calls that do not wait: the scheduler, entered; or NULL with the error. */
static inline struct sched *gate_enter_current(struct gate *gate, int *ret_error) {
    struct sched *sched = sched_current();
    int rc = sched != NULL ? gate_enter(gate, sched) : sched_missing();
    *ret_error = rc;
    return rc == 0 ? sched : NULL;
}

/* ---- holds: which task has what ---- */

struct hold_kind {
    const char *name; /* "a mutex": for the report */
    /* The task has ended: as if it had released it. */
    void (*release)(struct hold *hold);
};

struct hold {
    struct hold *next;
    const struct hold_kind *kind;
    void *lock;
    int64_t count; /* permits */
};

/* Made before it is needed, so that a hand-off cannot fail. NULL without memory. */
struct hold *hold_new(struct sched *sched, const struct hold_kind *kind, void *lock);
void hold_free(struct sched *sched, struct hold *hold);
void hold_attach(struct task *task, struct hold *hold);
void hold_detach(struct task *task, struct hold *hold);
/* The hold of a task on a lock, or NULL. */
struct hold *hold_find(const struct task *task, const void *lock);

/* ---- of the mutex, for conditions and reports ---- */
/* Who holds the mutex that an operation waits for; NULL: it waits for something else. */
const struct task *mutex_holder(const struct op *op);
bool mutex_is_mine(const wharf_mutex *mutex, const struct task *task);
/* Unlocks, but keeps the hold for locking again without memory. */
struct hold *mutex_lend(wharf_mutex *mutex, struct task *task);
/* Waits as long as it takes: neither cancellation nor deadline cuts it short. 0 or -EXDEV. */
int mutex_lock_again(wharf_mutex *mutex, struct hold *hold);

#endif

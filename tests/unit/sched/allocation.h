/* Fails the n-th allocation of a piece of work for n = 1, 2, 3 ... until none is left to fail: each time the work says so, and
 * nothing of it is left. After <cmocka.h>. */
#ifndef TESTS_SCHED_ALLOCATION_H
#define TESTS_SCHED_ALLOCATION_H

#include <errno.h>
#include <pthread.h>

#include "base/memory.h"
#include "sched/internal.h"

enum { ALLOCATIONS_MAX = 1000 };

struct allocation_sweep {
    int (*work)(void); /* on a thread of its own, whose scheduler ends with it: 0 or -ENOMEM */
    uint64_t tried;
};

/* What went wrong, or NULL. */
static inline void *allocation_sweep_thread(void *arg) {
    static char wrong_result[] = "a wrong result", no_end[] = "no end of allocations";
    struct allocation_sweep *sweep = arg;
    for (uint64_t n = 1; n < ALLOCATIONS_MAX; n++) {
        (void)mem_fail_at(n);
        int rc = sweep->work();
        bool failed = mem_did_fail();
        (void)mem_fail_at(0);
        sched_end_current();
        if (rc != (failed ? -ENOMEM : 0)) {
            return wrong_result;
        }
        if (!failed) {
            sweep->tried = n;
            return NULL;
        }
    }
    return no_end;
}

/* Returns how many allocations there were, and one. */
static inline uint64_t allocation_sweep(int (*work)(void)) {
    int64_t before = mem_live();
    struct allocation_sweep sweep = {.work = work};
    pthread_t thread;
    void *trouble = NULL;
    assert_int_equal(pthread_create(&thread, NULL, allocation_sweep_thread, &sweep), 0);
    pthread_join(thread, &trouble);
    assert_null(trouble);
    assert_int_equal(mem_live(), before);
    return sweep.tried;
}

#endif

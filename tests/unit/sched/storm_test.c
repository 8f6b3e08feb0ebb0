/* Everything at once, at random: tasks that open scopes, spawn, cancel, join, shield, time out, talk through channels that
 * are freed under them, wait for pipes and use the pool. No outcome of a single call is checked, but that all of them
 * end, and that nothing is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* a failure is recorded by it */

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "sched/internal.h"
#include "wharf/os.h"
#include "wharf/sync.h"
#include "wharf/task.h"

enum { CHANNELS = 4, ACTIONS = 12, DEPTH_MAX = 4, SEEDS = 12, ROOTS = 6 };

struct storm {
    struct random random;
    wharf_chan chans[CHANNELS];
    int pipe[2];
    int64_t budget; /* tasks that may still be spawned */
    int64_t running;
};

/* What a task gets. */
struct drop {
    struct storm *storm;
    int depth;
};

static int blow(void *arg);

static uint64_t pick(struct storm *storm, uint64_t n) {
    return random_below(&storm->random, n);
}

static int spawn_child(const struct drop *drop, wharf_scope *scope) {
    if (drop->depth >= DEPTH_MAX || drop->storm->budget <= 0) {
        return -EAGAIN;
    }
    drop->storm->budget--;
    struct drop child = {drop->storm, drop->depth + 1};
    return wharf_spawn_detached(scope, blow, &child, sizeof child, NULL);
}

static int double_it(void *arg) {
    *(int *)arg *= 2;
    return 0;
}

static int start_it(void *arg) {
    (void)arg;
    return wharf_sleep(1);
}

static int talk(struct storm *storm) {
    int value = 1;
    wharf_chan *chan = &storm->chans[pick(storm, CHANNELS)];
    switch (pick(storm, 12)) {
    case 0:
        wharf_chan_free(*chan);
        *chan = wharf_chan_new(sizeof(int), pick(storm, 3));
        return 0;
    case 1: return wharf_chan_close(*chan);
    case 2:
    case 3:
    case 4:
    case 5:
    case 6: return wharf_put(*chan, &value);
    default: return wharf_take(*chan, &value);
    }
}

static void scoped(const struct drop *drop) {
    struct storm *storm = drop->storm;
    bool leaves = pick(storm, 4) == 0, cancels = pick(storm, 3) == 0;
    WHARF_SCOPE (scope, NULL) {
        for (uint64_t i = pick(storm, 4); i-- > 0;) {
            spawn_child(drop, scope);
        }
        if (pick(storm, 2) == 0) {
            wharf_yield();
        }
        if (pick(storm, 8) == 0) {
            task_start(scope_of(scope), start_it, NULL, "start");
        }
        if (cancels) {
            wharf_scope_cancel(scope);
        }
        if (leaves) {
            break;
        }
    }
}

static void joined(const struct drop *drop) {
    struct storm *storm = drop->storm;
    struct drop child = {storm, DEPTH_MAX};
    if (storm->budget <= 0) {
        return;
    }
    storm->budget--;
    wharf_task task = wharf_spawn(NULL, blow, &child, sizeof child, NULL);
    if (pick(storm, 2) == 0) {
        wharf_cancel(task);
    }
    WHARF_WITHIN ((int64_t)pick(storm, 3)) {
        wharf_join(task, NULL);
    }
    wharf_cancel(task);
    WHARF_SHIELD (10000) {
        wharf_join(task, NULL);
    }
}

static void act(const struct drop *drop) {
    struct storm *storm = drop->storm;
    int value = 21;
    switch (pick(storm, 10)) {
    case 0: wharf_yield(); break;
    case 1: wharf_sleep((int64_t)pick(storm, 3)); break;
    case 2:
    case 3: WHARF_WITHIN ((int64_t)pick(storm, 3)) { talk(storm);
        }
        break;
    case 4:
    case 5: scoped(drop); break;
    case 6: joined(drop); break;
    case 7: WHARF_WITHIN ((int64_t)pick(storm, 2)) { wharf_wait_fd(storm->pipe[0], WHARF_READABLE);
        }
        break;
    case 8: WHARF_SHIELD ((int64_t)pick(storm, 3)) { talk(storm);
        }
        break;
    default: WHARF_WITHIN ((int64_t)pick(storm, 4)) { wharf_offload(double_it, &value, sizeof value);
        }
        break;
    }
}

static int blow(void *arg) {
    struct drop *drop = arg;
    struct storm *storm = drop->storm;
    storm->running++;
    for (int i = 0; i < ACTIONS; i++) {
        act(drop);
    }
    storm->running--;
    return pick(storm, 10) == 0 ? -EPROTO : 0;
}

/* On a thread of its own, so that its scheduler begins and ends with it. */
static void *run_storm(void *arg) {
    struct storm *storm = arg;
    struct drop root = {storm, 0};
    for (int i = 0; i < CHANNELS; i++) {
        storm->chans[i] = wharf_chan_new(sizeof(int), (size_t)i);
    }
    if (pipe(storm->pipe) < 0) {
        return "no pipe";
    }
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < ROOTS; i++) {
            spawn_child(&root, i % 2 == 0 ? scope : NULL);
        }
        wharf_scope_wait(scope);
    }
    while (storm->running > 0) {
        wharf_sleep(1); /* those of the background */
    }
    const struct sched *sched = sched_current();
    bool calm = sched->tasks_alive == 0 && sched_load(sched) == 0 && sched->ready_first == NULL;
    close(storm->pipe[0]);
    close(storm->pipe[1]);
    return calm ? NULL : "something is left";
}

static void everything_ends_and_nothing_is_left(void **state) {
    (void)state;
    wharf_yield(); /* this thread's scheduler counts as there before */
    int64_t before = mem_live();
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct storm storm = {.budget = 300};
        random_init(&storm.random, seed);
        pthread_t thread;
        void *trouble = NULL;
        assert_int_equal(pthread_create(&thread, NULL, run_storm, &storm), 0);
        pthread_join(thread, &trouble);
        assert_null(trouble);
        while (mem_live() > before) {
            wharf_sleep(1); /* jobs that still run are the pool's */
        }
        assert_int_equal(mem_live(), before);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_ends_and_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

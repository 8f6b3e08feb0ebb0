/* See timer.h. */
#include "sched/timer.h"

#include <errno.h>

#include "base/memory.h"
#include "sched/internal.h"

enum { ARITY = 4, CAPACITY_FIRST = 64 };

static bool entry_before(const struct timer_entry *a, const struct timer_entry *b) {
    return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void place(struct sched *sched, uint32_t at, struct timer_entry entry) {
    sched->timers[at] = entry;
    entry.timer->place = at + 1;
}

static void sift_up(struct sched *sched, uint32_t at, struct timer_entry entry) {
    while (at > 0) {
        uint32_t parent = (at - 1) / ARITY;
        if (!entry_before(&entry, &sched->timers[parent])) {
            break;
        }
        place(sched, at, sched->timers[parent]);
        at = parent;
    }
    place(sched, at, entry);
}

static void sift_down(struct sched *sched, uint32_t at, struct timer_entry entry) {
    for (;;) {
        uint32_t first = at * ARITY + 1;
        if (first >= sched->timer_count) {
            break;
        }
        uint32_t last = first + ARITY < sched->timer_count ? first + ARITY : sched->timer_count;
        uint32_t least = first;
        for (uint32_t child = first + 1; child < last; child++) {
            if (entry_before(&sched->timers[child], &sched->timers[least])) {
                least = child;
            }
        }
        if (!entry_before(&sched->timers[least], &entry)) {
            break;
        }
        place(sched, at, sched->timers[least]);
        at = least;
    }
    place(sched, at, entry);
}

static void heap_remove(struct sched *sched, uint32_t at) {
    sched->timers[at].timer->place = 0;
    struct timer_entry moved = sched->timers[--sched->timer_count];
    if (at == sched->timer_count) {
        return;
    }
    if (at > 0 && entry_before(&moved, &sched->timers[(at - 1) / ARITY])) {
        sift_up(sched, at, moved);
    } else {
        sift_down(sched, at, moved);
    }
}

int timer_init(struct sched *sched, struct timer *timer, void (*fire)(struct timer *)) {
    *timer = (struct timer){.deadline = TIMER_NEVER, .fire = fire};
    if (sched->timer_reserved >= sched->timer_capacity) {
        uint32_t capacity = sched->timer_capacity == 0 ? CAPACITY_FIRST : sched->timer_capacity * 2;
        struct timer_entry *timers = mem_realloc(sched->timers, capacity * sizeof *timers);
        if (timers == NULL) {
            timer->fire = NULL;
            return -ENOMEM;
        }
        sched->timers = timers;
        sched->timer_capacity = capacity;
    }
    sched->timer_reserved++;
    return 0;
}

void timer_stop(struct sched *sched, struct timer *timer) {
    timer->deadline = TIMER_NEVER;
    if (timer->place != 0) {
        heap_remove(sched, timer->place - 1);
    }
}

void timer_deinit(struct sched *sched, struct timer *timer) {
    if (timer->fire == NULL) {
        return;
    }
    timer_stop(sched, timer);
    sched->timer_reserved--;
    timer->fire = NULL;
}

void timer_move(struct sched *sched, struct timer *timer, int64_t deadline) {
    timer->deadline = deadline;
    if (deadline == TIMER_NEVER) {
        return;
    }
    if (timer->place == 0) {
        struct timer_entry entry = {.key = deadline, .order = sched->timer_order++, .timer = timer};
        sift_up(sched, sched->timer_count++, entry);
        return;
    }
    uint32_t at = timer->place - 1;
    if (deadline < sched->timers[at].key) {
        struct timer_entry entry = {.key = deadline, .order = sched->timer_order++, .timer = timer};
        sift_up(sched, at, entry);
    }
    /* Later than its key: left where it is until that comes due. */
}

int64_t timers_next(const struct sched *sched) {
    return sched->timer_count > 0 ? sched->timers[0].key : TIMER_NEVER;
}

void timers_fire(struct sched *sched) {
    while (sched->timer_count > 0 && sched->timers[0].key <= sched->now) {
        struct timer *timer = sched->timers[0].timer;
        if (timer->deadline == TIMER_NEVER) {
            heap_remove(sched, 0);
        } else if (timer->deadline > sched->timers[0].key) {
            /* Not fired here even when it is due: others may be due before it. */
            struct timer_entry entry = {
                .key = timer->deadline, .order = sched->timer_order++, .timer = timer};
            sift_down(sched, 0, entry);
        } else {
            heap_remove(sched, 0);
            timer->deadline = TIMER_NEVER;
            count(&sched->counters.timers);
            timer->fire(timer);
        }
    }
}

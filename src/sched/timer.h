/* Timers: a 4-ary heap keyed (deadline, order of arming), exact and without allocation while running.
 *
 * Pushing a deadline back costs one store: the heap keeps the old key, and when that comes due the timer is
 * moved to where it belongs. Clearing is the same store. A time-out that is re-armed for every message and
 * never fires is nearly free.
 */
#ifndef SCHED_TIMER_H
#define SCHED_TIMER_H

#include <stdint.h>

struct sched;

#define TIMER_NEVER INT64_MAX

struct timer {
    int64_t deadline; /* absolute, ns; TIMER_NEVER: not armed */
    uint32_t place;   /* 1 + its place in the heap; 0: not in it */
    void (*fire)(
        struct timer *); /* on the scheduler, must not suspend; may free the timer after timer_deinit */
};

/* Reserves its place in the heap, so that arming can never fail. 0 or -ENOMEM. */
int timer_init(struct sched *sched, struct timer *timer, void (*fire)(struct timer *));
/* Forgets it: call before its memory goes. Harmless on a timer of zeros. */
void timer_deinit(struct sched *sched, struct timer *timer);
/* Out of the heap, too: nothing wakes for it. */
void timer_stop(struct sched *sched, struct timer *timer);
void timer_move(struct sched *sched, struct timer *timer, int64_t deadline);
/* One that is armed already and is pushed back stays where it is in the heap, which is not looked at. */
static inline void timer_set(struct sched *sched, struct timer *timer, int64_t deadline) {
    if (timer->place != 0 && deadline >= timer->deadline) {
        timer->deadline = deadline;
    } else {
        timer_move(sched, timer, deadline);
    }
}
static inline void timer_clear(struct timer *timer) {
    timer->deadline = TIMER_NEVER;
}

#endif

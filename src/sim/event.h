/* What will happen in the simulated world, in order of (time, tie, order of scheduling).
 *
 * An event is embedded in the object that it happens to, so scheduling never allocates and never fails: a
 * close or a reset can always be announced, whatever the test does to memory.
 */
#ifndef SIM_EVENT_H
#define SIM_EVENT_H

#include <stdbool.h>
#include <stdint.h>

struct event {
    int64_t at;   /* virtual ns */
    uint32_t tie; /* between those at the same time: the scheduler's choice */
    uint64_t sequence;
    void (*fire)(struct event *event); /* the event is out of the queue by then; may free it */
    struct event *child, *next, *prev; /* prev: the elder sibling, or the parent of a first child */
    bool queued;
};

struct event_queue {
    struct event *root;
    uint64_t sequence;
};

/* Schedules it; an event that is already scheduled moves. */
void event_push(struct event_queue *queue, struct event *event, int64_t at);
/* Harmless when it is not scheduled. */
void event_remove(struct event_queue *queue, struct event *event);
/* The next one to happen, or NULL. */
struct event *event_first(const struct event_queue *queue);

#endif

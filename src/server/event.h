/* Something that one task waits for and callbacks announce. Announcing twice before the task looks counts once. */
#ifndef SERVER_EVENT_H
#define SERVER_EVENT_H

#include <stdbool.h>

struct op;

struct event {
    struct op *waiter;
    bool announced;
};

/* Suspends until announced. 0, -ECANCELED or -ETIMEDOUT. One task at a time. */
int event_wait(struct event *event);
/* From tasks and callbacks of the same scheduler. Does not suspend. */
void event_announce(struct event *event);

#endif

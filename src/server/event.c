/* Something that one task waits for: see event.h. */
#include "server/event.h"

#include <errno.h>
#include <stddef.h>

#include "sched/op.h"

struct event_op {
    struct op op;
    struct event *event;
};

static int64_t event_attempt(struct op *op) {
    struct event *event = ((struct event_op *)(void *)op)->event;
    if (!event->announced) {
        return -EAGAIN;
    }
    event->announced = false;
    return 0;
}

static int event_start(struct op *op) {
    ((struct event_op *)(void *)op)->event->waiter = op;
    return 0;
}

static void event_cancel(struct op *op) {
    ((struct event_op *)(void *)op)->event->waiter = NULL;
}

static const struct op_kind EVENT_KIND = {
    .name = "event", .attempt = event_attempt, .start = event_start, .cancel = event_cancel};

int event_wait(struct event *event) {
    struct event_op wait = {.op = {.kind = &EVENT_KIND}, .event = event};
    return (int)op_await(&wait.op);
}

void event_announce(struct event *event) {
    event->announced = true;
    if (event->waiter != NULL) {
        op_wake(event->waiter);
    }
}

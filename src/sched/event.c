/* The event: set or not, and whoever waits for it to be. */
#include "sched/event.h"

#include "sched/lock.h"

struct event {
    struct gate gate;
    bool set;
    struct op_queue waiters;
};

_Static_assert(sizeof(struct event) <= sizeof(wharf_event), "struct event outgrew its public storage");

static struct event *event_of(wharf_event *storage) {
    return (struct event *)(void *)storage;
}

static void leave(struct event *event) {
    gate_leave(&event->gate, event->waiters.first != NULL);
}

static int64_t wait_attempt(struct op *op) {
    struct event *event = event_of(((struct event_op *)op)->event);
    int rc = gate_enter(&event->gate, op->task->sched);
    if (rc < 0) {
        return rc;
    }
    bool set = event->set;
    leave(event);
    return set ? 0 : -EAGAIN;
}

static int wait_start(struct op *op) {
    struct event *event = event_of(((struct event_op *)op)->event);
    int rc = gate_enter(&event->gate, op->task->sched);
    if (rc == 0) {
        op_queue_push(&event->waiters, op);
    }
    return rc;
}

static void wait_cancel(struct op *op) {
    struct event *event = event_of(((struct event_op *)op)->event);
    if (op->queue != NULL) {
        op_queue_remove(op);
        leave(event);
    }
}

const struct op_kind event_kind = {
    .name = "event", .attempt = wait_attempt, .start = wait_start, .cancel = wait_cancel};

int wharf_event_wait(wharf_event *event) {
    struct event_op op = {.op = {.kind = &event_kind, .internal = true}, .event = event};
    return (int)op_await(&op.op);
}

int wharf_event_set(wharf_event *storage) {
    struct event *event = event_of(storage);
    int rc = 0;
    if (gate_enter_current(&event->gate, &rc) == NULL) {
        return rc;
    }
    event->set = true;
    op_queue_complete_all(&event->waiters, 0);
    leave(event);
    return 0;
}

int wharf_event_clear(wharf_event *storage) {
    struct event *event = event_of(storage);
    int rc = 0;
    if (gate_enter_current(&event->gate, &rc) == NULL) {
        return rc;
    }
    event->set = false;
    leave(event);
    return 0;
}

int wharf_event_is_set(wharf_event *storage) {
    struct event *event = event_of(storage);
    int rc = 0;
    if (gate_enter_current(&event->gate, &rc) == NULL) {
        return rc;
    }
    int set = event->set ? 1 : 0;
    leave(event);
    return set;
}

/* The event between cores and threads: as event.c, under a lock. */
#include <errno.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sched/waiter.h"
#include "wharf/sync.h"

struct wharf_shared_event {
    struct shared shared; /* first */
    struct waiters waiters;
    bool set;
};

static int wait_step(struct waiter *waiter) {
    return ((struct wharf_shared_event *)(void *)waiter->shared)->set ? 0 : -EAGAIN;
}

static const struct op_kind wait_kind = {
    .name = "shared event", .attempt = waiter_attempt, .start = waiter_start, .cancel = waiter_cancel};

int wharf_shared_event_wait(wharf_shared_event *event) {
    struct waiter waiter = {.shared = &event->shared, .queue = &event->waiters, .step = wait_step};
    return waiter_wait(&waiter, &wait_kind);
}

int wharf_shared_event_is_set(wharf_shared_event *event) {
    struct waiter waiter = {.shared = &event->shared, .step = wait_step};
    return waiter_try(&waiter) == 0 ? 1 : 0;
}

static void change(wharf_shared_event *event, bool set) {
    pthread_mutex_lock(&event->shared.lock);
    event->set = set;
    if (set) {
        waiters_tell_all(&event->waiters, 0);
    }
    pthread_mutex_unlock(&event->shared.lock);
}

void wharf_shared_event_set(wharf_shared_event *event) {
    change(event, true);
}

void wharf_shared_event_clear(wharf_shared_event *event) {
    change(event, false);
}

wharf_shared_event *wharf_shared_event_new(void) {
    struct wharf_shared_event *event = mem_zalloc(sizeof *event);
    if (event == NULL) {
        fail(-ENOMEM, "shared event", NULL, NULL);
        return NULL;
    }
    shared_init(&event->shared);
    return event;
}

wharf_shared_event *wharf_shared_event_ref(wharf_shared_event *event) {
    shared_ref(&event->shared);
    return event;
}

void wharf_shared_event_unref(wharf_shared_event *event) {
    shared_unref((struct shared *)(void *)event);
}

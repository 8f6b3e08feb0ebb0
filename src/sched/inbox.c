/* What other threads and signal handlers send to a scheduler: a lock-free stack of messages, taken whole and run in the
 * order of sending. The sender wakes the receiver only when it sleeps. */
#include "sched/internal.h"

void sched_post(struct sched *target, struct message *message) {
    struct message *top = atomic_load_explicit(&target->inbox, memory_order_relaxed);
    do {
        message->next = top;
    } while (!atomic_compare_exchange_weak(&target->inbox, &top, message));
    if (atomic_exchange(&target->sleeping, false)) {
        target->engine->interrupt(target);
    }
}

/* Moves the inbox, turned round, to the end of what has arrived. */
static void inbox_collect(struct sched *sched) {
    if (atomic_load_explicit(&sched->inbox, memory_order_relaxed) == NULL) {
        return;
    }
    struct message *last = atomic_exchange(&sched->inbox, NULL);
    struct message *first = NULL;
    for (struct message *message = last; message != NULL;) {
        struct message *next = message->next;
        message->next = first;
        first = message;
        message = next;
    }
    if (sched->arrived_first == NULL) {
        sched->arrived_first = first;
    } else {
        sched->arrived_last->next = first;
    }
    sched->arrived_last = last;
}

/* A message may call this itself, and then finds the rest of its own batch. */
void inbox_run(struct sched *sched) {
    inbox_collect(sched);
    while (sched->arrived_first != NULL) {
        struct message *message = sched->arrived_first;
        sched->arrived_first = message->next;
        message->run(message);
    }
}

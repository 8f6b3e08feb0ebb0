/* What other threads and signal handlers send to a scheduler: a lock-free stack of messages, taken whole and run in the
 * order of sending. The sender wakes the receiver only when it sleeps. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "base/failure.h"
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

/* ---- signals ---- */

enum { WATCHES_MAX = 64 };

/* Read by the handler; a slot is NULL or a watch whose scheduler lives. */
static _Atomic(struct signal_watch *) watches[WATCHES_MAX];
static pthread_mutex_t watches_lock = PTHREAD_MUTEX_INITIALIZER;
/* Handlers that are running: a watch that one of them has read must not go away yet. */
static _Atomic int arrivals;

static void signal_arrived(int signal) {
    int saved = errno;
    atomic_fetch_add(&arrivals, 1);
    for (int i = 0; i < WATCHES_MAX; i++) {
        struct signal_watch *watch = atomic_load(&watches[i]);
        if (watch != NULL && watch->signal == signal && atomic_exchange(&watch->queued, 1) == 0) {
            sched_post(watch->sched, &watch->message);
        }
    }
    atomic_fetch_sub(&arrivals, 1);
    errno = saved;
}

static void signal_run(struct message *message) {
    struct signal_watch *watch = (struct signal_watch *)(void *)message;
    atomic_store(&watch->queued, 0);
    if (watch->signal != 0) {
        watch->fire(watch);
    }
}

/* Only the default action is replaced: a program's own handler stays. */
static int handler_install(int signal) {
    struct sigaction action;
    int rc = sigaction(signal, NULL, &action) < 0 ? -errno : 0;
    if (rc < 0) {
        return rc;
    }
    if (action.sa_handler == signal_arrived) {
        return 0;
    }
    if (action.sa_handler != SIG_DFL) {
        return fail(-EBUSY, "signal", NULL, "the program handles signal %d itself", signal);
    }
    struct sigaction ours = {.sa_handler = signal_arrived, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigemptyset(&ours.sa_mask);
    return sigaction(signal, &ours, NULL) < 0 ? -errno : 0;
}

static void handler_remove_unused(int signal) {
    for (int i = 0; i < WATCHES_MAX; i++) {
        struct signal_watch *watch = atomic_load(&watches[i]);
        if (watch != NULL && watch->signal == signal) {
            return;
        }
    }
    struct sigaction action;
    if (sigaction(signal, NULL, &action) == 0 && action.sa_handler == signal_arrived) {
        action.sa_handler = SIG_DFL;
        sigaction(signal, &action, NULL);
    }
}

int signal_watch(struct signal_watch *watch, int signal, void (*fire)(struct signal_watch *)) {
    struct sched *sched = sched_current();
    if (sched == NULL) {
        return sched_missing();
    }
    *watch = (struct signal_watch){.message.run = signal_run, .sched = sched, .fire = fire, .signal = signal};
    pthread_mutex_lock(&watches_lock);
    int rc = handler_install(signal);
    int slot = 0;
    while (rc == 0 && slot < WATCHES_MAX && atomic_load(&watches[slot]) != NULL) {
        slot++;
    }
    if (rc == 0 && slot == WATCHES_MAX) {
        rc = -EAGAIN;
    }
    if (rc == 0) {
        atomic_store(&watches[slot], watch);
    }
    pthread_mutex_unlock(&watches_lock);
    return rc;
}

void signal_unwatch(struct signal_watch *watch) {
    int signal = watch->signal;
    pthread_mutex_lock(&watches_lock);
    for (int i = 0; i < WATCHES_MAX; i++) {
        if (atomic_load(&watches[i]) == watch) {
            atomic_store(&watches[i], NULL);
            handler_remove_unused(signal);
        }
    }
    pthread_mutex_unlock(&watches_lock);
    while (atomic_load(&arrivals) != 0) {
        sched_yield(); /* on other threads, and never for long */
    }
    watch->signal = 0;
    /* One that was posted meanwhile still stands in the inbox and must not outlive this call. */
    if (atomic_load(&watch->queued) != 0) {
        inbox_run(watch->sched);
    }
}

/* The lock keeps the watches of other threads where they are while they are looked at. */
static struct signal_watch *watch_of(const struct sched *sched, int slot) {
    pthread_mutex_lock(&watches_lock);
    struct signal_watch *watch = atomic_load(&watches[slot]);
    bool found = watch != NULL && watch->sched == sched;
    pthread_mutex_unlock(&watches_lock);
    return found ? watch : NULL;
}

void signals_forget(struct sched *sched) {
    for (int i = 0; i < WATCHES_MAX; i++) {
        struct signal_watch *watch = watch_of(sched, i);
        if (watch != NULL) {
            signal_unwatch(watch);
        }
    }
}

void signals_after_fork(void) {
    pthread_mutex_init(&watches_lock, NULL);
    atomic_store(&arrivals, 0);
    for (int i = 0; i < WATCHES_MAX; i++) {
        struct signal_watch *watch = atomic_exchange(&watches[i], NULL);
        if (watch != NULL) {
            handler_remove_unused(watch->signal);
        }
    }
}

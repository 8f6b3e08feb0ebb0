/* What other threads and signal handlers send to a scheduler: a lock-free stack of messages, taken whole and run in the
 * order of sending. The sender wakes the receiver only when it sleeps. */
#include <errno.h>
#include <pthread.h>
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

void inbox_run(struct sched *sched) {
    if (atomic_load_explicit(&sched->inbox, memory_order_relaxed) == NULL) {
        return;
    }
    struct message *newest = atomic_exchange(&sched->inbox, NULL);
    struct message *oldest = NULL;
    while (newest != NULL) {
        struct message *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct message *next = oldest->next;
        oldest->run(oldest);
        oldest = next;
    }
}

/* ---- signals ---- */

enum { WATCHES_MAX = 64 };

/* Read by the handler; a slot is NULL or a watch whose scheduler lives. */
static _Atomic(struct signal_watch *) watches[WATCHES_MAX];
static pthread_mutex_t watches_lock = PTHREAD_MUTEX_INITIALIZER;

static void signal_arrived(int signal) {
    int saved = errno;
    for (int i = 0; i < WATCHES_MAX; i++) {
        struct signal_watch *watch = atomic_load(&watches[i]);
        if (watch != NULL && watch->signal == signal && atomic_exchange(&watch->queued, 1) == 0) {
            sched_post(watch->sched, &watch->message);
        }
    }
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
    watch->signal = 0;
    pthread_mutex_unlock(&watches_lock);
    /* One that was posted meanwhile still stands in the inbox and must not outlive this call. */
    if (atomic_load(&watch->queued) != 0) {
        inbox_run(watch->sched);
    }
}

void signals_forget(struct sched *sched) {
    for (int i = 0; i < WATCHES_MAX; i++) {
        struct signal_watch *watch = atomic_load(&watches[i]);
        if (watch != NULL && watch->sched == sched) {
            signal_unwatch(watch);
        }
    }
}

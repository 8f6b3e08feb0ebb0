/* Signals: watches inside, channels of numbers outside.
 *
 *      handler (any thread)  --sched_post-->  the watching scheduler  --fire-->  its channel, or a server's stop
 *
 * A handler is installed only over the default action and taken away with the last watch. In a simulation none is
 * installed; there a signal is what the test raises. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "base/failure.h"
#include "base/memory.h"
#include "sched/internal.h"
#include "wharf/os.h"

enum { WATCHES_MAX = 64, SIGNALS_KEPT = 64, SIGNAL_LAST = 64 };

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

/* Only the default action is replaced: a program's own handler stays, and so does what nohup(1) has ignored. */
static int handler_install(int signal) {
    struct sigaction action;
    int rc = sigaction(signal, NULL, &action) < 0 ? -errno : 0;
    if (rc < 0) {
        return rc;
    }
    if (action.sa_handler == signal_arrived || action.sa_handler == SIG_IGN) {
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
    int rc = sched->engine == &engine_epoll ? handler_install(signal) : 0;
    int slot = 0;
    while (rc == 0 && slot < WATCHES_MAX && atomic_load(&watches[slot]) != NULL) {
        slot++;
    }
    if (rc == 0 && slot == WATCHES_MAX) {
        rc = fail(-EAGAIN, "signal", NULL, "over %d signals are waited for", WATCHES_MAX);
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

bool signals_watched(const struct sched *sched) {
    bool found = false;
    for (int i = 0; i < WATCHES_MAX && !found; i++) {
        found = watch_of(sched, i) != NULL;
    }
    return found;
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

bool signal_simulate(struct sched *sched, int signal) {
    bool any = false;
    for (int i = 0; i < WATCHES_MAX; i++) {
        struct signal_watch *watch = watch_of(sched, i);
        if (watch != NULL && watch->signal == signal) {
            watch->fire(watch);
            any = true;
        }
    }
    return any;
}

/* ---- channels of numbers ---- */

struct signal_channel;

struct channel_watch {
    struct signal_watch watch; /* first: signal_fire() gets this */
    struct signal_channel *channel;
};

struct signal_channel {
    struct signal_channel *next;
    wharf_chan chan;
    int count;
    struct channel_watch watches[];
};

/* A scheduler's list of them, and the key under which it keeps that. */
struct signal_channels {
    struct signal_channel *first;
};
static const char channels_key;

/* What does not fit is lost: it says nothing that the 64 before it do not say. */
static void signal_fire(struct signal_watch *watch) {
    int number = watch->signal;
    (void)wharf_try_put(((struct channel_watch *)(void *)watch)->channel->chan, &number);
}

static void channel_free(struct signal_channel *channel) {
    for (int i = 0; i < channel->count; i++) {
        signal_unwatch(&channel->watches[i].watch);
    }
    (void)wharf_chan_free(channel->chan);
    mem_free(channel);
}

static void channels_drop(void *value) {
    struct signal_channels *channels = value;
    while (channels->first != NULL) {
        struct signal_channel *channel = channels->first;
        channels->first = channel->next;
        channel_free(channel);
    }
    mem_free(channels);
}

static int set_check(uint64_t set) {
    uint64_t refused = WHARF_SIGNAL(SIGKILL) | WHARF_SIGNAL(SIGSTOP) | WHARF_SIGNAL(SIGPIPE) |
                       WHARF_SIGNAL(SIGSEGV) | WHARF_SIGNAL(SIGBUS) | WHARF_SIGNAL(SIGFPE) |
                       WHARF_SIGNAL(SIGILL);
    if (set == 0 || (set & refused) != 0) {
        return fail(-EINVAL, "signal", NULL, "no signal, or one that cannot be waited for");
    }
    return 0;
}

static int channel_watch_all(struct signal_channel *channel, uint64_t set) {
    for (int number = 1; number <= SIGNAL_LAST; number++) {
        if ((set & WHARF_SIGNAL(number)) == 0) {
            continue;
        }
        struct channel_watch *next = &channel->watches[channel->count];
        next->channel = channel;
        int rc = signal_watch(&next->watch, number, signal_fire);
        if (rc < 0) {
            return rc;
        }
        channel->count++;
    }
    return 0;
}

static int channel_open(struct signal_channels *channels, uint64_t set, wharf_chan *ret_chan) {
    wharf_chan chan = wharf_chan_new(sizeof(int), SIGNALS_KEPT);
    if (wharf_failed(chan)) {
        return wharf_error(chan);
    }
    size_t count = (size_t)__builtin_popcountll(set);
    struct signal_channel *channel = mem_zalloc(sizeof *channel + count * sizeof channel->watches[0]);
    if (channel == NULL) {
        (void)wharf_chan_free(chan);
        return -ENOMEM;
    }
    channel->chan = chan;
    int rc = channel_watch_all(channel, set);
    if (rc < 0) {
        channel_free(channel);
        return rc;
    }
    channel->next = channels->first;
    channels->first = channel;
    *ret_chan = chan;
    return 0;
}

wharf_chan wharf_signal_open(uint64_t set) {
    wharf_chan chan = {set_check(set)};
    if (chan.id < 0) {
        return chan;
    }
    if (sched_current() == NULL) {
        return (wharf_chan){sched_missing()};
    }
    struct signal_channels *channels = sched_local_make(&channels_key, sizeof *channels, channels_drop);
    int rc = channels != NULL ? channel_open(channels, set, &chan) : -ENOMEM;
    return rc < 0 ? (wharf_chan){rc} : chan;
}

int wharf_signal_close(wharf_chan signals) {
    if (wharf_failed(signals)) {
        return wharf_error(signals);
    }
    struct signal_channels *channels = sched_local_get(&channels_key);
    struct signal_channel **link = channels != NULL ? &channels->first : NULL;
    while (link != NULL && *link != NULL && (*link)->chan.id != signals.id) {
        link = &(*link)->next;
    }
    struct signal_channel *channel = link != NULL ? *link : NULL;
    if (channel == NULL) {
        return -EBADF;
    }
    *link = channel->next;
    channel_free(channel);
    return 0;
}

int wharf_signal_wait(uint64_t set) {
    wharf_chan signals = wharf_signal_open(set);
    if (wharf_failed(signals)) {
        return wharf_error(signals);
    }
    int number = 0;
    int rc = wharf_take(signals, &number);
    (void)wharf_signal_close(signals);
    return rc < 0 ? rc : number;
}

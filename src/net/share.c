/* Sharing a listener between the cores of wharf_run(). The core that opened it has the sockets and accepts for
 * all; each connection is handed, as a descriptor in a message, to the core with the fewest. One acceptor for all
 * balances better than one socket per core (SO_REUSEPORT spreads by hash, whatever the load) and than one socket
 * in several epoll sets (which favours one core).
 *
 *      registry --> share { key, owner, views[core] }        all under one lock, never held across a suspension
 *                             |
 *      accepted --> handed --'-- message --> view's queue --> a task in listener_accept()
 *
 * A message is posted while the lock shows that its receiver has a view, so it always arrives; what arrives when
 * the view has gone is handed on, or closed by the last. When the owner leaves, its sockets travel to another
 * core in the same way. */
#include "net/share.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#include "base/failure.h"
#include "base/memory.h"
#include "net/listener_internal.h"
#include "sched/engine.h"
#include "sched/sched.h"

#define FULL_REST_NS (INT64_C(5) * 1000 * 1000)

enum {
    QUEUED_MAX = 128, /* connections waiting for one core's tasks */
    PUMP_MAX = 64,    /* accepted in a row before the owner's tasks get a turn */
    NOBODY = -1
};

/* One core's part. */
struct view {
    struct listener *listener; /* NULL: has none, or no longer */
    int64_t queued;            /* handed to it and not yet taken */
    bool attached;             /* has, or had, a view */
};

/* The sockets on their way to another core. */
struct move {
    struct message message;
    int fds[NAMES_ADDRESSES_MAX];
    int count;
    struct unix_path path;
    struct share *share;
    int core;
};

struct share {
    struct share *next;
    const struct group *group;
    char *key; /* the address as the program wrote it */
    char address[sizeof(((struct listener *)NULL)->address)];
    struct address local;
    bool any_port;
    bool listed;
    int owner;
    int references; /* views, and messages under way */
    struct move move;
    int cores;
    struct view views[];
};

/* A connection on its way to a core, then in its queue. */
struct handed {
    struct message message;
    struct handed *next;
    struct share *share;
    int core;
    int fd;
    struct address peer;
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct share *registry;

bool share_applies(void) {
    const struct group *group = sched_group(sched_current());
    return group != NULL && group_size(group) > 1 && !sched_is_simulated();
}

/* ---- the registry, under its lock ---- */

static void share_unlist(struct share *share) {
    struct share **link = &registry;
    while (*link != NULL && *link != share) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = share->next;
    }
    share->listed = false;
}

static void share_unref(struct share *share) {
    share->references--;
    if (share->references == 0) {
        if (share->listed) {
            share_unlist(share);
        }
        mem_free(share->key);
        mem_free(share);
    }
}

static int share_first_view(const struct share *share) {
    for (int core = 0; core < share->cores; core++) {
        if (share->views[core].listener != NULL) {
            return core;
        }
    }
    return NOBODY;
}

/* The share that this core may attach to. A port that the kernel picks is matched by the order of opening: the
 * n-th of one core is the n-th of all. */
static struct share *registry_find(const struct group *group, const struct listener_plan *plan, int core) {
    for (struct share *share = registry; share != NULL; share = share->next) {
        if (share->group == group && strcmp(share->key, plan->text) == 0 &&
            !(share->any_port && share->views[core].attached)) {
            return share;
        }
    }
    return NULL;
}

static struct share *share_new(const struct group *group, const struct listener_plan *plan) {
    size_t cores = (size_t)group_size(group);
    struct share *share = mem_zalloc(sizeof(*share) + cores * sizeof(struct view));
    char *key = share != NULL ? mem_strndup(plan->text, strlen(plan->text)) : NULL;
    if (key == NULL) {
        mem_free(share);
        return NULL;
    }
    share->group = group;
    share->key = key;
    share->any_port = plan->parts.kind == ADDRESS_TCP && plan->parts.port == 0;
    share->owner = NOBODY;
    share->cores = (int)cores;
    return share;
}

static void registry_add(struct share *share) {
    struct share **link = &registry;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = share;
    share->listed = true;
}

static void view_attach(struct share *share, int core, struct listener *listener) {
    share->views[core].listener = listener;
    share->views[core].attached = true;
    share->references++;
    listener->share = share;
}

/* ---- opening ---- */

/* At the scheduler's end a listener that nobody closed must not be given connections any more. */
static void view_drop(void *value) {
    struct listener *listener = value;
    if (listener->share != NULL) {
        share_leave(listener);
    }
}

static int join_locked(struct share *share, struct listener *listener, const char *text) {
    int core = wharf_core();
    if (share->views[core].listener != NULL) {
        return fail(-EADDRINUSE, "listen", text, "this core listens there already");
    }
    memcpy(listener->address, share->address, sizeof(listener->address));
    listener->local = share->local;
    view_attach(share, core, listener);
    return 0;
}

static int open_locked(struct listener *listener, const struct listener_plan *plan,
                       const struct group *group) {
    struct share *share = share_new(group, plan);
    if (share == NULL) {
        return fail(-ENOMEM, "listen", plan->text, NULL);
    }
    int rc = listener_bind(listener, plan);
    if (rc < 0) {
        mem_free(share->key);
        mem_free(share);
        return rc;
    }
    memcpy(share->address, listener->address, sizeof(share->address));
    share->local = listener->local;
    share->owner = wharf_core();
    view_attach(share, share->owner, listener);
    registry_add(share);
    return 0;
}

int share_open(struct listener *listener, const struct listener_plan *plan) {
    const struct group *group = sched_group(sched_current());
    if (sched_local_set(listener, listener, view_drop) != 0) {
        return fail(-ENOMEM, "listen", plan->text, NULL);
    }
    pthread_mutex_lock(&registry_lock);
    struct share *share = registry_find(group, plan, wharf_core());
    int rc = share != NULL ? join_locked(share, listener, plan->text) : open_locked(listener, plan, group);
    pthread_mutex_unlock(&registry_lock);
    if (rc < 0) {
        sched_local_remove(listener);
        return rc;
    }
    if (listener->count > 0) {
        share_pump(listener);
    }
    return 0;
}

/* ---- handing connections out ---- */

static void descriptor_close(int fd) {
    const struct engine *engine = sched_engine();
    engine->close(sched_current(), fd, true);
}

/* The scheduler of a core. Once wharf_run() is over only the first core is left, and with it what it kept open. */
static struct sched *share_sched(const struct share *share, int core) {
    struct sched *current = sched_current();
    return sched_group(current) == share->group ? group_sched(share->group, core) : current;
}

/* The core with a view, room in its queue, and the least to do. */
static int choose_locked(const struct share *share) {
    int best = NOBODY;
    int64_t best_load = 0;
    for (int core = 0; core < share->cores; core++) {
        const struct view *view = &share->views[core];
        const struct sched *member = share_sched(share, core);
        if (view->listener == NULL || view->queued >= QUEUED_MAX || member == NULL) {
            continue;
        }
        int64_t load = sched_load(member) + view->queued;
        if (best == NOBODY || load < best_load) {
            best = core;
            best_load = load;
        }
    }
    return best;
}

static void handed_queue(struct listener *listener, struct handed *handed) {
    handed->next = NULL;
    if (listener->handed_last != NULL) {
        listener->handed_last->next = handed;
    } else {
        listener->handed_first = handed;
    }
    listener->handed_last = handed;
    listener_wake(listener);
}

static void handed_arrives(struct message *message);

/* Gives it to a core, this one included; closes it when nobody is left to take it. It holds a reference. */
static void hand_out(struct handed *handed) {
    struct share *share = handed->share;
    struct listener *own = NULL;
    pthread_mutex_lock(&registry_lock);
    int core = choose_locked(share);
    handed->core = core;
    if (core != NOBODY) {
        share->views[core].queued++;
        if (core == wharf_core()) {
            own = share->views[core].listener;
        } else {
            handed->message.run = handed_arrives;
            sched_post(share_sched(share, core), &handed->message);
        }
    } else {
        share_unref(share);
    }
    pthread_mutex_unlock(&registry_lock);
    if (core == NOBODY) {
        descriptor_close(handed->fd);
        mem_free(handed);
    } else if (own != NULL) {
        handed_queue(own, handed);
    }
}

/* On the receiving core. Only this thread changes its own view, so the listener stays while this runs. */
static void handed_arrives(struct message *message) {
    struct handed *handed = (struct handed *)(void *)message;
    struct share *share = handed->share;
    pthread_mutex_lock(&registry_lock);
    struct listener *listener = share->views[handed->core].listener;
    if (listener == NULL) {
        share->views[handed->core].queued--;
    }
    pthread_mutex_unlock(&registry_lock);
    if (listener != NULL) {
        handed_queue(listener, handed);
    } else {
        hand_out(handed);
    }
}

/* Accepts one and hands it out. 0, or why there is none. */
static int pump_once(struct listener *listener) {
    struct share *share = listener->share;
    struct handed *handed = mem_zalloc(sizeof(*handed));
    if (handed == NULL) {
        listener_rest(listener, FULL_REST_NS);
        return -ENOMEM;
    }
    pthread_mutex_lock(&registry_lock);
    bool room = choose_locked(share) != NOBODY;
    share->references++;
    pthread_mutex_unlock(&registry_lock);
    int fd = -EAGAIN;
    if (room) {
        fd = listener_take(listener, &handed->peer);
    } else {
        listener_rest(listener, FULL_REST_NS);
    }
    if (fd < 0) {
        pthread_mutex_lock(&registry_lock);
        share_unref(share);
        pthread_mutex_unlock(&registry_lock);
        mem_free(handed);
        return fd;
    }
    handed->share = share;
    handed->fd = fd;
    hand_out(handed);
    return 0;
}

void share_pump(struct listener *listener) {
    for (int i = 0; i < PUMP_MAX; i++) {
        int rc = listener->rest.deadline == TIMER_NEVER ? pump_once(listener) : -EAGAIN;
        if (listener->rest.deadline != TIMER_NEVER) {
            return; /* goes on when the rest is over */
        }
        if (rc < 0 && listener_watch(listener)) {
            return;
        }
    }
    listener_rest(listener, 1); /* the others' turn first */
}

int share_take(struct listener *listener, struct address *ret_peer) {
    struct handed *handed = listener->handed_first;
    if (handed == NULL) {
        return -EAGAIN;
    }
    struct share *share = handed->share;
    int fd = handed->fd;
    listener->handed_first = handed->next;
    if (handed->next == NULL) {
        listener->handed_last = NULL;
    }
    *ret_peer = handed->peer;
    pthread_mutex_lock(&registry_lock);
    share->views[handed->core].queued--;
    share_unref(share);
    pthread_mutex_unlock(&registry_lock);
    mem_free(handed);
    return fd;
}

/* ---- leaving ---- */

static void move_close(struct move *move) {
    for (int i = 0; i < move->count; i++) {
        descriptor_close(move->fds[i]);
    }
    move->count = 0;
    unix_path_remove(&move->path);
}

static void move_arrives(struct message *message);

/* Sends the sockets to a core that has a view, or closes them. The move holds a reference. */
static void move_on(struct share *share) {
    struct move *move = &share->move;
    pthread_mutex_lock(&registry_lock);
    int core = share_first_view(share);
    share->owner = core;
    if (core != NOBODY) {
        move->core = core;
        move->message.run = move_arrives;
        sched_post(share_sched(share, core), &move->message);
    } else {
        move_close(move);
        share_unref(share);
    }
    pthread_mutex_unlock(&registry_lock);
}

/* On the new owner's core. */
static void move_arrives(struct message *message) {
    struct move *move = (struct move *)(void *)message;
    struct share *share = move->share;
    pthread_mutex_lock(&registry_lock);
    struct listener *listener = share->views[move->core].listener;
    pthread_mutex_unlock(&registry_lock);
    if (listener == NULL) {
        move_on(share);
        return;
    }
    for (int i = 0; i < move->count; i++) {
        if (io_open(move->fds[i], IO_READ, &listener->sockets[listener->count]) == 0) {
            listener->count++;
        } else {
            descriptor_close(move->fds[i]);
        }
    }
    listener->path = move->path;
    move->count = 0;
    share_pump(listener);
    pthread_mutex_lock(&registry_lock);
    share_unref(share);
    pthread_mutex_unlock(&registry_lock);
}

/* Takes the sockets out of the listener, for the journey. */
static void move_pack(struct share *share, struct listener *listener) {
    struct move *move = &share->move;
    move->share = share;
    move->count = listener->count;
    move->path = listener->path;
    listener->path.made = false;
    for (int i = 0; i < listener->count; i++) {
        move->fds[i] = io_release(listener->sockets[i]);
    }
    listener->count = 0;
}

void share_leave(struct listener *listener) {
    struct share *share = listener->share;
    int core = wharf_core();
    struct handed *waiting = listener->handed_first;
    listener->handed_first = NULL;
    listener->handed_last = NULL;
    listener->share = NULL;
    pthread_mutex_lock(&registry_lock);
    share->views[core].listener = NULL;
    bool has_sockets = listener->count > 0;
    bool last = share_first_view(share) == NOBODY;
    if (last) {
        listener_unbind(listener); /* under the lock, so that whoever opens next finds the port free */
        share_unlist(share);
    } else if (has_sockets) {
        move_pack(share, listener);
        share->references++;
    }
    pthread_mutex_unlock(&registry_lock);
    if (!last && has_sockets) {
        move_on(share);
    }
    while (waiting != NULL) {
        struct handed *handed = waiting;
        waiting = handed->next;
        pthread_mutex_lock(&registry_lock);
        share->views[core].queued--;
        pthread_mutex_unlock(&registry_lock);
        hand_out(handed);
    }
    pthread_mutex_lock(&registry_lock);
    share_unref(share);
    pthread_mutex_unlock(&registry_lock);
    sched_local_remove(listener);
}

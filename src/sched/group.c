/* wharf_run(): one scheduler per core, each a thread pinned to its own processor out of those the process may use. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/failure.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "sched/internal.h"

enum { CORES_MAX = 256 };

struct member {
    struct group *group;
    pthread_t thread;
    bool started;
    int core;
    int processor;
    _Atomic(struct sched *) sched; /* NULL: not yet, or ended */
    struct message ended, cancel;
    struct failure failure;
};

struct group {
    int size;
    int running;    /* members other than the first that have not ended */
    int result;     /* of the first that failed */
    bool cancelled; /* written by the first */
    wharf_fn fn;
    void *arg;
    struct sched *first;
    struct scope *scope; /* of the first's call */
    struct op *waiter;
    struct failure failure;
    pthread_mutex_t lock; /* a member's scheduler begins and ends, and is cancelled, under it */
    pthread_cond_t met;
    int there;      /* members that have a scheduler, or cannot have one */
    bool abandoned; /* a thread could not be started: nobody waits for it */
    struct member members[];
};

struct group *sched_group(struct sched *sched) {
    return sched->group;
}

int group_size(const struct group *group) {
    return group->size;
}

struct sched *group_sched(const struct group *group, int core) {
    return core >= 0 && core < group->size ? atomic_load(&group->members[core].sched) : NULL;
}

bool group_post(struct group *group, int core, struct message *message) {
    pthread_mutex_lock(&group->lock);
    struct sched *sched = group_sched(group, core);
    if (sched != NULL) {
        sched_post(sched, message);
    }
    pthread_mutex_unlock(&group->lock);
    return sched != NULL;
}

int wharf_core(void) {
    struct sched *sched = sched_current();
    return sched != NULL ? sched->core : 0;
}

/* ---- how many ---- */

/* "max 100000" or "200000 100000": quota and period in microseconds. 0: no quota. */
static int quota_cores(void) {
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    char line[64] = "";
    if (file == NULL) {
        return 0;
    }
    bool got = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    wharf_str rest = wharf_str_of(line), quota_text, period_text;
    uint64_t quota = 0, period = 0;
    if (!got || !str_split(&rest, ' ', &quota_text) || !str_split(&rest, '\n', &period_text) ||
        number_parse(quota_text, UINT32_MAX, &quota) < 0 ||
        number_parse(period_text, UINT32_MAX, &period) < 0 || period == 0) {
        return 0;
    }
    return (int)((quota + period - 1) / period);
}

int wharf_cores(void) {
    cpu_set_t set;
    int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    int quota = quota_cores();
    if (quota > 0 && quota < cores) {
        cores = quota;
    }
    return cores < 1 ? 1 : cores > CORES_MAX ? CORES_MAX : cores;
}

/* ---- a member ---- */

/* Never widens the mask: a member is pinned to one of the processors that the process had. */
static void pin(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)processor, &set);
    (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

static void cancel_main(struct message *message) {
    (void)message;
    scope_cancel(&sched_current()->main.base);
}

/* On the first member: another has failed or been cancelled, so all stop. */
static void group_cancel(struct group *group) {
    if (group->cancelled) {
        return;
    }
    pthread_mutex_lock(&group->lock);
    group->cancelled = true;
    for (int i = 1; i < group->size; i++) {
        struct sched *sched = atomic_load(&group->members[i].sched);
        if (sched != NULL) {
            group->members[i].cancel.run = cancel_main;
            sched_post(sched, &group->members[i].cancel);
        }
    }
    pthread_mutex_unlock(&group->lock);
    scope_cancel(group->scope);
}

static void group_result(struct group *group, int result, const struct failure *failure) {
    if (result < 0 && group->result >= 0) {
        group->result = result;
        failure_hand_on(&group->failure, failure, result, "run", NULL);
        group_cancel(group);
    }
}

/* On the first member's scheduler. */
static void member_ended(struct message *message) {
    struct member *member = (struct member *)(void *)((char *)message - offsetof(struct member, ended));
    struct group *group = member->group;
    group->running--;
    group_result(group, member->failure.code, &member->failure);
    if (group->waiter != NULL) {
        op_wake(group->waiter);
    }
}

/* All begin together, so that each can call on every other from its first line. */
static void meet(struct group *group) {
    pthread_mutex_lock(&group->lock);
    group->there++;
    pthread_cond_broadcast(&group->met);
    while (group->there < group->size && !group->abandoned) {
        pthread_cond_wait(&group->met, &group->lock);
    }
    pthread_mutex_unlock(&group->lock);
}

static int member_run(struct member *member) {
    struct group *group = member->group;
    struct sched *sched = sched_current();
    if (sched == NULL) {
        meet(group);
        return sched_missing();
    }
    sched->group = group;
    sched->core = member->core;
    pthread_mutex_lock(&group->lock);
    atomic_store(&member->sched, sched);
    bool late = group->cancelled;
    pthread_mutex_unlock(&group->lock);
    if (late) {
        scope_cancel(&sched->main.base);
    }
    meet(group);
    return group->fn(group->arg);
}

static void *member_thread(void *arg) {
    struct member *member = arg;
    pin(member->processor);
    int rc = member_run(member);
    if (rc < 0) {
        failure_hand_on(&member->failure, failure_current(), rc, "run", NULL);
    }
    pthread_mutex_lock(&member->group->lock);
    atomic_store(&member->sched, NULL);
    pthread_mutex_unlock(&member->group->lock);
    /* Now and not with the thread: the first one must not be held up in joining it. */
    sched_end_current();
    member->ended.run = member_ended;
    sched_post(member->group->first, &member->ended);
    return NULL;
}

/* ---- the group ---- */

static int64_t all_ended(struct op *op) {
    (void)op;
    return op->task->sched->group->running == 0 ? 0 : -EAGAIN;
}

static int wait_start(struct op *op) {
    op->task->sched->group->waiter = op;
    return 0;
}

static void wait_cancel(struct op *op) {
    op->task->sched->group->waiter = NULL;
}

static const struct op_kind wait_kind = {"run", all_ended, wait_start, wait_cancel};

static void assign_processors(struct group *group) {
    cpu_set_t set;
    CPU_ZERO(&set);
    (void)sched_getaffinity(0, sizeof set, &set);
    int processor = -1;
    for (int i = 0; i < group->size; i++) {
        /* More members than processors: round again. */
        for (int tries = 0; tries < CPU_SETSIZE; tries++) {
            processor = (processor + 1) % CPU_SETSIZE;
            if (CPU_ISSET((unsigned)processor, &set)) {
                break;
            }
        }
        group->members[i] = (struct member){.group = group, .core = i, .processor = processor};
    }
}

static int members_start(struct group *group) {
    for (int i = 1; i < group->size; i++) {
        struct member *member = &group->members[i];
        int rc = pthread_create(&member->thread, NULL, member_thread, member);
        if (rc != 0) {
            return fail(-rc, "run", NULL, "thread %d of %d could not be started", i + 1, group->size);
        }
        member->started = true;
        group->running++;
        char name[24];
        snprintf(name, sizeof name, "wharf-%d", i);
        name[15] = '\0'; /* the system's limit */
        (void)pthread_setname_np(member->thread, name);
    }
    return 0;
}

static void members_wait(struct group *group) {
    struct op op = {.kind = &wait_kind};
    int rc = group->running > 0 ? (int)op_await(&op) : 0;
    if (rc < 0) {
        struct failure failure = {.code = rc, .phase = "run"};
        group_result(group, rc, &failure);
        op = (struct op){.kind = &wait_kind, .uninterruptible = true};
        op_await(&op);
    }
    for (int i = 1; i < group->size; i++) {
        if (group->members[i].started) {
            pthread_join(group->members[i].thread, NULL);
        }
    }
}

static int group_run(struct group *group) {
    cpu_set_t before;
    bool pinned = group->size > 1 && sched_getaffinity(0, sizeof before, &before) == 0;
    if (pinned) {
        pool_remember_processors();
    }
    int rc = members_start(group);
    if (pinned) {
        pin(group->members[0].processor);
    }
    if (rc < 0) {
        pthread_mutex_lock(&group->lock);
        group->abandoned = true;
        pthread_cond_broadcast(&group->met);
        pthread_mutex_unlock(&group->lock);
    } else {
        meet(group);
        rc = group->fn(group->arg);
    }
    group_result(group, rc, failure_current());
    members_wait(group);
    if (pinned) {
        (void)pthread_setaffinity_np(pthread_self(), sizeof before, &before);
    }
    if (group->result < 0) {
        *failure_current() = group->failure;
    }
    return group->result;
}

int wharf_run(int cores, wharf_fn fn, void *arg) {
    struct sched *sched = sched_current();
    if (sched == NULL) {
        return sched_missing();
    }
    if (cores < 0 || cores > CORES_MAX || fn == NULL) {
        return fail(-EINVAL, "run", NULL, "cores must be 0 to %d", CORES_MAX);
    }
    if (sched->group != NULL) {
        return fail(-EBUSY, "run", NULL, "this thread is already inside wharf_run()");
    }
    int size = cores == 0 ? wharf_cores() : cores;
    if (sched_is_simulated()) {
        size = 1;
    }
    struct group *group = mem_zalloc(sizeof *group + (size_t)size * sizeof(struct member));
    if (group == NULL) {
        return -ENOMEM;
    }
    group->size = size;
    group->fn = fn;
    group->arg = arg;
    group->first = sched;
    pthread_mutex_init(&group->lock, NULL);
    pthread_cond_init(&group->met, NULL);
    assign_processors(group);
    atomic_store(&group->members[0].sched, sched);
    sched->group = group;
    wharf_scope scope;
    group->scope = scope_of(wharf_scope_open(&scope, NULL));
    int rc = group_run(group);
    wharf_scope_close(&scope);
    sched->group = NULL;
    pthread_cond_destroy(&group->met);
    pthread_mutex_destroy(&group->lock);
    mem_free(group);
    return rc;
}

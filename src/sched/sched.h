/* A scheduler: one thread's tasks, timers and descriptors. For the layers above; its insides are
 * sched/internal.h. */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sched/site.h"
#include "wharf/task.h"

struct engine;
struct message;
struct sched;
struct scope;

/* This thread's scheduler; made on first use. NULL only without memory or after fork() (failure recorded). */
struct sched *sched_current(void);
const struct engine *sched_engine(void);
/* The clock as of this tick: cheap, at most one tick old. sched_clock() reads it afresh. */
int64_t sched_now(void);
int64_t sched_clock(void);
/* Wall-clock seconds since 1970, cached per tick (derived from the simulated clock under simulation). */
int64_t sched_wall_seconds(void);
/* Until when, by sched_now(), what sched_wall_seconds() has just told holds for certain. */
int64_t sched_wall_second_end(void);
uint64_t sched_random(void);
/* Good enough for keys, except in a simulation, where the seed decides. From any thread; on one without a scheduler they are
 * the kernel's. */
void sched_random_bytes(void *out, size_t size);
/* True on the simulator: files, threads and names are then served without leaving the thread. */
bool sched_is_simulated(void);
/* Tells whether newer kernel features are to be avoided (environment WHARF_FALLBACKS=1). */
bool sched_fallbacks(void);

/* ---- memory that a connection borrows while it is busy: 16 KiB blocks, last in first out ---- */
enum { BLOCK_SIZE = 16384 };
void *block_get(void); /* NULL without memory */
void block_put(void *block);

/* ---- things kept once per scheduler: the default client, a pool of connections ---- */
/* The value of a key on this scheduler, or NULL. Keys are addresses of static objects or of heap objects. */
void *sched_local_get(const void *key);
/* drop(value): called in sched_local_remove and when the scheduler ends, in a task; may suspend. 0 or
 * -ENOMEM. */
int sched_local_set(const void *key, void *value, void (*drop)(void *value));
/* The value; where there is none yet it becomes `size` bytes of zeros, which drop(value) frees. NULL without memory. */
void *sched_local_make(const void *key, size_t size, void (*drop)(void *value));
void sched_local_remove(const void *key);

/* ---- from other threads ---- */
struct message {
    struct message *next;
    void (*run)(struct message *); /* on the receiving scheduler; must not suspend */
};
/* From any thread, and from signal handlers when the message is not already queued. */
void sched_post(struct sched *target, struct message *message);

/* ---- signals ---- */
struct signal_watch {
    struct message message;
    struct sched *sched;
    void (*fire)(struct signal_watch *); /* on the scheduler; must not suspend */
    _Atomic int queued;
    int signal;
};
/* Calls watch->fire on this scheduler at each arrival of `signal`, whose handler is installed only over the
 * default action. 0, -EBUSY (the program has a handler of its own), -EAGAIN (too many watches). */
int signal_watch(struct signal_watch *watch, int signal, void (*fire)(struct signal_watch *));
void signal_unwatch(struct signal_watch *watch);

/* ---- groups of schedulers: wharf_run() ---- */
struct group; /* NULL outside */
struct group *sched_group(struct sched *sched);
int group_size(const struct group *group);
struct sched *group_sched(const struct group *group, int core); /* NULL: has ended */
/* Posts to a member that has not ended; false when it has. From any of the group's threads. */
bool group_post(struct group *group, int core, struct message *message);
/* Open descriptors on a scheduler: the load that accepts are balanced by. From any thread. */
int64_t sched_load(const struct sched *sched);

/* ---- offload ---- */
/* Runs job->run on a thread of a pool and waits. The job is heap memory, freed by the pool through job->drop
 * when its waiter has gone, else by the waiter. */
struct job {
    struct message message;
    struct job *next;
    struct sched *sched;
    struct op *waiter;          /* NULL: gone */
    void (*run)(struct job *);  /* on the pool's thread */
    void (*drop)(struct job *); /* frees it */
    struct site made;           /* pool_run()'s own */
};
enum pool_kind { POOL_GENERAL, POOL_NAMES };
/* 0 once run() has returned (the job is the caller's again), or an error (the pool drops it in its own time).
 * Suspends. */
int pool_run(enum pool_kind kind, struct job *job);

#endif

/* The simulated world: virtual time, what will happen, the hosts, and every choice that the seed makes.
 *
 *      engine.c   struct engine for the schedulers: each call goes to one of the files below
 *      world.c    time, chance, the trace
 *      host.c     hosts: addresses, descriptors; whose turn it is
 *      program.c  what runs on a host: starting, stopping, stacks
 *      link.c     what joins two hosts: how long a packet takes, and whether it arrives
 *      event.c    what happens when
 *      plan.c     what goes wrong when
 *      connect.c  bind, listen, connect, accept
 *      stream.c   the bytes of a connection: send, receive, half-close, reset
 *      disk.c     files
 *      datagram.c UDP, and Unix sockets that are no streams
 *      inbox.c    one direction of a connection: bytes on their way and arrived
 *      names.c    what names lead to
 *      option.c   socket options
 *      place.c    addresses
 *
 * Of these only engine.c, program.c, run.c and signal.c know of schedulers, so the others can be tested alone: readiness
 * leaves the world through `report`.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "sched/stack.h"
#include "sim/event.h"
#include "sim/place.h"
#include "sim/plan.h"
#include "wharf/sim.h"

struct endpoint;
struct host;
struct io;
struct left;
struct link;
struct name;
struct packet;
struct scope;

/* Virtual time starts here; the wall clock that is derived from it, too. */
#define WORLD_START_NS INT64_C(1000000000000)
/* What the wall clocks say then: 2025-01-01 00:00:00 UTC. */
#define WORLD_WALL_NS INT64_C(1735689600000000000)

/* Why a run is over before its scenario has returned. */
enum world_verdict { WORLD_GOES_ON, WORLD_DEADLOCKED, WORLD_OVER_STEPS, WORLD_OVER_TIME };

/* The first WHARF_EXPECT() that does not hold. */
struct broken_check {
    const char *text, *file; /* NULL: none */
    int line;
};

struct world {
    wharf_sim_options options; /* with the defaults filled in */
    void (*report)(struct host *host, struct io *io, int ready);
    /* A crash, a restart, a signal: program.c's. */
    void (*disturb)(struct host *host, const wharf_sim_fault *fault);
    /* When the fault that the options plan happens, to the n-th `what`; NULL: nobody wants to know. */
    void (*strike)(uint64_t n, const char *what);

    int64_t now;
    struct event_queue events;
    uint32_t idle_looks; /* in a row, while time stood still */
    uint64_t steps, steps_end;
    enum world_verdict verdict;
    bool ending; /* the scenario has returned, or the run is over */

    /* One stream of chance for each kind of choice, so that more of one leaves the others as they were. */
    struct random order, pieces, bytes, network, faults;

    struct host *first, *last; /* in the order of their starting */
    struct host *running;      /* whose task runs now */
    unsigned host_count;
    struct link *links;
    struct name *names;       /* that were set */
    struct packet *packets;   /* in flight */
    struct stack_pool stacks; /* of the hosts but the first */
    struct stack *left_stack; /* of a program that has ended: to be given back by who goes on */
    void *left_fiber;

    struct plan plan;
    struct scope *scenario; /* what cancel_checkpoint cancels; NULL: it has ended */
    uint64_t checkpoints;
    uint64_t trace;
    bool print_trace;
    bool did_reset;        /* reset_at_byte has happened */
    uint64_t calls, asked; /* sends and receives that could move bytes; descriptors asked for */
    struct left *left;     /* the account of the run; its schedulers write there */
    struct broken_check broken;

    /* Of the programs that have ended: what they left, and what all waited for in a deadlock. */
    uint64_t tasks_left, sockets_left;
    char stuck[WHARF_SIM_STUCK_SIZE];
};

/* With its first host, which owns all addresses. options: NULL for the defaults. NULL without memory. */
struct world *world_new(const wharf_sim_options *options);
/* Frees everything that is left in it, too. */
void world_free(struct world *world);

/* Lets what is due happen; false: nothing was. */
bool world_run_due(struct world *world);
/* To the next event or to `until`, whichever is nearer. false: there is neither. */
bool world_jump(struct world *world, int64_t until);
/* One more step; false: the run is over. */
bool world_step(struct world *world);

/* How many bytes one call moves when it could move `most`: by the seed, at least 1. */
size_t world_piece(struct world *world, size_t most);
size_t world_pick(struct world *world, size_t count);
void world_random(struct world *world, void *out, size_t size);
/* Schedules an event; the seed decides between those at the same time. */
void world_push(struct world *world, struct event *event, int64_t at);

/* The planned fault happens now. */
void world_strike(const struct world *world, uint64_t n, const char *what);

/* What a task did, and how it ended. */
struct step {
    const struct host *host;
    uint64_t task; /* the n-th of its scheduler */
    const char *task_name;
    const char *operation;
    int64_t result;
};
/* Mixes it into the trace, and prints it where that is wanted. */
void world_record(struct world *world, const struct step *step);

#endif

/* The simulated world: virtual time, what will happen, who has which descriptor, and every choice that the
 * seed makes.
 *
 *      engine.c   struct engine for the scheduler: each call goes to one of the files below
 *      world.c    time, descriptors, chance, the trace
 *      event.c    what happens when
 *      connect.c  bind, listen, connect, accept
 *      stream.c   the bytes of a connection: send, receive, half-close, reset
 *      inbox.c    one direction of a connection: bytes on their way and arrived
 *      option.c   socket options
 *      place.c    addresses
 *
 * The world knows no scheduler, so it can be tested alone: readiness leaves it through `report`.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "sim/event.h"
#include "sim/place.h"
#include "wharf/sim.h"

struct endpoint;
struct io;
struct left;
struct scope;

/* Virtual time starts here; the wall clock that is derived from it, too. */
#define WORLD_START_NS INT64_C(1000000000000)

enum { WORLD_FIRST_DESCRIPTOR = 3 };

/* The first WHARF_EXPECT() that does not hold. */
struct broken_check {
    const char *text, *file; /* NULL: none */
    int line;
};

struct world {
    wharf_sim_options options; /* with the defaults filled in */
    void (*report)(struct io *io, int ready);
    /* When the fault that the options plan happens, to the n-th `what`; NULL: nobody wants to know. */
    void (*strike)(uint64_t n, const char *what);

    int64_t now;
    struct event_queue events;
    uint32_t idle_looks; /* in a row, while time stood still */
    _Atomic bool interrupted;

    /* One stream of chance for each kind of choice, so that more of one leaves the others as they were. */
    struct random order, pieces, bytes;

    struct endpoint **descriptors; /* by number, from WORLD_FIRST_DESCRIPTOR */
    size_t descriptors_size;
    size_t lowest_free;     /* no number below it is free */
    uint64_t open;          /* descriptors in use */
    struct endpoint *bound; /* those with an address of their own: newest first */
    uint16_t next_port;

    struct scope *scenario; /* what cancel_checkpoint cancels; NULL: it has ended */
    uint64_t checkpoints;
    uint64_t trace;
    bool did_reset;        /* reset_at_byte has happened */
    uint64_t calls, asked; /* sends and receives that could move bytes; descriptors asked for */
    struct left *left;     /* the account of the run; its schedulers write there */
    struct broken_check broken;
};

/* options: NULL for the defaults. NULL without memory. */
struct world *world_new(const wharf_sim_options *options);
/* Frees everything that is left in it, too. */
void world_free(struct world *world);

/* Lets what is due happen; if nothing is, jumps to the next event or to `until`, whichever is nearer. until:
 * at most now to only look; INT64_MAX: no limit. 0, or -WHARF_EDEADLOCK when nothing can ever happen. */
int world_wait(struct world *world, int64_t until);
/* Makes the next wait return without a jump. From any thread. */
void world_interrupt(struct world *world);

/* Gives an endpoint the lowest free number: that, -EMFILE or -ENOMEM. */
int world_place(struct world *world, struct endpoint *endpoint);
void world_displace(struct world *world, struct endpoint *endpoint);
/* NULL: no such descriptor. */
struct endpoint *world_find(const struct world *world, int fd);

/* How many bytes one call moves when it could move `most`: by the seed, at least 1. */
size_t world_piece(struct world *world, size_t most);
size_t world_pick(struct world *world, size_t count);
void world_random(struct world *world, void *out, size_t size);

/* The planned fault happens now. */
void world_strike(const struct world *world, uint64_t n, const char *what);

/* Mixes how a blocking point ended into the trace. */
void world_record(struct world *world, const char *operation, int64_t result);

#endif

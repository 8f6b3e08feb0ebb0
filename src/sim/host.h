/* A simulated host: addresses, descriptors, and whose turn it is.
 *
 *      HOST_UP --KILL or CRASH--> HOST_DYING --its tasks have ended--> HOST_DOWN --restart--> HOST_UP
 *         `------------------- its program has returned ------------------^
 *
 * A host that dies does not stop dead in the middle of its tasks, whose memory would be lost: they are cancelled, every
 * call of theirs that could wait fails, and nothing that they do reaches anybody.
 */
#ifndef SIM_HOST_H
#define SIM_HOST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sched/op.h"
#include "sim/disk.h"
#include "sim/place.h"
#include "sim/world.h"

enum { HOST_FIRST_DESCRIPTOR = 3, HOST_ADDRESSES_MAX = 8 };

enum host_state { HOST_UP, HOST_DYING, HOST_DOWN };

/* Its program, and where that stands while another host runs. */
struct program {
    wharf_fn fn;
    void *arg;
    int result;
    struct sched *sched; /* NULL: it does not run */
    struct stack *stack; /* NULL: the first host's is the caller's own */
    void *context;
    void *sanitizer_fake, *sanitizer_fiber;
    struct op_queue waiters; /* in wharf_sim_wait() */
};

struct host {
    struct world *world;
    struct host *next;
    unsigned number; /* 1: the first */
    char name[WHARF_SIM_NAME_SIZE];
    struct place addresses[HOST_ADDRESSES_MAX]; /* without a port; the first host's are those it calls from */
    size_t address_count;
    int64_t clock_skew_ns;
    enum host_state state;
    struct program program;

    /* Whose turn it is. */
    int64_t until;      /* it has something to do then */
    _Atomic bool woken; /* or now */
    int64_t stalled_until;
    bool is_stuck; /* its scheduler is to hear that nothing can ever happen */

    /* What is wrong with it. */
    bool unreachable; /* it crashed: what is sent to it is lost */
    bool restarts;    /* when `restarting` has fired and it is down */
    bool restart_is_due;
    struct event restarting;
    int64_t no_sockets_until;
    int64_t slow_names_until, slow_names_ns, bad_names_until;

    struct disk disk;
    struct endpoint **descriptors; /* by number, from HOST_FIRST_DESCRIPTOR */
    size_t descriptors_size;
    size_t lowest_free;     /* no number below it is free */
    uint64_t open;          /* descriptors in use */
    uint64_t sockets_max;   /* 0: no limit */
    struct endpoint *bound; /* those with an address of their own: newest first */
    uint16_t next_port;
    unsigned names_given; /* to Unix sockets that asked for any */
};

/* Enters the world, without a program. 0, -EINVAL, -EEXIST or -ENOMEM. */
int host_new(struct world *world, const wharf_sim_host *options, struct host **ret_host);
/* With all that is open. Only when the world ends. */
void host_free(struct host *host);
/* NULL: there is none. "" is the first. */
struct host *host_find(const struct world *world, const char *name);
/* Who has an address: the caller itself for loopback and Unix names, the first host when nobody else does. */
struct host *host_of_place(struct host *caller, const struct place *place);
/* May a socket of this host have this address? */
bool host_owns(const struct host *host, const struct place *place);
/* The address that it calls `to` from, without a port. */
struct place host_source(const struct host *host, const struct place *to);

/* Gives an endpoint the lowest free number: that, -EMFILE or -ENOMEM. */
int host_place(struct host *host, struct endpoint *endpoint);
void host_displace(struct host *host, struct endpoint *endpoint);
/* NULL: no such descriptor. */
struct endpoint *host_endpoint(const struct host *host, int fd);
/* Closes everything. silently: nobody on the network hears of it. */
void host_close_all(struct host *host, bool silently);

/* The host has something to do. From any thread. */
void host_wake(struct host *host);
/* Lets what is due happen and says who is next; `caller` has nothing to do before `until`, and may be NULL. NULL: nothing can
 * ever happen, or the run is over. */
struct host *host_choose(struct world *world, struct host *caller, int64_t until);

#endif

/* A listener from the inside: for listener.c and share.c. */
#ifndef NET_LISTENER_INTERNAL_H
#define NET_LISTENER_INTERNAL_H

#include <stdbool.h>

#include "net/address.h"
#include "net/listener.h"
#include "net/names/resolve.h"
#include "net/unix_path.h"
#include "sched/io.h"
#include "sched/op.h"
#include "sched/timer.h"

struct handed;
struct share;

struct listener {
    struct io *sockets[NAMES_ADDRESSES_MAX];
    int count;
    int next; /* whose turn it is to be asked first */
    struct op_queue acceptors;
    struct timer rest; /* armed: nothing is accepted until it fires */
    int64_t rest_ns;   /* how long the last rest was; 0: the last attempt went well */
    int users;         /* calls inside listener_accept() */
    bool closed;
    struct unix_path path;
    int type; /* SOCK_* of its sockets */
    struct address local;
    char address[WHARF_ADDRESS_SIZE + 160]; /* a host name may have 253 bytes */

    /* Inside wharf_run(): */
    struct share *share;         /* NULL: not shared */
    struct handed *handed_first; /* connections that wait here for a task */
    struct handed *handed_last;
};

/* What to listen on. */
struct listener_plan {
    const char *text;
    struct address_text parts;
    struct address addresses[NAMES_ADDRESSES_MAX];
    int count;
    int backlog;
};

/* Opens the sockets of the plan. 0 or an error (recorded). Does not suspend. */
int listener_bind(struct listener *listener, const struct listener_plan *plan);
/* Closes the sockets and removes the path. */
void listener_unbind(struct listener *listener);
/* The next connection's descriptor from the listener's own sockets, -EAGAIN (then: watch, or the rest's end), or
 * the error of a broken listener. */
int listener_take(struct listener *listener, struct address *ret_peer);
/* Asks to be told when a connection comes. false: one may be there already. */
bool listener_watch(struct listener *listener);
/* Accepts nothing for a while. */
void listener_rest(struct listener *listener, int64_t ns);
void listener_wake(struct listener *listener);

#endif

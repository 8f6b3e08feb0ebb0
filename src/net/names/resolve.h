/* From a host name to addresses. The dialler wants the first of them at once and the others when they come:
 *
 *      struct names_search search;
 *      int rc = names_begin(&search, &text, AF_UNSPEC);         suspends until there is something to try, or the failure
 *      ... tries search.found[0 .. count - 1]; search.pending: more may be added ...
 *      names_end(&search);                                      gives up what is still being asked
 *
 * Who asks whom: literals, localhost and Unix at once; .onion and .invalid never; then the overrides; a simulated world's
 * own names; then as nsswitch.conf says the hosts file and the name servers, or getaddrinfo. */
#ifndef NET_NAMES_RESOLVE_H
#define NET_NAMES_RESOLVE_H

#include <stdbool.h>

#include "net/address.h"
#include "net/names/order.h"
#include "net/names/question.h"
#include "sched/op.h"
#include "sched/task.h"
#include "wharf/names.h"

enum { NAMES_ADDRESSES_MAX = WHARF_ADDRESSES_MAX };

struct names_search;

/* The question for addresses of one family. */
struct names_half {
    struct names_search *search;
    struct question question;
    int rc; /* addresses found, or the error */
    bool asked, done;
};

struct names_search {
    int count;         /* of `found` */
    int pending;       /* questions still under way */
    struct op *waiter; /* woken when one of them has ended */

    const struct address_text *text;
    int family;
    struct names_settings *settings; /* NULL: not needed */
    int64_t wait_until;              /* for addresses of the better family; 0: not waiting */
    bool scope_open;
    wharf_scope scope;
    struct candidate found[NAMES_ADDRESSES_MAX]; /* in the order to try; ports are set */
    struct names_half halves[2];                 /* AAAA, A */
    char name[DNS_NAME_MAX + 1 + RESOLV_DOMAIN_SIZE];
};

/* The text must live until names_end(), which is called after a success only. family: AF_UNSPEC for any. Errors (recorded):
 * -WHARF_ENAME, -WHARF_ENAMESERVER, -WHARF_EADDRESS, -ENOMEM, -ECANCELED, -ETIMEDOUT. */
int names_begin(struct names_search *search, const struct address_text *text, int family);
/* Waits for what is still being asked. Suspends. 0; -ECANCELED, -ETIMEDOUT (recorded). */
int names_finish(struct names_search *search);
/* The next to try, which the caller marks as tried: the families take turns, as RFC 8305 section 4 asks, and within one the order
 * stays. after: the family of the last one, AF_UNSPEC for none. NULL: all of them have been. */
struct candidate *names_next(struct names_search *search, sa_family_t after);
/* Suspends, if something is pending. */
void names_end(struct names_search *search);

/* All addresses, in the order to try; returns how many (1 to max). Suspends unless the text is a literal, localhost or
 * Unix. Errors: as names_begin(). */
int names_resolve(const struct address_text *text, int family, struct address *out, int max);

/* Whether a name is one of those that no server is asked for: RFC 7686 (.onion), RFC 6761 (.invalid). */
bool names_is_never(wharf_str name);

#endif

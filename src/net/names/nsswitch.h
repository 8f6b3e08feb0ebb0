/* The "hosts:" line of nsswitch.conf(5): whom the machine wants to be asked for names. Pure. */
#ifndef NET_NAMES_NSSWITCH_H
#define NET_NAMES_NSSWITCH_H

#include <stdbool.h>

#include "wharf/base.h"

enum nsswitch_plan {
    NSSWITCH_FILES_DNS, /* what this library does itself: the hosts file, then name servers */
    NSSWITCH_DNS_FILES,
    NSSWITCH_FILES,
    NSSWITCH_DNS,
    NSSWITCH_SYSTEM, /* more than that: only getaddrinfo(3) can */
};

/* What to do for `name`. text: the file; empty when there is none. own_name: this machine's host name, which
 * "myhostname" answers for. The sources that answer for a few names alone (mdns*, mymachines, myhostname) do not count for
 * the others. */
enum nsswitch_plan nsswitch_plan_of(wharf_str text, wharf_str name, wharf_str own_name);

#endif

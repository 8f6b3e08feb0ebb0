/* hosts(5): addresses and the names they have. Pure: looks through the text each time, so a big file costs no memory but
 * its own. */
#ifndef NET_NAMES_HOSTS_H
#define NET_NAMES_HOSTS_H

#include "net/address.h"

/* The addresses of `name` (case does not matter, nor a dot at the end), port 0, in the order of the file, repetitions left
 * out. family: AF_UNSPEC for both. Returns how many; 0: the file does not know the name. */
int hosts_find(wharf_str text, wharf_str name, int family, struct address *out, int max);

#endif

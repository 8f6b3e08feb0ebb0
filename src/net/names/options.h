/* wharf_names_set(): one set of options for the process; in a simulation, one for each scheduler. */
#ifndef NET_NAMES_OPTIONS_H
#define NET_NAMES_OPTIONS_H

#include <stdint.h>

#include "net/names/resolv_conf.h"
#include "wharf/names.h"

enum { NAMES_PATH_SIZE = 256, NAMES_SEARCH_SIZE = 1024, NAMES_OVERRIDES_SIZE = 4096 };

/* A checked copy, defaults filled in where nothing else has a say. */
struct names_options {
    struct address servers[RESOLV_SERVERS_MAX];
    int server_count; /* 0: resolv.conf's */
    char search[NAMES_SEARCH_SIZE];
    char overrides[NAMES_OVERRIDES_SIZE];
    char resolv_conf[NAMES_PATH_SIZE], hosts[NAMES_PATH_SIZE], nsswitch[NAMES_PATH_SIZE]; /* "": none */
    int64_t timeout_ms; /* 0: resolv.conf's */
    int attempts;       /* likewise */
    int ndots;          /* -1: resolv.conf's */
    int family;         /* AF_UNSPEC, AF_INET, AF_INET6 */
    bool tcp_only;
    int cache_entries;
    int64_t resolution_delay_ns, attempt_delay_ns;
};

/* The process' options, when they are not those of `version`: copies them, and returns their version; else returns
 * `version`. Versions begin with 1. */
uint64_t names_options_get(uint64_t version, struct names_options *options);
/* The process' wish for one kind of address alone, AF_UNSPEC for none: without the copy. */
int names_options_family(void);
/* Those of a simulated scheduler that has set none: no file is read. */
void names_options_simulated(struct names_options *options);

#endif

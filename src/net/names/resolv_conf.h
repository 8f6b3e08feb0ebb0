/* What resolv.conf(5) says. Pure: text in, a struct out; lines and options that mean nothing here are passed over. */
#ifndef NET_NAMES_RESOLV_CONF_H
#define NET_NAMES_RESOLV_CONF_H

#include <stdbool.h>

#include "net/address.h"

enum {
    RESOLV_SERVERS_MAX = 8,
    RESOLV_SEARCH_MAX = 16,
    RESOLV_DOMAIN_SIZE = 254,
    RESOLV_NDOTS_MAX = 15,
    RESOLV_TIMEOUT_MAX = 30, /* s */
    RESOLV_ATTEMPTS_MAX = 5,
    RESOLV_PORT = 53,
};

struct resolv_conf {
    struct address servers[RESOLV_SERVERS_MAX];
    int server_count;
    char search[RESOLV_SEARCH_MAX][RESOLV_DOMAIN_SIZE];
    int search_count;
    int ndots;     /* a name with at least so many dots is tried as it is first */
    int timeout_s; /* for one server's answer */
    int attempts;  /* rounds through the servers */
    bool rotate;   /* begin with another server each time */
    bool use_tcp;  /* "use-vc" */
    bool plain;    /* "no-edns0" */
};

/* The defaults: no server, no search, ndots 1, 5 s, 2 rounds. */
void resolv_conf_init(struct resolv_conf *conf);
/* Adds what the file says. */
void resolv_conf_parse(struct resolv_conf *conf, wharf_str text);
/* "ndots:2 timeout:1 rotate": what follows "options", and what the environment's RES_OPTIONS holds. */
void resolv_conf_options(struct resolv_conf *conf, wharf_str options);
/* Domains separated by spaces, in place of those before: what follows "search", and LOCALDOMAIN. */
void resolv_conf_search(struct resolv_conf *conf, wharf_str domains);
/* One server, "127.0.0.1", "fe80::1%eth0", "127.0.0.1:5353" or "[::1]:5353". 0, -WHARF_EADDRESS, or -WHARF_ELIMIT when
 * there are RESOLV_SERVERS_MAX already. */
int resolv_conf_server(struct resolv_conf *conf, wharf_str server);

#endif

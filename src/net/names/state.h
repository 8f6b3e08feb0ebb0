/* What a scheduler keeps for looking names up: its options, what the files said, whose turn it is among the servers, the
 * answers it remembers.
 *
 *      options (options.h) + files (files.h) --> settings, immutable and counted: a look-up under way keeps its own
 */
#ifndef NET_NAMES_STATE_H
#define NET_NAMES_STATE_H

#include <stdint.h>

#include "net/names/nsswitch.h"
#include "net/names/options.h"
#include "net/names/resolv_conf.h"

struct names_cache;

/* By what a look-up goes, from its beginning to its end. */
struct names_settings {
    struct names_options options;
    struct resolv_conf
        conf; /* the options' and the environment's say included; at least one server, but in a simulation */
    wharf_str hosts, nsswitch; /* the files' texts */
    char own_name[RESOLV_DOMAIN_SIZE];
    int holders;
};

/* The settings as of now, the files looked at again when that was more than a second ago; the caller holds them. Suspends.
 * 0, -ENOMEM, -ECANCELED, -ETIMEDOUT. */
int names_settings_get(struct names_settings **ret_settings);
void names_settings_put(struct names_settings *settings);

/* Options of this scheduler alone. 0 or -ENOMEM. */
int names_state_set_options(const struct names_options *options);
/* After which the next address is tried beside those under way. Does not suspend. */
int64_t names_state_attempt_delay_ns(void);
/* AF_INET or AF_INET6 when addresses of that kind alone are wanted, else AF_UNSPEC. Does not suspend and makes nothing, because
 * literals and localhost ask it, too. */
int names_state_family(void);
/* The server to begin with, where they take turns. */
unsigned names_state_turn(void);
/* Its cache; NULL without memory. */
struct names_cache *names_state_cache(void);
/* The files are looked at again by the next look-up. */
void names_state_expire(void);

#endif

/* Flags about how a URL is reached and how hard it is tried: proxies, networks, further tries. */
#ifndef CLI_TRANSFER_H
#define CLI_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/command.h"
#include "wharf/client.h"

struct transfer_options {
    const char *proxy;
    const char *no_proxy;
    const char *networks;
    int64_t retries;
    bool explain;
};

/* Rows of a table of flags for a struct whose field `transfer` is a struct transfer_options. */
/* clang-format off */
#define TRANSFER_FLAGS(type)                                                                           \
    {"proxy", 'x', FLAG_TEXT, offsetof(type, transfer.proxy), "PROXY", NULL,                           \
     "go through http://host:port, https, socks5 or socks5h; '' for none"},                            \
    {"no-proxy", 0, FLAG_TEXT, offsetof(type, transfer.no_proxy), "HOSTS", NULL,                       \
     "reach these hosts and networks directly; '*' for all"},                                          \
    {"networks", 0, FLAG_TEXT, offsetof(type, transfer.networks), "RULES", NULL,                       \
     "connect to 'public' addresses only, or to 10.0.0.0/8 ..., not to '!10.1.0.0/16'"},               \
    {"retry", 0, FLAG_COUNT, offsetof(type, transfer.retries), "N", NULL,                              \
     "try again up to N times what may pass and does no harm; go on where a body was cut"},            \
    {"explain", 0, FLAG_SWITCH, offsetof(type, transfer.explain), NULL, NULL,                          \
     "say on standard error what was tried, and how long each step took"}
/* clang-format on */

/* Puts them into the options of a client. */
void transfer_apply(const struct transfer_options *options, wharf_client_options *client);

#endif

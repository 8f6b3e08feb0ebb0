/* See transfer.h. The command takes proxies from the environment unless flags say otherwise, as others do. */
#include "cli/transfer.h"

void transfer_apply(const struct transfer_options *options, wharf_client_options *client) {
    client->proxy = options->proxy;
    client->no_proxy = options->no_proxy;
    client->networks = options->networks;
    client->use_environment = true;
    client->limits.retries = options->retries;
}

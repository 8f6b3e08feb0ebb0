/* wharf connect ADDR: standard input and output as one end of a connection. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/exitcode.h"
#include "cli/relay.h"
#include "wharf/task.h"

struct connect_options {
    int64_t timeout_ms;
};

static const struct flag connect_flags[] = {
    {"timeout", 't', FLAG_SECONDS, offsetof(struct connect_options, timeout_ms), "SECONDS", NULL,
     "limit for connecting; default 10"},
    {0},
};

static int connect_run(const struct invocation *call) {
    const struct connect_options *options = call->options;
    wharf_sock sock = {0};
    WHARF_WITHIN (options->timeout_ms > 0 ? options->timeout_ms : 10000) {
        sock = wharf_dial(call->operands[0]);
    }
    if (wharf_failed(sock)) {
        fprintf(stderr, "wharf connect: %s\n", wharf_why());
        return exitcode_of_error(wharf_error(sock));
    }
    return relay_run(sock, RELAY_ONCE, "connect");
}

const struct command connect_command = {
    .name = "connect",
    .synopsis = "[flags] ADDR",
    .summary = "Connect, and carry standard input and output",
    .details = "ADDR is HOST:PORT or unix:PATH. When standard input ends, the peer is told and receiving\n"
               "goes on; when the peer has sent everything, standard output is closed and sending goes\n"
               "on; then it is over.\n",
    .flags = connect_flags,
    .options_size = sizeof(struct connect_options),
    .operands_min = 1,
    .operands_max = 1,
    .run = connect_run,
};

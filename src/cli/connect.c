/* wharf connect ADDR: standard input and output as one end of a connection. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/exitcode.h"
#include "cli/relay.h"
#include "cli/secure.h"
#include "wharf/task.h"

struct connect_options {
    int64_t timeout_ms;
    bool tls;
    struct secure_options secure;
};

static const struct flag connect_flags[] = {
    {"timeout", 't', FLAG_SECONDS, offsetof(struct connect_options, timeout_ms), "SECONDS", NULL,
     "limit for connecting; default 10"},
    {"tls", 0, FLAG_SWITCH, offsetof(struct connect_options, tls), NULL, NULL,
     "TLS, as with tls:// before ADDR"},
    SECURE_PEER_FLAGS(struct connect_options),
    SECURE_OWN_FLAGS(struct connect_options),
    {"name", 0, FLAG_TEXT, offsetof(struct connect_options, secure.name), "HOST", NULL,
     "the name that the certificate must be for; default: the host of ADDR"},
    {"alpn", 0, FLAG_LIST, offsetof(struct connect_options, secure.alpn), "PROTOCOL", NULL,
     "offer this application protocol; repeatable"},
    {0},
};

static int connect_run(const struct invocation *call) {
    const struct connect_options *options = call->options;
    wharf_sock sock = {0};
    wharf_tls *tls = NULL;
    bool secure = options->tls || strncmp(call->operands[0], "tls://", 6) == 0;
    int code = secure ? secure_client(&options->secure, "connect", &tls) : EXIT_OK;
    if (code != EXIT_OK) {
        return code;
    }
    WHARF_WITHIN (options->timeout_ms > 0 ? options->timeout_ms : 10000) {
        sock = secure ? wharf_dial_tls(call->operands[0], tls) : wharf_dial(call->operands[0]);
    }
    wharf_tls_free(tls);
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

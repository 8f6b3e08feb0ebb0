/* wharf connect ADDR [-- CMD]: standard input and output as one end of a connection, or a program at it. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/ends.h"
#include "cli/exitcode.h"
#include "cli/naming.h"
#include "cli/relay.h"
#include "cli/secure.h"
#include "wharf/task.h"

enum { CONNECT_MS = 10000, WAIT_MS = 1000 };

struct connect_options {
    int64_t timeout_ms, wait_ms;
    bool udp, tls;
    struct secure_options secure;
    struct naming_options naming;
    char **words;
};

static const struct flag connect_flags[] = {
    {"udp", 'u', FLAG_SWITCH, offsetof(struct connect_options, udp), NULL, NULL,
     "UDP; of unix:PATH, datagrams"},
    {"timeout", 't', FLAG_SECONDS, offsetof(struct connect_options, timeout_ms), "SECONDS", NULL,
     "limit for connecting; default 10"},
    {"wait", 'w', FLAG_SECONDS, offsetof(struct connect_options, wait_ms), "SECONDS", NULL,
     "with datagrams: how long to wait for more after standard input has ended; default 1"},
    {"tls", 0, FLAG_SWITCH, offsetof(struct connect_options, tls), NULL, NULL,
     "TLS, as with tls:// before ADDR"},
    SECURE_PEER_FLAGS(struct connect_options),
    SECURE_OWN_FLAGS(struct connect_options),
    {"alpn", 0, FLAG_LIST, offsetof(struct connect_options, secure.alpn), "PROTOCOL", NULL,
     "offer this application protocol; repeatable"},
    NAMING_FLAGS(struct connect_options, "name-server", 0),
    {"", 0, FLAG_WORDS, offsetof(struct connect_options, words), "CMD ...", NULL,
     "run this program with the connection as its standard input and output"},
    {0},
};

/* The connection, plain or TLS; an exit code. */
static int dial(const struct invocation *call, wharf_sock *ret_sock) {
    const struct connect_options *options = call->options;
    char text[ENDS_ADDRESS_SIZE];
    const char *address = ends_address(call->operands[0], options->udp, text);
    wharf_tls *tls = NULL;
    bool secure = options->tls || strncmp(address, "tls://", 6) == 0;
    int code = naming_set(&options->naming, "connect");
    if (code == EXIT_OK && secure) {
        code = secure_client(&options->secure, "connect", &tls);
    }
    if (code != EXIT_OK) {
        return code;
    }
    WHARF_WITHIN (options->timeout_ms > 0 ? options->timeout_ms : CONNECT_MS) {
        *ret_sock = secure ? wharf_dial_tls(address, tls) : wharf_dial(address);
    }
    wharf_tls_free(tls);
    if (wharf_failed(*ret_sock)) {
        fprintf(stderr, "wharf connect: %s\n", wharf_why());
        return exitcode_of_error(wharf_error(*ret_sock));
    }
    return EXIT_OK;
}

static int connect_run(const struct invocation *call) {
    const struct connect_options *options = call->options;
    wharf_sock sock = {0};
    int code = dial(call, &sock);
    if (code != EXIT_OK) {
        return code;
    }
    if (options->words != NULL) {
        return program_run(sock, options->words, "connect");
    }
    if (!ends_is_datagrams(sock)) {
        return relay_run(sock, RELAY_ONCE, "connect");
    }
    struct datagrams_plan plan = {.who = "connect", .is_connected = true};
    plan.wait_ms = options->wait_ms > 0 ? options->wait_ms : WAIT_MS;
    return datagrams_run(sock, &plan);
}

const struct command connect_command = {
    .name = "connect",
    .synopsis = "[flags] ADDR [-- CMD ...]",
    .summary = "Connect, and carry standard input and output",
    .details = "ADDR is HOST:PORT, unix:PATH or another of those in wharf(1). When standard input ends, the\n"
               "peer is told and receiving goes on; when the peer has sent everything, standard output is\n"
               "closed and sending goes on; then it is over. Datagrams have no end: it is over when\n"
               "standard input has ended and nothing more has come for a while.\n",
    .flags = connect_flags,
    .options_size = sizeof(struct connect_options),
    .operands_min = 1,
    .operands_max = 1,
    .run = connect_run,
};

/* wharf listen ADDR [-k]: waits for a connection, or for one after another, and carries standard input and
 * output. */
#include <stdbool.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/exitcode.h"
#include "cli/relay.h"
#include "cli/secure.h"
#include "wharf/net.h"

struct listen_options {
    bool keep;
    bool tls;
    struct secure_options secure;
};

static const struct flag listen_flags[] = {
    {"keep", 'k', FLAG_SWITCH, offsetof(struct listen_options, keep), NULL, NULL,
     "serve one connection after another until killed"},
    {"tls", 0, FLAG_SWITCH, offsetof(struct listen_options, tls), NULL, NULL,
     "TLS; without --cert with a certificate for development"},
    SECURE_OWN_FLAGS(struct listen_options),
    {"client-ca", 0, FLAG_TEXT, offsetof(struct listen_options, secure.ca), "FILE", NULL,
     "only clients whose certificates these authorities have issued, PEM"},
    {0},
};

static int fail(int error) {
    fprintf(stderr, "wharf listen: %s\n", wharf_why());
    return exitcode_of_error(error);
}

/* One connection after another. What goes wrong with one has been said and is no reason to stop, except that
 * nobody is left to write to. */
static int listen_on(wharf_sock listener) {
    int code = EXIT_OK;
    while (code != EXIT_LOCAL_FILE) {
        wharf_sock sock = wharf_accept(listener);
        if (wharf_failed(sock)) {
            return fail(wharf_error(sock));
        }
        code = relay_run(sock, RELAY_ONE_OF_MANY, "listen");
    }
    return code;
}

/* The listener, plain or TLS; an exit code. */
static int open_listener(const struct invocation *call, wharf_sock *ret_listener) {
    const struct listen_options *options = call->options;
    wharf_tls *tls = NULL;
    int code = EXIT_OK;
    if (options->secure.certificates != NULL) {
        code = secure_server(&options->secure, "listen", NULL, &tls);
    } else if (options->tls) {
        code = secure_development(&options->secure, "listen", &tls);
    }
    if (code == EXIT_OK) {
        *ret_listener = tls != NULL ? wharf_serve_on_tls(call->operands[0], tls)
                                    : wharf_serve_on(call->operands[0]);
    }
    wharf_tls_free(tls);
    return code;
}

static int listen_run(const struct invocation *call) {
    const struct listen_options *options = call->options;
    wharf_sock listener = {0};
    int code = open_listener(call, &listener);
    if (code != EXIT_OK) {
        return code;
    }
    char address[WHARF_ADDRESS_SIZE];
    int result = wharf_local_address(listener, address, sizeof address);
    if (result < 0) {
        return fail(result);
    }
    fprintf(stderr, "listening on %s\n", address);
    if (options->keep) {
        return listen_on(listener);
    }
    wharf_sock sock = wharf_accept(listener);
    if (wharf_failed(sock)) {
        return fail(wharf_error(sock));
    }
    wharf_close(listener); /* a second client is refused rather than left waiting */
    return relay_run(sock, RELAY_ONCE, "listen");
}

const struct command listen_command = {
    .name = "listen",
    .synopsis = "[flags] ADDR",
    .summary = "Wait for a connection, and carry standard input and output",
    .details = "ADDR is HOST:PORT, :PORT (every interface) or unix:PATH; port 0 picks one. The address\n"
               "goes to standard error. Both directions end on their own, as with wharf connect.\n",
    .flags = listen_flags,
    .options_size = sizeof(struct listen_options),
    .operands_min = 1,
    .operands_max = 1,
    .run = listen_run,
};

/* wharf listen ADDR [-k] [-- CMD]: waits for a connection, or for one after another, and carries standard input and output, or
 * runs a program for each. */
#include <stdbool.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/ends.h"
#include "cli/exitcode.h"
#include "cli/naming.h"
#include "cli/relay.h"
#include "cli/secure.h"
#include "wharf/net.h"
#include "wharf/sync.h"
#include "wharf/task.h"

enum { PROGRAMS_MAX = 64 };

struct listen_options {
    bool keep, udp, tls;
    struct secure_options secure;
    struct naming_options naming;
    int64_t wait_ms, max;
    char **words;
};

static const struct flag listen_flags[] = {
    {"keep", 'k', FLAG_SWITCH, offsetof(struct listen_options, keep), NULL, NULL,
     "serve one connection after another until killed; with CMD, all that come at once"},
    {"udp", 'u', FLAG_SWITCH, offsetof(struct listen_options, udp), NULL, NULL,
     "UDP; of unix:PATH, datagrams. With -k everybody's, and answers go to whoever sent last"},
    {"wait", 'w', FLAG_SECONDS, offsetof(struct listen_options, wait_ms), "SECONDS", NULL,
     "with datagrams: over when standard input has ended and nothing comes for so long"},
    {"max", 'm', FLAG_COUNT, offsetof(struct listen_options, max), "COUNT", NULL,
     "with -k and CMD: programs at the same time, 1 to 256; default 64; further connections wait"},
    {"tls", 0, FLAG_SWITCH, offsetof(struct listen_options, tls), NULL, NULL,
     "TLS; without --cert with a certificate for development"},
    SECURE_OWN_FLAGS(struct listen_options),
    {"client-ca", 0, FLAG_TEXT, offsetof(struct listen_options, secure.ca), "FILE", NULL,
     "only clients whose certificates these authorities have issued, PEM"},
    NAMING_FAMILY_FLAGS(struct listen_options),
    {"", 0, FLAG_WORDS, offsetof(struct listen_options, words), "CMD ...", NULL,
     "run this program with the connection as its standard input and output"},
    {0},
};

static int fail(int error) {
    fprintf(stderr, "wharf listen: %s\n", wharf_why());
    return exitcode_of_error(error);
}

/* One connection after another. What goes wrong with one has been said and is no reason to stop, except that
 * nobody is left to write to. */
static int relay_each(wharf_sock listener) {
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

/* A connection that has a program. */
struct served {
    wharf_sock sock;
    char **words;
    wharf_semaphore *places;
};

static int serve_one(void *arg) {
    const struct served *served = arg;
    (void)program_run(served->sock, served->words, "listen");
    return wharf_semaphore_release(served->places, 1);
}

/* A program for each connection, as many at once as there are places. */
static int run_each(wharf_sock listener, const struct listen_options *options) {
    wharf_semaphore places;
    int rc = wharf_semaphore_init(&places, options->max > 0 ? options->max : PROGRAMS_MAX);
    WHARF_SCOPE (programs, NULL) {
        while (rc == 0) {
            rc = wharf_semaphore_acquire(&places, 1);
            struct served served = {.words = options->words, .places = &places};
            served.sock = rc == 0 ? wharf_accept(listener) : (wharf_sock){rc};
            rc = wharf_failed(served.sock) ? wharf_error(served.sock) : wharf_go(programs, serve_one, served);
        }
    }
    return fail(rc);
}

static int receive_datagrams(wharf_sock sock, const struct listen_options *options) {
    if (options->words != NULL) {
        fputs("wharf listen: a program needs a connection, and datagrams have none\n", stderr);
        return EXIT_USAGE;
    }
    struct datagrams_plan plan = {.who = "listen", .many = options->keep, .wait_ms = options->wait_ms};
    return datagrams_run(sock, &plan);
}

/* The listener, plain or TLS; an exit code. */
static int open_listener(const struct invocation *call, wharf_sock *ret_listener) {
    const struct listen_options *options = call->options;
    char text[ENDS_ADDRESS_SIZE];
    const char *address = ends_address(call->operands[0], options->udp, text);
    wharf_tls *tls = NULL;
    int code = naming_set(&options->naming, "listen");
    if (code != EXIT_OK) {
        return code;
    }
    if (options->secure.certificates != NULL) {
        code = secure_server(&options->secure, "listen", NULL, &tls);
    } else if (options->tls) {
        code = secure_development(&options->secure, "listen", &tls);
    }
    if (code == EXIT_OK) {
        *ret_listener = tls != NULL ? wharf_serve_on_tls(address, tls) : wharf_serve_on(address);
    }
    wharf_tls_free(tls);
    return code;
}

static int listen_run(const struct invocation *call) {
    const struct listen_options *options = call->options;
    char address[WHARF_ADDRESS_SIZE];
    wharf_sock listener = {0};
    int code = open_listener(call, &listener);
    if (code != EXIT_OK) {
        return code;
    }
    int result = wharf_local_address(listener, address, sizeof address);
    if (result < 0) {
        return fail(result);
    }
    fprintf(stderr, "listening on %s\n", address);
    if (ends_is_datagrams(listener)) {
        return receive_datagrams(listener, options);
    }
    if (options->keep) {
        return options->words != NULL ? run_each(listener, options) : relay_each(listener);
    }
    wharf_sock sock = wharf_accept(listener);
    if (wharf_failed(sock)) {
        return fail(wharf_error(sock));
    }
    wharf_close(listener); /* a second client is refused rather than left waiting */
    return options->words != NULL ? program_run(sock, options->words, "listen")
                                  : relay_run(sock, RELAY_ONCE, "listen");
}

const struct command listen_command = {
    .name = "listen",
    .synopsis = "[flags] ADDR [-- CMD ...]",
    .summary = "Wait for a connection, and carry standard input and output",
    .details =
        "ADDR is HOST:PORT, :PORT (every interface), unix:PATH or another of those in wharf(1); port 0\n"
        "picks one. The address goes to standard error. Both directions end on their own, as with wharf\n"
        "connect. With CMD that program has the connection instead; WHARF_PEER_ADDRESS and\n"
        "WHARF_LOCAL_ADDRESS are in its environment.\n",
    .flags = listen_flags,
    .options_size = sizeof(struct listen_options),
    .operands_min = 1,
    .operands_max = 1,
    .run = listen_run,
};

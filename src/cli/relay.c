/* Half-closing, exactly:
 *
 *     standard input ends  ->  the socket's sending side is shut down; receiving goes on
 *     the peer has sent all  ->  standard output is closed, so that a program behind it sees the end;
 *                                sending goes on
 *
 * and the relay is over when both have happened. An error in receiving ends both; after one in sending the
 * rest is received. */
#include "cli/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/exitcode.h"
#include "wharf/os.h"
#include "wharf/task.h"

enum { PIECE_BYTES = 65536 };

struct relay {
    wharf_sock sock;
    enum relay_mode mode;
    const char *who;
    int code;  /* of the first failure */
    bool over; /* nothing more is wanted from standard input */
};

static int fail(struct relay *relay, int code, const char *about, int error) {
    if (relay->code == EXIT_OK) {
        relay->code = code;
        if (about == NULL) {
            fprintf(stderr, "wharf %s: %s\n", relay->who, wharf_why());
        } else if (error != -EPIPE) { /* a reader that has gone needs no sentence */
            fprintf(stderr, "wharf %s: %s: %s\n", relay->who, about, wharf_strerror(error));
        }
    }
    return -ECANCELED; /* ends the other direction */
}

/* Descriptor 1 stays taken, or the next socket would get it. */
static int end_stdout(struct relay *relay) {
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int error = null < 0 || dup2(null, STDOUT_FILENO) < 0 ? -errno : 0;
    if (null >= 0) {
        close(null);
    }
    return error < 0 ? fail(relay, EXIT_LOCAL_FILE, "standard output", error) : 0;
}

static int send_stdin(void *arg) {
    struct relay *relay = *(struct relay **)arg;
    char piece[PIECE_BYTES];
    ssize_t got = wharf_read(STDIN_FILENO, piece, sizeof piece);
    while (got > 0) {
        ssize_t sent = wharf_send(relay->sock, piece, (size_t)got);
        if (sent < 0) {
            /* What the peer had sent before it went is still to be received: no reason to end that. */
            return relay->over ? 0 : (fail(relay, exitcode_of_error((int)sent), NULL, 0), 0);
        }
        got = wharf_read(STDIN_FILENO, piece, sizeof piece);
    }
    if (got < 0) {
        return relay->over ? 0 : fail(relay, EXIT_LOCAL_FILE, "standard input", (int)got);
    }
    int result = wharf_shutdown_write(relay->sock);
    /* A peer that is gone already has nothing to be told. */
    return result < 0 && result != -ENOTCONN ? fail(relay, exitcode_of_error(result), NULL, 0) : 0;
}

static int receive_to_stdout(struct relay *relay) {
    char piece[PIECE_BYTES];
    ssize_t got = wharf_recv(relay->sock, piece, sizeof piece);
    while (got > 0) {
        ssize_t written = wharf_write(STDOUT_FILENO, piece, (size_t)got);
        if (written < 0) {
            return fail(relay, EXIT_LOCAL_FILE, "standard output", (int)written);
        }
        got = wharf_recv(relay->sock, piece, sizeof piece);
    }
    if (got < 0) {
        return fail(relay, exitcode_of_error((int)got), NULL, 0);
    }
    return relay->mode == RELAY_ONCE ? end_stdout(relay) : 0;
}

int relay_run(wharf_sock sock, enum relay_mode mode, const char *who) {
    struct relay relay = {.sock = sock, .mode = mode, .who = who};
    WHARF_SCOPE (directions, NULL) {
        int started = wharf_go(directions, send_stdin, &relay);
        int result = started < 0 ? fail(&relay, EXIT_OTHER, "no task", started) : receive_to_stdout(&relay);
        relay.over = result < 0 || (mode == RELAY_ONE_OF_MANY && isatty(STDIN_FILENO) == 1);
        if (relay.over) {
            wharf_scope_cancel(directions);
        }
    }
    if (relay.code == EXIT_OK) {
        wharf_close(sock);
    } else {
        wharf_abort(sock);
    }
    return relay.code;
}

/* Datagrams have no end, so the relay of streams does not fit: the command goes on until it is killed, or until nothing has come
 * for a while after standard input ended.
 *
 *      connected    each read of standard input -> a datagram to the peer; what it sends -> standard output
 *      listening    the same with whoever sends first; the others are not heard
 *      many         everybody is heard, and standard input goes to whoever sent last
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ends.h"
#include "cli/exitcode.h"
#include "wharf/datagram.h"
#include "wharf/os.h"
#include "wharf/task.h"

enum {
    SEND_BYTES = 8192,     /* of standard input at once */
    RECEIVE_BYTES = 65536, /* more than UDP carries */
};

struct exchange {
    wharf_sock sock;
    const struct datagrams_plan *plan;
    wharf_scope *scope;
    wharf_address peer; /* len 0: the connected one, or nobody yet */
    int64_t received;   /* datagrams */
    int code;           /* of the first failure */
    bool over;
};

static int fail(struct exchange *exchange, int code, const char *about, int error) {
    if (exchange->code == EXIT_OK && !exchange->over) {
        exchange->code = code;
        if (about == NULL) {
            fprintf(stderr, "wharf %s: %s\n", exchange->plan->who, wharf_why());
        } else if (error != -EPIPE) { /* a reader that has gone needs no sentence */
            fprintf(stderr, "wharf %s: %s: %s\n", exchange->plan->who, about, wharf_strerror(error));
        }
    }
    return -ECANCELED; /* ends the other direction */
}

/* Over once nothing has come for as long as the plan says. */
static int wait_for_silence(struct exchange *exchange) {
    int64_t before = -1;
    if (exchange->plan->wait_ms == 0) {
        return 0;
    }
    while (before != exchange->received) {
        before = exchange->received;
        int rc = wharf_sleep(exchange->plan->wait_ms);
        if (rc < 0) {
            return rc;
        }
    }
    exchange->over = true;
    wharf_scope_cancel(exchange->scope);
    return 0;
}

static int send_stdin(void *arg) {
    struct exchange *exchange = *(struct exchange **)arg;
    char piece[SEND_BYTES];
    ssize_t got = wharf_read(STDIN_FILENO, piece, sizeof piece);
    while (got > 0) {
        const wharf_address *to = exchange->plan->is_connected ? NULL : &exchange->peer;
        ssize_t sent = wharf_send_to(exchange->sock, piece, (size_t)got, to);
        if (sent < 0) {
            return fail(exchange, exitcode_of_error((int)sent), NULL, 0);
        }
        got = wharf_read(STDIN_FILENO, piece, sizeof piece);
    }
    if (got < 0) {
        return fail(exchange, EXIT_LOCAL_FILE, "standard input", (int)got);
    }
    return wait_for_silence(exchange);
}

static bool is_same(const wharf_address *a, const wharf_address *b) {
    return a->len == b->len && memcmp(&a->storage, &b->storage, a->len) == 0;
}

/* Whether a datagram from there is heard. The first one begins the sending. */
static bool hear(struct exchange *exchange, const wharf_address *from) {
    if (exchange->plan->is_connected) {
        return true;
    }
    bool first = exchange->received == 0;
    if (!first && !exchange->plan->many) {
        return is_same(from, &exchange->peer);
    }
    /* Somebody without a name cannot be answered, and standard input waits for one who can. */
    bool begins = exchange->peer.len == 0 && from->len > 0;
    exchange->peer = from->len > 0 ? *from : exchange->peer;
    int rc = begins ? wharf_go(exchange->scope, send_stdin, exchange) : 0;
    if (rc < 0) {
        (void)fail(exchange, EXIT_OTHER, "no task", rc);
    }
    return rc >= 0;
}

static int receive_to_stdout(struct exchange *exchange) {
    static char piece[RECEIVE_BYTES]; /* one exchange a process */
    for (;;) {
        wharf_address from = {.len = 0};
        ssize_t got = wharf_recv_from(exchange->sock, piece, sizeof piece, &from);
        if (got < 0) {
            return fail(exchange, exitcode_of_error((int)got), NULL, 0);
        }
        if (!hear(exchange, &from)) {
            continue;
        }
        exchange->received++;
        ssize_t written = got > 0 ? wharf_write(STDOUT_FILENO, piece, (size_t)got) : 0;
        if (written < 0) {
            return fail(exchange, EXIT_LOCAL_FILE, "standard output", (int)written);
        }
    }
}

int datagrams_run(wharf_sock sock, const struct datagrams_plan *plan) {
    struct exchange state = {.sock = sock, .plan = plan};
    struct exchange *exchange = &state;
    WHARF_SCOPE (directions, NULL) {
        exchange->scope = directions;
        int rc = plan->is_connected ? wharf_go(directions, send_stdin, exchange) : 0;
        rc = rc < 0 ? fail(exchange, EXIT_OTHER, "no task", rc) : receive_to_stdout(exchange);
        if (rc < 0) {
            wharf_scope_cancel(directions);
        }
    }
    (void)wharf_close(sock);
    return state.code;
}

/* port_scanner HOST [FIRST-LAST] [--at-once N] - prints which TCP ports of a host are open, in order; 1-10000 and 500
 * at once unless told otherwise. Ends with 0 when one was open, 1 when none was, 2 when it could not be found out.
 *
 * Shows: workers that share a plain counter, for tasks of one core never run at the same moment; a deadline for each
 * attempt; one worker's error ends the others and is the scope's result.
 */
#include <errno.h>
#include <stdio.h>

#include "wharf/net.h"
#include "wharf/task.h"

enum { PORT_MAX = 65535, AT_ONCE_MAX = 10000, ATTEMPT_MS = 1000 };

struct scan {
    const char *host;
    int next, last;
    bool open[PORT_MAX + 1];
};

/* A connection from a port to itself: what TCP makes of it when the system picks the very port that is asked for. */
static bool is_own_echo(wharf_sock sock) {
    char here[WHARF_ADDRESS_SIZE], there[WHARF_ADDRESS_SIZE];
    return wharf_local_address(sock, here, sizeof here) > 0 &&
           wharf_peer_address(sock, there, sizeof there) > 0 && strcmp(here, there) == 0;
}

/* 1: open, 0: not, negative: no port of this host can be asked. */
static int probe(const char *host, int port) {
    char address[WHARF_ADDRESS_SIZE + 256];
    snprintf(address, sizeof address, "%s:%d", host, port);
    wharf_sock sock = {-ETIMEDOUT};
    WHARF_WITHIN (ATTEMPT_MS) {
        sock = wharf_dial(address);
    }
    int error = wharf_error(sock);
    if (error == 0) {
        bool open = !is_own_echo(sock);
        wharf_abort(sock);
        return open;
    }
    bool silent = error == -ECONNREFUSED || error == -ECONNRESET || error == -ETIMEDOUT;
    return silent ? 0 : error;
}

static int worker(void *arg) {
    struct scan *scan = *(struct scan **)arg;
    while (scan->next <= scan->last) {
        int port = scan->next++;
        int found = probe(scan->host, port);
        if (found < 0 && found != -ECANCELED) {
            fprintf(stderr, "port_scanner: %s\n", wharf_why());
        }
        if (found < 0) {
            return found;
        }
        scan->open[port] = found == 1;
    }
    return 0;
}

/* Reads digits; anything else, or none, is 0 and refused with the ranges. */
static int number(const char **at) {
    int value = 0;
    for (; **at >= '0' && **at <= '9' && value <= PORT_MAX; (*at)++) {
        value = value * 10 + (**at - '0');
    }
    return value;
}

/* False: the command line is wrong. */
static bool read_arguments(int argc, char **argv, struct scan *scan, int *ret_at_once) {
    for (int i = 1; i < argc; i++) {
        const char *at = argv[i];
        if (strcmp(at, "--at-once") == 0 && i + 1 < argc) {
            at = argv[++i];
            *ret_at_once = number(&at);
        } else if (scan->host == NULL) {
            scan->host = at;
        } else {
            scan->next = number(&at);
            at += *at == '-';
            scan->last = number(&at);
        }
    }
    bool range = scan->next >= 1 && scan->next <= scan->last && scan->last <= PORT_MAX;
    return scan->host != NULL && range && *ret_at_once >= 1 && *ret_at_once <= AT_ONCE_MAX;
}

int main(int argc, char **argv) {
    struct scan scan = {.next = 1, .last = 10000};
    int at_once = 500, result = 0, count = 0;
    if (!read_arguments(argc, argv, &scan, &at_once)) {
        fprintf(stderr, "usage: port_scanner HOST [FIRST-LAST] [--at-once N]\n");
        return 2;
    }
    WHARF_SCOPE (workers, &result) {
        for (int i = 0; i < at_once; i++) {
            wharf_go(workers, worker, &scan);
        }
    }
    if (result < 0 ||
        scan.next <= scan.last) { /* an error that has been told, or no worker could be started */
        return 2;
    }
    for (int port = 1; port <= PORT_MAX; port++) {
        if (scan.open[port]) {
            printf("%d\n", port);
            count++;
        }
    }
    return count > 0 ? 0 : 1;
}

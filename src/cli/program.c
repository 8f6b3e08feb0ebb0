/* A program for a connection, as inetd(8) and ncat -e do it: the socket is its standard input and output, blocking as programs expect it,
 * and standard error stays ours. Of a TLS connection, which a descriptor cannot carry, it gets one end of a pair, and its bytes are copied. It learns who is there from WHARF_PEER_ADDRESS and WHARF_LOCAL_ADDRESS. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/ends.h"
#include "cli/exitcode.h"
#include "wharf/copy.h"
#include "wharf/datagram.h"
#include "wharf/os.h"
#include "wharf/task.h"

enum { OWN_VARIABLES = 2, VARIABLE_SIZE = WHARF_ADDRESS_SIZE + 32 };

static int complain(const char *who, const char *about, int error) {
    fprintf(stderr, "wharf %s: %s: %s\n", who, about, wharf_strerror(error));
    return EXIT_OTHER;
}

/* The environment with two variables more in front, where they win; NULL without memory. */
static const char **environment_with(char own[OWN_VARIABLES][VARIABLE_SIZE]) {
    size_t count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    const char **all = calloc(count + OWN_VARIABLES + 1, sizeof *all);
    for (size_t i = 0; all != NULL && i < OWN_VARIABLES; i++) {
        all[i] = own[i];
    }
    for (size_t i = 0; all != NULL && i < count; i++) {
        all[OWN_VARIABLES + i] = environ[i];
    }
    return all;
}

static wharf_child start(int fd, char *const *words, char own[OWN_VARIABLES][VARIABLE_SIZE]) {
    const char **environment = environment_with(own);
    if (environment == NULL) {
        return (wharf_child){.id = -ENOMEM};
    }
    wharf_child child = wharf_child_start(
        NULL, WHARF_OPTIONS(wharf_child_options, .argv = (const char *const *)words, .env = environment,
                            .input = WHARF_FD(fd), .output = WHARF_FD(fd)));
    free(environment);
    return child;
}

/* Starts it with this descriptor, which is used up. */
static wharf_child start_blocking(int fd, char *const *words, char own[OWN_VARIABLES][VARIABLE_SIZE]) {
    int flags = fcntl(fd, F_GETFL);
    (void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    wharf_child child = start(fd, words, own);
    close(fd);
    return child;
}

struct bridge {
    wharf_sock outside, inside;
};

static int carry_in(void *arg) {
    const struct bridge *bridge = arg;
    if (wharf_copy(bridge->outside, bridge->inside, NULL) >= 0) {
        (void)wharf_shutdown_write(bridge->inside);
    }
    return 0; /* what went wrong outside is no reason to end the program before it says all */
}

/* The program's status, or the error. The connection lives as long as the program has its end of the pair. */
static int run_beside(wharf_sock sock, char *const *words, char own[OWN_VARIABLES][VARIABLE_SIZE]) {
    wharf_sock pair[2];
    int rc = wharf_socket_pair("unix", pair);
    int fd = rc == 0 ? wharf_detach(pair[1]) : rc;
    if (fd < 0) {
        return fd;
    }
    struct bridge bridge = {.outside = sock, .inside = pair[0]};
    wharf_child child = start_blocking(fd, words, own);
    rc = wharf_error(child);
    WHARF_SCOPE (ways, NULL) {
        if (rc == 0) {
            wharf_go(ways, carry_in, bridge);
            (void)wharf_copy(bridge.inside, bridge.outside, NULL);
            rc = wharf_child_wait(child, NULL);
        }
        wharf_scope_cancel(ways);
    }
    (void)wharf_close(bridge.inside);
    return rc;
}

int program_run(wharf_sock sock, char *const *words, const char *who) {
    char own[OWN_VARIABLES][VARIABLE_SIZE];
    char peer[WHARF_ADDRESS_SIZE] = "", local[WHARF_ADDRESS_SIZE] = "";
    (void)wharf_peer_address(sock, peer, sizeof peer);
    (void)wharf_local_address(sock, local, sizeof local);
    snprintf(own[0], sizeof own[0], "WHARF_PEER_ADDRESS=%s", peer);
    snprintf(own[1], sizeof own[1], "WHARF_LOCAL_ADDRESS=%s", local);
    int status = wharf_detach(sock);
    if (status == -EOPNOTSUPP) {
        status = run_beside(sock, words, own);
        (void)wharf_close(sock);
    } else if (status >= 0) {
        wharf_child child = start_blocking(status, words, own);
        status = wharf_failed(child) ? wharf_error(child) : wharf_child_wait(child, NULL);
    } else {
        (void)wharf_close(sock);
    }
    return status < 0 ? complain(who, words[0], status) : status;
}

/* A program for a connection, as inetd(8) and ncat -e do it: the socket is its standard input and output, blocking as programs expect it,
 * and standard error stays ours. It learns who is there from WHARF_PEER_ADDRESS and WHARF_LOCAL_ADDRESS. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/ends.h"
#include "cli/exitcode.h"
#include "wharf/os.h"

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

int program_run(wharf_sock sock, char *const *words, const char *who) {
    char own[OWN_VARIABLES][VARIABLE_SIZE];
    char peer[WHARF_ADDRESS_SIZE] = "", local[WHARF_ADDRESS_SIZE] = "";
    (void)wharf_peer_address(sock, peer, sizeof peer);
    (void)wharf_local_address(sock, local, sizeof local);
    snprintf(own[0], sizeof own[0], "WHARF_PEER_ADDRESS=%s", peer);
    snprintf(own[1], sizeof own[1], "WHARF_LOCAL_ADDRESS=%s", local);
    int fd = wharf_detach(sock);
    if (fd < 0) {
        return complain(who, words[0], fd);
    }
    int flags = fcntl(fd, F_GETFL);
    (void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    wharf_child child = start(fd, words, own);
    close(fd);
    if (wharf_failed(child)) {
        return complain(who, words[0], wharf_error(child));
    }
    int status = wharf_child_wait(child, NULL);
    return status < 0 ? complain(who, words[0], status) : status;
}

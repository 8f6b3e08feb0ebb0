/* tcp_server [ADDRESS] - greets every client and closes; localhost:8888 unless told otherwise.
 *
 * Shows: a listener, a task per client, and that nothing had to be initialised first. A task's argument is a
 * copy of what was given to wharf_go().
 */
#include <stdio.h>

#include "wharf/net.h"
#include "wharf/task.h"

static int greet(void *arg) {
    wharf_sock client = *(wharf_sock *)arg;
    char request[1024];
    if (wharf_recv(client, request, sizeof request) > 0) {
        wharf_send(client, "Hello, World!", 13);
    }
    return wharf_close(client);
}

int main(int argc, char **argv) {
    wharf_sock listener = wharf_serve_on(argc > 1 ? argv[1] : "localhost:8888");
    char address[WHARF_ADDRESS_SIZE];
    if (wharf_local_address(listener, address, sizeof address) < 0) {
        return fprintf(stderr, "tcp_server: %s\n", wharf_why()), 1;
    }
    printf("listening on %s\n", address);
    fflush(stdout);
    for (;;) {
        wharf_sock client = wharf_accept(listener);
        if (wharf_failed(client)) {
            return fprintf(stderr, "tcp_server: %s\n", wharf_why()), 1;
        }
        wharf_go(NULL, greet, client);
    }
}

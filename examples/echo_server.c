/* echo_server [ADDRESS] - sends back whatever arrives; localhost:7777 unless told otherwise.
 *
 * Shows: a time limit around any number of calls, and one scheduler per core: inside wharf_run() each core has
 * its own view of the listener.
 */
#include <stdio.h>

#include "wharf/net.h"
#include "wharf/task.h"

static int echo(void *arg) {
    wharf_sock client = *(wharf_sock *)arg;
    char bytes[16384];
    ssize_t received = 1;
    while (received > 0) {
        WHARF_WITHIN (60000) { // a client that neither writes nor reads for a minute has gone
            received = wharf_recv(client, bytes, sizeof bytes);
            if (received > 0) {
                received = wharf_send(client, bytes, (size_t)received);
            }
        }
    }
    return wharf_close(client);
}

static int serve(void *address) {
    wharf_sock listener = wharf_serve_on(address);
    char text[WHARF_ADDRESS_SIZE];
    if (wharf_core() == 0 && wharf_local_address(listener, text, sizeof text) > 0) {
        printf("listening on %s\n", text);
        fflush(stdout);
    }
    for (;;) {
        wharf_sock client = wharf_accept(listener);
        if (wharf_failed(client)) {
            return wharf_error(client);
        }
        wharf_go(NULL, echo, client);
    }
}

int main(int argc, char **argv) {
    static char standard[] = "localhost:7777";
    int result = wharf_run(0, serve, argc > 1 ? argv[1] : standard);
    fprintf(stderr, "echo_server: %s\n", wharf_strerror(result));
    return 1;
}

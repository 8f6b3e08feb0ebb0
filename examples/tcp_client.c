/* tcp_client [ADDRESS] - says hello and prints the answer; localhost:8888 unless told otherwise.
 *
 * Shows: an error travels in the handle (sending on a connection that was never made fails with the reason),
 * so one check at the end is enough.
 */
#include <stdio.h>

#include "wharf/net.h"

int main(int argc, char **argv) {
    wharf_sock server = wharf_dial(argc > 1 ? argv[1] : "localhost:8888");
    wharf_send(server, "Hello?", 6);
    wharf_shutdown_write(server);

    char answer[1024];
    ssize_t received = wharf_recv(server, answer, sizeof answer);
    while (received > 0) {
        fwrite(answer, 1, (size_t)received, stdout);
        received = wharf_recv(server, answer, sizeof answer);
    }
    wharf_close(server);
    if (received < 0) {
        return fprintf(stderr, "tcp_client: %s\n", wharf_why()), 1;
    }
    return putchar('\n') < 0;
}

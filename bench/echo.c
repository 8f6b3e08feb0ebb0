/* The echo server that is measured: a task per connection, a receive and a send.
 *
 *     echo
 *
 * The first line of output is its address, as http://HOST:PORT so that it looks like that of the other servers. It ends with
 * its standard input. */
#include <stdio.h>
#include <unistd.h>

#include <wharf/wharf.h>

static int echo(void *arg) {
    wharf_sock client = *(wharf_sock *)arg;
    char buffer[4096];
    ssize_t got = wharf_recv(client, buffer, sizeof buffer);
    while (got > 0 && wharf_send(client, buffer, (size_t)got) > 0) {
        got = wharf_recv(client, buffer, sizeof buffer);
    }
    return wharf_close(client);
}

static int serve(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    for (;;) {
        wharf_sock client = wharf_accept(listener);
        if (wharf_failed(client)) {
            return wharf_error(client);
        }
        wharf_go(NULL, echo, client);
    }
}

int main(void) {
    char address[WHARF_ADDRESS_SIZE];
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    if (wharf_local_address(listener, address, sizeof address) < 0 || wharf_go(NULL, serve, listener) < 0) {
        fprintf(stderr, "echo: %s\n", wharf_why());
        return 1;
    }
    printf("http://%s\n", address);
    fflush(stdout);
    (void)wharf_wait_fd(STDIN_FILENO, WHARF_READABLE); /* nothing is ever sent to it: this is the end */
    return 0;
}

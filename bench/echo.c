/* The echo server that is measured: a task per connection, a receive and a send.
 *
 *     echo [--until-eof]
 *
 * The first line of output is its address, as http://HOST:PORT so that it looks like that of the other servers. --until-eof: ends
 * with its standard input. */
#include <stdio.h>
#include <unistd.h>

#include <wharf/wharf.h>

#include "arguments.h"

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

int main(int argc, char **argv) {
    char address[WHARF_ADDRESS_SIZE];
    bool until_eof = false;
    const struct argument table[] = {{"--until-eof", NULL, NULL, &until_eof}, {NULL, NULL, NULL, NULL}};
    if (!arguments_read(table, argc, argv)) {
        return 2;
    }
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    if (wharf_local_address(listener, address, sizeof address) < 0) {
        fprintf(stderr, "echo: %s\n", wharf_why());
        return 1;
    }
    printf("http://%s\n", address);
    fflush(stdout);
    if (!until_eof) {
        return serve(&listener) < 0;
    }
    /* Nothing is ever sent to its standard input: what becomes readable is the end. */
    return wharf_go(NULL, serve, listener) < 0 || wharf_wait_fd(STDIN_FILENO, WHARF_READABLE) < 0;
}

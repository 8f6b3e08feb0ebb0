/* pass PATH: connects to a Unix socket, sends its standard input's descriptor with "take this", receives one with an answer, and copies
 * what can be read from that descriptor to its standard output. */
#include <stdio.h>
#include <unistd.h>

#include <wharf/wharf.h>

static int complain(void) {
    fprintf(stderr, "%s\n", wharf_why());
    return 1;
}

int main(int argc, char **argv) {
    char buffer[256];
    int fd = STDIN_FILENO, count = 1;
    wharf_credentials peer;
    wharf_sock sock = wharf_dial(argc > 1 ? argv[1] : "");
    if (wharf_peer_credentials(sock, &peer) < 0 || wharf_send_fds(sock, "take this", 9, &fd, 1) < 0) {
        return complain();
    }
    ssize_t got = wharf_recv_fds(sock, buffer, sizeof buffer, &fd, &count);
    if (got <= 0 || count != 1) {
        return complain();
    }
    printf("%.*s from %ld\n", (int)got, buffer, (long)peer.pid);
    fflush(stdout);
    ssize_t len = read(fd, buffer, sizeof buffer);
    return len > 0 && write(STDOUT_FILENO, buffer, (size_t)len) == len ? wharf_close(sock) < 0 : 1;
}

/* tls_echo_server [ADDRESS] [FOLDER] - sends back what clients say who show a certificate; localhost:8443 unless told
 * otherwise. Certificates are made in FOLDER ("certificates") when they are not there yet.
 *
 * Shows: settings of TLS, a listener that verifies its clients, and that everything else is as without TLS. The
 * handshake happens in the client's own task, so a slow client keeps nobody waiting.
 */
#include <stdio.h>

#include "wharf/task.h"
#include "wharf/tls.h"

static int echo(void *arg) {
    wharf_sock client = *(wharf_sock *)arg;
    wharf_tls_facts facts;
    char line[4096];
    if (wharf_tls_handshake(client) < 0 || wharf_tls_get_facts(client, &facts) < 0) {
        fprintf(stderr, "tls_echo_server: %s\n", wharf_why());
        return wharf_close(client);
    }
    printf("%s is here, with %s\n", facts.peer_subject, facts.version);
    fflush(stdout);
    ssize_t got = wharf_recv_until(client, line, sizeof line, "\n");
    while (got > 0 && wharf_send(client, line, (size_t)got) > 0) {
        got = wharf_recv_until(client, line, sizeof line, "\n");
    }
    return wharf_close(client);
}

int main(int argc, char **argv) {
    wharf_tls_made made;
    if (wharf_tls_make(argc > 2 ? argv[2] : "certificates", "server", NULL, &made) < 0) {
        return fprintf(stderr, "tls_echo_server: %s\n", wharf_why()), 1;
    }
    const wharf_tls_pair pairs[] = {{made.certificate, made.key}, {0}};
    wharf_tls *tls = wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .certificates = pairs, .ca = made.ca,
                                                 .clients = WHARF_TLS_CLIENTS_VERIFIED));
    wharf_sock listener = wharf_serve_on_tls(argc > 1 ? argv[1] : "localhost:8443", tls);
    wharf_tls_free(tls); /* the listener keeps it */
    char address[WHARF_ADDRESS_SIZE];
    if (wharf_local_address(listener, address, sizeof address) < 0) {
        return fprintf(stderr, "tls_echo_server: %s\n", wharf_why()), 1;
    }
    printf("listening on %s\n", address);
    fflush(stdout);
    for (;;) {
        wharf_sock client = wharf_accept(listener);
        if (wharf_failed(client)) {
            return fprintf(stderr, "tls_echo_server: %s\n", wharf_why()), 1;
        }
        wharf_go(NULL, echo, client);
    }
}

/* tls_echo_client [ADDRESS] [FOLDER] - shows its certificate, says hello and prints what comes back; localhost:8443 and the
 * certificates in FOLDER ("certificates") unless told otherwise.
 *
 * Shows: trusting one authority and no other, and a client certificate.
 */
#include <stdio.h>

#include "wharf/tls.h"

int main(int argc, char **argv) {
    wharf_tls_made made;
    if (wharf_tls_make(argc > 2 ? argv[2] : "certificates", "client", NULL, &made) < 0) {
        return fprintf(stderr, "tls_echo_client: %s\n", wharf_why()), 1;
    }
    const wharf_tls_pair pairs[] = {{made.certificate, made.key}, {0}};
    wharf_tls *tls = wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .certificates = pairs, .ca = made.ca));
    wharf_sock server = wharf_dial_tls(argc > 1 ? argv[1] : "localhost:8443", tls);
    wharf_tls_free(tls);

    char line[64];
    wharf_send(server, "Hello?\n", 7);
    ssize_t got = wharf_recv_until(server, line, sizeof line, "\n");
    if (got <= 0) {
        return fprintf(stderr, "tls_echo_client: %s\n", wharf_why()), 1;
    }
    fwrite(line, 1, (size_t)got, stdout);
    return wharf_close(server) < 0;
}

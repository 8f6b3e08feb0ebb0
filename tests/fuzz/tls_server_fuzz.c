/* Targets a server's handshake: whatever a client sends, in one piece or many, ends in an error or a handshake, and leaves
 * nothing behind. Runs in virtual time, so that waiting for more costs nothing. */
#include <assert.h>
#include <stdint.h>

#include "../sim/mint.h"
#include "wharf/wharf.h"

static wharf_tls *tls;

struct input {
    const uint8_t *data;
    size_t size;
};

static int knock(void *arg) {
    const struct input *input = arg;
    char address[WHARF_ADDRESS_SIZE] = "";
    wharf_sock listener = wharf_serve_on_tls("127.0.0.1:0", tls);
    assert(wharf_local_address(listener, address, sizeof(address)) > 0);
    wharf_sock client = wharf_dial(address);
    wharf_sock server = wharf_accept(listener);
    if (input->size > 0) {
        (void)wharf_send(client, input->data, input->size < 32768 ? input->size : 32768);
    }
    (void)wharf_shutdown_write(client);
    char byte;
    ssize_t got = wharf_recv(server, &byte, 1);
    assert(got < 0);
    assert(wharf_close(server) == 0 && wharf_close(client) == 0 && wharf_close(listener) == 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (tls == NULL) {
        struct minted leaf = mint(&(const struct mint_plan){.common_name = "leaf", .names = "DNS:localhost"},
                                  NULL);
        const wharf_tls_pair pairs[] = {{leaf.pem, leaf.key_pem}, {leaf.pem, leaf.key_pem}, {0}};
        const char *const protocols[] = {"http/1.1", NULL};
        tls = wharf_tls_new(WHARF_OPTIONS(wharf_tls_options, .certificates = pairs, .alpn = protocols));
        assert(tls != NULL);
        mint_free(&leaf);
    }
    struct input input = {data, size};
    wharf_sim_report report;
    int result = wharf_sim_run_report(
        WHARF_OPTIONS(wharf_sim_options, .seed = size, .piece_bytes_max = size % 600), knock, &input,
        &report);
    assert(result == 0 && report.sockets_left == 0 && report.tasks_left == 0 && report.blocks_left == 0);
    return 0;
}

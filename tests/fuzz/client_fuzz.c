/* Target: the whole HTTP client, fed by a server that answers with the input, in virtual time.
 * The input's first byte is the seed, which splits the bytes; the rest is what the server sends on every connection.
 * Asserted: the fetch ends, an error comes with a sentence, a body is never longer than its limit, and no task, socket
 * or block is left. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "wharf/wharf.h"

static const uint8_t *answer;
static size_t answer_len;

static int serve(void *arg) {
    wharf_sock listener = *(wharf_sock *)arg;
    for (;;) {
        char head[4096];
        wharf_sock sock = wharf_accept(listener);
        if (wharf_failed(sock)) {
            return 0;
        }
        if (wharf_recv_until(sock, head, sizeof(head), "\r\n\r\n") > 0) {
            (void)wharf_send(sock, answer, answer_len);
        }
        (void)wharf_close(sock);
    }
}

static int scenario(void *arg) {
    char address[WHARF_ADDRESS_SIZE];
    char url[WHARF_ADDRESS_SIZE + 8];
    (void)arg;
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    assert(wharf_local_address(listener, address, sizeof(address)) > 0);
    (void)snprintf(url, sizeof(url), "http://%s/", address);
    WHARF_SCOPE (scope, NULL) {
        (void)wharf_go(scope, serve, listener);
        wharf_response *response = wharf_fetch(
            NULL, WHARF_OPTIONS(wharf_fetch_options, .url = url, .limits.body_bytes = 1000));
        assert((wharf_response_error(response) == 0) == (wharf_response_why(response)[0] == '\0'));
        assert(wharf_response_body(response).len <= 1000);
        wharf_response_free(response);
        (void)wharf_close(listener);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    wharf_sim_report report;
    answer = data + 1;
    answer_len = size - 1;
    int rc = wharf_sim_run_report(
        WHARF_OPTIONS(wharf_sim_options, .seed = data[0], .piece_bytes_max = data[0] % 32), scenario, NULL,
        &report);
    assert(rc == 0);
    assert(report.tasks_left == 0 && report.sockets_left == 0 && report.blocks_left == 0);
    return 0;
}

/* simulated [careful] - a client that tries again, a shop that crashes, and the mistake between them, found by simulation.
 *
 * The client orders until it is told that it has. A shop that crashes between writing an order down and saying so gets it
 * again, and writes it twice. With `careful` each order has a key by which the shop knows it again, and that holds under every
 * seed. With WHARF_SEED=N only that seed is run, and the virtual time it took and its trace are printed at the end. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wharf/wharf.h>

enum { ORDERS = 3, SEEDS = 500 };

static const char *const keys[ORDERS] = {"Idempotency-Key: 7f2e", "Idempotency-Key: 90ab",
                                         "Idempotency-Key: c31d"};
static bool careful, known[ORDERS]; /* the latter on the shop's disk, which survives */
static int written;                 /* likewise */

static bool is_new(wharf_str key) {
    for (int i = 0; i < ORDERS; i++) {
        if (wharf_str_is(key, strchr(keys[i], ' ') + 1)) {
            bool was_known = known[i];
            known[i] = true;
            return !was_known;
        }
    }
    return true;
}

static int order(wharf_request *request, void *arg) {
    (void)arg;
    written += is_new(wharf_request_header(request, "Idempotency-Key")) ? 1 : 0;
    int result = wharf_sleep(20); /* disks take their time */
    return result < 0 ? result : wharf_reply_text(request, 201, "ordered");
}

static int shop(void *arg) {
    (void)arg;
    wharf_server *server = wharf_server_new(NULL);
    wharf_route(server, "POST /orders", order, NULL);
    int result = wharf_serve(server, ":80");
    wharf_server_free(server);
    return result;
}

static bool buy(int number) {
    const char *const headers[] = {careful ? keys[number] : NULL, NULL};
    wharf_response *response = wharf_fetch(NULL, WHARF_OPTIONS(wharf_fetch_options, .method = "POST",
                                                               .url = "http://shop.example/orders",
                                                               .headers = headers, .limits.total_ms = 1000));
    bool is_ordered = wharf_response_status(response) == 201;
    wharf_response_free(response);
    return is_ordered;
}

static int customer(void *arg) {
    (void)arg;
    written = 0;
    memset(known, 0, sizeof known);
    int result = wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "shop.example", .program = shop));
    for (int number = 0; number < ORDERS && result == 0; number++) {
        while (result == 0 && !buy(number)) {
            result = wharf_sleep(200);
        }
        result = result < 0 ? result : wharf_sleep(2000);
    }
    WHARF_EXPECT(written == ORDERS);
    return result;
}

int main(int argc, char **argv) {
    wharf_sim_report report = {0};
    careful = argc > 1 && strcmp(argv[1], "careful") == 0;
    int result = wharf_sim_each_with(
        SEEDS, WHARF_OPTIONS(wharf_sim_options, .chaos = 4, .chaos_kinds = 1 << WHARF_SIM_CRASH), customer,
        NULL, &report);
    printf("%s\n", result == 0 ? "each order was written once" : wharf_why());
    if (getenv("WHARF_SEED") != NULL) {
        printf("virtual %.9f s\ntrace %016" PRIx64 "\n", (double)report.virtual_ns / 1e9, report.trace);
    }
    return careful && result < 0;
}

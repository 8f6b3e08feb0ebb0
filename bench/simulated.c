/* What a simulation costs in real time: one that waits for a minute, and one that makes many requests. One line of output:
 *
 *     timeout_ms=0.05 request_us=12.3 run_us=210
 *
 *     timeout_ms   a whole run in which a client waits 60 simulated seconds for an answer, and gives up
 *     request_us   a GET and its answer between two hosts, on one connection
 *     run_us       a whole run with two hosts and one such request
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include <wharf/wharf.h>

enum { REQUESTS = 20000, RUNS = 200, SAMPLES = 5 };

static double now_us(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* ---- programs ---- */

static int wait_for_nothing(void *arg) {
    char address[WHARF_ADDRESS_SIZE], byte;
    (void)arg;
    wharf_sock listener = wharf_serve_on("127.0.0.1:0");
    (void)wharf_local_address(listener, address, sizeof address);
    wharf_sock sock = wharf_dial(address);
    ssize_t got = 0;
    WHARF_WITHIN (60000) {
        got = wharf_recv(sock, &byte, 1);
    }
    wharf_close(sock);
    wharf_close(listener);
    return got == -ETIMEDOUT ? 0 : -EIO;
}

static int hello(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_text(request, 200, "Hello, World!");
}

static int serve(void *arg) {
    (void)arg;
    wharf_server *server = wharf_server_new(NULL);
    int rc = wharf_route(server, "GET /", hello, NULL);
    rc = rc < 0 ? rc : wharf_serve(server, ":80");
    wharf_server_free(server);
    return rc;
}

static int get(wharf_client *client) {
    wharf_response *response = wharf_fetch(client,
                                           WHARF_OPTIONS(wharf_fetch_options, .url = "http://10.0.0.2/"));
    int rc = wharf_response_status(response) == 200 ? 0 : -EIO;
    wharf_response_free(response);
    return rc;
}

static int get_many(void *arg) {
    int count = *(int *)arg;
    int rc = wharf_sim_start(WHARF_OPTIONS(wharf_sim_host, .name = "server", .program = serve));
    wharf_client *client = wharf_client_new(NULL);
    rc = rc < 0 ? rc : wharf_sleep(1);
    for (int i = 0; i < count && rc == 0; i++) {
        rc = get(client);
    }
    wharf_client_free(client);
    return rc;
}

/* ---- measuring ---- */

/* Microseconds of the fastest of some samples: what else the machine does only adds. Negative: it failed. */
static double fastest_us(wharf_fn fn, void *arg, int runs) {
    double best = -1;
    for (int sample = 0; sample < SAMPLES; sample++) {
        double begun = now_us();
        for (int i = 0; i < runs; i++) {
            int rc = wharf_sim_run(WHARF_OPTIONS(wharf_sim_options, .seed = (uint64_t)i + 1), fn, arg);
            if (rc != 0) {
                fprintf(stderr, "simulated: %s\n", wharf_why());
                return -1;
            }
        }
        double us = (now_us() - begun) / runs;
        best = best < 0 || us < best ? us : best;
    }
    return best;
}

int main(void) {
    int one = 1, many = REQUESTS;
    double timeout = fastest_us(wait_for_nothing, NULL, RUNS);
    double run = fastest_us(get_many, &one, RUNS);
    double requests = fastest_us(get_many, &many, 1);
    if (timeout < 0 || run < 0 || requests < 0) {
        return 1;
    }
    printf("timeout_ms=%.4f request_us=%.2f run_us=%.1f\n", timeout / 1e3, requests / REQUESTS, run);
    return 0;
}

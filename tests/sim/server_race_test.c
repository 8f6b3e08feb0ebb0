/* What happens at one and the same moment: a request that arrives exactly when its connection has been idle for too long. */
#include "scenario.h"

#include <errno.h>

enum { IDLE_MS = 1000, LATENCY_NS = 500 * 1000 };

static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

static int hello(wharf_request *incoming, void *arg) {
    (void)arg;
    return wharf_reply_text(incoming, 200, "hello");
}

static int serve(void *arg) {
    return wharf_server_run(*(wharf_server **)arg);
}

/* `wait_ms` after an answer arrived, the next request: it is answered, or the connection has ended; nothing else. */
static void ask_again_after(const char *address, int64_t wait_ms) {
    char reply[1024];
    wharf_sock client = wharf_dial(address);
    EXPECT(wharf_send(client, request, sizeof(request) - 1) > 0);
    EXPECT(wharf_recv_until(client, reply, sizeof(reply), "hello") > 0);
    EXPECT(wharf_sleep(wait_ms) == 0);
    (void)wharf_send(client, request, sizeof(request) - 1);
    ssize_t got = wharf_recv_until(client, reply, sizeof(reply), "hello");
    EXPECT(got > 0 || got == 0 || got == -ECONNRESET);
    EXPECT(wharf_close(client) == 0);
}

static int race(void *arg) {
    (void)arg;
    wharf_server *server = wharf_server_new(
        WHARF_OPTIONS(wharf_server_options, .no_signals = true, .limits = {.idle_ms = IDLE_MS}));
    EXPECT(wharf_route(server, "GET /", hello, NULL) == 0);
    EXPECT(wharf_server_listen(server, "127.0.0.1:0") == 0);
    int result = 0;
    WHARF_SCOPE (scope, &result) {
        wharf_go(scope, serve, server);
        /* The answer and the request travel for half a millisecond each: 999 hits the moment itself. */
        for (int64_t wait_ms = IDLE_MS - 3; wait_ms <= IDLE_MS + 1; wait_ms++) {
            ask_again_after(wharf_server_address(server, 0), wait_ms);
        }
        wharf_server_stop(server);
    }
    wharf_server_free(server);
    return result;
}

static void a_request_at_the_moment_of_the_idle_limit_is_answered_or_ended(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SCENARIO_SEEDS; seed++) {
        (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .latency_ns = LATENCY_NS), race);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_at_the_moment_of_the_idle_limit_is_answered_or_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The HTTP client's limits and what happens when things are cut short, in virtual time: every phase's time-out and its
 * name, the pool's limits and queue, cancellation, and faults swept over every point at which they can strike. */
#include "client_stage.h"

/* ---- servers that are slow in one phase ---- */

enum slow { SLOW_HEAD, SLOW_HEAD_DRIP, SLOW_BODY, SLOW_READER };

static enum slow slow;

static int drip(wharf_sock sock, const char *text) {
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (wharf_send(sock, text + i, 1) < 0 || wharf_sleep(10000) < 0) {
            return -1;
        }
    }
    return 0;
}

static int serve_slow(wharf_sock sock) {
    char byte;
    if (take_head(sock) <= 0) {
        return -1;
    }
    if (slow == SLOW_HEAD_DRIP) {
        return drip(sock, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    if (slow == SLOW_BODY) {
        (void)answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    }
    (void)wharf_sleep(300000);
    while (wharf_recv(sock, &byte, 1) > 0) {
        (void)wharf_sleep(1000);
    }
    return 0;
}

static const struct timeout_row {
    enum slow slow;
    wharf_client_limits limits;
    size_t body_bytes;
    int64_t after_ms;
    const char *why[2];
} timeout_table[] = {
    {SLOW_HEAD, {0}, 0, 60000, {"read head of http://", "limits.first_byte_ms is 60000"}},
    {SLOW_HEAD_DRIP, {0}, 0, 60000, {"got 6 bytes of it", "limits.first_byte_ms is 60000"}},
    {SLOW_HEAD, {.first_byte_ms = 1500}, 0, 1500, {"read head of http://", "limits.first_byte_ms is 1500"}},
    {SLOW_HEAD, {.total_ms = 700}, 0, 700, {"read head of http://", "limits.total_ms is 700"}},
    {SLOW_HEAD, {.total_ms = 70000}, 0, 60000, {"read head of http://", "limits.first_byte_ms is 60000"}},
    {SLOW_BODY, {0}, 0, 60000, {"read body of http://", "got 3 of 10 bytes; limits.idle_ms is 60000"}},
    {SLOW_BODY, {.idle_ms = 2000}, 0, 2000, {"read body of http://", "limits.idle_ms is 2000"}},
    {SLOW_BODY, {.total_ms = 900}, 0, 900, {"read body of http://", "limits.total_ms is 900"}},
    {SLOW_READER, {.idle_ms = 3000}, 900000, 3000, {"send body to http://", "limits.idle_ms is 3000"}},
    {SLOW_READER, {.total_ms = 800}, 900000, 800, {"send body to http://", "limits.total_ms is 800"}},
};

static const struct timeout_row *timeout_row;
static char zeros[900000];

static void play_timeout(wharf_client *client) {
    int64_t start = wharf_now_ns();
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits = timeout_row->limits,
                              .body = timeout_row->body_bytes > 0 ? zeros : NULL,
                              .body_bytes = timeout_row->body_bytes));
    int64_t took_ms = (wharf_now_ns() - start) / 1000000;
    EXPECT(wharf_response_error(response) == -ETIMEDOUT);
    EXPECT(took_ms >= timeout_row->after_ms && took_ms < timeout_row->after_ms + 20);
    EXPECT(why_has(response, timeout_row->why[0]));
    EXPECT(why_has(response, timeout_row->why[1]));
    EXPECT(client_pool_count(client).open == 0);
    wharf_response_free(response);
}

static void names_the_limit_that_ran_out(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(timeout_table) / sizeof(timeout_table[0]); i++) {
        timeout_row = &timeout_table[i];
        slow = timeout_row->slow;
        run(serve_slow, play_timeout);
    }
}

static void play_outer_deadline(wharf_client *client) {
    WHARF_WITHIN (500) {
        wharf_response *response = get(client, "/");
        EXPECT(wharf_response_error(response) == -ETIMEDOUT);
        EXPECT(why_has(response, "a deadline around the request has passed"));
        wharf_response_free(response);
    }
    EXPECT(client_pool_count(client).open == 0);
}

static void obeys_a_deadline_around_the_fetch(void **state) {
    (void)state;
    slow = SLOW_HEAD;
    run(serve_slow, play_outer_deadline);
}

static void play_total_stream(wharf_client *client) {
    char piece[16];
    ssize_t got = 0;
    int64_t start = wharf_now_ns();
    wharf_response *response = wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base,
                                                                 .stream = true, .limits.total_ms = 5000));
    EXPECT(wharf_response_error(response) == 0);
    do {
        got = wharf_response_read(response, piece, sizeof(piece));
    } while (got > 0);
    EXPECT(got == -ETIMEDOUT);
    EXPECT(wharf_response_error(response) == -ETIMEDOUT);
    EXPECT(why_has(response, "limits.total_ms is 5000"));
    EXPECT((wharf_now_ns() - start) / 1000000 < 5020);
    wharf_response_free(response);
}

static void counts_the_reading_of_a_stream_into_the_whole(void **state) {
    (void)state;
    slow = SLOW_BODY;
    run(serve_slow, play_total_stream);
}

static void play_far_away(wharf_client *client) {
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits.connect_ms = 5));
    EXPECT(wharf_response_error(response) == -ETIMEDOUT);
    EXPECT(why_has(response, "connect 127.0.0.1:"));
    EXPECT(why_has(response, "limits.connect_ms is 5"));
    EXPECT(client_pool_count(client).open == 0);
    wharf_response_free(response);
}

static void names_the_limit_on_connecting(void **state) {
    (void)state;
    stage.serve = serve_slow;
    play = play_far_away;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1, .latency_ns = 10000000), perform);
}

/* ---- heads ---- */

static const char *long_head;

static int serve_long_head(wharf_sock sock) {
    (void)take_head(sock);
    (void)answer(sock, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 600; i++) {
        if (answer(sock, long_head) < 0) {
            return -1;
        }
    }
    return answer(sock, "Content-Length: 0\r\n\r\n");
}

static void play_long_head(wharf_client *client) {
    wharf_response *response = get(client, "/");
    EXPECT(wharf_response_error(response) == -WHARF_ELIMIT);
    EXPECT(why_has(response, "limits.header_count is 512"));
    wharf_response_free(response);
    response = wharf_fetch(client,
                           WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits.header_count = 700));
    EXPECT(wharf_response_error(response) == 0);
    wharf_response_free(response);
    response = wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base,
                                                 .limits.header_count = 700, .limits.head_bytes = 4000));
    EXPECT(wharf_response_error(response) == -WHARF_ELIMIT);
    EXPECT(why_has(response, "limits.head_bytes is 4000"));
    wharf_response_free(response);
}

static void bounds_the_head(void **state) {
    (void)state;
    long_head = "X-Filler: 0123456789\r\n";
    stage.serve = serve_long_head;
    play = play_long_head;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), perform);
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 2, .piece_bytes_max = 500), perform);
}

/* ---- the pool ---- */

static int serve_after_a_second(wharf_sock sock) {
    while (take_head(sock) > 0) {
        (void)wharf_sleep(1000);
        if (answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") < 0) {
            return -1;
        }
    }
    return 0;
}

struct getter {
    wharf_client *client;
    wharf_client_limits limits;
    int number;
};

static int order[16];
static int order_count;
static int refused_count;

static int get_numbered(void *arg) {
    const struct getter *getter = arg;
    wharf_response *response = wharf_fetch(
        getter->client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits = getter->limits));
    if (wharf_response_error(response) == -ETIMEDOUT) {
        EXPECT(why_has(response, "wait for a connection to 127.0.0.1:"));
        EXPECT(why_has(response, "limits.pool_ms is 2500"));
        EXPECT(why_has(response, "(limits.per_origin)"));
        refused_count++;
    } else {
        EXPECT(wharf_response_error(response) == 0);
        order[order_count++] = getter->number;
    }
    wharf_response_free(response);
    return 0;
}

static void play_queue(wharf_client *client) {
    int result = 0;
    order_count = 0;
    WHARF_SCOPE (scope, &result) {
        for (int i = 0; i < 8; i++) {
            struct getter getter = {.client = client, .limits = {.per_origin = 2}, .number = i};
            EXPECT(wharf_go(scope, get_numbered, getter) == 0);
            (void)wharf_sleep(10); /* so that the order of asking is known */
        }
    }
    EXPECT(result == 0);
    EXPECT(order_count == 8);
    for (int i = 0; i < 8; i++) {
        EXPECT(order[i] == i);
    }
    EXPECT(stage.connections == 2);
    EXPECT(client_pool_count(client).idle == 2);
}

static void serves_waiters_in_the_order_of_asking(void **state) {
    (void)state;
    run(serve_after_a_second, play_queue);
}

static void play_pool_timeout(wharf_client *client) {
    order_count = 0;
    refused_count = 0;
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 4; i++) {
            struct getter getter = {
                .client = client, .limits = {.per_origin = 1, .pool_ms = 2500}, .number = i};
            EXPECT(wharf_go(scope, get_numbered, getter) == 0);
        }
    }
    EXPECT(order_count == 3); /* at 0, 1 and 2 s */
    EXPECT(refused_count == 1);
    EXPECT(client_pool_count(client).waiting == 0);
    EXPECT(client_pool_count(client).open == 1);
}

static void gives_up_waiting_for_a_connection(void **state) {
    (void)state;
    run(serve_after_a_second, play_pool_timeout);
}

static int get_and_forget(void *arg) {
    wharf_response_free(get(*(wharf_client **)arg, "/"));
    return 0;
}

static void play_cancel(wharf_client *client) {
    static const int64_t moments_ms[] = {0, 1, 500, 999, 1000, 1001};
    for (size_t i = 0; i < sizeof(moments_ms) / sizeof(moments_ms[0]); i++) {
        WHARF_SCOPE (scope, NULL) {
            for (int k = 0; k < 3; k++) {
                EXPECT(wharf_go(scope, get_and_forget, client) == 0);
            }
            (void)wharf_sleep(moments_ms[i]);
            wharf_scope_cancel(scope);
        }
        EXPECT(client_pool_count(client).waiting == 0);
        EXPECT(client_pool_count(client).open == client_pool_count(client).idle);
    }
}

static void keeps_no_slot_after_a_cancellation(void **state) {
    (void)state;
    run(serve_after_a_second, play_cancel);
}

static void play_total_connections(wharf_client *client) {
    wharf_client_limits limits = {.connections = 1, .pool_ms = 100};
    wharf_response *held = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits = limits, .stream = true));
    EXPECT(wharf_response_error(held) == 0);
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits = limits));
    EXPECT(wharf_response_error(response) == -ETIMEDOUT);
    EXPECT(why_has(response, "all 1 are in use (limits.connections)"));
    wharf_response_free(response);
    wharf_response_free(held);
    /* An idle connection to another origin makes room. */
    char url[256];
    (void)snprintf(url, sizeof(url), "http://localhost%s/", strrchr(stage.base, ':'));
    response = wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = url, .limits = limits));
    EXPECT(wharf_response_error(response) == 0);
    EXPECT(client_pool_count(client).open == 1);
    EXPECT(client_pool_count(client).origins == 1);
    wharf_response_free(response);
}

static void closes_an_idle_connection_to_make_room(void **state) {
    (void)state;
    run(serve_after_a_second, play_total_connections);
}

/* ---- sweeps ---- */

/* A little of everything; whatever fails, nothing may be left. */
static int serve_everything(wharf_sock sock) {
    static char body[4096];
    while (take_head(sock) > 0) {
        int rc = 0;
        if (head_has("Expect: 100-continue")) {
            rc = answer(sock, "HTTP/1.1 100 Continue\r\n\r\n");
        }
        if (head_has("Content-Length: 3000\r\n") && wharf_recv_exact(sock, body, 3000) != 3000) {
            return -1;
        }
        if (head_has("chunked") && wharf_recv_until(sock, body, sizeof(body), "\r\n0\r\n\r\n") <= 0) {
            return -1;
        }
        if (head_has(" /redirect ")) {
            rc = answer(sock, "HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 3\r\n\r\nabc");
        } else if (head_has(" /chunks ")) {
            rc = answer(sock,
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n");
        } else {
            rc = answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static ssize_t produce_some(void *arg, void *buffer, size_t size) {
    int *pieces = arg;
    size_t count = size < 100 ? size : 100;
    memset(buffer, 'x', count);
    return (*pieces)-- > 0 ? (ssize_t)count : 0;
}

/* A failure always says what it was. */
static void drop(wharf_response *response) {
    int error = wharf_response_error(response);
    EXPECT(error == 0 || strstr(wharf_response_why(response), wharf_error_name(error)) != NULL);
    wharf_response_free(response);
}

static void play_everything(wharf_client *client) {
    static const char *const headers[] = {"Expect: 100-continue", "X-A: b", NULL};
    int pieces = 3;
    char piece[2];
    drop(get(client, "/"));
    drop(get(client, "/redirect"));
    drop(get(client, "/chunks"));
    drop(wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .body = zeros,
                                           .body_bytes = 3000, .headers = headers)));
    drop(wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .body_fn = produce_some,
                                           .body_arg = &pieces)));
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .stream = true));
    if (wharf_response_read(response, piece, sizeof(piece)) < 0) {
        EXPECT(wharf_response_error(response) < 0);
        EXPECT(wharf_response_why(response)[0] != '\0');
    }
    drop(response);
    WHARF_SCOPE (scope, NULL) {
        for (int i = 0; i < 3; i++) {
            (void)wharf_go(scope, get_and_forget, client);
        }
    }
    EXPECT(client_pool_count(client).waiting == 0);
    EXPECT(client_pool_count(client).open == client_pool_count(client).idle);
}

static void leaves_nothing_whatever_fails(void **state) {
    (void)state;
    stage.serve = serve_everything;
    play = play_everything;
    for (uint64_t seed = 1; seed < 4; seed++) {
        wharf_sim_options options = {
            .size = sizeof(options), .seed = seed, .piece_bytes_max = seed == 1 ? 0 : 50};
        (void)scenario_sweep(WHARF_TEST_ALLOCATION, &options, perform);
        (void)scenario_sweep(WHARF_TEST_CANCEL, &options, perform);
        (void)scenario_sweep(WHARF_TEST_EXPIRE, &options, perform);
        for (options.reset_at_byte = 1; options.reset_at_byte < 600; options.reset_at_byte += 1) {
            wharf_sim_report report = {0};
            int result = wharf_sim_run_report(&options, perform, NULL, &report);
            scenario_assert_clean(&options, result, &report);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_limit_that_ran_out),
        cmocka_unit_test(names_the_limit_on_connecting),
        cmocka_unit_test(obeys_a_deadline_around_the_fetch),
        cmocka_unit_test(counts_the_reading_of_a_stream_into_the_whole),
        cmocka_unit_test(bounds_the_head),
        cmocka_unit_test(serves_waiters_in_the_order_of_asking),
        cmocka_unit_test(gives_up_waiting_for_a_connection),
        cmocka_unit_test(keeps_no_slot_after_a_cancellation),
        cmocka_unit_test(closes_an_idle_connection_to_make_room),
        cmocka_unit_test(leaves_nothing_whatever_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Trying again, in virtual time: what is tried again and what is not, the pauses, the budget, and what the trail of a fetch
 * tells about all of its attempts. */
#include "client_stage.h"

static int64_t now_ms(void) {
    return wharf_sim_elapsed_ns() / 1000000;
}

/* How many attempts a response has behind it and in it. */
static size_t attempts_of(const wharf_response *response) {
    wharf_attempt attempt;
    size_t count = 0;
    while (wharf_response_attempt_at(response, count, &attempt)) {
        count++;
    }
    return count;
}

static wharf_attempt attempt_of(const wharf_response *response, size_t i) {
    wharf_attempt attempt = {.why = "none", .url = "", .address = "", .said = ""};
    EXPECT(wharf_response_attempt_at(response, i, &attempt));
    return attempt;
}

/* ---- a server that fails at first ---- */

static const char *failure; /* what it answers, "" to close; while `failures` lasts */
static int failures;
static char keys[8][64]; /* the Idempotency-Key of each request */

static void note_key(void) {
    const char *line = strstr(stage.head, "\r\nIdempotency-Key: ");
    char *key = keys[stage.requests - 1 < 8 ? stage.requests - 1 : 7];
    key[0] = '\0';
    if (line != NULL) {
        line += strlen("\r\nIdempotency-Key: ");
        (void)snprintf(key, sizeof(keys[0]), "%.*s", (int)strcspn(line, "\r"), line);
    }
}

static int serve_after_failures(wharf_sock sock) {
    while (take_head(sock) > 0) {
        note_key();
        if (stage.requests <= failures) {
            if (answer(sock, failure) < 0 || strstr(failure, "Connection: close") != NULL ||
                failure[0] == '\0') {
                return -1;
            }
        } else if (answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") < 0) {
            return -1;
        }
    }
    return 0;
}

#define UNAVAILABLE "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n"

static const struct retry_row {
    const char *failure;
    const char *method;
    bool keyed;
    int failures;
    int64_t retries;
    int status, error; /* in the end */
    int requests;
} retry_table[] = {
    {UNAVAILABLE "\r\nsorry", "GET", false, 2, 3, 200, 0, 3},
    {UNAVAILABLE "\r\nsorry", "GET", false, 5, 3, 503, 0, 4},
    {UNAVAILABLE "\r\nsorry", "GET", false, 1, 0, 503, 0, 1},
    {UNAVAILABLE "\r\nsorry", "POST", false, 1, 3, 503, 0, 1},
    {UNAVAILABLE "\r\nsorry", "POST", true, 2, 3, 200, 0, 3},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "GET", false, 1, 3, 404, 0, 1},
    {"HTTP/1.1 429 Slow Down\r\nContent-Length: 0\r\n\r\n", "PUT", false, 1, 3, 200, 0, 2},
    {"", "GET", false, 2, 3, 200, 0, 3},
    {"", "GET", false, 5, 2, 0, -WHARF_EEOF, 3},
    {"", "POST", false, 1, 3, 0, -WHARF_EEOF, 1},
    {"", "POST", true, 1, 3, 200, 0, 2},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nshort", "GET", false, 1, 3, 200, 0, 2},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nshort", "POST", false, 1, 3, 200,
     -WHARF_EEOF, 1},
    {"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n", "GET", false, 1, 3, 0, -WHARF_EPROTOCOL, 1},
};

static const struct retry_row *row;

static void play_row(wharf_client *client) {
    wharf_client_counters counters = {.size = sizeof(counters)};
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .method = row->method,
                              .idempotency_key = row->keyed, .limits.retries = row->retries));
    EXPECT(wharf_response_status(response) == row->status);
    EXPECT(wharf_response_error(response) == row->error);
    EXPECT(stage.requests == row->requests);
    EXPECT(attempts_of(response) == (size_t)row->requests);
    EXPECT(wharf_client_stats(client, &counters) == 0);
    EXPECT(counters.retried == row->requests - 1);
    if (row->error == 0 && row->status == 200) {
        EXPECT(wharf_str_is(wharf_response_body(response), "ok"));
        EXPECT(wharf_response_why(response)[0] == '\0');
    }
    for (int i = 0; i < row->requests; i++) {
        EXPECT((keys[i][0] != '\0') == row->keyed);
        EXPECT(strcmp(keys[i], keys[0]) == 0);
        EXPECT(strcmp(attempt_of(response, (size_t)i).why, i == 0 ? "first" : "retry") == 0);
    }
    wharf_response_free(response);
}

static void tries_again_what_may_pass_and_does_no_harm(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(retry_table) / sizeof(retry_table[0]); i++) {
        row = &retry_table[i];
        failure = row->failure;
        failures = row->failures;
        run(serve_after_failures, play_row);
    }
}

/* ---- how long it pauses ---- */

static void play_retry_after(wharf_client *client) {
    int64_t start = now_ms();
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits.retries = 1));
    EXPECT(wharf_response_status(response) == 200);
    EXPECT(now_ms() - start >= 7000 && now_ms() - start < 7100);
    wharf_response_free(response);
}

static void pauses_as_long_as_the_server_asks(void **state) {
    (void)state;
    failure = UNAVAILABLE "Retry-After: 7\r\n\r\nsorry";
    failures = 1;
    run(serve_after_failures, play_retry_after);
}

static void play_too_long(wharf_client *client) {
    static const wharf_client_limits limits[] = {{.retries = 3, .total_ms = 6000},
                                                 {.retries = 3, .retry_after_ms = 5000}};
    for (size_t i = 0; i < 2; i++) {
        int64_t start = now_ms();
        stage.requests = 0;
        wharf_response *response = wharf_fetch(
            client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits = limits[i]));
        EXPECT(wharf_response_status(response) == 503);
        EXPECT(wharf_str_is(wharf_response_body(response), "sorry"));
        EXPECT(now_ms() - start < 100);
        wharf_response_free(response);
    }
    WHARF_WITHIN (6000) {
        stage.requests = 0;
        wharf_response *response = wharf_fetch(
            client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits.retries = 3));
        EXPECT(wharf_response_status(response) == 503);
        wharf_response_free(response);
    }
}

static void does_not_begin_a_pause_that_is_too_long(void **state) {
    (void)state;
    failure = UNAVAILABLE "Retry-After: 7\r\n\r\nsorry";
    failures = 1;
    run(serve_after_failures, play_too_long);
}

static void play_jitter(wharf_client *client) {
    int64_t start = now_ms();
    wharf_response *response = wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base,
                                                                 .limits.retries = 6, .limits.retry_ms = 1000,
                                                                 .limits.retry_max_ms = 3000));
    EXPECT(wharf_response_status(response) == 200);
    EXPECT(now_ms() - start <= 1000 + 2000 + 3000 + 3000 + 3000 + 3000 + 100);
    for (size_t i = 1; i < 7; i++) {
        int64_t gap = attempt_of(response, i).began_ns - attempt_of(response, i - 1).began_ns;
        int64_t bound = i == 1 ? 1000 : i == 2 ? 2000 : 3000;
        EXPECT(gap <= (bound + 20) * 1000000);
    }
    wharf_response_free(response);
}

static void draws_pauses_below_a_bound_that_doubles(void **state) {
    (void)state;
    failure = UNAVAILABLE "\r\nsorry";
    failures = 6;
    run(serve_after_failures, play_jitter);
}

static void play_budget(wharf_client *client) {
    const wharf_client_limits limits = {.retries = 5, .retry_ms = 1, .retry_budget = 7};
    wharf_response *first = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits = limits));
    EXPECT(attempts_of(first) == 6);
    wharf_response *second = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits = limits));
    EXPECT(attempts_of(second) == 3);
    EXPECT(wharf_response_status(second) == 503);
    (void)wharf_sleep(2500);
    wharf_response *third = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits = limits));
    EXPECT(attempts_of(third) == 3);
    wharf_response_free(first);
    wharf_response_free(second);
    wharf_response_free(third);
}

static void keeps_to_a_budget_for_each_origin(void **state) {
    (void)state;
    failure = UNAVAILABLE "\r\nsorry";
    failures = 1000;
    run(serve_after_failures, play_budget);
}

static void play_refused(wharf_client *client) {
    (void)wharf_close(stage.listener);
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .method = "POST", .limits.retries = 2));
    EXPECT(wharf_response_error(response) == -ECONNREFUSED);
    EXPECT(attempts_of(response) == 3);
    EXPECT(wharf_response_may_retry(response));
    EXPECT(strstr(attempt_of(response, 0).said, "ECONNREFUSED") != NULL);
    EXPECT(strncmp(attempt_of(response, 0).address, "127.0.0.1:", 10) == 0);
    wharf_response_free(response);
}

static void tries_again_whatever_was_never_sent(void **state) {
    (void)state;
    failures = 0;
    run(serve_after_failures, play_refused);
}

/* ---- the trail ---- */

static int serve_hops(wharf_sock sock) {
    while (take_head(sock) > 0) {
        (void)wharf_sleep(20);
        if (head_has("GET /start ")) {
            (void)answer(sock, "HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 3\r\n\r\nabc");
        } else {
            (void)answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
            (void)wharf_sleep(30);
            (void)answer(sock, "def");
        }
    }
    return 0;
}

static void play_hops(wharf_client *client) {
    const int64_t ms = 1000000;
    wharf_response *response = get(client, "/start");
    EXPECT(attempts_of(response) == 2);
    wharf_attempt first = attempt_of(response, 0);
    wharf_attempt second = attempt_of(response, 1);
    EXPECT(strcmp(first.why, "first") == 0 && first.status == 302 && !first.reused);
    EXPECT(strstr(first.url, "/start") != NULL && strncmp(first.address, "127.0.0.1:", 10) == 0);
    EXPECT(first.connect_ns > 0 && first.first_byte_ns >= 20 * ms && first.first_byte_ns < 22 * ms);
    EXPECT(strcmp(second.why, "redirect") == 0 && second.status == 200 && second.reused);
    EXPECT(strstr(second.url, "/end") != NULL && second.connect_ns == 0);
    EXPECT(second.body_ns >= 30 * ms && second.body_ns < 33 * ms);
    EXPECT(second.began_ns >= first.first_byte_ns);
    EXPECT(second.sent_bytes == (int64_t)strlen(stage.head));
    EXPECT(second.received_bytes == (int64_t)strlen("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef"));
    EXPECT(second.error == 0 && second.said[0] == '\0');
    wharf_response_free(response);
}

static void tells_every_attempt_with_its_times(void **state) {
    (void)state;
    run(serve_hops, play_hops);
}

/* ---- slow bodies ---- */

static const char *slow_type;
static int slow_pause_ms;

static int serve_drips(wharf_sock sock) {
    char head[128];
    if (take_head(sock) <= 0) {
        return -1;
    }
    (void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: 40\r\n\r\n",
                   slow_type);
    (void)answer(sock, head);
    for (int i = 0; i < 40; i++) {
        if (wharf_sleep(slow_pause_ms) < 0 || answer(sock, "x") < 0) {
            return -1;
        }
    }
    return 0;
}

static const struct drip_row {
    const char *type;
    int pause_ms;
    wharf_client_limits limits;
    const char *why; /* NULL: it arrives */
} drip_table[] = {
    {"text/plain", 5000, {0}, "limits.speed_bytes is 10, speed_ms 60000"},
    {"text/plain", 5000, {.speed_bytes = WHARF_OFF}, NULL},
    {"text/plain", 5000, {.speed_ms = WHARF_OFF}, NULL},
    {"text/plain", 5000, {.idle_ms = 1000}, "limits.idle_ms is 1000"},
    {"text/plain", 5000, {.total_ms = 11000}, "limits.total_ms is 11000"},
    {"text/plain", 50, {0}, NULL},
    {"text/plain", 50, {.speed_bytes = 40, .speed_ms = 500}, "limits.speed_bytes is 40, speed_ms 500"},
    {"text/event-stream", 5000, {0}, NULL},
};

static const struct drip_row *drip_row;

static void play_drips(wharf_client *client) {
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits = drip_row->limits));
    EXPECT(wharf_response_error(response) == (drip_row->why != NULL ? -ETIMEDOUT : 0));
    EXPECT(drip_row->why == NULL || why_has(response, drip_row->why));
    EXPECT(drip_row->why == NULL || why_has(response, " of 40 bytes; "));
    wharf_response_free(response);
}

static void cuts_off_a_body_that_only_drips(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(drip_table) / sizeof(drip_table[0]); i++) {
        drip_row = &drip_table[i];
        slow_type = drip_row->type;
        slow_pause_ms = drip_row->pause_ms;
        run(serve_drips, play_drips);
    }
}

/* ---- whatever fails on the way ---- */

static void play_struck(wharf_client *client) {
    stage.requests = 0;
    wharf_response_free(
        wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .method = "POST",
                                          .idempotency_key = true, .limits.retries = 3)));
    EXPECT(client_pool_count(client).waiting == 0);
    EXPECT(client_pool_count(client).open == client_pool_count(client).idle);
}

static void leaves_nothing_whatever_fails(void **state) {
    (void)state;
    wharf_sim_options options = {.size = sizeof(options), .seed = 1};
    failure = UNAVAILABLE "Retry-After: 1\r\n\r\nsorry";
    failures = 2;
    stage.serve = serve_after_failures;
    play = play_struck;
    (void)scenario_sweep(WHARF_TEST_ALLOCATION, &options, perform);
    (void)scenario_sweep(WHARF_TEST_CANCEL, &options, perform);
    (void)scenario_sweep(WHARF_TEST_EXPIRE, &options, perform);
    (void)scenario_sweep(WHARF_TEST_RESET, &options, perform);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tries_again_what_may_pass_and_does_no_harm),
        cmocka_unit_test(pauses_as_long_as_the_server_asks),
        cmocka_unit_test(does_not_begin_a_pause_that_is_too_long),
        cmocka_unit_test(draws_pauses_below_a_bound_that_doubles),
        cmocka_unit_test(keeps_to_a_budget_for_each_origin),
        cmocka_unit_test(tries_again_whatever_was_never_sent),
        cmocka_unit_test(tells_every_attempt_with_its_times),
        cmocka_unit_test(cuts_off_a_body_that_only_drips),
        cmocka_unit_test(leaves_nothing_whatever_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The HTTP client against scripted servers, in virtual time: every scenario runs under many seeds, with bytes split and
 * tasks ordered differently, and leaves no task, socket or block behind. */
#include "client_stage.h"

/* ---- keep-alive ---- */

static int serve_hello(wharf_sock sock) {
    while (take_head(sock) > 0) {
        int rc = answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: 1\r\n\r\nhello");
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static void play_keep_alive(wharf_client *client) {
    for (int i = 0; i < 3; i++) {
        wharf_response *response = get(client, "/a?b=c");
        EXPECT(wharf_response_error(response) == 0);
        EXPECT(wharf_response_status(response) == 200);
        EXPECT(wharf_str_is(wharf_response_reason(response), "OK"));
        EXPECT(wharf_str_is(wharf_response_body(response), "hello"));
        EXPECT(wharf_str_is(wharf_response_header(response, "x-ONE"), "1"));
        EXPECT(wharf_response_content_length(response) == 5);
        EXPECT(strncmp(stage.base + 7, wharf_response_address(response), 32) == 0);
        EXPECT(strcmp(wharf_response_url(response), url_of("/a?b=c")) == 0);
        EXPECT(wharf_response_why(response)[0] == '\0');
        wharf_response_free(response);
    }
    EXPECT(head_has("GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:"));
    EXPECT(head_has("\r\nUser-Agent: wharf/" WHARF_VERSION "\r\nAccept: */*\r\n"
                    "Accept-Encoding: gzip, deflate, br, zstd\r\n\r\n"));
    EXPECT(stage.connections == 1);
    EXPECT(client_pool_count(client).idle == 1);
}

static void keeps_a_connection_for_the_next_request(void **state) {
    (void)state;
    run(serve_hello, play_keep_alive);
}

static void play_stream(wharf_client *client) {
    char piece[3];
    size_t total = 0;
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .stream = true));
    EXPECT(wharf_response_body(response).len == 0);
    for (;;) {
        ssize_t got = wharf_response_read(response, piece, sizeof(piece));
        if (got <= 0) {
            EXPECT(got == 0);
            break;
        }
        EXPECT(memcmp(piece, &"hello"[total], (size_t)got) == 0);
        total += (size_t)got;
    }
    EXPECT(total == 5);
    EXPECT(wharf_response_read(response, piece, sizeof(piece)) == 0);
    wharf_response_free(response);
    response = wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .stream = true));
    wharf_response_free(response); /* unread, but short */
    response = get(client, "/");
    wharf_response_free(response);
    EXPECT(stage.connections == 1);
}

static void reads_a_stream_and_finishes_an_unread_one(void **state) {
    (void)state;
    run(serve_hello, play_stream);
}

static void play_idle(wharf_client *client) {
    wharf_response_free(get(client, "/"));
    (void)wharf_sleep(54000);
    wharf_response_free(get(client, "/"));
    EXPECT(stage.connections == 1);
    (void)wharf_sleep(56000);
    EXPECT(client_pool_count(client).open == 0);
    wharf_response_free(get(client, "/"));
    EXPECT(stage.connections == 2);
}

static void keeps_an_idle_connection_for_55_seconds(void **state) {
    (void)state;
    run(serve_hello, play_idle);
}

static void play_lifetime(wharf_client *client) {
    for (int i = 0; i < 15; i++) {
        wharf_response_free(get(client, "/"));
        (void)wharf_sleep(50000);
    }
    EXPECT(stage.connections == 2); /* 600 s, then a new one */
}

static void uses_a_connection_for_ten_minutes(void **state) {
    (void)state;
    run(serve_hello, play_lifetime);
}

static int serve_keep_alive_hint(wharf_sock sock) {
    while (take_head(sock) > 0) {
        (void)answer(sock, "HTTP/1.1 204 No Content\r\nKeep-Alive: max=100, timeout=5\r\n\r\n");
    }
    return 0;
}

static void play_hint(wharf_client *client) {
    wharf_response_free(get(client, "/"));
    (void)wharf_sleep(3900);
    EXPECT(client_pool_count(client).idle == 1);
    (void)wharf_sleep(200);
    EXPECT(client_pool_count(client).idle == 0);
}

static void leaves_a_second_of_what_the_server_announces(void **state) {
    (void)state;
    run(serve_keep_alive_hint, play_hint);
}

static int serve_unsolicited(wharf_sock sock) {
    if (take_head(sock) > 0) {
        (void)answer(sock, "HTTP/1.1 204 No Content\r\n\r\n");
        (void)wharf_sleep(1000);
        (void)answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        (void)wharf_sleep(1000);
    }
    return 0;
}

static void play_unsolicited(wharf_client *client) {
    wharf_response_free(get(client, "/"));
    (void)wharf_sleep(500);
    EXPECT(client_pool_count(client).idle == 1);
    (void)wharf_sleep(1000);
    EXPECT(client_pool_count(client).idle == 0);
    wharf_response *response = get(client, "/");
    EXPECT(wharf_response_status(response) == 204);
    EXPECT(stage.connections == 2);
    wharf_response_free(response);
}

static void closes_an_idle_connection_that_speaks(void **state) {
    (void)state;
    run(serve_unsolicited, play_unsolicited);
}

static int serve_connection_close(wharf_sock sock) {
    (void)take_head(sock);
    return answer(sock, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
}

static void play_close(wharf_client *client) {
    for (int i = 0; i < 2; i++) {
        wharf_response *response = get(client, "/");
        EXPECT(wharf_str_is(wharf_response_body(response), "ok"));
        wharf_response_free(response);
        EXPECT(client_pool_count(client).open == 0);
    }
    EXPECT(stage.connections == 2);
}

static void keeps_no_connection_that_the_server_closes(void **state) {
    (void)state;
    run(serve_connection_close, play_close);
}

/* ---- stale connections ---- */

/* Answers once and reads the next request, but closes without an answer. */
static int serve_one_then_hang_up(wharf_sock sock) {
    if (take_head(sock) <= 0) {
        return 0;
    }
    (void)answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    (void)take_head(sock);
    return 0;
}

static void play_stale_get(wharf_client *client) {
    wharf_response_free(get(client, "/"));
    wharf_response *response = get(client, "/again");
    EXPECT(wharf_response_error(response) == 0);
    EXPECT(wharf_response_status(response) == 200);
    EXPECT(stage.connections == 2);
    EXPECT(stage.requests == 3);
    wharf_response_free(response);
}

static void repeats_a_get_on_a_stale_connection_once(void **state) {
    (void)state;
    run(serve_one_then_hang_up, play_stale_get);
}

static void play_stale_post(wharf_client *client) {
    wharf_response_free(get(client, "/"));
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .body = "x", .body_bytes = 1));
    EXPECT(wharf_response_error(response) == -WHARF_EEOF || wharf_response_error(response) == -ECONNRESET ||
           wharf_response_error(response) == -EPIPE);
    EXPECT(why_has(response, stage.base));
    EXPECT(stage.connections == 1);
    EXPECT(stage.requests == 2);
    wharf_response_free(response);
}

static void never_repeats_a_post_that_was_received(void **state) {
    (void)state;
    run(serve_one_then_hang_up, play_stale_post);
}

static void play_marked_post(wharf_client *client) {
    wharf_response_free(get(client, "/"));
    wharf_response *response = wharf_fetch(client,
                                           WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .body = "x",
                                                         .body_bytes = 1, .idempotent = true));
    EXPECT(wharf_response_error(response) == 0);
    EXPECT(stage.connections == 2);
    wharf_response_free(response);
}

static void repeats_a_post_that_is_marked_idempotent(void **state) {
    (void)state;
    run(serve_one_then_hang_up, play_marked_post);
}

/* The first connection is closed 15 ms after its first answer. */
static int serve_impatiently(wharf_sock sock) {
    bool first = stage.connections == 1;
    while (take_head(sock) > 0) {
        (void)answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        if (first) {
            return wharf_sleep(15);
        }
    }
    return 0;
}

static void play_crossing_post(wharf_client *client) {
    wharf_response_free(get(client, "/"));
    (void)wharf_sleep(10); /* the end is on its way (10 ms each way), the request will cross it */
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .body = "x", .body_bytes = 1));
    EXPECT(wharf_response_error(response) == 0);
    EXPECT(stage.connections == 2);
    EXPECT(stage.requests == 2);
    wharf_response_free(response);
}

static void repeats_a_post_that_provably_never_arrived(void **state) {
    (void)state;
    stage.serve = serve_impatiently;
    play = play_crossing_post;
    for (uint64_t seed = 0; seed < SCENARIO_SEEDS; seed++) {
        (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .latency_ns = 10000000), perform);
    }
}

static int serve_nothing(wharf_sock sock) {
    (void)take_head(sock);
    return 0;
}

static void play_no_response(wharf_client *client) {
    wharf_response *response = get(client, "/x");
    EXPECT(wharf_response_error(response) == -WHARF_EEOF);
    EXPECT(why_has(response, "read head of http://127.0.0.1:"));
    EXPECT(why_has(response, "closed the connection without a response"));
    EXPECT(stage.connections == 1);
    wharf_response_free(response);
}

static void repeats_nothing_on_a_fresh_connection(void **state) {
    (void)state;
    run(serve_nothing, play_no_response);
}

/* ---- broken responses ---- */

struct broken {
    const char *response;
    int error;
    const char *why;
    const char *body;
};

static const struct broken broken_table[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789", -WHARF_EEOF, "got 10 of 100 bytes",
     "0123456789"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", -WHARF_EEOF,
     "got 3 bytes and not the last chunk", "abc"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n", -WHARF_EPROTOCOL,
     "h1.chunk_size.invalid", "abc"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
     -WHARF_EPROTOCOL, "h1.framing.conflict", ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", -WHARF_EPROTOCOL,
     "h1.content_length", ""},
    {"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", -WHARF_EPROTOCOL, "h1.field_name.whitespace", ""},
    {"SSH-2.0-OpenSSH_9.2\r\n", -WHARF_EPROTOCOL, "h1.status_line.invalid", ""},
    {"HTTP/1.1 200 OK\r\nContent-Le", -WHARF_EEOF, "got 27 bytes of it", ""},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", -WHARF_EPROTOCOL,
     "another protocol", ""},
};

static const struct broken *broken_row;

static int serve_broken(wharf_sock sock) {
    (void)take_head(sock);
    return answer(sock, broken_row->response);
}

static void play_broken(wharf_client *client) {
    wharf_response *response = get(client, "/");
    EXPECT(wharf_response_error(response) == broken_row->error);
    EXPECT(why_has(response, broken_row->why));
    EXPECT(why_has(response, stage.base));
    EXPECT(wharf_str_is(wharf_response_body(response), broken_row->body));
    EXPECT(client_pool_count(client).open == 0);
    wharf_response_free(response);
}

static void reports_broken_responses_and_keeps_what_arrived(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(broken_table) / sizeof(broken_table[0]); i++) {
        broken_row = &broken_table[i];
        run(serve_broken, play_broken);
    }
}

/* ---- bodies received ---- */

static int serve_chunked(wharf_sock sock) {
    while (take_head(sock) > 0) {
        (void)answer(sock, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 42\r\nContent-Length: 9\r\n\r\n");
    }
    return 0;
}

static void play_chunked(wharf_client *client) {
    wharf_header trailer;
    for (int i = 0; i < 2; i++) {
        wharf_response *response = get(client, "/");
        EXPECT(wharf_response_error(response) == 0);
        EXPECT(wharf_str_is(wharf_response_body(response), "hello world"));
        EXPECT(wharf_response_content_length(response) == -1);
        EXPECT(wharf_response_trailer_at(response, 0, &trailer));
        EXPECT(wharf_str_is(trailer.name, "X-Sum") && wharf_str_is(trailer.value, "42"));
        EXPECT(!wharf_response_trailer_at(response, 1, &trailer));
        wharf_response_free(response);
    }
    EXPECT(stage.connections == 1);
}

static void play_chunked_limit(wharf_client *client) {
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits.body_bytes = 10));
    EXPECT(wharf_response_error(response) == -WHARF_ELIMIT);
    EXPECT(why_has(response, "limits.body_bytes is 10"));
    EXPECT(wharf_str_is(wharf_response_body(response), "hello worl"));
    wharf_response_free(response);
    response = wharf_fetch(client,
                           WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits.body_bytes = 11));
    EXPECT(wharf_response_error(response) == 0);
    wharf_response_free(response);
}

static void bounds_a_body_of_unknown_length(void **state) {
    (void)state;
    run(serve_chunked, play_chunked_limit);
}

static void receives_chunks_and_trailers(void **state) {
    (void)state;
    run(serve_chunked, play_chunked);
}

static int serve_until_close(wharf_sock sock) {
    (void)take_head(sock);
    return answer(sock, "HTTP/1.0 200 OK\r\n\r\nuntil the end");
}

static void play_until_close(wharf_client *client) {
    wharf_response *response = get(client, "/");
    EXPECT(wharf_response_error(response) == 0);
    EXPECT(wharf_response_version_minor(response) == 0);
    EXPECT(wharf_str_is(wharf_response_body(response), "until the end"));
    EXPECT(client_pool_count(client).open == 0);
    wharf_response_free(response);
}

static void receives_a_body_that_ends_with_the_connection(void **state) {
    (void)state;
    run(serve_until_close, play_until_close);
}

enum { LARGE_BYTES = 300000 };

static int serve_large(wharf_sock sock) {
    static char block[LARGE_BYTES];
    while (take_head(sock) > 0) {
        memset(block, 'x', sizeof(block));
        (void)answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n");
        if (wharf_send(sock, block, sizeof(block)) < 0) {
            return -1;
        }
    }
    return 0;
}

static void play_large(wharf_client *client) {
    wharf_response *response = get(client, "/");
    EXPECT(wharf_response_body(response).len == LARGE_BYTES);
    wharf_response_free(response);
    response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits.body_bytes = LARGE_BYTES - 1));
    EXPECT(wharf_response_error(response) == -WHARF_ELIMIT);
    EXPECT(why_has(response, "limits.body_bytes is 299999"));
    EXPECT(wharf_response_status(response) == 200);
    wharf_response_free(response);
    response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits.body_bytes = LARGE_BYTES));
    EXPECT(wharf_response_error(response) == 0);
    wharf_response_free(response);
    response = wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .stream = true));
    wharf_response_free(response); /* too much to finish: the connection goes */
    EXPECT(client_pool_count(client).open == 0);
}

static void bounds_a_body_received_whole(void **state) {
    (void)state;
    stage.serve = serve_large;
    play = play_large;
    for (uint64_t seed = 0; seed < 5; seed++) {
        (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .piece_bytes_max = seed * 10000),
                           perform);
    }
}

static void play_head(wharf_client *client) {
    for (int i = 0; i < 2; i++) {
        wharf_response *response = wharf_fetch(
            client, WHARF_OPTIONS(wharf_fetch_options, .method = "HEAD", .url = stage.base));
        EXPECT(wharf_response_error(response) == 0);
        EXPECT(wharf_response_content_length(response) == 100);
        EXPECT(wharf_response_body(response).len == 0);
        wharf_response_free(response);
    }
    EXPECT(stage.connections == 1);
}

static int serve_head(wharf_sock sock) {
    while (take_head(sock) > 0) {
        (void)answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    }
    return 0;
}

static void expects_no_body_after_head(void **state) {
    (void)state;
    run(serve_head, play_head);
}

/* ---- interim responses ---- */

static int interim_count;

static int serve_interim(wharf_sock sock) {
    (void)take_head(sock);
    for (int i = 0; i < interim_count; i++) {
        if (answer(sock, "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n") < 0) {
            return -1;
        }
    }
    return answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

static void play_interim(wharf_client *client) {
    wharf_response *response = get(client, "/");
    EXPECT(wharf_response_error(response) == (interim_count > 32 ? -WHARF_ELIMIT : 0));
    EXPECT(interim_count <= 32 || why_has(response, "limits.informational is 32"));
    wharf_response_free(response);
}

static void passes_over_interim_responses_up_to_a_limit(void **state) {
    (void)state;
    for (interim_count = 31; interim_count < 35; interim_count++) {
        run(serve_interim, play_interim);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_a_connection_for_the_next_request),
        cmocka_unit_test(reads_a_stream_and_finishes_an_unread_one),
        cmocka_unit_test(keeps_an_idle_connection_for_55_seconds),
        cmocka_unit_test(uses_a_connection_for_ten_minutes),
        cmocka_unit_test(leaves_a_second_of_what_the_server_announces),
        cmocka_unit_test(closes_an_idle_connection_that_speaks),
        cmocka_unit_test(keeps_no_connection_that_the_server_closes),
        cmocka_unit_test(repeats_a_get_on_a_stale_connection_once),
        cmocka_unit_test(never_repeats_a_post_that_was_received),
        cmocka_unit_test(repeats_a_post_that_is_marked_idempotent),
        cmocka_unit_test(repeats_a_post_that_provably_never_arrived),
        cmocka_unit_test(repeats_nothing_on_a_fresh_connection),
        cmocka_unit_test(reports_broken_responses_and_keeps_what_arrived),
        cmocka_unit_test(receives_chunks_and_trailers),
        cmocka_unit_test(bounds_a_body_of_unknown_length),
        cmocka_unit_test(receives_a_body_that_ends_with_the_connection),
        cmocka_unit_test(bounds_a_body_received_whole),
        cmocka_unit_test(expects_no_body_after_head),
        cmocka_unit_test(passes_over_interim_responses_up_to_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

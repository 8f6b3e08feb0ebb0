/* A server that breaks off at every byte of a response in turn - by an end, by a reset, by silence - and one that says more than
 * it announced. Whatever happens: the right error, a sentence with phase, address and number, what had arrived, no connection
 * kept that cannot be trusted, and nothing left. */
#include "client_stage.h"

/* ---- the responses ---- */

static const struct scripted {
    const char *bytes;
    size_t head;      /* its length */
    const char *body; /* decoded */
    bool until_close;
} messages[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", 39, "0123456789", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5;x=y\r\n56789\r\n0\r\nX-T: 1\r\n\r\n",
     47, "0123456789", false},
    {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 78,
     "abc", false},
    {"HTTP/1.0 200 OK\r\n\r\n0123456789", 19, "0123456789", true},
    {"HTTP/1.1 204 No Content\r\n\r\n", 27, "", false},
};

enum way { WAY_END, WAY_RESET, WAY_SILENCE, WAYS };

static const struct scripted *message;
static enum way way;
static size_t cut;

static int serve_cut(wharf_sock sock) {
    char byte;
    if (take_head(sock) <= 0) {
        return -1;
    }
    if (cut > 0 && wharf_send(sock, message->bytes, cut) < 0) {
        return -1;
    }
    if (way == WAY_SILENCE) {
        (void)(wharf_recv(sock, &byte, 1) > 0); /* until the client has had enough */
    } else if (way == WAY_RESET) {
        (void)wharf_sleep(10); /* what was sent arrives */
        (void)wharf_abort(sock);
    }
    return 0;
}

static bool is_prefix(wharf_str text, const char *whole) {
    return text.len <= strlen(whole) && (text.len == 0 || memcmp(text.ptr, whole, text.len) == 0);
}

/* What has to come of it. 0: the response is whole. */
static int expected(void) {
    bool whole = cut == strlen(message->bytes);
    if (message->until_close) {
        whole = cut >= message->head && way == WAY_END;
    }
    if (whole) {
        return 0;
    }
    return way == WAY_END ? -WHARF_EEOF : way == WAY_RESET ? -ECONNRESET : -ETIMEDOUT;
}

static void play_cut(wharf_client *client) {
    wharf_attempt attempt = {.said = ""};
    wharf_response *response = get(client, "/");
    int error = wharf_response_error(response);
    EXPECT(error == expected());
    if (error != expected()) {
        fprintf(stderr, "way %d, cut at %zu of %zu: %d, %s\n", (int)way, cut, strlen(message->bytes), error,
                wharf_response_why(response));
    }
    EXPECT(is_prefix(wharf_response_body(response), message->body));
    EXPECT(wharf_response_attempt_at(response, 0, &attempt));
    EXPECT(attempt.received_bytes == (int64_t)cut && attempt.error == error);
    if (error < 0) {
        bool in_body = cut >= message->head;
        EXPECT(
            why_has(response, in_body ? "read body of http://127.0.0.1:" : "read head of http://127.0.0.1:"));
        EXPECT(why_has(response, "(127.0.0.1:"));
        EXPECT(why_has(response, wharf_error_name(error)));
        EXPECT(error != -ETIMEDOUT ||
               why_has(response, in_body ? "limits.idle_ms is 60000" : "limits.first_byte_ms is 60000"));
        EXPECT(wharf_response_may_retry(response));
        EXPECT(client_pool_count(client).open == 0);
    } else {
        EXPECT(wharf_response_body(response).len ==
               (message->until_close ? cut - message->head : strlen(message->body)));
    }
    wharf_response_free(response);
    EXPECT(client_pool_count(client).open == client_pool_count(client).idle);
}

static void tells_where_a_response_was_cut(void **state) {
    (void)state;
    stage.serve = serve_cut;
    play = play_cut;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        message = &messages[i];
        for (cut = 0; cut <= strlen(message->bytes); cut++) {
            for (way = WAY_END; way < WAYS; way++) {
                for (uint64_t seed = 0; seed < 3; seed++) {
                    (void)scenario_run(
                        WHARF_OPTIONS(wharf_sim_options, .seed = seed, .piece_bytes_max = seed * 5), perform);
                }
            }
        }
    }
}

/* ---- more than was announced, and less ---- */

static const struct wrong_row {
    const char *bytes;
    int error;
    const char *why; /* NULL: none */
} wrong_rows[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", 0, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, NULL},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nrest", 0, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", -WHARF_EPROTOCOL, "RFC 9"},
    {"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc", -WHARF_EPROTOCOL, "RFC 9"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc", -WHARF_EPROTOCOL, "RFC 9"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", -WHARF_EPROTOCOL,
     "RFC 9"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc", -WHARF_EPROTOCOL,
     "RFC 9"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc", -WHARF_EPROTOCOL, "RFC 9"},
    {"HTTP/1.1 200 OK\r\nX Y: 1\r\n\r\n", -WHARF_EPROTOCOL, "RFC 9"},
    {"HTTP/1.1 20 OK\r\n\r\n", -WHARF_EPROTOCOL, "RFC 9"},
    {"HTTP/2.0 200 OK\r\n\r\n", -WHARF_EPROTOCOL, "RFC 9"},
    {"SSH-2.0-OpenSSH_9.2\r\n\r\n", -WHARF_EPROTOCOL, "RFC 9"},
    {"<html>no head at all</html>\r\n\r\n", -WHARF_EPROTOCOL, "RFC 9"},
};

static const struct wrong_row *wrong;

static int serve_wrong(wharf_sock sock) {
    char byte;
    if (take_head(sock) <= 0 || answer(sock, wrong->bytes) < 0) {
        return -1;
    }
    (void)(wharf_recv(sock, &byte, 1) > 0);
    return 0;
}

static void play_wrong(wharf_client *client) {
    wharf_response *response = get(client, "/");
    EXPECT(wharf_response_error(response) == wrong->error);
    EXPECT(wrong->why == NULL || why_has(response, wrong->why));
    EXPECT(!wharf_response_may_retry(response));
    if (wrong->error == 0) {
        EXPECT(wharf_str_is(wharf_response_body(response), "abc"));
    }
    wharf_response_free(response);
    (void)wharf_sleep(100);
    EXPECT(client_pool_count(client).open == 0); /* what comes unasked is nobody's answer */
}

static void trusts_no_connection_that_says_too_much(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(wrong_rows) / sizeof(wrong_rows[0]); i++) {
        wrong = &wrong_rows[i];
        run(serve_wrong, play_wrong);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_where_a_response_was_cut),
        cmocka_unit_test(trusts_no_connection_that_says_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

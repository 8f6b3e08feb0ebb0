/* The HTTP client's request bodies, in virtual time: memory, files and functions, Expect, and servers that answer before
 * they have read everything. */
#include <sys/mman.h>
#include <unistd.h>

#include "client_stage.h"

enum { LARGE_BYTES = (1 << 20) + 1, RECEIVED_MAX = 3 << 20 };

static char large[LARGE_BYTES];
static char received[RECEIVED_MAX]; /* the body that the server read last */
static size_t received_len;

/* ---- the server's side ---- */

/* Reads `len` body bytes into received; false when they do not come. */
static bool take_body(wharf_sock sock, size_t len) {
    ssize_t got = len > 0 ? wharf_recv_exact(sock, received, len) : 0;
    received_len = got > 0 ? (size_t)got : 0;
    return received_len == len;
}

static size_t announced_length(void) {
    const char *field = strstr(stage.head, "\r\nContent-Length: ");
    size_t value = 0;
    for (const char *at = field != NULL ? field + 18 : ""; *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (size_t)(*at - '0');
    }
    return value;
}

/* One line of a chunked body's framing as a number. */
static size_t take_chunk_size(wharf_sock sock) {
    char line[64];
    size_t size = 0;
    ssize_t len = wharf_recv_until(sock, line, sizeof(line), "\r\n");
    for (ssize_t i = 0; i < len - 2; i++) {
        size = size * 16 + (size_t)(line[i] <= '9' ? line[i] - '0' : line[i] - 'a' + 10);
    }
    return size;
}

static bool take_chunks(wharf_sock sock) {
    char end[2];
    size_t total = 0;
    for (;;) {
        size_t size = take_chunk_size(sock);
        if (total + size > sizeof(received) ||
            (size > 0 && wharf_recv_exact(sock, received + total, size) <= 0)) {
            return false;
        }
        total += size;
        received_len = total;
        if (wharf_recv_exact(sock, end, 2) != 2 || memcmp(end, "\r\n", 2) != 0) {
            return false;
        }
        if (size == 0) {
            return true;
        }
    }
}

static int serve_body(wharf_sock sock) {
    while (take_head(sock) > 0) {
        if (head_has("Expect: 100-continue")) {
            (void)answer(sock, "HTTP/1.1 100 Continue\r\n\r\n");
        }
        bool whole = head_has("Transfer-Encoding: chunked") ? take_chunks(sock)
                                                            : take_body(sock, announced_length());
        if (!whole) {
            return -1;
        }
        (void)answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    return 0;
}

/* ---- memory ---- */

static void play_memory(wharf_client *client) {
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .body = "a=1", .body_bytes = 3,
                              .content_type = "application/x-www-form-urlencoded"));
    EXPECT(wharf_response_error(response) == 0);
    EXPECT(head_has("POST / HTTP/1.1\r\n"));
    EXPECT(head_has("\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\n"));
    EXPECT(received_len == 3 && memcmp(received, "a=1", 3) == 0);
    wharf_response_free(response);
    response = wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .method = "PUT"));
    EXPECT(head_has("PUT / HTTP/1.1\r\n"));
    EXPECT(head_has("\r\nContent-Length: 0\r\n\r\n"));
    wharf_response_free(response);
    response = wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .method = "DELETE"));
    EXPECT(!head_has("Content-Length"));
    wharf_response_free(response);
    EXPECT(stage.connections == 1);
}

static void sends_a_body_from_memory(void **state) {
    (void)state;
    run(serve_body, play_memory);
}

static void run_large(int (*serve)(wharf_sock), play_fn act) {
    stage.serve = serve;
    play = act;
    for (uint64_t seed = 0; seed < 6; seed++) {
        (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = seed, .piece_bytes_max = seed * 9000),
                           perform);
    }
}

static wharf_response *post_large(wharf_client *client) {
    return wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .body = large,
                                             .body_bytes = sizeof(large)));
}

static void play_large(wharf_client *client) {
    for (int i = 0; i < 2; i++) {
        wharf_response *response = post_large(client);
        EXPECT(wharf_response_error(response) == 0);
        EXPECT(head_has("\r\nExpect: 100-continue\r\n"));
        EXPECT(received_len == sizeof(large) && memcmp(received, large, sizeof(large)) == 0);
        wharf_response_free(response);
    }
    EXPECT(stage.connections == 1);
}

static void asks_before_it_sends_more_than_a_mebibyte(void **state) {
    (void)state;
    run_large(serve_body, play_large);
}

/* ---- Expect ---- */

static int serve_without_continue(wharf_sock sock) {
    while (take_head(sock) > 0) {
        if (!take_body(sock, announced_length())) {
            return -1;
        }
        (void)answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    return 0;
}

static void play_silent(wharf_client *client) {
    int64_t start = wharf_now_ns();
    wharf_response *response = post_large(client);
    EXPECT(wharf_response_error(response) == 0);
    EXPECT(wharf_now_ns() - start >= 1000000000);
    wharf_response_free(response);
    start = wharf_now_ns();
    response = post_large(client);
    EXPECT(wharf_response_error(response) == 0);
    EXPECT(!head_has("Expect"));
    EXPECT(wharf_now_ns() - start < 1000000000);
    wharf_response_free(response);
}

static void waits_a_second_for_leave_and_remembers_silence(void **state) {
    (void)state;
    run_large(serve_without_continue, play_silent);
}

static int serve_417(wharf_sock sock) {
    while (take_head(sock) > 0) {
        if (head_has("Expect")) {
            return answer(sock, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
        }
        if (!take_body(sock, announced_length())) {
            return -1;
        }
        (void)answer(sock, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    return 0;
}

static void play_417(wharf_client *client) {
    wharf_response *response = post_large(client);
    EXPECT(wharf_response_status(response) == 200);
    EXPECT(received_len == sizeof(large));
    EXPECT(stage.requests == 2);
    wharf_response_free(response);
}

static void asks_no_more_after_417(void **state) {
    (void)state;
    run_large(serve_417, play_417);
}

/* ---- early answers ---- */

/* Refuses after the head, reads nothing, closes. */
static int serve_413(wharf_sock sock) {
    (void)take_head(sock);
    return answer(sock,
                  "HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\nConnection: close\r\n\r\ntoo much");
}

static int serve_413_and_wait(wharf_sock sock) {
    char byte;
    (void)serve_413(sock);
    (void)wharf_sleep(5000);
    return wharf_recv(sock, &byte, 1) < 0 ? -1 : 0;
}

static int serve_413_and_reset(wharf_sock sock) {
    (void)serve_413(sock);
    (void)wharf_sleep(100);
    return wharf_abort(sock);
}

static void play_413(wharf_client *client) {
    static const char *const without_expect[] = {"Expect:", NULL};
    for (int expect = 0; expect < 2; expect++) {
        int64_t start = wharf_now_ns();
        wharf_response *response = wharf_fetch(client,
                                               WHARF_OPTIONS(wharf_fetch_options, .url = stage.base,
                                                             .body = large, .body_bytes = sizeof(large),
                                                             .headers = expect != 0 ? NULL : without_expect));
        EXPECT(wharf_response_error(response) == 0);
        EXPECT(wharf_response_status(response) == 413);
        EXPECT(wharf_str_is(wharf_response_body(response), "too much"));
        EXPECT(wharf_now_ns() - start < 1000000000);
        EXPECT(client_pool_count(client).open == 0);
        wharf_response_free(response);
    }
}

static void delivers_a_refusal_that_comes_during_the_upload(void **state) {
    (void)state;
    run_large(serve_413, play_413);
    run_large(serve_413_and_wait, play_413);
    run_large(serve_413_and_reset, play_413);
}

/* ---- files ---- */

static int file; /* in memory */
static char file_path[64];

static void play_file(wharf_client *client) {
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .body_file = file_path));
    EXPECT(wharf_response_error(response) == 0);
    EXPECT(received_len == sizeof(large) && memcmp(received, large, sizeof(large)) == 0);
    EXPECT(head_has("\r\nContent-Length: 1048577\r\n"));
    wharf_response_free(response);
    response = wharf_fetch(client,
                           WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .body_file = "/dev"));
    EXPECT(wharf_response_error(response) == -EINVAL);
    EXPECT(why_has(response, "open body /dev: "));
    wharf_response_free(response);
    response = wharf_fetch(client,
                           WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .body_file = "/no/file"));
    EXPECT(wharf_response_error(response) == -ENOENT);
    wharf_response_free(response);
}

static void sends_a_file(void **state) {
    (void)state;
    run_large(serve_body, play_file);
}

static int serve_and_shrink(wharf_sock sock) {
    (void)take_head(sock);
    EXPECT(ftruncate(file, 1000) == 0);
    (void)answer(sock, "HTTP/1.1 100 Continue\r\n\r\n");
    (void)take_body(sock, announced_length());
    return 0;
}

static void play_shrink(wharf_client *client) {
    EXPECT(pwrite(file, large, sizeof(large), 0) == (ssize_t)sizeof(large));
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .body_file = file_path));
    EXPECT(wharf_response_error(response) == -WHARF_ECHANGED);
    EXPECT(why_has(response, "send body to http://"));
    wharf_response_free(response);
}

static void reports_a_file_that_shrinks(void **state) {
    (void)state;
    run_large(serve_and_shrink, play_shrink);
}

/* ---- functions ---- */

struct producer {
    size_t left;
    size_t step;
    ssize_t failure;
    bool slow;
};

static ssize_t produce(void *arg, void *buffer, size_t size) {
    struct producer *producer = arg;
    size_t count = producer->left < producer->step ? producer->left : producer->step;
    count = count < size ? count : size;
    if (producer->slow) {
        (void)wharf_sleep(100);
    }
    if (count == 0 && producer->failure < 0) {
        return producer->failure;
    }
    memset(buffer, 'p', count);
    producer->left -= count;
    return (ssize_t)count;
}

static wharf_response *post_produced(wharf_client *client, struct producer *producer, int64_t bytes) {
    return wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .body_fn = produce,
                                             .body_arg = producer, .body_fn_bytes = bytes));
}

static void play_function(wharf_client *client) {
    for (int i = 0; i < 4; i++) {
        struct producer producer = {.left = 50000, .step = i % 2 == 0 ? 100000 : 7001, .slow = i == 1};
        wharf_response *response = post_produced(client, &producer, i < 2 ? 0 : 50000);
        EXPECT(wharf_response_error(response) == 0);
        EXPECT(received_len == 50000);
        EXPECT(head_has(i < 2 ? "\r\nTransfer-Encoding: chunked\r\n" : "\r\nContent-Length: 50000\r\n"));
        wharf_response_free(response);
    }
    EXPECT(stage.connections == 1);
}

static void sends_what_a_function_produces(void **state) {
    (void)state;
    run_large(serve_body, play_function);
}

static void play_miscounted(wharf_client *client) {
    static const struct {
        int64_t announced;
        ssize_t failure;
        int error;
        const char *why;
    } table[] = {
        {50001, 0, -EINVAL, "body_fn ended before body_fn_bytes"},
        {49999, 0, -EINVAL, "body_fn went beyond body_fn_bytes"},
        {50001, -EIO, -EIO, "body_fn gave up"},
        {0, -EIO, -EIO, "body_fn gave up"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct producer producer = {.left = 50000, .step = 6000, .failure = table[i].failure};
        wharf_response *response = post_produced(client, &producer, table[i].announced);
        EXPECT(wharf_response_error(response) == table[i].error);
        EXPECT(why_has(response, table[i].why));
        EXPECT(client_pool_count(client).open == 0);
        wharf_response_free(response);
    }
}

static void holds_a_function_to_the_length_it_announced(void **state) {
    (void)state;
    run_large(serve_body, play_miscounted);
}

static int prepare_files(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(large); i++) {
        large[i] = (char)(i * 7 % 251);
    }
    file = memfd_create("body", MFD_CLOEXEC);
    (void)snprintf(file_path, sizeof(file_path), "/proc/self/fd/%d", file);
    return write(file, large, sizeof(large)) == (ssize_t)sizeof(large) ? 0 : -1;
}

static int remove_files(void **state) {
    (void)state;
    return close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_a_body_from_memory),
        cmocka_unit_test(asks_before_it_sends_more_than_a_mebibyte),
        cmocka_unit_test(waits_a_second_for_leave_and_remembers_silence),
        cmocka_unit_test(asks_no_more_after_417),
        cmocka_unit_test(delivers_a_refusal_that_comes_during_the_upload),
        cmocka_unit_test(sends_a_file),
        cmocka_unit_test(sends_what_a_function_produces),
        cmocka_unit_test(holds_a_function_to_the_length_it_announced),
        cmocka_unit_test(reports_a_file_that_shrinks),
    };
    return cmocka_run_group_tests(tests, prepare_files, remove_files);
}

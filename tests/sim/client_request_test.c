/* What a request is made of, in virtual time: forms, JSON, queries, compression, trailers, printing instead of sending; and what
 * its answer says as text and as lines. */
#include "client_stage.h"

static char body[65536]; /* of the last request */
static size_t body_len;
static const char *reply; /* the answer, whole */

static void take_counted(wharf_sock sock, const char *field) {
    int64_t len = 0;
    for (const char *at = field + strlen("Content-Length: "); *at >= '0' && *at <= '9'; at++) {
        len = len * 10 + (*at - '0');
    }
    if (len < (int64_t)sizeof(body) && wharf_recv_exact(sock, body, (size_t)len) == len) {
        body_len = (size_t)len;
    }
}

static int serve(wharf_sock sock) {
    while (take_head(sock) > 0) {
        const char *length = strstr(stage.head, "Content-Length: ");
        body_len = 0;
        if (length != NULL) {
            take_counted(sock, length);
        } else if (head_has("Transfer-Encoding: chunked")) {
            ssize_t got = wharf_recv_until(sock, body, sizeof(body) - 1, "\r\n\r\n");
            body_len = got > 0 ? (size_t)got : 0;
        }
        body[body_len] = '\0';
        if (answer(sock, reply) < 0) {
            return -1;
        }
    }
    return 0;
}

static const char plain_reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#define SEND(...)                                                                                     \
    do {                                                                                              \
        wharf_response *sent_ = wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, __VA_ARGS__)); \
        error = wharf_response_error(sent_);                                                          \
        wharf_response_free(sent_);                                                                   \
    } while (0)

static int error;

static void play_forms(wharf_client *client) {
    const wharf_form_field fields[] = {
        {.name = "a b", .value = "1&2"}, {.name = "c", .value = "ü"}, {.name = NULL}};
    reply = plain_reply;
    SEND(.url = url_of("/"), .form = fields);
    EXPECT(error == 0 && head_has("POST / ") &&
           head_has("\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
    EXPECT(strcmp(body, "a+b=1%262&c=%C3%BC") == 0);
    SEND(.url = url_of("/"), .form = fields, .multipart = true,
         .content_type = "multipart/form-data; boundary=frontier");
    EXPECT(strcmp(body, "--frontier\r\nContent-Disposition: form-data; name=\"a b\"\r\n\r\n1&2\r\n"
                        "--frontier\r\nContent-Disposition: form-data; name=\"c\"\r\n\r\nü\r\n"
                        "--frontier--\r\n") == 0);
    EXPECT(head_has("\r\nContent-Type: multipart/form-data; boundary=frontier\r\n"));
    const wharf_form_field odd[] = {{.name = "x\"\r\ny",
                                     .value = "\0\1",
                                     .value_bytes = 2,
                                     .filename = "\"é\".bin",
                                     .content_type = "a/b"},
                                    {.name = NULL}};
    SEND(.url = url_of("/"), .form = odd);
    EXPECT(strstr(body, "; name=\"x%22%0D%0Ay\"; filename=\"%22é%22.bin\"\r\nContent-Type: a/b\r\n\r\n") !=
           NULL);
    const wharf_form_field none[] = {{.name = NULL}};
    SEND(.url = url_of("/"), .form = none);
    EXPECT(error == 0 && body_len == 0 && head_has("Content-Length: 0\r\n"));
    const wharf_form_field both[] = {{.name = "x", .value = "1", .file = "y"}, {.name = NULL}};
    SEND(.url = url_of("/"), .form = both);
    EXPECT(error == -EINVAL);
    SEND(.url = url_of("/"), .form = none, .body = "x", .body_bytes = 1);
    EXPECT(error == -EINVAL);
}

static void sends_forms(void **state) {
    (void)state;
    run(serve, play_forms);
}

static void play_json(wharf_client *client) {
    reply = plain_reply;
    SEND(.url = url_of("/"), .json = "{\"a\": [1, 2]}", .method = "PATCH");
    EXPECT(head_has("PATCH / ") && head_has("\r\nContent-Type: application/json\r\n"));
    EXPECT(strcmp(body, "{\"a\": [1, 2]}") == 0);
    int before = stage.requests;
    SEND(.url = url_of("/"), .json = "{\"a\": NaN}");
    EXPECT(error == -EINVAL && stage.requests == before);
}

static void sends_json_that_is_some(void **state) {
    (void)state;
    run(serve, play_json);
}

static void play_queries(wharf_client *client) {
    static const char *const pairs[] = {"q=a b&c", "flag", "empty=", "x=1=2", "ü=%", NULL};
    reply = plain_reply;
    SEND(.url = url_of("/p"), .query = pairs);
    EXPECT(head_has("GET /p?q=a%20b%26c&flag&empty=&x=1=2&%C3%BC=%25 HTTP"));
    SEND(.url = url_of("/p?y=%2f#top"), .query = pairs + 1);
    EXPECT(head_has("GET /p?y=%2f&flag&empty=&x=1=2&%C3%BC=%25 HTTP"));
    SEND(.url = url_of("/p?"), .query = pairs + 4);
    EXPECT(head_has("GET /p?%C3%BC=%25 HTTP"));
}

static void adds_to_queries(void **state) {
    (void)state;
    run(serve, play_queries);
}

static void play_compressed(wharf_client *client) {
    static char zeros[10000];
    static const struct {
        wharf_compress how;
        const char *field;
    } rows[] = {{WHARF_COMPRESS_GZIP, "\r\nContent-Encoding: gzip\r\n"},
                {WHARF_COMPRESS_DEFLATE, "\r\nContent-Encoding: deflate\r\n"},
                {WHARF_COMPRESS_ZSTD, "\r\nContent-Encoding: zstd\r\n"}};
    reply = plain_reply;
    for (size_t i = 0; i < 3; i++) {
        SEND(.url = url_of("/"), .body = zeros, .body_bytes = sizeof(zeros), .compress = rows[i].how);
        EXPECT(error == 0 && head_has(rows[i].field) && body_len > 0 && body_len < 200);
    }
    SEND(.url = url_of("/"), .body = "x", .body_bytes = 1, .compress = WHARF_COMPRESS_GZIP);
    EXPECT(!head_has("Content-Encoding") && body_len == 1); /* it would have grown */
}

static void compresses_what_gets_shorter(void **state) {
    (void)state;
    run(serve, play_compressed);
}

/* ---- trailers ---- */

static int pieces_left;
static const char *const *trailer_lines;

static ssize_t produce(void *arg, void *buffer, size_t size) {
    (void)arg;
    (void)size;
    if (pieces_left-- <= 0) {
        return 0;
    }
    memcpy(buffer, "abc", 3);
    return 3;
}

static const char *const *trailers(void *arg) {
    (void)arg;
    return trailer_lines;
}

static void play_trailers(wharf_client *client) {
    static const char *const good[] = {"X-Sum: 42", NULL};
    static const char *const bad[] = {"Content-Type: a/b", NULL};
    reply = plain_reply;
    pieces_left = 2;
    trailer_lines = good;
    SEND(.url = url_of("/"), .body_fn = produce, .trailers_fn = trailers);
    EXPECT(error == 0 && strcmp(body, "3\r\nabc\r\n3\r\nabc\r\n0\r\nX-Sum: 42\r\n\r\n") == 0);
    pieces_left = 0;
    trailer_lines = bad;
    SEND(.url = url_of("/"), .body_fn = produce, .trailers_fn = trailers);
    EXPECT(error == -EINVAL);
}

static void sends_trailers(void **state) {
    (void)state;
    run(serve, play_trailers);
}

/* ---- printed instead of sent ---- */

static char printed[4096];
static size_t printed_len;

static int print(void *arg, const void *bytes, size_t len) {
    (void)arg;
    if (printed_len + len >= sizeof(printed)) {
        return -ENOBUFS;
    }
    memcpy(printed + printed_len, bytes, len);
    printed_len += len;
    printed[printed_len] = '\0';
    return 0;
}

static int print_nothing(void *arg, const void *bytes, size_t len) {
    (void)arg;
    (void)bytes;
    (void)len;
    return -EIO;
}

static void play_printed(wharf_client *client) {
    const wharf_form_field fields[] = {{.name = "a", .value = "1"}, {.name = NULL}};
    wharf_secret *secret = wharf_secret_new("X-Key", "canary", 6, NULL);
    wharf_secret *const secrets[] = {secret, NULL};
    printed_len = 0;
    SEND(.url = "http://example.com/p", .form = fields, .print = print, .secrets = secrets);
    EXPECT(error == 0 && stage.requests == 0);
    EXPECT(strstr(printed, "POST /p HTTP/1.1\r\nHost: example.com\r\n") == printed);
    EXPECT(strstr(printed, "\r\nX-Key: [hidden]\r\n\r\na=1") != NULL && strstr(printed, "canary") == NULL);
    printed_len = 0;
    pieces_left = 1;
    SEND(.url = "http://example.com/p", .body_fn = produce, .print = print);
    EXPECT(strstr(printed, "\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n") != NULL);
    SEND(.url = "http://example.com/p", .print = print_nothing);
    EXPECT(error == -EIO && stage.requests == 0);
    wharf_secret_free(secret);
}

static void prints_instead_of_sending(void **state) {
    (void)state;
    run(serve, play_printed);
}

/* ---- text and lines ---- */

static const struct {
    const char *type, *bytes, *text; /* text NULL: an error */
} texts[] = {
    {"text/plain", "gr\xc3\xbc\xc3\x9f", "grüß"},
    {"text/plain; charset=utf-8", "\xef\xbb\xbfhi", "hi"},
    {"text/plain; charset=ISO-8859-1", "gr\xfc\xdf \x80", "grüß €"},
    {"text/plain; charset=\"latin1\"", "\xe9", "é"},
    {"text/plain",
     "a\xff\xfe"
     "b",
     "a\xef\xbf\xbd\xef\xbf\xbd"
     "b"},
    {"text/plain", "\xff\xfeh!i!", "\xe2\x85\xa8\xe2\x85\xa9"},
    {"text/plain; charset=shift_jis", "\x93\xfa", "日"},
    {"text/plain; charset=klingon", "x", NULL},
    {"text/plain", "", ""},
};

static void play_texts(wharf_client *client) {
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char message[512];
        wharf_str text = {NULL, 0};
        (void)snprintf(message, sizeof(message),
                       "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", texts[i].type,
                       strlen(texts[i].bytes), texts[i].bytes);
        reply = message;
        wharf_response *response = get(client, "/");
        int rc = wharf_response_text(response, &text);
        bool same = texts[i].text != NULL && rc == 0 && wharf_str_is(text, texts[i].text);
        if (i == 5) { /* 'h!' and 'i!' in UTF-16 */
            same = rc == 0 && text.len == 6;
        }
        EXPECT(texts[i].text == NULL ? rc == -EINVAL : same);
        wharf_response_free(response);
    }
}

static void gives_text_in_utf_8(void **state) {
    (void)state;
    run(serve, play_texts);
}

static int read_lines(wharf_client *client, bool stream, int64_t line_bytes, char *out) {
    wharf_str line = {NULL, 0};
    wharf_response *response = wharf_fetch(client,
                                           WHARF_OPTIONS(wharf_fetch_options, .url = url_of("/"),
                                                         .stream = stream, .limits.line_bytes = line_bytes));
    int rc = wharf_response_read_line(response, &line);
    while (rc > 0) {
        out += snprintf(out, 64, "%.*s|", WHARF_STR_ARG(line));
        rc = wharf_response_read_line(response, &line);
    }
    wharf_response_free(response);
    return rc;
}

static void play_lines(wharf_client *client) {
    char out[256];
    reply = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\none\r\n\ntwo\rx\nend";
    for (int stream = 0; stream < 2; stream++) {
        EXPECT(read_lines(client, stream == 1, 0, out) == 0 && strcmp(out, "one||two\rx|end|") == 0);
    }
    static char longer[6000];
    (void)snprintf(longer, sizeof(longer), "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n%05000d", 0);
    reply = longer;
    EXPECT(read_lines(client, true, 100, out) == -WHARF_ELIMIT);
}

static void gives_lines(void **state) {
    (void)state;
    run(serve, play_lines);
}

/* ---- sweeps ---- */

static void play_sweep(wharf_client *client) {
    const wharf_form_field fields[] = {{.name = "a", .value = "1"}, {.name = NULL}};
    static const char *const query[] = {"a=b", NULL};
    wharf_str text = {NULL, 0};
    reply = "HTTP/1.1 200 OK\r\nContent-Type: a/b; charset=latin1\r\nContent-Length: 3\r\n\r\na\nb";
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = url_of("/"), .form = fields, .multipart = true,
                              .query = query, .compress = WHARF_COMPRESS_GZIP));
    (void)wharf_response_text(response, &text);
    while (wharf_response_read_line(response, &text) > 0) {
    }
    wharf_response_free(response);
}

static void leaves_nothing_however_it_ends(void **state) {
    (void)state;
    stage.serve = serve;
    play = play_sweep;
    const wharf_sim_options *options = WHARF_OPTIONS(wharf_sim_options, .seed = 1);
    assert_true(scenario_sweep(WHARF_TEST_CANCEL, options, perform) > 5);
    assert_true(scenario_sweep(WHARF_TEST_ALLOCATION, options, perform) > 10);
    assert_true(scenario_sweep(WHARF_TEST_SHORT, options, perform) > 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_forms),
        cmocka_unit_test(sends_json_that_is_some),
        cmocka_unit_test(adds_to_queries),
        cmocka_unit_test(compresses_what_gets_shorter),
        cmocka_unit_test(sends_trailers),
        cmocka_unit_test(prints_instead_of_sending),
        cmocka_unit_test(gives_text_in_utf_8),
        cmocka_unit_test(gives_lines),
        cmocka_unit_test(leaves_nothing_however_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

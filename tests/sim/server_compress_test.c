/* Replies that are compressed: which are and which are not, what their heads say, that the bytes are the same, and that a
 * stream arrives piece by piece. */
#include "server_stage.h"

enum { LONG_BYTES = 150000 };

static char long_text[LONG_BYTES + 1];
static char medium_text[2001];

static void make_texts(void) {
    for (size_t i = 0; i < LONG_BYTES; i++) {
        long_text[i] = "abcdefgh ijklmno\n"[(i * i + i / 7) % 17];
    }
    memset(medium_text, 'm', sizeof(medium_text) - 1);
}

/* ---- handlers ---- */

static int medium(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_text(request, 200, medium_text);
}

static int large(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_text(request, 200, long_text);
}

static int tiny(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_text(request, 200, "tiny");
}

static int picture(wharf_request *request, void *arg) {
    (void)arg;
    return wharf_reply_bytes(request, 200, "image/png", medium_text, 2000);
}

/* With these header lines. */
static int with_headers(wharf_request *request, void *arg) {
    const char *const *lines = arg;
    int rc = 0;
    for (size_t i = 0; lines[i] != NULL && rc >= 0; i += 2) {
        rc = wharf_reply_header(request, lines[i], lines[i + 1]);
    }
    return rc < 0 ? rc : wharf_reply_text(request, 200, medium_text);
}

static int streamed(wharf_request *request, void *arg) {
    int rc = wharf_reply_begin(request, 200, "text/plain", arg != NULL ? LONG_BYTES : -1);
    for (size_t at = 0; at < LONG_BYTES && rc >= 0; at += 1000) {
        rc = wharf_reply_write(request, long_text + at, 1000);
    }
    return rc;
}

static int short_of_its_length(wharf_request *request, void *arg) {
    (void)arg;
    int rc = wharf_reply_begin(request, 200, "text/plain", 5000);
    rc = rc < 0 ? rc : wharf_reply_write(request, medium_text, 2000);
    EXPECT(rc < 0 || wharf_reply_write(request, long_text, 3001) == -EMSGSIZE);
    return rc;
}

static int not_modified(wharf_request *request, void *arg) {
    (void)arg;
    int rc = wharf_reply_header(request, "ETag", "\"v1\"");
    return rc < 0 ? rc : wharf_reply_status(request, 304);
}

/* Two events; the second only when the first has arrived. */
static wharf_event arrived;

static int events(wharf_request *request, void *arg) {
    bool is_plain = arg != NULL;
    int rc = wharf_reply_begin(request, 200, is_plain ? "text/plain" : "text/event-stream", -1);
    rc = rc < 0 ? rc : wharf_reply_write(request, "data: one\n\n", 11);
    rc = rc < 0 || !is_plain ? rc : wharf_reply_flush(request);
    rc = rc < 0 ? rc : wharf_event_wait(&arrived);
    return rc < 0 ? rc : wharf_reply_write(request, "data: two\n\n", 11);
}

static int add(wharf_server *server) {
    static const char *const tagged[] = {"ETag", "\"v1\"", "Vary", "Accept, accept-encoding", NULL};
    static const char *const kept[] = {"Cache-Control", "public, No-Transform", NULL};
    static const char *const coded[] = {"Content-Encoding", "x-own", "ETag", "\"v1\"", NULL};
    static const char *const csv[] = {"Content-Type", "application/vnd.x+json;v=1", NULL};
    static const struct {
        const char *pattern;
        wharf_handler handler;
        const void *arg;
    } routes[] = {
        {"/medium", medium, NULL},
        {"/large", large, NULL},
        {"/tiny", tiny, NULL},
        {"/picture", picture, NULL},
        {"/tagged", with_headers, tagged},
        {"/kept", with_headers, kept},
        {"/coded", with_headers, coded},
        {"/csv", with_headers, csv},
        {"/streamed", streamed, NULL},
        {"/counted", streamed, "yes"},
        {"/short", short_of_its_length, NULL},
        {"/304", not_modified, NULL},
        {"/events", events, NULL},
        {"/flushed", events, "plain"},
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]) && rc >= 0; i++) {
        rc = wharf_route(server, routes[i].pattern, routes[i].handler, (void *)(uintptr_t)routes[i].arg);
    }
    wharf_group *secret = wharf_group_new(wharf_server_group(server), "/secret",
                                          WHARF_OPTIONS(wharf_route_options, .compress = WHARF_OFF));
    wharf_group *pictures = wharf_group_new(
        wharf_server_group(server), "/pictures",
        WHARF_OPTIONS(wharf_route_options, .compress_types = "text/html, image/*", .compress_bytes_min = 4));
    rc = rc < 0 ? rc : wharf_group_route(secret, "GET /medium", medium, NULL);
    rc = rc < 0 ? rc : wharf_group_route(pictures, "/one", picture, NULL);
    rc = rc < 0 ? rc : wharf_group_route(pictures, "/tiny", tiny, NULL);
    return rc < 0 ? rc : wharf_files(server, "/files/", WHARF_SOURCE_ROOT, NULL);
}

static const wharf_route_options compressed = {.size = sizeof(compressed), .compress = WHARF_ON};
static const wharf_server_options compressing = {
    .size = sizeof(compressing), .no_signals = true, .routes = &compressed};

/* ---- what is compressed ---- */

static const struct asked table[] = {
    {.path = "/medium",
     .headers = {"Accept-Encoding: gzip"},
     .status = 200,
     .answer = "mmmm",
     .fields = {"Content-Encoding: gzip", "Vary: Accept-Encoding", "!Transfer-Encoding"}},
    {.path = "/medium",
     .headers = {"Accept-Encoding: gzip, br, zstd"},
     .status = 200,
     .fields = {"Content-Encoding: zstd"}},
    {.path = "/medium",
     .headers = {"Accept-Encoding: gzip, br;q=0.9, zstd;q=0.8"},
     .status = 200,
     .fields = {"Content-Encoding: gzip"}},
    {.path = "/medium",
     .headers = {"Accept-Encoding: br, gzip;q=0"},
     .status = 200,
     .answer = "mmmm",
     .fields = {"Content-Encoding: br"}},
    {.path = "/medium",
     .headers = {"Accept-Encoding: deflate"},
     .status = 200,
     .fields = {"!Content-Encoding", "Vary: Accept-Encoding", "Content-Length: 2000"}},
    {.path = "/medium",
     .headers = {"Accept-Encoding: identity;q=1, gzip;q=0.5"},
     .status = 200,
     .fields = {"!Content-Encoding"}},
    {.path = "/medium", .headers = {"Accept-Encoding:"}, .status = 200, .fields = {"!Content-Encoding"}},
    {.path = "/large",
     .headers = {"Accept-Encoding: gzip"},
     .status = 200,
     .fields = {"Content-Encoding: gzip"}},
    {.path = "/tiny",
     .headers = {"Accept-Encoding: gzip"},
     .status = 200,
     .answer = "tiny",
     .fields = {"!Content-Encoding", "Vary: Accept-Encoding"}},
    {.path = "/picture",
     .headers = {"Accept-Encoding: gzip"},
     .status = 200,
     .fields = {"!Content-Encoding", "!Vary"}},
    {.path = "/tagged",
     .headers = {"Accept-Encoding: gzip"},
     .status = 200,
     .fields = {"ETag: W/\"v1\"", "Vary: Accept, accept-encoding", "Content-Encoding: gzip"}},
    {.path = "/tagged", .headers = {"Accept-Encoding:"}, .status = 200, .fields = {"ETag: \"v1\""}},
    {.path = "/kept", .headers = {"Accept-Encoding: gzip"}, .status = 200, .fields = {"!Content-Encoding"}},
    {.path = "/csv",
     .headers = {"Accept-Encoding: gzip"},
     .status = 200,
     .fields = {"Content-Encoding: gzip"}},
    {.path = "/304",
     .headers = {"Accept-Encoding: gzip"},
     .status = 304,
     .fields = {"ETag: W/\"v1\"", "Vary: Accept-Encoding", "!Content-Encoding"}},
    {.path = "/304", .headers = {"Accept-Encoding:"}, .status = 304, .fields = {"ETag: \"v1\""}},
    {.path = "/medium",
     .method = "HEAD",
     .headers = {"Accept-Encoding: gzip"},
     .status = 200,
     .answer = "",
     .fields = {"Content-Encoding: gzip", "!Content-Length", "Vary: Accept-Encoding"}},
    {.path = "/secret/medium",
     .headers = {"Accept-Encoding: gzip"},
     .status = 200,
     .fields = {"!Content-Encoding", "!Vary"}},
    {.path = "/pictures/one",
     .headers = {"Accept-Encoding: gzip"},
     .status = 200,
     .fields = {"Content-Encoding: gzip"}},
    {.path = "/pictures/tiny",
     .headers = {"Accept-Encoding: gzip"},
     .status = 200,
     .fields = {"!Content-Encoding", "!Vary"}},
    {.path = "/files/LICENSE", .headers = {"Accept-Encoding: gzip"}, .status = 200},
    {.path = "/files/README.md",
     .headers = {"Accept-Encoding: zstd"},
     .status = 200,
     .fields = {"Content-Encoding: zstd", "!Accept-Ranges"}},
    {.path = "/files/README.md",
     .headers = {"Accept-Encoding: zstd", "Range: bytes=0-9"},
     .status = 206,
     .fields = {"!Content-Encoding", "Content-Length: 10"}},
    {.path = "/files/src/http/wire.c",
     .method = "HEAD",
     .headers = {"Accept-Encoding: br"},
     .status = 200,
     .fields = {"Content-Encoding: br", "!Content-Length"}},
    {.path = "/none", .headers = {"Accept-Encoding: gzip"}, .status = 404, .fields = {"!Content-Encoding"}},
};

static void play_table(wharf_client *client) {
    stage_ask_all(client, table, sizeof(table) / sizeof(table[0]));
}

static void replies_are_compressed_where_that_helps(void **state) {
    (void)state;
    stage_run(&(struct staged){&compressing, add, play_table});
}

static void nothing_is_left_wherever_it_is_struck(void **state) {
    (void)state;
    stage_strike(&(struct staged){&compressing, add, play_table});
}

/* ---- that the bytes are the same ---- */

static void expect_text(wharf_client *client, const char *path, const char *accept) {
    char url[256];
    (void)snprintf(url, sizeof(url), "%s%s", stage_base, path);
    wharf_response *response = wharf_fetch(
        client,
        WHARF_OPTIONS(wharf_fetch_options, .url = url, .headers = (const char *const[]){accept, NULL}));
    wharf_str body = wharf_response_body(response);
    bool is_coded = wharf_response_header(response, "Content-Encoding").len > 0;
    EXPECT(is_coded == (strstr(accept, "identity") == NULL));
    EXPECT(body.len == LONG_BYTES && memcmp(body.ptr, long_text, LONG_BYTES) == 0);
    wharf_response_free(response);
}

static void play_bodies(wharf_client *client) {
    static const char *const paths[] = {"/large", "/streamed", "/counted"};
    static const char *const codings[] = {"Accept-Encoding: gzip", "Accept-Encoding: br",
                                          "Accept-Encoding: zstd", "Accept-Encoding: identity"};
    for (size_t i = 0; i < 12; i++) {
        expect_text(client, paths[i % 3], codings[i / 3]);
    }
}

static void what_is_decoded_is_what_was_written(void **state) {
    (void)state;
    stage_run(&(struct staged){&compressing, add, play_bodies});
}

static void play_short(wharf_client *client) {
    char url[256];
    (void)snprintf(url, sizeof(url), "%s/short", stage_base);
    wharf_response *response = wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = url));
    EXPECT(wharf_response_error(response) < 0);
    wharf_response_free(response);
}

static void a_body_shorter_than_announced_is_cut(void **state) {
    (void)state;
    stage_run(&(struct staged){&compressing, add, play_short});
}

/* No encoder may be at work but one: the second of two replies at once goes out as it is. */
static void play_crowd(wharf_client *client) {
    char url[256];
    (void)snprintf(url, sizeof(url), "%s/flushed", stage_base);
    arrived = (wharf_event){.reserved_ = {NULL}};
    const wharf_fetch_options *options = WHARF_OPTIONS(
        wharf_fetch_options, .url = url, .stream = true,
        .headers = (const char *const[]){"Accept-Encoding: gzip", NULL});
    wharf_response *first = wharf_fetch(client, options);
    wharf_response *second = wharf_fetch(client, options);
    EXPECT(wharf_response_header(first, "Content-Encoding").len > 0);
    EXPECT(wharf_response_header(second, "Content-Encoding").len == 0);
    EXPECT(wharf_str_is(wharf_response_header(second, "Vary"), "Accept-Encoding"));
    (void)wharf_event_set(&arrived);
    wharf_response_free(first);
    wharf_response_free(second);
}

/* Reads until `text` has been decoded. */
static void expect_piece(wharf_response *response, const char *text) {
    char buffer[64];
    size_t len = 0;
    ssize_t count = 1;
    while (len < strlen(text) && count > 0) {
        count = wharf_response_read(response, buffer + len, sizeof(buffer) - len);
        len += count > 0 ? (size_t)count : 0;
    }
    EXPECT(len == strlen(text) && memcmp(buffer, text, len) == 0);
}

static void play_events(wharf_client *client) {
    static const char *const codings[] = {"Accept-Encoding: gzip", "Accept-Encoding: br",
                                          "Accept-Encoding: zstd"};
    for (size_t i = 0; i < 6; i++) {
        char url[256];
        arrived = (wharf_event){.reserved_ = {NULL}};
        (void)snprintf(url, sizeof(url), "%s/%s", stage_base, i % 2 == 0 ? "events" : "flushed");
        wharf_response *response = wharf_fetch(
            client, WHARF_OPTIONS(wharf_fetch_options, .url = url, .stream = true,
                                  .headers = (const char *const[]){codings[i / 2], NULL}));
        EXPECT(wharf_response_header(response, "Content-Encoding").len > 0);
        expect_piece(response, "data: one\n\n");
        (void)wharf_event_set(&arrived);
        expect_piece(response, "data: two\n\n");
        wharf_response_free(response);
    }
}

static void a_stream_arrives_piece_by_piece(void **state) {
    (void)state;
    stage_run(&(struct staged){&compressing, add, play_events});
}

static void encoders_at_work_are_limited(void **state) {
    (void)state;
    const wharf_server_options options = {
        .size = sizeof(options), .no_signals = true, .limits.compressions = 1, .routes = &compressed};
    stage_run(&(struct staged){&options, add, play_crowd});
}

int main(void) {
    make_texts();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_compressed_where_that_helps),
        cmocka_unit_test(nothing_is_left_wherever_it_is_struck),
        cmocka_unit_test(what_is_decoded_is_what_was_written),
        cmocka_unit_test(a_body_shorter_than_announced_is_cut),
        cmocka_unit_test(a_stream_arrives_piece_by_piece),
        cmocka_unit_test(encoders_at_work_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

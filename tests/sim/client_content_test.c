/* Content codings of responses, in virtual time: every coding, chained ones, whole and as a stream, broken and cut ones,
 * bombs, and what must not be decoded. */
#include "client_stage.h"

#include "base/number.h"
#include "base/text.h"
#include "http/coding/coding.h"

enum { CONTENT_LEN = 30000, CODED_SIZE = 1 << 16, BOMB_BYTES = 16 << 20 };

static char content[CONTENT_LEN];

static void fill_content(void) {
    for (size_t i = 0; i < CONTENT_LEN; i++) {
        content[i] = (char)('a' + i * i / 7 % 26);
    }
}

/* `text` in the coding; its length. */
static size_t encode(const char *coding_text, const char *text, size_t len, char *out) {
    enum coding coding = CODING_IDENTITY;
    wharf_str input = {text, len};
    EXPECT(coding_find(wharf_str_of(coding_text), &coding));
    if (coding == CODING_IDENTITY) {
        memcpy(out, text, len);
        return len;
    }
    struct encoder *encoder = encoder_new(coding);
    ssize_t made = encoder_run(encoder, ENCODER_FINISH, &input, out, CODED_SIZE);
    encoder_free(encoder);
    EXPECT(made > 0 && made < CODED_SIZE);
    return (size_t)made;
}

static int answer_coded(wharf_sock sock, const char *codings, const char *coded, size_t len) {
    char head[256];
    (void)snprintf(head, sizeof(head),
                   "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %zu\r\n\r\n", codings, len);
    int rc = answer(sock, head);
    return rc < 0 ? rc : (int)wharf_send(sock, coded, len);
}

/* The path is a list of codings, as they are applied: "/gzip,br". */
static int serve_coded(wharf_sock sock) {
    static char coded[2][CODED_SIZE];
    while (take_head(sock) > 0) {
        wharf_str path = str_slice(wharf_str_of(stage.head), 5, strcspn(stage.head + 5, " ") + 5);
        char codings[64];
        wharf_str rest = path;
        wharf_str name = {NULL, 0};
        size_t len = CONTENT_LEN;
        memcpy(coded[0], content, CONTENT_LEN);
        while (str_split(&rest, ',', &name)) {
            char coding[32];
            (void)str_copy_to(coding, sizeof(coding), name);
            len = encode(coding, coded[0], len, coded[1]);
            memcpy(coded[0], coded[1], len);
        }
        (void)str_copy_to(codings, sizeof(codings), path);
        if (answer_coded(sock, codings, coded[0], len) < 0) {
            return -1;
        }
    }
    return 0;
}

static const char *const chains[] = {"/gzip", "/x-gzip",       "/deflate",       "/br",
                                     "/zstd", "/GZip,br,zstd", "/identity,gzip", "/gzip,gzip,gzip,gzip,gzip"};

static void play_codings(wharf_client *client) {
    for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
        wharf_response *response = get(client, chains[i]);
        EXPECT(wharf_response_error(response) == 0);
        EXPECT(wharf_str_equal(wharf_response_body(response), (wharf_str){content, CONTENT_LEN}));
        EXPECT(wharf_response_content_length(response) == -1);
        EXPECT(wharf_response_header(response, "Content-Encoding").len > 0);
        wharf_response_free(response);
    }
    EXPECT(stage.connections == 1);
}

static void undoes_every_coding(void **state) {
    (void)state;
    run(serve_coded, play_codings);
}

static void play_stream(wharf_client *client) {
    char piece[777];
    for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
        size_t total = 0;
        ssize_t got = 1;
        wharf_response *response = wharf_fetch(
            client, WHARF_OPTIONS(wharf_fetch_options, .url = url_of(chains[i]), .stream = true));
        while (got > 0) {
            got = wharf_response_read(response, piece, sizeof(piece));
            EXPECT(got >= 0 && total + (size_t)got <= CONTENT_LEN);
            EXPECT(got <= 0 || memcmp(piece, content + total, (size_t)got) == 0);
            total += (size_t)got;
        }
        EXPECT(total == CONTENT_LEN);
        EXPECT(wharf_response_read(response, piece, sizeof(piece)) == 0);
        wharf_response_free(response);
    }
    EXPECT(stage.connections == 1);
}

static void a_stream_is_decoded_as_it_comes(void **state) {
    (void)state;
    run(serve_coded, play_stream);
}

static void play_raw(wharf_client *client) {
    char coded[CODED_SIZE];
    size_t len = encode("gzip", content, CONTENT_LEN, coded);
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = url_of("/gzip"), .raw = true));
    EXPECT(wharf_str_equal(wharf_response_body(response), (wharf_str){coded, len}));
    EXPECT(wharf_response_content_length(response) == (int64_t)len);
    EXPECT(!head_has("Accept-Encoding"));
    wharf_response_free(response);
}

static void raw_leaves_the_coding(void **state) {
    (void)state;
    run(serve_coded, play_raw);
}

static void play_limit(wharf_client *client) {
    wharf_response *response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = url_of("/gzip"), .limits.body_bytes = CONTENT_LEN));
    EXPECT(wharf_response_error(response) == 0);
    wharf_response_free(response);
    response = wharf_fetch(client, WHARF_OPTIONS(wharf_fetch_options, .url = url_of("/gzip"),
                                                 .limits.body_bytes = CONTENT_LEN - 1));
    EXPECT(wharf_response_error(response) == -WHARF_ELIMIT &&
           why_has(response, "limits.body_bytes is 29999"));
    EXPECT(wharf_response_body(response).len == CONTENT_LEN - 1);
    wharf_response_free(response);
}

static void the_limit_of_a_body_counts_decoded_bytes(void **state) {
    (void)state;
    run(serve_coded, play_limit);
}

/* ---- what is wrong ---- */

static int serve_faults(wharf_sock sock) {
    static char coded[CODED_SIZE];
    while (take_head(sock) > 0) {
        size_t len = encode("gzip", content, CONTENT_LEN, coded);
        if (head_has("/cut")) {
            len -= 4;
        } else if (head_has("/broken")) {
            coded[len / 2] = (char)(coded[len / 2] ^ 0x55);
        } else if (head_has("/garbage")) {
            memcpy(coded + len, "garbage", 7);
            len += 7;
        } else {
            len = 0;
        }
        if (answer_coded(sock, "gzip", coded, len) < 0) {
            return -1;
        }
    }
    return 0;
}

static void play_faults(wharf_client *client) {
    static const struct {
        const char *path, *why;
        int error;
    } rows[] = {{"/cut", "incomplete coding, gzip, after 30000 decoded bytes", -WHARF_EEOF},
                {"/broken", "broken coding, gzip, after ", -WHARF_EPROTOCOL},
                {"/garbage", "broken coding, gzip, after ", -WHARF_EPROTOCOL}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wharf_response *response = get(client, rows[i].path);
        EXPECT(wharf_response_error(response) == rows[i].error && why_has(response, rows[i].why));
        EXPECT(wharf_response_status(response) == 200);
        wharf_str body = wharf_response_body(response);
        EXPECT(body.len <= CONTENT_LEN &&
               (rows[i].path[1] == 'b' || memcmp(body.ptr, content, body.len) == 0));
        wharf_response_free(response);
    }
    wharf_response *response = get(client, "/empty");
    EXPECT(wharf_response_error(response) == 0 && wharf_response_body(response).len == 0);
    wharf_response_free(response);
}

static void a_cut_or_broken_coding_is_an_error(void **state) {
    (void)state;
    run(serve_faults, play_faults);
}

/* ---- what must not be decoded ---- */

static int serve_undecodable(wharf_sock sock) {
    while (take_head(sock) > 0) {
        const char *text = "HTTP/1.1 200 OK\r\nContent-Encoding: compress\r\nContent-Length: 4\r\n\r\nas-is";
        if (head_has("HEAD ")) {
            text = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n";
        } else if (head_has("/304")) {
            text = "HTTP/1.1 304 Not Modified\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n";
        } else if (head_has("/206")) {
            text = "HTTP/1.1 206 Partial Content\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nas-i";
        } else if (head_has("/many")) {
            text = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, gzip\r\nContent-Encoding: br, br, br\r\n"
                   "Content-Length: 4\r\n\r\nas-i";
        }
        if (wharf_send(sock, text, strlen(text) - (head_has("/unknown") ? 1 : 0)) < 0) {
            return -1;
        }
    }
    return 0;
}

static void play_undecodable(wharf_client *client) {
    static const char *const paths[] = {"/unknown", "/206", "/many"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        wharf_response *response = get(client, paths[i]);
        EXPECT(wharf_response_error(response) == 0);
        EXPECT(wharf_str_is(wharf_response_body(response), "as-i"));
        EXPECT(wharf_response_content_length(response) == 4);
        wharf_response_free(response);
    }
    wharf_response *response = get(client, "/304");
    EXPECT(wharf_response_error(response) == 0 && wharf_response_status(response) == 304);
    wharf_response_free(response);
    response = wharf_fetch(client,
                           WHARF_OPTIONS(wharf_fetch_options, .method = "HEAD", .url = url_of("/head")));
    EXPECT(wharf_response_error(response) == 0 && wharf_response_content_length(response) == 4);
    wharf_response_free(response);
    EXPECT(stage.connections == 1);
}

static void what_cannot_be_decoded_stays_as_it_is(void **state) {
    (void)state;
    run(serve_undecodable, play_undecodable);
}

/* ---- bombs ---- */

/* 16 MiB of zeros in some hundred bytes. */
static int serve_bomb(wharf_sock sock) {
    static char zeros[1 << 16];
    static char coded[CODED_SIZE];
    while (take_head(sock) > 0) {
        struct encoder *encoder = encoder_new(CODING_ZSTD);
        size_t len = 0;
        for (size_t i = 0; i <= BOMB_BYTES / sizeof(zeros); i++) {
            bool is_last = i == BOMB_BYTES / sizeof(zeros);
            wharf_str input = {zeros, is_last ? 0 : sizeof(zeros)};
            ssize_t made = encoder_run(encoder, is_last ? ENCODER_FINISH : ENCODER_MORE, &input, coded + len,
                                       sizeof(coded) - len);
            EXPECT(made >= 0 && input.len == 0);
            len += (size_t)made;
        }
        encoder_free(encoder);
        if (answer_coded(sock, "zstd", coded, len) < 0) {
            return -1;
        }
    }
    return 0;
}

static void play_bomb(wharf_client *client) {
    wharf_response *response = get(client, "/");
    EXPECT(wharf_response_error(response) == -WHARF_ELIMIT &&
           why_has(response, "limits.decoded_ratio is 1000"));
    EXPECT(wharf_response_body(response).len < BOMB_BYTES);
    wharf_response_free(response);
    response = wharf_fetch(
        client, WHARF_OPTIONS(wharf_fetch_options, .url = stage.base, .limits.decoded_ratio = WHARF_OFF));
    EXPECT(wharf_response_error(response) == 0 && wharf_response_body(response).len == BOMB_BYTES);
    wharf_response_free(response);
}

static void a_bomb_is_not_swallowed(void **state) {
    (void)state;
    stage.serve = serve_bomb;
    play = play_bomb;
    (void)scenario_run(WHARF_OPTIONS(wharf_sim_options, .seed = 1), perform);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(undoes_every_coding),
        cmocka_unit_test(a_stream_is_decoded_as_it_comes),
        cmocka_unit_test(raw_leaves_the_coding),
        cmocka_unit_test(the_limit_of_a_body_counts_decoded_bytes),
        cmocka_unit_test(a_cut_or_broken_coding_is_an_error),
        cmocka_unit_test(what_cannot_be_decoded_stays_as_it_is),
        cmocka_unit_test(a_bomb_is_not_swallowed),
    };
    fill_content();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

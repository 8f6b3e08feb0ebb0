/* Bodies: chunk headers, trailer sections, and the decoder over every framing, whole and split at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/memory.h"
#include "base/text.h"
#include "http/codec/chunked.h"

enum { BODY_MAX = 64, TRAILERS_MAX = 8 };

/* ---- a reader, as server and client have it ---- */

struct reading {
    int result; /* H1_PIECE_END, H1_PIECE_MORE when the text ran out, or the error */
    char body[BODY_MAX];
    size_t body_len;
    size_t used; /* bytes of the text */
    size_t trailers;
    char trailer_names[BODY_MAX];
    struct h1_error error;
};

static void note_trailers(struct reading *reading, const struct headers *trailers) {
    size_t len = 0;
    for (size_t i = 0; i < trailers->count; i++) {
        len += str_copy_to(reading->trailer_names + len, BODY_MAX - len, trailers->at[i].name);
    }
    reading->trailers = trailers->count;
}

/* Reads a body of which `window` bytes more arrive at a time, and takes at most `bite` bytes of it at once.
 */
static struct reading read_body(wharf_str text, enum h1_framing framing, uint64_t length, size_t window,
                                size_t bite) {
    struct reading reading = {0};
    struct header storage[TRAILERS_MAX];
    struct headers trailers;
    struct h1_body body;
    headers_init(&trailers, storage, TRAILERS_MAX);
    h1_body_init(&body, framing, length, &h1_limits_server, &trailers);
    size_t arrived = window < text.len ? window : text.len;
    for (;;) {
        struct h1_piece piece;
        size_t len = arrived - reading.used;
        char *copy = mem_alloc(len);
        assert_non_null(copy);
        memcpy(copy, text.ptr + reading.used, len);
        reading.result = h1_body_next(&body, (wharf_str){copy, len}, &piece, &reading.error);
        if (reading.result == H1_PIECE_END) {
            note_trailers(&reading, &trailers);
        }
        if (reading.result >= 0) {
            reading.used += piece.skip;
        }
        if (reading.result == H1_PIECE_DATA) {
            size_t take = piece.data.len < bite ? piece.data.len : bite;
            assert_true(take > 0 && reading.body_len + take <= BODY_MAX);
            assert_ptr_equal(piece.data.ptr, copy + piece.skip);
            memcpy(reading.body + reading.body_len, piece.data.ptr, take);
            reading.body_len += take;
            reading.used += take;
            assert_true(h1_body_plain(&body) >= take);
            h1_body_take(&body, take);
        }
        mem_free(copy);
        bool starved = reading.result == H1_PIECE_MORE && arrived == text.len;
        if (reading.result < 0 || reading.result == H1_PIECE_END || starved) {
            assert_int_equal(body.taken, reading.body_len);
            assert_true(reading.result < 0 || body.raw == reading.used);
            assert_int_equal(h1_body_is_done(&body), reading.result == H1_PIECE_END);
            return reading;
        }
        if (reading.result == H1_PIECE_MORE) {
            arrived = arrived + window < text.len ? arrived + window : text.len;
        }
    }
}

static struct reading read_chunked(wharf_str text, size_t window, size_t bite) {
    return read_body(text, H1_BODY_CHUNKED, 0, window, bite);
}

/* ---- chunked bodies that are accepted ---- */

static const struct {
    const char *text;
    const char *body;
    const char *trailers; /* names, one behind the other */
} accepted_rows[] = {
    {"0\r\n\r\n", "", ""},
    {"5\r\nhello\r\n0\r\n\r\n", "hello", ""},
    {"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc", ""},
    {"A\r\n0123456789\r\n00\r\n\r\n", "0123456789", ""},
    {"0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello", ""},
    {"4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", ""},
    {"1;a\r\nx\r\n0;b=c\r\n\r\n", "x", ""},
    {"1;a=b;c=\"d;\\\"\t \xc3\xa9\"\r\nx\r\n0\r\n\r\n", "x", ""},
    {"1; a = b ; c\r\nx\r\n0\r\n\r\n", "x", ""},
    {"1;a=\"\"\r\nx\r\n0\r\n\r\n", "x", ""},
    {"0\r\nX-Sum: 1\r\nETag: \"a\"\r\n\r\n", "", "X-SumETag"},
    {"0\r\nX-Sum:\r\n\r\n", "", "X-Sum"},
    {"0\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nHost: b\r\nX: y\r\nAuthorization: z\r\n"
     "Content-Type: a/b\r\nCookie: c\r\n\r\n",
     "", "X"},
};

static void decodes_however_the_bytes_arrive_and_are_taken(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepted_rows / sizeof *accepted_rows; i++) {
        wharf_str text = wharf_str_of(accepted_rows[i].text);
        for (size_t window = 1; window <= text.len; window++) {
            for (size_t bite = 1; bite < 4; bite++) {
                struct reading got = read_chunked(text, window, bite);
                if (got.result != H1_PIECE_END) {
                    fail_msg("row %zu, window %zu: %d %s", i, window, got.result, got.error.reason);
                }
                assert_int_equal(got.used, text.len);
                assert_true(wharf_str_is((wharf_str){got.body, got.body_len}, accepted_rows[i].body));
                assert_string_equal(got.trailer_names, accepted_rows[i].trailers);
            }
        }
    }
}

static void every_strict_prefix_is_incomplete(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepted_rows / sizeof *accepted_rows; i++) {
        wharf_str text = wharf_str_of(accepted_rows[i].text);
        for (size_t len = 0; len < text.len; len++) {
            struct reading got = read_chunked(str_slice(text, 0, len), len + 1, BODY_MAX);
            if (got.result != H1_PIECE_MORE) {
                fail_msg("row %zu, %zu bytes: %d %s", i, len, got.result, got.error.reason);
            }
        }
    }
}

static void no_bytes_are_incomplete(void **state) {
    (void)state;
    static const enum h1_framing framings[] = {H1_BODY_LENGTH, H1_BODY_CHUNKED, H1_BODY_UNTIL_CLOSE};
    for (size_t i = 0; i < 3; i++) {
        struct h1_body body;
        struct h1_piece piece;
        struct h1_error error;
        h1_body_init(&body, framings[i], 5, &h1_limits_server, NULL);
        assert_int_equal(h1_body_next(&body, (wharf_str){NULL, 0}, &piece, &error), H1_PIECE_MORE);
        assert_int_equal(piece.skip, 0);
    }
}

static void leaves_the_next_message_alone(void **state) {
    (void)state;
    struct reading got = read_chunked(STR("1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n"), 100, BODY_MAX);
    assert_int_equal(got.result, H1_PIECE_END);
    assert_int_equal(got.used, 11);
}

/* ---- chunked bodies that are refused ---- */

struct refused {
    wharf_str text;
    const char *reason;
    size_t offset;
};

static const struct refused refused_rows[] = {
    {STR("\r\nhello"), "h1.chunk_size.empty", 0},
    {STR(";a\r\n"), "h1.chunk_size.empty", 0},
    {STR("0x5\r\nhello"), "h1.chunk_size.invalid", 1},
    {STR("x\r\n"), "h1.chunk_size.invalid", 0},
    {STR("+5\r\nhello"), "h1.chunk_size.invalid", 0},
    {STR("-5\r\nhello"), "h1.chunk_size.invalid", 0},
    {STR("1_0\r\nhello"), "h1.chunk_size.invalid", 1},
    {STR(" 5\r\nhello"), "h1.chunk_size.invalid", 0},
    {STR("5 \r\nhello"), "h1.chunk_size.invalid", 1},
    {STR("5\t\r\nhello"), "h1.chunk_size.invalid", 1},
    {STR("5 ;a\r\nhello"), "h1.chunk_size.invalid", 1},
    {STR("5,5\r\nhello"), "h1.chunk_size.invalid", 1},
    {STR("5\0\r\nhello"), "h1.chunk_size.invalid", 1},
    {STR("\xef\xbc\x95\r\nhello"), "h1.chunk_size.invalid", 0},
    {STR("00000000000000005\r\nhello"), "h1.chunk_size.long", 16},
    {STR("8000000000000000\r\n"), "h1.chunk_size.range", 0},
    {STR("ffffffffffffffff\r\n"), "h1.chunk_size.range", 0},
    {STR("5\nhello\r\n"), "h1.line.bare_lf", 1},
    {STR("5\rhello\r\n"), "h1.line.bare_cr", 1},
    {STR("5;a\nhello\r\n"), "h1.line.bare_lf", 3},
    {STR("5;a\rb\r\nhello"), "h1.line.bare_cr", 3},
    {STR("5;\nhello\r\n"), "h1.line.bare_lf", 2},
    {STR("5;\r\nhello"), "h1.chunk_extension.invalid", 2},
    {STR("5;a \r\nhello"), "h1.chunk_extension.invalid", 4},
    {STR("5;a=\r\nhello"), "h1.chunk_extension.invalid", 4},
    {STR("5;=a\r\nhello"), "h1.chunk_extension.invalid", 2},
    {STR("5;a b\r\nhello"), "h1.chunk_extension.invalid", 4},
    {STR("5;;a\r\nhello"), "h1.chunk_extension.invalid", 2},
    {STR("5;a=\"b\r\nhello"), "h1.chunk_extension.invalid", 6},
    {STR("5;a=\"b\\\r\nhello"), "h1.chunk_extension.invalid", 7},
    {STR("5;a=\"b\"c\r\nhello"), "h1.chunk_extension.invalid", 7},
    {STR("5;\xc3\xa9\r\nhello"), "h1.chunk_extension.invalid", 2},
    {STR("5;a\0\r\nhello"), "h1.chunk_extension.control", 3},
    {STR("5;a=\"\x01\"\r\nhello"), "h1.chunk_extension.control", 5},
    {STR("5;a=\"\\\x7f\"\r\nhello"), "h1.chunk_extension.control", 6},
    {STR("5\r\nhelloworld\r\n"), "h1.chunk_data.long", 8},
    {STR("5\r\nhello0\r\n\r\n"), "h1.chunk_data.long", 8},
    {STR("5\r\nhello\n0\r\n\r\n"), "h1.chunk_data.long", 8},
    {STR("5\r\nhello\rX"), "h1.chunk_data.long", 9},
    {STR("1\r\na\r\n\r\n"), "h1.chunk_size.empty", 6},
    {STR("1\r\na\r\n1 \r\nb\r\n"), "h1.chunk_size.invalid", 7},
    {STR("0\r\n\n"), "h1.line.bare_lf", 3},
    {STR("0\r\n\rX"), "h1.line.bare_cr", 3},
    {STR("0\r\nX: y\n\r\n"), "h1.line.bare_lf", 7},
    {STR("0\r\nX: y\rZ: z\r\n\r\n"), "h1.line.bare_cr", 7},
    {STR("0\r\nX: y\r\n\rZ\r\n\r\n"), "h1.line.bare_cr", 9},
    {STR("0\r\nX : y\r\n\r\n"), "h1.field_name.whitespace", 4},
    {STR("0\r\nX: y\r\n z\r\n\r\n"), "h1.field.folded", 9},
    {STR("0\r\n: y\r\n\r\n"), "h1.field_name.empty", 3},
    {STR("0\r\nGET / HTTP/1.1\r\n\r\n"), "h1.field_name.invalid", 6},
    {STR("0\r\nX: \0\r\n\r\n"), "h1.field_value.nul", 6},
    {STR("0\r\nContent-Length: \x01\r\n\r\n"), "h1.field_value.control", 19},
};

static void refuses_broken_framing_however_the_bytes_arrive(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused_rows / sizeof *refused_rows; i++) {
        const struct refused *row = &refused_rows[i];
        for (size_t window = 1; window <= row->text.len; window++) {
            struct reading got = read_chunked(row->text, window, BODY_MAX);
            if (got.result >= 0 || strcmp(got.error.reason, row->reason) != 0 ||
                got.error.offset != row->offset) {
                fail_msg("row %zu, window %zu: %d %s at %zu instead of %s at %zu", i, window, got.result,
                         got.error.reason, got.error.offset, row->reason, row->offset);
            }
            assert_int_equal(got.error.status, 400);
        }
    }
}

/* ---- limits ---- */

static void extensions_of_all_chunks_count_together(void **state) {
    (void)state;
    struct h1_limits limits = h1_limits_server;
    limits.chunk_extension_bytes = 6;
    struct h1_body body;
    struct h1_piece piece;
    struct h1_error error;
    h1_body_init(&body, H1_BODY_CHUNKED, 0, &limits, NULL);
    assert_int_equal(h1_body_next(&body, STR("1;ab\r\nx"), &piece, &error), H1_PIECE_DATA);
    h1_body_take(&body, 1);
    assert_int_equal(h1_body_next(&body, STR("\r\n1;c\r\nx"), &piece, &error), H1_PIECE_DATA);
    h1_body_take(&body, 1);
    assert_int_equal(h1_body_next(&body, STR("\r\n1;d\r\nx"), &piece, &error), -WHARF_ELIMIT);
    assert_string_equal(error.reason, "h1.chunk_extension.long");
    assert_string_equal(error.limit, "chunk_extension_bytes");
    assert_int_equal(error.status, 400);
}

static void refuses_a_long_extension_before_its_line_ends(void **state) {
    (void)state;
    struct h1_chunk chunk;
    struct h1_error error;
    assert_int_equal(h1_chunk_parse(STR("1;abc\r\n"), 4, &chunk, &error), 1);
    assert_int_equal(chunk.extension_len, 4);
    assert_int_equal(chunk.line_len, 7);
    assert_int_equal(h1_chunk_parse(STR("1;abcd"), 4, &chunk, &error), 0);
    assert_int_equal(h1_chunk_parse(STR("1;abcde"), 4, &chunk, &error), -WHARF_ELIMIT);
    assert_int_equal(error.offset, 5);
    assert_int_equal(h1_chunk_parse(STR("1;abcd\r\n"), 4, &chunk, &error), -WHARF_ELIMIT);
    assert_int_equal(h1_chunk_parse(STR("1\r\n"), 0, &chunk, &error), 1);
}

static void trailers_have_their_limits(void **state) {
    (void)state;
    struct h1_limits limits = h1_limits_server;
    struct h1_progress progress = {0};
    struct h1_error error;
    limits.trailer_lines = 2;
    limits.trailer_bytes = 20;
    assert_int_equal(h1_trailer_parse(STR("A: b\r\nC: d\r\n\r\n"), &progress, &limits, NULL, &error), 14);
    assert_int_equal(h1_trailer_parse(STR("A:\r\nC:\r\nE:\r\n\r\n"), &progress, &limits, NULL, &error),
                     -WHARF_ELIMIT);
    assert_string_equal(error.reason, "h1.trailer.lines");
    assert_int_equal(error.status, 431);
    assert_int_equal(error.offset, 8);
    assert_int_equal(h1_trailer_parse(STR("A: 0123456789abc\r\n\r\n"), &progress, &limits, NULL, &error), 20);
    assert_int_equal(h1_trailer_parse(STR("A: 0123456789abcd\r\n\r\n"), &progress, &limits, NULL, &error),
                     -WHARF_ELIMIT);
    assert_string_equal(error.reason, "h1.trailer.long");
    assert_int_equal(h1_trailer_parse(STR("A: 0123456789abcdefg"), &progress, &limits, NULL, &error),
                     -WHARF_ELIMIT);
}

static void trailers_that_find_no_room_are_a_limit(void **state) {
    (void)state;
    struct header storage[1];
    struct headers trailers;
    struct h1_progress progress = {0};
    struct h1_error error;
    headers_init(&trailers, storage, 1);
    ssize_t result = h1_trailer_parse(STR("A: b\r\nC: d\r\n\r\n"), &progress, &h1_limits_server, &trailers,
                                      &error);
    assert_int_equal(result, -WHARF_ELIMIT);
    assert_string_equal(error.reason, "h1.trailer.lines");
}

/* ---- the other framings ---- */

static void a_body_of_known_length_ends_there(void **state) {
    (void)state;
    for (size_t window = 1; window < 10; window++) {
        struct reading got = read_body(STR("helloGET"), H1_BODY_LENGTH, 5, window, 2);
        assert_int_equal(got.result, H1_PIECE_END);
        assert_int_equal(got.used, 5);
        assert_true(wharf_str_is((wharf_str){got.body, got.body_len}, "hello"));
    }
    assert_int_equal(read_body(STR("hell"), H1_BODY_LENGTH, 5, 4, 4).result, H1_PIECE_MORE);
    assert_int_equal(read_body(STR("x"), H1_BODY_LENGTH, 0, 1, 1).used, 0);
    assert_int_equal(read_body(STR("x"), H1_BODY_NONE, 0, 1, 1).result, H1_PIECE_END);
    struct reading got = read_body(STR("all of it"), H1_BODY_UNTIL_CLOSE, 0, 4, 3);
    assert_int_equal(got.result, H1_PIECE_MORE);
    assert_int_equal(got.body_len, 9);
}

static void says_how_many_bytes_are_plain_body(void **state) {
    (void)state;
    struct h1_body body;
    struct h1_piece piece;
    struct h1_error error;
    h1_body_init(&body, H1_BODY_LENGTH, 10, &h1_limits_server, NULL);
    assert_int_equal(h1_body_plain(&body), 10);
    h1_body_take(&body, 4);
    assert_int_equal(h1_body_plain(&body), 6);
    h1_body_init(&body, H1_BODY_UNTIL_CLOSE, 0, &h1_limits_server, NULL);
    h1_body_take(&body, 4);
    assert_int_equal(h1_body_plain(&body), UINT64_MAX);
    h1_body_init(&body, H1_BODY_CHUNKED, 0, &h1_limits_server, NULL);
    assert_int_equal(h1_body_plain(&body), 0);
    assert_int_equal(h1_body_next(&body, STR("64\r\n"), &piece, &error), H1_PIECE_MORE);
    assert_int_equal(piece.skip, 4);
    assert_int_equal(h1_body_plain(&body), 100);
    h1_body_take(&body, 100);
    assert_int_equal(h1_body_plain(&body), 0);
}

static void an_early_end_of_the_stream_is_noticed(void **state) {
    (void)state;
    struct h1_body body;
    struct h1_piece piece;
    struct h1_error error;
    h1_body_init(&body, H1_BODY_UNTIL_CLOSE, 0, &h1_limits_server, NULL);
    assert_int_equal(h1_body_close(&body), 0);
    h1_body_init(&body, H1_BODY_NONE, 0, &h1_limits_server, NULL);
    assert_int_equal(h1_body_close(&body), 0);
    h1_body_init(&body, H1_BODY_LENGTH, 5, &h1_limits_server, NULL);
    assert_int_equal(h1_body_close(&body), -WHARF_EEOF);
    h1_body_take(&body, 5);
    assert_int_equal(h1_body_close(&body), 0);
    h1_body_init(&body, H1_BODY_CHUNKED, 0, &h1_limits_server, NULL);
    assert_int_equal(h1_body_next(&body, STR("0\r\n"), &piece, &error), H1_PIECE_MORE);
    assert_int_equal(h1_body_close(&body), -WHARF_EEOF);
    assert_int_equal(h1_body_next(&body, STR("\r\n"), &piece, &error), H1_PIECE_END);
    assert_int_equal(h1_body_close(&body), 0);
}

/* ---- encoding ---- */

static void what_is_encoded_can_be_decoded(void **state) {
    (void)state;
    struct buffer out;
    struct header storage[2];
    struct headers trailers;
    char line[H1_CHUNK_LINE_MAX];
    buffer_init(&out, 1000);
    headers_init(&trailers, storage, 2);
    headers_add(&trailers, STR("X-Sum"), STR("1 2"));
    assert_int_equal(buffer_append(&out, line, h1_chunk_format(11, line)), 0);
    assert_int_equal(buffer_append_str(&out, STR("hello world\r\n")), 0);
    assert_int_equal(h1_chunk_append_last(&out, &trailers), 0);
    assert_true(wharf_str_is(buffer_view(&out), "b\r\nhello world\r\n0\r\nX-Sum: 1 2\r\n\r\n"));
    struct reading got = read_chunked(buffer_view(&out), 3, 2);
    assert_int_equal(got.result, H1_PIECE_END);
    assert_true(wharf_str_is((wharf_str){got.body, got.body_len}, "hello world"));
    assert_string_equal(got.trailer_names, "X-Sum");
    assert_int_equal(h1_chunk_format(UINT64_MAX, line), H1_CHUNK_LINE_MAX);
    buffer_deinit(&out);
}

static void nothing_invalid_is_encoded(void **state) {
    (void)state;
    struct buffer out;
    struct header storage[1];
    struct headers trailers;
    buffer_init(&out, 1000);
    assert_int_equal(h1_append_field(&out, STR("A"), STR("b")), 0);
    assert_int_equal(h1_append_field(&out, STR("A:"), STR("b")), -EINVAL);
    assert_int_equal(h1_append_field(&out, STR(""), STR("b")), -EINVAL);
    assert_int_equal(h1_append_field(&out, STR("A"), STR("b\r\nC: d")), -EINVAL);
    headers_init(&trailers, storage, 1);
    headers_add(&trailers, STR("Content-Length"), STR("1"));
    assert_int_equal(h1_chunk_append_last(&out, &trailers), -EINVAL);
    headers_clear(&trailers);
    headers_add(&trailers, STR("X"), STR("\n"));
    assert_int_equal(h1_chunk_append_last(&out, &trailers), -EINVAL);
    assert_true(wharf_str_is(buffer_view(&out), "A: b\r\n"));
    buffer_deinit(&out);
}

static void a_failed_allocation_leaves_the_buffer_as_it_was(void **state) {
    (void)state;
    struct header storage[1];
    struct headers trailers;
    headers_init(&trailers, storage, 1);
    headers_add(&trailers, STR("X"), STR("y"));
    for (uint64_t n = 1;; n++) {
        struct buffer out;
        buffer_init(&out, 1000);
        mem_fail_at(n);
        int code = h1_chunk_append_last(&out, &trailers);
        bool failed = mem_did_fail();
        mem_fail_at(0);
        assert_int_equal(code, failed ? -ENOMEM : 0);
        assert_int_equal(buffer_len(&out), failed ? 0 : strlen("0\r\nX: y\r\n\r\n"));
        buffer_deinit(&out);
        if (!failed) {
            break;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_however_the_bytes_arrive_and_are_taken),
        cmocka_unit_test(every_strict_prefix_is_incomplete),
        cmocka_unit_test(no_bytes_are_incomplete),
        cmocka_unit_test(leaves_the_next_message_alone),
        cmocka_unit_test(refuses_broken_framing_however_the_bytes_arrive),
        cmocka_unit_test(extensions_of_all_chunks_count_together),
        cmocka_unit_test(refuses_a_long_extension_before_its_line_ends),
        cmocka_unit_test(trailers_have_their_limits),
        cmocka_unit_test(trailers_that_find_no_room_are_a_limit),
        cmocka_unit_test(a_body_of_known_length_ends_there),
        cmocka_unit_test(says_how_many_bytes_are_plain_body),
        cmocka_unit_test(an_early_end_of_the_stream_is_noticed),
        cmocka_unit_test(what_is_encoded_can_be_decoded),
        cmocka_unit_test(nothing_invalid_is_encoded),
        cmocka_unit_test(a_failed_allocation_leaves_the_buffer_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

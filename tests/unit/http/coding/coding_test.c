/* Content codings: what other programs encoded is decoded in pieces of any size, what we encode comes back, and what is
 * cut, corrupt or followed by something else is an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "http/coding/coding.h"

#define TEXT        "Hello, Hello, Hello!"
#define RAW_DEFLATE "\xf3\x48\xcd\xc9\xc9\xd7\x51\xf0\x40\xa2\x14\x01"
#define GZIP_HEADER "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03"
#define GZIP        GZIP_HEADER RAW_DEFLATE "\x6f\xa5\xfc\x50\x14\x00\x00\x00"
#define ZLIB        "\x78\x9c" RAW_DEFLATE "\x46\x3e\x06\x96"
#define BROTLI      "\x21\x4c\x00\x04" TEXT "\x03"
#define ZSTD \
    "\x28\xb5\x2f\xfd\x24\x14\x75\x00\x00\x40\x48\x65\x6c\x6c\x6f\x2c\x20\x21\x01\x00\xe2\x8a\x11\x5d\x90\x09\x81"
#define ZSTD_128_MIB_WINDOW "\x28\xb5\x2f\xfd\x00\x88\x45\x00\x00\x10\x00\x00\x01\x00\x3f\x01\x2c"

struct decode_row {
    enum coding coding;
    wharf_str coded;
    const char *text; /* NULL: -WHARF_EPROTOCOL */
    bool is_cut;      /* no error yet, but it may not end there */
};

static const struct decode_row decode_rows[] = {
    {CODING_GZIP, {GZIP, sizeof(GZIP) - 1}, TEXT, false},
    {CODING_GZIP, {GZIP GZIP, 2 * (sizeof(GZIP) - 1)}, TEXT TEXT, false},
    {CODING_GZIP, {GZIP, sizeof(GZIP) - 2}, TEXT, true},
    {CODING_GZIP, {GZIP GZIP, sizeof(GZIP)}, TEXT, true},
    {CODING_GZIP, {GZIP "x", sizeof(GZIP)}, TEXT, true},
    {CODING_GZIP, {GZIP "xx", sizeof(GZIP "xx") - 1}, NULL, false},
    {CODING_GZIP, {TEXT, sizeof(TEXT) - 1}, NULL, false},
    {CODING_GZIP, {GZIP_HEADER RAW_DEFLATE "????", sizeof(GZIP_HEADER RAW_DEFLATE "????") - 1}, NULL, false},
    {CODING_GZIP, {"", 0}, "", false},
    {CODING_DEFLATE, {ZLIB, sizeof(ZLIB) - 1}, TEXT, false},
    {CODING_DEFLATE, {RAW_DEFLATE, sizeof(RAW_DEFLATE) - 1}, TEXT, false},
    {CODING_DEFLATE, {RAW_DEFLATE, sizeof(RAW_DEFLATE) - 2}, TEXT, true},
    {CODING_DEFLATE, {ZLIB "x", sizeof(ZLIB)}, NULL, false},
    {CODING_DEFLATE, {ZLIB, sizeof(ZLIB) - 2}, TEXT, true},
    {CODING_DEFLATE, {"", 0}, "", false},
    {CODING_BROTLI, {BROTLI, sizeof(BROTLI) - 1}, TEXT, false},
    {CODING_BROTLI, {BROTLI, sizeof(BROTLI) - 2}, TEXT, true},
    {CODING_BROTLI, {BROTLI "x", sizeof(BROTLI)}, NULL, false},
    {CODING_BROTLI, {"\xff\xff\xff\xff", 4}, NULL, false},
    {CODING_BROTLI, {"", 0}, "", false},
    {CODING_ZSTD, {ZSTD, sizeof(ZSTD) - 1}, TEXT, false},
    {CODING_ZSTD, {ZSTD ZSTD, 2 * (sizeof(ZSTD) - 1)}, TEXT TEXT, false},
    {CODING_ZSTD, {ZSTD, sizeof(ZSTD) - 2}, TEXT, true},
    {CODING_ZSTD, {ZSTD TEXT, sizeof(ZSTD TEXT) - 1}, NULL, false},
    {CODING_ZSTD, {TEXT, sizeof(TEXT) - 1}, NULL, false},
    {CODING_ZSTD, {ZSTD_128_MIB_WINDOW, sizeof(ZSTD_128_MIB_WINDOW) - 1}, NULL, false},
    {CODING_ZSTD, {"", 0}, "", false},
};

enum { OUT_SIZE = 1 << 20 };

/* In pieces of at most `in_piece` and `out_piece` bytes. The bytes made, or an error. */
static ssize_t decode_all(struct decoder *decoder, wharf_str coded, size_t in_piece, size_t out_piece,
                          char *out) {
    size_t made = 0;
    for (size_t at = 0; at < coded.len; at += in_piece) {
        wharf_str piece = str_slice(coded, at, at + in_piece);
        ssize_t step = 1;
        while (step > 0) {
            step = decoder_run(decoder, &piece, out + made, out_piece);
            if (step < 0) {
                return step;
            }
            assert_true((size_t)step <= out_piece);
            made += (size_t)step;
        }
        assert_int_equal(piece.len, 0);
    }
    return (ssize_t)made;
}

static void check_decode(const struct decode_row *row, size_t in_piece, size_t out_piece) {
    static char out[OUT_SIZE];
    struct decoder *decoder = decoder_new(row->coding);
    assert_non_null(decoder);
    ssize_t made = decode_all(decoder, row->coded, in_piece, out_piece, out);
    if (row->text == NULL) {
        assert_int_equal(made, -WHARF_EPROTOCOL);
    } else if (row->is_cut) {
        assert_true(made >= 0 && (size_t)made <= strlen(row->text));
        assert_memory_equal(out, row->text, (size_t)made);
        assert_false(decoder_may_end(decoder));
    } else {
        assert_true(wharf_str_is((wharf_str){out, (size_t)made}, row->text));
        assert_true(decoder_may_end(decoder));
    }
    decoder_free(decoder);
}

static void decodes_what_others_encoded_in_any_pieces(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(decode_rows) / sizeof(decode_rows[0]); i++) {
        for (size_t in_piece = 1; in_piece <= decode_rows[i].coded.len + 1; in_piece++) {
            for (size_t out_piece = 1; out_piece <= 50; out_piece += 7) {
                check_decode(&decode_rows[i], in_piece, out_piece);
            }
        }
    }
}

/* Text that neither repeats itself nor is random. */
static void fill(char *text, size_t len, uint64_t seed) {
    struct random random;
    random_init(&random, seed);
    for (size_t i = 0; i < len; i++) {
        uint64_t draw = random_u64(&random);
        bool copies = i > 64 && draw % 4 != 0;
        text[i] = copies ? text[i - 1 - (draw >> 8) % 64] : (char)(draw >> 16);
    }
}

/* Appends to `out` all that the step makes, in pieces of at most `out_piece`. */
static size_t encode_step(struct encoder *encoder, enum encoder_step step, wharf_str input, size_t out_piece,
                          char *out) {
    size_t made = 0;
    bool done = false;
    while (!done) {
        ssize_t len = encoder_run(encoder, step, &input, out + made, out_piece);
        assert_true(len >= 0);
        made += (size_t)len;
        done = input.len == 0 && (size_t)len < out_piece;
        assert_true(made < OUT_SIZE / 2);
    }
    return made;
}

static void check_round_trip(enum coding coding, wharf_str text, size_t in_piece, size_t out_piece) {
    static char coded[OUT_SIZE];
    static char again[OUT_SIZE];
    struct encoder *encoder = encoder_new(coding);
    struct decoder *decoder = decoder_new(coding);
    size_t len = 0;
    for (size_t at = 0; at < text.len; at += in_piece) {
        len += encode_step(encoder, ENCODER_MORE, str_slice(text, at, at + in_piece), out_piece, coded + len);
    }
    len += encode_step(encoder, ENCODER_FINISH, STR(""), out_piece, coded + len);
    assert_int_equal(encode_step(encoder, ENCODER_FINISH, STR(""), out_piece, coded + len), 0);
    ssize_t made = decode_all(decoder, (wharf_str){coded, len}, out_piece, in_piece, again);
    assert_int_equal(made, text.len);
    assert_memory_equal(again, text.ptr, text.len);
    assert_true(decoder_may_end(decoder));
    encoder_free(encoder);
    decoder_free(decoder);
}

static void what_is_encoded_comes_back(void **state) {
    (void)state;
    static const size_t lens[] = {0, 1, 100, 4096, 70000};
    static const size_t pieces[] = {64, 1000, 65536};
    static char text[70000];
    fill(text, sizeof(text), 1);
    for (int coding = CODING_GZIP; coding < CODING_COUNT; coding++) {
        for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
            for (size_t j = 0; j < 9; j++) {
                check_round_trip((enum coding)coding, (wharf_str){text, lens[i]}, pieces[j / 3],
                                 pieces[j % 3]);
            }
        }
    }
}

static void what_was_flushed_can_be_decoded(void **state) {
    (void)state;
    char coded[4096];
    char again[4096];
    for (int coding = CODING_GZIP; coding < CODING_COUNT; coding++) {
        struct encoder *encoder = encoder_new((enum coding)coding);
        struct decoder *decoder = decoder_new((enum coding)coding);
        for (size_t event = 0; event < 20; event++) {
            size_t len = encode_step(encoder, ENCODER_FLUSH, STR("data: tick\n\n"), sizeof(coded), coded);
            ssize_t made = decode_all(decoder, (wharf_str){coded, len}, len, sizeof(again), again);
            assert_true(wharf_str_is((wharf_str){again, (size_t)made}, "data: tick\n\n"));
            assert_false(decoder_may_end(decoder));
        }
        encoder_free(encoder);
        decoder_free(decoder);
    }
}

static void coding_names_are_found_without_case(void **state) {
    (void)state;
    enum coding coding = CODING_ZSTD;
    assert_true(coding_find(STR("GZip"), &coding) && coding == CODING_GZIP);
    assert_true(coding_find(STR("x-gzip"), &coding) && coding == CODING_GZIP);
    assert_true(coding_find(STR("br"), &coding) && coding == CODING_BROTLI);
    assert_true(coding_find(STR("identity"), &coding) && coding == CODING_IDENTITY);
    assert_false(coding_find(STR("compress"), &coding));
    assert_false(coding_find(STR(""), &coding));
    assert_true(wharf_str_is(coding_name(CODING_DEFLATE), "deflate"));
}

/* One round trip in which the nth allocation fails. True: there were fewer. */
static bool survives_failure(enum coding coding, uint64_t nth) {
    char text[3000];
    char coded[4096];
    wharf_str input = {text, sizeof(text)};
    fill(text, sizeof(text), 2);
    mem_fail_at(nth);
    struct encoder *encoder = encoder_new(coding);
    struct decoder *decoder = decoder_new(coding);
    ssize_t len = encoder != NULL ? encoder_run(encoder, ENCODER_FINISH, &input, coded, sizeof(coded))
                                  : -ENOMEM;
    wharf_str piece = {coded, len > 0 ? (size_t)len : 0};
    ssize_t made = decoder != NULL && len > 0 ? decoder_run(decoder, &piece, text, sizeof(text)) : -ENOMEM;
    bool failed = mem_did_fail();
    mem_fail_at(0);
    assert_true(made == (ssize_t)sizeof(text) || (failed && made == -ENOMEM));
    encoder_free(encoder);
    decoder_free(decoder);
    return !failed;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    for (int coding = CODING_GZIP; coding < CODING_COUNT; coding++) {
        int64_t live = mem_live();
        uint64_t nth = 1;
        while (!survives_failure((enum coding)coding, nth)) {
            nth++;
            assert_true(nth < 200);
        }
        assert_true(nth > 3);
        assert_int_equal(mem_live(), live);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_what_others_encoded_in_any_pieces),
        cmocka_unit_test(what_is_encoded_comes_back),
        cmocka_unit_test(what_was_flushed_can_be_decoded),
        cmocka_unit_test(coding_names_are_found_without_case),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Target: decoder_run, the first byte choosing the coding and the size of the pieces.
 * Asserts: no more comes out than there is room for, input is only taken off the front, a decoder that makes nothing
 * has taken all its input, and what was decoded comes back when it is encoded anew. */
#include <assert.h>
#include <stdint.h>

#include "base/text.h"
#include "http/coding/coding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_SIZE = 4096, STEPS_MAX = 2000 };

static void check_round_trip(enum coding coding, wharf_str text) {
    char coded[2 * OUT_SIZE];
    char again[OUT_SIZE + 1];
    struct encoder *encoder = encoder_new(coding);
    struct decoder *decoder = decoder_new(coding);
    wharf_str input = text;
    ssize_t len = encoder_run(encoder, ENCODER_FINISH, &input, coded, sizeof(coded));
    assert(len > 0 && input.len == 0);
    wharf_str piece = {coded, (size_t)len};
    ssize_t made = decoder_run(decoder, &piece, again, sizeof(again));
    assert(wharf_str_equal((wharf_str){again, (size_t)made}, text) && decoder_may_end(decoder));
    encoder_free(encoder);
    decoder_free(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char out[OUT_SIZE];
    if (size < 1) {
        return 0;
    }
    enum coding coding = (enum coding)(CODING_GZIP + data[0] % (CODING_COUNT - 1));
    size_t piece_len = (size_t)data[0] / 16 + 1;
    wharf_str rest = {(const char *)data + 1, size - 1};
    struct decoder *decoder = decoder_new(coding);
    ssize_t made = 0;
    for (size_t steps = 0; steps < STEPS_MAX && rest.len > 0 && made >= 0; steps++) {
        wharf_str piece = str_slice(rest, 0, piece_len);
        size_t before = piece.len;
        made = decoder_run(decoder, &piece, out, sizeof(out));
        assert(made <= (ssize_t)sizeof(out) && piece.len <= before);
        assert(made != 0 || piece.len == 0);
        rest = str_slice(rest, before - piece.len, rest.len);
        if (made > 0 && steps < 2) {
            check_round_trip(coding, (wharf_str){out, (size_t)made});
        }
    }
    (void)decoder_may_end(decoder);
    decoder_free(decoder);
    return 0;
}

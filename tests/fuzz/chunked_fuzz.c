/* Targets h1_body_next over chunked bodies. The first input byte says how many bytes arrive at a time, the
 * second how many body bytes are taken at once; the rest is the stream.
 *
 * Asserts that body, trailers, end and errors do not depend on either, that nothing is used up that has not
 * arrived, and that a decoder which asks for more has used up whole framing lines only. */
#include "base/text.h"
#include "http/codec/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    int result;
    uint64_t used, body_bytes, sum;
    size_t trailers;
    struct h1_error error;
};

static void require(bool condition) {
    if (!condition) {
        __builtin_trap();
    }
}

static void take(struct reading *reading, wharf_str data) {
    for (size_t i = 0; i < data.len; i++) {
        reading->sum = reading->sum * 31 + (unsigned char)data.ptr[i];
    }
    reading->body_bytes += data.len;
    reading->used += data.len;
}

static struct reading read_body(wharf_str input, size_t window, size_t bite) {
    struct reading reading = {0};
    struct header storage[100];
    struct headers trailers;
    struct h1_body body;
    size_t arrived = window < input.len ? window : input.len;
    headers_init(&trailers, storage, 100);
    h1_body_init(&body, H1_BODY_CHUNKED, 0, &h1_limits_server, &trailers);
    for (;;) {
        struct h1_piece piece;
        reading.result = h1_body_next(&body, str_slice(input, reading.used, arrived), &piece, &reading.error);
        if (reading.result < 0) {
            require(reading.error.offset <= arrived);
            return reading;
        }
        reading.used += piece.skip;
        require(reading.used + piece.data.len <= arrived && reading.used == body.raw);
        if (reading.result == H1_PIECE_DATA) {
            wharf_str data = str_slice(piece.data, 0, bite);
            require(data.len > 0 && data.len <= h1_body_plain(&body));
            take(&reading, data);
            h1_body_take(&body, data.len);
        } else if (reading.result == H1_PIECE_END || arrived == input.len) {
            require(reading.result == H1_PIECE_END || h1_body_close(&body) == -WHARF_EEOF);
            reading.trailers = trailers.count;
            return reading;
        } else {
            arrived = arrived + window < input.len ? arrived + window : input.len;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    wharf_str input = {(const char *)data + 2, size - 2};
    struct reading whole = read_body(input, input.len + 1, input.len + 1);
    struct reading split = read_body(input, (size_t)data[0] + 1, (size_t)data[1] + 1);
    require(split.result == whole.result && split.body_bytes == whole.body_bytes && split.sum == whole.sum);
    if (whole.result < 0) {
        require(split.error.reason == whole.error.reason && split.error.offset == whole.error.offset);
    } else {
        require(split.used == whole.used && split.trailers == whole.trailers);
    }
    return 0;
}

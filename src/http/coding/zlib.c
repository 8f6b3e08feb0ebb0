/* gzip (RFC 1952) and deflate by zlib. What HTTP calls "deflate" is the zlib format (RFC 1950); some servers send it
 * without its two bytes of header, and every client reads that too. */
#include <errno.h>
#include <limits.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "http/coding/library.h"

enum { WINDOW_BITS = 15, GZIP_FORMAT = 16, LEVEL = 6, MEMORY_LEVEL = 8 };

static void *allocate(void *opaque, unsigned count, unsigned size) {
    (void)opaque;
    return mem_alloc((size_t)count * size);
}

struct zlib_state {
    z_stream stream;
    enum coding coding;
    bool is_open;     /* the format is known */
    bool is_complete; /* behind the last byte of one, where in gzip another may follow */
};

static struct zlib_state *state_new(enum coding coding) {
    struct zlib_state *state = mem_zalloc(sizeof(*state));
    if (state != NULL) {
        state->coding = coding;
        state->stream.zalloc = allocate;
        state->stream.zfree = coding_release;
    }
    return state;
}

/* How much of `len` zlib takes at once. */
static unsigned clamp(size_t len) {
    return len > UINT_MAX ? UINT_MAX : (unsigned)len;
}

static void give(z_stream *stream, wharf_str input, char *out, size_t size) {
    stream->next_in = (unsigned char *)input.ptr;
    stream->avail_in = clamp(input.len);
    stream->next_out = (unsigned char *)out;
    stream->avail_out = clamp(size);
}

/* What the stream made, and *input without what it took. */
static ssize_t take(const z_stream *stream, wharf_str *input, const char *out) {
    size_t taken = (size_t)((const char *)stream->next_in - input->ptr);
    *input = taken > 0 ? str_slice(*input, taken, input->len) : *input;
    return (const char *)stream->next_out - out;
}

/* ---- decoding ---- */

static void *zlib_decoder_new(enum coding coding) {
    return state_new(coding);
}

static void zlib_decoder_free(void *pointer) {
    struct zlib_state *state = pointer;
    if (state->is_open) {
        (void)inflateEnd(&state->stream);
    }
    mem_free(state);
}

/* Without a header, a first byte like that of one would begin a block whose padding is not zero. */
static int window_bits_for(enum coding coding, unsigned char first) {
    bool has_header = (first & 15) == Z_DEFLATED && first >> 4 <= 7;
    return coding == CODING_GZIP ? WINDOW_BITS + GZIP_FORMAT : has_header ? WINDOW_BITS : -WINDOW_BITS;
}

static int open_format(struct zlib_state *state, unsigned char first) {
    if (!state->is_open) {
        if (inflateInit2(&state->stream, window_bits_for(state->coding, first)) != Z_OK) {
            return -ENOMEM;
        }
        state->is_open = true;
        return 0;
    }
    if (!state->is_complete) {
        return 0;
    }
    if (state->coding != CODING_GZIP) {
        return -WHARF_EPROTOCOL;
    }
    state->is_complete = false;
    return inflateReset(&state->stream) == Z_OK ? 0 : -WHARF_EPROTOCOL;
}

static ssize_t zlib_decode(void *pointer, wharf_str *input, char *out, size_t size, bool *ret_complete) {
    struct zlib_state *state = pointer;
    size_t made = 0;
    while (made < size && (input->len > 0 || (state->is_open && !state->is_complete))) {
        int status = input->len > 0 ? open_format(state, (unsigned char)input->ptr[0]) : 0;
        if (status < 0) {
            return status;
        }
        give(&state->stream, *input, out + made, size - made);
        int result = inflate(&state->stream, Z_NO_FLUSH);
        size_t before = input->len;
        ssize_t step = take(&state->stream, input, out + made);
        made += (size_t)step;
        state->is_complete = result == Z_STREAM_END;
        *ret_complete = state->is_complete;
        if (result == Z_MEM_ERROR) {
            return -ENOMEM;
        }
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            return -WHARF_EPROTOCOL;
        }
        if (step == 0 && input->len == before) {
            break;
        }
    }
    return (ssize_t)made;
}

/* ---- encoding ---- */

static void *zlib_encoder_new(enum coding coding) {
    struct zlib_state *state = state_new(coding);
    int bits = coding == CODING_GZIP ? WINDOW_BITS + GZIP_FORMAT : WINDOW_BITS;
    if (state == NULL) {
        return NULL;
    }
    if (deflateInit2(&state->stream, LEVEL, Z_DEFLATED, bits, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        mem_free(state);
        return NULL;
    }
    return state;
}

static void zlib_encoder_free(void *pointer) {
    struct zlib_state *state = pointer;
    (void)deflateEnd(&state->stream);
    mem_free(state);
}

static bool zlib_encoder_reset(void *pointer) {
    struct zlib_state *state = pointer;
    state->is_complete = false;
    return deflateReset(&state->stream) == Z_OK;
}

static ssize_t zlib_encode(void *pointer, enum encoder_step step, wharf_str *input, char *out, size_t size) {
    static const int flush_of[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
    struct zlib_state *state = pointer;
    if (state->is_complete) {
        return 0;
    }
    give(&state->stream, *input, out, size);
    int result = deflate(&state->stream, flush_of[step]);
    state->is_complete = result == Z_STREAM_END;
    return take(&state->stream, input, out);
}

const struct coding_library coding_zlib = {
    .decoder_new = zlib_decoder_new,
    .decoder_free = zlib_decoder_free,
    .decode = zlib_decode,
    .encoder_new = zlib_encoder_new,
    .encoder_free = zlib_encoder_free,
    .encoder_reset = zlib_encoder_reset,
    .encode = zlib_encode,
};

/* The codings by name, and the two kinds of streams over whichever library knows the coding. */
#include "http/coding/coding.h"

#include <errno.h>

#include "base/memory.h"
#include "base/text.h"
#include "http/coding/library.h"

static const char *const names[CODING_COUNT] = {"identity", "gzip", "deflate", "br", "zstd"};

static const struct coding_library *const libraries[CODING_COUNT] = {
    [CODING_GZIP] = &coding_zlib,
    [CODING_DEFLATE] = &coding_zlib,
    [CODING_BROTLI] = &coding_brotli,
    [CODING_ZSTD] = &coding_zstd,
};

wharf_str coding_name(enum coding coding) {
    return wharf_str_of(names[coding]);
}

bool coding_find(wharf_str name, enum coding *ret_coding) {
    if (str_equal_nocase(name, STR("x-gzip"))) {
        *ret_coding = CODING_GZIP;
        return true;
    }
    for (int coding = 0; coding < CODING_COUNT; coding++) {
        if (str_equal_nocase(name, wharf_str_of(names[coding]))) {
            *ret_coding = (enum coding)coding;
            return true;
        }
    }
    return false;
}

/* ---- memory ---- */

void *coding_allocate(void *opaque, size_t size) {
    (void)opaque;
    return mem_alloc(size);
}

void coding_release(void *opaque, void *block) {
    (void)opaque;
    mem_free(block);
}

/* ---- decoding ---- */

struct decoder {
    const struct coding_library *library;
    void *state;
    bool may_end;
};

struct decoder *decoder_new(enum coding coding) {
    struct decoder *decoder = mem_zalloc(sizeof(*decoder));
    if (decoder == NULL) {
        return NULL;
    }
    decoder->library = libraries[coding];
    decoder->may_end = true;
    decoder->state = decoder->library->decoder_new(coding);
    if (decoder->state == NULL) {
        mem_free(decoder);
        return NULL;
    }
    return decoder;
}

void decoder_free(struct decoder *decoder) {
    if (decoder != NULL) {
        decoder->library->decoder_free(decoder->state);
        mem_free(decoder);
    }
}

ssize_t decoder_run(struct decoder *decoder, wharf_str *input, char *out, size_t size) {
    return decoder->library->decode(decoder->state, input, out, size, &decoder->may_end);
}

bool decoder_may_end(const struct decoder *decoder) {
    return decoder->may_end;
}

/* ---- encoding ---- */

struct encoder {
    const struct coding_library *library;
    void *state;
};

struct encoder *encoder_new(enum coding coding) {
    struct encoder *encoder = mem_zalloc(sizeof(*encoder));
    if (encoder == NULL) {
        return NULL;
    }
    encoder->library = libraries[coding];
    encoder->state = encoder->library->encoder_new(coding);
    if (encoder->state == NULL) {
        mem_free(encoder);
        return NULL;
    }
    return encoder;
}

void encoder_free(struct encoder *encoder) {
    if (encoder != NULL) {
        encoder->library->encoder_free(encoder->state);
        mem_free(encoder);
    }
}

bool encoder_reset(struct encoder *encoder) {
    return encoder->library->encoder_reset != NULL && encoder->library->encoder_reset(encoder->state);
}

ssize_t encoder_run(struct encoder *encoder, enum encoder_step step, wharf_str *input, char *out,
                    size_t size) {
    return encoder->library->encode(encoder->state, step, input, out, size);
}

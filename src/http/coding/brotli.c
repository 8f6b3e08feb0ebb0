/* br (RFC 7932) by Google's library. */
#include <brotli/decode.h>
#include <brotli/encode.h>
#include <errno.h>
#include <setjmp.h>

#include "base/memory.h"
#include "base/text.h"
#include "http/coding/library.h"

/* Beyond quality 4 it is too slow for answers made on the way; a window of 256 KiB keeps a stream below 2 MiB. */
enum { QUALITY = 4, WINDOW_BITS = 18 };

static void *brotli_decoder_new(enum coding coding) {
    (void)coding;
    return BrotliDecoderCreateInstance(coding_allocate, coding_release, NULL);
}

static void brotli_decoder_free(void *state) {
    BrotliDecoderDestroyInstance(state);
}

static bool is_out_of_memory(BrotliDecoderErrorCode code) {
    return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
           code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
}

static ssize_t brotli_decode(void *state, wharf_str *input, char *out, size_t size, bool *ret_complete) {
    const uint8_t *next_in = (const uint8_t *)input->ptr;
    uint8_t *next_out = (uint8_t *)out;
    size_t in_left = input->len;
    size_t out_left = size;
    if (BrotliDecoderIsFinished(state)) {
        return input->len == 0 ? 0 : -WHARF_EPROTOCOL;
    }
    BrotliDecoderResult result = BrotliDecoderDecompressStream(state, &in_left, &next_in, &out_left,
                                                               &next_out, NULL);
    *ret_complete = result == BROTLI_DECODER_RESULT_SUCCESS || (*ret_complete && input->len == 0);
    *input = str_slice(*input, input->len - in_left, input->len);
    if (result == BROTLI_DECODER_RESULT_ERROR) {
        return is_out_of_memory(BrotliDecoderGetErrorCode(state)) ? -ENOMEM : -WHARF_EPROTOCOL;
    }
    bool only_more_follows = BrotliDecoderIsFinished(state) && in_left > 0 && out_left == size;
    return only_more_follows ? -WHARF_EPROTOCOL : (ssize_t)(size - out_left);
}

/* The encoder ends the whole process when its allocator returns NULL. Ours does not return then: it jumps back to where
 * the encoder was called. What the encoder held at that moment is on a list, and goes with it. */
struct brotli_block {
    struct brotli_block *previous, *next;
};

struct brotli_encoder {
    BrotliEncoderState *state; /* NULL after memory ran out in it */
    struct brotli_block blocks;
    jmp_buf out_of_memory;
    bool may_jump;
};

static void *encoder_allocate(void *opaque, size_t size) {
    struct brotli_encoder *encoder = opaque;
    struct brotli_block *block = mem_alloc(sizeof(*block) + size);
    if (block == NULL && encoder->may_jump) {
        longjmp(encoder->out_of_memory, 1);
    }
    if (block == NULL) {
        return NULL;
    }
    *block = (struct brotli_block){.previous = &encoder->blocks, .next = encoder->blocks.next};
    block->next->previous = block;
    encoder->blocks.next = block;
    return block + 1;
}

static void encoder_release(void *opaque, void *memory) {
    (void)opaque;
    if (memory == NULL) {
        return;
    }
    struct brotli_block *block = (struct brotli_block *)memory - 1;
    block->previous->next = block->next;
    block->next->previous = block->previous;
    mem_free(block);
}

static void encoder_release_all(struct brotli_encoder *encoder) {
    while (encoder->blocks.next != &encoder->blocks) {
        encoder_release(NULL, encoder->blocks.next + 1);
    }
    encoder->state = NULL;
}

static void *brotli_encoder_new(enum coding coding) {
    (void)coding;
    struct brotli_encoder *encoder = mem_zalloc(sizeof(*encoder));
    if (encoder == NULL) {
        return NULL;
    }
    encoder->blocks = (struct brotli_block){&encoder->blocks, &encoder->blocks};
    encoder->state = BrotliEncoderCreateInstance(encoder_allocate, encoder_release, encoder);
    if (encoder->state == NULL) {
        mem_free(encoder);
        return NULL;
    }
    (void)BrotliEncoderSetParameter(encoder->state, BROTLI_PARAM_QUALITY, QUALITY);
    (void)BrotliEncoderSetParameter(encoder->state, BROTLI_PARAM_LGWIN, WINDOW_BITS);
    return encoder;
}

static void brotli_encoder_free(void *pointer) {
    struct brotli_encoder *encoder = pointer;
    encoder_release_all(encoder);
    mem_free(encoder);
}

struct brotli_step {
    BrotliEncoderOperation operation;
    const uint8_t *next_in;
    uint8_t *next_out;
    size_t in_left, out_left;
};

static int compress(struct brotli_encoder *encoder, struct brotli_step *step) {
    if (setjmp(encoder->out_of_memory) != 0) {
        encoder_release_all(encoder);
        return -ENOMEM;
    }
    encoder->may_jump = true;
    bool done = BrotliEncoderCompressStream(encoder->state, step->operation, &step->in_left, &step->next_in,
                                            &step->out_left, &step->next_out, NULL);
    encoder->may_jump = false;
    return done ? 0 : -ENOMEM;
}

static ssize_t brotli_encode(void *pointer, enum encoder_step step, wharf_str *input, char *out,
                             size_t size) {
    static const BrotliEncoderOperation operation_of[] = {BROTLI_OPERATION_PROCESS, BROTLI_OPERATION_FLUSH,
                                                          BROTLI_OPERATION_FINISH};
    struct brotli_encoder *encoder = pointer;
    if (encoder->state == NULL) {
        return -ENOMEM;
    }
    bool is_idle = step == ENCODER_MORE && input->len == 0 && !BrotliEncoderHasMoreOutput(encoder->state);
    if (is_idle || BrotliEncoderIsFinished(encoder->state)) {
        return 0;
    }
    struct brotli_step work = {operation_of[step], (const uint8_t *)input->ptr, (uint8_t *)out, input->len,
                               size};
    int status = compress(encoder, &work);
    if (status < 0) {
        return status;
    }
    *input = str_slice(*input, input->len - work.in_left, input->len);
    return (ssize_t)(size - work.out_left);
}

const struct coding_library coding_brotli = {
    .decoder_new = brotli_decoder_new,
    .decoder_free = brotli_decoder_free,
    .decode = brotli_decode,
    .encoder_new = brotli_encoder_new,
    .encoder_free = brotli_encoder_free,
    .encode = brotli_encode,
};

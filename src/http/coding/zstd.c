/* zstd (RFC 8878) by its own library, with windows of at most 8 MiB (RFC 9659). */
#define ZSTD_STATIC_LINKING_ONLY /* for the functions that take an allocator */
#include <errno.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/memory.h"
#include "base/text.h"
#include "http/coding/library.h"

enum { LEVEL = 3, ENCODER_WINDOW_BITS = 19, DECODER_WINDOW_BITS_MAX = 23 };

static const ZSTD_customMem memory = {coding_allocate, coding_release, NULL};

static int error_of(size_t result) {
    return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? -ENOMEM : -WHARF_EPROTOCOL;
}

static void *zstd_decoder_new(enum coding coding) {
    (void)coding;
    ZSTD_DCtx *state = ZSTD_createDCtx_advanced(memory);
    if (state != NULL) {
        (void)ZSTD_DCtx_setParameter(state, ZSTD_d_windowLogMax, DECODER_WINDOW_BITS_MAX);
    }
    return state;
}

static void zstd_decoder_free(void *state) {
    (void)ZSTD_freeDCtx(state);
}

static ssize_t zstd_decode(void *state, wharf_str *input, char *out, size_t size, bool *ret_complete) {
    ZSTD_inBuffer in = {input->ptr, input->len, 0};
    ZSTD_outBuffer to = {out, size, 0};
    bool moved = true;
    /* One frame at a time; there may be several. */
    while (moved && to.pos < to.size && (in.pos < in.size || !*ret_complete)) {
        size_t before = in.pos + to.pos;
        size_t result = ZSTD_decompressStream(state, &to, &in);
        if (ZSTD_isError(result)) {
            return error_of(result);
        }
        *ret_complete = result == 0;
        moved = in.pos + to.pos != before;
    }
    *input = str_slice(*input, in.pos, input->len);
    return (ssize_t)to.pos;
}

struct zstd_encoder {
    ZSTD_CCtx *context;
    bool is_complete; /* one more call would begin another frame */
};

static void *zstd_encoder_new(enum coding coding) {
    (void)coding;
    struct zstd_encoder *state = mem_zalloc(sizeof(*state));
    if (state == NULL) {
        return NULL;
    }
    state->context = ZSTD_createCCtx_advanced(memory);
    if (state->context == NULL) {
        mem_free(state);
        return NULL;
    }
    (void)ZSTD_CCtx_setParameter(state->context, ZSTD_c_compressionLevel, LEVEL);
    (void)ZSTD_CCtx_setParameter(state->context, ZSTD_c_windowLog, ENCODER_WINDOW_BITS);
    (void)ZSTD_CCtx_setParameter(state->context, ZSTD_c_checksumFlag, 1);
    return state;
}

static void zstd_encoder_free(void *pointer) {
    struct zstd_encoder *state = pointer;
    (void)ZSTD_freeCCtx(state->context);
    mem_free(state);
}

static bool zstd_encoder_reset(void *pointer) {
    struct zstd_encoder *state = pointer;
    state->is_complete = false;
    return !ZSTD_isError(ZSTD_CCtx_reset(state->context, ZSTD_reset_session_only));
}

static ssize_t zstd_encode(void *pointer, enum encoder_step step, wharf_str *input, char *out, size_t size) {
    static const ZSTD_EndDirective directive_of[] = {ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end};
    struct zstd_encoder *state = pointer;
    ZSTD_inBuffer in = {input->ptr, input->len, 0};
    ZSTD_outBuffer to = {out, size, 0};
    if (state->is_complete) {
        return 0;
    }
    size_t result = ZSTD_compressStream2(state->context, &to, &in, directive_of[step]);
    if (ZSTD_isError(result)) {
        return error_of(result);
    }
    state->is_complete = step == ENCODER_FINISH && result == 0;
    *input = str_slice(*input, in.pos, input->len);
    return (ssize_t)to.pos;
}

const struct coding_library coding_zstd = {
    .decoder_new = zstd_decoder_new,
    .decoder_free = zstd_decoder_free,
    .decode = zstd_decode,
    .encoder_new = zstd_encoder_new,
    .encoder_free = zstd_encoder_free,
    .encoder_reset = zstd_encoder_reset,
    .encode = zstd_encode,
};

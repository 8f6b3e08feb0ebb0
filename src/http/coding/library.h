/* What each of the compression libraries is here: a few functions over its own state. */
#ifndef HTTP_CODING_LIBRARY_H
#define HTTP_CODING_LIBRARY_H

#include "http/coding/coding.h"

struct coding_library {
    /* NULL when memory ran out. */
    void *(*decoder_new)(enum coding coding);
    void (*decoder_free)(void *state);
    /* As decoder_run(); *ret_complete: the coded text may end here. */
    ssize_t (*decode)(void *state, wharf_str *input, char *out, size_t size, bool *ret_complete);
    void *(*encoder_new)(enum coding coding);
    void (*encoder_free)(void *state);
    bool (*encoder_reset)(void *state); /* NULL: never */
    ssize_t (*encode)(void *state, enum encoder_step step, wharf_str *input, char *out, size_t size);
};

/* Their memory, for those that give a size. */
void *coding_allocate(void *opaque, size_t size);
void coding_release(void *opaque, void *block);

extern const struct coding_library coding_zlib, coding_brotli, coding_zstd;

#endif

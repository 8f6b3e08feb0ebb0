/* Content codings (RFC 9110 section 8.4.1) as streams: pieces of any size in, pieces of any size out, so that a body of
 * any length takes the same memory.
 *
 * The libraries below neither wait nor call back; their memory comes from base/memory.h. */
#ifndef HTTP_CODING_CODING_H
#define HTTP_CODING_CODING_H

#include <sys/types.h>

#include "wharf/base.h"

enum coding { CODING_IDENTITY, CODING_GZIP, CODING_DEFLATE, CODING_BROTLI, CODING_ZSTD };

enum { CODING_COUNT = CODING_ZSTD + 1 };

/* The name in Content-Encoding. */
wharf_str coding_name(enum coding coding);
/* Compared without case; "x-gzip" is gzip. False: none of these. */
bool coding_find(wharf_str name, enum coding *ret_coding);

/* ---- decoding ---- */

struct decoder;

/* Not for CODING_IDENTITY. NULL when memory ran out. */
struct decoder *decoder_new(enum coding coding);
void decoder_free(struct decoder *decoder); /* NULL is fine */

/* Decodes from *input, which loses what was taken, into `out`. Returns how many bytes it made: 0 only when it needs
 * more input or the coded text is complete. Errors: -WHARF_EPROTOCOL (corrupt, or followed by something else),
 * -ENOMEM. */
ssize_t decoder_run(struct decoder *decoder, wharf_str *input, char *out, size_t size);

/* Whether the input may end here. No input at all is a body without content. */
bool decoder_may_end(const struct decoder *decoder);

/* ---- encoding ---- */

struct encoder;

enum encoder_step {
    ENCODER_MORE,  /* keep what makes a better match later */
    ENCODER_FLUSH, /* everything so far can be decoded from what comes out */
    ENCODER_FINISH /* and nothing follows */
};

/* Not for CODING_IDENTITY. NULL when memory ran out. */
struct encoder *encoder_new(enum coding coding);
void encoder_free(struct encoder *encoder); /* NULL is fine */
/* Makes it ready for another text, whatever became of the last one. False: this one cannot be used again. */
bool encoder_reset(struct encoder *encoder);

/* Encodes *input, which loses what was taken, into `out`. Returns how many bytes came out. The step is done when the
 * input is empty and less than `size` came out; until then call again with the same step. Errors: -ENOMEM. */
ssize_t encoder_run(struct encoder *encoder, enum encoder_step step, wharf_str *input, char *out,
                    size_t size);

#endif

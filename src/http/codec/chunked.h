/* HTTP/1.1 bodies: the chunked coding (RFC 9112 section 7.1) and one decoder for every framing.
 *
 * The decoder is pulled, over whatever bytes are buffered, and never keeps half a line: a chunk header, a
 * trailer section is parsed when all of it is there. Reader code is the same for server and client:
 *
 *      for (;;) {
 *          int state = h1_body_next(&body, buffer_view(in), &piece, &error);
 *          if (state < 0) { ... refuse ... }
 *          buffer_consume(in, piece.skip);                     framing bytes, already understood
 *          if (state == H1_PIECE_END) { break; }
 *          if (state == H1_PIECE_MORE) { ... receive; at the end of the stream ask h1_body_close ...
 * continue; } n = how much of piece.data the program takes, at least 1 h1_body_take(&body, n);
 * buffer_consume(in, n);
 *      }
 *
 * When nothing is buffered, h1_body_plain says how many bytes of the stream are body for certain: they may be
 * received directly into the program's memory (then h1_body_take). */
#ifndef HTTP_CODEC_CHUNKED_H
#define HTTP_CODEC_CHUNKED_H

#include "base/buffer.h"
#include "http/codec/head.h"
#include "http/codec/headers.h"
#include "http/codec/reason.h"
#include "wharf/base.h"

struct h1_chunk {
    size_t line_len;      /* the whole chunk header, CR LF included */
    size_t extension_len; /* bytes from the first ';' or white space to the CR */
    uint64_t size;        /* of the data; 0: the last chunk, the trailer section follows */
};

/* Parses the chunk header at the start of input. Returns 1 and *ret_chunk, 0 when it is incomplete, or a
 * negative code with *ret_error. extension_bytes_left: what the message may still spend on extensions. */
int h1_chunk_parse(wharf_str input, size_t extension_bytes_left, struct h1_chunk *ret_chunk,
                   struct h1_error *ret_error);

/* Parses the trailer section at the start of input, up to and with the empty line. The fields that may stand
 * in a trailer are appended to *trailers (NULL: checked and dropped), the others are checked and ignored.
 * Returns its length, 0 when it is incomplete, or a negative code with *ret_error. */
ssize_t h1_trailer_parse(wharf_str input, struct h1_progress *progress, const struct h1_limits *limits,
                         struct headers *trailers, struct h1_error *ret_error);

enum {                    /* results of h1_body_next */
       H1_PIECE_MORE = 0, /* more bytes are needed */
       H1_PIECE_DATA = 1, /* piece.data are body bytes */
       H1_PIECE_END = 2   /* the body is complete; what follows belongs to the next message */
};

struct h1_piece {
    size_t skip;    /* framing bytes to consume first */
    wharf_str data; /* body bytes right behind them, within the input; H1_PIECE_DATA: at least 1 */
};

struct h1_body {
    enum h1_framing framing;
    uint8_t stage;      /* chunked only: enum in chunked.c */
    uint64_t remaining; /* bytes of the body, or of the current chunk, that are still to come */
    uint64_t taken;     /* body bytes taken so far */
    uint64_t
        raw; /* bytes of the stream used up so far, framing included: offsets in errors count from here */
    uint32_t extension_bytes;
    struct h1_progress progress; /* of the trailer section */
    const struct h1_limits *limits;
    struct headers *trailers; /* where trailers go; NULL: dropped */
};

/* trailers: an initialised list, or NULL. Its views point into the input of the h1_body_next call that
 * returned H1_PIECE_END: copy what is needed before those bytes are consumed. */
void h1_body_init(struct h1_body *body, enum h1_framing framing, uint64_t content_length,
                  const struct h1_limits *limits, struct headers *trailers);
/* Looks at the buffered bytes, which start where the last call and h1_body_take left off. Framing bytes
 * reported in piece.skip count as used; body bytes only when h1_body_take says so. Returns H1_PIECE_*, or a
 * negative code with *ret_error, whose offset counts from the start of the body. */
int h1_body_next(struct h1_body *body, wharf_str buffered, struct h1_piece *ret_piece,
                 struct h1_error *ret_error);
void h1_body_take(struct h1_body *body, uint64_t bytes);
/* How many bytes of the stream are body bytes for certain, from where the decoder stands. UINT64_MAX: until
 * close. */
uint64_t h1_body_plain(const struct h1_body *body);
/* Whether the end was reached, as far as the decoder's state tells without more bytes. */
bool h1_body_is_done(const struct h1_body *body);
/* The stream ended here: 0 when that completes the body, otherwise -WHARF_EEOF. */
int h1_body_close(const struct h1_body *body);

/* ---- encoding ---- */

enum { H1_CHUNK_LINE_MAX = 18 }; /* 16 digits, CR LF */

/* Writes the header of a chunk of size > 0 ("1f4\r\n") at out, which has H1_CHUNK_LINE_MAX bytes; returns its
 * length. The data and CR LF follow. (The size 0 would end the body: use h1_chunk_append_last.) */
size_t h1_chunk_format(uint64_t size, char *out);
/* Appends the last chunk and the trailer section (NULL: empty). 0, -EINVAL for a field that may not stand
 * there, -ENOMEM or -WHARF_ELIMIT; on failure the buffer is as before. */
int h1_chunk_append_last(struct buffer *out, const struct headers *trailers);
/* Appends "Name: value\r\n". -EINVAL, and nothing appended, when the name is no token or the value has a
 * control. */
int h1_append_field(struct buffer *out, wharf_str name, wharf_str value);

#endif

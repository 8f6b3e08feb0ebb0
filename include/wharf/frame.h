/* wharf/frame.h - messages with borders on a stream that has none: lines, records, netstrings.
 *
 *     char line[1000];
 *     size_t len;
 *     while (wharf_recv_frame(sock, NULL, line, sizeof line, &len) > 0) {
 *         wharf_send_frame(sock, NULL, line, len);
 *     }
 *
 * A framing says how: NULL is lines, and
 *
 *     const wharf_framing *records = WHARF_OPTIONS(wharf_framing, .kind = WHARF_FRAME_LENGTH_4, .max_bytes = 1 << 20);
 *
 * is records of up to 1 MiB behind four bytes of length each. What has arrived and was not asked for stays with the socket, so
 * framings can change in the middle of a conversation, and wharf_recv() reads on where the last frame ended. A call that
 * failed - a deadline, a cancellation, a buffer too small - has taken nothing: the same frame can be asked for again.
 */
#ifndef WHARF_FRAME_H
#define WHARF_FRAME_H

#include "wharf/net.h"

WHARF_BEGIN

/** Where a frame ends. */
typedef enum wharf_frame_kind {
    WHARF_FRAME_LINE,      /**< "hello\n"; "\r\n" ends it as well. Sent with "\n" */
    WHARF_FRAME_DELIMITER, /**< "hello" and the delimiter */
    WHARF_FRAME_LENGTH_1,  /**< a length of one byte, then so many bytes */
    WHARF_FRAME_LENGTH_2,  /**< a length of two bytes, the high one first (network order) */
    WHARF_FRAME_LENGTH_4,  /**< of four */
    WHARF_FRAME_VARINT, /**< a length in groups of 7 bits, the low one first, as Protocol Buffers have it; its shortest form */
    WHARF_FRAME_NETSTRING, /**< "5:hello," (https://cr.yp.to/proto/netstrings.txt) */
} wharf_frame_kind;

/** How messages are told apart. */
typedef struct wharf_framing {
    size_t size; /* filled by WHARF_OPTIONS */
    wharf_frame_kind kind;
    const char *delimiter; /* of WHARF_FRAME_DELIMITER: 1 to 64 bytes; default "\r\n" */
    bool little_endian;    /* of WHARF_FRAME_LENGTH_2 and _4: the low byte first */
    size_t max_bytes;      /* of a frame, without length and delimiter; default 65536, at most 256 MiB */
} wharf_framing;

/** Receives one frame, without its length or delimiter. framing: NULL for lines. size: room in `buffer`. Suspends
 *  until the frame is whole. Returns 1 with *ret_len (an empty frame has 0 bytes), or 0 when the peer was done before
 *  the first byte of a frame. Errors: as wharf_recv(), and -WHARF_ELIMIT (longer than max_bytes; said as soon as it
 *  is known), -EMSGSIZE (longer than `size`), -WHARF_EPROTOCOL (no such framing: wharf_why() says what is wrong),
 *  -WHARF_EEOF (the end came in the middle), -EINVAL (the framing). Nothing is taken then. */
WHARF_API WHARF_MUST_USE int wharf_recv_frame(wharf_sock sock, const wharf_framing *framing, void *buffer,
                                              size_t size, size_t *ret_len);

/** Sends one frame. Suspends while the peer is slow. Returns 0. Errors: as wharf_send(), and -WHARF_ELIMIT (longer
 *  than max_bytes, or than the length can say), -EINVAL (it holds the delimiter, so that the peer would see two; or
 *  the framing). */
WHARF_API int wharf_send_frame(wharf_sock sock, const wharf_framing *framing, const void *data, size_t size);

WHARF_END

#endif

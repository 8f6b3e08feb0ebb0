/* Frames on a stream: where the first one lies in the bytes that have arrived, and what goes around one that is sent. Pure. */
#ifndef NET_CODEC_FRAME_H
#define NET_CODEC_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "wharf/base.h"

enum frame_kind {
    FRAME_LINE,
    FRAME_DELIMITER,
    FRAME_LENGTH_1,
    FRAME_LENGTH_2,
    FRAME_LENGTH_4,
    FRAME_VARINT,
    FRAME_NETSTRING,
    FRAME_KINDS
};

enum { FRAME_HEAD_MAX = 16 }; /* bytes in front of a frame */

struct frame_format {
    enum frame_kind kind;
    wharf_str delimiter; /* of FRAME_DELIMITER; not empty */
    bool little_endian;
    size_t max_bytes;
};

/* A frame in the bytes: `head` bytes, then `body` of the frame, then `tail`. */
struct frame_place {
    size_t head, body, tail;
};

/* 1: *ret_place, though its bytes need not have arrived yet. 0: more is needed to know. -WHARF_ELIMIT: longer than max_bytes.
 * -WHARF_EPROTOCOL: *ret_problem says why. searched: of these bytes at the start an earlier call has said 0. */
int frame_find(const struct frame_format *format, wharf_str bytes, size_t searched,
               struct frame_place *ret_place, const char **ret_problem);
/* What has to be right behind the body, when all of it is there: 0 or -WHARF_EPROTOCOL. */
int frame_check_tail(const struct frame_format *format, wharf_str tail, const char **ret_problem);

/* Before and after a body: into head (FRAME_HEAD_MAX bytes) and as a view. 0, -WHARF_ELIMIT, or -EINVAL when the body holds what would
 * end it early. */
int frame_wrap(const struct frame_format *format, wharf_str body, char *head, size_t *ret_head_len,
               wharf_str *ret_tail);

#endif

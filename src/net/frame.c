/* Frames on sockets. Nothing is taken from the socket before a frame is whole, so a call that fails in the middle can be made
 * again; memory grows with what has arrived, never with what a length promises. */
#include <errno.h>

#include "base/failure.h"
#include "net/codec/frame.h"
#include "net/socket.h"
#include "wharf/frame.h"

enum {
    FRAME_BYTES_DEFAULT = 65536,
    FRAME_BYTES_MAX = 256 * 1024 * 1024,
    FRAME_DELIMITER_MAX = 64,
};

/* The defaults filled in. 0 or -EINVAL. */
static int format_of(const wharf_framing *framing, struct frame_format *ret_format) {
    static const wharf_framing lines = {.kind = WHARF_FRAME_LINE};
    const wharf_framing *given = framing != NULL ? framing : &lines;
    struct frame_format format = {.kind = (enum frame_kind)given->kind,
                                  .little_endian = given->little_endian};
    format.delimiter = wharf_str_of(given->delimiter != NULL ? given->delimiter : "\r\n");
    format.max_bytes = given->max_bytes > 0 ? given->max_bytes : FRAME_BYTES_DEFAULT;
    bool valid = (unsigned)given->kind < FRAME_KINDS && format.max_bytes <= FRAME_BYTES_MAX &&
                 format.delimiter.len >= 1 && format.delimiter.len <= FRAME_DELIMITER_MAX;
    if (!valid) {
        return -EINVAL;
    }
    *ret_format = format;
    return 0;
}

/* ---- receiving ---- */

/* A receiving call under way. */
struct reading {
    struct sock *sock;
    const struct frame_format *format;
    struct frame_place place;
    const char *problem; /* what was wrong with the bytes */
};

static wharf_str bytes_ahead(const struct sock *sock) {
    size_t len = sock_ahead(sock);
    return (wharf_str){len > 0 ? sock->ahead + sock->ahead_start : NULL, len};
}

/* Reads until `size` bytes are buffered. 1, or 0 at an end before the first byte, or an error. */
static ssize_t read_ahead(struct sock *sock, size_t size) {
    while (sock_ahead(sock) < size) {
        ssize_t got = sock_read_ahead(sock, size);
        if (got <= 0) {
            return got < 0 ? got : sock_ahead(sock) == 0 ? 0 : -WHARF_EEOF;
        }
    }
    return 1;
}

/* Reads until the frame's place is known. */
static ssize_t find_place(struct reading *reading) {
    struct sock *sock = reading->sock;
    /* Of the longest frame there is, so that one read can bring a whole one. */
    size_t most = reading->format->max_bytes + FRAME_DELIMITER_MAX + FRAME_HEAD_MAX;
    size_t searched = 0;
    for (;;) {
        wharf_str bytes = bytes_ahead(sock);
        int rc = bytes.len > 0
                     ? frame_find(reading->format, bytes, searched, &reading->place, &reading->problem)
                     : 0;
        if (rc != 0) {
            return rc;
        }
        searched = bytes.len;
        ssize_t got = sock_read_ahead(sock, most);
        if (got <= 0) {
            return got < 0 ? got : sock_ahead(sock) == 0 ? 0 : -WHARF_EEOF;
        }
    }
}

/* The whole frame, buffered. */
static ssize_t read_frame(struct reading *reading, size_t size) {
    struct frame_place *place = &reading->place;
    ssize_t rc = sock_ahead(reading->sock) > 0 ? sock_recv_checkpoint() : 0;
    rc = rc == 0 ? find_place(reading) : rc;
    if (rc <= 0) {
        return rc;
    }
    if (place->body > size) {
        return -EMSGSIZE;
    }
    rc = read_ahead(reading->sock, place->head + place->body + place->tail);
    if (rc <= 0) {
        return rc;
    }
    wharf_str bytes = bytes_ahead(reading->sock);
    wharf_str tail = {bytes.ptr + place->head + place->body, place->tail};
    int wrong = place->tail > 0 ? frame_check_tail(reading->format, tail, &reading->problem) : 0;
    return wrong < 0 ? wrong : 1;
}

/* The failure in full; sock_recv_end() has recorded the code. */
static void explain(const struct reading *reading, int code, size_t size) {
    if (code == -WHARF_EPROTOCOL) {
        fail(code, "recv frame", NULL, "%s", reading->problem);
    } else if (code == -WHARF_ELIMIT) {
        fail(code, "recv frame", NULL, "it is longer than max_bytes, %zu", reading->format->max_bytes);
    } else if (code == -EMSGSIZE) {
        fail(code, "recv frame", NULL, "it has %zu bytes, the buffer %zu", reading->place.body, size);
    }
}

int wharf_recv_frame(wharf_sock handle, const wharf_framing *framing, void *buffer, size_t size,
                     size_t *ret_len) {
    int error = 0;
    struct frame_format format;
    struct sock *sock = sock_find(handle, "recv frame", &error);
    error = sock != NULL ? format_of(framing, &format) : error;
    if (sock != NULL && error < 0) {
        return fail(error, "recv frame", NULL,
                    "the framing: its kind, its delimiter of 1 to 64 bytes, or max_bytes");
    }
    error = sock != NULL ? sock_recv_begin(sock) : error;
    if (error < 0) {
        return error;
    }
    struct reading reading = {.sock = sock, .format = &format};
    ssize_t rc = read_frame(&reading, size);
    if (rc == 1) {
        if (reading.place.body > 0) {
            memcpy(buffer, sock->ahead + sock->ahead_start + reading.place.head, reading.place.body);
        }
        sock_ahead_consume(sock, reading.place.head + reading.place.body + reading.place.tail);
        *ret_len = reading.place.body;
    }
    rc = sock_recv_end(sock, rc);
    explain(&reading, (int)rc, size);
    return (int)rc;
}

/* ---- sending ---- */

static int refuse(int code, const struct frame_format *format, size_t size) {
    if (code == -WHARF_ELIMIT) {
        return fail(code, "send frame", NULL,
                    "%zu bytes are more than max_bytes (%zu), or than the length can say", size,
                    format->max_bytes);
    }
    return fail(code, "send frame", NULL, "the frame holds what ends a frame");
}

int wharf_send_frame(wharf_sock handle, const wharf_framing *framing, const void *data, size_t size) {
    struct frame_format format;
    char head[FRAME_HEAD_MAX];
    size_t head_len = 0;
    wharf_str body = {data, size};
    wharf_str tail = {NULL, 0};
    int rc = format_of(framing, &format);
    if (rc < 0) {
        return fail(rc, "send frame", NULL,
                    "the framing: its kind, its delimiter of 1 to 64 bytes, or max_bytes");
    }
    rc = frame_wrap(&format, body, head, &head_len, &tail);
    if (rc < 0) {
        return refuse(rc, &format, size);
    }
    struct iovec pieces[3] = {{head, head_len}, {.iov_len = size}, {.iov_len = tail.len}};
    memcpy(&pieces[1].iov_base, &body.ptr, sizeof(body.ptr)); /* iovec has no const */
    memcpy(&pieces[2].iov_base, &tail.ptr, sizeof(tail.ptr));
    ssize_t sent = wharf_sendv(handle, pieces, 3);
    return sent < 0 ? (int)sent : 0;
}

/* Collecting small pieces in the caller's memory. A write that does not fit sends what waits and itself in one call of the system, so
 * a large piece is never copied; what such a send took is counted from the front, first of what waited, then of the piece. */
#include "wharf/writer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/failure.h"

void wharf_writer_init(wharf_writer *writer, wharf_sock sock, void *room, size_t size) {
    *writer = (wharf_writer){.sock = sock, .room = room, .size = size};
}

/* The first `sent` bytes have gone. */
static void forget_sent(wharf_writer *writer, size_t sent) {
    writer->used -= sent;
    if (sent > 0 && writer->used > 0) {
        memmove(writer->room, writer->room + sent, writer->used);
    }
}

/* What waits, and a piece behind it. */
static ssize_t send_with(wharf_writer *writer, const void *data, size_t size) {
    struct iovec pieces[2] = {{writer->room, writer->used}, {NULL, size}};
    memcpy(&pieces[1].iov_base, &data, sizeof(data)); /* iovec has no const */
    ssize_t rc = wharf_sendv(writer->sock, pieces, 2);
    int64_t told = rc < 0 ? wharf_sent(writer->sock) : rc;
    size_t sent = told > 0 ? (size_t)told : 0;
    size_t waited = sent < writer->used ? sent : writer->used;
    writer->taken = sent - waited;
    forget_sent(writer, waited);
    return rc;
}

ssize_t wharf_writer_write(wharf_writer *writer, const void *data, size_t size) {
    writer->taken = 0;
    if (size <= writer->size - writer->used) {
        if (size > 0) {
            memcpy(writer->room + writer->used, data, size);
        }
        writer->used += size;
        writer->taken = size;
        return (ssize_t)size;
    }
    ssize_t rc = send_with(writer, data, size);
    return rc < 0 ? rc : (ssize_t)size;
}

int wharf_writer_flush(wharf_writer *writer) {
    writer->taken = 0;
    ssize_t rc = writer->used > 0 ? send_with(writer, NULL, 0) : 0;
    return rc < 0 ? (int)rc : 0;
}

/* The text into the rest of the memory, where it fits with the NUL that printf adds. Its length, or negative. */
__attribute__((format(printf, 2, 0))) static int print_into(wharf_writer *writer, const char *format,
                                                            va_list arguments) {
    size_t rest = writer->size - writer->used;
    int len = vsnprintf(rest > 0 ? writer->room + writer->used : NULL, rest, format, arguments);
    if (len >= 0 && (size_t)len < rest) {
        writer->used += (size_t)len;
        writer->taken = (size_t)len;
    }
    return len;
}

ssize_t wharf_writer_printf(wharf_writer *writer, const char *format, ...) {
    writer->taken = 0;
    for (int attempt = 0; attempt < 2; attempt++) {
        va_list arguments;
        va_start(arguments, format);
        size_t before = writer->used;
        int len = print_into(writer, format, arguments);
        va_end(arguments);
        if (len < 0) {
            return fail(-EINVAL, "write", NULL, "the format is not one of printf");
        }
        if ((size_t)len < writer->size - before) {
            return len;
        }
        if ((size_t)len >= writer->size) {
            return fail(-EMSGSIZE, "write", NULL, "the text has %d bytes, the writer's memory %zu with a NUL",
                        len, writer->size);
        }
        int rc = wharf_writer_flush(writer);
        if (rc < 0) {
            return rc;
        }
    }
    return fail(-EMSGSIZE, "write", NULL, "the text has changed its length while it was written");
}

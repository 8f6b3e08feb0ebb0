/* wharf/writer.h - many small pieces, few sends.
 *
 *     char room[8192];
 *     wharf_writer out;
 *     wharf_writer_init(&out, sock, room, sizeof room);
 *     for (int i = 0; i < rows; i++) {
 *         if (wharf_writer_printf(&out, "%d %s\r\n", i, name[i]) < 0) return 1;
 *     }
 *     if (wharf_writer_flush(&out) < 0) return 1;
 *
 * A writer collects what is written in memory of yours and sends it when the memory is full, or when it is told to. A thousand
 * lines are then a few sends instead of a thousand, and on TLS a few records. A peer that is slow makes the write that finds the
 * memory full wait: nothing is ever queued beyond it. What has not been flushed has not been sent: flush before you wait for an
 * answer, and before wharf_close().
 *
 * Several tasks may have a writer each for one socket: every send is whole. One writer is one task's.
 */
#ifndef WHARF_WRITER_H
#define WHARF_WRITER_H

#include "wharf/net.h"

WHARF_BEGIN

/** A writer. Its fields are for reading. */
typedef struct wharf_writer {
    wharf_sock sock;
    char *room;  /**< the caller's memory */
    size_t size; /**< of it: so much is collected at most */
    size_t used; /**< bytes that wait to be sent */
    /** By the last write, also when it failed: these bytes have been sent or wait; the others are the caller's to
     *  write again */
    size_t taken;
} wharf_writer;

/** Makes a writer for a stream. room, size: memory to collect in, which stays the caller's and lives as long as the
 *  writer. It holds nothing else, so that there is nothing to free. Does not suspend. */
WHARF_API void wharf_writer_init(wharf_writer *writer, wharf_sock sock, void *room, size_t size);

/** Writes: collects the bytes where they fit, else sends what waits together with them, as one. Suspends only to
 *  send. Returns `size`. Errors: as wharf_send(). What was not sent then waits still, and a write or flush after a
 *  deadline goes on where it ended. */
WHARF_API ssize_t wharf_writer_write(wharf_writer *writer, const void *data, size_t size);

/** Writes a text, as printf(3) makes it. Returns its length. Suspends only to send. Errors: as wharf_writer_write(),
 *  and -EMSGSIZE (longer than the writer's memory; nothing was taken), -EINVAL (the format). */
WHARF_API ssize_t wharf_writer_printf(wharf_writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Sends all that waits. Suspends while the peer is slow. Returns 0. Errors: as wharf_send(); what was not sent waits
 * still. */
WHARF_API int wharf_writer_flush(wharf_writer *writer);

WHARF_END

#endif

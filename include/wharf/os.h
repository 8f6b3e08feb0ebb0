/* wharf/os.h - the rest of the system without stopping the other tasks: blocking calls on a thread pool,
 * plain file descriptors, standard input and output.
 */
#ifndef WHARF_OS_H
#define WHARF_OS_H

#include "wharf/base.h"
#include "wharf/task.h"

WHARF_BEGIN

/** Runs fn on a thread of the offload pool, for calls that block the whole thread (slow files, foreign
 * libraries). arg: `len` bytes (0 to 1 MiB) that are copied for fn and, when it returned >= 0, copied back.
 * fn runs without a scheduler: it must not call anything that suspends. Suspends. Returns what fn returned.
 * When the caller is cancelled, fn still runs to its end and its result is dropped. Errors: -ENOMEM, -EINVAL,
 * -EAGAIN (no thread could be started), -ECANCELED, -ETIMEDOUT, and fn's own. */
WHARF_API int wharf_offload(wharf_fn fn, void *arg, size_t len);

/** What to wait for with wharf_wait_fd(). */
enum { WHARF_READABLE = 1, WHARF_WRITABLE = 2 };

/** Waits until a file descriptor that some other library owns is readable or writable (or has an error or
 * hang-up, which counts as both). Regular files are always ready. Suspends. Returns the ready events. Errors:
 * -EBADF, -EINVAL, -ENOMEM, -ECANCELED, -ETIMEDOUT. */
WHARF_API int wharf_wait_fd(int fd, int events);

/** Reads up to `size` bytes from a pipe, terminal or file, never setting O_NONBLOCK on it (which would leak
 * to whoever shares it, the parent shell for one). Suspends. Returns the bytes read, 0 at the end. Errors:
 * those of read(2), -ECANCELED, -ETIMEDOUT. */
WHARF_API ssize_t wharf_read(int fd, void *buffer, size_t size);

/** Writes all of `size` bytes likewise. Suspends. Returns `size`.
 *  Errors: those of write(2) (-EPIPE; never a SIGPIPE), -ECANCELED, -ETIMEDOUT. */
WHARF_API ssize_t wharf_write(int fd, const void *buffer, size_t size);

WHARF_END

#endif
